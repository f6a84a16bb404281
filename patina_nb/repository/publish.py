"""From a workspace's commit to the branch ``agent/<id>``: compare-and-swap, and nothing is ever lost.

Refs of a session: ``refs/heads/agent/<id>``; ``refs/patina/base/<id>`` keeps its start alive;
``refs/patina/old/<id>/<n>`` keeps what a rewritten history left behind; ``refs/patina/new/<id>`` keeps the
newest commit while the branch cannot be moved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from patina_nb.errors import RepositoryError
from patina_nb.repository.git import Git
from patina_nb.repository.leaks import check
from patina_nb.repository.receive import Inspect, commit_head, descends, receive
from patina_nb.repository.refs import (
    ABSENT,
    RefConflictError,
    RefUpdate,
    checked_out_branches,
    read_refs,
    write_refs,
)
from patina_nb.secrets import Patterns


@dataclass(frozen=True)
class Published:
    """What became of a commit.

    With `unpublished` None it is the head of the branch. Else that says why not, and `kept` is the ref that
    has it.
    """

    tree: str  # tree id of the commit
    rewritten: bool = False  # it does not come after the head that was there before
    kept: str | None = None  # ref that keeps the old head (rewritten), or the new commit (unpublished)
    checked_out: Path | None = None  # worktree that has the branch, so that it was not moved
    unpublished: str | None = None


def branch_ref(session_id: str) -> str:
    """The session's branch."""
    return f"refs/heads/agent/{session_id}"


def base_ref(session_id: str) -> str:
    """The ref that keeps the session's base alive."""
    return f"refs/patina/base/{session_id}"


def new_ref(session_id: str) -> str:
    """The ref that keeps the newest commit while the branch cannot be moved."""
    return f"refs/patina/new/{session_id}"


def old_refs(session_id: str) -> str:
    """Prefix of the refs that keep old heads."""
    return f"refs/patina/old/{session_id}/"


def tip(git: Git, session_id: str) -> str:
    """The newest commit of a session: its kept one if that goes beyond the branch, else the branch.

    Raises RepositoryError when it has neither.
    """
    refs = read_refs(git, [branch_ref(session_id), new_ref(session_id)])
    at, kept = refs.get(branch_ref(session_id)), refs.get(new_ref(session_id))
    if at is not None and kept is not None and kept != at:
        return kept if descends(git, at, kept) else at
    found = at or kept
    if found is None:
        raise RepositoryError(
            f"The branch agent/{session_id} is gone: make it again at a commit of your choice "
            f"(git branch agent/{session_id} COMMIT), or delete the session."
        )
    return found


def keep(
    git: Git,
    session_id: str,
    sha: str,
    pack: bytes | Path | IO[bytes] | None = None,
    secrets: Patterns | None = None,
) -> str:
    """Take in a pack and keep the commit `sha` under refs/patina/old, off the branch; returns the ref."""
    receive(git, pack, _inspect(git, secrets, session_id, sha))
    commit_head(git, sha)
    updates = _keep_alive(git, session_id, [sha])
    write_refs(git, updates)
    return updates[0].name


def publish(
    git: Git,
    pack: bytes | Path | IO[bytes] | None,
    session_id: str,
    old: str,
    new: str,
    secrets: Patterns | None = None,
) -> Published:
    """Take in a pack and move the session's branch from `old` to `new`.

    Args:
        pack: what `new` needs beyond `old`; None = its objects are here already.
        old: the session's `tip` as the caller knows it.
        new: a commit; whether it really comes after `old` is looked up, not believed.
        secrets: what no object of the pack and nothing else that `new` adds to the branch may hold.

    Raises:
        PublishError: the pack or the commit is refused (LeakError: for a secret).
        RepositoryError: the refs cannot be written.
    """
    receive(git, pack, _inspect(git, secrets, session_id, new, old))
    head = commit_head(git, new)
    rewritten = new != old and head.parents != (old,) and not descends(git, old, new)
    result = Published(head.tree, rewritten)
    where = checked_out_branches(git).get(f"agent/{session_id}")
    if where is not None:
        return _keep(git, session_id, old, new, replace(result, checked_out=where))
    updates = _keep_alive(git, session_id, [old] if rewritten else [])
    result = replace(result, kept=updates[0].name if updates else None)
    try:
        write_refs(git, [RefUpdate(branch_ref(session_id), new, old), *updates])
    except RefConflictError:
        return _after_conflict(git, session_id, old, new, result, updates)
    return result


def _inspect(git: Git, secrets: Patterns | None, session_id: str, new: str, *known: str) -> Inspect | None:
    return partial(check, git, secrets, new, (*known, base_ref(session_id))) if secrets else None


def _keep_alive(git: Git, session_id: str, heads: list[str]) -> list[RefUpdate]:
    """Refs under refs/patina/old for heads that nothing else would keep."""
    if not heads:
        return []
    prefix = old_refs(session_id)
    taken = [int(name[len(prefix) :]) for name in read_refs(git, [prefix]) if name[len(prefix) :].isdigit()]
    first = max(taken, default=0) + 1
    return [RefUpdate(f"{prefix}{first + n}", head, ABSENT) for n, head in enumerate(heads)]


def _after_conflict(
    git: Git, session_id: str, old: str, new: str, result: Published, updates: list[RefUpdate]
) -> Published:
    """The branch is not at `old`: behind it (checked out until now), on the way, there, or elsewhere."""
    branch, kept = branch_ref(session_id), new_ref(session_id)
    refs = read_refs(git, [branch, kept])
    at = refs.get(branch, ABSENT)
    if at == new:
        return result
    if at and refs.get(kept) == old and descends(git, at, old):
        write_refs(git, [RefUpdate(branch, new, at), RefUpdate(kept, None, old), *updates])
        return result
    if at and descends(git, old, at) and descends(git, at, new):  # by a process that was killed just now
        write_refs(git, [RefUpdate(branch, new, at), *updates])
        return result
    return _keep(git, session_id, old, new, result)


def _keep(git: Git, session_id: str, old: str, new: str, result: Published) -> Published:
    """Put `new` under refs/patina/new, as the branch cannot be moved to it; old heads stay alive, too."""
    name = new_ref(session_id)
    refs = read_refs(git, [branch_ref(session_id), name])
    at, before = refs.get(branch_ref(session_id)), refs.get(name, ABSENT)
    lost = [old] if result.rewritten else []
    if before not in (ABSENT, old, new) and not descends(git, before, new):
        lost.append(before)
    updates = _keep_alive(git, session_id, [head for head in lost if head != at])
    write_refs(git, [RefUpdate(name, new, before), *updates])
    return replace(result, kept=name, unpublished=_why(session_id, name, result.checked_out, at))


def _why(session_id: str, kept: str, where: Path | None, at: str | None) -> str:
    branch = f"agent/{session_id}"
    if where is not None:
        return (
            f"{branch} is checked out in {where} and was not moved there; the commit is kept as {kept} "
            f"(git merge {kept} in that worktree takes it over)."
        )
    state = f"was moved to {at[:12]} by someone else" if at else "was deleted"
    return f"{branch} {state}; the workspace's commit is kept as {kept}, a name that git merge takes."
