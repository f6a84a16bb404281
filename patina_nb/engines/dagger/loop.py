"""The one event loop of this process: a thread of its own, which every connection to an engine shares."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

T = TypeVar("T")

_guard = threading.Lock()
_running: tuple[BlockingPortal, threading.Thread] | None = None
_OVERDUE_S = 5.0


def portal() -> BlockingPortal:
    """The portal into the loop's thread, which is started on first use and ended at exit."""
    global _running
    with _guard:
        if _running is None:
            _running = _start()
        return _running[0]


def _start() -> tuple[BlockingPortal, threading.Thread]:
    """Not anyio's `start_blocking_portal`: a fork would stop the portal of its parent, and wait for ever."""
    import anyio
    from anyio.from_thread import BlockingPortal

    made: Future[BlockingPortal] = Future()

    async def serve() -> None:
        async with BlockingPortal() as opened:
            made.set_result(opened)
            await opened.sleep_until_stopped()

    def work() -> None:
        try:
            anyio.run(serve)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the portal
            if not made.done():
                made.set_exception(error)

    thread = threading.Thread(target=work, name="patina-dagger", daemon=True)
    thread.start()
    return made.result(), thread


def run(work: Callable[[], Awaitable[T]], timeout: float | None = None) -> T:
    """Call `work` in the loop's thread and wait for what it returns; from any other thread.

    An exception in the waiting thread (KeyboardInterrupt above all) cancels the work first. Raises
    TimeoutError after `timeout` seconds, and whatever `work` raises.
    """
    future = start(work, timeout)
    try:
        return future.result(None if timeout is None else timeout + _OVERDUE_S)
    except BaseException:
        future.cancel()
        raise


def start(work: Callable[[], Awaitable[T]], timeout: float | None = None) -> Future[T]:
    """As `run`, without waiting; cancelling the future cancels the work."""

    async def bounded() -> T:
        import anyio

        with anyio.fail_after(timeout):
            return await work()

    return portal().start_task_soon(bounded)


def stop() -> None:
    """End the loop and its thread; what still runs in it is waited for, so cancel that first."""
    global _running
    with _guard:
        running, _running = _running, None
    if running is not None:
        opened, thread = running
        with suppress(RuntimeError):  # it has ended already
            opened.call(opened.stop)
        thread.join()


def _forget() -> None:
    """After a fork the child has no such thread; it gets its own when it needs one."""
    global _running, _guard
    _running, _guard = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
atexit.register(stop)
