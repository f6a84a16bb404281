from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from patina_nb import project as projects
from patina_nb.errors import PatinaError, RepositoryError
from patina_nb.project import cache_root, open_project
from tests.conftest import Repo, new_repo, ordinary_user


def test_the_id_is_the_same_from_everywhere(repo, tmp_path):
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "tree"))
    found = {open_project(path).id for path in (repo.path, repo.path / "dir", tmp_path / "tree")}
    assert len(found) == 1
    assert re.fullmatch("[0-9a-f]{12}", found.pop())


def test_worktrees_share_state_and_journal(repo, tmp_path):
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "tree"))
    one, other = open_project(repo.path), open_project(tmp_path / "tree")
    assert one.state_dir == other.state_dir == (repo.path / ".git" / "patina").resolve()
    assert one.journal is other.journal
    assert one.repository.worktree != other.repository.worktree


def test_opening_again_gives_the_same(repo):
    assert open_project(repo.path) is open_project(repo.path / "dir")


def test_the_id_outlives_a_rewritten_history(repo):
    before = repo.project.id
    repo.git("commit", "-q", "--amend", "-m", "another root")
    projects._opened.clear()
    assert repo.project.id == before


def test_copies_are_projects_of_their_own(repo, tmp_path):
    first = repo.project.id
    shutil.copytree(repo.path, tmp_path / "copy")
    assert open_project(tmp_path / "copy").id != first


def test_a_repository_made_anew_in_the_same_place_is_another_project(repo):
    before = repo.project.id
    shutil.rmtree(repo.path / ".git")
    repo.git("init", "-q", "-b", "main")
    repo.commit({"a.txt": "anew\n"})
    assert repo.project.id != before


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\xff\0\n\n\n", b"a\nb\n"])
def test_a_damaged_id_file_is_made_again(repo, damage):
    before = repo.project.id
    (repo.project.state_dir / "project").write_bytes(damage)
    projects._opened.clear()
    assert repo.project.id == before


def test_an_orphan_branch_has_an_id_too(repo):
    repo.git("checkout", "-q", "--orphan", "fresh")
    assert repo.project.id


def test_the_state_is_closed_to_others_and_git_does_not_mind(repo):
    assert repo.project.state_dir.stat().st_mode & 0o077 == 0
    assert repo.git("status", "--porcelain") == ""
    repo.git("gc", "-q")
    repo.git("fsck", "--strict")


@pytest.mark.parametrize("obstacle", ["read only", "a file"])
def test_no_place_for_the_state_is_said(open_dir, obstacle):
    made = new_repo(open_dir / "r")
    made.commit({"a": "1"})
    if obstacle == "a file":
        (made.path / ".git" / "patina").touch()
        with pytest.raises(RepositoryError, match=r"cannot hold the state of patina .*: make it writable"):
            open_project(made.path)
        return
    os.system(f"chmod -R a-w,a+rX '{made.path}'")
    with (
        ordinary_user(),
        pytest.raises(RepositoryError, match=r"Permission denied.*: make it writable for you"),
    ):
        open_project(made.path)
    os.system(f"chmod -R u+w '{made.path}'")


def test_no_repository_is_said(tmp_path):
    with pytest.raises(RepositoryError, match="is not inside a git repository"):
        open_project(tmp_path)


# -- caches ----------------------------------------------------------------------------------------


def test_the_cache_is_where_it_is_told_to_be(monkeypatch, tmp_path):
    monkeypatch.setenv("PATINA_CACHE_DIR", str(tmp_path / "c"))
    assert cache_root() == tmp_path / "c"


def test_the_cache_follows_the_desktop_rules(monkeypatch, open_dir):
    monkeypatch.setenv("XDG_CACHE_HOME", str(open_dir / "xdg"))
    assert cache_root() == open_dir / "xdg" / "patina-nb"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(open_dir))
    assert cache_root() == open_dir / ".cache" / "patina-nb"


def test_a_closed_home_of_root_is_of_no_use_to_its_boxes(monkeypatch, open_dir):
    closed = open_dir / "home"
    closed.mkdir(mode=0o700)
    if os.geteuid() != 0:
        closed.chmod(0o700)
    monkeypatch.setenv("HOME", str(closed))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    own = closed / ".cache" / "patina-nb"
    assert cache_root() == (Path("/var/cache/patina-nb") if projects._hands_over() else own)
    with ordinary_user():
        closed.parent.chmod(0o777) if os.geteuid() == 0 else None
        assert cache_root() == own


def test_no_home_is_said(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", lambda _self: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.raises(PatinaError, match="set PATINA_CACHE_DIR"):
        cache_root()


def test_a_project_is_light(repo: Repo):
    """One process of git, once the id is known."""
    assert repo.project.id
    log = repo.path.parent / "log"
    counting = repo.path.parent / "bin" / "git"
    counting.parent.mkdir()
    counting.write_text(f'#!/bin/sh\necho "$1" >> "{log}"\nexec {shutil.which("git")} "$@"\n')
    counting.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{counting.parent}{os.pathsep}{os.environ['PATH']}")
        projects._opened.clear()
        open_project(repo.path)
    assert log.read_text().split() == ["version", "rev-parse"]  # version: once per process
