from __future__ import annotations

import os
import socket
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patina_nb.sandbox.server.frames import (
    HEADER,
    MAX_PAYLOAD,
    SERVER_KINDS,
    FrameError,
    Reader,
    pack,
    receive_fd,
    send_fd,
)

frames = st.lists(
    st.tuples(st.sampled_from([bytes([kind]) for kind in SERVER_KINDS]), st.binary(max_size=300))
)


def cut(data, cuts):
    edges = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(frames, st.lists(st.integers(min_value=0)))
def test_any_chunking_gives_the_same_frames(sent, cuts):
    reader = Reader(SERVER_KINDS)
    data = b"".join(pack(kind, payload) for kind, payload in sent)
    got = [frame for chunk in cut(data, cuts) for frame in reader.feed(chunk)]
    assert got == sent


@given(st.binary(max_size=2000), st.lists(st.integers(min_value=0)))
def test_garbage_ends_in_an_error_or_waits_for_more(data, cuts):
    reader = Reader(SERVER_KINDS, limit=100)
    try:
        for chunk in cut(data, cuts):
            for kind, payload in reader.feed(chunk):
                assert kind in SERVER_KINDS
                assert len(payload) <= 100
    except FrameError:
        return
    assert len(reader._buffer) < HEADER.size + 100


def test_a_frame_above_the_limit_is_refused_by_its_header_alone():
    reader = Reader(b"o")
    with pytest.raises(FrameError, match="bytes"):
        reader.feed(HEADER.pack(b"o", MAX_PAYLOAD + 1))
    assert Reader(b"o").feed(pack(b"o", bytes(MAX_PAYLOAD))) == [(b"o", bytes(MAX_PAYLOAD))]


def test_an_unknown_kind_is_refused():
    with pytest.raises(FrameError, match="b'z'"):
        Reader(b"ox").feed(pack(b"z"))


def test_a_descriptor_travels_and_is_closed_on_exec():
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, two, Path(os.devnull).open("rb") as file:
        send_fd(one, b"s", file.fileno())
        data, fd = receive_fd(two, 16)
        assert data == b"s"
        assert fd is not None
        assert not os.get_inheritable(fd)
        os.close(fd)
        one.send(b"t")
        assert receive_fd(two, 16) == (b"t", None)
        one.close()
        assert receive_fd(two, 16) == (b"", None)
