"""Names of commits, branches and refs: read all of them, write only our own, always by compare-and-swap."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from patina_nb.errors import RepositoryError
from patina_nb.events import SESSION_ID
from patina_nb.repository.git import Git, GitFailedError, is_sha

ABSENT = ""  # expected old value of a ref that must not exist
_OURS = re.compile(rf"refs/heads/agent/{SESSION_ID}|refs/patina(/{SESSION_ID})+")


class RefConflictError(RepositoryError):
    """A ref does not hold what was expected, so nothing was changed."""


@dataclass(frozen=True)
class RefUpdate:
    """Move the ref `name` to `new` (None = delete it) if it is at `old`.

    `old` None = wherever it is; ABSENT = it must not exist.
    """

    name: str
    new: str | None
    old: str | None = None

    def line(self) -> str:
        """The command for ``git update-ref --stdin``."""
        if self.new is None:
            return f"delete {self.name} {self.old or ''}".rstrip() + "\n"
        old = "" if self.old is None else f" {self.old or '0' * len(self.new)}"
        return f"update {self.name} {self.new}{old}\n"


def resolve(git: Git, rev: str) -> str:
    """The commit that `rev` names (branch, tag, id, ``HEAD^``, ``main@{0}``), seen from the worktree.

    Raises RepositoryError, naming `rev`, when there is none.
    """
    if not rev or rev.startswith("-") or re.search(r"[\x00-\x1f\x7f]", rev):
        raise RepositoryError(f"{rev[:80]!r} cannot be the name of a commit.")
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    found = git.git(*asked, git_dir=git.head_dir, ok=(0, 1, 128)).decode("ascii", "replace").strip()
    if not is_sha(found):
        raise RepositoryError(
            f"No commit is called {rev[:80]!r} in {git.worktree or git.common_dir}: "
            "give a branch, a tag or a commit id."
        )
    return found


def branch_of(git: Git, rev: str) -> str | None:
    """Short name of the branch that `rev` itself names (``HEAD``: the checked-out one), else None."""
    if rev.startswith("-"):
        return None
    out = git.git("rev-parse", "--symbolic-full-name", rev, git_dir=git.head_dir, ok=(0, 128))
    return _short(out.decode("utf-8", "surrogateescape").strip())


def current_branch(git: Git) -> str | None:
    """Short name of the branch checked out in the worktree; None on a detached HEAD."""
    out = git.git("symbolic-ref", "--quiet", "HEAD", git_dir=git.head_dir, ok=(0, 1))
    return _short(out.decode("utf-8", "surrogateescape").strip())


def read_refs(git: Git, names: Iterable[str]) -> dict[str, str]:
    """Those of the refs that exist, with the id each one is at. A name ending with ``/`` = all below it."""
    wanted = tuple(names)
    out = git.git("for-each-ref", "--format=%(objectname) %(refname)", *wanted).decode(
        "utf-8", "surrogateescape"
    )
    rows = (line.split(" ", 1) for line in out.splitlines())
    below = tuple(name for name in wanted if name.endswith("/"))
    return {name: sha for sha, name in rows if name in wanted or name.startswith(below or "\n")}


def write_refs(git: Git, updates: Iterable[RefUpdate]) -> None:
    """All of the updates, or none.

    Raises RefConflictError when a ref is not where it was expected; RepositoryError for refs that are not
    ours, and when the git directory cannot be written.
    """
    wanted = tuple(updates)
    for update in wanted:
        if not _OURS.fullmatch(update.name):
            raise RepositoryError(
                f"{update.name!r} is not a ref of patina (refs/heads/agent/*, refs/patina/*)."
            )
        for sha in filter(None, (update.new, update.old)):
            if not is_sha(sha):
                raise RepositoryError(f"{sha[:80]!r} is not an object id.")
    lines = "".join(update.line() for update in wanted).encode()
    try:
        git.git("update-ref", "-m", "patina-nb", "--no-deref", "--stdin", stdin=lines)
    except GitFailedError as error:
        raise _conflict(git, wanted) or _not_written(git, error) from error


def _conflict(git: Git, wanted: tuple[RefUpdate, ...]) -> RefConflictError | None:
    """Why a transaction failed, found by looking: the wording of git differs between versions."""
    found = read_refs(git, ["refs/heads/agent", *(u.name for u in wanted), *(f"{u.name}/" for u in wanted)])
    for update in wanted:
        at = found.get(update.name, ABSENT)
        if update.old == ABSENT and at:
            return RefConflictError(f"{update.name} exists already, at {at[:12]}.")
        if update.old is not None and at != update.old:
            return RefConflictError(
                f"{update.name} is at {at[:12] or 'nothing'}, not at {update.old[:12]} as expected: "
                "someone else moved it."
            )
        stranger = next((name for name in found if name.startswith(f"{update.name}/")), None)
        if stranger is None and update.name.startswith("refs/heads/agent/") and "refs/heads/agent" in found:
            stranger = "refs/heads/agent"
        if stranger is not None:
            name = stranger.removeprefix("refs/heads/")
            return RefConflictError(
                f"A branch named {name!r} stands in the way of {update.name.removeprefix('refs/heads/')!r}: "
                f"rename it (git branch -m {name} another-name)."
            )
    return None


def _not_written(git: Git, error: GitFailedError) -> RepositoryError:
    advice = "look at the rights and the free space there"
    if "File exists" in error.reason:
        advice = "if no other git is running there, remove that file"
    return RepositoryError(
        f"The refs in {git.common_dir} cannot be written ({error.reason.rstrip('.')}): {advice}."
    )


def checked_out_branches(git: Git) -> dict[str, Path]:
    """Short names of the branches that a worktree has checked out, or is rebasing, and where.

    Reads the HEAD files, as git does: no process, microseconds.
    """
    main = git.common_dir.parent if git.common_dir.name == ".git" else git.common_dir
    places = [(git.common_dir, main)]
    linked = git.common_dir / "worktrees"
    if linked.is_dir():
        places += [(entry, _worktree_of(entry)) for entry in sorted(linked.iterdir())]
    found: dict[str, Path] = {}
    for directory, worktree in places:
        if worktree.exists():
            for name in ("HEAD", "rebase-merge/head-name", "rebase-apply/head-name"):
                branch = _short(_first_line(directory / name).removeprefix("ref:").strip())
                if branch:
                    found.setdefault(branch, worktree)
    return _by_git(git) if ".invalid" in found else found


def _by_git(git: Git) -> dict[str, Path]:
    """The same from git itself, for ref storages (reftable) whose HEAD files say nothing."""
    out = git.git("for-each-ref", "--format=%(refname)%00%(worktreepath)", "refs/heads/")
    rows = (line.split("\0") for line in out.decode("utf-8", "surrogateescape").splitlines())
    return {name.removeprefix("refs/heads/"): Path(where) for name, where in rows if where}


def _worktree_of(admin: Path) -> Path:
    pointer = _first_line(admin / "gitdir")
    if not pointer:
        return admin / "nowhere"
    return Path(pointer).parent if pointer.startswith("/") else (admin / pointer).resolve().parent


def _first_line(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape").split("\n", 1)[0]
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _short(ref: str) -> str | None:
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None
