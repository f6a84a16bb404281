"""A box without an engine: the server as a plain process, or as process 1 of namespaces of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from patina_nb.errors import SandboxError
from patina_nb.sandbox import server
from patina_nb.sandbox.server.frames import send_fd

PACKAGE = Path(server.__file__).parent
PATH = "/usr/local/bin:/usr/bin:/bin"
NOBODY = 65534


class ServerBox:
    """Starts the server as every engine does, and is a `Box` to the sandbox."""

    engine = "test"
    isolation = None
    created = True
    notes = ()

    def __init__(
        self,
        root: Path,
        *,
        python: str = sys.executable,
        wrap: tuple[str, ...] = (),
        package: Path = PACKAGE,
        prelude: str = "pass",
        message: bytes | None = None,
        **settings: object,
    ) -> None:
        self.workspace = str(root)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = (
            f"{prelude}\nimport sys; sys.path.insert(0, {str(package.parent)!r}); "
            f"from server.main import main; main({theirs.fileno()})"
        )
        self.process = subprocess.Popen(
            [*wrap, python, "-I", "-S", "-c", program],
            pass_fds=[theirs.fileno()],
            env={},
            start_new_session=True,
            cwd="/",
        )
        theirs.close()
        self.control = ours
        config = {
            "root": self.workspace,
            "env": {"PATH": PATH, "HOME": self.workspace, "LANG": "C.UTF-8"},
            "nproc": None,
            "rlimits": {"core": 0, "nofile": 4096, "fsize": None, "data": None},
            "watch": False,
            "namespace": False,
            "confine": None,
        }
        ours.send(json.dumps({**config, **settings}).encode() if message is None else message)
        ours.settimeout(10)
        self.ready = json.loads(ours.recv(65536))

    def connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                send_fd(self.control, b"s", theirs.fileno())
            except OSError as error:
                ours.close()
                raise SandboxError(f"the box has ended: {error}") from None
        return ours

    def changes(self, prune):
        return None

    def oom_kills(self):
        return None

    def alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        self.control.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def delete(self) -> None:
        self.close()

    # for looking from outside

    def processes(self) -> list[int]:
        """The server's main process and all below it, as the host sees them."""
        parents = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    stat = (folder / "stat").read_bytes()
                    parents[int(folder.name)] = int(stat.rpartition(b") ")[2].split()[1])
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found


def namespaces(user: int | None = None) -> tuple[str, ...]:
    """Arguments that make the server process 1 of its own process namespace, as this ordinary user."""
    become = ()
    if user is not None and os.geteuid() == 0:
        become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    own_user = () if os.geteuid() == 0 and user is None else ("--user",)
    return (*become, "unshare", *own_user, "--pid", "--fork", "--mount-proc", "--kill-child")


def why_no_namespaces() -> str | None:
    """The reason why `namespaces` cannot be used here; None = it can."""
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    done = subprocess.run([*namespaces(NOBODY), "/bin/true"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"unshare: {done.stderr.strip()}"


def system_python() -> str | None:
    """A Python that every user can run."""
    return shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")


@contextlib.contextmanager
def public_folder():
    """A directory that every user can reach, with a copy of the server in it."""
    folder = Path(tempfile.mkdtemp(prefix="patina-test-"))
    try:
        folder.chmod(0o755)
        shutil.copytree(PACKAGE, folder / "server", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "ws").mkdir()
        (folder / "ws").chmod(0o777)
        yield folder
    finally:
        shutil.rmtree(folder)


def gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(b") ")[2][:1] in (b"Z", b"X")
