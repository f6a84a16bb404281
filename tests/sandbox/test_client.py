"""The sandbox as its users see it, on a real server."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import urllib.request
from pathlib import Path

import pytest

from patina_nb.errors import SandboxError
from patina_nb.sandbox import protocol, run
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import KEPT_HEAD, KEPT_TAIL, WHOLE_LIMIT, Command
from tests.sandbox import boxes
from tests.sandbox.boxes import gone
from tests.sandbox.wire import eventually


def sh(script, **more):
    return Command(["sh", "-c", script], **more)


# results


def test_result_of_a_command(sandbox):
    result = sandbox.exec(sh("echo out; echo err >&2; exit 4"))
    assert (result.exit_code, result.signal, result.lost, result.error) == (4, None, None, None)
    assert (result.stdout.text, result.stderr.text) == ("out\n", "err\n")
    assert not result.ok
    assert sandbox.exec(sh("true")).ok


def test_signal(sandbox):
    result = sandbox.exec(sh("kill -SEGV $$"))
    assert (result.exit_code, result.signal, result.ok) == (None, signal.SIGSEGV, False)


def test_a_command_that_cannot_start(sandbox):
    result = sandbox.exec(Command(["no-such-command"]))
    assert result.error == "no-such-command: command not found"
    assert (result.exit_code, result.signal, result.ok) == (None, None, False)


def test_a_command_line_that_is_too_long_is_refused_before_it_is_sent(sandbox):
    with pytest.raises(SandboxError, match="into stdin"):
        sandbox.exec(Command(["echo", "x" * (1 << 20)]))


def test_environment_directory_and_empty_stdin(sandbox):
    result = sandbox.exec(sh('cat; echo "$A"; pwd', env={"A": "ä"}, cwd="/"))
    assert result.stdout.text == "ä\n/\n"


def test_time_limit(sandbox):
    result = sandbox.exec(sh("echo begun; trap '' TERM; sleep 80", timeout=0.3))
    assert result.timed_out
    assert not result.ok
    assert result.stdout.data == b"begun\n"
    assert result.duration_s >= 0.3
    assert result.left == ()


def test_a_long_silence_of_the_command_is_not_one_of_the_server(sandbox, monkeypatch):
    monkeypatch.setattr(run, "SILENCE_S", 2.4)
    assert sandbox.exec(sh("sleep 2.8")).ok


def test_cancel_from_another_thread(sandbox):
    cancel = threading.Event()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    result = sandbox.exec(sh("setsid sleep 81 & echo $! $$; wait"), cancel=cancel)
    timer.join()
    assert result.cancelled
    assert not result.interrupted
    assert all(gone(int(pid)) for pid in result.stdout.text.split())


def test_out_of_memory_is_told_by_the_box(tmp_path):
    class Counting(boxes.ServerBox):
        kills = 0

        def oom_kills(self):
            self.kills += 1
            return self.kills

    box = Counting(tmp_path)
    sandbox = Sandbox(box)
    try:
        assert sandbox.exec(sh("kill -KILL $$")).out_of_memory
        assert sandbox.exec(sh("sh -c 'kill -KILL $$'; exit $?")).out_of_memory
        assert not sandbox.exec(sh("exit 1")).out_of_memory
        assert not sandbox.exec(sh("sleep 82", timeout=0.1)).out_of_memory
    finally:
        box.close()


def test_a_box_that_ended(tmp_path):
    box = boxes.ServerBox(tmp_path)
    sandbox = Sandbox(box)
    process = sandbox.start(sh("sleep 83"))
    box.process.kill()
    assert "without an exit message" in process.wait(10).lost
    box.process.wait()
    with pytest.raises(SandboxError, match="ended"):
        sandbox.exec(sh("true"))
    box.close()


# output


def test_output_that_is_no_text(sandbox):
    result = sandbox.exec(sh(r"printf 'a\377\376\000b\033[31m'"))
    assert result.stdout.data == b"a\xff\xfe\0b\x1b[31m"
    assert result.stdout.text == "a\ufffd\ufffd\0b\x1b[31m"


def test_output_is_shown_while_the_command_runs(sandbox):
    seen = []
    shown = threading.Event()

    def on_output(name, data):
        seen.append((name, data))
        shown.set()

    process = sandbox.start(sh("echo one; echo two >&2; read x; exit 0"), on_output=on_output)
    assert shown.wait(10)
    process.wait(10)
    assert sorted(seen) == [("stderr", b"two\n"), ("stdout", b"one\n")]


def test_a_listener_that_fails_is_left_alone(sandbox, caplog):
    calls = []

    def on_output(name, data):
        calls.append(data)
        raise RuntimeError("display is broken")

    result = sandbox.exec(sh("echo one; sleep 0.1; echo two; exit 3"), on_output=on_output)
    assert result.exit_code == 3
    assert result.stdout.data == b"one\ntwo\n"
    assert calls == [b"one\n"]
    assert "showing the output failed" in caplog.text


def test_a_line_of_100_megabytes(sandbox):
    result = sandbox.exec(sh("head -c 100000000 /dev/zero | tr '\\0' x; echo; echo end"))
    assert result.stdout.total_bytes == 100_000_005
    assert result.stdout.truncated
    assert len(result.stdout.head) == KEPT_HEAD
    assert len(result.stdout.tail) == KEPT_TAIL
    assert result.stdout.tail.endswith(b"x\nend\n")
    assert "bytes not shown" in result.stdout.text
    with pytest.raises(ValueError, match="are kept"):
        _ = result.stdout.data


def test_memory_stays_flat_during_much_output(sandbox):
    tracemalloc.start()
    try:
        result = sandbox.exec(sh("head -c 200000000 /dev/zero & head -c 50000000 /dev/zero >&2; wait"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.stdout.total_bytes == 200_000_000
    assert result.stderr.total_bytes == 50_000_000
    assert peak < 8 << 20


def test_the_whole_output_in_files(sandbox, tmp_path, monkeypatch):
    result = sandbox.exec(sh("seq 200000; echo no >&2"), save_to=tmp_path)
    whole = "".join(f"{n}\n" for n in range(1, 200_001)).encode()
    assert result.stdout.truncated
    assert result.stdout.file == tmp_path / "stdout"
    assert result.stdout.file.read_bytes() == whole
    assert result.stdout.file_bytes == result.stdout.total_bytes
    assert (tmp_path / "stderr").read_bytes() == b"no\n"


def test_files_end_at_their_limit(sandbox, tmp_path):
    result = sandbox.exec(sh(f"head -c {WHOLE_LIMIT + 5_000_000} /dev/zero"), save_to=tmp_path)
    assert result.stdout.file_bytes == WHOLE_LIMIT == (tmp_path / "stdout").stat().st_size
    assert result.stdout.total_bytes == WHOLE_LIMIT + 5_000_000
    assert result.stderr.file is None
    assert not (tmp_path / "stderr").exists()


def test_a_full_disk_does_not_disturb_the_command(sandbox, tmp_path, caplog):
    (tmp_path / "stdout").symlink_to("/dev/full")
    result = sandbox.exec(sh("seq 20000"), save_to=tmp_path)
    assert result.ok
    assert result.stdout.data.endswith(b"\n20000\n")
    assert "not saved" in caplog.text


# input


def test_much_stdin_and_stdout_at_once(sandbox):
    data = os.urandom(1 << 20) * 100
    assert sandbox.call(["cat"], stdin=data, limit=200 << 20) == data


def test_stdin_that_nobody_reads(sandbox):
    assert sandbox.exec(Command(["sh", "-c", "exit 7"], stdin=bytes(50 << 20))).exit_code == 7
    assert sandbox.exec(Command(["sleep", "84"], stdin=bytes(50 << 20), timeout=0.3)).timed_out


def test_stdin_from_an_iterator(sandbox):
    out = sandbox.call(["cat"], stdin=(b"%d\n" % n for n in range(50_000)))
    assert out == b"".join(b"%d\n" % n for n in range(50_000))


def test_an_iterator_that_fails_ends_the_command(sandbox):
    def chunks():
        yield b"one"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sandbox.call(["cat"], stdin=chunks())


# plumbing


def test_call_returns_the_whole_output(sandbox):
    assert sandbox.call(["seq", "100000"]) == b"".join(b"%d\n" % n for n in range(1, 100_001))
    sink = io.BytesIO()
    assert sandbox.call(["echo", "x"], sink=sink) == b""
    assert sink.getvalue() == b"x\n"


@pytest.mark.parametrize(
    ("script", "more", "why"),
    [
        ("echo first >&2; echo the reason >&2; exit 2", {}, "exit code 2: the reason"),
        ("exit 1", {}, "exit code 1: it said nothing"),
        ("kill -9 $$", {}, "signal 9"),
        ("sleep 85", {"timeout": 0.2}, "longer than 0.2 s"),
        ("cat /dev/zero", {"limit": 1 << 20}, "more than the 1048576 bytes"),
    ],
)
def test_call_says_what_went_wrong(sandbox, script, more, why):
    with pytest.raises(SandboxError, match=why):
        sandbox.call(["sh", "-c", script], **more)


def test_call_with_other_exit_codes(sandbox):
    assert sandbox.call(["sh", "-c", "echo x; exit 1"], ok=(0, 1)) == b"x\n"
    with pytest.raises(SandboxError, match="could not be started"):
        sandbox.call(["no-such-command"])


# many at once


def test_fifty_commands_at_once(sandbox):
    results = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(sandbox.exec(sh(f"sleep 0.2; exit {n}"))))
        for n in range(50)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.exit_code for result in results) == list(range(50))
    assert time.monotonic() - began < 8  # one after the other: 10


# background


def test_a_process_in_the_background(sandbox):
    process = sandbox.start(sh("echo begun; read x; echo never"))
    process.wait(10)
    process = sandbox.start(sh("echo begun; exec sleep 86"))
    eventually(lambda: process.output()[0].data == b"begun\n")
    assert process.running
    with pytest.raises(TimeoutError):
        process.wait(0.05)
    result = process.stop()
    assert not process.running
    assert result.signal == signal.SIGTERM
    assert process.stop() == result  # again is no error


def test_stop_kills_who_resists(sandbox):
    process = sandbox.start(sh("trap '' TERM; setsid sleep 87 & echo $! $$; wait; sleep 88"))
    eventually(lambda: process.output()[0].total_bytes > 0)
    result = process.stop(grace=0.2)
    assert result.cancelled
    assert all(gone(int(pid)) for pid in result.stdout.text.split())


def test_signals_for_a_process(sandbox):
    process = sandbox.start(sh("trap 'echo got; exit 0' USR1; echo ready; while :; do sleep 0.05; done"))
    eventually(lambda: process.output()[0].total_bytes > 0)
    process.signal(signal.SIGUSR1)
    assert process.wait(10).stdout.data == b"ready\ngot\n"
    process.signal(signal.SIGUSR1)  # nobody is there any more


def test_a_development_server_lives_across_commands(sandbox, box):
    Path(box.workspace, "page").write_text("hello")
    script = "python3 -u -m http.server 0 --bind 127.0.0.1 >server.log 2>&1 & echo $!"
    started = sandbox.exec(sh(script))
    log = Path(box.workspace, "server.log")
    eventually(lambda: "port" in log.read_text())
    port = int(log.read_text().split("port ")[1].split()[0])
    for _ in range(5):
        assert sandbox.exec(sh("true")).ok
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/page") as page:
            assert page.read() == b"hello"
    assert sandbox.exec(sh(f"kill {started.stdout.text}")).ok


def test_a_background_process_shows_output_after_much_of_it(sandbox):
    process = sandbox.start(sh("head -c 30000000 /dev/zero; echo last; exec sleep 89"))
    eventually(lambda: process.output()[0].tail.endswith(b"last\n"))
    assert process.output()[0].total_bytes == 30_000_005
    process.stop()


# interrupts

PROGRAM = """
import json, sys, threading, time
sys.path[:0] = [{here!r}]
from tests.sandbox import boxes
from pathlib import Path
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import Command
box = boxes.ServerBox(Path({root!r}))
sandbox = Sandbox(box)
print("ready", flush=True)
{body}
box.close()
"""
EXEC = """
result = sandbox.exec(Command(["sh", "-c", {script!r}]), grace={grace})
text = result.stdout.text[-20:]
print(json.dumps([result.interrupted, result.cancelled, result.lost, result.signal, text]), flush=True)
again = sandbox.exec(Command(["echo", "on"]))
print(again.stdout.text, end="", flush=True)
"""


@pytest.fixture
def program(tmp_path):
    started = []

    def start(body):
        text = PROGRAM.format(here=str(Path(__file__).parents[2]), root=str(tmp_path), body=body)
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
        assert started[-1].stdout.readline() == "ready\n", started[-1].stderr.read()
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_an_interrupt_ends_the_command_and_keeps_what_it_printed(program):
    process = program(EXEC.format(script="echo before; sleep 90", grace=5))
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    interrupted, cancelled, lost, number, text = json.loads(process.stdout.readline())
    assert (interrupted, cancelled, lost, number, text) == (True, True, None, signal.SIGKILL, "before\n")
    assert process.stdout.readline() == "on\n"
    assert process.wait(10) == 0


def test_interrupts_in_the_middle_of_much_output(program):
    body = "for _ in range(5):" + EXEC.format(script="yes", grace=5).replace("\n", "\n    ")
    process = program(body)
    for _ in range(5):
        time.sleep(0.15)
        process.send_signal(signal.SIGINT)
        interrupted, _, lost, _, text = json.loads(process.stdout.readline())
        assert (interrupted, lost) == (True, None)
        assert set(text) <= set("y\n")
        assert process.stdout.readline() == "on\n"
    assert process.wait(10) == 0


def test_a_second_interrupt_ends_the_wait(program):
    body = """
