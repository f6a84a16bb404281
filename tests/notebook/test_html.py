"""The pieces of HTML: escaped, without style blocks, with a plain twin that says the same."""

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from patina_nb.notebook import html

hostile = st.text(st.sampled_from("\x1b[31m]0;\x07</>script&\"'=on \n\r\x00\u202e")) | st.text()
ALLOWED_TAGS = {"div", "strong", "ul", "li", "pre", "span", "progress"}
ALLOWED_TAGS |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
ALLOWED_ATTRIBUTES = {"role", "scope", "align", "style", "aria-label"}


class Checker(HTMLParser):
    def __init__(self):
        super().__init__()
        self.text = ""
        self.open = []

    def handle_starttag(self, tag, attributes):
        assert tag in ALLOWED_TAGS, tag
        assert {name for name, _ in attributes} <= ALLOWED_ATTRIBUTES, attributes
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


@given(hostile, hostile)
def test_hostile_text_stays_text_everywhere(a, b):
    check(html.line(a, b))
    check(html.table([(a, 1, None), (b, None, a)], ("x", a, b), a))
    check(html.facts([(a, b), (b, None)], a))
    check(html.bullets(a, [b, a]))
    check(html.output(a, b))
    check(html.diff(a, b, 5))
    check(html.progress(a))
    check(html.stack(html.line(a), None, html.output(b, a)))


def test_a_table_is_real_and_its_caption_tells_what_is_missing():
    piece = html.table([("a", 1), ("b", None)] * 15, ("name", "n"), "Things")
    assert piece.html.count('<th scope="row"') == 20
    assert piece.html.count('<th scope="col">') == 2
    assert "<caption>Things (20 of 30 rows) (\u2014: not known)</caption>" in piece.html
    assert '<td align="right">1</td>' in piece.html
    assert piece.plain.splitlines()[:3] == [
        "Things (20 of 30 rows) (\u2014: not known)",
        "name  n",
        "a     1",
    ]


def test_output_keeps_colours_as_inline_styles_and_works_without():
    piece = html.output("Output:", "\x1b[31mred\x1b[0m <b>")
    assert '<span style="color:#d0433b">red</span> &lt;b&gt;' in piece.html
    assert piece.plain == "Output:\nred <b>"


def test_a_diff_keeps_its_signs_and_says_what_is_not_shown():
    patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-<old>\n+new\n"
    piece = html.diff("Patch:", patch, 400)
    assert ">-&lt;old&gt;</span>" in piece.html
    assert piece.plain == f"Patch:\n{patch}".rstrip("\n")
    assert "2 more lines" in html.diff("Patch:", patch, 4).plain
