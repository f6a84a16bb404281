"""Base trees: the checkout of a commit that all boxes of it share, built once and never written again.

Git runs in a directory of our own, so that no setting of the user's repository (filters, line
endings, sparse checkout, hooks) takes effect and nothing of theirs is touched.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from patina_nb.engines.flock import exclusive
from patina_nb.engines.local import objects
from patina_nb.engines.places import ProjectCache, private
from patina_nb.errors import RepositoryError, SandboxError
from patina_nb.repository import Repository

_FILTER = re.compile(rb"(?:^|\s)filter=([^\s]+)", re.MULTILINE)
_TIMEOUT = 1800.0


@dataclass(frozen=True)
class BaseTree:
    """The checkout of one commit. `files` is the tree, `index` the git index that belongs to it."""

    path: Path
    count: int  # files, links and submodules in the tree
    submodules: tuple[str, ...]  # shown as empty directories
    filters: tuple[str, ...]  # names of filters (such as lfs) that were not run

    @property
    def files(self) -> Path:
        return self.path / "files"

    @property
    def index(self) -> Path:
        return self.path / "index"

    def notes(self) -> list[str]:
        """What the user should know about this tree."""
        said = []
        if self.submodules:
            said.append(f"Submodules are empty in the workspace: {_some(self.submodules)}.")
        if self.filters:
            said.append(
                f"Files with a git filter ({_some(self.filters)}) are as git stores them (LFS: the pointers)."
            )
        return said


def base_tree(cache: ProjectCache, git_dir: Path, commit: str) -> BaseTree:
    """The base tree of a commit, built if need be; raises RepositoryError when git cannot check it out."""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        raise RepositoryError(f"{commit!r} is not a full commit id")
    path = cache.trees / (f"{commit}.{cache.identity.uid}" if cache.identity.switched else commit)
    found = _load(path)
    if found is not None:
        return found
    with exclusive(cache.trees / f"{commit}.lock"):
        found = _load(path)
        if found is None:
            _build(cache, git_dir, commit, path)
            found = _load(path)
    if found is None:
        raise SandboxError(f"the checkout {path} was removed while it was made; try again")
    return found


def _load(path: Path) -> BaseTree | None:
    try:
        record = json.loads((path / "tree.json").read_bytes())
    except FileNotFoundError:
        return None
    return BaseTree(path, record["count"], tuple(record["submodules"]), tuple(record["filters"]))


def _build(cache: ProjectCache, git_dir: Path, commit: str, path: Path) -> None:
    part = Path(tempfile.mkdtemp(prefix=f".{commit[:12]}-", dir=cache.trees))
    try:
        fresh = part / "tree"
        private(fresh, cache.identity)
        (fresh / "files").mkdir(mode=0o755)
        entries = _check_out(cache, git_dir, commit, fresh)
        (fresh / "files" / ".git").mkdir(mode=0o755)  # where the session's git directory is mounted
        tree = _describe(path, fresh / "files", entries)
        (fresh / "tree.json").write_text(json.dumps({**asdict(tree), "path": None}))
        if cache.identity.switched:
            owner = f"{cache.identity.uid}:{cache.identity.gid}"
            subprocess.run(["chown", "-hR", owner, "--", fresh / "files"], check=True, capture_output=True)
            _refresh(cache, git_dir, fresh)
        fresh.rename(path)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError(
            f"the base tree of {commit[:12]} cannot be made in {cache.trees}: {error}"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _refresh(cache: ProjectCache, git_dir: Path, fresh: Path) -> None:
    """Note the files' new owner and change time in the index, or git would read them all in every session.

    It must compare both: size and second alone do not tell two files of one checkout apart when they change
    places.
    """
    env = {"GIT_INDEX_FILE": str(fresh / "index"), "GIT_WORK_TREE": str(fresh / "files")}
    refresh = ("update-index", "-q", "--refresh")
    Repository(common_dir=git_dir).git(*refresh, git_dir=cache.git, env=env, ok=(0, 1), timeout=_TIMEOUT)


def _check_out(cache: ProjectCache, git_dir: Path, commit: str, fresh: Path) -> list[tuple[bytes, bytes]]:
    """Fill `files` and `index`; the entries of the index as (mode, path)."""
    own = _git_directory(cache, git_dir, commit)
    repository = Repository(common_dir=git_dir)
    env = {"GIT_INDEX_FILE": str(fresh / "index"), "GIT_WORK_TREE": str(fresh / "files")}
    try:
        repository.git("read-tree", "--reset", "-u", commit, git_dir=own, env=env, timeout=_TIMEOUT)
        listed = repository.git("ls-files", "-z", "--stage", git_dir=own, env=env, timeout=_TIMEOUT)
    except RepositoryError as error:
        if any((git_dir / "objects" / "pack").glob("*.promisor")):
            raise RepositoryError(
                f"{commit[:12]} cannot be checked out, objects are missing in this partial clone; "
                f"`git fetch --refetch --no-filter` brings them ({error})"
            ) from error
        raise
    rows = (row.partition(b"\t") for row in listed.split(b"\0") if row)
    return [(head.split(b" ", 1)[0], name) for head, _, name in rows]


def index_at(cache: ProjectCache, git_dir: Path, tree: BaseTree, commit: str, target: Path) -> None:
    """Write an index of `commit` that knows the files which are those of `tree`, so that few are read again.

    Raises RepositoryError when there is no such commit.
    """
    own = _git_directory(cache, git_dir, commit)
    shutil.copy2(tree.index, target)  # with its time: git tells by it which entries to trust
    env = {"GIT_INDEX_FILE": str(target), "GIT_WORK_TREE": str(tree.files)}
    Repository(common_dir=git_dir).git("read-tree", "-m", commit, git_dir=own, env=env, timeout=_TIMEOUT)


def _git_directory(cache: ProjectCache, git_dir: Path, commit: str) -> Path:
    """Our own git directory with the user's objects as alternates; written anew, it is seven small files."""
    own = cache.git
    for folder in (own, own / "objects" / "info", own / "refs"):
        folder.mkdir(parents=True, exist_ok=True)
    files = {
        "HEAD": b"ref: refs/heads/none\n",
        "config": config(commit, bare=True).encode(),
        "objects/info/alternates": b"".join(map(objects.quoted, objects.directories(git_dir))),
    }
    for name, data in files.items():
        _replace(own / name, data)
    shallow = git_dir / "shallow"
    if shallow.is_file():
        _replace(own / "shallow", shallow.read_bytes())
    else:
        (own / "shallow").unlink(missing_ok=True)
    return own


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    part.write_bytes(data)
    part.rename(path)


