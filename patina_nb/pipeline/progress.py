"""Tests counted while they run, from the output as it comes. Only for the eye: results come from reports."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from patina_nb.sandbox.protocol import StreamName

_LONGEST = 2000  # bytes of a line that is looked at: the expressions below take quadratic time

_DOTS = re.compile(r"^(?:\S+\.py )?(?P<marks>[.FEsxX]+)(?: *\[ *\d+%\])?$")
_NAMED = re.compile(r"(?:::\S.* |^\[gw\d+\] .*)(?P<end>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
_GO = re.compile(r'"Action":"(?P<end>pass|fail|skip)".*"Test":"')
_LIBTEST = re.compile(r"^test .+ \.\.\. (?P<end>ok|FAILED|ignored)\b")
_SPEC = re.compile(r"^ *(?P<end>[✔✖﹣]) .* \(\d[\d.]*ms\)")
_NEXTEST = re.compile(r"^ +(?:TRY \d+ )?(?P<end>PASS|LEAK|FAIL|ABORT|TIMEOUT|SIG[A-Z]+) \[ *\d[\d.]*s\]")
_STATUS = {
    **dict.fromkeys((".", "X", "PASSED", "XPASS", "pass", "ok", "✔", "PASS", "LEAK"), "passed"),
    **dict.fromkeys(("F", "FAILED", "fail", "✖"), "failed"),
    **dict.fromkeys(("E", "ERROR"), "error"),
    **dict.fromkeys(("s", "x", "SKIPPED", "XFAIL", "skip", "ignored", "﹣"), "skipped"),
}


@dataclass(frozen=True)
class Progress:
    """Where a pipeline is: the stage that runs, since when, and its tests so far by status.

    `session` is whose it is, where several run side by side.
    """

    stage: str
    elapsed_s: float
    tests: Mapping[str, int]
    session: str = ""

    @property
    def words(self) -> str:
        """In words: ``test, 12 tests so far, 1 failed``."""
        of = f"{self.session}: " if self.session else ""
        total = sum(self.tests.values())
        if not total:
            return f"{of}{self.stage}"
        bad = self.tests.get("failed", 0) + self.tests.get("error", 0)
        counted = f"{total} test{'s' * (total != 1)} so far" + (f", {bad} failed" if bad else "")
        return f"{of}{self.stage}, {counted}"


class Together:
    """The newest progress of each session that runs, for one line; `take` may be called from any thread."""

    def __init__(self) -> None:
        self._newest: dict[str, Progress] = {}
        self._lock = threading.Lock()

    def take(self, progress: Progress) -> str:
        """Where all of them are now, in words."""
        with self._lock:
            self._newest[progress.session] = progress
            return "; ".join(found.words for found in self._newest.values())


@dataclass(frozen=True)
class _Form:
    """How a runner tells the ends of its tests; after the line `over` it tells them again."""

    count: Callable[[str], Counter[str]]
    source: StreamName = "stdout"
    over: re.Pattern[str] | None = None


class TestCounter:
    """Counts ends of tests in the output of a runner; `feed` may be called from any thread."""

    __test__ = False  # no test class

    def __init__(self, stream: str) -> None:
        self._form = _FORMS.get(stream)
        self._lock = threading.Lock()
        self._rest = b""
        self._over = False
        self._found: Counter[str] = Counter()

    def feed(self, data: bytes, source: StreamName = "stdout") -> None:
        """More output."""
        if self._form is None or source != self._form.source:
            return
        with self._lock:
            *lines, rest = (self._rest + data).split(b"\n")
            self._rest = rest[: _LONGEST + 1]
            for line in lines:
                self._found.update(self._of(line))

    def tests(self) -> dict[str, int]:
        """Tests by status, those on the line that is being written included."""
        with self._lock:
            return dict(self._found + self._of(self._rest))

    def _of(self, line: bytes) -> Counter[str]:
        if self._form is None or self._over or len(line) > _LONGEST:
            return Counter()
        text = line.decode("utf-8", "replace")
        self._over = self._form.over is not None and self._form.over.match(text) is not None
        return self._form.count(text)


def _by_dots(line: str) -> Counter[str]:
    """pytest: a dot per test, or with -v a line per test."""
    if named := _NAMED.search(line):
        return Counter([_STATUS[named["end"]]])
    dots = _DOTS.match(line)
    return Counter(_STATUS[mark] for mark in dots["marks"]) if dots else Counter()


def _by(pattern: re.Pattern[str]) -> Callable[[str], Counter[str]]:
    def count(line: str) -> Counter[str]:
        found = pattern.search(line)
        return Counter([_STATUS.get(found["end"], "failed")]) if found else Counter()

    return count


_FORMS: Mapping[str, _Form] = {
    "pytest": _Form(_by_dots),
    "go": _Form(_by(_GO)),
    "libtest": _Form(_by(_LIBTEST)),
    "spec": _Form(_by(_SPEC), over=re.compile("✖ failing tests:")),
    "nextest": _Form(_by(_NEXTEST), "stderr", re.compile(r" +Summary \[")),
}
