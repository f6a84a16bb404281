"""Opening a transcript that may be anything: a FIFO, a device, a link, compressed, growing, enormous."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from patina_nb.transcripts import compressed
from patina_nb.transcripts.model import Micros, ReadError
from patina_nb.transcripts.reader import HEAD_BYTES, TranscriptError
from patina_nb.transcripts.values import encodable

SIZE_LIMIT = 16 << 30
"""Bytes of a file, decompressed, that are read; real ones reach 0.7 GiB."""

_BLOCK = 1 << 18


def open_transcript(path: Path, buffer_size: int = _BLOCK) -> BinaryIO:
    """The content of a regular file as a buffered stream, decompressed where it is a zstd or gzip file.

    Raises TranscriptError for anything but a regular file of a bearable size, OSError as `open` does.
    Reading raises OSError or EOFError where a compressed file is damaged or cut, after all before that.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # before opening: opening a device can have effects
        raise _irregular(path)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    file = io.FileIO(fd)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _irregular(path)
        if status.st_size > SIZE_LIMIT:
            raise TranscriptError(f"{shown(path)} has more than 16 GiB. Split it by lines.")
        magic = file.read(compressed.MAGIC_BYTES)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    plain = not compressed.is_compressed(magic)
    return io.BufferedReader(file if plain else compressed.Decompressed(file, SIZE_LIMIT), buffer_size)


def read_head(path: Path, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of a file, decompressed; raises as `open_transcript` does.

    Of a damaged compressed file those before the damage; OSError or EOFError where there are none.
    """
    with open_transcript(path, size) as file:
        head = b""
        while len(head) < size:
            try:
                part = file.read1(size - len(head))  # type: ignore[attr-defined]
            except (OSError, EOFError):
                if head:
                    break
                raise
            if not part:
                break
            head += part
        return head


def check_head(path: Path) -> None:
    """Raise OSError or EOFError where damage falls within the bytes that `read_head` reads."""
    with open_transcript(path) as file:
        file.read(HEAD_BYTES)


def read_whole(path: Path, limit: int) -> bytes:
    """A file that is one JSON value; raises TranscriptError above `limit` bytes."""
    with open_transcript(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise TranscriptError(f"{shown(path)} is larger than {limit >> 20} MiB: too large to be read.")
    return content


def is_compressed(path: Path) -> bool:
    """Whether a file's offsets are not those of its content."""
    with path.open("rb") as file:
        return compressed.is_compressed(file.read(compressed.MAGIC_BYTES))


def size_and_mtime(path: Path) -> tuple[int | None, Micros | None]:
    """Bytes on the disk and the time of the last change; None for a file that is gone."""
    try:
        status = path.stat()
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns // 1000


def shown(path: Path) -> str:
    """A path as text that can be stored and shown: bytes that are no UTF-8 as ``\\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_error(path: Path, error: Exception) -> ReadError:
    """What went wrong with a file, as a sentence."""
    if isinstance(error, TranscriptError):
        return ReadError(path=shown(path), message=encodable(str(error)))
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    reason = encodable(f"{type(error).__name__}: {reason}"[:500])
    return ReadError(
        path=shown(path), message=f"{shown(path)} cannot be read ({reason}). The other files were read."
    )


def _irregular(path: Path) -> TranscriptError:
    return TranscriptError(f"{shown(path)} is no regular file. Name the transcript itself, or a copy.")
