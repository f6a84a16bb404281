from __future__ import annotations

import re
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patina_nb.errors import SessionError
from patina_nb.events import SESSION_ID
from patina_nb.session.ids import SLUG_LENGTH, candidates, check_id, slug


@pytest.mark.parametrize("text", ["a", "0", "a-b", "a--b", "x" * 64, "agent-1700000000"])
def test_ids(text):
    assert check_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "-a", "a-", "A", "a b", "a/b", "a.lock", "..", "@{0}", "HEAD", "ä", "a\n", "a\0", "-D"),
        *("x" * 65, "x" * 300, "refs/heads/main"),
    ],
)
def test_what_is_none(text):
    with pytest.raises(SessionError, match="is not a session id: use 1 to 64"):
        check_id(text)


@given(st.text(st.characters()))
def test_any_text_is_an_id_or_an_error_that_can_be_shown(text):
    try:
        assert re.fullmatch("[a-z0-9-]{1,64}", check_id(text))
    except SessionError as error:
        str(error).encode()


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("implement authentication", "implement-authentication"),
        ("  Fix #12: `parse()` fails!  ", "fix-12-parse-fails"),
        ("Größere Straße für Łódź & Ærø", "grossere-strasse-fur-lodz-aero"),
        ("ﬁx Ⅳ", "fix-iv"),
        ("实现登录", ""),
        ("🚀", ""),
        ("../../etc/passwd", "etc-passwd"),
        ("a\nb\0c", "a-b-c"),
        ("", ""),
    ],
)
def test_slugs(goal, expected):
    assert slug(goal) == expected


def test_a_long_goal_is_cut_between_words():
    found = slug("make the whole thing " * 1000)
    assert found == "make-the-whole-thing-make-the-whole-thing-make"
    assert slug("x" * 5000) == "x" * SLUG_LENGTH


@given(st.text(st.characters()))
def test_a_slug_is_an_id_or_empty(goal):
    found = slug(goal)
    assert found == "" or re.fullmatch(SESSION_ID, found)
    assert len(found) <= SLUG_LENGTH


@given(st.one_of(st.none(), st.text(st.characters())))
def test_all_candidates_are_ids_and_differ(goal):
    first = list(islice(candidates(goal), 12))
    assert len(set(first)) == 12
    assert all(check_id(text) for text in first)


def test_without_a_goal_it_is_the_time():
    assert re.fullmatch(r"agent-\d{10}", next(candidates(None)))
    assert re.fullmatch(r"agent-\d{10}", next(candidates("实现登录")))
    assert list(islice(candidates("x"), 3)) == ["x", "x-2", "x-3"]
