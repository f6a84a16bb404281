"""Bringing in what the box's user cannot reach by its path: a bind mount in a namespace of our own.

Only for real root, whose interpreter or repository may lie below a private home. The mounts exist
in the mount namespace of this one box and end with it.
"""

from __future__ import annotations

import shlex
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from patina_nb.engines.identity import Identity, permits, reaches
from patina_nb.engines.local.bubblewrap import Bind


@cache
def can_stage() -> bool:
    """May this process make a mount namespace and mount in it? Tried once."""
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if unshare is None or mount is None:
        return False
    attempt = [unshare, "--mount", "--propagation", "private", mount, "--bind", "/usr", "/usr"]
    try:
        result = subprocess.run(attempt, env={}, capture_output=True, check=False, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def inside_readable(identity: Identity, top: Path, path: Path) -> bool:
    """Could that user read `path` if it stood at `top` already? Both are resolved."""
    folders = [part for part in (path, *path.parents) if part.is_relative_to(top) and part.is_dir()]
    return permits(identity, path, stat.S_IROTH) and all(
        permits(identity, folder, stat.S_IXOTH) for folder in folders
    )


def stage(binds: Sequence[Bind], identity: Identity, folder: Path) -> tuple[list[Bind], list[str]]:
    """(the binds with sources that can be reached, the command prefix that makes them so).

    Mount points are made in `folder`, a directory that the box's user can enter.
    """
    moved: list[Bind] = []
    mounts: list[str] = []
    for number, bind in enumerate(binds):
        if reaches(identity, bind.source):
            moved.append(bind)
            continue
        place = folder / str(number)
        if bind.source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.touch()
        mounts.append(f"mount --bind {shlex.quote(str(bind.source.resolve()))} {shlex.quote(str(place))}")
        moved.append(replace(bind, source=place))
    return moved, _prefix(mounts)


def _prefix(mounts: Sequence[str]) -> list[str]:
    unshare = shutil.which("unshare")
    if not mounts or unshare is None:
        return []
    script = " && ".join([*mounts, 'exec "$@"'])
    return [unshare, "--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh"]
