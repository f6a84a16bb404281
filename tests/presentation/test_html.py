"""The pieces of HTML: escaped, without style blocks, with a plain twin that says the same."""

from hypothesis import given

from patina_nb.presentation import html
from tests.presentation.markup import check, hostile


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
    assert piece.html.count('<th scope="col"') == 2
    assert ">Things (20 of 30 rows) (\u2014: not known)</caption>" in piece.html
    assert '<td align="right" style="text-align:right">1</td>' in piece.html
    assert piece.plain.splitlines()[:3] == [
        "Things (20 of 30 rows) (\u2014: not known)",
        "name  n",
        "a     1",
    ]


def test_long_words_may_break_and_cells_keep_their_side_without_inline_styles():
    name = "a_very_long_name_" * 5
    piece = html.table([(name, 1)], ("file", "n"), "Files")
    assert "<wbr>" in piece.html
    assert piece.html.replace("<wbr>", "").count(name) == 1
    assert name in piece.plain
    assert '<th scope="row" align="left"' in piece.html
    assert "<wbr>" not in html.line("a few short words", "and some more of them").html


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
