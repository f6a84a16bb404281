"""The exact way: ``git add -A`` on a copy of the agent's index, then what it did not take."""

from __future__ import annotations

import stat
import time

from patina_nb.engines.base import ChangeList
from patina_nb.snapshot.agent_git import AgentGit
from patina_nb.snapshot.model import FOREIGN, Identity, RawRow, State, commit_id, raw_rows, too_large, unfit

_INDEX = ".git/patina-index"
_ENV = {"GIT_INDEX_FILE": _INDEX}
_FIND_SPECIAL = (
    *("-path", "./.git", "-prune", "-o", "(", "-type", "p", "-o", "-type", "s", "-o", "-type", "b"),
    *("-o", "-type", "c", ")", "-print0"),
)
_REFUSED = "git refuses to add it (its name, its permissions, or a repository without a commit)"


def add_all(git: AgentGit) -> None:
    """Stage the whole workspace in a copy of the agent's index, whose lock may be held by a command."""
    git.script(f"cp -f .git/index {_INDEX} 2>/dev/null || rm -f {_INDEX}")
    git.run("add", "-A", "--ignore-errors", env=_ENV, ok=(0, 1, 128))


def left_out(git: AgentGit, listed: ChangeList | None) -> list[tuple[bytes, str]]:
    """What ``git add -A`` did not take: ignored, refused, special files."""
    ignored = git.run("ls-files", "-z", "-o", "-i", "--exclude-standard", "--directory", env=_ENV)
    refused = git.run("ls-files", "-z", "-o", "--exclude-standard", env=_ENV)
    left = [(path.rstrip(b"/"), "ignored") for path in ignored.split(b"\0")[:-1]]
    left += [(path.rstrip(b"/"), _REFUSED) for path in refused.split(b"\0")[:-1]]
    return left + _special(git, listed)


def _special(git: AgentGit, listed: ChangeList | None) -> list[tuple[bytes, str]]:
    if listed is None:
        out = git.sandbox.call(["find", ".", *_FIND_SPECIAL], ok=(0, 1), timeout=600)
        return [(path[2:], "special file") for path in out.split(b"\0")[:-1]]
    present = [c for c in listed.changes if c.mode and not stat.S_ISDIR(c.mode)]
    reasons = ((c.path, unfit(c.mode, 0, 0)) for c in present)
    return [(path, reason) for path, reason in reasons if reason]


def write_tree(git: AgentGit, state: State, max_bytes: int) -> tuple[str, list[tuple[bytes, str]]]:
    """The tree of the staged index without files over `max_bytes`, and what is missing in it."""
    against = state.head or commit_id(git.run("hash-object", "-t", "tree", "/dev/null"))
    out = git.run("diff-index", "--cached", "-z", "--raw", "--no-renames", "--no-abbrev", against, env=_ENV)
    rows = raw_rows(out)
    sizes = git.sizes([row.new_sha for _, row in rows if row.new_mode.startswith(b"100")])
    large = [(path, row) for path, row in rows if sizes.get(row.new_sha, 0) > max_bytes]
    if large:
        back = b"".join(_index_line(path, row) for path, row in large)
        git.run("update-index", "-z", "--index-info", env=_ENV, stdin=back)
    left = [(path, too_large(sizes[row.new_sha], max_bytes)) for path, row in large]
    left += [(path, FOREIGN) for path, row in rows if row.new_mode == b"160000"]
    return commit_id(git.run("write-tree", env=_ENV)), left


def _index_line(path: bytes, row: RawRow) -> bytes:
    return b"%s %s\t%s\0" % (row.old_mode, row.old_sha, path)


def commit_tree(git: AgentGit, tree: str, state: State, author: Identity, message: str) -> str:
    """Commit `tree` on top of the agent's HEAD and move its branch (inside the box) there."""
    date = f"{int(time.time())} +0000"
    values = {"NAME": author.name, "EMAIL": author.email, "DATE": date}
    identity = {
        f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in values.items()
    }
    ancestors = ["-p", state.head] if state.head else []
    body = message.encode("utf-8", "replace")
    commit = commit_id(git.run("commit-tree", tree, *ancestors, "-F", "-", env=identity, stdin=body))
    git.run("update-ref", "-m", "patina step", state.ref or "HEAD", commit, state.head or "")
    return commit


def adopt_index(git: AgentGit) -> None:
    """The scanned index becomes the agent's own, unless one of its commands holds the lock."""
    git.script(
        f"if ln {_INDEX} .git/index.lock 2>/dev/null; then rm -f {_INDEX}; mv -f .git/index.lock .git/index; "
        f"else rm -f {_INDEX}; fi"
    )
