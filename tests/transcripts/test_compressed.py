"""A compressed transcript reads like a plain one, and what was cut off it is told."""

from __future__ import annotations

import gzip
import io
import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from patina_nb.transcripts.collect import collect
from patina_nb.transcripts.compressed import Decompressed, is_compressed
from patina_nb.transcripts.usage import usage
from tests.transcripts.writing import assistant, write

BOTH = pytest.mark.parametrize("compress", [zstandard.compress, gzip.compress])
LIMIT = 1 << 30


def read(content: bytes, *, limit: int = LIMIT) -> tuple[bytes, str | None]:
    """All that can be read, and the error it ended with."""
    file = io.BufferedReader(Decompressed(io.BytesIO(content), limit), 100)
    found = b""
    try:
        while part := file.read1(1000):
            found += part
    except (OSError, EOFError) as error:
        return found, str(error)
    return found, None


@BOTH
def test_frames_one_after_the_other_are_one_content(compress):
    parts = [b"one\n", b"", b"x" * 1_000_000, b"two"]
    content = b"".join(compress(part) for part in parts)
    assert is_compressed(content)
    assert read(content) == (b"".join(parts), None)


def test_frames_of_both_kinds_and_skippable_ones_may_follow_each_other():
    skipped = struct.pack("<II", 0x184D2A5F, 3) + b"..."
    content = zstandard.compress(b"one ") + skipped + gzip.compress(b"two ") + zstandard.compress(b"three")
    assert read(content) == (b"one two three", None)
    found, error = read(zstandard.compress(b"one ") + b"\0" * 10)
    assert found == b"one "
    assert "no frame begins" in error


@BOTH
@given(data=st.data())
def test_a_cut_anywhere_is_an_error_after_what_comes_before(compress, data):
    plain = b"".join(b"%d " % number for number in range(3000))
    content = compress(plain)
    found, error = read(content[: data.draw(st.integers(4, len(content) - 1))])
    assert error == "the compressed file breaks off"
    assert plain.startswith(found)
    assert read(content) == (plain, None)


@BOTH
def test_a_cut_behind_the_first_of_two_frames_keeps_the_first(compress):
    first, second = compress(b"first" * 1000), compress(b"second")
    for kept in range(1, len(second)):
        found, error = read(first + second[:kept])
        assert found.startswith(b"first" * 1000)
        assert error


@BOTH
def test_garbage_in_it_never_raises_anything_else(compress):
    @given(st.binary(max_size=60), st.integers(4, 400))
    def check(garbage, at):
        content = compress(bytes(range(256)) * 8)
        found, _ = read(content[:at] + garbage + content[at + len(garbage) :])
        assert len(found) <= 5000

    check()


@BOTH
def test_content_above_the_limit_is_an_error(compress):
    found, error = read(compress(b"\n" * (4 << 20)), limit=1 << 20)
    assert len(found) <= 1 << 20
    assert error == "its content is too long"


@BOTH
@pytest.mark.parametrize("number", [1, 5, 3000])
def test_a_transcript_cut_in_its_first_block_is_no_empty_one(tmp_path, compress, number):
    plain = write(tmp_path / "plain", [assistant(f"m{n}", n, n) for n in range(number)])
    content = compress(plain.read_bytes())
    plain.unlink()
    for cut in (content[:8], content[:20], content[: len(content) // 2], content[:-1]):
        (tmp_path / "x.jsonl").write_bytes(cut)
        found = collect(tmp_path)
        assert sum(source.n_dropped for source in found.sources) + len(found.errors) == 1
        assert found.n_unrecognized == 0
        totals = usage(tmp_path)
        assert totals.n_dropped + len(totals.errors) == 1
        assert sum(row.n_calls for row in totals.rows) == len(found.model_calls) <= number


@BOTH
def test_a_named_transcript_that_is_compressed_counts_like_a_plain_one(tmp_path, compress):
    plain = write(tmp_path / "a" / "plain.jsonl", [assistant(f"m{n}", n, n) for n in range(300)])
    other = tmp_path / "b" / "other"
    other.parent.mkdir()
    other.write_bytes(compress(plain.read_bytes()))
    assert usage(plain).rows == usage(other).rows
    assert collect(plain).model_calls == collect(other).model_calls


def test_damage_costs_only_what_comes_after_it(tmp_path):
    """Blocks of zstd are read whole: lines in those before the damage count."""
    plain = write(tmp_path / "plain", [assistant(f"m{n}", n, n) for n in range(3000)])
    content = zstandard.compress(plain.read_bytes())
    plain.unlink()
    (tmp_path / "x.jsonl.zst").write_bytes(content[: len(content) * 3 // 4])
    found = collect(tmp_path)
    assert len(found.model_calls) > 1000
    assert [source.n_dropped for source in found.sources] == [1]
    assert not found.errors
