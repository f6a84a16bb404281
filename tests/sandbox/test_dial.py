"""The server that dials its host: how it tells a host that is busy from one that is out of reach.

The real server, and a host played by hand on a unix socket: it begins a box, and then goes silent in its way.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from patina_nb.sandbox import server
from patina_nb.sandbox.server.dial import CONTROL, ECHO, MORE, PROBE, QUIT, STREAM
from tests.sandbox.boxes import gone
from tests.sandbox.wire import Wire

PACKAGE = Path(server.__file__).parent
PATIENCE_S = 60  # only against hangs
SILENCE_S, MUTE_S = 0.5, 10.0


class Host:
    """Listens; whoever comes is answered by `answer(kind, connection)`. The server's silence is a short one."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "s")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.listener.settimeout(PATIENCE_S)
        root = folder / "workspace"
        root.mkdir()
        program = (
            f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); from server.dial import Dialed; "
            f"from server.main import serve; serve(Dialed({self.path!r}, {SILENCE_S}, {MUTE_S}))"
        )
        self.server = subprocess.Popen([sys.executable, "-I", "-S", "-c", program], stderr=subprocess.DEVNULL)
        kind, self.control = self.accept()
        assert kind == CONTROL
        settings = {
            "root": str(root),
            "env": {"PATH": os.environ["PATH"]},
            "rlimits": {},
            "user": None,
            "claim": [str(folder / "kept" / "claim"), "one"],
            "first": [],
            "each": [],
        }
        self.control.sendall(json.dumps(settings).encode() + b"\n")
        assert json.loads(self.control.makefile("rb").readline())["ready"] is True
        self.streams = [self.expect(STREAM) for _ in range(4)]

    def accept(self) -> tuple[bytes, socket.socket]:
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE_S)
        return connection.recv(1), connection

    def expect(self, kind: bytes) -> socket.socket:
        """The next that comes, which must be of this kind."""
        found, connection = self.accept()
        assert found == kind
        return connection

    def connect(self) -> socket.socket:
        return self.streams.pop()

    def command(self) -> int:
        """Pid of a command that runs for ever."""
        wire = self.wire = Wire(self, {"argv": ["sh", "-c", "echo $$; exec sleep 100000"]})
        return int(wire.until(b"o"))

    def close(self) -> None:
        self.server.kill()
        self.server.wait()
        for one in (self.listener, self.control, *self.streams):
            one.close()


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Host(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
def test_one_that_answers_probes_keeps_its_box(host):
    """Longer than the longest silence; a probe is answered and closed, as the engine's end does it."""
    command = host.command()
    until = time.monotonic() + MUTE_S + 5
    while time.monotonic() < until:
        probe = host.expect(PROBE)
        probe.sendall(ECHO)
        probe.close()
    assert host.server.poll() is None
    assert not gone(command)


def test_one_that_is_busy_keeps_its_box(host):
    """It accepts nobody for a while: probes stay open, and when it comes back all is as it was."""
    command = host.command()
    probes = [host.expect(PROBE) for _ in range(2)]
    assert host.server.poll() is None
    assert not gone(command)
    host.control.sendall(ECHO)
    host.control.sendall(MORE)
    kind, _ = host.accept()
    while kind == PROBE:
        kind, _ = host.accept()
    assert kind == STREAM
    for probe in probes:
        probe.close()


@pytest.mark.parametrize("how", ["closed", "refused"])
def test_one_out_of_reach_loses_its_box(host, how):
    """The connections are still open, as when an engine was cut off from its client."""
    command = host.command()
    if how == "closed":
        host.expect(PROBE).close()
    else:
        host.listener.close()
        os.unlink(host.path)
    assert host.server.wait(PATIENCE_S) == 0
    assert gone(command)


@pytest.mark.slow
def test_one_that_is_mute_for_minutes_loses_its_box(host):
    """Somebody between the two accepts, and passes nothing on."""
    command = host.command()
    probes = []

    def accept() -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                probes.append(host.expect(PROBE))

    threading.Thread(target=accept, daemon=True).start()
    assert host.server.wait(PATIENCE_S) == 0
    assert gone(command)
    assert probes


@pytest.mark.slow
def test_more_probes_than_the_host_has_room_for(host):
    """A stopped host accepts nobody, and its queue is full: it is not waited for."""
    host.listener.listen(1)
    waiting = []
    while True:
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        try:
            one.connect(host.path)
        except BlockingIOError:
            one.close()
            break
        waiting.append(one)
    command = host.command()
    assert host.server.wait(PATIENCE_S) == 0  # since it was mute, not since nobody could be asked
    assert gone(command)
    for one in waiting:
        one.close()


def test_the_end_of_the_control_connection_is_the_end(host):
    command = host.command()
    host.control.close()
    assert host.server.wait(PATIENCE_S) == 0
    assert gone(command)


def test_told_to_quit(host):
    command = host.command()
    host.control.sendall(QUIT)
    assert host.server.wait(PATIENCE_S) == 0
    assert gone(command)
