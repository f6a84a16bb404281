"""Rows of `sessions`: who, where and when from journals and transcripts, figures from the other frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...reading.gather import Gathered
from .activity import active
from .columns import FRAME
from .figures import of_calls, of_moments, of_tools
from .members import described, members
from .merging import merged
from .reports import with_reports
from .verdicts import Verification, first_green, last_tests, resolved

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Parts:
    """The other frames that sessions are made from; `busy` is from `activity`."""

    runs: pd.DataFrame
    calls: pd.DataFrame  # with the column ``agent_session``: the agent's own id of the session
    tools: pd.DataFrame
    tests: pd.DataFrame
    merges: pd.DataFrame
    busy: pd.DataFrame


def make(gathered: Gathered, parts: Parts, verification: Verification) -> pd.DataFrame:
    """All sessions, by their start."""
    import pandas as pd

    found = members(gathered)
    if not found:
        return FRAME.empty()
    rows = described(found, gathered.session_ids).set_index("session_id")
    figures = pd.concat(
        [of_calls(parts.calls), of_tools(parts.tools), of_moments(gathered, parts.tools)], axis=1
    )
    rows = rows.join(figures.drop(columns="n_rejected"))
    rows = _counted(rows, [member.session_id for member in found if member.infos])
    rows = with_reports(rows, found, parts.calls)
    rows["active_s"] = active(gathered, parts.runs, parts.busy).astype("Float64")
    rows["resolved"] = pd.Series(
        resolved(gathered.own, verification, parts.runs, parts.tests), dtype="boolean"
    )
    green = first_green(verification, parts.runs)
    rows["time_to_green_s"] = (green - rows["started_at"]).dt.total_seconds().astype("Float64")
    rows = rows.join(last_tests(verification, parts.runs, parts.tests))
    rows["merged"] = pd.Series(merged(gathered.own, parts.merges), dtype="boolean")
    return rows.reset_index().sort_values(["started_at", "session_id"], ignore_index=True)


def _counted(rows: pd.DataFrame, read: Iterable[str]) -> pd.DataFrame:
    """0 where a transcript was read and has none."""
    looked = rows.index.isin(list(read))
    for name in ("n_model_calls", "n_tool_calls", "n_tool_errors", "n_unpriced"):
        rows[name] = rows[name].mask(looked & rows[name].isna(), 0)
    return rows
