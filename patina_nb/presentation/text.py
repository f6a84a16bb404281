"""Untrusted text made fit to show: characters that hide or move text become visible."""

from __future__ import annotations

import unicodedata

LINE_LIMIT = 2000  # characters of one line that are shown
_JOINERS = "\u200c\u200d"  # emoji and several scripts need them
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """`text` with control, bidirectional and invisible characters shown as what they are."""
    return "".join(map(_visible_character, text)) if not (text.isascii() and text.isprintable()) else text


def _visible_character(char: str) -> str:
    if char in "\n\t" or char in _JOINERS or unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"


def clipped(line: str) -> str:
    """One line of plain text, made visible and cut to what is shown of a line."""
    more = len(line) - LINE_LIMIT
    return visible(line) if more <= 0 else f"{visible(line[:LINE_LIMIT])} [… {more} more characters]"
