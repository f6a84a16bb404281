"""Plain tables: columns of even width, and lines that fit a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from patina_nb.presentation.columns import LINE_WIDTH, aligned

cell = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=300) | st.text("ab ", max_size=300)


def test_numbers_are_flush_right_and_words_flush_left():
    assert aligned([["name", "n"], ["a", "1"], ["bcdefg", "12"]], {1}) == [
        "name     n",
        "a        1",
        "bcdefg  12",
    ]


def test_the_widest_column_goes_on_below_and_the_others_stay_whole():
    lines = aligned([["name", "found"], ["docker", "word " * 60], ["git", "yes"]], set())
    assert lines[1].startswith("docker  word word")
    assert lines[2].startswith("        word")
    assert lines[-1] == "git     yes"


@given(st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=4))
def test_lines_fit_and_nothing_is_lost(rows):
    lines = aligned(rows, {2})
    assert max(map(len, lines)) <= LINE_WIDTH
    kept = sorted("".join("".join(lines).split()))
    assert kept == sorted("".join("".join(c for row in rows for c in row).split()))
