"""The sieve: however the bytes are cut, only colours reach the terminal."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from patina_nb.cli.terminal import Sieve

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
PIECES = st.lists(
    st.sampled_from(
        [
            "a",
            "é",
            "\x1b[31m",
            "\x1b[0m",
            "\x1b]0;t\x07",
            "\x1b[2J",
            "\x9b2J",
            "\x1b",
            "[",
            "1m",
            "\r",
            "\n",
            "\u202e",
        ]
    )
)


def sieved(data: bytes, cuts: list[int]) -> str:
    sieve, last, shown = Sieve(), 0, []
    for cut in sorted(cut % (len(data) + 1) for cut in cuts):
        shown.append(sieve.feed(data[last:cut]))
        last = cut
    return "".join([*shown, sieve.feed(data[last:], final=True)])


@given(PIECES, st.lists(st.integers(0, 1000)))
@example(["\x1b", "\n"], [2])  # an escape at the end of a line that has come whole
def test_only_colours_pass_however_it_is_cut(pieces, cuts):
    data = "".join(pieces).encode()
    shown = sieved(data, cuts)
    assert not CONTROL.search(re.sub(r"\x1b\[[0-9;:]*m", "", shown))
    assert shown == sieved(data, [])


@given(st.binary(), st.lists(st.integers(0, 1000)))
def test_any_bytes_are_taken(data, cuts):
    assert isinstance(sieved(data, cuts), str)


def test_colours_end_with_the_output():
    assert sieved(b"\x1b[41mred", []).endswith("\x1b[0m")
    assert sieved(b"plain", []) == "plain"
