"""What a command is and what came of it, on the host's side of the protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from patina_nb.errors import SandboxError
from patina_nb.sandbox.server.frames import MAX_EXIT, MAX_REQUEST

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


def encode_request(command: Command, stdin: bool, size: tuple[int, int] | None = None) -> bytes:
    """The request line; `size` (rows, columns) asks for a terminal. Raises SandboxError if it is too long."""
    asked: dict[str, object] = {"argv": list(command.argv)}
    if command.cwd is not None:
        asked["cwd"] = command.cwd
    if command.env:
        asked["env"] = dict(command.env)
    if command.timeout is not None:
        asked["timeout"] = command.timeout
    if stdin:
        asked["stdin"] = True
    if size is not None:
        asked.update(pty=True, rows=size[0], cols=size[1])
    line = json.dumps(asked).encode() + b"\n"
    if len(line) > MAX_REQUEST:
        raise SandboxError(
            f"the command takes {len(line)} bytes of {MAX_REQUEST}: put the data into a file or into stdin"
        )
    return line


class ProtocolError(Exception):
    """The server, which is not trusted, said something that the protocol does not know."""


@dataclass(frozen=True)
class Ending:
    """The exit message, checked."""

    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    cancelled: bool = False
    left: tuple[int, ...] = ()
    error: str | None = None
    overflow: bool = True  # of a change list: look for yourself

    @property
    def has_result(self) -> bool:
        """It says how a command ended, or why it did not start, or who could not be killed."""
        return (self.exit_code, self.signal, self.error) != (None, None, None) or bool(self.left)


_MOST_LEFT = 10_000
_LONGEST_ERROR = 2000


def decode_ending(payload: bytes) -> Ending:
    """Check the payload of an exit frame; raises ProtocolError."""
    if len(payload) > MAX_EXIT:
        raise ProtocolError(f"an exit message of {len(payload)} bytes")
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        raise ProtocolError("an exit message that is not JSON") from None
    if not isinstance(said, dict):
        raise ProtocolError("an exit message that is no object")
    left = said.get("left", [])
    if not isinstance(left, list) or len(left) > _MOST_LEFT:
        raise ProtocolError("an exit message with a wrong 'left'")
    error = said.get("error")
    if error is not None and not isinstance(error, str):
        raise ProtocolError("an exit message with a wrong 'error'")
    ending = Ending(
        exit_code=_number(said, "exit", 0, 255),
        signal=_number(said, "signal", 1, 64),
        timed_out=_flag(said, "timed_out", False),
        cancelled=_flag(said, "cancelled", False),
        left=tuple(_number({"left": pid}, "left", 1, 1 << 31) or 0 for pid in left),
        error=None if error is None else _printable(error[:_LONGEST_ERROR]),
        overflow=_flag(said, "overflow", True),
    )
    if ending.exit_code is not None and ending.signal is not None:
        raise ProtocolError("an exit message with an exit code and a signal")
    return ending


def _printable(text: str) -> str:
    """Without lone surrogates, on which every output stream would fail."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _number(said: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ProtocolError(f"an exit message with a wrong {name!r}")
    return value


def _flag(said: Mapping[str, Any], name: str, default: bool) -> bool:
    value = said.get(name, default)
    if not isinstance(value, bool):
        raise ProtocolError(f"an exit message with a wrong {name!r}")
    return value
