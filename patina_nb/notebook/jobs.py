"""Long work in threads, so that a kernel interrupt always has an answer.

Everything that may take long runs in a worker thread, and whoever needs the result waits for it in short
ticks. A first interrupt asks the work to stop and waits for its orderly end (the command is stopped, its step
is recorded); a second one abandons the wait. A blocking magic is a `Job` waited for at once, `--background`
hands the same `Job` to the user. Workers never print, which would land in whichever cell runs then: they only
replace what was displayed before (`live`).
"""

from __future__ import annotations

import asyncio
import atexit
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from patina_nb.errors import Interrupted
from patina_nb.presentation.html import line

T = TypeVar("T")

_jobs: WeakSet[Job[Any]] = WeakSet()

TICK_S = 0.1
GRACE_S = 30.0  # to stop a command and record its step


class JobCancelled(asyncio.CancelledError):
    """Awaiting a job was interrupted; the job was asked to stop."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class Job(Generic[T]):
    """Work that goes on in the background: `await job`, `job.result()`, `job.cancel()`.

    `work` gets an event that is set when it should stop; whatever it returns or raises is the job's end.
    """

    def __init__(self, title: str, work: Callable[[threading.Event], T]) -> None:
        self.title = title
        self._work = work
        self._stop = threading.Event()
        self._future: Future[T] = Future()
        self._started = time.monotonic()
        self._ended: float | None = None
        # a daemon: a command that cannot be stopped must not keep the kernel from exiting
        self._thread = threading.Thread(target=self._run, name=title, daemon=True)
        _jobs.add(self)
        self._thread.start()

    def _run(self) -> None:
        try:
            value = self._work(self._stop)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever asks for the result
            self._ended = time.monotonic()
            self._future.set_exception(error)
        else:
            self._ended = time.monotonic()
            self._future.set_result(value)

    @property
    def done(self) -> bool:
        return self._future.done()

    @property
    def status(self) -> str:
        """In words: running, stopping, finished, or failed with the reason."""
        if not self.done:
            return "stopping" if self._stop.is_set() else "running"
        error = self._future.exception()
        return "finished" if error is None else f"failed: {error}"

    @property
    def elapsed_s(self) -> float:
        return (self._ended or time.monotonic()) - self._started

    def cancel(self) -> None:
        """Ask it to stop; returns at once. What a command had written until then is kept."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most `timeout` seconds (None: for ever) for the end; True when it is done."""
        limit = None if timeout is None else time.monotonic() + timeout
        while not self.done and (limit is None or time.monotonic() < limit):
            self._tick(limit)
        return self.done

    def _tick(self, limit: float | None) -> None:
        left = TICK_S if limit is None else min(TICK_S, max(limit - time.monotonic(), 0))
        with suppress(TimeoutError):
            self._future.exception(left)

    def result(self, timeout: float | None = None) -> T:
        """What the work returned; raises what it raised, TimeoutError when it is not done in time.

        A kernel interrupt meanwhile stops the job and raises Interrupted.
        """
        self._wait_interruptible(timeout, lambda: None)
        return self._future.result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the work raised, None when it went well; raises TimeoutError when it is not done in time."""
        self._wait_interruptible(timeout, lambda: None)
        return self._future.exception(0)

    def follow(self, tick: Callable[[], None]) -> T:
        """Wait for the result, calling `tick` ten times a second; interrupts as in `result`."""
        self._wait_interruptible(None, tick)
        return self._future.result(0)

    def _wait_interruptible(self, timeout: float | None, tick: Callable[[], None]) -> None:
        limit = None if timeout is None else time.monotonic() + timeout
        try:
            with _keyboard_interrupts():
                while not self.done and (limit is None or time.monotonic() < limit):
                    self._tick(limit)
                    tick()
        except KeyboardInterrupt:
            raise self._interrupted(tick) from None
        if not self.done:
            raise TimeoutError(f"{self.title} is not done after {timeout:g} s; it goes on.")

    def _interrupted(self, tick: Callable[[], None]) -> Interrupted:
        """Stop the work; what to tell the user. A second interrupt stops the waiting."""
        self.cancel()
        limit = time.monotonic() + GRACE_S
        with suppress(KeyboardInterrupt), _keyboard_interrupts():
            while not self.wait(TICK_S) and time.monotonic() < limit:
                tick()
        if not self.done:
            return Interrupted(f"{self.title}: no longer waited for; it was asked to stop and may still run.")
        error = self._future.exception()
        if error is None:
            return Interrupted(f"{self.title}: interrupted, but it had already finished.")
        interrupted = Interrupted(str(error))
        interrupted.step = getattr(error, "step", None)
        return interrupted

    def __await__(self) -> Generator[object, None, T]:
        # short sleeps instead of a wrapped future: only so does a cell answer an interrupt in time
        while not self.done:
            try:
                yield from asyncio.sleep(TICK_S / 2).__await__()
            except asyncio.CancelledError:
                self.cancel()
                raise JobCancelled(f"{self.title} was asked to stop.") from None
        return self._future.result(0)

    def _repr_mimebundle_(self, **_options: object) -> dict[str, str]:
        return line(f"Job {self.title}", f"{self.status}, {self.elapsed_s:.1f} s", status=True).bundle()

    def __repr__(self) -> str:
        return f"<Job {self.title}: {self.status}, {self.elapsed_s:.1f} s>"


@cache
def stop_before_exit() -> None:
    """Have jobs stopped at exit, before whatever was registered earlier (workspaces close) is done."""
    atexit.register(stop_all)


def stop_all(grace: float = 10.0) -> None:
    """Ask all jobs to stop and wait at most `grace` seconds for them."""
    running = [job for job in list(_jobs) if not job.done]
    for job in running:
        job.cancel()
    limit = time.monotonic() + grace
    for job in running:
        job.wait(max(limit - time.monotonic(), 0))


@contextmanager
def _keyboard_interrupts() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt here.

    In a cell with `await` the kernel turns it into something that a blocking call would never see.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
