"""The one thread that starts boxes.

A box dies with its parent, and for the kernel that is the thread that started it, not the process:
boxes started by a worker thread would end with that thread. So one thread that never ends starts all.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future

Started = subprocess.Popen[bytes]
_Job = tuple[Callable[[], Started], "Future[Started]"]

_lock = threading.Lock()
_jobs: queue.SimpleQueue[_Job] | None = None


def start(argv: Sequence[str], *, pass_fds: Collection[int], stderr: int) -> Started:
    """Start a process that dies with this one, with an empty environment; raises OSError."""

    def spawn() -> Started:
        return subprocess.Popen(
            argv,
            env={},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            close_fds=True,
            pass_fds=tuple(pass_fds),
            start_new_session=True,  # a Ctrl-C in the notebook's terminal is not for the box
        )

    future: Future[Started] = Future()
    _queue().put((spawn, future))
    return future.result()


def _queue() -> queue.SimpleQueue[_Job]:
    global _jobs
    with _lock:
        if _jobs is None:
            _jobs = queue.SimpleQueue()
            threading.Thread(target=_run, args=(_jobs,), name="patina-boxes", daemon=True).start()
        return _jobs


def _run(jobs: queue.SimpleQueue[_Job]) -> None:
    while True:
        job, future = jobs.get()
        try:
            future.set_result(job())
        except OSError as error:
            future.set_exception(error)


def _forget() -> None:
    """After a fork the child has no such thread; it gets its own when it needs one."""
    global _jobs, _lock
    _jobs, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
