"""A command on a terminal of its own, for people."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from patina_nb.sandbox.protocol import ExecResult
from patina_nb.sandbox.run import Run
from patina_nb.sandbox.server.frames import WINDOW
from patina_nb.sandbox.stream import Stream

_MOST_UNREAD = 1 << 20


class Pty:
    """Made by `Sandbox.shell`. Reading and writing may happen in different threads.

    A command that prints more than is read waits, as on any terminal.
    """

    def __init__(self, stream: Stream, finish: Callable[[Run], ExecResult]) -> None:
        self._stream = stream
        self._run = Run(stream, self._take)
        self._finish = finish
        self._unread = bytearray()
        self._changed = threading.Condition()
        self._hung_up = False
        self._result: ExecResult | None = None
        threading.Thread(target=self._follow, name="patina-pty", daemon=True).start()

    @property
    def result(self) -> ExecResult | None:
        """How it ended; None while it runs. Its outputs are empty: what was printed has been read."""
        return self._result

    def read(self, timeout: float | None = None) -> bytes:
        """What was printed since the last time, waited for up to `timeout` seconds.

        b"" = nothing came in that time, or it is the end (then `result` is set).
        """
        with self._changed:
            self._changed.wait_for(lambda: self._unread or self._result is not None, timeout)
            data = bytes(self._unread)
            self._unread.clear()
        self._stream.wake()
        return data

    def write(self, data: bytes) -> None:
        """Keys; b"\\x03" is Ctrl-C, b"\\x04" the end of input."""
        if data:
            self._stream.type(data)

    def resize(self, rows: int, cols: int) -> None:
        self._stream.post(WINDOW, json.dumps({"rows": rows, "cols": cols}).encode())

    def close(self) -> None:
        """Hang up: the command and all that it started end."""
        self._hung_up = True
        self._stream.wake()

    def _take(self, _: bytes, data: bytes) -> None:
        with self._changed:
            self._unread += data
            self._changed.notify_all()

    def _follow(self) -> None:
        try:
            with self._stream:
                while not self._run.over:
                    if self._hung_up:
                        self._run.abandon("the terminal was closed")
                    else:
                        self._run.round(listen=len(self._unread) < _MOST_UNREAD)
        finally:
            with self._changed:
                self._result = self._finish(self._run)
                self._changed.notify_all()
