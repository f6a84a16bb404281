"""The protocol by hand, to test the server without the client."""

from __future__ import annotations

import contextlib
import json
import time

from patina_nb.sandbox.server.frames import SERVER_KINDS, Reader, pack


class Wire:
    """One stream."""

    def __init__(self, box, request=None):
        self.socket = box.connect()
        self.socket.settimeout(15)
        self.frames = []
        self._reader = Reader(SERVER_KINDS)
        if request is not None:
            line = request if isinstance(request, bytes) else json.dumps(request).encode() + b"\n"
            with contextlib.suppress(BrokenPipeError):  # it has its answer already
                self.socket.sendall(line)

    def __del__(self):
        self.socket.close()

    def send(self, kind, payload=b""):
        self.socket.sendall(pack(kind, payload))

    def until(self, kind):
        """Read frames until one of this kind (returned), or the end (None)."""
        while True:
            for at, (found, payload) in enumerate(self.frames):
                if found == kind:
                    del self.frames[: at + 1]
                    return payload
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.frames += self._reader.feed(data)

    def answer(self):
        payload = self.until(b"x")
        self.socket.close()
        return None if payload is None else json.loads(payload)

    def output(self):
        """(stdout, answer)"""
        out = b""
        while True:
            data = self.socket.recv(1 << 16)
            if not data:
                return out, None
            for kind, payload in self._reader.feed(data):
                if kind == b"o":
                    out += payload
                elif kind == b"x":
                    self.socket.close()
                    return out, json.loads(payload)


def run(box, script, **request):
    """(stdout, answer) of a shell script."""
    return Wire(box, {"argv": ["sh", "-c", script], **request}).output()


def eventually(check, seconds=10.0):
    """Wait until `check` is true; a bound against hangs, no measurement."""
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
