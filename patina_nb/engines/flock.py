"""Locks on files of ours that the kernel gives back when a process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Alone; waits for it."""
    fd = _locked(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(fd)


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Beside others that share it, and beside nobody who has it alone; waits for it."""
    fd = _locked(path, fcntl.LOCK_SH)
    try:
        yield
    finally:
        os.close(fd)


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """Alone, or not at all: whether we have it."""
    try:
        fd = _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(fd)


def _locked(path: Path, how: int) -> int:
    """A descriptor that holds the lock of the file which has that name now: a holder may have removed it."""
    while True:
        fd = os.open(path, _OPEN, 0o600)
        try:
            fcntl.flock(fd, how)
            if is_at(path, fd):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def is_at(path: Path, fd: int) -> bool:
    """Is the open file still the one of that name?"""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(fd))
    except FileNotFoundError:
        return False
