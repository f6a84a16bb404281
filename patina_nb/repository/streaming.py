"""Output of git that may be larger than memory, read as it comes."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from patina_nb.errors import RepositoryError
from patina_nb.repository.git import Git, GitFailedError, last_words, start_git, stop_git

_CHUNK = 1 << 20
_COMPLAINT = 1 << 16


@contextmanager
def output_of(
    git: Git,
    *args: str,
    stdin: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    config: Mapping[str, str] | None = None,
    memory: int | None = None,
    timeout: float = 900,
) -> Iterator[IO[bytes]]:
    """Standard output of ``git *args``; arguments as of `Git.git`. `stdin`: a real file, read from its start.

    The block reads to the end; one that is left by an exception ends git.

    Raises GitFailedError when git does not end well, RepositoryError when the time is over.
    """
    where = git.common_dir
    places = {"GIT_DIR": str(where), "GIT_WORK_TREE": str(where), **(env or {})}
    if stdin is not None:
        _rewind(stdin)
    with (
        tempfile.TemporaryFile() as said,
        start_git(args, Path(where), places, config or {}, stdin, memory, stderr=said) as process,
    ):
        out = process.stdout
        if out is None:
            raise RepositoryError(f"git {args[0]} was started without a pipe.")
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        clock = threading.Timer(timeout, give_up)
        clock.start()
        try:
            yield out
            code = process.wait()
        except BaseException:
            stop_git(process)
            raise
        finally:
            clock.cancel()
        if late.is_set():
            raise RepositoryError(f"git {args[0]} did not end in {timeout:g} s.")
        if code:
            said.seek(0)
            raise GitFailedError(args[0], code, last_words(said.read(_COMPLAINT)))


@contextmanager
def again(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """A file from its start, read by an object of its own: one that git has read from is at another place."""
    _rewind(file)
    with os.fdopen(os.dup(file.fileno()), "rb") as fresh:
        yield fresh


def _rewind(file: IO[bytes]) -> None:
    file.flush()
    os.lseek(file.fileno(), 0, os.SEEK_SET)


def fields_of(file: IO[bytes]) -> Iterator[bytes]:
    """What stands between NUL bytes; raises RepositoryError for a field of several MiB."""
    rest = b""
    while chunk := file.read(_CHUNK):
        *fields, rest = (rest + chunk).split(b"\0")
        yield from fields
        if len(rest) > _CHUNK:
            raise RepositoryError("A file name in the workspace's commit is several MiB long.")
