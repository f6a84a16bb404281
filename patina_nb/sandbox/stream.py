"""One conversation with the command server: frames out, frames in, in rounds of one poll each.

The server is not trusted: it can send anything, or nothing. What is held in memory is bounded by one frame
here, and by the listeners of the frames elsewhere. The limits of time are kept by the caller, see `run`.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Self

from patina_nb.sandbox.server.frames import (
    COUNT,
    SERVER_KINDS,
    STDIN,
    STDIN_WINDOW,
    TAKEN,
    FrameError,
    Reader,
    pack,
)

_CHUNK = 1 << 18


class Lost(Exception):
    """The end of a command will not be known; the text says why."""


class Stream:
    """Sends a request, and stdin as far as the server has room for it; receives frames.

    One thread plays the rounds; `post`, `type` and `wake` may be called from any.
    """

    def __init__(self, sock: socket.socket, request: bytes, stdin: Iterable[bytes] | None = None) -> None:
        self._socket = sock
        sock.setblocking(False)
        self._reader = Reader(SERVER_KINDS)
        self._buffer = memoryview(bytearray(_CHUNK))
        self._unsent: bytes | memoryview = request
        self._posted: deque[bytes] = deque()
        self._typed: deque[bytes] = deque()
        self._source: Iterator[bytes] | None = None if stdin is None else iter(stdin)
        self._chunk = memoryview(b"")
        self._room = STDIN_WINDOW
        self._deaf = False  # the server takes no more
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._open = True
        self._closing = threading.RLock()  # a signal handler may wake us while this thread holds it
        self._send()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Before the exit message this ends the command and all that it started."""
        with self._closing:
            if not self._open:
                return
            self._open = False
            self._socket.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def post(self, kind: bytes, payload: bytes = b"") -> None:
        """Queue a frame ahead of any stdin."""
        self._posted.append(pack(kind, payload))
        self.wake()

    def type(self, data: bytes) -> None:
        """Queue stdin that comes bit by bit, as of a terminal."""
        self._typed.append(data)
        self.wake()

    def wake(self) -> None:
        """End the present or next round at once."""
        with self._closing:
            if not self._open:
                return
            try:
                os.write(self._wake_write, b"\0")
            except BlockingIOError:  # enough wake-ups are waiting
                return

    def round(self, seconds: float, listen: bool = True) -> list[tuple[bytes, bytes]]:
        """Send and receive what is possible, wait at most `seconds` for it.

        Raises Lost at the end of the stream, and at what is no frame.
        """
        poller = select.poll()
        events = (select.POLLIN if listen else 0) | (select.POLLOUT if self._wants_to_send() else 0)
        if events:
            poller.register(self._socket, events)
        poller.register(self._wake_read, select.POLLIN)
        frames: list[tuple[bytes, bytes]] = []
        for fd, happened in poller.poll(max(0.0, seconds) * 1000):
            if fd == self._wake_read:
                os.read(self._wake_read, 4096)
                continue
            if happened & select.POLLOUT:
                self._send()
            if listen and happened & ~select.POLLOUT:
                frames = self._receive()
        return frames

    def _receive(self) -> list[tuple[bytes, bytes]]:
        try:
            size = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return []
        except ConnectionError:
            size = 0
        if not size:
            raise Lost("the stream ended without an exit message")
        try:
            frames = self._reader.feed(self._buffer[:size])
        except FrameError as error:
            raise Lost(f"the command server broke the protocol with a {error}") from None
        for kind, payload in frames:
            if kind == TAKEN:
                self._make_room(payload)
        return frames

    def _make_room(self, payload: bytes) -> None:
        if len(payload) != COUNT.size:
            raise Lost("the command server broke the protocol with a wrong count of stdin")
        self._room = min(STDIN_WINDOW, self._room + COUNT.unpack(payload)[0])

    # sending

    def _wants_to_send(self) -> bool:
        if self._deaf:
            return False
        if self._unsent or self._posted:
            return True
        return self._room > 0 and bool(self._chunk or self._typed or self._source is not None)

    def _send(self) -> None:
        try:
            while self._unsent or self._next_frame():
                sent = self._socket.send(self._unsent)
                self._unsent = memoryview(self._unsent)[sent:]
        except BlockingIOError:
            return
        except ConnectionError:  # what it said before is still to be read
            self._deaf = True

    def _next_frame(self) -> bool:
        """Put the next frame into `_unsent`; False = there is none now."""
        if self._posted:
            self._unsent = self._posted.popleft()
            return True
        if self._room <= 0:
            return False
        while not self._chunk:
            if self._typed:
                self._chunk = memoryview(self._typed.popleft())
            elif self._source is not None:
                chunk = next(self._source, None)
                if chunk is None:
                    self._source = None
                    self._unsent = pack(STDIN)
                    return True
                self._chunk = memoryview(chunk)
            else:
                return False
        size = min(self._room, _CHUNK)
        self._unsent = pack(STDIN, bytes(self._chunk[:size]))
        self._room -= len(self._unsent) - len(pack(STDIN))
        self._chunk = self._chunk[size:]
        return True
