"""Rows of `runs`: steps, stages of pipelines and launches of agents, each from its begin and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...reading.gather import Gathered
from ...reading.objects import trees
from ...reading.texts import whole
from ...words import translated

if TYPE_CHECKING:
    import pandas as pd

STATUS = {
    "ok": "ok",
    "passed": "ok",
    "failed": "failed",
    "timed out": "timeout",
    "cancelled": "cancelled",
    "out of memory": "error",
    "error": "error",
    "tool missing": "error",
    "no tests ran": "error",
}
"""Words of the journal -> values of the column; for any other word, also "unknown", it is NA."""

_STEPS = """
select session_id || '/' || number as run_id, session_id, 'command' as kind, s.command,
    s."at" as started_at, f."at" as ended_at, f.duration_s, f.exit_code, f.status,
    coalesce(f.commit, f.parent) as head_sha, f.tree_sha, s.engine as backend, false as cached,
    f.stdout_bytes, f.stderr_bytes, s.side, coalesce(s.journal, f.journal) as journal,
    coalesce(f.event_id, s.event_id) as event_id, coalesce(s.file, f.file) as file, number as place
from (from steps where kind = 'step-started' and number is not null) s
full join (from steps where kind = 'step-finished' and number is not null) f using (session_id, number)
"""
_CHECKS = """
select "check" || '/' || stage as run_id, session_id, 'verify' as kind, command,
    case when duration_s between 0 and 1e8 then "at" - to_microseconds((duration_s * 1e6)::bigint) end
        as started_at,
    "at" as ended_at, duration_s, exit_code, status, head_sha, tree_sha, engine as backend, cached,
    stdout_bytes, stderr_bytes, side, journal, event_id, file, 0 as place
from others
where kind = 'check-finished' and "check" is not null and stage is not null and duration_s is not null
"""
_LAUNCHES = """
select launch as run_id, session_id, 'agent' as kind,
    coalesce(nullif(s.command, ''), s.agent, f.agent) as command,
    s."at" as started_at, f."at" as ended_at, f.duration_s, f.exit_code, f.status,
    coalesce(f.head_sha, s.head_sha) as head_sha, f.tree_sha, s.engine as backend, false as cached,
    f.stdout_bytes, f.stderr_bytes, s.side, coalesce(s.journal, f.journal) as journal,
    coalesce(f.event_id, s.event_id) as event_id, coalesce(s.file, f.file) as file, 0 as place
from (from others where kind = 'agent-started' and launch is not null) s
full join (from others where kind = 'agent-finished' and launch is not null) f using (session_id, launch)
"""
_RUNS = f"({_STEPS}) union all ({_CHECKS}) union all ({_LAUNCHES})"


def make(gathered: Gathered) -> pd.DataFrame:
    """All runs, by time."""
    import pandas as pd

    events = gathered.events
    rows = events.in_order(_RUNS, "started_at", "file", "place")
    if rows["run_id"].nunique() < len(rows):  # of a copied file: the same event twice
        rows = rows.sort_values("event_id", kind="stable").drop_duplicates("run_id", keep="last")
        rows = rows.sort_values(["started_at", "run_id"], ignore_index=True)
    rows["command"] = whole(rows, "command", events)
    rows["tree_sha"] = _with_trees(rows, gathered)
    rows["status"] = translated(rows["status"], STATUS)
    rows.loc[rows["status"].isna(), "duration_s"] = pd.NA  # how it ended is not known: nor when
    rows["backend"] = rows["backend"].replace("", pd.NA)
    return rows.drop(columns=["side", "journal", "event_id", "file", "place"])


def _with_trees(rows: pd.DataFrame, gathered: Gathered) -> pd.Series[str]:
    """`tree_sha`; that of a run which changed nothing is the tree of its head."""
    given = rows["tree_sha"]
    for number, journal in enumerate(gathered.journals):
        lacking = rows["tree_sha"].isna() & rows["head_sha"].notna() & (rows["journal"] == number)
        if journal.repository is not None and lacking.any():
            found = trees(journal.repository, rows.loc[lacking, "head_sha"].unique())
            given = given.fillna(rows["head_sha"].where(lacking).map(found).astype("string"))
    return given
