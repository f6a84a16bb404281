"""The event loop of the process: `patina_nb.engines.dagger.loop`. Needs no engine."""

from __future__ import annotations

import threading

import pytest

from patina_nb.engines.dagger import loop
from tests.workspaces.support import run_python


async def one() -> int:
    return 1


def test_from_many_threads():
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(loop.run(one, 30))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8


def test_the_time_limit_and_errors():
    async def for_ever() -> None:
        import anyio

        await anyio.sleep_forever()

    async def wrong() -> None:
        raise ValueError("not me")

    with pytest.raises(TimeoutError):
        loop.run(for_ever, 0.1)
    with pytest.raises(ValueError, match="not me"):
        loop.run(wrong, 30)


def test_stopped_and_used_again():
    assert loop.run(one, 30) == 1
    loop.stop()
    loop.stop()
    assert loop.run(one, 30) == 1


def test_a_fork_has_a_loop_of_its_own():
    """As multiprocessing makes them: the child neither waits for the parent's loop nor ends it."""
    code = (
        "import os, sys, time\nfrom patina_nb.engines.dagger import loop\n"
        "async def one():\n    return 1\n"
        "loop.run(one, 30)\n"
        "child = os.fork()\n"
        "if child == 0:\n    loop.run(one, 30)\n    sys.exit(7)\n"
        "_, status = os.waitpid(child, 0)\n"
        "print(os.waitstatus_to_exitcode(status), loop.run(one, 30))\n"
    )
    assert run_python(code) == "7 1"
