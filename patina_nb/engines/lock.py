"""One holder per session directory: two live mounts of one upper directory are undefined in the kernel."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from patina_nb.engines.flock import is_at
from patina_nb.engines.places import ProjectCache
from patina_nb.errors import SessionBusyError

_DYING = 3.0  # seconds that the box of a killed holder may take to end


@dataclass
class SessionLock:
    """Held until `release`, or until this process ends."""

    path: Path
    fd: int

    def tell(self, box_pids: list[int]) -> None:
        """Note the processes of the box, so that the next holder can wait for their end."""
        record = {"pid": os.getpid(), "box": [[pid, started(pid)] for pid in box_pids]}
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, json.dumps(record).encode(), 0)

    def take_again(self) -> None:
        """Hold it as before `release`, unless it is held; raises SessionBusyError as `hold` does."""
        if self.fd < 0:
            self.fd = _hold(self.path).fd

    def remove(self) -> None:
        """Remove the file, when nothing is left that it protects; only while it is held."""
        if self.fd >= 0:
            self.path.unlink(missing_ok=True)

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def hold(cache: ProjectCache, session_id: str) -> SessionLock:
    """Take the lock of a session; raises SessionBusyError that names the process which has it."""
    return _hold(cache.session(session_id).with_suffix(".lock"))


def _hold(path: Path) -> SessionLock:
    lock = _take(path)
    while lock is None:  # the file was removed by its holder between our opening and locking it
        lock = _take(path)
    try:
        _await_end(_record(lock.fd), path.stem)
        lock.tell([])
    except BaseException:
        lock.release()
        raise
    return lock


def _take(path: Path) -> SessionLock | None:
    lock = SessionLock(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    try:
        fcntl.flock(lock.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _record(lock.fd).get("pid", "unknown")
        lock.release()
        where = "this process" if holder == os.getpid() else f"process {holder}"
        raise SessionBusyError(
            f"the workspace of session {path.stem} is already open in {where}; close it there first"
        ) from None
    if is_at(path, lock.fd):
        return lock
    lock.release()
    return None


def _record(fd: int) -> dict[str, object]:
    with suppress(ValueError):
        record = json.loads(os.pread(fd, 4096, 0))
        if isinstance(record, dict):
            return record
    return {}


def _await_end(record: dict[str, object], session_id: str) -> None:
    """The holder was killed; its box follows within moments, but must be gone before the next mount."""
    box = record.get("box")
    deadline = time.monotonic() + _DYING
    for pid, start in box if isinstance(box, list) else ():
        while started(pid) == start:
            if time.monotonic() > deadline:
                raise SessionBusyError(
                    f"the box of session {session_id} outlived the process that opened it: end process {pid}"
                )
            time.sleep(0.01)


def started(pid: int) -> str | None:
    """When a process started, in the kernel's clock ticks; None = there is no such process, or it is dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
