"""What of a repository goes into a seed. Needs no engine."""

from __future__ import annotations

import os

import pytest

from patina_nb.engines.dagger import packs
from patina_nb.errors import RepositoryError
from tests.conftest import new_repo


def unpacked(tmp_path, folder):
    """A repository that holds what was packed."""
    made = new_repo(tmp_path / "unpacked")
    for kind in ("pack", "idx"):
        target = made.path / f".git/objects/pack/pack-{'0' * 40}.{kind}"
        target.write_bytes((folder / f"full.{kind}").read_bytes())
    return made


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


def test_everything_of_a_commit(repo, tmp_path, folder):
    old = repo.head
    new = repo.commit({"b": "b"}, "second")
    repo.commit({"later": "x"}, "third")
    before = sorted(os.listdir(repo.path / ".git/objects"))
    packs.write_objects(repo.path / ".git", new, None, folder)
    assert sorted(os.listdir(folder)) == ["full.idx", "full.pack"]
    assert sorted(os.listdir(repo.path / ".git/objects")) == before
    made = unpacked(tmp_path, folder)
    assert made.git("log", "--format=%H", new).split() == [new, old]
    assert "missing" not in made.git("fsck", "--full", "--connectivity-only", new)


def test_objects_that_may_not_be_written(repo, folder):
    for path in (repo.path / ".git/objects", repo.path / ".git/objects/pack"):
        path.chmod(0o555)
    try:
        packs.write_objects(repo.path / ".git", repo.head, None, folder)
    finally:
        for path in (repo.path / ".git/objects", repo.path / ".git/objects/pack"):
            path.chmod(0o755)
    assert (folder / "full.pack").read_bytes()[:4] == b"PACK"


def test_what_another_commit_lacks(repo, folder):
    old = repo.head
    new = repo.commit({"b": "b"}, "second")
    packs.write_objects(repo.path / ".git", new, old, folder)
    assert os.listdir(folder) == ["thin.pack"]
    assert int.from_bytes((folder / "thin.pack").read_bytes()[8:12], "big") == 3


def test_a_shallow_repository_says_where_it_ends(repo, tmp_path, folder):
    repo.commit({"b": "b"}, "second")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    packs.write_objects(tmp_path / "shallow/.git", repo.head, None, folder)
    assert (folder / "shallow").read_text().split() == [repo.head]


def test_a_commit_that_is_not_there(repo, folder):
    with pytest.raises(RepositoryError):
        packs.write_objects(repo.path / ".git", "0" * 40, None, folder)
    assert not repo.repository.has_commit("0" * 40)
    assert repo.repository.has_commit(repo.head)


def test_what_a_checkout_lacks_is_said(repo):
    assert packs.notes(repo.path / ".git", repo.head) == []
    repo.write({".gitattributes": "*.bin filter=lfs diff=lfs\n"})
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.head},sub")
    repo.git("add", ".gitattributes")
    repo.git("commit", "-q", "-m", "third")
    said = " ".join(packs.notes(repo.path / ".git", repo.head))
    assert "sub" in said
    assert "lfs" in said
