# Descriptors and bytes throughout, no pathlib: the tree is the agent's and may change while we look.
"""The change list of an overlay: a walk of its upper directory.

The kernel keeps there all that differs from the base tree: changed files as they are, a removed name
as a character device 0:0 (a whiteout), a directory that replaced another with the mark "opaque". So
the walk costs as much as was changed, never as much as the repository holds.

Every directory is opened from its parent's descriptor without following links, so a link that is
swapped in during the walk leads nowhere. What was seen is remembered with its times, size, inode and
mode; the next walk lists only what differs.
"""

from __future__ import annotations

import os
import stat
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from patina_nb.engines.base import Change, ChangeList, Prune
from patina_nb.errors import SandboxError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPAQUE = "user.overlay.opaque"
_RACY_NS = 20_000_000  # the kernel's clock moves in ticks of up to 10 ms
_LONGEST = 4000  # bytes of a path; git cannot name a longer one
_OPEN_FOLDERS = 32

Signature = tuple[int, int, int, int, int]
_GONE: Signature = (0, 0, 0, 0, 0)


@dataclass
class _Folder:
    """What is remembered of a directory. `new` = nothing of the base tree shows through."""

    new: bool
    entered: bool = False
    names: dict[bytes, Signature | None] = field(default_factory=dict)  # None = too fresh to be trusted
    folders: dict[bytes, _Folder] = field(default_factory=dict)


class _Entry(NamedTuple):  # there may be very many
    path: bytes
    name: bytes
    status: os.stat_result
    opaque: bool = False


class Upper:
    """Walks one upper directory again and again, above the files of a base tree that never change."""

    def __init__(self, path: Path, lower: Path) -> None:
        self._path = path
        self._lower = os.fsencode(lower)
        self._memory = _Folder(new=False)

    def changes(self, prune: Prune) -> ChangeList:
        """What changed since the last call, a gone directory before its new content.

        `prune` is asked, level by level, about new directories that were not entered before. Raises
        SandboxError when the top itself cannot be read.
        """
        memory, self._memory = self._memory, _Folder(new=False)  # a walk that fails is not remembered
        with _opened(self._path) as folders:
            changes = _Walk(folders, self._lower, prune).run(memory)
        self._memory = memory
        return changes


class _Walk:
    """One walk, level by level."""

    def __init__(self, folders: _Descriptors, lower: bytes, prune: Prune) -> None:
        self._folders = folders
        self._lower = lower
        self._prune = prune
        self._changes: list[Change] = []
        self._pruned: list[bytes] = []
        self._trusted = time.time_ns() - _RACY_NS

    def run(self, memory: _Folder) -> ChangeList:
        level = [(b"", memory)]
        while level:
            below = [pair for path, folder in level for pair in self._visit(path, folder)]
            level = self._worth_entering(below)
        return ChangeList(tuple(self._changes), tuple(self._pruned))

    def _worth_entering(self, level: list[tuple[bytes, _Folder]]) -> list[tuple[bytes, _Folder]]:
        asked = [path for path, folder in level if folder.new and not folder.entered]
        pruned = set(self._prune(asked)) if asked else set()
        self._pruned += [path for path in asked if path in pruned]
        return [pair for pair in level if pair[0] not in pruned]

    def _visit(self, path: bytes, folder: _Folder) -> list[tuple[bytes, _Folder]]:
        """List one directory; returns those in it."""
        try:
            entries = self._folders.entries(path)
        except PermissionError:
            self._changes.append(Change(path, stat.S_IFDIR))
            return []
        except OSError:
            return []  # moved away while we walked: the next walk sees where to
        folder.entered = True
        self._missing(path, folder, {entry.name for entry in entries})
        found = (self._entry(entry, folder) for entry in entries)
        return [pair for pair in found if pair is not None]

    def _missing(self, path: bytes, folder: _Folder, seen: set[bytes]) -> None:
        """A new name that was removed again leaves no whiteout."""
        for name in [name for name in folder.names if name not in seen]:
            if folder.names.pop(name) != _GONE:
                self._gone(_join(path, name))
        for name in [name for name in folder.folders if name not in seen]:
            del folder.folders[name]
            self._gone(_join(path, name))

    def _gone(self, path: bytes) -> None:
        self._changes.append(Change(path, 0))

    def _entry(self, entry: _Entry, folder: _Folder) -> tuple[bytes, _Folder] | None:
        mode = entry.status.st_mode
        if stat.S_ISDIR(mode):
            return self._directory(entry, folder)
        was_folder = folder.folders.pop(entry.name, None) is not None
        if stat.S_ISCHR(mode) and entry.status.st_rdev == 0:
            if folder.names.get(entry.name) != _GONE:
                self._gone(entry.path)
            folder.names[entry.name] = _GONE
            return None
        if was_folder:
            self._gone(entry.path)
        self._leaf(entry, folder)
        return None

    def _leaf(self, entry: _Entry, folder: _Folder) -> None:
        status = entry.status
        seen = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode)
        if folder.names.get(entry.name) == seen:
            return
        # only the kernel sets the change time; the modification time may be anything
        folder.names[entry.name] = seen if status.st_ctime_ns < self._trusted else None
        target = None
        if stat.S_ISLNK(status.st_mode):
            try:
                target = self._folders.link(entry.path)
            except OSError:  # replaced while we looked
                folder.names[entry.name] = None
        self._changes.append(Change(entry.path, status.st_mode, status.st_size, target))

    def _directory(self, entry: _Entry, parent: _Folder) -> tuple[bytes, _Folder] | None:
        was_name = parent.names.pop(entry.name, _GONE) != _GONE
        known = parent.folders.get(entry.name)
        if known is None:
            below = None if parent.new else self._below(entry.path)
            known = _Folder(new=entry.opaque or below is None or not stat.S_ISDIR(below))
            if was_name or (entry.opaque and below is not None):
                self._gone(entry.path)
        elif entry.opaque and not known.new:  # removed and made again
            known = _Folder(new=True)
            self._gone(entry.path)
        parent.folders[entry.name] = known
        if len(entry.path) > _LONGEST:
            self._changes.append(Change(entry.path, entry.status.st_mode))
            return None
        return entry.path, known

    def _below(self, path: bytes) -> int | None:
        """The mode of what the base tree has there; its parent is known to be a directory in both."""
        try:
            return os.lstat(self._lower + b"/" + path).st_mode
        except OSError:
            return None


