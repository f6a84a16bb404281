"""Figures as a reader takes them in: durations, short ids, counts, points in time."""

from __future__ import annotations

from datetime import datetime


def duration(seconds: float) -> str:
    """Seconds as a reader compares them: ``42 ms``, ``12.3 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def short(sha: str) -> str:
    """The first ten digits of a commit id."""
    return sha[:10]


def engine_with(engine: str, isolation: str) -> str | None:
    """``local (bubblewrap 0.11.0: files isolated)``: an engine and its badge in a line; None for none."""
    return f"{engine} ({isolation})" if isolation else engine or None


def plural(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def instant(at: datetime | None) -> str | None:
    """A point in time, to the second, in UTC."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
