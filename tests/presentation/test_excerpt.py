"""First and last lines of raw output."""

from patina_nb.presentation.excerpt import TAIL_LIMIT, one_line, tail


def test_tail_counts_lines():
    assert tail("a\nb\nc\n", 2) == ("b\nc", 3)
    assert tail("", 2) == ("", 0)
    assert tail("a\nb", 0) == ("", 2)


def test_one_line_says_when_there_is_more():
    assert one_line("ls\n") == "ls"
    assert one_line("\n  set -e\nls") == "set -e …"
    assert one_line("x" * 300, 10) == "xxxxxxxx …"
    assert one_line("\x1b[31mred\x1b[0m\x08") == "red\u2408"


def test_a_tail_of_endless_lines_is_bounded():
    shown, lines = tail("x" * 100_000, 5)
    assert (len(shown), lines) == (TAIL_LIMIT + len("[…] "), 1)
