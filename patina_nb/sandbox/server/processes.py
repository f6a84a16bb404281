"""Who runs below whom, and how to end all of them.

Every worker adopts the orphans below it, so the tree of a command is exactly what runs below its worker, however often it
forked, detached or began a session. Killing such a tree one process after the other never ends when it is a fork bomb: each
killed process frees a place that the rest forks into. Hence three steps, each for what survived the one before:

1. SIGKILL to the command's process group, which the kernel does in one go;
2. rounds of SIGSTOP until nobody new shows up (a stopped process forks no more, and keeps its place), then SIGKILL;
3. where process 1 is ours, it stops the whole box in one go, kills the tree, and lets the others go on.
"""

from __future__ import annotations

import os
import signal
from collections import namedtuple
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from time import monotonic

from .children import Children

TREE_DEADLINE_S = 5.0
CALM_S = 0.5  # for the rounds, before the whole box is stopped
MANY = 50  # who survive the end of their group are too many for rounds
_GROUP_S = 0.02  # for what a killed process group leaves behind to be reaped
_ROUND_S = 0.002

Task = namedtuple("Task", "parent group state")  # noqa: PYI024 (typing costs 4 ms of every start)
_NOBODY: frozenset[int] = frozenset()


def tasks() -> dict[int, Task]:
    """Every process that /proc shows."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            task = _task(name)
            if task is not None:
                found[int(name)] = task
    return found


def _task(pid: str) -> Task | None:
    try:
        fd = os.open("/proc/%s/stat" % pid, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        stat = os.read(fd, 1024)
    except ProcessLookupError:
        return None
    finally:
        os.close(fd)
    state, parent, group = stat.rpartition(b") ")[2].split(None, 3)[:3]
    return Task(int(parent), int(group), state)


def below(
    roots: AbstractSet[int], all_tasks: dict[int, Task], spare: AbstractSet[int] = _NOBODY
) -> dict[int, Task]:
    """Descendants of `roots`, without the roots, the spared and what runs below the spared."""
    children: dict[int, list[int]] = {}
    for pid, task in all_tasks.items():
        children.setdefault(task.parent, []).append(pid)
    found: dict[int, Task] = {}
    queue = list(roots)
    while queue:
        for pid in children.get(queue.pop(), ()):
            if pid not in found and pid not in roots and pid not in spare:
                found[pid] = all_tasks[pid]
                queue.append(pid)
    return found


def send(pid: int, number: int) -> None:
    """kill(2) for a process that may have gone in the meantime or belong to somebody else."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def send_group(group: int, number: int) -> None:
    """killpg(2), with the same indulgence."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


class Hunt:
    """Kills what runs below some processes, round by round."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._began = monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the hunt began."""
        return monotonic() - self._began

    def round(self, roots: AbstractSet[int], spare: AbstractSet[int] = _NOBODY) -> list[int]:
        """Look once and signal; returns who was alive at the look."""
        found = below(roots, tasks(), spare)
        stable = self._seen.issuperset(found)
        number = signal.SIGKILL if stable else signal.SIGSTOP
        # Groups first: atomic against fork. Commands begin sessions, so no stranger is in their groups;
        # 0 is a group outside of our process namespace, and would mean our own.
        for group in {task.group for task in found.values()} - {0, 1, os.getpgrp()}:
            send_group(group, number)
        for pid in found:
            send(pid, number)
        self._seen.update(found)
        return [pid for pid, task in found.items() if task.state not in (b"Z", b"X")]


def end_tree(
    children: Children, group: int | None, stop_world: Callable[[], None] | None, tick: Callable[[], None]
) -> list[int]:
    """Kill all that runs below this process; returns who could not be killed within TREE_DEADLINE_S.

    `group` is the process group of the command while its leader is not reaped, else None. `tick` is
    called between rounds. `stop_world` asks process 1 for step 3; None = there is no such thing here.
    """
    if group is not None:
        send_group(group, signal.SIGKILL)
    hunt = Hunt()
    while not children.none_left and hunt.spent < _GROUP_S:
        children.wait(_GROUP_S)
        children.reap()
    left: list[int] = []
    while not children.none_left and hunt.spent < TREE_DEADLINE_S:
        left = hunt.round({os.getpid()})
        children.wait(_ROUND_S)
        children.reap()
        tick()
        if stop_world is not None and (hunt.spent > CALM_S or len(left) > MANY):
            stop_world()
            stop_world = None
    return [] if children.none_left else left


def stop_the_world(root: int, spare: AbstractSet[int] = _NOBODY) -> None:
    """Kill all that runs below `root`, except the spared, while the whole box stands still; only for process 1 of a box.

    kill(-1) is atomic against fork and spares process 1 and the caller, here the same: nobody can fork
    away, wake the others, or stop us.
    """
    if os.getpid() != 1:
        raise RuntimeError("only process 1 of a process namespace may stop it")
    resting = {pid for pid, task in tasks().items() if task.state in (b"T", b"t")}
    os.kill(-1, signal.SIGSTOP)
    try:
        world = tasks()
        doomed = below({root}, world, spare)
        for pid in doomed:
            send(pid, signal.SIGKILL)
    except BaseException:
        os.kill(-1, signal.SIGCONT)
        raise
    for pid in set(world) - set(doomed) - resting - {1}:
        send(pid, signal.SIGCONT)
