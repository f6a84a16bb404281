"""Untrusted terminal output cut into spans: colours kept, all that hides or moves text disarmed.

Whatever a command prints may have been written to deceive the reader. Colours and weights that a terminal
would draw are kept as data; cursor movement, titles and links (CSI, OSC, DCS) are dropped; other control
characters, bidirectional overrides and invisible characters are shown as what they are. Conceal and "white on
white" are not honoured: colours are mapped to seven hues that can be read on a light and on a dark page, a
background is drawn as a frame.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from patina_nb.presentation.text import LINE_LIMIT, visible

# colon and semicolon parameters, intermediate bytes, one final byte
_CSI = re.compile(r"\x1b\[([0-?]*)[ -/]*([@-~])")
# OSC, DCS, SOS, PM, APC: a string up to BEL or ST; an unterminated one must not swallow what follows
_STRING = re.compile(r"\x1b[\]PX^_][^\x1b\x07\n]*(?:\x07|\x1b\\)|\x1b[\]PX^_]")
_SHORT = re.compile(r"\x1b[ -/]*[0-Z\\^-~]")

HUES = {
    "red": "#d0433b",
    "green": "#2a8a3c",
    "yellow": "#8a7400",
    "blue": "#3b78d8",
    "magenta": "#a259c9",
    "cyan": "#15858a",
    "gray": "#808080",
}
_BASIC = (None, "red", "green", "yellow", "blue", "magenta", "cyan", None)
_BRIGHT = ("gray", *_BASIC[1:])
_BY_ANGLE = (
    (0.04, "red"),
    (0.19, "yellow"),
    (0.43, "green"),
    (0.54, "cyan"),
    (0.71, "blue"),
    (0.93, "magenta"),
)


@dataclass(frozen=True)
class Style:
    """How a terminal would draw a piece of text, as far as we follow it."""

    colour: str | None = None  # one of HUES
    bold: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False  # reversed, or on a background colour: drawn as a framed piece

    def css(self) -> str:
        """Inline CSS; empty for plain text."""
        parts = [
            f"color:{HUES[self.colour]}" if self.colour else "",
            "font-weight:bold" if self.bold else "",
            "font-style:italic" if self.italic else "",
            "text-decoration:underline" if self.underline else "",
            "outline:1px solid" if self.reverse else "",
        ]
        return ";".join(part for part in parts if part)


PLAIN = Style()


@dataclass(frozen=True)
class Span:
    """A piece of text in one style; holds no control character but line feed and tab."""

    text: str
    style: Style = PLAIN


def spans(text: str) -> list[Span]:
    """Cut raw output into spans of one style."""
    text = _STRING.sub("", _overwritten(text))
    found: list[Span] = []
    style, position = PLAIN, 0
    for match in _CSI.finditer(text):
        _add(found, text[position : match.start()], style)
        position = match.end()
        if match[2] == "m":
            style = _styled(style, match[1])
    _add(found, text[position:], style)
    return found


def _add(found: list[Span], text: str, style: Style) -> None:
    shown = visible(_SHORT.sub("", text))
    if shown:
        found.append(Span(shown, style))


def _overwritten(text: str) -> str:
    """What is left of each line after its carriage returns (progress bars), long lines cut."""
    return "\n".join(_cut(_last_of(line)) for line in text.replace("\r\n", "\n").split("\n"))


def _last_of(line: str) -> str:
    if "\r" not in line:
        return line
    return next((part for part in reversed(line.split("\r")) if part), "")


def _cut(line: str) -> str:
    if len(line) <= LINE_LIMIT:
        return line
    return f"{line[:LINE_LIMIT]}\x1b[m [… {len(line) - LINE_LIMIT} more characters]"


def _styled(style: Style, parameters: str) -> Style:
    """`style` after one SGR sequence; what we do not follow (conceal, blink, fonts) changes nothing."""
    codes = _codes(parameters)
    for code in codes:
        if code in (38, 48):
            colour = _extended(codes)
            style = replace(style, colour=colour) if code == 38 else replace(style, reverse=True)
        else:
            style = _simple(style, code)
    return style


def _codes(parameters: str) -> Iterator[int]:
    fields = re.split("[;:]", parameters) if re.fullmatch(r"[\d;:]*", parameters) else []
    return iter([int(field[-4:] or 0) for field in fields])


_SWITCHES: dict[int, dict[str, Any]] = {
    1: {"bold": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    22: {"bold": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"reverse": False},
    49: {"reverse": False},
}


def _simple(style: Style, code: int) -> Style:
    if code == 0:
        return PLAIN
    if code in _SWITCHES:
        return replace(style, **_SWITCHES[code])
    if 30 <= code <= 37:
        return replace(style, colour=_BASIC[code - 30])
    if 90 <= code <= 97:
        return replace(style, colour=_BRIGHT[code - 90])
    if 40 <= code <= 47 or 100 <= code <= 107:
        return replace(style, reverse=True)
    return replace(style, colour=None) if code == 39 else style


def _extended(codes: Iterator[int]) -> str | None:
    """The hue of a 256-colour or true-colour sequence; takes its parameters off `codes`."""
    kind = next(codes, 0)
    if kind == 5:
        return _indexed(next(codes, 0))
    if kind == 2:
        return _hue(next(codes, 0), next(codes, 0), next(codes, 0))
    return None


def _indexed(index: int) -> str | None:
    if index < 16:
        return (_BASIC + _BRIGHT)[index]
    if index > 231:
        return "gray" if index < 255 else None
    red, rest = divmod(index - 16, 36)
    return _hue(red * 51, rest // 6 * 51, rest % 6 * 51)


def _hue(red: int, green: int, blue: int) -> str | None:
    """The nearest hue; "gray" for the middle greys, None (the page's own colour) for black and white."""
    angle, saturation, value = colorsys.rgb_to_hsv(
        *(min(max(channel, 0), 255) / 255 for channel in (red, green, blue))
    )
    if value < 0.2 or saturation < 0.2:
        return "gray" if 0.2 <= value <= 0.85 else None
    return next((name for limit, name in _BY_ANGLE if angle < limit), "red")
