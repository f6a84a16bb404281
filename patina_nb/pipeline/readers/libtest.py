"""What ``cargo test`` prints: libtest's text (one section per test binary), or its JSON lines (nightly).

The text holds no duration of a test. Sections stand on stdout, the names of their binaries on stderr, both in
the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from patina_nb.events import Case
from patina_nb.pipeline.readers.common import (
    DETAILS_LIMIT,
    LINE_LIMIT,
    MESSAGE_LIMIT,
    NAME_LIMIT,
    Reading,
    first_line,
    limited,
    panic,
    seconds,
    text,
)

_BINARY = re.compile(r"^ +(?:Running (?:unittests )?(?P<source>\S+)|Doc-tests (?P<crate>\S+))", re.MULTILINE)
_SECTION = re.compile(r"^running (\d+) tests?$")
_TEST = re.compile(
    r"^test (?P<name>.+?)(?: - should panic)? \.\.\. (?P<end>ok|FAILED|ignored)(?:, (?P<why>.*))?$"
)
_SUMMARY = re.compile(r"^test result: \S+\. (\d+) passed; (\d+) failed; (\d+) ignored; (\d+) measured;")
_FAILURE = re.compile(r"^---- (?P<name>.+) stdout ----$")
_ENDS = {"ok": "passed", "FAILED": "failed", "failed": "failed", "ignored": "skipped"}


@dataclass
class _Section:
    """One test binary's run."""

    announced: int
    tests: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> (status, why)
    failures: dict[str, list[str]] = field(default_factory=dict)
    counted: int | None = None  # by its own summary; None = it broke off
    reading: str | None = None  # the failure whose text comes now


def read_libtest(stdout: bytes, stderr: bytes) -> Reading:
    """The cases of all sections."""
    printed = stdout.decode("utf-8", "replace")
    if printed.lstrip().startswith('{ "type":') or printed.lstrip().startswith('{"type":'):
        return _read_json(printed)
    sections = _sections(printed)
    names = [
        match["source"] or f"{match['crate']} (doc)"
        for match in _BINARY.finditer(stderr.decode("utf-8", "replace"))
    ]
    if len(names) != len(sections):  # a wrapper, or quiet cargo: sections stay without a name
        names = [""] * len(sections)
    cases = [case for section, name in zip(sections, names, strict=True) for case in _cases(section, name)]
    torn = [section for section in sections if section.counted != len(section.tests)]
    notes = ("Some results could not be read from the output of the tests.",) if torn else ()
    return limited(cases, *notes, complete=not torn)


def _sections(printed: str) -> list[_Section]:
    sections: list[_Section] = []
    for line in printed.splitlines():
        begin = _SECTION.match(line)
        if begin:
            sections.append(_Section(int(begin[1][:7])))
        elif sections and sections[-1].counted is None:
            _take(sections[-1], line[:LINE_LIMIT])
    return sections


def _take(section: _Section, line: str) -> None:
    if summary := _SUMMARY.match(line):
        section.counted = sum(int(number[:7]) for number in summary.groups()[:3])
    elif failure := _FAILURE.match(line):
        section.reading = failure["name"]
        section.failures[section.reading] = []
    elif section.reading is not None:
        if line == "failures:":
            section.reading = None
        elif sum(map(len, section.failures[section.reading])) < 2 * DETAILS_LIMIT:
            section.failures[section.reading].append(line)
    elif test := _TEST.match(line):
        section.tests[test["name"]] = (_ENDS[test["end"]], test["why"] or "")


def _cases(section: _Section, binary: str) -> Iterator[Case]:
    for name, (status, why) in section.tests.items():
        yield _case(name, binary, status, why, "\n".join(section.failures.get(name, [])))


def _case(name: str, suite: str, status: str, why: str, said: str, duration: float | None = None) -> Case:
    found = panic(said)
    return Case(
        name=text(name, NAME_LIMIT),
        suite=text(suite, NAME_LIMIT),
        status=status,
        duration_s=duration,
        message=text(why, MESSAGE_LIMIT) or (found.message if found else first_line(said)),
        details=text(said.strip(), DETAILS_LIMIT),
        path=found.path if found else None,
        line=found.line if found else None,
    )


def _read_json(printed: str) -> Reading:
    cases, odd = [], 0
    for line in printed.splitlines():
        try:
            event = msgspec.json.decode(line, type=dict[str, Any]) if line.startswith("{") else {}
        except (msgspec.DecodeError, RecursionError):
            odd += 1
            continue
        if event.get("type") == "test" and event.get("event") in _ENDS:
            said, why = (
                text(event.get("stdout"), 2 * DETAILS_LIMIT),
                text(event.get("message"), MESSAGE_LIMIT),
            )
            status = _ENDS[event["event"]]
            duration = seconds(event["exec_time"]) if "exec_time" in event else None
            cases.append(_case(text(event.get("name"), NAME_LIMIT), "", status, why, said, duration))
    notes = (f"{odd} lines of the JSON report could not be read.",) if odd else ()
    return limited(cases, *notes, complete=not odd)