class _Descriptors:
    """Opens directories below a top one step at a time; the last few stay open."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._open: OrderedDict[bytes, int] = OrderedDict()

    def entries(self, path: bytes) -> list[_Entry]:
        """What is in a directory, but the git directory of the workspace; raises OSError."""
        fd = self.folder(path)
        found = []
        with os.scandir(fd) as listing:
            for item in listing:
                name = os.fsencode(item.name)
                if path or name != b".git":
                    with suppress(FileNotFoundError):
                        status = item.stat(follow_symlinks=False)
                        opaque = stat.S_ISDIR(status.st_mode) and _is_opaque(fd, name)
                        found.append(_Entry(_join(path, name), name, status, opaque))
        return found

    def link(self, path: bytes) -> bytes:
        """The target of a symbolic link; raises OSError."""
        parent, _, name = path.rpartition(b"/")
        return os.readlink(name, dir_fd=self.folder(parent))

    def folder(self, path: bytes) -> int:
        """The descriptor of a directory, good until some others were opened; raises OSError."""
        if not path:
            return self._top
        fd = self._open.get(path)
        if fd is not None:
            self._open.move_to_end(path)
            return fd
        cut = path.rfind(b"/")
        while cut > 0 and path[:cut] not in self._open:
            cut = path.rfind(b"/", 0, cut)
        fd = self._open[path[:cut]] if cut > 0 else self._top
        for step in path[max(cut + 1, 0) :].split(b"/"):
            here = path[: max(cut + 1, 0)] + step
            fd = self._keep(here, os.open(step, _FOLDER, dir_fd=fd))
            cut = len(here)
        return fd

    def _keep(self, path: bytes, fd: int) -> int:
        self._open[path] = fd
        if len(self._open) > _OPEN_FOLDERS:
            os.close(self._open.popitem(last=False)[1])
        return fd

    def close(self) -> None:
        for fd in self._open.values():
            os.close(fd)
        os.close(self._top)


@contextmanager
def _opened(path: Path) -> Iterator[_Descriptors]:
    try:
        folders = _Descriptors(os.open(path, _FOLDER))
    except PermissionError as error:
        raise SandboxError(
            "the workspace cannot be read, its own permissions forbid it: run `chmod u+rwx .` in it"
        ) from error
    except OSError as error:
        raise SandboxError(f"the changes of the workspace cannot be read: {error}") from error
    try:
        yield folders
    finally:
        folders.close()


def _is_opaque(fd: int, name: bytes) -> bool:
    """By way of the descriptor's entry in /proc: there is no getxattr that takes a directory descriptor."""
    try:
        return os.getxattr(b"/proc/self/fd/%d/%s" % (fd, name), _OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False


def _join(path: bytes, name: bytes) -> bytes:
    return path + b"/" + name if path else name
