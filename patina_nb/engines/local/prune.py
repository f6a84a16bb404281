"""Base trees and copied objects that no session uses any more: the few that were used last stay.

Each session's record says what it uses, whether its box runs or not. Whoever is about to write one holds the
lock `using`, shared, from the first look at a tree until the record is there; so what no record names while
we have that lock alone is in nobody's hands.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from patina_nb.engines.flock import if_free
from patina_nb.engines.local import sessions
from patina_nb.engines.local.removal import remove_trash, set_aside
from patina_nb.engines.places import ProjectCache

KEPT = 4
_COPIES = "objects-"


def note_use(paths: Iterable[Path]) -> None:
    """Remember that these were used now."""
    for path in paths:
        os.utime(path)


def prune(cache: ProjectCache) -> None:
    """Remove what is unused, but for the `KEPT` of each kind that were used last.

    Does nothing while another process opens a session. Raises SandboxError when something stays.
    """
    with if_free(cache.using) as alone:
        if not alone:
            return
        trash = [*_left_behind(cache), *map(set_aside, _unused(cache))]
        built = {_commit(path) for path in cache.trees.iterdir()}
        for path in cache.trees.glob("*.lock"):
            if path.stem not in built:
                path.unlink()
    for path in trash:
        remove_trash(path)


def _left_behind(cache: ProjectCache) -> Iterator[Path]:
    """Of buildings and removals that were cut short."""
    yield from cache.trees.glob(".*")
    yield from cache.root.glob(f".{_COPIES}*.trash")


def _unused(cache: ProjectCache) -> list[Path]:
    records = [record for path in cache.sessions.iterdir() if (record := sessions.recorded(path))]
    trees = {record.tree for record in records}
    copies = {name for record in records for name in record.objects}
    return [
        *_oldest(path for path in cache.trees.iterdir() if _commit(path) and _commit(path) not in trees),
        *_oldest(path for path in cache.root.glob(f"{_COPIES}*") if path.name not in copies),
    ]


def _commit(path: Path) -> str:
    """Of a base tree, whichever user it is for; empty for anything else."""
    commit, _, rest = path.name.partition(".")
    return commit if rest != "lock" else ""


def _oldest(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)[KEPT:]
