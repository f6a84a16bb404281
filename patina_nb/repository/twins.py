"""Names that differ in case only: on many machines only one of them can be checked out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from patina_nb.repository.git import Git

_MOST_FOLDERS = 500


def case_twins(git: Git, commit: str, paths: Collection[str]) -> list[tuple[str, ...]]:
    """The paths of `commit` that differ in case only, wherever one of them leads to one of `paths`.

    Looks into the directories on the way to `paths`, with one process for all of them.
    """
    names = {parent: set[str]() for path in paths for parent in _parents(path)}
    for path in paths:
        for part in (path, *_parents(path)):
            if part:
                names[_parent(part)].add(part)
    folders = [folder for folder in sorted(names) if "\n" not in folder][:_MOST_FOLDERS]
    asked = "".join(f"{commit}:{folder}\n" for folder in folders).encode("utf-8", "surrogateescape")
    out = git.git("cat-file", "--batch", stdin=asked)
    found = []
    for folder, tree in zip(folders, _trees(out), strict=True):
        same: dict[str, list[str]] = {}
        for name in tree:
            path = f"{folder}/{name}" if folder else name
            same.setdefault(name.casefold(), []).append(path)
        found += [tuple(twins) for twins in same.values() if len(twins) > 1 and names[folder] & set(twins)]
    return found


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _parents(path: str) -> Iterator[str]:
    while path:
        path = _parent(path)
        yield path


def _trees(out: bytes) -> Iterator[list[str]]:
    """The names in each tree that ``cat-file --batch`` printed; none for what is no tree."""
    while out:
        head, _, out = out.partition(b"\n")
        fields = head.split(b" ")
        if len(fields) != 3 or not fields[2].isdigit():  # missing
            yield []
            continue
        sha, kind, size = fields[0], fields[1], int(fields[2])
        yield _names(out[:size], len(sha) // 2) if kind == b"tree" else []
        out = out[size + 1 :]


def _names(tree: bytes, id_length: int) -> list[str]:
    entry = re.compile(rb"[0-7]+ ([^\0]+)\0.{%d}" % id_length, re.DOTALL)
    return [name.decode("utf-8", "surrogateescape") for name in entry.findall(tree)]
