"""From what changed in a workspace to a commit inside it, and to a thin pack of that commit.

All git of this package runs inside the box: filters, hooks and configuration that an agent planted
there can only act there. Two ways lead to the same tree as ``git add -A``:

- **by list**: the box says what changed. Only those paths are hashed, so that the cost does not
  depend on the size of the repository.
- **by scan**: ``git add -A``. It serves when there is no list, and whenever the list does not tell the
  whole story: the agent committed or staged something itself, an ignore file changed, a nested
  repository appeared.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from patina_nb.engines.base import ChangeList
from patina_nb.sandbox.client import Sandbox
from patina_nb.snapshot import by_list, by_scan
from patina_nb.snapshot.agent_git import AgentGit
from patina_nb.snapshot.by_list import NeedsScanError
from patina_nb.snapshot.model import FileChange, Identity, LeftOut, Snapshot, State, file_change, text

__all__ = ["FileChange", "Identity", "LeftOut", "Snapshot", "Snapshotter"]

MAX_FILE_BYTES = 100 << 20
_MAX_PACK_BYTES = 1 << 40  # the receiving side has its own limit


@dataclass
class Snapshotter:
    """Takes the snapshots of one workspace, one after the other.

    `complete` says that the next change list tells everything since the tip: true for a workspace made
    just now, false for one that was reopened.
    """

    sandbox: Sandbox
    author: Identity
    complete: bool
    max_file_bytes: int = MAX_FILE_BYTES
    _signature: bytes | None = None  # of the agent's index while it equals the tip
    _reported: set[tuple[bytes, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._git = AgentGit(self.sandbox)

    def take(self, tip: str, message: str, *, alone: bool = False) -> Snapshot:
        """Commit what changed since `tip`, the published head of the branch.

        `alone`: no other command runs in the box. Raises SandboxError when git fails inside; the next
        call then starts from a scan, so nothing is missed.
        """
        state = self._git.state()
        if alone and state.ref:
            self._git.drop_stale_locks(state.ref)
        complete, self.complete = self.complete, False  # until this one has come to its end
        listed = self.sandbox.changes(self._git.prune)
        try:
            if listed is None or not complete:
                raise NeedsScanError("no complete list")
            snapshot = self._by_list(state, tip, message, listed)
        except NeedsScanError:
            snapshot = self._by_scan(state, tip, message, listed)
        self.complete = True
        return snapshot

    def write_pack(self, snapshot: Snapshot, sink: BinaryIO) -> None:
        """Stream the thin pack of `snapshot.commit` without what `snapshot.old` reaches."""
        wanted = f"{snapshot.commit}\n^{snapshot.old}\n".encode()
        argv = ["git", "pack-objects", "--revs", "--thin", "--stdout", "-q", "--delta-base-offset"]
        self.sandbox.call(argv, stdin=wanted, sink=sink, limit=_MAX_PACK_BYTES, timeout=600)

    def sync_index(self, snapshot: Snapshot) -> None:
        """Bring the agent's index up to the new tip, so that its own ``git status`` is right."""
        if snapshot.paths:
            self._signature = self._git.update_index(snapshot.paths)

    def head(self) -> str | None:
        """The commit that the agent's repository stands on."""
        return self._git.state().head

    def prime(self) -> None:
        """The workspace equals the tip: forget the changes up to here and trust the next list."""
        self.complete = self.sandbox.changes(self._git.prune) is not None

    def reset_to(self, ref: str, commit: str) -> None:
        """Put the agent's repository on `ref` at `commit`, with exactly the files of that commit."""
        self._git.run("symbolic-ref", "HEAD", ref)
        self._git.run("reset", "-q", "--hard", commit)
        self.complete = False

    def _by_list(self, state: State, tip: str, message: str, listed: ChangeList) -> Snapshot:
        if state.head != tip or state.ref is None:
            raise NeedsScanError("the agent moved HEAD")
        by_list.check_names(listed.changes)
        self._check_index(state, tip)
        left = self._report((path, "ignored directory") for path in listed.pruned)
        if not listed.changes:
            return Snapshot(None, tip, (), left)
        before = self._git.tree(tip, by_list.top_paths(change.path for change in listed.changes))
        wanted, more = by_list.choose(self._git, tip, listed.changes, before, self.max_file_bytes)
        left += self._report(more)
        entries = by_list.hash_entries(self._git, wanted)
        changed = {path: entry for path, entry in entries.items() if before.get(path) != entry}
        deleted = by_list.gone(listed.changes, before)
        if not changed and not deleted:
            return Snapshot(None, tip, (), left)
        targets = {c.path: c.target or b"" for c in wanted if stat.S_ISLNK(c.mode)}
        commit = by_list.import_commit(
            self._git, state.ref, tip, self.author, message, changed, deleted, targets
        )
        files = by_list.file_changes(changed, deleted, before)
        return Snapshot(commit, tip, files, left, (*deleted, *changed))

    def _check_index(self, state: State, tip: str) -> None:
        known = self._signature
        if state.signature == known:
            return
        if known is not None and _rules(state.signature) != _rules(known):
            raise NeedsScanError("what is ignored changed")
        if not self._git.index_is_tree_of(tip):
            raise NeedsScanError("the agent staged something")
        self._signature = state.signature

    def _by_scan(self, state: State, tip: str, message: str, listed: ChangeList | None) -> Snapshot:
        by_scan.add_all(self._git)
        left = by_scan.left_out(self._git, listed)
        tree, more = by_scan.write_tree(self._git, state, self.max_file_bytes)
        commit = state.head
        if commit is None or tree != self._git.tree_id(commit):
            commit = by_scan.commit_tree(self._git, tree, state, self.author, message)
        by_scan.adopt_index(self._git)
        self._signature = self._git.state().signature
        left_out = self._report([*left, *more])
        if commit == tip:
            return Snapshot(None, tip, (), left_out)
        files = tuple(file_change(path, row) for path, row in self._git.differences(tip, commit))
        return Snapshot(commit, tip, files, left_out)

    def _report(self, left: Iterable[tuple[bytes, str]]) -> tuple[LeftOut, ...]:
        """Each path once for each kind of reason: a step names what is new in it."""
        fresh = []
        for path, reason in left:
            key = (path, reason.split(" ")[0])
            if key not in self._reported:
                self._reported.add(key)
                fresh.append(LeftOut(text(path), reason))
        return tuple(fresh)


def _rules(signature: bytes) -> list[bytes]:
    return [line for line in signature.splitlines() if not line.startswith(b".git/index ")]
