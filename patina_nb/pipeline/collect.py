"""The test results of a stage: from the reports it left, else from what its tests printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from patina_nb.errors import SandboxError, WorkspaceError
from patina_nb.events import Case
from patina_nb.pipeline.command import StageCommand
from patina_nb.pipeline.places import Desk, Place, reports
from patina_nb.pipeline.readers import STREAMS, Reading, read_junit
from patina_nb.pipeline.readers.common import limited
from patina_nb.pipeline.readers.junit import MAX_BYTES
from patina_nb.pipeline.tools import Tool
from patina_nb.sandbox.protocol import ExecResult

_EXIT_CODE = "the exit code alone"
_TORN = "The JUnit report is not complete; these results are read from what was printed."


@dataclass(frozen=True)
class Collected:
    """The results, and where they come from in words; `reading` None = there was no report."""

    reading: Reading | None
    source: str


def collect(
    place: Place, desk: Desk, command: StageCommand, result: ExecResult, printed: tuple[bytes, bytes]
) -> Collected:
    """The results of a command that has ended; `printed` is the whole of both of its outputs."""
    try:
        reading, source = _read(place, desk, command, *printed)
    except SandboxError as error:  # the box ended with the command: what is known of that is kept
        return Collected(None, f"{_EXIT_CODE}: {error}")
    return Collected(None if reading is None else _settled(reading, result, command.tool), source)


def _settled(reading: Reading, result: ExecResult, tool: Tool | None) -> Reading:
    """Tests that the end of the run cut off took too long, or have no result as somebody stopped them."""
    stopped = result.timed_out or result.cancelled
    cases: list[Case] = []
    for case in reading.cases:
        interrupted = stopped and tool is not None and tool.left_unfinished(case.message)
        if not (interrupted or case.status == "timed out"):
            cases.append(case)
        elif not result.cancelled:
            cases.append(msgspec.structs.replace(case, status="timed out"))
    return replace(reading, cases=tuple(cases))


def _read(
    place: Place, desk: Desk, command: StageCommand, stdout: bytes, stderr: bytes
) -> tuple[Reading | None, str]:
    """The test report, and where it comes from in words; None = there is none."""
    tool = command.tool
    if tool is None and not command.reports:
        return None, _EXIT_CODE
    if tool is not None and tool.format in STREAMS:
        printed = STREAMS[tool.format](stdout, stderr, place.workspace)
        told = bool(printed.cases or tool.insert)
        return (printed, f"what {tool.name} printed") if told else (None, _no_report(command))
    found = _files(place, desk, command.reports)
    if found is None or not found.complete:
        printed = (
            STREAMS[tool.stream](stdout, stderr, place.workspace)
            if tool and tool.stream in STREAMS
            else Reading()
        )
        if len(printed.cases) > (len(found.cases) if found else 0):
            return replace(printed, notes=(_TORN,), complete=False), "what the tests printed"
    return (found, _source(found)) if found is not None else (None, _no_report(command))


def _source(found: Reading) -> str:
    return "JUnit report" if found.complete else "JUnit report, not complete"


def _no_report(command: StageCommand) -> str:
    return f"{_EXIT_CODE}: {command.tool.name if command.tool else 'the command'} left no report"


def _files(place: Place, desk: Desk, patterns: Sequence[str]) -> Reading | None:
    """All JUnit files of the stage as one reading; None when there is none."""
    cases: list[Case] = []
    notes: list[str] = []
    complete, room = True, MAX_BYTES
    names = reports(place.sandbox, desk, patterns)
    for name in names:
        reading, size = _file(place, name, room)
        room -= size
        cases += reading.cases
        notes += reading.notes
        complete = complete and reading.complete
    return limited(cases, *dict.fromkeys(notes), complete=complete) if names else None


def _file(place: Place, name: str, room: int) -> tuple[Reading, int]:
    """One file of at most `room` bytes, and how many it has."""
    try:
        data = place.sandbox.read(name, limit=room)
    except (SandboxError, WorkspaceError) as error:
        said = f"A report was not read ({error}); all of a stage may have {MAX_BYTES >> 20} MiB."
        return Reading(notes=(said,), complete=False), 0
    return read_junit(data, place.workspace), len(data)
