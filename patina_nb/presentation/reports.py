"""How a pipeline's report looks: its state in words, the stages, the failed tests, the slowest ones, notes.

Everything in it was said by a box, so everything is escaped. The summary is made from the report alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from patina_nb.presentation import html
from patina_nb.presentation.excerpt import one_line, tail
from patina_nb.presentation.html import Piece
from patina_nb.presentation.units import duration, instant, short

if TYPE_CHECKING:
    from patina_nb.events import Case
    from patina_nb.pipeline.report import Report, Stage

SLOWEST = 5
DETAILED = 3  # failed tests whose text is shown as well
_DETAIL_LINES = 15
_PLACES = {
    "clean": "a clean environment made from the head",
    "workspace": "the session's workspace, with whatever lies there",
}


def summary(report: Report, lines: int) -> Piece:
    """A report, with the last `lines` lines of output of a stage that failed without failed tests."""
    state, _, rest = report.headline().partition(": ")
    first, _, more = rest.partition(": ")
    return html.stack(
        html.line(f"{state}: {first}", more, status=True),
        _unchanged(report),
        html.bullets("Stepped down:", report.fallbacks),
        html.facts(_facts(report), f"Check of {report.subject}"),
        _stages(report.stages),
        _failed(report),
        *_details(report),
        _slowest(report.tests),
        html.bullets("Flaky, the same tree gave another result before:", _flaky(report.tests)),
        *(html.bullets(f"Stage {stage.name}:", stage.notes) for stage in report.stages),
        html.bullets("Notes:", report.notes),
        *(piece for stage in report.stages for piece in _outputs(stage, lines)),
    )


def side_by_side(reports: Sequence[Report]) -> Piece:
    """The reports of several sessions: one table, then the failed tests of each."""
    rows = [
        (
            r.subject,
            r.status,
            "; ".join(f"{s.name} {s.status}" for s in r.stages),
            _tests_of(r),
            short(r.head_sha),
        )
        for r in reports
    ]
    bad = sum(not report.ok for report in reports)
    state = f"{bad} of {len(reports)} sessions did not pass" if bad else f"{len(reports)} sessions passed"
    old = [f"{r.subject}: unchanged since {instant(r.unchanged_since)}" for r in reports if r.unchanged_since]
    return html.stack(
        html.line(state, status=True),
        html.table(rows, ("branch", "status", "stages", "tests", "head"), "Sessions side by side"),
        html.bullets("Not run again (--fresh runs them):", old),
        *(_failed(report, of=report.subject) for report in reports),
    )


def _unchanged(report: Report) -> Piece | None:
    if report.unchanged_since is None:
        return None
    return html.line(
        f"Unchanged since {instant(report.unchanged_since)}",
        "nothing was run, this is the report of then; --fresh (fresh=True) runs it again",
    )


def _facts(report: Report) -> list[tuple[str, str | None]]:
    return [
        ("head", f"{short(report.head_sha)} (tree {short(report.tree_sha)})"),
        ("where", _PLACES[report.place]),
        ("engine", f"{report.engine} ({report.isolation})" if report.isolation else report.engine),
        ("language", report.language),
        ("steps", ", ".join(str(stage.step) for stage in report.stages if stage.step is not None) or None),
        ("started", instant(report.started_at)),
        ("lasted", None if report.unchanged_since else duration(report.duration_s)),
    ]


def _stages(stages: Sequence[Stage]) -> Piece:
    rows = [
        (
            stage.name,
            stage.status,
            _tests(stage),
            "" if stage.duration_s is None else duration(stage.duration_s),
            stage.source,
            one_line(stage.command),
        )
        for stage in stages
    ]
    return html.table(rows, ("stage", "status", "tests", "lasted", "result from", "command"), "Stages")


def _tests(stage: Stage) -> str:
    if not stage.tests:
        return "" if stage.tests is None else "none"
    if stage.status in ("timed out", "cancelled"):
        return f"{stage.count('passed')} passed until then"
    skipped = stage.count("skipped")
    return f"{stage.count('passed')} of {len(stage.tests)} passed" + (
        f", {skipped} skipped" if skipped else ""
    )


def _tests_of(report: Report) -> str:
    return "; ".join(filter(None, map(_tests, report.stages)))


def _failed(report: Report, of: str = "") -> Piece | None:
    failed = [(stage, case) for stage in report.stages for case in stage.failures]
    if not failed:
        return None
    rows = [
        (_name(case), case.status + (" (flaky)" if case.flaky else ""), one_line(case.message), _place(case))
        for _, case in failed
    ]
    title = f"Failed tests{f' of {of}' if of else ''}: {len(failed)} of {len(report.tests)}"
    return html.table(rows, ("test", "status", "message", "place"), title)


def _details(report: Report) -> list[Piece]:
    """What the first few failed tests said."""
    failed = [case for stage in report.stages for case in stage.failures if case.details]
    return [
        html.output(f"{_name(case)}:", tail(case.details, _DETAIL_LINES)[0]) for case in failed[:DETAILED]
    ]


def _slowest(tests: Sequence[Case]) -> Piece | None:
    timed = [case for case in tests if case.duration_s is not None]
    timed.sort(key=lambda case: case.duration_s or 0, reverse=True)
    if not timed:
        return None
    rows = [(_name(case), duration(case.duration_s or 0)) for case in timed[:SLOWEST]]
    return html.table(rows, ("test", "lasted"), f"Slowest tests: {len(rows)} of {len(tests)}")


def _flaky(tests: Sequence[Case]) -> list[str]:
    return [f"{_name(case)} ({case.status} now)" for case in tests if case.flaky][: html.MAX_ROWS]


def _outputs(stage: Stage, lines: int) -> list[Piece]:
    """The end of both outputs of a stage that did not pass and names no failed test."""
    if stage.ok or stage.status == "skipped" or stage.failures or lines == 0:
        return []
    both = (
        (f"Output of {stage.name}", stage.stdout),
        (f"Error output of {stage.name} (stderr)", stage.stderr),
    )
    return [
        html.output(f"{title}:", tail(output.text, lines)[0]) for title, output in both if output.total_bytes
    ]


def _name(case: Case) -> str:
    return one_line(f"{case.suite} {case.name}" if case.suite else case.name)


def _place(case: Case) -> str:
    if case.path is None:
        return ""
    return f"{case.path}:{case.line}" if case.line is not None else case.path
