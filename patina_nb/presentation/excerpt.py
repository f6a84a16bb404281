"""Pieces of raw output: its plain text, its first line, its last lines."""

from __future__ import annotations

from patina_nb.presentation.ansi import spans

TAIL_LIMIT = 20_000  # characters of the last lines


def plain(text: str) -> str:
    """`text` as a terminal would leave it, without any styling."""
    return "".join(span.text for span in spans(text))


def one_line(text: str, limit: int = 120) -> str:
    """The first line of `text`, made visible and cut to `limit` characters; says when there is more."""
    lines = plain(text[:20_000]).strip().splitlines()
    first = lines[0].strip() if lines else ""
    more = len(lines) > 1
    if len(first) > limit:
        return first[: limit - 2] + " …"
    return f"{first} …" if more else first


def last_of(lines: int, total: int) -> str:
    """What a title adds when only the last `lines` of `total` lines are shown; else nothing."""
    return f" (last {lines} of {total} lines)" if total > lines else ""


def tail(text: str, lines: int) -> tuple[str, int]:
    """The last `lines` lines of `text` (raw, at most 20,000 characters), and how many it has in all."""
    every = text.removesuffix("\n").split("\n") if text else []
    shown = "\n".join(every[-lines:] if lines else [])
    return (shown if len(shown) <= TAIL_LIMIT else f"[…] {shown[-TAIL_LIMIT:]}"), len(every)
