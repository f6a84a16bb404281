"""Where stages run, and what every place must have before the first command."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from patina_nb.errors import SandboxError, WorkspaceError
from patina_nb.pipeline.report import PlaceName
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import ExecResult

Execute = Callable[[Path], ExecResult]
"""Runs a command with a directory for its whole output."""


@dataclass(frozen=True)
class Place:
    """Somewhere to run stages in.

    `run` calls what it is given (a command's text for people, and how to run it), and returns its result and,
    where it was recorded as a step, the number of that.
    """

    name: PlaceName
    engine: str
    isolation: str
    sandbox: Sandbox
    workspace: str  # the top of the tree, as a path in the box
    env: Mapping[str, str]  # for every command
    run: Callable[[str, Execute], tuple[ExecResult, int | None]]
    installed: bool = False  # the engine ran the install commands when it made the place
    fallbacks: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Desk:
    """A directory in the box, outside of the tree, for reports; and the mark of when it was made."""

    folder: str

    def put(self, sandbox: Sandbox, settings: Mapping[str, str]) -> None:
        """Files that tell tools where to report; raises SandboxError."""
        for name, text in settings.items():
            data = text.replace("{dir}", self.folder).encode("utf-8", "surrogateescape")
            try:
                sandbox.write(f"{self.folder}/{name}", data)
            except WorkspaceError as error:
                raise SandboxError(f"the tools could not be told where to report: {error}") from error

    def in_env(self, env: Mapping[str, str], base: Mapping[str, str]) -> dict[str, str]:
        """Variables that tell tools where to report, behind what these variables hold already."""
        placed = {name: value.replace("{dir}", self.folder) for name, value in env.items()}
        return {name: f"{base.get(name, '')} {value}".strip() for name, value in placed.items()}


_SET_UP = """
desk="${TMPDIR:-/tmp}/$1"
mkdir -p -- "$desk" && touch -- "$desk/begin" && printf '%s' "$desk"
"""


def set_up_desk(sandbox: Sandbox) -> Desk:
    """Make the directory for reports; raises SandboxError."""
    name = f"patina-check-{secrets.token_hex(8)}"
    return Desk(
        sandbox.call(["sh", "-c", _SET_UP, "sh", name], limit=4096).decode("utf-8", "surrogateescape")
    )


# Of the patterns, files (no links) that are not older than the mark on the desk. Names go out as hex.
_FIND = """
import glob, os, stat, sys
begin = os.lstat(os.path.join(sys.argv[1], "begin")).st_mtime_ns
for pattern in [os.path.join(glob.escape(sys.argv[1]), "*.xml"), *sys.argv[2:]]:
    for name in sorted(glob.iglob(pattern, recursive=True)):
        status = os.lstat(name)
        if stat.S_ISREG(status.st_mode) and status.st_mtime_ns >= begin:
            print(os.fsencode(name).hex())
"""
MOST_REPORTS = 200


def reports(sandbox: Sandbox, desk: Desk, patterns: Sequence[str]) -> list[str]:
    """Paths of the report files that were written since the desk was made, at most MOST_REPORTS."""
    listed = sandbox.call(["python3", "-I", "-S", "-c", _FIND, desk.folder, *patterns], limit=4 << 20)
    try:
        names = [bytes.fromhex(line).decode("utf-8", "surrogateescape") for line in listed.decode().split()]
    except ValueError:
        raise SandboxError("the list of reports in the box is no list") from None
    return list(dict.fromkeys(names))[:MOST_REPORTS]
