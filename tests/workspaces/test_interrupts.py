"""Ctrl-C: the command stops, the step is recorded, the box goes on."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from patina_nb.errors import Interrupted
from patina_nb.workspaces.interrupts import HeldBack

from .support import WAIT_S, finished, paths, python

# Runs a command, and tells what came of it. SIGINT comes from outside when it says "now".
CHILD = """
import sys
import patina_nb as patina
from patina_nb.errors import Interrupted
ws = patina.workspace("work", path=sys.argv[1])
def tell(_name, data):
    if b"now" in data:
        print("now", flush=True)
try:
    {call}
except Interrupted as stop:
    published = stop.step.commit is not None
    print("interrupted", stop.step.number, stop.step.status, published, isinstance(stop, KeyboardInterrupt))
    print("said", stop)
step = ws.run("cat half; echo next > next")
print("next", step.number, step.status, step.stdout.text.strip())
ws.close()
"""


def interrupt(repo, call: str, times: int = 1) -> list[str]:
    child = python(CHILD.format(call=call), repo.path)
    try:
        assert child.stdout.readline().strip() == "now", child.stderr.read()
        for _ in range(times):
            child.send_signal(signal.SIGINT)
            threading.Event().wait(0.3)
        out, err = child.communicate(timeout=WAIT_S)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0, err
    return out.splitlines()


def test_the_command_stops_and_its_files_are_a_step(repo, opener):
    call = "ws.run('echo 1 > half; sleep 1000 & echo now; sleep 1000', on_output=tell)"
    first, said, after = interrupt(repo, call)
    assert first == "interrupted 1 cancelled True True"
    assert "was interrupted and its processes were stopped" in said
    assert after == "next 2 ok 1"
    assert repo.git("show", "agent/work:half") == "1"
    ws = opener()
    assert [event.status for event in finished(ws.session)] == ["cancelled", "ok"]


def test_a_command_that_ignores_signals(repo):
    call = "ws.run(\"trap '' INT TERM; echo 1 > half; echo now; while :; do sleep 1; done\", on_output=tell)"
    first, _, after = interrupt(repo, call)
    assert first.startswith("interrupted 1 cancelled True")
    assert after == "next 2 ok 1"


def test_a_second_interrupt_abandons_the_wait(repo, opener, engine):
    """The server does not answer (it, or the way there, is stopped): only the first interrupt waits for it."""
    if not opener("other").isolation.processes.enforced:
        pytest.skip("without a process namespace what is stopped stays until somebody kills it")
    way = {"local": "ws._box._server.process.pid", "dagger": "ws._box._running.connection._process.pid"}
    call = (
        "import os, signal; from patina_nb.engines.local.tree import descendants; "
        f"pid = {way[engine]}; "
        "stop = lambda n, d: b'now' in d and ([os.kill(p, signal.SIGSTOP) for p in (pid, *descendants(pid))], tell(n, d)); "
        "ws.run('echo 1 > half; echo now; sleep 1000', on_output=stop)\n"
        "except Interrupted as stop:\n"
        "    print(stop.step.status, stop, flush=True); os.kill(pid, signal.SIGKILL); os._exit(0)"
    )
    child = python(CHILD.format(call=call), repo.path)
    try:
        assert child.stdout.readline().strip() == "now", child.stderr.read()
        for _ in range(2):
            threading.Event().wait(0.3)
            child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=WAIT_S)
    finally:
        child.kill()
        child.wait()
    ws = opener()
    assert out.startswith("unknown Step 1 was interrupted twice"), err
    assert finished(ws.session)[0].status == "unknown"
    assert ws.run("cat half").stdout.text == "1\n"
    assert repo.git("show", "agent/work:half") == "1"


def test_an_interrupt_during_the_snapshot_waits_for_its_end(repo, opener):
    call = (
        "from patina_nb.repository import Repository; publish = Repository.publish\n"
        "    import os, signal\n"
        "    Repository.publish = lambda *a: (os.kill(os.getpid(), signal.SIGINT), publish(*a))[1]\n"
        "    print('now', flush=True)\n"
        "    try:\n"
        "        ws.run('echo 1 > half')\n"
        "    finally:\n"
        "        Repository.publish = publish"
    )
    child = python(CHILD.format(call=call), repo.path)
    out, err = child.communicate(timeout=WAIT_S)
    assert child.returncode == 0, err
    _, first, said, after = out.splitlines()
    assert first == "interrupted 1 ok True True"
    assert "had ended (ok) when the interrupt came" in said
    assert after == "next 2 ok 1"
    assert [event.status for event in finished(opener().session)] == ["ok", "ok"]


def test_writing_a_file_is_interrupted(repo, ws):
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    ws.run("mkfifo slow; mkdir -p bin")
    write = ws._sandbox.write
    ws._sandbox.write = lambda *_: threading.Event().wait(WAIT_S)
    timer.start()
    with pytest.raises(Interrupted) as caught:
        ws.write("x", "x")
    ws._sandbox.write = write
    assert caught.value.step.status == "unknown"
    assert signal.getsignal(signal.SIGINT) is before
    assert paths(ws.write("x", "x")) == {"x": "added"}


# -- holding back -------------------------------------------------------------------------------------


def test_an_interrupt_comes_at_the_end_of_the_block():
    done = []

    def work() -> None:
        with HeldBack():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_lifted_part_lets_it_through():
    done = []
    with HeldBack() as held:
        signal.raise_signal(signal.SIGINT)
        assert held.pending == 1
        with pytest.raises(KeyboardInterrupt), held.lifted():
            done.append("not reached")
        with pytest.raises(KeyboardInterrupt), held.lifted():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        held.pending = 0
    assert done in ([], ["not reached"])


def test_an_interrupt_ends_a_wait_within_the_block():
    ended = []

    def work() -> None:
        with HeldBack() as held:
            held.wait(lambda _seconds: True, ValueError("done at once"))
            signal.raise_signal(signal.SIGINT)
            held.wait(lambda _seconds: True, ValueError("done at once"))
            with pytest.raises(ValueError, match="given up"):
                held.wait(lambda _seconds: False, ValueError("given up"))
            ended.append(1)

    with pytest.raises(KeyboardInterrupt):  # it comes at the end of the block all the same
        work()
    assert ended == [1]


def test_an_interrupt_that_ended_a_wait_as_itself_does_not_come_again():
    with HeldBack() as held:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted, match="given up"):
            held.wait(lambda _seconds: False, Interrupted("given up"))
        assert held.pending == 0


def test_a_wait_goes_on_until_it_is_done():
    asked = []
    with HeldBack() as held:
        held.wait(lambda seconds: asked.append(seconds) or len(asked) == 3, ValueError("never"))
    assert len(asked) == 3
    assert all(0 < seconds < 1 for seconds in asked)


def test_nested_blocks_pass_it_on():
    with HeldBack() as outer:
        with HeldBack():
            signal.raise_signal(signal.SIGINT)
        assert outer.pending == 1
        outer.pending = 0


def test_other_threads_are_not_concerned():
    seen = []

    def work() -> None:
        with HeldBack() as held, held.lifted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
