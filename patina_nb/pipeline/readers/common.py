"""What the readers share: the shape of their answer, and text and numbers made safe to keep."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from patina_nb.events import Case

MAX_CASES = 100_000
NAME_LIMIT = 500  # characters, as are the others
MESSAGE_LIMIT = 1000
DETAILS_LIMIT = 4000
LINE_LIMIT = 4000
_ENDS = 20_000  # of a text in which a place is looked for

# where a failure happened, as frameworks write it into their text: pytest's last line, else a stack's first
_PYTEST_PLACE = re.compile(
    r"^(?P<path>[^\s:][^:\n]{0,300}):(?P<line>\d{1,7}):(?: [A-Za-z_]| ?$)", re.MULTILINE
)
_STACK_PLACE = re.compile(r"(?:\(|at |file://)(?P<path>/[^\s():]{1,300}):(?P<line>\d{1,7}):\d{1,5}\)?")


_PANIC = re.compile(
    r"panicked at (?:'(?P<old>[^\n]{0,1000})', )?(?P<path>[^\s:']{1,300}):(?P<line>\d{1,7}):\d{1,5}:?"
)


@dataclass(frozen=True)
class Panic:
    """What a panic of Rust said, and where."""

    message: str
    path: str
    line: int | None


@dataclass(frozen=True)
class Reading:
    """What a report said. `complete` False = it is torn or was refused, `notes` say why."""

    cases: tuple[Case, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True

    @property
    def unread(self) -> bool:
        """Was nothing of it read? Then how many tests there were is not known."""
        return not self.complete and not self.cases


def limited(cases: Sequence[Case], *notes: str, complete: bool = True) -> Reading:
    """A reading of at most MAX_CASES cases; says when there were more."""
    if len(cases) > MAX_CASES:
        more = f"The report has {len(cases)} cases; the first {MAX_CASES} are kept."
        return Reading(tuple(cases[:MAX_CASES]), (*notes, more), complete=False)
    return Reading(tuple(cases), notes, complete)


def text(raw: object, limit: int) -> str:
    """`raw` as text that JSON can carry, at most `limit` characters."""
    found = str(raw) if raw is not None else ""
    cut = found if len(found) <= limit else found[: limit - 2] + " …"
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()


def first_line(raw: str) -> str:
    """The first line that holds anything, for a message."""
    return text(next((line.strip() for line in raw.splitlines() if line.strip()), ""), MESSAGE_LIMIT)


def seconds(raw: object) -> float | None:
    """A duration; None for what is none."""
    try:
        found = float(str(raw).replace(",", ""))
    except ValueError:
        return None
    return found if math.isfinite(found) and 0 <= found < 1e9 else None


def line_number(raw: object) -> int | None:
    """A line number; None for what is none."""
    found = str(raw)
    return int(found) if found.isdecimal() and found.isascii() and len(found) < 8 else None


def place(details: str, root: str) -> tuple[str | None, int | None]:
    """Where in the workspace a failure happened, found in its text; libraries do not count."""
    if len(details) > 2 * _ENDS:
        details = f"{details[:_ENDS]}\n{details[-_ENDS:]}"
    lines = [found for found in _PYTEST_PLACE.finditer(details) if _inside(found["path"], root)]
    stack = [found for found in _STACK_PLACE.finditer(details) if _inside(found["path"], root)]
    for found in (*reversed(lines), *stack):
        return relative(found["path"], root), line_number(found["line"])
    return None, None


def panic(details: str) -> Panic | None:
    """The first panic in the text of a failed test; None where there is none."""
    found = _PANIC.search(details, 0, _ENDS)
    if found is None:
        return None
    after = found["old"] or details[found.end() : _ENDS]
    return Panic(first_line(after), text(found["path"], NAME_LIMIT), line_number(found["line"]))


def _inside(path: str, root: str) -> bool:
    below = path.startswith(root.rstrip("/") + "/") or not path.startswith("/")
    return below and ("/" in path or "." in path) and not re.search("/(node_modules|site-packages)/", path)


def relative(path: str, root: str) -> str:
    """A path as seen from the top of the workspace."""
    inside = posixpath.normpath(path)
    return text(inside.removeprefix(root.rstrip("/") + "/"), NAME_LIMIT)
