"""The lines of a large file that hold a certain text, without looking at the others one by one.

One buffer is read into and searched in place: copying blocks would take as long as reading them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from patina_nb.transcripts.lines import LINE_LIMIT

_BLOCK = 1 << 18


def lines_with(
    file: BinaryIO, key: bytes, start: int = 0, end: int | None = None
) -> Iterator[bytearray | None]:
    """The lines that hold `key` and begin in the bytes from `start` to `end` (None: to the end of the file).

    Yields None for a line above LINE_LIMIT, whatever it holds. Memory is bounded by a block and a line.
    """
    for buffer, stop in _whole_lines(file, start, end):
        if buffer is None:
            yield None
            continue
        begin = 0
        while (found := buffer.find(key, begin, stop)) >= 0:
            first = buffer.rfind(b"\n", begin, found) + 1 or begin
            last = buffer.find(b"\n", found, stop) + 1 or stop
            yield buffer[first:last] if last - first <= LINE_LIMIT else None
            begin = last


def _whole_lines(file: BinaryIO, start: int, end: int | None) -> Iterator[tuple[bytearray | None, int]]:
    """The buffer and how much of it is whole lines, again and again; None for a line that is too long."""
    buffer = bytearray(2 * _BLOCK)
    at = max(0, start - 1)  # the offset of what is read next
    if at:
        file.seek(at)
    skipping = start > 0  # the line before belongs to another part, up to its end
    held = 0
    while n := _read(file, buffer, held):
        at += n
        filled = held + n
        if skipping:
            first = buffer.find(b"\n", 0, filled) + 1
            if not first:
                continue
            skipping = False
            filled -= first
            buffer[:filled] = buffer[first : first + filled]
            if end is not None and at - filled >= end:
                return
        stop = _end_of_part(buffer, filled, at - filled, end)
        if stop is not None:
            yield buffer, stop
            return
        cut = buffer.rfind(b"\n", 0, filled) + 1
        if cut:
            yield buffer, cut
        held = filled - cut
        buffer[:held] = buffer[cut:filled]
        if held > LINE_LIMIT:
            yield None, 0
            buffer, held, skipping = bytearray(2 * _BLOCK), 0, True
    if held:
        yield buffer, held


def _read(file: BinaryIO, buffer: bytearray, held: int) -> int:
    """Read a block behind what is held; the buffer grows with a line that does not fit."""
    if len(buffer) - held < _BLOCK:
        buffer.extend(bytes(_BLOCK + len(buffer) // 4))
    with memoryview(buffer) as view:
        # one read: of several, an error in the last would take what the others brought
        return file.readinto1(view[held : held + _BLOCK])  # type: ignore[attr-defined, no-any-return]


def _end_of_part(buffer: bytearray, filled: int, begins: int, end: int | None) -> int | None:
    """How much of the buffer belongs to the part, once the last line that begins in it is whole."""
    if end is None or begins + filled < end:
        return None
    return buffer.find(b"\n", max(0, end - 1 - begins), filled) + 1 or None
