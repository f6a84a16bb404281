"""What a branch changed: diffs and logs, computed on the host from commits."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from patina_nb.events import escape_path
from patina_nb.repository.git import Git, is_sha
from patina_nb.repository.refs import resolve

FileStatus = Literal["added", "modified", "deleted", "renamed", "type changed"]

_STATUS: dict[str, FileStatus] = {"A": "added", "D": "deleted", "R": "renamed", "T": "type changed"}
_DIFF = ("diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index")
_TRAILERS = ("Session", "Step", "Exit", "Cell")
_FIELDS = (
    *("%H", "%P", "%at", "%an", "%s"),
    *(f"%(trailers:key=Patina-{key},valueonly,unfold,separator=%x1f)" for key in _TRAILERS),
)
_SLOW_S = 300


@dataclass(frozen=True)
class FileDiff:
    """One file. `path` is surrogateescape text; `added` and `removed` are None for a binary file."""

    path: str
    status: FileStatus
    added: int | None
    removed: int | None
    old_path: str | None = None  # of a renamed file


@dataclass(frozen=True)
class Diff:
    """The difference between two commits. The patch is made when it is asked for."""

    a: str
    b: str
    files: tuple[FileDiff, ...]
    paths: tuple[str, ...]
    git: Git = field(repr=False, compare=False)

    @property
    def added(self) -> int:
        """Added lines in all text files."""
        return sum(file.added or 0 for file in self.files)

    @property
    def removed(self) -> int:
        """Removed lines in all text files."""
        return sum(file.removed or 0 for file in self.files)

    @cached_property
    def patch(self) -> bytes:
        """The patch exactly, for ``git apply``."""
        return self._patch("--binary")

    @cached_property
    def text(self) -> str:
        """The patch to read; bytes that are not UTF-8 become U+FFFD, binary files are named only."""
        return self._patch().decode("utf-8", "replace")

    def _patch(self, *options: str) -> bytes:
        return self.git.git(*_DIFF, "-p", *options, self.a, self.b, "--", *self.paths, timeout=_SLOW_S)

    def stat(self) -> str:
        """A line for each file and one for the sum."""
        lines = [f"{_shown(file)} | {_size(file)}" for file in self.files]
        total = f"{len(self.files)} file{'s' * (len(self.files) != 1)} changed, +{self.added} -{self.removed}"
        return "\n".join([*lines, total])


@dataclass(frozen=True)
class Commit:
    """A commit of a session's branch. Its trailers say what its author says: the journal knows better."""

    sha: str
    parents: tuple[str, ...]
    at: datetime | None  # UTC; None = its date is none that a calendar has
    author: str
    subject: str
    session: str | None = None
    step: int | None = None
    exit_code: int | None = None  # None also where the step ended in another way than by an exit
    cell: str | None = None


def diff(git: Git, a: str, b: str, paths: Sequence[str] = ()) -> Diff:
    """What changed from `a` to `b`, below `paths` (relative to the top, taken literally) where given."""
    a, b = (rev if is_sha(rev) else resolve(git, rev) for rev in (a, b))
    out = git.git(*_DIFF, "-z", "--raw", "--numstat", a, b, "--", *paths, timeout=_SLOW_S)
    return Diff(a, b, tuple(_files(out)), tuple(paths), git)


def log(git: Git, base: str, tip: str, limit: int | None = None) -> list[Commit]:
    """The commits that `tip` has and `base` has not, the newest first; at most `limit` of them."""
    base, tip = (rev if is_sha(rev) else resolve(git, rev) for rev in (base, tip))
    count = [] if limit is None else [f"--max-count={limit}"]
    layout = "%x00".join(_FIELDS)
    out = git.git(
        "log",
        "-z",
        "--topo-order",
        "--no-decorate",
        f"--format=tformat:{layout}",
        *count,
        f"{base}..{tip}",
        "--",
    )
    fields = out.decode("utf-8", "replace").split("\0")[:-1]
    rows = [fields[n : n + len(_FIELDS)] for n in range(0, len(fields), len(_FIELDS))]
    return [_commit(*row) for row in rows]


def _files(out: bytes) -> Iterator[FileDiff]:
    """Reads ``--raw --numstat -z``: all raw entries come first, then the counts in the same order."""
    tokens = iter(out.decode("utf-8", "surrogateescape").split("\0")[:-1])
    changed: deque[tuple[FileStatus, str | None, str]] = deque()
    for token in tokens:
        if token.startswith(":"):
            letter = token.rsplit(" ", 1)[1][0]
            old = next(tokens) if letter == "R" else None
            changed.append((_STATUS.get(letter, "modified"), old, next(tokens)))
            continue
        added, removed, path = token.split("\t", 2)
        if not path:  # a renamed file: old and new path follow
            next(tokens)
            next(tokens)
        status, old, path = changed.popleft()
        yield FileDiff(path, status, _count(added), _count(removed), old)


def _count(text: str) -> int | None:
    return None if text == "-" else int(text)


def _commit(
    sha: str,
    parents: str,
    seconds: str,
    author: str,
    subject: str,
    session: str,
    step: str,
    end: str,
    cell: str,
) -> Commit:
    return Commit(
        sha=sha,
        parents=tuple(parents.split()),
        at=_instant(seconds),
        author=author,
        subject=subject,
        session=_last(session),
        step=_number(step),
        exit_code=_number(end),
        cell=_last(cell),
    )


def _instant(seconds: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _last(values: str) -> str | None:
    """Of a trailer that is there several times, the last one counts."""
    return values.split("\x1f")[-1].strip() or None


def _number(values: str) -> int | None:
    text = _last(values) or ""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _shown(file: FileDiff) -> str:
    path = _printable(file.path)
    return f"{_printable(file.old_path)} => {path}" if file.old_path else path


def _printable(path: str) -> str:
    """On one line, and without characters that move the cursor or turn the direction of text."""
    return "".join(char if char.isprintable() else _code(ord(char)) for char in escape_path(path))


def _code(number: int) -> str:
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def _size(file: FileDiff) -> str:
    return f"{file.status}, binary" if file.added is None else f"{file.status}, +{file.added} -{file.removed}"
