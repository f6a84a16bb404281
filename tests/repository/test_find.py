from __future__ import annotations

import os

import pytest

from patina_nb.errors import RepositoryError
from patina_nb.repository import open_repository
from tests.conftest import Repo, new_repo, ordinary_user


def test_from_any_directory_of_it(repo):
    top = open_repository(repo.path)
    assert top.common_dir == (repo.path / ".git").resolve()
    assert top.worktree == repo.path.resolve()
    assert open_repository(repo.path / "dir") == top
    assert open_repository(str(repo.path / "dir" / "b.txt")) == top


def test_from_the_current_directory(repo, monkeypatch):
    monkeypatch.chdir(repo.path / "dir")
    assert open_repository() == open_repository(repo.path)


def test_from_a_linked_worktree(repo, tmp_path):
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "lïnked tree"))
    linked = open_repository(tmp_path / "lïnked tree")
    assert linked.common_dir == repo.repository.common_dir
    assert linked.worktree == (tmp_path / "lïnked tree").resolve()
    assert linked.current_branch() == "side"
    assert repo.repository.current_branch() == "main"
    Repo(tmp_path / "lïnked tree").commit({"c.txt": "c"})
    assert linked.resolve("HEAD") != repo.repository.resolve("HEAD") == linked.resolve("main")


def test_from_inside_the_git_directory(repo):
    inside = open_repository(repo.path / ".git" / "objects")
    assert inside.worktree is None
    assert inside.resolve("HEAD") == repo.head


def test_through_a_symbolic_link(repo, tmp_path):
    (tmp_path / "link").symlink_to(repo.path)
    assert open_repository(tmp_path / "link").common_dir == repo.repository.common_dir


def test_a_submodule_is_a_repository(repo, tmp_path):
    outer = new_repo(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repo.path), "sub")
    sub = open_repository(outer.path / "sub")
    assert sub.common_dir == (outer.path / ".git" / "modules" / "sub").resolve()
    assert sub.worktree == (outer.path / "sub").resolve()
    assert sub.resolve("HEAD") == repo.head
    assert sub.status_summary() == 0


def test_a_worktree_of_a_bare_repository(repo, tmp_path):
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "store.git"))
    Repo(tmp_path / "store.git").git("worktree", "add", "-q", str(tmp_path / "tree"), "main")
    found = open_repository(tmp_path / "tree")
    assert found.worktree == (tmp_path / "tree").resolve()
    assert found.current_branch() == "main"
    assert found.status_summary() == 0
    found.create_ref("refs/heads/agent/x", repo.head)
    assert found.branch_sha("agent/x") == repo.head


def test_a_shallow_clone(repo, tmp_path):
    repo.commit({"c.txt": "c"})
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    found = open_repository(tmp_path / "shallow")
    assert found.resolve("HEAD") == repo.head
    assert found.root_commits() == [repo.head]
    with pytest.raises(RepositoryError, match=r"No commit is called 'HEAD\^'"):
        found.resolve("HEAD^")


def test_a_detached_head(repo):
    repo.git("checkout", "-q", "--detach")
    assert repo.repository.current_branch() is None
    assert repo.repository.branch_of("HEAD") is None
    assert repo.repository.resolve("HEAD") == repo.head


def test_sha256(tmp_path):
    made = new_repo(tmp_path / "long", "--object-format=sha256")
    made.commit({"a": "1"})
    found = made.repository
    assert len(found.resolve("HEAD")) == 64
    found.create_ref("refs/heads/agent/x", made.head)
    found.delete_ref("refs/heads/agent/x", made.head)
    assert found.branch_sha("agent/x") is None


def test_an_orphan_branch_is_not_empty(repo):
    repo.git("checkout", "-q", "--orphan", "fresh")
    assert repo.repository.resolve("main")


@pytest.mark.parametrize("place", ["missing", "plain", "bare", "empty", "pruned"])
def test_what_does_not_work_is_said(repo, tmp_path, place):
    path = tmp_path / place
    if place == "plain":
        path.mkdir()
    elif place == "bare":
        repo.git("clone", "-q", "--bare", str(repo.path), str(path))
    elif place == "empty":
        new_repo(path)
    elif place == "pruned":
        repo.git("worktree", "add", "-q", str(path))
        (repo.path / ".git" / "worktrees" / "pruned").rename(tmp_path / "elsewhere")
    words = {
        "missing": "does not exist",
        "plain": "is not inside a git repository: go to your project, or run git init",
        "bare": "is a bare repository: workspaces need one with a worktree",
        "empty": "has no commit yet: make a first one",
        "pruned": "cannot be used: not a git repository",
    }
    with pytest.raises(RepositoryError, match=words[place]):
        open_repository(path)


def test_another_users_repository_can_be_opened(open_dir):
    """Git itself refuses those; here nothing of them is run, so that root can work for its users."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make a repository of another user")
    made = new_repo(open_dir / "theirs")
    made.commit({"a": "1"})
    os.system(f"chown -R 65534:65534 '{made.path}'")
    assert open_repository(made.path).current_branch() == "main"


def test_a_repository_that_only_can_be_read_is_opened_and_not_written(open_dir):
    made = new_repo(open_dir / "theirs")
    made.commit({"a": "1"})
    os.system(f"chmod -R a-w,a+rX '{made.path}'")
    with ordinary_user():
        found = open_repository(made.path)
        assert found.current_branch() == "main"
        with pytest.raises(RepositoryError, match=r"cannot be written .*: look at the rights"):
            found.create_ref("refs/heads/agent/x", found.resolve("HEAD"))
    os.system(f"chmod -R u+w '{made.path}'")
