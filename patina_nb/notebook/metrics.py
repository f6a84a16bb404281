"""How the metrics of a repository look: a table of what is known, and charts of what has data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from patina_nb.presentation import html
from patina_nb.presentation.html import Piece
from patina_nb.presentation.units import duration, plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from patina_nb.frames import Gathered
    from patina_nb.transcripts.model import ReadError

_SHOWN_ERRORS = 10


def summary(metrics: pd.DataFrame, groups: list[str]) -> Piece:
    """The metrics that are known; the others are named below."""
    known = metrics[metrics["value"].notna()]
    columns = ("metric", *groups, "value", "95 % interval", "n", "missing")
    rows = [_row(row, groups) for row in known.to_dict("records")]
    without = [name for name in metrics["metric"].unique() if name not in set(known["metric"])]
    names = known["metric"].nunique()
    return html.stack(
        html.line(f"{plural(names, 'metric')} known", f"{len(without)} not known yet", status=True),
        html.table(rows, columns, "Metrics, as docs/metrics.md defines them") if rows else None,
        html.line("Not known yet", ", ".join(without)) if without else None,
    )


def unread(errors: Iterable[ReadError]) -> Piece | None:
    """Files that could not be read."""
    messages = [error.message for error in errors]
    more = [f"and {len(messages) - _SHOWN_ERRORS} more"] if len(messages) > _SHOWN_ERRORS else []
    return html.bullets("Could not be read:", [*messages[:_SHOWN_ERRORS], *more])


def charts(gathered: Gathered, *, redact: bool = False) -> Iterator[Axes]:
    """The charts for which there is data; raises FrameError when matplotlib is not installed."""
    from patina_nb import frames
    from patina_nb.frames import plots

    sessions, _ = frames.sessions(gathered, strict=False, redact=redact)
    if sessions["cost_usd"].notna().any():
        yield plots.cost_by_session(sessions)
    if sessions["total_tokens"].notna().any():
        yield plots.tokens_by_kind(sessions)
    if (sessions["resolved"].notna() | sessions["time_to_green_s"].notna()).any():
        yield plots.time_to_green(sessions)


def _row(row: dict[Any, Any], groups: list[str]) -> list[html.Cell]:
    low, high = _figure(row["ci_low"], row["unit"]), _figure(row["ci_high"], row["unit"])
    between = None if low is None and high is None else f"{low or '?'} to {high or '?'}"
    names = [_name(row[group]) for group in groups]
    value = _figure(row["value"], row["unit"])
    return [row["metric"], *names, value, between, int(row["n"]), int(row["n_missing"])]


def _figure(value: Any, unit: str) -> str | None:  # noqa: ANN401 - a number or NA
    import pandas as pd

    if pd.isna(value):
        return None
    if unit == "s":
        return duration(float(value))
    if unit == "0..1":
        return f"{100 * float(value):.3g} %"
    figure = f"{float(value):.4g}"
    return f"{figure} {unit.removesuffix('s') if figure == '1' else unit}"


def _name(value: Any) -> str | None:  # noqa: ANN401 - a cell
    import pandas as pd

    return None if pd.isna(value) else str(value)
