"""The git directory of a session: written by hand, because the agent owns it from then on.

Host git never runs in it. When it must be touched again, every step of the path is opened without
following links: the agent may have put anything there.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from patina_nb.engines.base import BoxSpec
from patina_nb.engines.identity import Identity
from patina_nb.engines.local.checkout import BaseTree, config
from patina_nb.repository import NO_REPLY

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCKS = ("index.lock", "HEAD.lock", "config.lock", "packed-refs.lock")
_ALTERNATES = ("objects", "info", "alternates")


def write(path: Path, spec: BoxSpec, tree: BaseTree, alternates: Sequence[str], identity: Identity) -> None:
    """Fill a new, empty directory that is still ours alone; every file is given to the box's user."""
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (path / name).mkdir(parents=True)
    (path / "HEAD").write_text(f"ref: refs/heads/{spec.branch}\n")
    (path / "config").write_text(config(spec.commit, bare=False) + author(spec.author))
    (path / "packed-refs").write_text(references(spec, spec.commit))
    (path / "description").write_text(f"patina session {spec.session_id}\n")
    (path.joinpath(*_ALTERNATES)).write_text(_lines(alternates))
    shallow = spec.git_dir / "shallow"
    if shallow.is_file():
        shutil.copyfile(shallow, path / "shallow")
    shutil.copyfile(tree.index, path / "index")
    if identity.switched:
        for entry in (path, *path.rglob("*")):
            identity.own(entry)


def author(name: str) -> str:
    """The part of a git configuration that names who commits."""
    clean = re.sub(r"[\x00-\x1f\x7f<>]", "", name).strip() or "agent"
    quoted = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'[user]\n\tname = "{quoted}"\n\temail = {NO_REPLY}\n'


def references(spec: BoxSpec, commit: str) -> str:
    """The session's branch at `commit`, and for orientation the one it was taken from (packed-refs)."""
    names = {f"refs/heads/{spec.branch}"}
    base = spec.base_branch
    if base and not (spec.branch + "/").startswith(base + "/") and not base.startswith(spec.branch + "/"):
        names.add(f"refs/heads/{base}")
    return "# pack-refs with: peeled fully-peeled sorted \n" + "".join(
        f"{commit} {name}\n" for name in sorted(names)
    )


def _lines(alternates: Sequence[str]) -> str:
    return "".join(f"{path}\n" for path in alternates)


def intact(path: Path) -> bool:
    """Is it still a git directory? (Its content is the agent's own business.)"""
    return (
        _kind(path / "HEAD") == stat.S_IFREG
        and _kind(path / "config") == stat.S_IFREG
        and all(_kind(path / name) == stat.S_IFDIR for name in ("objects", "refs"))
    )


def _kind(path: Path) -> int:
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except OSError:
        return 0


def refresh(path: Path, alternates: Sequence[str], identity: Identity) -> None:
    """Before a reopening, with no box running: name the objects as they lie now, drop stale locks."""
    git = os.open(path, _FOLDER)
    try:
        for name in _LOCKS:
            with suppress(OSError):
                os.unlink(name, dir_fd=git)
        folder = git
        for name in _ALTERNATES[:-1]:
            folder = _enter(folder, name, identity, close=folder != git)
        try:
            _set(folder, _ALTERNATES[-1], _lines(alternates).encode(), identity)
        finally:
            os.close(folder)
    finally:
        os.close(git)


def _enter(parent: int, name: str, identity: Identity, *, close: bool) -> int:
    try:
        with suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=parent)
            os.chown(name, identity.uid, identity.gid, dir_fd=parent, follow_symlinks=False)
        return os.open(name, _FOLDER, dir_fd=parent)
    finally:
        if close:
            os.close(parent)


def _set(folder: int, name: str, data: bytes, identity: Identity) -> None:
    with suppress(OSError):
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(fd, "rb") as file:
            if stat.S_ISREG(os.fstat(fd).st_mode) and file.read(len(data) + 1) == data:
                return
    part = f".{name}.{secrets.token_hex(8)}"
    fd = os.open(
        part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder
    )
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        os.fchown(fd, identity.uid, identity.gid)
    os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
