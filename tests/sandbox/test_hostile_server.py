"""A server that lies, floods or stalls: bounded memory, bounded time, a clear word about it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
import tracemalloc

import pytest

from patina_nb.errors import SandboxError
from patina_nb.sandbox import plumbing, run
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import KEPT_HEAD, KEPT_TAIL, Command
from patina_nb.sandbox.server.frames import pack

COMMAND = Command(["true"])


class FakeBox:
    """Every stream is answered by `behave`, in a thread."""

    def __init__(self, behave):
        self._behave = behave
        self._streams = []
        self._threads = []

    def connect(self):
        ours, theirs = socket.socketpair()
        theirs.settimeout(20)
        thread = threading.Thread(target=self._play, args=(theirs,), daemon=True)
        self._streams.append(theirs)
        self._threads.append(thread)
        thread.start()
        return ours

    def _play(self, stream):
        with contextlib.suppress(OSError):
            self._behave(stream)

    def changes(self, prune):
        return None

    def oom_kills(self):
        return None

    def close(self):
        for stream in self._streams:
            stream.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def hostile():
    boxes = []

    def make(behave):
        boxes.append(FakeBox(behave))
        return Sandbox(boxes[-1])

    yield make
    for box in boxes:
        box.close()


@pytest.fixture
def _impatient(monkeypatch):
    monkeypatch.setattr(run, "SILENCE_S", 0.4)


def says(*payloads):
    def behave(stream):
        for payload in payloads:
            stream.sendall(payload)
        with contextlib.suppress(OSError):
            while stream.recv(1 << 16):
                continue

    return behave


def answers(value):
    return says(pack(b"x", value if isinstance(value, bytes) else json.dumps(value).encode()))


def until_closed(stream, data):
    while True:
        stream.sendall(data)


def lost(result):
    assert result.lost is not None
    assert not result.ok
    assert (result.exit_code, result.signal, result.error, result.left) == (None, None, None, ())
    return result.lost


# answers of a wrong shape


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"exit"',
        b"0",
        b"[" * 60_000,
        b'{"exit": ' + b"9" * 5000 + b"}",
        b'{"exit": NaN}',
        {"exit": "0"},
        {"exit": True},
        {"exit": 0.0},
        {"exit": -1},
        {"exit": 256},
        {"exit": [0]},
        {"signal": 0},
        {"signal": 65},
        {"signal": "9"},
        {"exit": 0, "signal": 9},
        {"exit": 0, "timed_out": 1},
        {"exit": 0, "cancelled": "no"},
        {"exit": 0, "left": 7},
        {"exit": 0, "left": ["7"]},
        {"exit": 0, "left": [-1]},
        {"exit": 0, "left": [0]},
        {"exit": 0, "left": [True]},
        {"exit": 0, "left": [1] * 10_001},
        {"exit": 0, "error": 5},
        {"error": ["x"]},
        {"exit": 0, "overflow": 0},
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_answer_of_a_wrong_shape(hostile, value):
    assert "broke the protocol" in lost(hostile(answers(value)).exec(COMMAND))


@pytest.mark.parametrize(
    "value", [{}, {"s": 1}, {"timed_out": True}, {"exit": None, "signal": None}, {"overflow": False}]
)
def test_an_answer_without_a_result(hostile, value):
    result = hostile(answers(value)).exec(COMMAND)
    assert "without a result" in result.lost
    assert not result.ok


def test_an_answer_that_is_too_long(hostile):
    padded = json.dumps({"exit": 0, "error": "x" * 70_000}).encode()
    assert "65536" not in lost(hostile(answers(padded)).exec(COMMAND))
    huge = b"x" + struct.pack(">I", 10 << 20)
    assert "broke the protocol" in lost(hostile(says(huge)).exec(COMMAND))


def test_words_of_the_server_can_be_printed(hostile):
    result = hostile(answers(rb'{"error": "a\ud800b"}')).exec(COMMAND)
    assert result.error == r"a\ud800b"


def test_words_of_the_server_are_cut(hostile):
    result = hostile(answers({"error": "e" * 50_000})).exec(COMMAND)
    assert len(result.error) == 2000


def test_unknown_keys_and_a_lying_clock_do_not_matter(hostile):
    result = hostile(answers({"exit": 0, "s": "never", "more": {"deep": []}})).exec(COMMAND)
    assert result.ok
    assert 0 <= result.duration_s < 10


def test_only_the_first_answer_counts(hostile):
    twice = says(pack(b"x", b'{"exit": 3}') + pack(b"o", b"late") + pack(b"x", b'{"exit": 0}'))
    result = hostile(twice).exec(COMMAND)
    assert result.exit_code == 3
    assert result.stdout.data == b""


# frames


@pytest.mark.parametrize(
    "data",
    [
        b"z\0\0\0\0",
        b"o" + struct.pack(">I", (1 << 20) + 1),
        b"o\xff\xff\xff\xff",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\0" * 100,
        pack(b"a", b"123"),
        pack(b"a"),
        pack(b"i", b"from the client"),
    ],
    ids=repr,
)
def test_what_is_no_frame(hostile, data):
    assert "broke the protocol" in lost(hostile(says(data)).exec(COMMAND))


@pytest.mark.parametrize("size", [0, 1, 4, 5, 9])
def test_a_torn_end(hostile, size):
    def behave(stream):
        stream.sendall(pack(b"x", b'{"exit": 0}')[:size])
        stream.shutdown(socket.SHUT_RDWR)

    assert "without an exit message" in lost(hostile(behave).exec(COMMAND))


def test_frames_byte_by_byte(hostile):
    data = pack(b"o", b"out") + pack(b"h") + pack(b"e", b"err") + pack(b"x", b'{"exit": 0}')
    result = hostile(says(*(data[at : at + 1] for at in range(len(data))))).exec(COMMAND)
    assert result.ok
    assert (result.stdout.data, result.stderr.data) == (b"out", b"err")


# time


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("data", [b"", b"o\0\0", pack(b"o", b"some")], ids=repr)
def test_silence(hostile, data):
    began = time.monotonic()
    result = hostile(says(data)).exec(COMMAND)
    assert "no sign of life" in lost(result)
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("_impatient")
def test_one_byte_at_a_time_is_no_sign_of_life(hostile):
    def drip(stream):
        stream.sendall(b"o\0\x0f\0\0")
        while True:
            stream.sendall(b"x")
            time.sleep(0.02)

    assert "no sign of life" in lost(hostile(drip).exec(COMMAND))


@pytest.mark.parametrize(
    "frame",
    [pack(b"h"), pack(b"o", b"x" * 1000), pack(b"o"), pack(b"a", b"\xff" * 4)],
    ids=["h", "o", "empty", "a"],
)
def test_life_signs_beyond_the_deadline(hostile, frame):
    began = time.monotonic()
    result = hostile(lambda stream: until_closed(stream, frame)).exec(
        Command(["true"], timeout=0.2), grace=0.3
    )
    assert "no answer" in lost(result)
    assert 0.5 <= time.monotonic() - began < 5


def test_a_cancel_that_is_ignored(hostile):
    cancel = threading.Event()
    cancel.set()
    began = time.monotonic()
    result = hostile(lambda stream: until_closed(stream, pack(b"h"))).exec(COMMAND, cancel=cancel, grace=0.3)
    assert "after the command was cancelled" in lost(result)
    assert time.monotonic() - began < 5


def test_a_listener_that_is_slower_than_the_server_is_not_silence(hostile, monkeypatch):
    monkeypatch.setattr(run, "SILENCE_S", 0.2)
    behave = says(pack(b"o", b"1"), pack(b"o", b"2"), pack(b"x", b'{"exit": 0}'))
    result = hostile(behave).exec(COMMAND, on_output=lambda *_: time.sleep(0.4))
    assert result.ok


def test_a_background_process_that_cannot_be_stopped(hostile):
    process = hostile(lambda stream: until_closed(stream, pack(b"h"))).start(COMMAND, grace=0.3)
    result = process.stop(grace=0.1)
    assert "after the command was cancelled" in lost(result)


# memory


@pytest.mark.parametrize(
    "frame",
    [pack(b"o", bytes(1 << 20)), pack(b"o", b"x") * 10_000, pack(b"h") * 10_000, pack(b"e", bytes(1 << 19))],
    ids=["large", "tiny", "heartbeats", "stderr"],
)
def test_a_flood(hostile, frame):
    sandbox = hostile(lambda stream: until_closed(stream, frame))
    tracemalloc.start()
    try:
        result = sandbox.exec(Command(["true"], timeout=0.5), grace=0.5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
    assert "no answer" in lost(result)
    assert len(result.stdout.head) <= KEPT_HEAD
    assert len(result.stdout.tail) <= KEPT_TAIL


def test_room_that_is_promised_but_not_there(hostile, monkeypatch):
    """A server that grants room for all stdin and reads none of it."""
    monkeypatch.setattr(plumbing, "GRACE_S", 0.3)
    sent = []

    def stdin():
        for _ in range(1000):
            sent.append(1)
            yield bytes(1 << 20)

    sandbox = hostile(lambda stream: until_closed(stream, pack(b"a", b"\xff\xff\xff\xff")))
    began = time.monotonic()
    with pytest.raises(SandboxError, match="no answer"):
        sandbox.call(["true"], stdin=stdin(), timeout=0.2)
    assert len(sent) < 5
    assert time.monotonic() - began < 5


# plumbing, files, changes


def test_plumbing_is_never_satisfied_by_a_broken_answer(hostile):
    with pytest.raises(SandboxError, match="without an exit message"):
        hostile(lambda stream: stream.shutdown(socket.SHUT_RDWR)).call(["git", "status"])
    with pytest.raises(SandboxError, match="broke the protocol"):
        hostile(answers({"exit": "0"})).call(["git", "status"])
    with pytest.raises(SandboxError, match="without a result"):
        hostile(answers({"overflow": False})).call(["git", "status"])


def test_a_file_without_end(hostile):
    sandbox = hostile(lambda stream: until_closed(stream, pack(b"o", bytes(1 << 20))))
    with pytest.raises(SandboxError, match="more than"):
        sandbox.read("file", limit=3 << 20)


@pytest.mark.parametrize(
    "records",
    [
        b"100644 1 a",
        b"nonsense\0",
        b"100644 a\0",
        b"100644 1 \0",
        b"9 1 a\0",
        b"100644 -1 a\0",
        b"100644 1 /etc/passwd\0",
        b"100644 1 ../up\0",
        b"100644 1 a/../../up\0",
        b"100644 1 a//b\0",
        b"100644 1 ./a\0",
        b"100644 1 a/\0",
        b"120777 1 link\0",
        b"120777 1 link\0\0",
        b"77777777777 1 a\0",
    ],
)
def test_a_list_of_changes_of_a_wrong_shape(hostile, records):
    sandbox = hostile(says(pack(b"o", records) + pack(b"x", b'{"overflow": false}')))
    with pytest.raises(SandboxError, match="list of changes"):
        sandbox.changes(lambda folders: [])


def test_a_list_of_changes_without_end(hostile):
    sandbox = hostile(lambda stream: until_closed(stream, pack(b"o", b"100644 1 a\0" * 90_000)))
    with pytest.raises(SandboxError, match="more than"):
        sandbox.changes(lambda folders: [])


def test_an_incomplete_list_is_not_read(hostile):
    sandbox = hostile(says(pack(b"o", b"nonsense") + pack(b"x", b'{"overflow": true}')))
    assert sandbox.changes(lambda folders: []) is None
    assert hostile(answers({"error": "no watcher"})).changes(lambda folders: []) is None
