"""The object directories of the user's repository: what a box reads its history from."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from patina_nb.engines.identity import Identity, reaches
from patina_nb.engines.places import ProjectCache, private

_DEPTH = 5  # git follows alternates no deeper
_FOLDER = re.compile(r"pack|[0-9a-f]{2}")
_OBJECTS = re.compile(r"[0-9a-f]{38,62}|pack-.*\.(pack|rev|idx)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def directories(git_dir: Path) -> tuple[Path, ...]:
    """The objects of a repository, then those of its alternates, recursively, each once."""
    found: list[Path] = []
    level = [git_dir / "objects"]
    for _ in range(_DEPTH + 1):
        fresh = [path for path in dict.fromkeys(map(_real, level)) if path.is_dir() and path not in found]
        found += fresh
        level = [other for path in fresh for other in _alternates(path)]
    return tuple(found)


def _real(path: Path) -> Path:
    return path.resolve()


def _alternates(objects: Path) -> list[Path]:
    try:
        lines = (objects / "info" / "alternates").read_bytes().split(b"\n")
    except OSError:
        return []
    names = [_unquote(os.fsdecode(line)) for line in lines if line and not line.startswith(b"#")]
    return [objects / name for name in names]


def _unquote(line: str) -> str:
    if not (line.startswith('"') and line.endswith('"') and len(line) > 1):
        return line
    out, rest = bytearray(), iter(line[1:-1])
    for char in rest:
        if char != "\\":
            out += os.fsencode(char)
            continue
        code = next(rest, "")
        if code.isdigit():
            out.append(int(code + next(rest, "") + next(rest, ""), 8) & 0xFF)
        else:
            out += os.fsencode(_ESCAPES.get(code, code))
    return os.fsdecode(bytes(out))


def quoted(path: Path) -> bytes:
    """A line of an alternates file, in the quoted form, which holds any path."""
    special = {ord('"'): b'\\"', ord("\\"): b"\\\\", ord("\n"): b"\\n"}
    return b'"' + b"".join(special.get(byte, bytes([byte])) for byte in os.fsencode(path)) + b'"\n'


def readable(identity: Identity, objects: Path) -> bool:
    """Can the box's user read what is in there, once it is there? Judged by its folders and packs."""
    if not identity.switched:
        return os.access(objects, os.R_OK | os.X_OK, effective_ids=True)
    pack = objects / "pack"
    enter = stat.S_IROTH | stat.S_IXOTH
    try:
        folders = [objects.stat(), *(entry.stat() for entry in _folders(objects))]
        listed = list(os.scandir(pack)) if pack.is_dir() else []
        packs = [entry.stat() for entry in listed if _OBJECTS.fullmatch(entry.name)]
    except OSError:
        return False
    return all(folder.st_mode & enter == enter for folder in folders) and all(
        file.st_mode & stat.S_IROTH for file in packs
    )


def for_box(cache: ProjectCache, identity: Identity, git_dir: Path, *, staged: bool) -> list[Path]:
    """The object directories for a box: where they lie, or a copy of those that its user cannot read.

    `staged`: a directory that cannot be reached by its path will be brought in by a mount.
    """
    found = []
    for path in directories(git_dir):
        usable = readable(identity, path) and (staged or reaches(identity, path))
        name = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
        found.append(path if usable else copied(identity, path, cache.root / f"objects-{name}"))
    return found


def copied(identity: Identity, objects: Path, target: Path) -> Path:
    """A copy that the box's user can read. Objects never change, so only new ones are added."""
    if not target.is_dir():
        with suppress(FileExistsError):  # made just now, for another session
            private(target, identity)
    for folder in _folders(objects):
        _add_missing(Path(folder.path), target / folder.name)
    return target


def _folders(objects: Path) -> list[os.DirEntry[str]]:
    """The directories that hold objects; others (of a git that receives some just now) come and go."""
    return [entry for entry in os.scandir(objects) if entry.is_dir() and _FOLDER.fullmatch(entry.name)]


def _add_missing(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    target.chmod(0o755)
    have = {entry.name for entry in os.scandir(target)}
    names = {entry.name for entry in os.scandir(source) if _OBJECTS.fullmatch(entry.name)} - have
    for name in sorted(names, key=lambda name: name.endswith(".idx")):  # an index must not precede its pack
        part = target / f".{name}.{secrets.token_hex(8)}"
        shutil.copyfile(source / name, part)
        part.chmod(0o444)
        part.rename(target / name)
