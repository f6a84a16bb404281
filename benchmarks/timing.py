"""Medians of things measured in turn, so that a noisy machine disturbs all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of the table; times in milliseconds."""

    what: str
    ours_ms: float
    baseline: str
    baseline_ms: float
    goal: str
    met: bool
    runs: int

    @property
    def ratio(self) -> float:
        return self.ours_ms / self.baseline_ms


def timed(action: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def in_turn(
    *actions: Callable[[], object],
    runs: int,
    warm_up: int = 3,
    between: Callable[[], object] = lambda: None,
) -> list[float]:
    """The median of each in milliseconds, all called in turn, `between` before each call.

    What one of them leaves to be done or put away is then no part of another's time.
    """
    rounds = []
    for _ in range(warm_up + runs):
        times = []
        for action in actions:
            between()
            times.append(timed(action))
        rounds.append(times)
    between()
    return [statistics.median(times) for times in zip(*rounds[warm_up:], strict=True)]


def pause() -> None:
    """Between the steps of an agent, which thinks for seconds: the background comes to rest."""
    time.sleep(0.2)
