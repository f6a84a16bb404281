"""Our end of a box: a unix socket that the server in the box dials (see `sandbox.server.dial`).

The socket lies in a directory that only we can enter. One thread per box accepts connections and keeps the
control connection; each of the others is a stream that waits for a request.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import socket
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from patina_nb.engines.lock import started
from patina_nb.errors import SandboxError

# as in sandbox/server/dial.py
CONTROL, STREAM, PROBE = b"c", b"s", b"p"
MORE, ECHO, QUIT = b"m", b"e", b"q"
BEAT = b"b"
_LONGEST_PATH = 100  # of a unix socket; the kernel's limit is 107
_ANSWER_LIMIT = 64 << 10
_NAME = "patina-box-{pid}-{start}-"


class HostEnd:
    """Listens from the start until `close`. `on_gone` is called when the box ends by itself."""

    def __init__(self, on_gone: Callable[[], object]) -> None:
        self._on_gone = on_gone
        self._folder = _private_folder()
        self.path = self._folder / "s"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(os.fspath(self.path))
        self._listener.listen(64)
        self._owner = os.getpid()
        self._changed = threading.Condition()
        self._control: socket.socket | None = None
        self._idle: deque[socket.socket] = deque()
        self._gone: str | None = None
        self._greeted = False
        self._released = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="patina-box", daemon=True)
        self._thread.start()

    @property
    def gone(self) -> str | None:
        """Why the box cannot be reached any more; None = it can, or has not come yet."""
        return self._gone

    def greet(self, settings: object, seconds: float) -> dict[str, Any] | None:
        """Send the settings to a server that dials, return its answer; None = nobody came in time.

        Raises SandboxError when it says that it cannot serve, or says nothing.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._control or self._gone, seconds) or self._gone:
                return None
            control = self._control
        assert control is not None
        control.settimeout(seconds)
        try:
            control.sendall(json.dumps(settings).encode() + b"\n")
            answer = _line(control)
        except OSError as error:
            raise SandboxError(f"the server of the box does not answer: {error}") from error
        if answer.get("ready") is not True:
            raise SandboxError(f"the server of the box did not start: {str(answer.get('error'))[:300]}")
        control.setblocking(False)
        self._greeted = True
        self._wake()
        return answer

    def stream(self, seconds: float) -> socket.socket:
        """A connection that waits for a request; raises SandboxError when the box has gone."""
        until = time.monotonic() + seconds
        with self._changed:
            while True:
                while self._idle and self._gone is None:
                    taken = self._idle.popleft()
                    self._tell(MORE)
                    if _open(taken):
                        return taken
                    taken.close()
                if self._gone is not None:
                    raise SandboxError(self._gone)
                if not self._changed.wait(until - time.monotonic()):
                    raise SandboxError(f"it did not answer within {seconds:g} s")

    def quit(self) -> None:
        """Ask the server to end the box now."""
        with self._changed:
            self._tell(QUIT)

    def close(self, why: str = "it was closed") -> None:
        """Let go of everything; a second call does nothing."""
        self._end(why)
        self._wake()
        if self._owner == os.getpid() and threading.current_thread() is not self._thread:
            self._thread.join(5)
        shutil.rmtree(self._folder, ignore_errors=True)

    def abandon(self) -> None:
        """In a forked child: our copies are not ours to serve."""
        self._gone = "it belongs to the process that opened it"
        for copy in (self._listener, self._control, *self._idle):
            if copy is not None:
                copy.close()

    # the thread

    def _serve(self) -> None:
        with selectors.DefaultSelector() as poller:
            poller.register(self._wake_read, selectors.EVENT_READ)
            poller.register(self._listener, selectors.EVENT_READ, "listener")
            while self._gone is None:
                if self._greeted and self._control is not None and self._control not in poller.get_map():
                    poller.register(self._control, selectors.EVENT_READ, "control")
                for key, _ in poller.select():
                    if key.data == "listener":
                        self._accept(poller)
                    elif key.data == "control":
                        self._hear()
                    elif key.data == "new":
                        poller.unregister(key.fileobj)
                        self._sort(cast("socket.socket", key.fileobj))
                    else:
                        os.read(self._wake_read, 4096)
            for key in [key for key in poller.get_map().values() if key.data == "new"]:
                cast("socket.socket", key.fileobj).close()
        self._release()

    def _accept(self, poller: selectors.BaseSelector) -> None:
        """Its kind comes through the engine, too: on a busy machine seconds after the connection."""
        try:
            made, _ = self._listener.accept()
        except OSError:
            return
        made.setblocking(False)
        poller.register(made, selectors.EVENT_READ, "new")

    def _sort(self, made: socket.socket) -> None:
        try:
            kind = made.recv(1)
        except OSError:
            kind = b""
        with self._changed:
            if kind == CONTROL and self._control is None:
                self._control = made
            elif kind == STREAM and self._control is not None and self._gone is None:
                self._idle.append(made)
            else:
                if kind == PROBE:
                    with suppress(OSError):  # nobody waits for it any more
                        made.send(ECHO)
                made.close()
            self._changed.notify_all()

    def _hear(self) -> None:
        assert self._control is not None
        try:
            said = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._end("it ended")
            self._on_gone()
        elif BEAT in said:
            with self._changed:
                self._tell(ECHO)

    def _tell(self, word: bytes) -> None:
        if self._control is not None and self._greeted:
            with suppress(OSError):  # its end is heard in `_hear`
                self._control.send(word)

    def _end(self, why: str) -> None:
        with self._changed:
            self._gone = self._gone or why
            self._changed.notify_all()

    def _wake(self) -> None:
        """Have the thread look up. Once it has ended, the number of its pipe may be another box's stream."""
        with self._changed:
            if not self._released:
                os.write(self._wake_write, b"\0")

    def _release(self) -> None:
        with self._changed:
            self._released = True
            for one in (self._listener, self._control, *self._idle):
                if one is not None:
                    one.close()
            self._idle.clear()
            os.close(self._wake_read)
            os.close(self._wake_write)


def _line(control: socket.socket) -> dict[str, Any]:
    """The answer; beats may have come right behind it."""
    said = b""
    while b"\n" not in said:
        more = control.recv(4096)
        if not more or len(said) > _ANSWER_LIMIT:
            raise SandboxError("the server of the box ended, or answers against the protocol")
        said += more
    try:
        answer = json.loads(said.partition(b"\n")[0])
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise SandboxError("the server of the box answers against the protocol")
    return answer


def _open(stream: socket.socket) -> bool:
    """Is the other end still there? Nothing may have been said on it yet."""
    stream.setblocking(False)
    try:
        return bool(stream.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _private_folder() -> Path:
    """A new directory that only we can enter, with a path short enough for a socket."""
    for top in filter(None, (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108
        prefix = _NAME.format(pid=os.getpid(), start=started(os.getpid()))
        if len(os.path.join(top, prefix)) + 12 > _LONGEST_PATH:  # noqa: PTH118
            continue
        _sweep(Path(top))
        with suppress(OSError):
            return Path(tempfile.mkdtemp(prefix=prefix, dir=top))
    raise SandboxError("there is no directory for the box's socket: set TMPDIR to one with a short path")


def _sweep(top: Path) -> None:
    """Remove what killed processes of ours left behind."""
    for folder in top.glob("patina-box-*"):
        _, _, pid, start, *_ = [*folder.name.split("-"), "", ""]
        if pid.isdigit() and started(int(pid)) != start and folder.is_dir() and not folder.is_symlink():
            with suppress(OSError):
                if folder.stat().st_uid == os.geteuid():
                    shutil.rmtree(folder, ignore_errors=True)
