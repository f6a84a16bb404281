"""The last test report of a session, as its journal tells it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from patina_nb import events

STAGE = "test"


@dataclass(frozen=True)
class TestResult:
    """What the newest run of tests came to. None = not known: it left no report, only an exit code.

    `current` False = they ran on another tree than the one that the branch ends with. `place` is that of the
    event: "clean", or "workspace" (where files that are on no branch took part).
    """

    __test__ = False  # no test class

    status: str  # as of a stage: passed, failed, error, timed out, cancelled, tool missing, no tests ran
    passed: int | None
    total: int | None
    at: datetime
    place: str
    head_sha: str | None
    current: bool | None
    command: str  # with what was selected by -k and further words

    @property
    def words(self) -> str:
        """In words: ``failed: 3 of 12 passed``."""
        counted = "" if self.total is None else f": {self.passed} of {self.total} passed"
        where = " in the workspace" if self.place == "workspace" else ""
        at = f" ({self.head_sha[:10]})" if self.head_sha else ""
        old = f", on an earlier state of the branch{at}" if self.current is False else ""
        return f"{self.status}{counted}{where}{old}"


def last_tests(happened: Iterable[events.Event], tree: str | None = None) -> TestResult | None:
    """The result of the newest run that ran tests; None when none did. `tree`: what the branch ends with.

    Tests are the stage ``test`` and every stage whose report names test cases. A stage that was skipped, as
    an earlier one did not pass, ran none.
    """
    ran = [event for event in happened if isinstance(event, events.CheckFinished) and _ran_tests(event)]
    if not ran:
        return None
    stages = [event for event in ran if event.check == ran[-1].check]
    last = stages[-1]
    counted = [counts for event in stages if (counts := _counts(event)) is not None]
    known = len(counted) == len(stages)
    return TestResult(
        status=next((event.status for event in stages if event.status != "passed"), "passed"),
        passed=sum(passed for passed, _ in counted) if known else None,
        total=sum(total for _, total in counted) if known else None,
        at=last.at,
        place=last.place,
        head_sha=last.head_sha,
        current=_same(stages, tree),
        command="; ".join(event.command for event in stages),
    )


def _ran_tests(event: events.CheckFinished) -> bool:
    return event.status != "skipped" and (event.stage == STAGE or event.passed is not None)


def _counts(event: events.CheckFinished) -> tuple[int, int] | None:
    """How many tests of a stage passed, and of how many."""
    counts = (event.passed, event.failed, event.errors, event.skipped)
    if event.passed is None or any(number is None for number in counts):
        return None
    return event.passed, sum(number or 0 for number in counts)


def _same(stages: Sequence[events.CheckFinished], tree: str | None) -> bool | None:
    """Did they look at this tree? None = not known."""
    trees = {event.tree_sha for event in stages}
    return None if tree is None or None in trees else trees == {tree}
