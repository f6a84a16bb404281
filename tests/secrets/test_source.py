"""Values are looked up on the host; what cannot be given is an error that says what to do."""

from __future__ import annotations

import os

import pytest

from patina_nb.errors import SecretError
from patina_nb.secrets import resolve
from patina_nb.secrets.source import MAX_BYTES


def test_a_variable_as_it_is_now(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "first value\n")
    assert resolve("TOKEN", "env:MY_TOKEN", tmp_path) == b"first value\n"
    monkeypatch.setenv("MY_TOKEN", os.fsdecode(b"second \xff"))
    assert resolve("TOKEN", "env:MY_TOKEN", tmp_path) == b"second \xff"


def test_a_file_by_whatever_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_bytes(b"line one\nline two\r\n")
    for path in ("token", "~/token", tmp_path / "token"):
        assert resolve("TOKEN", f"file:{path}", tmp_path) == b"line one\nline two"
    (tmp_path / "link").symlink_to("token")
    assert resolve("TOKEN", "file:link", tmp_path).startswith(b"line one")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"abc\n", "is too short: a value has at least 4 bytes"),
        (b"a\0b value", "NUL byte"),
        (b"x" * (MAX_BYTES + 1), "too large: the file token holds more than 64 KiB"),
        (b"x" * (5 << 20), "too large"),
    ],
)
def test_a_value_that_is_unfit(tmp_path, content, said):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SecretError, match=rf"The secret TOKEN .*{said}"):
        resolve("TOKEN", "file:token", tmp_path)


def test_the_longest_value_is_taken(tmp_path):
    (tmp_path / "token").write_bytes(b"x" * MAX_BYTES + b"\n")
    assert len(resolve("TOKEN", "file:token", tmp_path)) == MAX_BYTES


def test_nothing_where_a_value_should_be(tmp_path, monkeypatch):
    monkeypatch.delenv("MY_TOKEN", raising=False)
    with pytest.raises(SecretError, match=r"the environment variable MY_TOKEN, which is not set: set it"):
        resolve("TOKEN", "env:MY_TOKEN", tmp_path)
    monkeypatch.setenv("MY_TOKEN", "")
    with pytest.raises(SecretError, match="is empty"):
        resolve("TOKEN", "env:MY_TOKEN", tmp_path)
    with pytest.raises(SecretError, match=r"cannot be read from the file none: No such file"):
        resolve("TOKEN", "file:none", tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(SecretError, match=f"{name} is not a file"):
            resolve("TOKEN", f"file:{name}", tmp_path)