def config(commit: str, *, bare: bool) -> str:
    """The common part of a git configuration for the hash that `commit` is made with."""
    sha256 = len(commit) == 64
    return (
        f"[core]\n\trepositoryformatversion = {int(sha256)}\n\tbare = {str(bare).lower()}\n"
        "\tfilemode = true\n\tsymlinks = true\n\tautocrlf = false\n\tlogallrefupdates = true\n"
        "\tuntrackedCache = false\n"
        "\thooksPath = /dev/null\n\tfsmonitor = false\n"
        "[checkout]\n\tworkers = 0\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
        "[commit]\n\tgpgsign = false\n[tag]\n\tgpgsign = false\n"
    ) + ("[extensions]\n\tobjectformat = sha256\n" if sha256 else "")


def _describe(path: Path, files: Path, entries: list[tuple[bytes, bytes]]) -> BaseTree:
    submodules = sorted(os.fsdecode(name) for mode, name in entries if mode == b"160000")
    attributes = [
        name for _, name in entries if name == b".gitattributes" or name.endswith(b"/.gitattributes")
    ]
    return BaseTree(path, len(entries), tuple(submodules), tuple(sorted(set(_filters(files, attributes)))))


def _filters(files: Path, attributes: Iterable[bytes]) -> Iterable[str]:
    for name in attributes:
        path = files / os.fsdecode(name)
        if path.is_file() and not path.is_symlink():
            yield from (os.fsdecode(found) for found in _FILTER.findall(path.read_bytes()))


def _some(names: tuple[str, ...], limit: int = 5) -> str:
    shown = [name.encode("utf-8", "replace").decode() for name in names[:limit]]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(shown) + more
