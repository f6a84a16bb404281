"""Steps of one session: numbered, published to the branch, written into the journal."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from patina_nb import events
from patina_nb.errors import Interrupted, JournalError, RepositoryError
from patina_nb.journal import Journal
from patina_nb.repository import Repository
from patina_nb.sandbox.protocol import ExecResult, Output
from patina_nb.session import Session
from patina_nb.snapshot import FileChange
from patina_nb.workspaces.interrupts import HeldBack
from patina_nb.workspaces.publisher import Outcome, Publisher
from patina_nb.workspaces.step import Hide, Step, commit_message, status_of, without_secrets

NOTHING_RUN = ExecResult(
    exit_code=0,
    signal=None,
    timed_out=False,
    cancelled=False,
    interrupted=False,
    out_of_memory=False,
    lost=None,
    error=None,
    stdout=Output(),
    stderr=Output(),
    duration_s=0.0,
)
_BUSY = "Interrupted before anything was started: the workspace was busy with what an earlier step had left."
_STATUS: Mapping[str, Literal["added", "deleted"]] = {
    "added": "added",
    "renamed": "added",
    "deleted": "deleted",
}


@dataclass(frozen=True)
class Started:
    """A step that has begun: what `Recorder.finish` needs of its beginning."""

    number: int
    command: str
    cell: str | None
    at: datetime
    beside: tuple[int, ...]
    notes: tuple[str, ...] = ()


class Recorder:
    """Commands may run side by side; snapshots, commits and journal lines come one after the other."""

    def __init__(
        self,
        session: Session,
        repository: Repository,
        journal: Journal,
        publisher: Publisher,
        *,
        next_number: int,
        engine: str,
        isolation: str,
        hide: Hide,
    ) -> None:
        self.publisher = publisher
        self._session = session
        self._repository = repository
        self._journal = journal
        self._next = next_number
        self.engine = engine
        self._isolation = isolation
        self._hide = hide  # secrets, in all that is written and told
        self._running: dict[int, set[int]] = {}  # step -> those that ran beside it
        self._late: list[events.Event] = []  # ends of steps that could not be written (disk full)
        self._lock = threading.RLock()

    def begin(self, kind: events.RunKind, command: str, held: HeldBack, cell: str | None = None) -> Started:
        """Number a step and write its beginning into the journal, before anything happens.

        Raises Interrupted at the first interrupt that `held` has, where there is something to wait for.
        """
        with self._settled(held):
            return self._begin(kind, command, cell)

    def _begin(self, kind: events.RunKind, command: str, cell: str | None = None) -> Started:
        self.write_late()
        command = self._hide(command)
        number, notes = self._next, self.publisher.troubles()
        started = Started(number, command, cell, datetime.now(UTC), tuple(self._running), notes)
        self._journal.append(
            events.StepStarted(
                session_id=self._session.id,
                number=number,
                run=kind,
                command=command,
                cell=cell,
                engine=self.engine,
                isolation=self._isolation,
            )
        )
        self._next += 1
        for others in self._running.values():
            others.add(number)
        self._running[number] = set(started.beside)
        return started

    def finish(self, started: Started, result: ExecResult, notes: tuple[str, ...] = ()) -> Step:
        """Commit what the step left behind, publish it, and write its end into the journal.

        Raises JournalError when its end cannot be written; its commit is made all the same, and the end is
        written before the next step.
        """
        with HeldBack() as held, self._lock:
            beside = tuple(sorted(self._running.pop(started.number, set())))
            end = str(result.exit_code) if result.exit_code is not None else status_of(result)
            message = commit_message(started.command, self._session.id, started.number, end, started.cell)
            parent = self.publisher.tip
            outcome = self._publish(message, held)
            step = self._step(started, result, parent, outcome)
            return self._record(replace(step, notes=(*notes, *step.notes), beside=beside))

    def collect(self, what: str) -> bool:
        """Commit what changed without a command of ours, as a step of its own if there is anything.

        Returns whether everything that can be on the branch is there now.
        """
        with HeldBack() as held, self._lock:
            message = commit_message(what, self._session.id, self._next, "0", None)
            parent, at = self.publisher.tip, datetime.now(UTC)
            outcome = self._publish(message, held)
            if outcome.commit is not None:
                started = replace(self._begin("changes", what), at=at)
                self._running.pop(started.number, None)
                self._record(self._step(started, NOTHING_RUN, parent, outcome))
            return outcome.unpublished is None and not self._running

    def settle(self) -> None:
        """Wait until the agent's index has followed the branch: to be called before a command starts.

        Raises Interrupted at the first interrupt.
        """
        with HeldBack() as held, self._settled(held):
            return

    @contextmanager
    def _settled(self, held: HeldBack) -> Iterator[None]:
        """Our turn, with an index that has followed."""
        wait = partial(held.wait, error=Interrupted(_BUSY))
        wait(lambda seconds: self._lock.acquire(timeout=seconds))
        try:
            self.publisher.settle(wait)
            yield
        finally:
            self._lock.release()

    def write_late(self) -> None:
        """Write the ends of steps that could not be written at their time."""
        while self._late:
            self._journal.append(self._late[0])
            del self._late[0]

    def close_unfinished(self, number: int, commit: str | None, parent: str, note: str) -> None:
        """Write the end of a step whose process died and whose box is gone: how it ended is not known."""
        started = Started(number, f"step {number}", None, datetime.now(UTC), ())
        lost = replace(NOTHING_RUN, exit_code=None, lost=note)
        self._record(replace(self._step(started, lost, parent, Outcome(commit)), notes=(note,)))

    def finish_lost(self, number: int, parent: str, why: str) -> Step:
        """End a step of a dead process with what it had published since `parent`, and what its box holds."""
        started = Started(number, f"step {number}", None, datetime.now(UTC), ())
        lost = replace(NOTHING_RUN, exit_code=None, lost=why)
        with HeldBack() as held, self._lock:
            message = commit_message(started.command, self._session.id, number, status_of(lost), None)
            outcome = self._publish(message, held)
            commit = outcome.commit or (self.publisher.tip if self.publisher.tip != parent else None)
            step = self._step(started, lost, parent, replace(outcome, commit=commit))
            files = _changes(self._repository, parent, commit) if commit else ()
            return self._record(replace(step, files=files, notes=(why, *step.notes)))

    def _publish(self, message: str, held: HeldBack) -> Outcome:
        return self.publisher.publish(message, held, alone=not self._running)

    def _step(self, started: Started, result: ExecResult, parent: str, outcome: Outcome) -> Step:
        published, snapshot = outcome.published, outcome.snapshot
        return Step(
            session_id=self._session.id,
            number=started.number,
            command=started.command,
            status=status_of(result),
            exit_code=result.exit_code,
            signal=result.signal,
            stdout=result.stdout,
            stderr=result.stderr,
            started_at=started.at,
            duration_s=result.duration_s,
            commit=outcome.commit,
            parent=parent,
            files=snapshot.files if snapshot and outcome.commit else (),
            left_out=snapshot.left_out if snapshot else (),
            rewritten=bool(published and published.rewritten),
            unpublished=outcome.unpublished,
            notes=(*started.notes, *outcome.notes),
            kept=published.kept if published else None,
            tree=published.tree if published else None,
            engine=self.engine,
            isolation=self._isolation,
        )

    def _record(self, step: Step) -> Step:
        """Write the end of a step into the journal; says in the step when its output cannot be kept."""
        step = without_secrets(step, self._hide)
        try:
            stdout, stderr = self._store(step.stdout), self._store(step.stderr)
        except JournalError as error:
            stdout = stderr = None
            step = replace(step, notes=(*step.notes, f"The output was not kept: {error}"))
        event = _finished(step, stdout, stderr)
        try:
            self.write_late()
            self._journal.append(event)
        except JournalError:
            self._late.append(event)
            raise
        self.publisher.catch_up()
        return step

    def _store(self, output: Output) -> str | None:
        """Keep the output as a side file: whole where it was spooled, else what is in memory."""
        if output.total_bytes == 0:
            return None
        if output.file is not None:
            return self._journal.store(output.file)
        return self._journal.store(output.head + output.tail)


def _changes(repository: Repository, old: str, new: str) -> tuple[FileChange, ...]:
    """What differs between two commits; nothing when the old one is no longer in the repository."""
    try:
        files = repository.numstat(old, new)
    except RepositoryError:
        return ()
    gone = [FileChange(file.old_path, "deleted") for file in files if file.old_path is not None]
    here = [FileChange(file.path, _STATUS.get(file.status, "modified")) for file in files]
    return tuple(sorted([*gone, *here], key=lambda change: change.path))


def _finished(step: Step, stdout: str | None, stderr: str | None) -> events.StepFinished:
    return events.StepFinished(
        session_id=step.session_id,
        number=step.number,
        status=step.status,
        exit_code=step.exit_code,
        signal=step.signal,
        duration_s=step.duration_s,
        commit=step.commit,
        parent=step.parent,
        files=len(step.files),
        left_out=tuple(events.LeftOut(path=left.path, reason=left.reason) for left in step.left_out),
        stdout_bytes=step.stdout.total_bytes,
        stderr_bytes=step.stderr.total_bytes,
        stdout=stdout,
        stderr=stderr,
        rewritten=step.rewritten,
        unpublished=step.unpublished,
        kept=step.kept,
        tree_sha=step.tree,
        notes=step.notes,
        beside=step.beside,
    )
