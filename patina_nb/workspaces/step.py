"""A step: what one command did, in the sandbox and on the branch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeVar

from patina_nb.sandbox.protocol import ExecResult, Output
from patina_nb.snapshot import FileChange, LeftOut

Status = Literal["ok", "failed", "timed out", "cancelled", "out of memory", "error", "unknown"]
Hide = Callable[[str], str]
"""Masks the values of secrets in a text; the same object where there is nothing to mask."""
Entry = TypeVar("Entry", FileChange, LeftOut)
SUBJECT_LENGTH = 72


@dataclass(frozen=True)
class Step:
    """One command of a session, as it is told to the user.

    `commit` is the new head of the branch, or None when nothing changed; `unpublished` says why a commit
    is not on the branch. `files` compares with `parent`, the head before.
    """

    session_id: str
    number: int
    command: str
    status: Status
    exit_code: int | None
    signal: int | None
    stdout: Output
    stderr: Output
    started_at: datetime  # UTC
    duration_s: float
    commit: str | None
    parent: str
    files: tuple[FileChange, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    rewritten: bool = False  # the agent changed history that was on the branch
    unpublished: str | None = None
    kept: str | None = None  # ref that keeps the old head (rewritten) or the new one (branch checked out)
    tree: str | None = None  # id of the commit's tree
    engine: str = ""
    isolation: str = ""
    notes: tuple[str, ...] = ()
    beside: tuple[int, ...] = ()  # steps that ran at the same time: files may be theirs

    @property
    def ok(self) -> bool:
        return self.status == "ok"


def status_of(result: ExecResult) -> Status:
    """The end of a command in one word; an end that is not known is never a success."""
    if result.lost is not None:
        return "unknown"
    if result.error is not None:
        return "error"
    if result.cancelled:
        return "cancelled"
    if result.timed_out:
        return "timed out"
    if result.out_of_memory:
        return "out of memory"
    return "ok" if result.exit_code == 0 else "failed"


def commit_message(command: str, session_id: str, number: int, end: str, cell: str | None) -> str:
    """First line of the command, then trailers; `end` is the exit code or the status in words."""
    trailers = {"Patina-Session": session_id, "Patina-Step": str(number), "Patina-Exit": end}
    if cell:
        trailers["Patina-Cell"] = cell
    lines = [f"{key}: {' '.join(value.split())}" for key, value in trailers.items()]
    return subject(command) + "\n\n" + "\n".join(lines) + "\n"


def subject(command: str) -> str:
    """One printable line of at most 72 characters."""
    first = next((line for line in command.splitlines() if line.strip()), "step").strip()
    printable = "".join(c if c.isprintable() else " " for c in first)
    return printable if len(printable) <= SUBJECT_LENGTH else printable[: SUBJECT_LENGTH - 1] + "…"


def shown_command(command: str | Sequence[str], hide: Hide) -> str:
    """A command as text, without secrets, quoted where it is a list of arguments."""
    import shlex

    return hide(command) if isinstance(command, str) else shlex.join(map(hide, command))


def without_secrets(step: Step, hide: Hide) -> Step:
    """The step with all of its words masked; its outputs are already, where they come in."""
    return replace(
        step,
        command=hide(step.command),
        files=tuple(_hidden(change, hide) for change in step.files),
        left_out=tuple(replace(_hidden(left, hide), reason=hide(left.reason)) for left in step.left_out),
        unpublished=step.unpublished and hide(step.unpublished),
        notes=tuple(map(hide, step.notes)),
    )


def _hidden(entry: Entry, hide: Hide) -> Entry:
    path = hide(entry.path)
    return entry if path is entry.path else replace(entry, path=path)
