"""A session's life, its workspace and its steps."""

from __future__ import annotations

from typing import Literal

import msgspec

from patina_nb.events.event import Event

RunKind = Literal["command", "write", "changes", "shell"]
"""What a step ran: a command, a file written for the user, the taking over of uncommitted changes, or a
person's interactive shell."""


class SessionStarted(Event, frozen=True, kw_only=True, tag="session-started"):
    """A session and its branch were created at the commit `base`."""

    branch: str
    base: str
    goal: str | None = None
    base_branch: str | None = None
    agent: str | None = None
    project: str | None = None


class SessionUpdated(Event, frozen=True, kw_only=True, tag="session-updated"):
    """Someone noted what was learned."""

    note: str


class SessionEnded(Event, frozen=True, kw_only=True, tag="session-ended"):
    """The session is over; what it came to, at the moment of ending.

    The fields of tests tell its last run of tests; `tests_current`: it was on the tree of `head_sha`.
    """

    summary: str | None = None
    head_sha: str | None = None
    n_steps: int | None = None
    n_commits: int | None = None
    n_files: int | None = None
    lines_added: int | None = None
    lines_removed: int | None = None
    wall_s: float | None = None
    active_s: float | None = None
    tests_status: str | None = None  # as in CheckFinished
    tests_passed: int | None = None
    n_tests: int | None = None
    tests_current: bool | None = None


class SessionDeleted(Event, frozen=True, kw_only=True, tag="session-deleted"):
    """Branch and refs were removed; `head_sha` is where the branch was."""

    head_sha: str | None = None
    forced: bool = False


class WorkspaceOpened(Event, frozen=True, kw_only=True, tag="workspace-opened"):
    """A box was launched or found again, at the commit `head_sha`.

    `isolation` is the badge in words, `enforced` its points: each promise of the box, and whether it is
    enforced. None = an earlier version wrote the event.
    """

    engine: str
    isolation: str = ""
    enforced: dict[str, bool] | None = None
    head_sha: str | None = None
    created: bool | None = None
    fallbacks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class WorkspaceClosed(Event, frozen=True, kw_only=True, tag="workspace-closed"):
    """The box was ended; its state stays. `clean`: everything that can be on the branch is there."""

    engine: str = ""
    clean: bool = False
    reason: str | None = None


class SecretsGiven(Event, frozen=True, kw_only=True, tag="secrets-given"):
    """A command is about to get these secrets, by name; their values are in no event and no side file."""

    names: tuple[str, ...]


class StepStarted(Event, frozen=True, kw_only=True, tag="step-started"):
    """A step begins. Without a `StepFinished` of the same number it never came to its end."""

    number: int
    run: str  # a RunKind, or what a later version adds
    command: str
    cell: str | None = None
    engine: str = ""
    isolation: str = ""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A path (surrogateescape text) that did not reach the branch, and why."""

    path: str
    reason: str


class StepFinished(Event, frozen=True, kw_only=True, tag="step-finished"):
    """A step ended. `commit` is None when nothing changed; `parent` is the head of the branch before.

    `status` is one of ok, failed, timed out, cancelled, out of memory, error, unknown. `stdout` and `stderr`
    are sha256 of side files. `n_left_out` counts all of `left_out`, which is shortened when it is long.
    """

    number: int
    status: str
    exit_code: int | None
    signal: int | None
    duration_s: float
    commit: str | None
    parent: str
    files: int
    stdout_bytes: int
    stderr_bytes: int
    tree_sha: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    left_out: tuple[LeftOut, ...] = ()
    n_left_out: int = -1  # default: the length of left_out
    rewritten: bool = False
    unpublished: str | None = None
    kept: str | None = None
    notes: tuple[str, ...] = ()
    beside: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.n_left_out < 0:
            msgspec.structs.force_setattr(self, "n_left_out", len(self.left_out))

    @property
    def head_sha(self) -> str:
        """The head of the branch after the step."""
        return self.commit or self.parent
