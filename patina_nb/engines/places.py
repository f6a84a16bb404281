"""Where the disposable state of boxes lives: base trees, session directories, shared volumes.

Everything is owned by us and closed to others; what the box's user must reach is opened to that
one user only (by group, so that it cannot rename or replace what lies in between).
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from patina_nb.engines.identity import Identity, passes
from patina_nb.errors import EngineUnavailableError, SessionError
from patina_nb.project import cache_root

_SESSION_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True)
class ProjectCache:
    """The state directories of one project; made on first use by `project_cache`."""

    root: Path
    identity: Identity

    @property
    def git(self) -> Path:
        """A git directory of our own in which base trees are checked out."""
        return self.root / "git"

    @property
    def trees(self) -> Path:
        return self.root / "trees"

    @property
    def sessions(self) -> Path:
        return self.root / "sessions"

    def session(self, session_id: str) -> Path:
        """The directory of one session; raises SessionError for what is no id."""
        if not _SESSION_ID.fullmatch(session_id):
            raise SessionError(f"{session_id!r} is not a session id: use a-z, 0-9 and '-' inside, at most 64")
        return self.sessions / session_id

    @property
    def using(self) -> Path:
        """Locked, and shared, by whoever takes up trees and objects for a session; see `prune`."""
        return self.root / "using.lock"

    def copies(self, objects: Iterable[Path]) -> list[Path]:
        """Those of these object directories that are copies of ours."""
        return [path for path in objects if path.parent == self.root]

    @property
    def shared(self) -> Path:
        return self.root / "shared"


def project_cache(project_id: str, identity: Identity) -> ProjectCache:
    """The state directories of a project, made if need be; raises EngineUnavailableError with the reason."""
    top = cache_root()
    if not passes(identity, top):
        raise EngineUnavailableError(
            f"the cache directory {top} cannot be entered by uid {identity.uid}, which boxes run as; "
            "set PATINA_CACHE_DIR to a directory outside of any private home"
        )
    cache = ProjectCache(top / project_id, identity)
    try:
        _top(top, identity)
        for folder in (cache.root, cache.trees, cache.sessions, cache.shared):
            passage(folder, identity)
    except OSError as error:
        raise EngineUnavailableError(
            f"the cache directory cannot be used ({error.filename or top}: {error.strerror}); "
            "set PATINA_CACHE_DIR to a directory that you can write"
        ) from error
    return cache


def _top(folder: Path, identity: Identity) -> None:
    """The cache root: made if need be; one that exists keeps its mode, but must not be in foreign hands."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        passage(folder, identity)
    status = folder.stat()
    if status.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "belongs to another user", str(folder))
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise PermissionError(errno.EPERM, "every user can rename what is in it", str(folder))


def passage(folder: Path, identity: Identity) -> None:
    """A directory of ours that the box's user can pass through, but neither list nor change."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "belongs to another user", str(folder))
    mode = 0o711 if identity.switched else 0o700
    if stat.S_IMODE(status.st_mode) & 0o777 != mode:
        folder.chmod(mode)


def private(folder: Path, identity: Identity) -> None:
    """A new directory of ours that only we and the box's user can enter, and only we can change."""
    folder.mkdir(mode=0o700)
    if identity.switched:
        os.chown(folder, os.geteuid(), identity.gid)
        folder.chmod(0o710)
