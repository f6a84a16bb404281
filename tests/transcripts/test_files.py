"""Files that are no files, and compressed ones."""

from __future__ import annotations

import os
import socket

import pytest
import zstandard

from patina_nb.transcripts import files
from patina_nb.transcripts.collect import collect
from patina_nb.transcripts.files import open_transcript, read_head, read_whole
from patina_nb.transcripts.reader import TranscriptError
from tests.conftest import ordinary_user
from tests.transcripts.writing import assistant, write


def test_a_fifo_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "x.jsonl")
    with pytest.raises(TranscriptError, match="no regular file"):
        open_transcript(tmp_path / "x.jsonl")


def test_a_device_a_folder_and_a_socket_are_refused(tmp_path, monkeypatch):
    with pytest.raises(TranscriptError, match="no regular file"):
        read_head(files.Path("/dev/zero"))
    with pytest.raises(TranscriptError, match="no regular file"):
        read_head(tmp_path)
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(TranscriptError, match="no regular file"):
            read_head(tmp_path / "s")


def test_an_enormous_file_is_refused(tmp_path):
    path = tmp_path / "x.jsonl"
    path.touch()
    os.truncate(path, files.SIZE_LIMIT + 1)  # sparse
    with pytest.raises(TranscriptError, match="16 GiB"):
        open_transcript(path)


def test_compressed_content_is_decompressed_whatever_the_name(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(zstandard.compress(b"one\n") + zstandard.compress(b"two\n"))
    with open_transcript(path) as file:
        assert file.read() == b"one\ntwo\n"
    assert read_head(path, 2) == b"on"


def test_a_compressed_file_that_grows_without_end_stops(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SIZE_LIMIT", 1 << 20)
    path = tmp_path / "bomb.jsonl.zst"
    path.write_bytes(zstandard.compress(b"\n" * (64 << 20)))
    with open_transcript(path) as file, pytest.raises(OSError, match="too long"):
        file.read()


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: data[:40] + b"\0" * 40 + data[80:]])
def test_a_damaged_compressed_transcript_ends_where_it_breaks_off(tmp_path, damage):
    plain = write(tmp_path / "plain", [assistant(f"m{n}", n, n) for n in range(3000)])
    content = damage(zstandard.compress(plain.read_bytes()))
    plain.unlink()
    (tmp_path / "x.jsonl.zst").write_bytes(content)
    found = collect(tmp_path)
    lost = sum(source.n_dropped for source in found.sources) + len(found.errors)
    assert lost or found.n_unrecognized
    assert len(found.model_calls) < 3000


def test_a_whole_file_is_read_up_to_a_limit(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x" * 100)
    assert read_whole(path, 100) == b"x" * 100
    with pytest.raises(TranscriptError, match="larger than"):
        read_whole(path, 99)


def test_a_file_without_permission_is_an_error_among_others(open_dir):
    kept = write(open_dir / "a.jsonl", [assistant("m", 1)])
    secret = write(open_dir / "b.jsonl", [assistant("n", 1)])
    folder = write(open_dir / "closed" / "c.jsonl", [assistant("o", 1)]).parent
    assert len(collect(open_dir).model_calls) == 3  # and all readers are imported
    secret.chmod(0)
    folder.chmod(0)
    kept.chmod(0o644)
    try:
        with ordinary_user():
            found = collect(open_dir)
    finally:
        folder.chmod(0o700)
    assert [call.response_id for call in found.model_calls] == ["m"]
    assert [error.path for error in found.errors] == [str(secret), str(folder)]
    assert all("Permission denied" in error.message for error in found.errors)
