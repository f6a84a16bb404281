"""JUnit XML, as most test frameworks can write it.

A document type is refused whole (no entity of it is ever expanded); size, depth and number of elements are
bounded. Cases are taken as their elements end, so a file that breaks off gives those before the break.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

import junitparser

from patina_nb.events import Case
from patina_nb.pipeline.readers.common import (
    DETAILS_LIMIT,
    MESSAGE_LIMIT,
    NAME_LIMIT,
    Reading,
    first_line,
    limited,
    line_number,
    panic,
    place,
    relative,
    seconds,
    text,
)

MAX_BYTES = 32 << 20
MAX_ELEMENTS = 1_000_000
_MAX_DEPTH = 100
_CHUNK = 1 << 16
_WORST = ("error", "failed", "skipped", "passed")


class _Refused(Exception):
    """A report that is not read any further, and why."""


class _Collector:
    """Target of the parser: builds one element per test case, keeps nothing else."""

    def __init__(self) -> None:
        self.found: list[tuple[str, ET.Element]] = []
        self._suites: list[str] = []
        self._depth = 0
        self._elements = 0
        self._builder: ET.TreeBuilder | None = None
        self._opened_at = 0

    def doctype(self, *_: str | None) -> None:
        raise _Refused("it declares a document type, which reports have no use for")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > _MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise _Refused("it is nested too deeply or has too many elements")
        name = tag.rpartition("}")[2]
        if self._builder is None and name == "testcase":
            self._builder, self._opened_at = ET.TreeBuilder(), self._depth
        elif self._builder is None and name == "testsuite":
            self._suites.append(attributes.get("name", ""))
        if self._builder is not None:
            self._builder.start(name, dict(attributes))

    def data(self, data: str) -> None:
        if self._builder is not None:
            self._builder.data(data)

    def end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        if self._builder is not None:
            element = self._builder.end(name)
            if self._depth == self._opened_at:
                self._builder = None
                if element.get("name") or element.get("classname"):  # pytest: of a test that was interrupted
                    self.found.append((self._suites[-1] if self._suites else "", element))
        elif name == "testsuite" and self._suites:
            self._suites.pop()
        self._depth -= 1

    def close(self) -> None:
        return None


def read_junit(data: bytes, root: str = "/workspace") -> Reading:
    """The cases of a report; `root` is the top of the workspace in the box."""
    if len(data) > MAX_BYTES:
        return Reading(
            notes=(f"The report is larger than {MAX_BYTES >> 20} MiB and was not read.",), complete=False
        )
    collector = _Collector()
    parser = ET.XMLParser(target=collector)  # noqa: S314 - see the module's docstring
    try:
        for start in range(0, len(data), _CHUNK):
            parser.feed(data[start : start + _CHUNK])
        parser.close()
    except _Refused as refused:
        return Reading(notes=(f"The report was refused: {refused}.",), complete=False)
    except (ET.ParseError, ValueError, LookupError) as error:
        cases = [_case(suite, element, root) for suite, element in collector.found]
        said = f"The report is damaged ({text(error, 100)}); {len(cases)} complete cases were read from it."
        return limited(cases, said, complete=False)
    return limited([_case(suite, element, root) for suite, element in collector.found])


def _case(suite: str, element: ET.Element, root: str) -> Case:
    parsed: Any = junitparser.TestCase.fromelem(element)  # type: ignore[no-untyped-call]
    results = [(_status(result), result) for result in parsed.result]
    status, result = min(results, key=lambda pair: _WORST.index(pair[0]), default=("passed", None))
    raw = (result.text or "") if result is not None else ""
    message = first_line(str(result.message or "") or raw) if result is not None else ""
    path, line = place(raw, root)
    if " panicked at " in message and (panicked := panic(raw)) is not None:
        message, path, line = panicked.message or message, relative(panicked.path, root), panicked.line
    if path is None:
        path = relative(element.get("file", ""), root) if element.get("file") else None
        line = line_number(element.get("line", "")) if suite != "pytest" else None  # which counts from 0
    return Case(
        name=text(element.get("name", ""), NAME_LIMIT),
        suite=text(_suite(element.get("classname", ""), suite), NAME_LIMIT),
        status=status,
        duration_s=seconds(element.get("time", "")),
        message=text(message, MESSAGE_LIMIT),
        details=text(raw.strip(), DETAILS_LIMIT) if status in ("failed", "error") else "",
        path=path,
        line=line,
        flaky=any(child.tag in ("flakyFailure", "flakyError") for child in element),
    )


def _suite(class_name: str, suite: str) -> str:
    """What a test belongs to; node writes the same word as the class of every test."""
    return class_name if class_name not in ("", "test") else suite


def _status(result: object) -> str:
    kinds = {junitparser.Failure: "failed", junitparser.Error: "error", junitparser.Skipped: "skipped"}
    return next((status for kind, status in kinds.items() if isinstance(result, kind)), "passed")
