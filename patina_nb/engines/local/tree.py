"""Ending a process and everything below it from outside, for boxes without a process namespace."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from patina_nb.engines.lock import started

_DEADLINE = 5.0


def descendants(pid: int) -> Iterator[int]:
    """Processes below `pid`, as far as they are not orphans of a process that ended."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def end_tree(pid: int) -> None:
    """Kill all below `pid`, which adopts orphans and is stopped meanwhile, then itself."""
    deadline = time.monotonic() + _DEADLINE
    _send(pid, signal.SIGSTOP)
    while (below := _living(pid)) and time.monotonic() < deadline:
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: nobody forks away from the second
            for child in below:
                _send(child, number)
        time.sleep(0.005)
    _send(pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _living(pid: int) -> set[int]:
    """Zombies do not count: their parent is stopped and cannot reap them."""
    return {child for child in descendants(pid) if started(child) is not None}
