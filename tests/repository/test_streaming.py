"""Output of git that is read as it comes; how it ends when git, the reader or the time does not play along."""

from __future__ import annotations

import io
import tempfile
import time

import pytest

from patina_nb.errors import RepositoryError
from patina_nb.repository import GitFailedError
from patina_nb.repository.streaming import again, fields_of, output_of
from tests.conftest import Repo


def test_the_output_and_a_file_as_input_from_its_start(repo: Repo):
    with tempfile.TemporaryFile() as asked:
        asked.write(b"HEAD:a.txt\nnone\n")
        for _ in range(2):
            with output_of(repo.repository, "cat-file", "--batch", stdin=asked) as out:
                assert out.read().endswith(b" blob 4\none\n\nnone missing\n")
        with again(asked) as fresh:
            assert fresh.read() == b"HEAD:a.txt\nnone\n"


def read_all(repo: Repo, *args: str, **options: object) -> bytes:
    with output_of(repo.repository, *args, **options) as out:
        return out.read()


def test_git_that_fails_says_why(repo: Repo):
    with pytest.raises(GitFailedError, match=r"rev-list failed: .*'none'"):
        read_all(repo, "rev-list", "none")


def test_leaving_early_ends_git(repo: Repo):
    repo.commit({"big": b"x" * (20 << 20)})

    def read_a_little() -> None:
        with output_of(repo.repository, "cat-file", "blob", "HEAD:big") as out:
            assert out.read(1) == b"x"
            raise KeyError

    began = time.monotonic()
    with pytest.raises(KeyError):
        read_a_little()
    assert time.monotonic() - began < 60


def test_the_time_is_over(repo: Repo):
    repo.commit({"big": b"x" * (20 << 20)})

    def read_slowly() -> None:
        with output_of(repo.repository, "cat-file", "blob", "HEAD:big", timeout=0.3) as out:
            time.sleep(1)
            assert len(out.read()) < 20 << 20

    with pytest.raises(RepositoryError, match=r"cat-file did not end in 0\.3 s"):
        read_slowly()


def test_fields_between_nul_bytes():
    assert list(fields_of(io.BytesIO(b"a\0\0" + b"b" * (3 << 19) + b"\0rest"))) == [
        b"a",
        b"",
        b"b" * (3 << 19),
    ]
    with pytest.raises(RepositoryError, match="several MiB long"):
        list(fields_of(io.BytesIO(b"b" * (5 << 20))))
