"""Running Python that uses a Dagger client: in the calling thread, with an event loop of its own.

A loop of its own, because such code may block; the loop of the connections must not. What the code leaves
running ends with it, and stopping it ends its commands in the engine.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from patina_nb.engines.dagger import anyloop, pool, records, telemetry
from patina_nb.engines.dagger.connection import Connection
from patina_nb.engines.dagger.connections import on_connect
from patina_nb.engines.dagger.failures import EngineGoneError, is_gone
from patina_nb.engines.dagger.telemetry import Watch
from patina_nb.errors import Interrupted

if TYPE_CHECKING:
    import dagger

    from patina_nb.project import Project

T = TypeVar("T")

TICK_S = 0.2
STUBBORN_S = 3.0  # code that does not await anything by then is interrupted where it is


on_connect(telemetry.variables)


def connection_for(project: Project | None, session_id: str | None) -> Connection:
    """A connection to the engine that the session's workspace is on, else to the one it would be on.

    Raises EngineUnavailableError.
    """
    if project is None:
        return pool.find(pool.addresses(), "", None)[0]
    known = records.session(records.project_place(project.id), session_id) if session_id else None
    found = pool.addresses(project.design.workspace.runners)
    return pool.find(found, f"{project.id} {session_id or ''}", known.runner if known else None)[0]


def run(
    work: Callable[[dagger.Client], Awaitable[T]],
    connection: Connection,
    watch: Watch,
    cancel: threading.Event,
    *,
    on_tick: Callable[[], None] = lambda: None,
) -> T:
    """Call `work` with a client and give what it returns, after all its output has come.

    Args:
        work: its requests and their output belong to `watch`. The objects that it makes can be used later,
            in any loop.
        cancel: when set, the work is cancelled and its commands end.
        on_tick: called about five times a second, from another thread.

    Raises:
        Interrupted: it was cancelled. EngineGoneError: the engine ended. Else whatever `work` raises.
    """
    client = anyloop.client(connection)

    async def within() -> T:
        with watch.attached():
            return await work(client)

    try:
        with asyncio.Runner() as runner, _attended(runner.get_loop(), cancel, on_tick):
            return runner.run(within())
    except BaseException as error:
        if cancel.is_set():
            raise Interrupted("The pipeline was stopped, and its commands in the engine.") from error
        if is_gone(error):
            raise EngineGoneError(
                "The Dagger engine has gone while the pipeline ran: run the cell again when it is back."
            ) from error
        raise
    finally:
        if not cancel.is_set():  # of commands that were stopped no end comes
            watch.settle()


@contextmanager
def _attended(
    loop: asyncio.AbstractEventLoop, cancel: threading.Event, on_tick: Callable[[], None]
) -> Iterator[None]:
    """Within it another thread calls `on_tick` and looks whether the work is to be cancelled."""
    ended = threading.Event()
    worker = threading.get_ident()

    def attend() -> None:
        asked = 0.0
        while not ended.wait(TICK_S):
            on_tick()
            if cancel.is_set() and not asked:
                asked = time.monotonic()
                loop.call_soon_threadsafe(_cancel_all, loop)
            elif asked and time.monotonic() > asked + STUBBORN_S:
                asked = time.monotonic()
                _interrupt(worker)

    attendant = threading.Thread(target=attend, name="patina-pipeline", daemon=True)
    attendant.start()
    try:
        yield
    finally:
        ended.set()
        attendant.join()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


def _interrupt(thread: int) -> None:
    """Raise KeyboardInterrupt in a thread, at its next instruction of Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))
