"""Steps of one session: numbered, snapshotted, published to the branch, written into the journal."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO, Literal, cast

from patina_nb import events
from patina_nb.errors import JournalError, PatinaError, PublishError, RepositoryError, SandboxError
from patina_nb.journal import Journal
from patina_nb.repository import Published, Repository
from patina_nb.sandbox.protocol import ExecResult, Output
from patina_nb.session import Session
from patina_nb.snapshot import FileChange, Snapshot, Snapshotter
from patina_nb.workspaces.interrupts import HeldBack
from patina_nb.workspaces.step import Step, commit_message, status_of

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
_SHOWN_TWINS = 5
_GIVEN_UP = "it was given up at the second interrupt"
_STATUS: Mapping[str, Literal["added", "deleted"]] = {
    "added": "added",
    "renamed": "added",
    "deleted": "deleted",
}
_SPOOLED = 8 << 20  # a pack up to this size never touches the disk
_NO_SNAPSHOT = (
    "No snapshot could be taken: {}. Nothing is lost, the next step tries again; if that does not help, "
    "close the workspace and open it again, which keeps its files."
)


@dataclass(frozen=True)
class Started:
    """A step that has begun: what `Recorder.finish` needs of its beginning."""

    number: int
    command: str
    cell: str | None
    at: datetime
    beside: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """What the snapshot of a step came to."""

    commit: str | None = None
    snapshot: Snapshot | None = None
    published: Published | None = None
    unpublished: str | None = None
    notes: tuple[str, ...] = ()


class Recorder:
    """Commands may run side by side; snapshots, commits and journal lines come one after the other."""

    def __init__(
        self,
        session: Session,
        repository: Repository,
        journal: Journal,
        snapshotter: Snapshotter,
        *,
        tip: str,
        next_number: int,
        engine: str,
        isolation: str,
    ) -> None:
        self.tip = tip
        self._session = session
        self._repository = repository
        self._journal = journal
        self._snapshotter = snapshotter
        self._next = next_number
        self.engine = engine
        self._isolation = isolation
        self._running: dict[int, set[int]] = {}  # step -> those that ran beside it
        self._late: list[events.Event] = []  # ends of steps that could not be written (disk full)
        self._syncing: threading.Thread | None = None
        self._lock = threading.RLock()

    def begin(self, kind: events.RunKind, command: str, cell: str | None = None) -> Started:
        """Number a step and write its beginning into the journal, before anything happens."""
        with self._lock:
            self.settle()
            self.write_late()
            number = self._next
            started = Started(number, command, cell, datetime.now(UTC), tuple(self._running))
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
            parent = self.tip
            outcome = self._publish(message, held)
            step = self._step(started, result, parent, outcome)
            return self._record(replace(step, notes=(*notes, *step.notes), beside=beside))

    def collect(self, what: str) -> bool:
        """Commit what changed without a command of ours, as a step of its own if there is anything.

        Returns whether everything that can be on the branch is there now.
        """
        with HeldBack() as held, self._lock:
            message = commit_message(what, self._session.id, self._next, "0", None)
            parent, at = self.tip, datetime.now(UTC)
            outcome = self._publish(message, held)
            if outcome.commit is not None:
                started = replace(self.begin("changes", what), at=at)
                self._running.pop(started.number, None)
                self._record(self._step(started, NOTHING_RUN, parent, outcome))
            return outcome.unpublished is None and not self._running

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
            commit = outcome.commit or (self.tip if self.tip != parent else None)
            step = self._step(started, lost, parent, replace(outcome, commit=commit))
            files = _changes(self._repository, parent, commit) if commit else ()
            return self._record(replace(step, files=files, notes=(why, *step.notes)))

    # -- the state of the box ---------------------------------------------------------------------

    def box_head(self) -> str | None:
        """The commit that the agent's repository stands on; None = its branch has none yet."""
        return self._snapshotter.head()

    def box_descends(self, old: str, new: str) -> bool:
        """Seen from the box: does `new` come after `old`? False when it does not know one of them."""
        return self._snapshotter.descends(old, new)

    def prime(self) -> None:
        """Box and branch agree: remember what lies there, so that the next list starts from here."""
        self._snapshotter.prime()

    def untouched(self) -> bool:
        """Has nothing changed since the last snapshot? Also answers when the box is closed."""
        return self._snapshotter.untouched()

    def follow(self, here: str | None, tip: str) -> str | None:
        """Move the workspace to `tip`; returns the ref that keeps its earlier state, if `tip` lacks that."""
        snapshot = self._snapshotter.take(here or tip, "state before the branch was moved", alone=True)
        state = snapshot.commit or here
        kept = None
        if state is not None and not self._snapshotter.descends(state, tip):
            kept = self._keep(state)
        self._snapshotter.reset_to(f"refs/heads/{self._session.branch}", tip)
        self.tip = tip
        return kept

    def _keep(self, commit: str) -> str:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as pack:
            sink = cast("BinaryIO", pack)
            self._snapshotter.write_pack(commit, self._session.base, sink)
            pack.seek(0)
            return self._repository.keep(self._session.id, commit, sink)

    # -- from the box to the branch ---------------------------------------------------------------

    def _publish(self, message: str, held: HeldBack) -> Outcome:
        self.settle()
        try:
            with held.broken_by(SandboxError(_GIVEN_UP)):
                snapshot = self._snapshotter.take(self.tip, message, alone=not self._running)
        except SandboxError as error:  # nothing is lost: the next step starts from a scan
            self._snapshotter.complete = False
            return Outcome(unpublished=_NO_SNAPSHOT.format(error))
        if snapshot.commit is None:
            return Outcome(snapshot=snapshot)
        try:
            published = self._transfer(snapshot.old, snapshot.commit, held)
        except (PatinaError, OSError) as error:
            self._snapshotter.complete = False  # the commit stays in the workspace: the next step tries again
            if isinstance(error, PublishError):
                self._take_back(snapshot, held)
            return Outcome(snapshot=snapshot, unpublished=str(error))
        self.tip = snapshot.commit
        self._sync_index(snapshot)
        notes = _twins(self._repository, snapshot)
        return Outcome(snapshot.commit, snapshot, published, published.unpublished, notes)

    def _transfer(self, old: str, new: str, held: HeldBack) -> Published:
        try:
            return self._send(old, new, old, held)
        except PublishError:
            if old == self._session.base:
                raise
            # the old head may be gone from the user's repository; the base is kept alive
            return self._send(old, new, self._session.base, held)

    def _send(self, old: str, new: str, without: str, held: HeldBack) -> Published:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as pack:
            sink = cast("BinaryIO", pack)
            with held.broken_by(SandboxError(_GIVEN_UP)):
                self._snapshotter.write_pack(new, without, sink)
            pack.seek(0)
            return self._repository.publish(sink, self._session.id, old, new)

    def _take_back(self, snapshot: Snapshot, held: HeldBack) -> None:
        """A commit that is refused is refused for ever, and with it all that come after it.

        Where it cannot be taken back, the next step says again what is wrong.
        """
        with suppress(SandboxError), held.broken_by(SandboxError(_GIVEN_UP)):
            self._snapshotter.take_back(snapshot)

    def _sync_index(self, snapshot: Snapshot) -> None:
        """Let the agent's index follow the branch, in the background.

        With 100k files that takes longer than all the rest, and nobody looks at it before the next command.
        """

        def follow() -> None:
            self._snapshotter.complete = False  # should it fail: a scan brings the index into order
            with suppress(SandboxError):
                self._snapshotter.sync_index(snapshot)
                self._snapshotter.complete = True

        if snapshot.changed or snapshot.deleted:
            self._syncing = threading.Thread(target=follow, name="patina-index", daemon=True)
            self._syncing.start()

    def settle(self) -> None:
        """Wait until the agent's index has followed the branch: to be called before a command starts."""
        with self._lock:
            if self._syncing is not None:
                self._syncing.join()
                self._syncing = None

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
            notes=outcome.notes,
            kept=published.kept if published else None,
            tree=published.tree if published else None,
            engine=self.engine,
            isolation=self._isolation,
        )

    def _record(self, step: Step) -> Step:
        """Write the end of a step into the journal; says in the step when its output cannot be kept."""
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


def _twins(repository: Repository, snapshot: Snapshot) -> tuple[str, ...]:
    """Says of new files whose names differ from others in case only what that means elsewhere."""
    added = [change.path for change in snapshot.files if change.status == "added"]
    if snapshot.commit is None or not added:
        return ()
    try:
        twins = repository.case_twins(snapshot.commit, added)
    except RepositoryError:  # the commit is on the branch: nothing to say is no reason to fail
        return ()
    shown = "; ".join(", ".join(group) for group in twins[:_SHOWN_TWINS])
    more = f" and {len(twins) - _SHOWN_TWINS} more" if len(twins) > _SHOWN_TWINS else ""
    said = f"Names that differ in case only, of which macOS and Windows check out one: {shown}{more}."
    return (said,) if twins else ()


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
