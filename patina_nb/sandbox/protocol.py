"""What a command is and what came of it, on the host's side of the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

StreamName = Literal["stdout", "stderr"]
OnOutput = Callable[[StreamName, bytes], None]

KEPT_HEAD = 64 << 10
KEPT_TAIL = 192 << 10
WHOLE_LIMIT = 64 << 20


@dataclass(frozen=True)
class Command:
    """A command for the box. `argv` is never passed through a shell unless it names one."""

    argv: Sequence[str]
    cwd: str | None = None  # default: the workspace
    env: Mapping[str, str] = field(default_factory=dict)  # on top of the box's own
    timeout: float | None = None  # seconds
    stdin: bytes | None = None  # None = empty


@dataclass(frozen=True)
class Output:
    """One output stream: the beginning and the end in memory, the whole in `file` where asked for."""

    head: bytes = b""
    tail: bytes = b""  # empty while everything fits into the head
    total_bytes: int = 0
    file: Path | None = None
    file_bytes: int = 0

    @property
    def truncated(self) -> bool:
        return self.total_bytes > len(self.head) + len(self.tail)

    @property
    def data(self) -> bytes:
        """The bytes in memory; raises ValueError when some are missing (see `truncated`)."""
        if self.truncated:
            raise ValueError(f"only {len(self.head) + len(self.tail)} of {self.total_bytes} bytes are kept")
        return self.head + self.tail

    @property
    def text(self) -> str:
        """Readable text; bytes that are not UTF-8 become U+FFFD, a gap is said in words."""
        gap = self.total_bytes - len(self.head) - len(self.tail)
        middle = f"\n[... {gap} bytes not shown ...]\n".encode() if gap > 0 else b""
        return (self.head + middle + self.tail).decode("utf-8", "replace")


@dataclass(frozen=True)
class ExecResult:
    """What came of a command. `lost` set = the end is not known; never take that for success."""

    exit_code: int | None
    signal: int | None
    timed_out: bool
    cancelled: bool
    interrupted: bool  # cancelled because of a KeyboardInterrupt
    out_of_memory: bool
    lost: str | None
    error: str | None  # why it did not start
    stdout: Output
    stderr: Output
    duration_s: float
    left: tuple[int, ...] = ()  # processes that could not be killed

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and not self.timed_out and not self.cancelled and self.lost is None
