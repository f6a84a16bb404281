"""An agent's output on the user's terminal: text and colours, nothing that acts on the terminal.

Control sequences can retitle a window, write to the clipboard or hide text, and what runs in a sandbox is not
trusted. Colours (SGR) pass, every other control is shown as what it is.
"""

from __future__ import annotations

import codecs
import re

from patina_nb.presentation.text import visible

_COLOUR = re.compile(r"\x1b\[[0-9;:]{0,64}m")
_UNFINISHED = re.compile(r"\x1b(\[[0-9;:]{0,64})?\Z")
_RESET = "\x1b[0m"


class Sieve:
    """Makes a stream of output fit for a terminal; `feed` takes bytes as they come."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""
        self._coloured = False

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """The text to print now; `final`: nothing more comes, and colours end here."""
        text = self._held + self._decode(data, final)
        unfinished = None if final else _UNFINISHED.search(text)
        self._held = unfinished[0] if unfinished else ""
        text = text[: len(text) - len(self._held)]
        shown, last = [], 0
        for match in _COLOUR.finditer(text):
            shown += [_plain(text[last : match.start()]), match[0]]
            last = match.end()
            self._coloured = True
        shown.append(_plain(text[last:]))
        if final and self._coloured:
            shown.append(_RESET)
        return "".join(shown)


def _plain(text: str) -> str:
    """Returns of the carriage stay where they redraw a line (progress bars) or end it."""
    return "\r".join(visible(part) for part in text.split("\r"))
