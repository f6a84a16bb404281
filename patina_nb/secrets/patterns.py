"""What to look for: the values of secrets, and the forms in which programs tend to write them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote_from_bytes

MIN_BYTES = 4  # what is shorter stands everywhere by accident
LINE_BYTES = 16  # a line of a longer value counts as a value from here on
_ENCODED_BYTES = 8  # a shorter value has encodings that stand in other text by accident
_WRAP = 76  # columns of the base64 that `base64` and most libraries write


class Patterns:
    """All forms of some values, each with the names of the secrets that it gives away. Never changes."""

    def __init__(self, values: Iterable[tuple[str, bytes]] = ()) -> None:
        names: dict[bytes, set[str]] = {}
        for name, value in values:
            for form in forms(value):
                names.setdefault(form, set()).add(name)
        self._names = {form: frozenset(found) for form, found in names.items()}
        self.longest = max(map(len, names), default=0)

    def __bool__(self) -> bool:
        return bool(self._names)

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where forms stand in `data`, in order; those that overlap as one."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(self._each(data)):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        return merged

    def names_in(self, data: bytes) -> set[str]:
        """The secrets of which `data` holds a form."""
        return {name for form, names in self._names.items() if form in data for name in names}

    def begun(self, data: bytes) -> int:
        """How many bytes at the end of `data` may be the beginning of a form."""
        return max((_begun(data, form) for form in self._names), default=0)

    def _each(self, data: bytes) -> Iterator[tuple[int, int]]:
        for form in self._names:
            at = data.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = data.find(form, at + 1)


def forms(value: bytes) -> set[bytes]:
    """The value, its long lines, and both kinds of base64, percent-encoding and JSON of the whole.

    Lines of ``-----BEGIN ...-----`` and their like tell nothing, and stand in many a file.
    """
    found = {form for form in (value, value.strip()) if len(form) >= MIN_BYTES}
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        found |= {line for line in lines if len(line) >= LINE_BYTES and not line.startswith(b"-----")}
    if len(value) >= _ENCODED_BYTES:
        found |= set(_base64(value)) | set(_quoted(value))
    return found


def _base64(value: bytes) -> Iterator[bytes]:
    """Wherever it begins in what is encoded: without the digits that its neighbours have a part in."""
    for before in range(3):
        digits = base64.b64encode(bytes(before) + value).rstrip(b"=")
        whole = digits[-(-before * 8 // 6) : (before + len(value)) * 8 // 6]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))
        if before == 0:
            yield re.sub(rb"(.{%d})(?=.)" % _WRAP, rb"\1\n", whole)


def _quoted(value: bytes) -> Iterator[bytes]:
    for safe in ("", "/"):
        yield quote_from_bytes(value, safe).encode()
    text = value.decode("utf-8", "surrogateescape")
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogateescape")


def _begun(data: bytes, form: bytes) -> int:
    """The longest end of `data` that is a beginning of `form`, but not all of it."""
    at = data.find(form[:1], max(0, len(data) - len(form) + 1))
    while at >= 0:
        if form.startswith(data[at:]):
            return len(data) - at
        at = data.find(form[:1], at + 1)
    return 0
