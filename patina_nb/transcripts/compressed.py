"""Compressed transcripts (zstd, gzip) as plain streams, which tell where one breaks off.

The usual streams of both libraries end quietly where a file was cut. Here each frame is asked whether it was
complete, and whatever could be decompressed is given out before an error is raised.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC_BYTES = 4
"""How much of a file `is_compressed` looks at."""

_ZSTD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08"
_SKIPPED = b"\x2a\x4d\x18"  # ends the magic number of a frame of zstd's that holds no content
_BLOCK = 1 << 18
_PIECE = 1 << 10  # decompressed at once: a hostile one becomes 32 MiB at most, before anyone can stop it
_ZSTD_WINDOW = 1 << 27  # what the zstd command accepts too: bounds the memory of a hostile frame


class _Frame(Protocol):
    """One frame of zstd, or one member of gzip, while it is read."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def decompress(self) -> Callable[[bytes], bytes]: ...


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins like this is one that `Decompressed` reads."""
    return head.startswith((_ZSTD, _GZIP))


class Decompressed(io.RawIOBase):
    """The content of a compressed file, of all its frames one after the other.

    Reading raises OSError where the file is damaged or its content is longer than `limit` bytes, EOFError
    where it breaks off; both only after all that comes before.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._left = limit
        self._frame: _Frame | None = None
        self._block, self._at = b"", 0  # compressed, and how much of it was used
        self._content = memoryview(b"")  # decompressed, and not yet given out
        self._error: OSError | EOFError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        with memoryview(buffer).cast("B") as view:
            n = 0
            while n < len(view) and self._has_content():
                part = self._content[: len(view) - n]
                view[n : n + len(part)] = part
                self._content = self._content[len(part) :]
                n += len(part)
        if not n and self._error is not None:
            raise self._error
        return n

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _has_content(self) -> bool:
        """Decompress until there is something to give out; there is nothing at the end, or after an error."""
        while not self._content and self._error is None and self._has_input():
            try:
                self._content = memoryview(self._next())
            except OSError as error:
                self._error = error
        return bool(self._content)

    def _has_input(self) -> bool:
        if self._at < len(self._block):
            return True
        try:
            self._block, self._at = self._file.read(_BLOCK), 0
            if not self._block and self._frame is not None:
                raise EOFError("the compressed file breaks off")
        except (OSError, EOFError) as error:
            self._error = error
            return False
        return bool(self._block)

    def _next(self) -> bytes:
        """What the next piece decompresses to, which may be nothing. Raises OSError."""
        if self._frame is None:
            self._block, self._at = self._block[self._at :] + self._file.read(MAGIC_BYTES), 0
            self._frame = _frame(self._block[:MAGIC_BYTES])
        piece = self._block[self._at : self._at + _PIECE]
        try:
            content = self._frame.decompress(piece)
        except Exception as error:  # each library has its own
            raise OSError(f"damaged compressed file: {error}") from error
        self._at += len(piece) - len(self._frame.unused_data)
        if self._frame.eof:
            self._frame = None
        self._left -= len(content)
        if self._left < 0:
            raise OSError("its content is too long")
        return content


def _frame(magic: bytes) -> _Frame:
    """What reads the frame that begins like this. Raises OSError for one of neither kind."""
    if magic.startswith(_GZIP):
        return zlib.decompressobj(wbits=31)
    if magic == _ZSTD or magic.endswith(_SKIPPED):
        import zstandard

        return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    raise OSError("damaged compressed file: no frame begins where one should")
