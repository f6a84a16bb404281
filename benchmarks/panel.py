"""The panel's table of 200 sessions: reading it at first, and looking again once a second."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks import repositories
from benchmarks.timing import Row, in_turn, timed

SESSIONS = 200


def rows(scratch: Path) -> list[Row]:
    """Baseline: reading all journals from their beginning."""
    from patina_nb import session
    from patina_nb.notebook.panel.overview import Overview
    from patina_nb.project import open_project

    project = open_project(repositories.make(scratch / "panel", 30))
    started = [session.start(project, f"task {n}", session=f"task-{n}") for n in range(SESSIONS)]
    known = Overview(project)
    first = timed(known.read)
    again, fresh = in_turn(known.read, lambda: Overview(project).read(), runs=9)

    def changed() -> None:
        started[0].update("one more thing was learnt")
        known.read()

    after_change = statistics.median(timed(changed) for _ in range(9))
    what = f"panel, {SESSIONS} sessions"
    baseline = "reading all journals"
    return [
        Row(f"{what}: first look", first, baseline, fresh, "<= 1000 ms", first <= 1000, 1),
        Row(f"{what}: look again", again, baseline, fresh, "<= 50 ms", again <= 50, 9),
        Row(f"{what}: after one event", after_change, baseline, fresh, "<= 50 ms", after_change <= 50, 9),
    ]
