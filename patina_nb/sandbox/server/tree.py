"""The directories of the workspace under watch, and what their events say has changed."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import termios

from .linux import inotify_add, inotify_open, inotify_remove

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_QUEUE_OVERFLOW, _IGNORED, _ONLY_DIRECTORIES, _IS_DIRECTORY = 0x4000, 0x8000, 0x1000000, 0x40000000
_DONT_FOLLOW = 0x2000000
_GONE = _MOVED_FROM | _DELETE
_MASK = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_TO | _CREATE | _GONE | _ONLY_DIRECTORIES | _DONT_FOLLOW

_EVENT = struct.Struct("iIII")
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_MOST_PATHS = 500_000
_EXCLUDED = b".git"  # of the top directory


class Folder:
    """A directory; knows its place by its parent, so that moving one moves all below it."""

    __slots__ = ("folders", "name", "parent", "watch")

    def __init__(self, name: bytes, parent: Folder | None) -> None:
        self.name = name
        self.parent = parent
        self.folders: dict[bytes, Folder] = {}
        self.watch: int | None = None

    def path(self) -> bytes:
        """Relative to the workspace, which itself is b""."""
        names = []
        folder: Folder = self
        while folder.parent is not None:
            names.append(folder.name)
            folder = folder.parent
        return b"/".join(reversed(names))


class Tree:
    """Watches every directory below `root` but the top `.git`; collects the paths that changed."""

    def __init__(self, root: bytes) -> None:
        self._root_path = root
        self.fd: int | None = None
        self._start()

    def _start(self) -> None:
        """From nothing; what changed before is not known."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        self._top = Folder(b"", None)
        self._by_watch: dict[int, Folder] = {}
        self._blind: set[Folder] = set()
        self._touched: set[bytes] = set()
        self._gone: set[bytes] = set()
        self.incomplete = True
        try:
            self.fd = inotify_open()
        except OSError:  # no instance left for this user: every answer will be incomplete
            return
        self._enter(self._top)

    # events

    def catch_up(self) -> None:
        """Handle all events that are queued now."""
        fd = self.fd
        if fd is None:
            self._start()
            return
        queued = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0]
        while queued > 0 and fd == self.fd:
            data = os.read(fd, max(queued, 4096))
            queued -= len(data)
            self._handle_all(data)

    def _handle_all(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            watch, mask, _, size = _EVENT.unpack_from(data, at)
            at += _EVENT.size + size
            if mask & _QUEUE_OVERFLOW:  # new directories may have been missed too
                self._start()
                return
            self._handle(watch, mask, data[at - size : at].rstrip(b"\0"))
        if len(self._touched) + len(self._gone) > _MOST_PATHS:
            self._touched.clear()
            self._gone.clear()
            self.incomplete = True

    def _handle(self, watch: int, mask: int, name: bytes) -> None:
        folder = self._by_watch.get(watch)
        if folder is None:
            return
        if mask & _IGNORED:
            del self._by_watch[watch]
            folder.watch = None
            return
        if not name or (folder is self._top and name == _EXCLUDED):
            return
        path = self._path(folder, name)
        if mask & _GONE:
            self._gone.add(path)
            self._drop(folder, name)
            return
        self._touched.add(path)
        if mask & _IS_DIRECTORY and (mask & (_CREATE | _MOVED_TO) or not self._watched(folder, name)):
            self._touched.update(self._adopt(folder, name))

    # directories

    def _path(self, folder: Folder, name: bytes) -> bytes:
        above = folder.path()
        return above + b"/" + name if above else name

    def _real(self, path: bytes) -> bytes:
        return os.path.join(self._root_path, path)

    def _watched(self, folder: Folder, name: bytes) -> bool:
        child = folder.folders.get(name)
        return child is not None and child.watch is not None

    def _adopt(self, folder: Folder, name: bytes) -> list[bytes]:
        """A directory has come to be here: watch it and all below; returns what is in it."""
        self._drop(folder, name)
        child = Folder(name, folder)
        folder.folders[name] = child
        return self._enter(child)

    def _enter(self, first: Folder) -> list[bytes]:
        """Watch before reading, so that what appears in between is seen at least once."""
        found: list[bytes] = []
        queue = [first]
        while queue:
            folder = queue.pop()
            path = folder.path()
            try:
                self._watch(folder, path)
                with os.scandir(self._real(path)) as entries:
                    listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            except OSError as error:
                if error.errno not in _VANISHED:
                    self._blind.add(folder)
                continue
            prefix = path + b"/" if path else b""
            for name, is_directory in listed:
                if folder is self._top and name == _EXCLUDED:
                    continue
                found.append(prefix + name)
                if is_directory:
                    folder.folders[name] = child = Folder(name, folder)
                    queue.append(child)
        return found

    def _watch(self, folder: Folder, path: bytes) -> None:
        assert self.fd is not None
        folder.watch = inotify_add(self.fd, self._real(path), _MASK)
        self._by_watch[folder.watch] = folder

    def _drop(self, folder: Folder, name: bytes) -> None:
        """The directory, if it was one, is no longer here, and nor is all below it."""
        child = folder.folders.pop(name, None)
        queue = [child] if child is not None else []
        while queue:
            lost = queue.pop()
            queue.extend(lost.folders.values())
            self._blind.discard(lost)
            # The watch belongs to the inode: another place may have it by now.
            if lost.watch is not None and self._by_watch.get(lost.watch) is lost and self.fd is not None:
                del self._by_watch[lost.watch]
                inotify_remove(self.fd, lost.watch)

    # answers

    def take(self) -> tuple[bytes, bool]:
        """(records of all that changed since the last time, is that incomplete). See docs/protocol.md."""
        self.catch_up()
        found = self._look()
        incomplete = self.incomplete or bool(self._blind) or self._top.watch is None
        gone, self._gone, self._touched = self._gone, set(), set()
        self.incomplete = False
        if any(_shared(status) for status in found.values()):
            incomplete = True  # its other names change with it, and say nothing
        lost = gone | {path for path, status in found.items() if status is None}
        records = [b"0 0 %s\0" % path for path in sorted(lost) if not _below(path, lost)]
        records += [self._record(path, found[path]) for path in sorted(found)]
        return b"".join(records), incomplete

    def _look(self) -> dict[bytes, os.stat_result | None]:
        """The present state of all paths; a directory that escaped us is adopted on the way."""
        found: dict[bytes, os.stat_result | None] = {}
        queue = list(self._touched | self._gone)
        while queue:
            path = queue.pop()
            found[path] = status = self._status(path)
            if status is not None and stat.S_ISDIR(status.st_mode):
                above, name = self._place(path)
                if above is not None and not self._watched(above, name) and above.watch is not None:
                    queue.extend(self._adopt(above, name))
        return found

    def _place(self, path: bytes) -> tuple[Folder | None, bytes]:
        *above, name = path.split(b"/")
        folder: Folder | None = self._top
        for part in above:
            folder = folder.folders.get(part) if folder is not None else None
        return folder, name

    def _status(self, path: bytes) -> os.stat_result | None:
        try:
            return os.lstat(self._real(path))
        except OSError as error:
            if error.errno not in _VANISHED:
                self.incomplete = True
            return None

    def _record(self, path: bytes, status: os.stat_result | None) -> bytes:
        if status is None:
            return b""
        record = b"%o %d %s\0" % (status.st_mode, status.st_size, path)
        if stat.S_ISLNK(status.st_mode):
            try:
                return record + os.readlink(self._real(path)) + b"\0"
            except OSError:  # changed since: the event is in the queue for the next answer
                return b""
        return record


def _shared(status: os.stat_result | None) -> bool:
    return status is not None and stat.S_ISREG(status.st_mode) and status.st_nlink > 1


def _below(path: bytes, folders: set[bytes]) -> bool:
    above = path
    while b"/" in above:
        above = above.rpartition(b"/")[0]
        if above in folders:
            return True
    return False
