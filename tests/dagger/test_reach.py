"""A notebook that is killed, stopped or cut off: what becomes of its container. On a machine with the engine."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.workspaces.support import python, wait_for

from .live import needs_engine
from .test_box import processes, text

pytestmark = [*needs_engine, pytest.mark.slow, pytest.mark.timeout(1200)]

SLEEP = "sleep 4711"  # what runs in the container of these tests
# Opens a workspace, whose server knows the silences of its arguments; runs a command for each line it reads.
NOTEBOOK = f"""
import sys
from patina_nb.engines.dagger import server
if sys.argv[2:]:
    server.ARGUMENTS[-1] = server.ARGUMENTS[-1].replace("/run/patina/host')", f"/run/patina/host', {{sys.argv[2]}})")
import patina_nb as patina
ws = patina.workspace("work", path=sys.argv[1], engine="dagger")
ws.start("exec {SLEEP}")
print(ws._box._running.connection._process.pid, flush=True)
for line in sys.stdin:
    print(ws.run(line).stdout.text, end="", flush=True)
"""


@pytest.fixture
def notebook(repo, image):
    """(process, pid of its dagger command); whatever is stopped goes on at the end."""
    made = []

    def start(*silences):
        process = python(NOTEBOOK, repo.path, *silences)
        command = int(process.stdout.readline())
        wait_for(lambda: processes(SLEEP), "the container")
        made.append((process, command))
        return made[-1]

    yield start
    for process, command in made:
        process.kill()
        process.communicate()
        try:
            os.kill(command, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_for(lambda: not processes(SLEEP), "the end of the container")


def test_killed(notebook, opener):
    process, _ = notebook()
    process.kill()
    wait_for(lambda: not processes(SLEEP), "the end of the container")
    assert text(opener().run("echo fine")) == "fine"


def test_stopped_for_longer_than_the_silence_and_continued(notebook):
    """As when it is busy, or somebody looks at it in a debugger: nothing is lost."""
    process, _ = notebook("2.0")
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(12)
    assert processes(SLEEP)
    os.kill(process.pid, signal.SIGCONT)
    process.stdin.write("echo went on; cat /proc/[0-9]*/comm | grep -c sleep\n")
    process.stdin.flush()
    assert process.stdout.readline() == "went on\n"
    assert process.stdout.readline() == "1\n"


def test_stopped_and_its_dagger_command_killed(notebook, opener):
    process, command = notebook()
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(command, signal.SIGKILL)
    wait_for(lambda: not processes(SLEEP), "the end of the container")


def test_cut_off_without_a_word(notebook):
    """Its machine stands still, or its network has gone, and the engine still holds the connections."""
    process, command = notebook("2.0, 12.0")
    for pid in (process.pid, command):
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: not processes(SLEEP), "the end of the container")
