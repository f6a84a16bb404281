"""Rows of plain text in columns of even width; what would make lines too long goes on below."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest

LINE_WIDTH = 120  # characters
_NARROWEST = 24  # no column is made narrower than that
_GAP = "  "


def aligned(rows: Sequence[Sequence[str]], numbers: Collection[int]) -> list[str]:
    """The lines of a table. Columns in `numbers` are flush right, all others flush left."""
    cells = [[cell.replace("\n", " ") for cell in row] for row in rows]
    widths = _widths([max(map(len, column)) for column in zip(*cells, strict=True)])
    return [line for row in cells for line in _lines(row, widths, numbers)]


def _widths(natural: list[int]) -> list[int]:
    """The widest columns give way until a line fits."""
    widths = list(natural)
    too_much = sum(widths) + len(_GAP) * (len(widths) - 1) - LINE_WIDTH
    while too_much > 0 and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        others = [width for i, width in enumerate(widths) if i != widest]
        least = max(_NARROWEST, max(others, default=0) - 1, widths[widest] - too_much)
        too_much -= widths[widest] - least
        widths[widest] = least
    return widths


def _lines(row: Sequence[str], widths: Sequence[int], numbers: Collection[int]) -> Iterator[str]:
    parts = [textwrap.wrap(cell, max(width, 1)) or [""] for cell, width in zip(row, widths, strict=True)]
    for line in zip_longest(*parts, fillvalue=""):
        yield _GAP.join(
            text.rjust(width) if i in numbers else text.ljust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
