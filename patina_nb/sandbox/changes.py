"""The server's list of changes: asked for, checked, and pruned."""

from __future__ import annotations

import re
import stat

from patina_nb.engines.base import Change, ChangeList, Prune
from patina_nb.errors import SandboxError

LIMIT = 64 << 20
_BROKEN = "the list of changes from the sandbox is broken"
_NUMBERS = re.compile(rb"([0-7]{1,7}) ([0-9]{1,19}) (.+)", re.DOTALL)


def decode(records: bytes) -> list[Change]:
    """Records as docs/protocol.md describes them; raises SandboxError."""
    if records and not records.endswith(b"\0"):
        raise SandboxError(f"{_BROKEN}: the last record is torn")
    fields = iter(records.split(b"\0")[:-1])
    changes = []
    for field in fields:
        match = _NUMBERS.fullmatch(field)
        if match is None:
            raise SandboxError(f"{_BROKEN}: not a record: {field[:80]!r}")
        mode, size, path = int(match[1], 8), int(match[2]), match[3]
        if path.startswith(b"/") or not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
            raise SandboxError(f"{_BROKEN}: not a path in the workspace: {path[:80]!r}")
        target = next(fields, None) if stat.S_ISLNK(mode) else None
        if stat.S_ISLNK(mode) and not target:
            raise SandboxError(f"{_BROKEN}: a link without a target")
        changes.append(Change(path, mode, size, target))
    return changes


def prune_list(changes: list[Change], prune: Prune) -> ChangeList:
    """Leave out what is below the directories that `prune` names, asked level by level from the top."""
    by_depth: dict[int, set[bytes]] = {}
    for change in changes:
        for folder in _folders(change):
            by_depth.setdefault(folder.count(b"/"), set()).add(folder)
    pruned: set[bytes] = set()
    for depth in sorted(by_depth):
        folders = sorted(folder for folder in by_depth[depth] if not _within(folder, pruned))
        if folders:
            pruned.update(set(prune(folders)).intersection(folders))
    kept = [
        change
        for change in changes
        if not _within(change.path, pruned) and not (change.mode and change.path in pruned)
    ]
    return ChangeList(tuple(kept), tuple(sorted(pruned)))


def _folders(change: Change) -> list[bytes]:
    """The directories that this entry is in, and itself if it is one."""
    parts = change.path.split(b"/")
    inside = len(parts) if stat.S_ISDIR(change.mode) else len(parts) - 1
    return [b"/".join(parts[: n + 1]) for n in range(inside)]


def _within(path: bytes, folders: set[bytes]) -> bool:
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        if path in folders:
            return True
    return False
