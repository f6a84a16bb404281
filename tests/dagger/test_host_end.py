"""Both ends of a dialled box, without an engine: the real server, which reaches us by a unix socket."""

from __future__ import annotations

import itertools
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patina_nb.engines.dagger import host_end
from patina_nb.engines.dagger.host_end import HostEnd
from patina_nb.errors import SandboxError
from patina_nb.sandbox import server
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import Command
from tests.sandbox.boxes import system_python
from tests.workspaces.support import wait_for

NOBODY = 65534
PACKAGE = Path(server.__file__).parent

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the server is root in its container")


class Dialled:
    """A server that has dialled us; a `Box` to the sandbox."""

    engine = "test"

    def __init__(self, root: Path, **changes: object) -> None:
        self.ended: list[bool] = []
        self.workspace = str(root)
        self.end = HostEnd(on_gone=lambda: self.ended.append(True))
        program = (
            f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); from server.dial import Dialed; "
            f"from server.main import serve; serve(Dialed({str(self.end.path)!r}))"
        )
        inherited = {"PATH": os.environ["PATH"], "OF_THE_IMAGE": "1", "OTEL_X": "1", "TRACEPARENT": "x"}
        self.process = subprocess.Popen(
            [system_python() or sys.executable, "-I", "-S", "-c", program],
            env=inherited,
            stderr=subprocess.DEVNULL,
        )
        self.answer: dict[str, object] | None = None
        settings = {
            "root": self.workspace,
            "env": {"HOME": self.workspace},
            "nproc": None,
            "rlimits": {},
            "watch": True,
            "namespace": True,
            "user": [NOBODY, NOBODY],
            "claim": [str(root.parent / "kept" / "claim"), "one"],
            "first": [["sh", "-c", "id -u > first"]],
            "each": [["sh", "-c", "echo x >> each"]],
        }
        self.settings = {**settings, **changes}

    def greet(self) -> dict[str, object]:
        answer = self.end.greet(self.settings, 20)
        assert answer is not None
        return answer

    def connect(self):
        return self.end.stream(10)

    def oom_kills(self) -> None:
        return None

    def changes(self, prune) -> None:
        return None

    def sh(self, script: str) -> str:
        return Sandbox(self).exec(Command(["sh", "-c", script], timeout=30)).stdout.text

    def close(self) -> None:
        self.end.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def root(open_dir) -> Path:
    path = open_dir / "workspace"
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)
    return path


@pytest.fixture
def box(root) -> Iterator[Dialled]:
    made = Dialled(root)
    yield made
    made.close()


def test_commands_run_as_the_user_with_a_clean_environment(box):
    assert box.greet()["created"] is True
    assert box.sh("id -u; id -G").split() == [str(NOBODY), str(NOBODY)]
    env = box.sh("env").splitlines()
    assert "OF_THE_IMAGE=1" in env
    assert not [line for line in env if line.startswith(("OTEL", "TRACE"))]


def test_many_streams_at_once(box):
    box.greet()
    streams = [box.connect() for _ in range(20)]
    for stream in streams:
        stream.close()
    assert box.sh("echo still here") == "still here\n"


def test_a_claim_is_made_once(root):
    for created in (True, False):
        box = Dialled(root)
        assert box.greet()["created"] is created
        box.close()
    assert (root / "first").read_text() == f"{NOBODY}\n"
    assert (root / "each").read_text() == "x\nx\n"
    other = Dialled(root, claim=[str(root.parent / "kept" / "claim"), "two"])
    assert other.greet()["created"] is True
    other.close()


def test_a_preparation_that_fails(root):
    box = Dialled(root, each=[["sh", "-c", "echo the reason >&2; exit 3"]])
    with pytest.raises(SandboxError, match="cannot be made ready: the reason"):
        box.greet()
    box.close()


def test_it_ends_when_told_and_when_we_go(root):
    for end in (lambda box: box.end.quit(), lambda box: box.end.close()):
        box = Dialled(root)
        box.greet()
        end(box)
        box.process.wait(20)
        box.close()


def test_we_see_its_end(box):
    box.greet()
    box.process.kill()
    wait_for(lambda: box.ended, "the news")
    with pytest.raises(SandboxError, match="it ended"):
        box.connect()


def test_nobody_comes(open_dir):
    end = HostEnd(on_gone=lambda: None)
    assert end.greet({}, 0.2) is None
    path = end.path
    assert path.parent.stat().st_mode & 0o777 == 0o700
    end.close()
    assert not path.parent.exists()


def test_an_answer_that_beats_have_caught_up_with():
    """On a busy machine we read so late that the server was heard twice since."""
    end = HostEnd(on_gone=lambda: None)
    with socket.socket(socket.AF_UNIX) as server_end:
        server_end.connect(os.fspath(end.path))
        server_end.sendall(host_end.CONTROL + b'{"ready": true, "created": false}\n' + host_end.BEAT * 2)
        assert end.greet({}, 20) == {"ready": True, "created": False}
    end.close()


def test_a_second_close_writes_nowhere():
    """The numbers of our descriptors are those of somebody else by then, such as a stream of another box."""
    end = HostEnd(on_gone=lambda: None)
    end.close()
    others = list(itertools.chain.from_iterable(socket.socketpair() for _ in range(20)))
    end.close()
    assert select.select(others, [], [], 0)[0] == []
    for one in others:
        one.close()


def test_a_connection_may_say_late_what_it_is(root):
    """On a busy machine its first byte comes long after it."""
    box = Dialled(root)
    box.greet()
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(os.fspath(box.end.path))
            assert box.sh("echo still here") == "still here\n"
    box.close()


def test_what_killed_processes_left_is_swept():
    first = HostEnd(on_gone=lambda: None)
    top = first.path.parent.parent
    stale = top / "patina-box-999999999-1-abc"
    stale.mkdir()
    second = HostEnd(on_gone=lambda: None)
    assert not stale.exists()
    assert first.path.exists()
    first.close()
    second.close()
