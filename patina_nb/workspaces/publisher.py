"""From the box to the branch: snapshot, pack, publish; one after the other, for one session."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, cast

from patina_nb.errors import PatinaError, PublishError, RepositoryError, SandboxError
from patina_nb.repository import LeakError, Published, Repository
from patina_nb.secrets import Vault
from patina_nb.session import Session
from patina_nb.snapshot import LeftOut, Snapshot, Snapshotter
from patina_nb.workspaces.interrupts import HeldBack, Wait

_SHOWN_TWINS = 5
_GIVEN_UP = "it was given up at the second interrupt"
_NOT_WAITED = "an interrupt ended the wait for what an earlier step had left"
_SPOOLED = 8 << 20  # a pack up to this size never touches the disk
_NO_SNAPSHOT = (
    "No snapshot could be taken: {}. Nothing is lost, the next step tries again; if that does not help, "
    "close the workspace and open it again, which keeps its files."
)
_NOT_FOLLOWED = (
    "After an earlier step the agent's own git index could not be brought up to its commit: {}. The snapshot "
    "of this step looks at all files instead."
)


@dataclass(frozen=True)
class Outcome:
    """What the snapshot of a step came to."""

    commit: str | None = None
    snapshot: Snapshot | None = None
    published: Published | None = None
    unpublished: str | None = None
    notes: tuple[str, ...] = ()


class Publisher:
    """Knows what lies in the box, and `tip`, the head that it published last. Its caller holds a lock.

    What holds a value of `vault` is not published.
    """

    def __init__(
        self, session: Session, repository: Repository, snapshotter: Snapshotter, tip: str, vault: Vault
    ) -> None:
        self.tip = tip
        self._vault = vault
        self._session = session
        self._repository = repository
        self._snapshotter = snapshotter
        self._behind: Snapshot | None = None  # what the agent's index does not know yet
        self._at_work: threading.Thread | None = None
        self._troubles: list[str] = []  # of the work in the background

    def publish(self, message: str, held: HeldBack, *, alone: bool) -> Outcome:
        """Commit what changed in the box and move the branch there; what went wrong is in the outcome.

        `alone`: no command runs in the box. An interrupt ends the wait for what an earlier step has left, a
        second one gives up what may hang.
        """
        try:
            self.settle(partial(held.wait, error=SandboxError(_NOT_WAITED)))
            with held.broken_by(SandboxError(_GIVEN_UP)):
                snapshot = self._snapshotter.take(self.tip, message, alone=alone)
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
            return Outcome(snapshot=_told(snapshot, error), unpublished=str(error))
        self.tip = snapshot.commit
        self._behind = snapshot
        notes = _twins(self._repository, snapshot)
        return Outcome(snapshot.commit, snapshot, published, published.unpublished, notes)

    def begin(self) -> None:
        """The box was made just now, at the tip, and nothing has run in it."""
        self._in_background(self._snapshotter.begin)

    def catch_up(self) -> None:
        """Let the agent's index follow the branch, in the background.

        To be called when all else of a step is done: with 100k files git writes megabytes, which takes longer
        than the rest and keeps the disk busy, and nobody looks at them before the next command.
        """
        snapshot, self._behind = self._behind, None
        if snapshot is None or not (snapshot.changed or snapshot.deleted):
            return

        def follow() -> None:
            self._snapshotter.complete = False  # should it fail: a scan brings the index into order
            self._snapshotter.sync_index(snapshot)
            self._snapshotter.complete = True

        self._in_background(follow, _NOT_FOLLOWED)

    def settle(self, wait: Wait) -> None:
        """Wait until the agent's index has followed the branch: before a command can look at it.

        What `wait` raises ends only the waiting.
        """
        self.catch_up()
        if self._at_work is not None:
            wait(partial(_ended, self._at_work))
            self._at_work = None

    def troubles(self) -> tuple[str, ...]:
        """What went wrong in the background since the last call, in sentences for the user."""
        said, self._troubles = tuple(self._troubles), []
        return said

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

    def _transfer(self, old: str, new: str, held: HeldBack) -> Published:
        try:
            return self._send(old, new, old, held)
        except PublishError as error:
            if old == self._session.base or isinstance(error, LeakError):
                raise
            # the old head may be gone from the user's repository; the base is kept alive
            return self._send(old, new, self._session.base, held)

    def _send(self, old: str, new: str, without: str, held: HeldBack) -> Published:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as pack:
            sink = cast("BinaryIO", pack)
            with held.broken_by(SandboxError(_GIVEN_UP)):
                self._snapshotter.write_pack(new, without, sink)
            pack.seek(0)
            return self._repository.publish(sink, self._session.id, old, new, self._vault.patterns)

    def _take_back(self, snapshot: Snapshot, held: HeldBack) -> None:
        """A commit that is refused is refused for ever, and with it all that come after it.

        Where it cannot be taken back, the next step says again what is wrong.
        """
        with suppress(SandboxError), held.broken_by(SandboxError(_GIVEN_UP)):
            self._snapshotter.take_back(snapshot)

    def _in_background(self, work: Callable[[], None], trouble: str | None = None) -> None:
        """`trouble` tells what it means that the work failed; None = nothing, the next snapshot does it."""

        def run() -> None:
            try:
                work()
            except SandboxError as error:
                if trouble is not None:
                    self._troubles.append(trouble.format(error))

        self._at_work = threading.Thread(target=run, name="patina-index", daemon=True)
        self._at_work.start()

    def _keep(self, commit: str) -> str:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as pack:
            sink = cast("BinaryIO", pack)
            self._snapshotter.write_pack(commit, self._session.base, sink)
            pack.seek(0)
            return self._repository.keep(self._session.id, commit, sink, self._vault.patterns)


def _told(snapshot: Snapshot, error: Exception) -> Snapshot:
    """With the files for which the commit was refused among those that were left out."""
    leaks = error.leaks if isinstance(error, LeakError) else ()
    files = tuple(LeftOut(leak.path, leak.reason) for leak in leaks if leak.path is not None)
    return replace(snapshot, left_out=(*snapshot.left_out, *files))


def _ended(thread: threading.Thread, seconds: float) -> bool:
    thread.join(seconds)
    return not thread.is_alive()


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
