"""A repository to work in, a shell with the extension, a real kernel."""

import os
import subprocess

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


def git(repository, *arguments):
    """Run git in a repository; its output."""
    return subprocess.run(
        ["git", *arguments], cwd=repository, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
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
    monkeypatch.setenv("PATINA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PATINA_SESSION_ID", raising=False)
    monkeypatch.delenv("PATINA_ENGINE", raising=False)
    return path


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
    yield one_shell
    one_shell.ip.run_line_magic("unload_ext", "patina_nb")


@pytest.fixture
def shell(bare_shell):
    """A shell with the extension."""
    bare_shell.run("%load_ext patina_nb")
    return bare_shell
