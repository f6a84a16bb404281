"""Session directories: what a box leaves behind when it is closed, and finds again.

Overlay: `up` (all changes), `work` (the kernel's), `git`. Copied tree: `tree` with its `.git`. Both:
`home`, `tmp`, and `session.json` in our own hands.
"""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from patina_nb.engines.base import BoxSpec
from patina_nb.engines.identity import Identity
from patina_nb.engines.local import gitdir
from patina_nb.engines.local.checkout import BaseTree
from patina_nb.engines.local.removal import remove
from patina_nb.engines.places import private
from patina_nb.errors import SandboxError

Layout = Literal["overlay", "copy", "landlock", "process"]


@dataclass(frozen=True)
class Record:
    """session.json: what a reopening must find unchanged, and what of the cache the session uses."""

    tree: str  # the commit of the base tree below
    uid: int
    layout: Layout
    created: float
    objects: list[str] = field(default_factory=list)  # names of the copies that the last box read from


@dataclass(frozen=True)
class SessionDir:
    """The directories of one session."""

    path: Path
    layout: Layout

    @property
    def up(self) -> Path:
        return self.path / "up"

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def tree(self) -> Path:
        return self.path / "tree"

    @property
    def git(self) -> Path:
        return self.path / "git" if self.layout == "overlay" else self.tree / ".git"

    @property
    def home(self) -> Path:
        return self.path / "home"

    @property
    def tmp(self) -> Path:
        return self.path / "tmp"

    @property
    def mounts(self) -> Path:
        """Ours: mount points for what the box's user cannot reach by its path."""
        return self.path / "mnt"

    def agents(self) -> list[Path]:
        """The directories that belong to the agent."""
        layout = [self.up, self.work] if self.layout == "overlay" else [self.tree]
        return [*layout, self.home, self.tmp]

    def intact(self) -> bool:
        """Are all directories there? (The git directory does not count, it can be written anew.)"""
        try:
            kinds = [stat.S_ISDIR(path.lstat().st_mode) for path in self.agents()]
        except OSError:
            return False
        return all(kinds)


def recorded(path: Path) -> Record | None:
    """What session.json says; None = there is no (readable) one."""
    try:
        return Record(**json.loads((path / "session.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def why_lost(path: Path, record: Record | None, layout: Layout, identity: Identity) -> str:
    """Why a directory cannot be opened again and what goes with it; empty = it can, or there is none."""
    if not path.exists():
        return ""
    if record is None:
        reason = "its record is missing"
    elif record.uid != identity.uid:
        reason = "boxes run as another user now"
    elif record.layout != layout:
        reason = f"its kind of box was {record.layout} and is {layout} now"
    elif not SessionDir(path, layout).intact():
        reason = "its files are damaged"
    else:
        return ""
    return lost(reason)


def lost(reason: str) -> str:
    """What the user is told when a workspace is made anew."""
    return (
        f"The workspace was made anew from the session's branch, {reason}. Lost are ignored files, "
        "installed packages, and changes that no step had committed."
    )


def reopen(session: SessionDir, record: Record, identity: Identity) -> None:
    """Make an intact directory ready for the next box, and note what that uses; raises SandboxError."""
    try:
        for folder in (session.mounts, *((session.tmp,) if session.layout != "overlay" else ())):
            remove(folder)
            folder.mkdir(mode=0o755)
        identity.own(session.tmp)
        if record != recorded(session.path):
            _write(session.path, record)
    except OSError as error:
        raise SandboxError(f"the session directory {session.path} cannot be reopened: {error}") from error


def _write(path: Path, record: Record) -> None:
    part = path / "session.json.part"
    part.write_text(json.dumps(asdict(record)))
    part.rename(path / "session.json")


def create(
    path: Path, record: Record, spec: BoxSpec, tree: BaseTree, alternates: Sequence[str], identity: Identity
) -> SessionDir:
    """Make the directory of a session, with its git directory; raises SandboxError."""
    part = SessionDir(
        Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent)) / path.name, record.layout
    )
    try:
        private(part.path, identity)
        part.mounts.mkdir(mode=0o755)
        for folder in part.agents():
            if folder != part.tree:
                folder.mkdir(mode=0o755)
                identity.own(folder)
        if record.layout == "overlay":
            part.git.mkdir(mode=0o755)
        else:
            copy_tree(tree.files, part.tree, identity)
        gitdir.write(part.git, spec, tree, alternates, identity)
        _write(part.path, record)
        part.path.rename(path)
    except OSError as error:
        raise SandboxError(f"the session directory {path} cannot be made: {error}") from error
    finally:
        shutil.rmtree(part.path.parent, ignore_errors=True)
    return SessionDir(path, record.layout)


def copy_tree(source: Path, target: Path, identity: Identity) -> None:
    """A copy of a base tree that belongs to the box's user; shares blocks where the file system can."""
    keep = "all" if identity.switched else "mode,timestamps,links"
    command = ["cp", "-dR", f"--preserve={keep}", "--reflink=auto", "--", str(source), str(target)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if result.returncode:
        raise SandboxError(
            f"the base tree cannot be copied: {result.stderr.decode(errors='replace').strip()[-300:]}"
        )


def now(tree: str, layout: Layout, identity: Identity, objects: Sequence[str]) -> Record:
    """The record of a session that is made now."""
    return Record(tree, identity.uid, layout, time.time(), list(objects))
