"""What of the user's repository goes into a seed: the objects of a commit and its history."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from patina_nb.engines.local.checkout import BaseTree
from patina_nb.engines.local.objects import quoted
from patina_nb.errors import RepositoryError
from patina_nb.repository import Repository

_SLOW_S = 1800
_FILTER = re.compile(rb"(?:^|\s)filter=([^\s]+)", re.MULTILINE)
_PACK = ("pack-objects", "--revs", "-q", "--delta-base-offset")
_ATTRIBUTES_LIMIT = 100  # files that are looked at


def write_objects(git_dir: Path, commit: str, without: str | None, folder: Path) -> None:
    """Fill `folder` with what a seed is made of; raises RepositoryError.

    ``full.pack`` and ``full.idx`` hold everything, or ``thin.pack`` what a repository with the commit
    `without` lacks; ``shallow`` names where the history of a shallow repository ends.
    """
    repository = Repository(common_dir=git_dir)
    revisions = f"{commit}\n" + (f"^{without}\n" if without else "")
    try:
        if without:
            packed = repository.git(*_PACK, "--thin", "--stdout", stdin=revisions.encode(), timeout=_SLOW_S)
            (folder / "thin.pack").write_bytes(packed)
        else:
            _write_full(repository, revisions, folder)
    except RepositoryError as error:
        if any((git_dir / "objects" / "pack").glob("*.promisor")):
            raise RepositoryError(
                f"{commit[:12]} cannot be packed, objects are missing in this partial clone; "
                f"`git fetch --refetch --no-filter` brings them ({error})"
            ) from error
        raise
    if (git_dir / "shallow").is_file():
        shutil.copyfile(git_dir / "shallow", folder / "shallow")


def _write_full(repository: Repository, revisions: str, folder: Path) -> None:
    """With its index, which no container has to make again. Nothing is written to the user's objects."""
    with tempfile.TemporaryDirectory(prefix="objects-", dir=folder) as name:
        (Path(name) / "pack").mkdir()
        env = {
            "GIT_OBJECT_DIRECTORY": name,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.fsdecode(
                quoted(repository.common_dir / "objects")
            ).strip(),
        }
        packed = str(Path(name) / "full")
        said = repository.git(*_PACK, packed, stdin=revisions.encode(), env=env, timeout=_SLOW_S)
        for kind in ("pack", "idx"):
            Path(f"{packed}-{said.decode().split()[0]}.{kind}").rename(folder / f"full.{kind}")


def notes(git_dir: Path, commit: str) -> list[str]:
    """What a checkout of the commit will lack, for the user; raises RepositoryError."""
    repository = Repository(common_dir=git_dir)
    rows = repository.git("ls-tree", "-r", "-z", commit, timeout=_SLOW_S).split(b"\0")
    modules, attributes = [], []
    for head, _, name in (row.partition(b"\t") for row in rows if row):
        _, kind, sha = head.split(b" ")
        if kind == b"commit":
            modules.append(name.decode("utf-8", "replace"))
        elif name.rpartition(b"/")[2] == b".gitattributes":
            attributes.append(sha)
    filters = {
        name.decode("utf-8", "replace")
        for sha in attributes[:_ATTRIBUTES_LIMIT]
        for name in _FILTER.findall(repository.git("cat-file", "blob", sha))
    }
    return BaseTree(Path(), len(rows), tuple(sorted(modules)), tuple(sorted(filters))).notes()
