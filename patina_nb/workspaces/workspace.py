"""A session's workspace: run commands in its box, read and write its files, look at its branch.

`opening` makes it; every action that changes something ends as a step (`recorder`).
"""

from __future__ import annotations

import posixpath
import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from patina_nb import session as sessions
from patina_nb.engines.base import Box, Isolation
from patina_nb.errors import SandboxError, WorkspaceError
from patina_nb.events import RunKind
from patina_nb.pipeline.options import CheckOptions
from patina_nb.pipeline.places import Execute
from patina_nb.pipeline.report import Report
from patina_nb.pipeline.targets import target_of
from patina_nb.project import Project
from patina_nb.repository import Commit, Diff
from patina_nb.sandbox.client import Process, Pty, Sandbox
from patina_nb.sandbox.protocol import Command, ExecResult, OnOutput
from patina_nb.session import Session
from patina_nb.workspaces.action import act
from patina_nb.workspaces.checks import check
from patina_nb.workspaces.listing import Entry, list_directory
from patina_nb.workspaces.recorder import NOTHING_RUN, Recorder
from patina_nb.workspaces.secrets import Secrets
from patina_nb.workspaces.step import Step, shown_command


class Workspace:
    """An open workspace, also a context manager that closes it. Methods can be called from any thread."""

    def __init__(
        self,
        project: Project,
        session: Session,
        box: Box,
        recorder: Recorder,
        secrets: Secrets,
        *,
        notes: tuple[str, ...],
        fallbacks: tuple[str, ...],
        late_note: Future[str | None] | None,
        on_close: ExitStack,
        timeout: float | None = None,
    ) -> None:
        self.project = project
        self.fallbacks = fallbacks  # each step down from the engine that was wished for, and why
        self._session_id = session.id
        self._base = session.base
        self._box = box
        self._recorder = recorder
        self._secrets = secrets
        self._sandbox = Sandbox(box, secrets.vault)
        self._notes = notes
        self._late_note = late_note
        self._on_close = on_close
        self._timeout = timeout
        self._closing = threading.Lock()
        self._closed = False

    # -- what it is -----------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session as the journal tells it now."""
        return sessions.get(self.project, self._session_id)

    @property
    def branch(self) -> str:
        return f"agent/{self._session_id}"

    @property
    def base(self) -> str:
        """The commit that the session started from."""
        return self._base

    @property
    def tip(self) -> str:
        """The last commit that this workspace published."""
        return self._recorder.publisher.tip

    @property
    def engine(self) -> str:
        return self._box.engine

    @property
    def isolation(self) -> Isolation:
        return self._box.isolation

    @property
    def caches(self) -> Mapping[str, str]:
        """Cache directories of this session, by tool, as paths in the box."""
        return self._box.caches

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of this opening: what is not in the workspace, what was lost."""
        late = self._late_note.result() if self._late_note else None
        return (*self._notes, late) if late else self._notes

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def alive(self) -> bool:
        """Is it open, with a box that runs? A box may end by itself (killed, out of memory)."""
        return not self._closed and self._box.alive()

    # -- actions that end as a step ---------------------------------------------------------------

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        stdin: bytes | None = None,
        cwd: str | None = None,
        interpreter: str | None = None,
        cell: str | None = None,
        on_output: OnOutput | None = None,
        cancel: threading.Event | None = None,
    ) -> Step:
        """Run a command and commit what it changed.

        Args:
            command: a shell script, or a list of arguments that no shell sees.
            timeout: seconds; then the command's whole process tree is killed and the box goes on. Default:
                ``limits.timeout`` of the design file, else none.
            secrets: names from ``[workspace] secrets`` of the design file: this command alone gets their
                values, as variables of these names. They are masked in all output from now on, and a commit
                that holds one of them is refused.
            interpreter: run the text with this program instead of the shell (``python3``).
            cell: id of the notebook cell, recorded in the commit.
            on_output: called with ("stdout" | "stderr", bytes) as it comes.
            cancel: set it from another thread to stop the command.

        Returns:
            The step; a failing command is a step that is not `ok`, not an exception.

        Raises:
            Interrupted: on a KeyboardInterrupt, after the command was stopped and its step recorded.
            SandboxError: the box is gone. WorkspaceError: this workspace is closed.
            SecretError: nothing was run, since a secret is not known or has no value that can be given.
        """
        self._check_open()
        argv = _argv(command, interpreter)
        variables = {**(env or {}), **self._secrets.give(secrets)}

        def execute(spool: Path) -> ExecResult:
            limit = timeout if timeout is not None else self._timeout
            request = Command(argv, cwd=cwd, env=variables, timeout=limit, stdin=stdin)
            return self._sandbox.exec(request, on_output=on_output, cancel=cancel, save_to=spool)

        return self._step("command", shown_command(command, self._secrets.vault.hide), cell, execute)

    def write(self, path: str, data: str | bytes, mode: int = 0o644, *, cell: str | None = None) -> Step:
        """Write a file (parents are made) and commit it; a path outside raises WorkspaceError."""
        content = data.encode() if isinstance(data, str) else data
        self._check_inside(path)

        def execute(_spool: Path) -> ExecResult:
            began = time.monotonic()
            self._sandbox.write(path, content, mode)
            return replace(NOTHING_RUN, duration_s=time.monotonic() - began)

        return self._step("write", f"write {path} ({len(content)} bytes)", cell, execute)

    def terminal(self, attach: Callable[[Pty], None], rows: int = 24, cols: int = 80) -> Step:
        """An interactive shell for a person; all that was done in it becomes one step.

        `attach` connects it to the person's terminal and returns when the shell has ended (its `result` is
        set) or is not wanted any more, which ends it with all that it started.

        Raises as `run` does.
        """

        def execute(_spool: Path) -> ExecResult:
            pty = self._sandbox.shell(rows, cols, _SHELL)
            try:
                attach(pty)
            finally:
                if pty.result is None:
                    pty.close()
            while pty.result is None:
                pty.read(timeout=1)
            return pty.result

        return self._step("shell", "interactive shell", None, execute)

    def _step(self, kind: RunKind, shown: str, cell: str | None, execute: Execute) -> Step:
        self._check_open()
        return act(self._recorder, kind, shown, cell, execute)

    # -- lint, build, test --------------------------------------------------------------------------

    def check(self, *stages: str, cell: str | None = None, **options: Unpack[CheckOptions]) -> Report:
        """Run stages (lint, build, test, others of the design file) for the branch of this workspace.

        In a clean environment made from the branch, or with ``in_place=True`` in the workspace, where each
        stage is a step. Options: see `CheckOptions`. A failing stage is in the report, not an exception.

        Raises:
            PipelineInterrupted: on a KeyboardInterrupt; holds the report until then.
            UsageError: no such stage, or words that do not fit its command. DesignError, SandboxError.
        """
        self._check_open()

        def step(shown: str, execute: Execute) -> Step:
            return self._step("command", shown, cell, execute)

        target = target_of(self.project, self._session_id)
        return check(target, self._box, self._secrets.vault, step, stages, options, self.fallbacks)

    def lint(self, **options: Unpack[CheckOptions]) -> Report:
        """`check` of the stage lint."""
        return self.check("lint", **options)

    def build(self, **options: Unpack[CheckOptions]) -> Report:
        """`check` of the stage build."""
        return self.check("build", **options)

    def test(self, **options: Unpack[CheckOptions]) -> Report:
        """`check` of the stage test."""
        return self.check("test", **options)

    # -- without a step ---------------------------------------------------------------------------

    def start(
        self,
        command: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> Process:
        """Start a background process (a dev server); what it writes is committed by the next step."""
        self._check_open()
        variables = {**(env or {}), **self._secrets.give(secrets)}
        self._recorder.settle()
        return self._sandbox.start(Command(_argv(command, None), env=variables))

    def read(self, path: str) -> bytes:
        """A file's content as it is, resolved inside the box; raises WorkspaceError when there is none."""
        self._check_open()
        return self._sandbox.read(path)

    def ls(self, path: str = ".") -> list[Entry]:
        """Entries of a directory, by name."""
        self._check_open()
        return list_directory(self._sandbox, path)

    def shell(self, rows: int = 24, cols: int = 80) -> Pty:
        """An interactive shell on a terminal of its own; SandboxError where the box can have none."""
        self._check_open()
        if self.isolation.no_shell:
            raise SandboxError(
                f"There is no interactive shell in this workspace: {self.isolation.no_shell}. Use run() for "
                "commands; doctor() says what would allow another kind of box on this machine."
            )
        self._recorder.settle()
        return self._sandbox.shell(rows, cols)

    def diff(self, a: str | None = None, b: str | None = None, *, paths: Sequence[str] = ()) -> Diff:
        """What the branch changed: from `a` (default: the session's base) to `b` (default: its head)."""
        return self.project.repository.diff(a or self._base, b or self.tip, paths)

    def log(self, limit: int | None = None) -> list[Commit]:
        """Commits of the branch since the base, the newest first."""
        return self.project.repository.log(self._base, self.tip, limit)

    # -- the end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """End the box and all its processes; files, caches and branch stay and can be opened again."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._on_close.close()

    def delete(self, *, force: bool = False) -> None:
        """Remove the session: its workspace, its branch and its refs. The journal stays.

        Raises SessionError when its commits are on no other branch, unless `force` is given.
        """
        sessions.check_deletable(self.project, self._session_id, force=force)
        self.close()  # which may add a last commit, so the refs go first and decide
        sessions.delete(self.project, self._session_id, force=force)
        self._box.delete()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self.engine}, {self.isolation.summary()}"
        return f"<Workspace {self._session_id} on {self.branch}: {state}>"

    def _check_inside(self, path: str) -> None:
        """By its words only: what a link leads to is resolved, and refused, in the box."""
        top = self._box.workspace
        if not posixpath.normpath(posixpath.join(top, path)).startswith(top + "/"):
            raise WorkspaceError(f"cannot write {path!r}: it is outside of the workspace, use run() for that")

    def _check_open(self) -> None:
        if self._closed:
            raise WorkspaceError(
                f"The workspace of session {self._session_id} is closed: open it again with workspace()."
            )


_SHELL = ("sh", "-c", "command -v bash > /dev/null && exec bash -i; exec sh -i")


def _argv(command: str | Sequence[str], interpreter: str | None) -> list[str]:
    if not isinstance(command, str):
        return list(command)
    if interpreter is None:
        return ["sh", "-c", command]
    return [*shlex.split(interpreter), "-c", command]
