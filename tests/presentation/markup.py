"""What every piece of HTML of ours must hold to, and text that was made to break it."""

import re
from html.parser import HTMLParser

from hypothesis import strategies as st

hostile = st.text(st.sampled_from("\x1b[31m]0;\x07</>script&\"'=on \n\r\x00\u202e")) | st.text()
ALLOWED_TAGS = {"div", "strong", "ul", "li", "pre", "span", "progress"}
ALLOWED_TAGS |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
WITHOUT_END = {"wbr"}
ALLOWED_ATTRIBUTES = {"role", "scope", "align", "style", "aria-label"}


class Checker(HTMLParser):
    def __init__(self):
        super().__init__()
        self.text = ""
        self.open = []

    def handle_starttag(self, tag, attributes):
        assert tag in ALLOWED_TAGS | WITHOUT_END, tag
        assert {name for name, _ in attributes} <= ALLOWED_ATTRIBUTES, attributes
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def check(piece):
    """Well-formed, only our own tags and attributes, nothing hidden; returns the text."""
    checker = Checker()
    checker.feed(piece.html)
    checker.close()
    assert not checker.open
    for markup in (piece.html, piece.plain):
        assert "\x1b" not in markup
        assert "\u202e" not in markup
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", markup)
    return checker.text
