"""Several engines: which one a session lives on.

A session is placed by rendezvous hashing of its id, so that every process comes to the same answer and a new
runner takes over its share only. From then on it stays where its workspace is, while that runner answers.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence

from patina_nb.engines.dagger import runners
from patina_nb.engines.dagger.connection import Connection
from patina_nb.engines.dagger.connections import connect
from patina_nb.errors import EngineUnavailableError

VARIABLE = "PATINA_DAGGER_RUNNERS"


def addresses(named: Sequence[str] = ()) -> list[str]:
    """The runners to choose from: those of the environment, else the `named` ones; none = the usual one.

    Raises EngineUnavailableError for what is no address.
    """
    found = [word for word in re.split(r"[\s,]+", os.environ.get(VARIABLE, "")) if word] or list(named)
    return [runners.configured(address).address or "" for address in dict.fromkeys(found)]


def ranking(found: Sequence[str], session: str) -> list[str]:
    """All runners, the one that `session` belongs to first (highest random weight)."""

    def weight(address: str) -> bytes:
        return hashlib.sha256(f"{address}\0{session}".encode()).digest()

    return sorted(found, key=weight, reverse=True)


def find(found: Sequence[str], session: str, stays: str | None) -> tuple[Connection, str]:
    """A connection for the session, and why it is not to the runner `stays` that it was on (empty = it is).

    Raises EngineUnavailableError with the reason of each runner.
    """
    if not found:
        return connect(), ""
    first = [stays] if stays in found else []
    order = [*first, *(address for address in ranking(found, session) if address not in first)]
    reasons: list[str] = []
    moved = f"the runner {stays} is not among those that are named" if stays and not first else ""
    for address in order:
        try:
            connection = connect(address)
        except EngineUnavailableError as error:
            reasons.append(str(error).partition("; ")[0])
        else:
            gone = reasons[0] if first and address != stays else ""
            return connection, gone or moved
    raise EngineUnavailableError(f"none of the {len(order)} runners can be used: {'; '.join(reasons)}")
