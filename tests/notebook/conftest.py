"""A repository to work in, a shell with the extension, a real kernel."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel
from traitlets.config import Config

from patina_nb.engines.local.engine import LocalEngine


def git(repository, *arguments):
    """Run git in a repository; its output."""
    return subprocess.run(
        ["git", *arguments], cwd=repository, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def cache():
    """A cache directory that the user of a box can enter (pytest's own are private)."""
    path = Path(tempfile.mkdtemp(prefix="patina-notebook-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def repository(tmp_path, cache, monkeypatch):
    """A small repository that is also the current directory; caches go to a folder of the test."""
    path = tmp_path / "project"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    git(path, "config", "user.name", "A User")
    git(path, "config", "user.email", "user@example.invalid")
    (path / "a.py").write_text("print('a')\n")
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", "first")
    monkeypatch.chdir(path)
    monkeypatch.setenv("PATINA_CACHE_DIR", str(cache))
    monkeypatch.delenv("PATINA_SESSION_ID", raising=False)
    monkeypatch.setenv("PATINA_ENGINE", "local" if LocalEngine().probe().usable else "process")
    return path


class Kernel:
    """A real kernel in the repository, driven as a front end does."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(
            extra_arguments=["--HistoryManager.enabled=False"], cwd=Path.cwd()
        )

    def send(self, code, **metadata):
        """Ask for the execution of a cell; the id of the request."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def outputs(self, request, until=None):
        """Outputs up to the end of a request, or up to the first that `until` holds for."""
        found = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            kind, content = message["msg_type"], message["content"]
            own = message["parent_header"].get("msg_id") == request
            if kind == "status" and own and content["execution_state"] == "idle":
                return found
            if kind in ("display_data", "update_display_data", "execute_result", "error", "stream"):
                found.append(Shown(kind, own, content))
                if until and until(found[-1]):
                    return found

    def run(self, code, **metadata):
        """Run a cell; all its outputs."""
        return self.outputs(self.send(code, **metadata))


class Shown:
    """One output message."""

    def __init__(self, kind, own, content):
        self.kind = kind
        self.own = own  # sent on behalf of the request that was waited for
        self.html = content.get("data", {}).get("text/html", "")
        self.text = content.get("data", {}).get("text/plain") or content.get("text", "")
        self.error = content.get("traceback", [])
        self.display_id = content.get("transient", {}).get("display_id")

    def __repr__(self):
        return f"<{self.kind} {self.text or self.error}>"


@pytest.fixture
def kernel(repository):
    """A kernel with the extension and an open workspace."""
    kernel = Kernel()
    kernel.run("%load_ext patina_nb")
    kernel.run("%patina_workspace auth -q")
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel()


class Shell:
    """A shell under test: runs cells, keeps what they displayed."""

    def __init__(self):
        settings = Config()
        settings.HistoryManager.enabled = False  # nothing in the user's profile
        self.ip = InteractiveShell.instance(config=settings)
        self.shown = []
        self.ip.display_pub.publish = self._publish

    def _publish(self, data, metadata=None, *, transient=None, update=False, **_):
        self.shown.append(dict(data))

    @staticmethod
    def git(*arguments):
        """Run git in the current directory; its output."""
        return git(".", *arguments)

    def run(self, cell):
        """Run a cell; its value. Raises what the cell raised."""
        self.shown.clear()
        result = self.ip.run_cell(cell, store_history=True)
        result.raise_error()
        return result.result

    def fails(self, cell, kind):
        """Run a cell that must fail with an error of this kind; its message."""
        self.shown.clear()
        error = self.ip.run_cell(cell, store_history=True).error_in_exec
        assert isinstance(error, kind), error
        assert len(error._render_traceback_()) == 1
        return str(error)

    def __getitem__(self, name):
        return self.ip.user_ns[name]


@pytest.fixture(scope="session")
def one_shell(tmp_path_factory):
    """IPython's shell is one per process."""
    os.environ["IPYTHONDIR"] = str(tmp_path_factory.mktemp("ipython"))
    return Shell()


@pytest.fixture
def bare_shell(one_shell):
    """A shell without the extension."""
    one_shell.ip.reset(new_session=True)
    one_shell.ip.config.pop("PatinaMagics", None)  # knobs outlive a reload
    yield one_shell
    one_shell.ip.run_line_magic("unload_ext", "patina_nb")


@pytest.fixture
def shell(bare_shell):
    """A shell with the extension."""
    bare_shell.run("%load_ext patina_nb")
    return bare_shell
