"""Steps of one session: numbered, snapshotted, published to the branch, written into the journal."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO, cast

from patina_nb import events
from patina_nb.errors import PublishError, SandboxError
from patina_nb.workspaces.interrupts import deferred_interrupts
from patina_nb.journal import Journal
from patina_nb.repository import Published, Repository
from patina_nb.sandbox.protocol import ExecResult, Output
from patina_nb.session import Session
from patina_nb.snapshot import Snapshot, Snapshotter
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
_SPOOLED = 8 << 20  # a pack up to this size never touches the disk


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
        self._lock = threading.RLock()

    def begin(self, kind: events.RunKind, command: str, cell: str | None = None) -> Started:
        """Number a step and write its beginning into the journal, before anything happens."""
        with self._lock:
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
        """Commit what the step left behind, publish it, and write its end into the journal."""
        with deferred_interrupts(), self._lock:
            beside = tuple(sorted(self._running.pop(started.number, set())))
            end = str(result.exit_code) if result.exit_code is not None else status_of(result)
            message = commit_message(started.command, self._session.id, started.number, end, started.cell)
            parent = self.tip
            outcome = self._publish(message, alone=not self._running)
            step = self._step(started, result, parent, outcome)
            step = replace(step, notes=notes, beside=beside)
            self._journal.append(self._finished(step))
            return step

    def collect(self, what: str) -> bool:
        """Commit what changed without a command of ours, as a step of its own if there is anything.

        Returns whether everything that can be on the branch is there now.
        """
        with deferred_interrupts(), self._lock:
            message = commit_message(what, self._session.id, self._next, "0", None)
            parent, at = self.tip, datetime.now(UTC)
            outcome = self._publish(message, alone=False)
            if outcome.commit is not None:
                started = replace(self.begin("changes", what), at=at)
                self._running.pop(started.number, None)
                self._journal.append(self._finished(self._step(started, NOTHING_RUN, parent, outcome)))
            return outcome.unpublished is None

    def close_unfinished(self, number: int, commit: str | None, note: str) -> None:
        """Write the end of a step whose process died and whose box is gone: how it ended is not known."""
        started = Started(number, f"step {number}", None, datetime.now(UTC), ())
        lost = replace(NOTHING_RUN, exit_code=None, lost=note)
        step = self._step(started, lost, self.tip, Outcome(commit))
        self._journal.append(self._finished(replace(step, notes=(note,))))

    def finish_lost(self, number: int, why: str) -> Step:
        """End a step of a dead process with what its box still holds."""
        started = Started(number, f"step {number}", None, datetime.now(UTC), ())
        return self.finish(started, replace(NOTHING_RUN, exit_code=None, lost=why), (why,))

    def box_head(self) -> str | None:
        """The commit that the agent's repository stands on; None = none, or it cannot be read."""
        try:
            return self._snapshotter.head()
        except SandboxError:
            return None

    def prime(self) -> None:
        """Box and branch agree: remember what lies there, so that the next list starts from here."""
        self._snapshotter.prime()

    def follow(self, here: str | None, tip: str) -> str | None:
        """Move the workspace to `tip`; returns the ref that keeps the state it had at `here`."""
        kept = None
        if here is not None:
            snapshot = self._snapshotter.take(here, "state before the branch was moved", alone=True)
            kept = self._keep(snapshot)
        self._snapshotter.reset_to(f"refs/heads/{self._session.branch}", tip)
        self.tip = tip
        return kept

    def _keep(self, snapshot: Snapshot) -> str:
        if snapshot.commit is None:
            return self._repository.keep(self._session.id, snapshot.old)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as pack:
            sink = cast("BinaryIO", pack)
            self._snapshotter.write_pack(snapshot, sink)
            pack.seek(0)
            return self._repository.keep(self._session.id, snapshot.commit, sink)

    def _publish(self, message: str, *, alone: bool) -> Outcome:
        try:
            snapshot = self._snapshotter.take(self.tip, message, alone=alone)
        except SandboxError as error:  # nothing is lost: the next step starts from a scan
            return Outcome(unpublished=f"no snapshot could be taken: {error}")
        if snapshot.commit is None:
            return Outcome(snapshot=snapshot)
        try:
            published = self._transfer(snapshot)
        except (PublishError, SandboxError) as error:
            self._snapshotter.complete = False  # the commit stays in the workspace: the next step tries again
            return Outcome(snapshot=snapshot, unpublished=str(error))
        self.tip = snapshot.commit
        self._snapshotter.sync_index(snapshot)
        return Outcome(snapshot.commit, snapshot, published, published.unpublished)

    def _transfer(self, snapshot: Snapshot) -> Published:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as pack:
            sink = cast("BinaryIO", pack)
            self._snapshotter.write_pack(snapshot, sink)
            pack.seek(0)
            return self._repository.publish(sink, self._session.id, snapshot.old, str(snapshot.commit))

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
            kept=published.kept if published else None,
            tree=published.tree if published else None,
            engine=self.engine,
            isolation=self._isolation,
        )

    def _finished(self, step: Step) -> events.StepFinished:
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
            stdout=self._store(step.stdout),
            stderr=self._store(step.stderr),
            rewritten=step.rewritten,
            unpublished=step.unpublished,
            kept=step.kept,
            tree_sha=step.tree,
            notes=step.notes,
            beside=step.beside,
        )

    def _store(self, output: Output) -> str | None:
        """Keep the output as a side file: whole where it was spooled, else what is in memory."""
        if output.total_bytes == 0:
            return None
        if output.file is not None:
            return self._journal.store(output.file)
        return self._journal.store(output.head + output.tail)