import os, signal
os.kill(box.process.pid, signal.SIGSTOP)
for pid in box.processes(): os.kill(pid, signal.SIGSTOP)
""" + EXEC.format(script="sleep 91", grace=60).split("again")[0]
    process = program(body + "for pid in box.processes(): os.kill(pid, signal.SIGCONT)\n")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    interrupted, cancelled, lost, _, _ = json.loads(process.stdout.readline())
    assert interrupted
    assert cancelled
    assert "interrupted" in lost
    assert process.wait(10) == 0


def test_interrupts_raise_as_usual_outside_of_a_command(program):
    process = program("sandbox.exec(Command(['true']))\nprint('waiting', flush=True)\ntime.sleep(60)")
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) != 0
    assert "KeyboardInterrupt" in process.stderr.read()


def test_a_handler_of_the_application_is_left_alone(program):
    body = """
import signal
def mine(*_): raise SystemError("mine")
signal.signal(signal.SIGINT, mine)
try: sandbox.exec(Command(["sleep", "92"]))
except SystemError as error: print(error, flush=True)
assert signal.getsignal(signal.SIGINT) is mine
"""
    process = program(body)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "mine\n"
    assert process.wait(10) == 0


def test_commands_from_threads_are_not_disturbed_by_interrupts(program):
    body = """
results = []
command = Command(["sh", "-c", "sleep 0.5; echo done"])
thread = threading.Thread(target=lambda: results.append(sandbox.exec(command)))
thread.start()
try: time.sleep(60)
except KeyboardInterrupt: pass
thread.join()
print(results[0].stdout.text, results[0].interrupted, flush=True)
"""
    process = program(body)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.stdout.read() == "done\n False\n"


# the wire format of results


def test_output_text_says_what_is_missing():
    output = protocol.Output(head=b"a" * 10, tail=b"z" * 5, total_bytes=100)
    assert output.truncated
    assert output.text == "a" * 10 + "\n[... 85 bytes not shown ...]\n" + "z" * 5
    assert protocol.Output(head=b"abc", total_bytes=3).data == b"abc"
