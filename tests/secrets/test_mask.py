"""The streaming masker: whatever the pieces, no value comes out, and everything else does."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from patina_nb.secrets import MASK, Mask, Patterns

values = st.lists(st.binary(min_size=4, max_size=12).filter(lambda v: b"*" not in v), min_size=1, max_size=4)
letters = st.text("ab\n", min_size=4, max_size=9).map(
    str.encode
)  # few letters: values overlap, and nearly match


def masked(patterns: Patterns, pieces: list[bytes]) -> bytes:
    mask = Mask(lambda: patterns)
    return b"".join([*map(mask.feed, pieces), mask.flush()])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(at)]


def expected(patterns: Patterns, data: bytes) -> bytes:
    """Byte by byte: what belongs to a value is dropped, each connected stretch of it is one mask."""
    forms = patterns._names
    out = bytearray()
    until = 0
    for at in range(len(data)):
        stop = max((at + len(form) for form in forms if data.startswith(form, at)), default=0)
        if stop and at >= until:
            out += MASK
        until = max(until, stop)
        if at >= until:
            out.append(data[at])
    return bytes(out)


@given(
    st.lists(letters, min_size=1, max_size=4),
    st.lists(letters | values.map(b"".join)),
    st.lists(st.integers(0)),
)
def test_the_pieces_do_not_matter_and_only_values_are_missing(secrets, around, places):
    patterns = Patterns((f"S{n}", value) for n, value in enumerate(secrets))
    data = b"".join(part for pair in zip(around, secrets * len(around), strict=False) for part in pair)
    out = masked(patterns, cut(data, places))
    assert out == expected(patterns, data)
    assert not any(value in out for value in secrets)


@given(values, st.lists(st.binary(max_size=40)), st.lists(st.integers(0)))
def test_no_value_comes_out_of_bytes_of_any_kind(secrets, around, places):
    patterns = Patterns((f"S{n}", value) for n, value in enumerate(secrets))
    data = b"".join(part for pair in zip(around, secrets * len(around), strict=False) for part in pair)
    out = masked(patterns, cut(data, places))
    assert out == masked(patterns, [data])
    assert not any(value in out.replace(MASK, b"*") for value in secrets)


@given(st.binary(max_size=200), st.lists(st.integers(0)))
def test_what_holds_no_value_comes_out_as_it_went_in(data, places):
    assert masked(Patterns([("S", b"a value that nobody has")]), cut(data, places)) == data
    assert masked(Patterns(), cut(data, places)) == data


def test_only_what_may_be_a_value_is_held_back():
    mask = Mask(lambda: Patterns([("S", b"secret-of-mine")]))
    assert mask.feed(b"a prompt: ") == b"a prompt: "
    assert mask.feed(b"a se") == b"a "
    assert mask.feed(b"cond") == b"second"
    assert mask.feed(b"x" * 1_000_000 + b"secret-of-m") == b"x" * 1_000_000
    assert mask.flush() == b"secret-of-m"


def test_values_that_overlap_are_masked_as_one():
    patterns = Patterns([("A", b"abcdef"), ("B", b"efghij"), ("C", b"abcabc")])
    assert masked(patterns, [b"<abcdefghij>"]) == b"<***>"
    assert masked(patterns, [b"<abcab", b"cabc>"]) == b"<***>"
    assert masked(patterns, [b"abcdefabcdef"]) == b"******"


def test_a_value_that_is_given_while_a_stream_runs_counts_from_then_on():
    known = [Patterns()]
    mask = Mask(lambda: known[0])
    assert mask.feed(b"12345678") == b"12345678"
    known[0] = Patterns([("S", b"12345678")])
    assert mask.feed(b"again 1234") + mask.feed(b"5678.") == b"again ***."


def test_memory_is_bounded_by_the_longest_value():
    value = bytes(range(1, 201))
    mask = Mask(lambda: Patterns([("S", value)]))
    for _ in range(50):
        mask.feed(value[:-1] * 3)
        assert len(mask._held) < 10 * len(value)
    assert re.fullmatch(rb"(?s).*", mask.flush())
