"""What a pipeline came to: a report of stages, and of their tests where a test report could be had."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from patina_nb.errors import Interrupted
from patina_nb.events import Case
from patina_nb.sandbox.protocol import Output

Status = Literal[
    "passed", "failed", "error", "skipped", "timed out", "cancelled", "tool missing", "no tests ran"
]
PlaceName = Literal["clean", "workspace"]
NOTHING = Output()


@dataclass(frozen=True)
class Stage:
    """One stage. `tests` None = there was no test report: `source` says so, and the exit code decided.

    `duration_s` None = it was not run.
    """

    name: str
    command: str
    status: Status
    exit_code: int | None = None
    signal: int | None = None
    duration_s: float | None = None
    tests: tuple[Case, ...] | None = None
    source: str = ""
    stdout: Output = NOTHING
    stderr: Output = NOTHING
    notes: tuple[str, ...] = ()
    step: int | None = None  # the step it was, where it ran in the workspace

    @property
    def ok(self) -> bool:
        return self.status == "passed"

    def count(self, status: str) -> int | None:
        """How many tests have this status; None = not known."""
        return None if self.tests is None else Counter(case.status for case in self.tests)[status]

    @property
    def failures(self) -> tuple[Case, ...]:
        """The tests that neither passed nor were skipped."""
        return tuple(case for case in self.tests or () if case.status not in ("passed", "skipped"))


@dataclass(frozen=True)
class Report:
    """What lint, build or test came to for one tree. A value; shown as a summary in a notebook."""

    id: str
    session_id: str | None  # None = the user's own HEAD
    place: PlaceName
    stages: tuple[Stage, ...]
    head_sha: str
    tree_sha: str
    engine: str
    isolation: str
    language: str
    started_at: datetime  # UTC
    duration_s: float
    fallbacks: tuple[str, ...] = ()  # each step down from the engine that was wished for, and why
    notes: tuple[str, ...] = ()
    unchanged_since: datetime | None = None  # nothing was run: this is the report of then

    @property
    def status(self) -> Status:
        """That of the first stage that did not pass, else passed."""
        return next((stage.status for stage in self.stages if not stage.ok), "passed")

    @property
    def ok(self) -> bool:
        return self.status == "passed"

    @property
    def tests(self) -> tuple[Case, ...]:
        """The tests of all stages."""
        return tuple(case for stage in self.stages for case in stage.tests or ())

    @property
    def subject(self) -> str:
        """What was checked, for people."""
        return f"agent/{self.session_id}" if self.session_id else "HEAD"

    def stage(self, name: str) -> Stage:
        """The stage of that name; raises KeyError."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def headline(self) -> str:
        """One sentence: ``agent/auth: test failed: 3 of 12 tests failed``."""
        first = next((stage for stage in self.stages if not stage.ok), self.stages[-1])
        names = ", ".join(stage.name for stage in self.stages if stage.ok) if self.ok else first.name
        return f"{self.subject}: {names} {self.status}{_of_tests(first)}"

    def __repr__(self) -> str:
        when = f", unchanged since {self.unchanged_since:%Y-%m-%d %H:%M} UTC" if self.unchanged_since else ""
        return f"<Report {self.headline()}{when}>"


def _of_tests(stage: Stage) -> str:
    if not stage.tests:
        return "" if stage.exit_code in (None, 0) else f": exit code {stage.exit_code}"
    passed, skipped = stage.count("passed") or 0, stage.count("skipped") or 0
    some = f", {skipped} skipped" if skipped else ""
    if stage.status in ("timed out", "cancelled"):  # how many there are is not known
        return f": {passed} test{'s' * (passed != 1)} passed{some} until then"
    return f": {passed} of {len(stage.tests)} tests passed{some}"


class PipelineInterrupted(Interrupted):
    """A pipeline was interrupted; `step` is its report until then."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"Interrupted. {report.headline()}.")
        self.step = report
