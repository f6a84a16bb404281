"""Packs from a workspace come in here. They were made by an agent: nothing in them is believed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from patina_nb.errors import PublishError
from patina_nb.repository.git import Git, GitFailedError, is_sha

SMALL_PACK = 8 << 20  # bytes; up to here, and
SMALL_COUNT = 1000  # objects, they are stored one by one: two processes less than a pack with its index
MAX_PACK = 2 << 30
MEMORY = 2 << 30  # bytes that git may allocate for what came: a few KB can claim to be terabytes
STREAMED = {"core.bigFileThreshold": "32m"}  # larger blobs never are in memory as a whole
_SLOW_S = 900

# What git says of a refused pack -> what that means. The words of git are told as well.
_MEANINGS = {
    "hasDot|gitmodules|gitattributes|fullPathname|badFilemode|empty filename|badTree|notSorted|duplicate": (
        "it holds a file name or file that git refuses for safety"
    ),
    "unexpected type|not receive|missing|unresolved delta|Failed to traverse|bad (tree )?object|not read": (
        "objects that it needs are not in it and not in this repository"
    ),
    "exceeds maximum|out of memory|malloc failed|mmap failed": "it is too large",
}


Inspect = Callable[[Mapping[str, str]], None]
"""Looks at new objects before the repository has them, in the environment in which git finds them."""


@dataclass(frozen=True)
class CommitHead:
    """Tree and parents of a commit."""

    tree: str
    parents: tuple[str, ...]


def receive(git: Git, pack: bytes | Path | IO[bytes] | None, inspect: Inspect | None = None) -> None:
    """Store the objects of a (thin) pack, each checked and complete, or none that a ref could reach.

    Raises PublishError for a pack that is damaged, incomplete, too large, or that holds what git refuses;
    and whatever `inspect` raises, after which nothing of the pack is left.
    """
    if pack is None:
        return
    with _opened(pack) as (content, size):
        head = content[:12] if isinstance(content, bytes) else _peek(content)
        if head[:4] != b"PACK" or len(head) < 12:
            raise refused("it did not come as a git pack")
        if size > MAX_PACK:
            raise refused(f"it is too large ({size >> 20} MB; the limit is {MAX_PACK >> 20} MB)")
        limit = f"--max-input-size={MAX_PACK}"
        small = size <= SMALL_PACK and int.from_bytes(head[8:12], "big") <= SMALL_COUNT
        command = ("unpack-objects", "-q") if small else ("index-pack", "--stdin", "--fix-thin")
        try:
            with _quarantine(git.common_dir / "objects") as env:
                git.git(
                    *(*command, "--strict", limit),
                    stdin=content,
                    env=env,
                    config=STREAMED,
                    memory=MEMORY,
                    timeout=_SLOW_S,
                )
                if inspect is not None:
                    inspect(env)
        except GitFailedError as error:
            raise refused(_meaning(error.reason)) from error
        except OSError as error:
            raise PublishError(f"{git.common_dir} cannot take new objects: {error.strerror}.") from error


def refused(why: str) -> PublishError:
    """The error for a commit that does not get in."""
    return PublishError(f"The workspace's commit was refused and the branch stays where it was: {why}.")


def commit_head(git: Git, sha: str) -> CommitHead:
    """Tree and parents of the commit `sha`; raises PublishError when it is no commit of this repository.

    An object that was stored on its own is read from its file: a process less for every step.
    """
    if not is_sha(sha):
        raise PublishError(f"{sha[:80]!r} is not the id of a commit.")
    content = _loose_commit(git.common_dir / "objects" / sha[:2] / sha[2:])
    if content is None:
        try:
            content = git.git("cat-file", "commit", sha)
        except GitFailedError as error:
            raise refused(f"{sha[:12]} is not a commit that it holds ({error.reason})") from error
    header = content.split(b"\n\n", 1)[0].decode("ascii", "replace").splitlines()
    fields = [line.split(" ", 1) for line in header if line.startswith(("tree ", "parent "))]
    return CommitHead(fields[0][1], tuple(value for name, value in fields if name == "parent"))


def descends(git: Git, old: str, new: str) -> bool:
    """Is `old` an ancestor of `new`? Walks both, so that a history with holes raises PublishError."""
    try:
        out = git.git("rev-list", "--left-right", "--count", f"{old}...{new}", timeout=_SLOW_S)
    except GitFailedError as error:
        raise refused(_meaning(error.reason)) from error
    return out.split()[0] == b"0"


@contextmanager
def _quarantine(objects: Path) -> Iterator[dict[str, str]]:
    """Environment in which git stores objects in a directory of its own.

    They are moved over when the block ends well. A refused pack leaves nothing behind: git writes some
    objects before it has checked all, and one that is there could be named by the next pack.
    """
    aside = Path(tempfile.mkdtemp(prefix="tmp_objdir-patina-", dir=objects))  # a name that git gc cleans up
    try:
        yield {"GIT_OBJECT_DIRECTORY": str(aside), "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(objects)}
        for folder in sorted(aside.iterdir()):
            _move_files(folder, objects / folder.name, objects)
    finally:
        shutil.rmtree(aside)


def _move_files(source: Path, target: Path, model: Path) -> None:
    """Move what `target` does not have. When it is new it gets the mode of `model` (shared repositories)."""
    if not target.is_dir():
        target.mkdir(exist_ok=True)
        shutil.copymode(model, target)
    # an .idx makes its pack visible, so it comes last
    for path in sorted(source.iterdir(), key=lambda path: (path.suffix == ".idx", path.name)):
        if not (target / path.name).exists():
            path.replace(target / path.name)


def _quoted(path: Path) -> str:
    """A path in the list syntax of GIT_ALTERNATE_OBJECT_DIRECTORIES."""
    return '"' + os.fspath(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


@contextmanager
def _opened(pack: bytes | Path | IO[bytes]) -> Iterator[tuple[bytes | IO[bytes], int]]:
    if isinstance(pack, bytes):
        yield pack, len(pack)
    elif isinstance(pack, Path):
        with pack.open("rb") as file:
            yield file, pack.stat().st_size
    else:
        size = pack.seek(0, os.SEEK_END)
        pack.seek(0)
        yield (pack.read() if size <= SMALL_PACK else pack), size


def _peek(file: IO[bytes]) -> bytes:
    head = file.read(12)
    file.seek(0)
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # git reads the descriptor, not our buffer
    return head


def _loose_commit(path: Path) -> bytes | None:
    """The first 64 KiB of a loose commit; None = there is no such file, or it is something else."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    head, _, content = zlib.decompressobj().decompress(raw, 1 << 16).partition(b"\0")
    return content if head.startswith(b"commit ") else None


def _meaning(reason: str) -> str:
    for signs, meaning in _MEANINGS.items():
        if re.search(signs, reason, re.IGNORECASE):
            return f"{meaning} ({reason})"
    return reason
