"""What a stage came to: from how its command ended and what its report says to one word, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from patina_nb.pipeline.command import StageCommand
from patina_nb.pipeline.readers.common import Reading
from patina_nb.pipeline.report import Status
from patina_nb.pipeline.tools import missing_tool
from patina_nb.sandbox.protocol import ExecResult


@dataclass(frozen=True)
class Verdict:
    """A status, and what must be said about it."""

    status: Status
    notes: tuple[str, ...] = ()


def judge(command: StageCommand, result: ExecResult, reading: Reading | None, limit: float | None) -> Verdict:
    """The status of a stage; `reading` None = there is no test report, the exit code decides."""
    broken = _broken_off(result, limit)
    if broken is not None:
        return _where(broken, command, result)
    return _missing(result, reading) or _ended(command, result, reading)


def _where(broken: Verdict, command: StageCommand, result: ExecResult) -> Verdict:
    """With the place where the tests were, when they were stopped."""
    place = command.tool.stopped_at(result.stdout.text) if command.tool else None
    return broken if place is None else replace(broken, notes=(*broken.notes, f"It was at {place}."))


def _broken_off(result: ExecResult, limit: float | None) -> Verdict | None:
    if result.lost is not None:
        return Verdict("error", (f"How it ended is not known: {result.lost}.",))
    if result.error is not None:
        return Verdict("error", (f"It could not be started: {result.error}.",))
    if result.cancelled:
        return Verdict("cancelled", ("It was stopped; what is shown are the results until then.",))
    if result.timed_out:
        allowed = f"{limit:g} s" if limit is not None else "its time"
        return Verdict(
            "timed out", (f"It took longer than {allowed} and was stopped; results until then are kept.",)
        )
    if result.out_of_memory:
        return Verdict("error", ("It ran out of memory (limits.memory of [workspace]).",))
    return None


def _missing(result: ExecResult, reading: Reading | None) -> Verdict | None:
    """A tool that is not there is never a clean result. Tests that ran were not missing their runner."""
    if reading is not None and reading.cases and result.exit_code != 127:
        return None
    tool = missing_tool(result.exit_code, result.stderr.text) or missing_tool(
        result.exit_code, result.stdout.text
    )
    if tool is None and result.exit_code != 127:
        return None
    return Verdict("tool missing", (tool or "A program of the command is not installed there.",))


def _ended(command: StageCommand, result: ExecResult, reading: Reading | None) -> Verdict:
    well = result.exit_code == 0
    if (
        command.tool is not None
        and command.tool.nothing == result.exit_code
        and not (reading and reading.cases)
    ):
        return Verdict("no tests ran")
    if reading is None:
        return Verdict("passed" if well else "failed")
    found = Counter(case.status for case in reading.cases)
    bad = found["failed"] + found["error"] + found["timed out"]
    if bad:
        status: Status = "failed" if found["failed"] else "error"
        return Verdict(status, ("The command ended with exit code 0 although tests failed.",) if well else ())
    if not well:
        if found["passed"]:
            return Verdict("failed", ("No test failed, but the command did: see the end of its output.",))
        return Verdict("error", ("The command failed before any test ran.",))
    if reading.unread:
        return Verdict("error", ("The command ended well, but its test report could not be read.",))
    if not found["passed"]:
        skipped = (f"All {found['skipped']} tests were skipped.",) if found["skipped"] else ()
        return Verdict("no tests ran", skipped)
    return Verdict("passed")
