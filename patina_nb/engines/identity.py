"""Which user a box runs as, and what that user can reach.

Real root is the trap: in a user namespace it still opens files that only root may read and escapes
the process limit. So root hands every box to an unprivileged user, one per project.
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from patina_nb.errors import EngineUnavailableError

FIRST_UID = 60001
UIDS = 1183  # up to 61183: above ordinary users, below systemd's dynamic ones


@dataclass(frozen=True)
class Identity:
    """The user of a box. `switched` = another one than ours, so we are real root."""

    uid: int
    gid: int
    switched: bool

    def own(self, path: Path) -> None:
        """Give a path (not what a symbolic link points to) to the box's user."""
        if self.switched:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def ourselves() -> Identity:
    """The user of this process."""
    return Identity(os.geteuid(), os.getegid(), switched=False)


def of_project(project_id: str) -> Identity:
    """The user that boxes of a project run as: ourselves, or an unprivileged one when we are real root."""
    uid = FIRST_UID + int(project_id, 16) % UIDS
    if os.geteuid() != 0 or not (_mapped("uid_map", uid) and _mapped("gid_map", uid)):
        return ourselves()
    return Identity(uid, uid, switched=True)


def _mapped(name: str, number: int) -> bool:
    """Root of a user namespace with one id (`unshare -r`) is an ordinary user and can switch to nobody."""
    rows = Path("/proc/self", name).read_text().split("\n")
    ranges = [[int(field) for field in row.split()] for row in rows if row]
    return any(first <= number < first + count for first, _, count in ranges)


def switch(identity: Identity) -> list[str]:
    """The command prefix that becomes the box's user; raises EngineUnavailableError without setpriv."""
    if not identity.switched:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EngineUnavailableError(
            "setpriv is missing (install util-linux): as root, boxes must be handed to an unprivileged user"
        )
    ids = [f"--reuid={identity.uid}", f"--regid={identity.gid}"]
    return [setpriv, *ids, "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--"]


def reaches(identity: Identity, path: Path) -> bool:
    """Can that user open the file, or list and enter the directory, by this path? False if it is missing."""
    try:
        real = path.resolve(strict=True)
        if not identity.switched:
            return os.access(real, os.R_OK | (os.X_OK if real.is_dir() else 0), effective_ids=True)
        return permits(identity, real, stat.S_IROTH) and all(
            permits(identity, folder, stat.S_IXOTH)
            for folder in (real, *real.parents)
            if folder != real or real.is_dir()
        )
    except OSError:
        return False


def passes(identity: Identity, folder: Path) -> bool:
    """Can that user enter the directory, or the part of its path that exists already?"""
    present = next(part for part in (folder, *folder.parents) if part.exists())
    if not identity.switched:
        return os.access(present, os.X_OK, effective_ids=True)
    real = present.resolve()
    return all(permits(identity, part, stat.S_IXOTH) for part in (real, *real.parents))


def permits(identity: Identity, path: Path, bit: int) -> bool:
    """Does the path itself grant that user what `bit` (one of the "other" bits) stands for?"""
    status = path.stat()
    if status.st_uid == identity.uid:
        bit <<= 6
    elif status.st_gid == identity.gid:
        bit <<= 3
    return bool(status.st_mode & bit)
