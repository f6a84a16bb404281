"""The connections of this process to Dagger engines: one per runner, kept until the process ends.

    connection = connect()                                   # the runner of the environment
    version = connection.run(connection.client.version, timeout=5)
    data = connection.query("{ version }")

When an engine has gone, the next `connect` makes a new connection.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
from collections.abc import Callable, Mapping

from patina_nb.engines.dagger import runners
from patina_nb.engines.dagger.connection import Connection
from patina_nb.engines.dagger.runners import Runner

Environment = Callable[[Runner], Mapping[str, str]]

CONNECT_S = 20.0  # for an engine that runs
LAUNCH_S = 600.0  # for one that is to be started, its image downloaded first

_environments: list[Environment] = []
_connections: dict[Runner, Connection] = {}
_locks: dict[Runner, threading.Lock] = {}
_guard = threading.Lock()


def on_connect(environment: Environment) -> None:
    """From now on each new connection's command gets these variables as well (where to send telemetry)."""
    if environment not in _environments:
        _environments.append(environment)


def connect(runner: str | None = None, *, timeout: float | None = None) -> Connection:
    """The connection to that runner, else to the one of the environment; made when there is none that works.

    Args:
        runner: an address as ``_EXPERIMENTAL_DAGGER_RUNNER_HOST`` takes it.
        timeout: seconds for connecting; default: `CONNECT_S`, or `LAUNCH_S` where an engine must be started.

    Raises EngineUnavailableError with what to install or to start.
    """
    where = runners.configured(runner)
    with _guard:
        mine = _locks.setdefault(where, threading.Lock())
    with mine:
        known = _connections.get(where)
        if known is not None:
            if known.ping():
                return known
            known.close()
        patience = timeout or (LAUNCH_S if where.launches else CONNECT_S)
        made = Connection(where, patience, functools.partial(_variables, where))
        _connections[where] = made
        return made


def close_all() -> None:
    """Close every connection of this process."""
    for known in list(_connections.values()):
        known.close()


def _variables(runner: Runner) -> dict[str, str]:
    return {name: value for found in _environments for name, value in found(runner).items()}


def _forget() -> None:
    """After a fork: the connections are the parent's."""
    global _guard
    for known in _connections.values():
        known.forget()
    _connections.clear()
    _locks.clear()
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_forget)
atexit.register(close_all)
