"""Terminal output that was written to deceive is shown as what it is."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from patina_nb.presentation.ansi import Span, Style, spans
from patina_nb.presentation.excerpt import plain
from patina_nb.presentation.text import LINE_LIMIT, visible

hostile = st.text(
    st.sampled_from("\x1b[]()0123456789;:mKPXx\\\x07\x08\r\n\t\x00\x9b\u202e\u200b\u2066<>&\"' ab\ud800\x7f")
)


def hidden(text):
    return [
        c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co"} and c not in "\n\t\u200c\u200d"
    ]


@given(hostile | st.text())
def test_no_hidden_character_survives(text):
    assert not hidden(plain(text))
    assert not hidden(visible(text))


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"]), max_size=500))
def test_ordinary_text_is_not_changed(text):
    assert plain(text) == text


def test_colours_and_weights_are_kept():
    assert spans("a\x1b[1;31mb\x1b[22mc\x1b[0md") == [
        Span("a"),
        Span("b", Style(colour="red", bold=True)),
        Span("c", Style(colour="red")),
        Span("d"),
    ]
    assert spans("\x1b[38;5;196mx")[0].style.colour == "red"
    assert spans("\x1b[38;2;10;200;10mx")[0].style.colour == "green"
    assert spans("\x1b[38:2:90:90:250mx")[0].style.colour == "blue"
    assert spans("\x1b[90mx\x1b[39my") == [Span("x", Style(colour="gray")), Span("y")]


def test_text_cannot_be_hidden_by_colours_or_conceal():
    assert spans("\x1b[8mx") == [Span("x")]
    assert spans("\x1b[38;2;255;255;255mx") == [Span("x")]
    assert spans("\x1b[30;40mx") == [Span("x", Style(reverse=True))]


def test_titles_links_and_cursor_movement_are_dropped_but_never_what_follows():
    assert plain("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b[2J\x1b[1;1Hc\x1b(Bd") == "abcd"
    assert plain("\x1b]0;not ended, visible") == "0;not ended, visible"
    assert plain("\x1bP1;2|x\x1b\\y") == "y"


def test_the_rest_is_made_visible():
    assert plain("a\x08b\x00\x7f") == "a\u2408b\u2400\u2421"
    assert plain("user\u202etxt.exe") == "user<U+202E>txt.exe"
    assert plain("a\u200bb\x9b31mc") == "a<U+200B>b<U+009B>31mc"
    assert plain("\U0001f468\u200d\U0001f469") == "\U0001f468\u200d\U0001f469"


def test_progress_bars_leave_their_last_state():
    assert plain("10%\r50%\r100%\ndone\r\nx\r") == "100%\ndone\nx"


def test_long_lines_are_cut_and_say_so():
    assert plain("x" * (LINE_LIMIT + 7)).endswith(" [… 7 more characters]")
