"""benchmarks/README.md: a table for each part, which can be measured and written alone."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks.timing import Row

HEAD = """\
| what | ours, ms | baseline in the same run | ms | ratio | goal | met | runs |
| --- | ---: | --- | ---: | ---: | --- | --- | ---: |"""


def measured() -> str:
    """When and on what."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = platform.release().split("-")[0]
    where = f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {kernel}, Python {platform.python_version()}"
    return f"Measured {datetime.now(UTC):%Y-%m-%d} on {where}."


def line(row: Row) -> str:
    """A row as Markdown; a small ratio with more digits, else it would read 0.00."""
    ratio = f"{row.ratio:.2f}" if row.ratio >= 0.1 else f"{row.ratio:.4f}"
    return (
        f"| {row.what} | {row.ours_ms:.1f} | {row.baseline} | {row.baseline_ms:.1f} | "
        f"{ratio} | {row.goal} | {'yes' if row.met else 'no'} | {row.runs} |"
    )


def replaced(page: str, name: str, about: str, lines: Sequence[str]) -> str:
    """The page with that part's section anew, at its place or at the end; all else stays as it is."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    table = "\n".join([HEAD, *lines])
    section = f"{begin}\n\n## {name}\n\n{about}\n\n{measured()}\n\n{table}\n\n{end}"
    before, mark, rest = page.partition(begin)
    if not mark:
        return f"{page.rstrip()}\n\n{section}\n"
    _, closed, after = rest.partition(end)
    if not closed:
        raise ValueError(f"the section of {name} has no {end}")
    return f"{before}{section}{after}"
