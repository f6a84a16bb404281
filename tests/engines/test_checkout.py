"""Base trees: the commit and nothing but the commit, whatever the user's repository is set to."""

from __future__ import annotations

import os
import stat
import subprocess
import threading

import pytest

from patina_nb.engines.identity import of_project, ourselves
from patina_nb.engines.local.checkout import base_tree
from patina_nb.engines.local.objects import directories, quoted
from patina_nb.engines.places import project_cache
from patina_nb.errors import RepositoryError

from .bench import PROJECT


@pytest.fixture
def cache(bench):
    return project_cache(PROJECT, of_project(PROJECT))


def content(files):
    """Path -> (kind and executable bit, content) of a tree, without `.git`."""
    found = {}
    for path in files.rglob("*"):
        mode = path.lstat().st_mode
        if path.is_relative_to(files / ".git") or stat.S_ISDIR(mode):
            continue
        what = os.fsencode(path.readlink()) if stat.S_ISLNK(mode) else path.read_bytes()
        found[os.fsencode(path.relative_to(files))] = (stat.S_IFMT(mode) | mode & 0o100, what)
    return found


def test_the_tree_and_its_index_equal_the_commit(bench, repo, cache):
    odd = ["new\nline", "-rf", "tab\t", '"quoted', " space", "\udcff\udcfe", "deep/er/file"]
    commit = repo.commit({name: name for name in odd}, "odd names")
    tree = base_tree(cache, repo.path / ".git", commit)
    listed = repo.git_bytes("ls-tree", "-rz", "--name-only", commit).split(b"\0")[:-1]
    found = content(tree.files)
    assert set(listed) == set(found)
    assert found[b"run.sh"][0] & 0o100
    assert found[b"link"] == (stat.S_IFLNK | 0o100, b"a.txt")
    assert tree.count == len(found)
    assert tree.notes() == []


def test_no_setting_of_the_user_takes_effect(bench, repo, cache, tmp_path):
    marker = tmp_path / "marker"
    repo.write(
        {
            ".gitattributes": "*.bin filter=lfs\n*.txt filter=evil diff=evil\n",
            "x.bin": "pointer\n",
            "crlf.txt": "a\nb\n",
        }
    )
    commit = repo.commit({}, "attributes")
    for name, value in {
        "core.autocrlf": "true",
        "core.eol": "crlf",
        "core.symlinks": "false",
        "core.sparseCheckout": "true",
        "core.fsmonitor": f"touch {marker}",
        "core.hooksPath": str(tmp_path / "hooks"),
        "filter.evil.smudge": f"touch {marker}; cat",
        "filter.evil.required": "true",
    }.items():
        repo.git("config", name, value)
    (repo.path / ".git" / "info" / "sparse-checkout").write_text("/nothing\n")
    (tmp_path / "hooks").mkdir()
    hook = tmp_path / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    before = {path: path.stat().st_mtime_ns for path in (repo.path / ".git").rglob("*") if path.is_file()}
    tree = base_tree(cache, repo.path / ".git", commit)
    found = content(tree.files)
    assert found[b"crlf.txt"][1] == b"a\nb\n"
    assert b"link" in found
    assert not marker.exists()
    assert tree.filters == ("evil", "lfs")
    assert "lfs" in tree.notes()[0]
    assert before == {
        path: path.stat().st_mtime_ns for path in (repo.path / ".git").rglob("*") if path.is_file()
    }


def test_the_index_is_good_as_it_is_in_the_box(bench):
    """Nothing is hashed again: the index of the box stays the one that was copied."""
    opened = bench.open()
    (tree,) = [path for path in (bench.state / "trees").iterdir() if path.is_dir()]
    opened.sh("git diff-files --quiet; git status >/dev/null")
    assert opened.run("git", "diff-files").stdout.data == b""
    assert opened.run("cat", ".git/index").stdout.total_bytes == (tree / "index").stat().st_size


def test_submodules_are_empty_directories_and_said(bench, repo, cache):
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub/mod")
    repo.git("commit", "-qm", "submodule")
    tree = base_tree(cache, repo.path / ".git", repo.head)
    assert tree.submodules == ("sub/mod",)
    assert (tree.files / "sub" / "mod").is_dir()
    opened = bench.open(commit=repo.head)
    assert any("sub/mod" in note for note in opened.box.notes)
    assert opened.sh("git status --porcelain") == ""


def test_a_repository_with_sha256(bench, repo, tmp_path):
    other = type(repo)(tmp_path)
    other.git("init", "-q", "-b", "main", "--object-format=sha256", "sha256")
    other.path = tmp_path / "sha256"
    commit = other.commit({"a.txt": "a\n"}, "first")
    assert len(commit) == 64
    opened = bench.open("sha", git_dir=other.path / ".git", commit=commit, project_id="1234567890ab")
    assert opened.sh("git status --porcelain; git rev-parse HEAD").strip() == commit
    opened.sh("echo b > b; git add b; git commit -qm second")
    assert opened.run("git", "fsck").exit_code == 0


def test_a_shallow_repository(bench, repo, tmp_path):
    repo.commit({"c": "c"}, "third")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    opened = bench.open(git_dir=tmp_path / "shallow" / ".git", commit=repo.head, project_id="1234567890ab")
    assert opened.sh("git log --format=%s; git status --porcelain") == "third\n"


def test_a_partial_clone_says_how_to_complete_it(bench, repo, tmp_path):
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    repo.git("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{repo.path}", str(clone))
    with pytest.raises(RepositoryError, match=r"partial clone.*fetch"):
        bench.open(git_dir=clone / ".git", commit=repo.head, project_id="1234567890ab")


def test_a_commit_that_is_not_there(bench):
    with pytest.raises(RepositoryError):
        bench.open(commit="1" * 40)
    with pytest.raises(RepositoryError, match="full commit id"):
        bench.open(commit="HEAD")
    assert not list((bench.state / "trees").glob(".*-*"))


def test_it_is_built_once_by_many_at_once(bench, repo, cache):
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(base_tree(cache, repo.path / ".git", repo.head).path.stat().st_ino)
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_tree_that_was_removed_is_built_again_for_an_old_session(bench):
    bench.open().box.close()
    for tree in (bench.state / "trees").iterdir():
        subprocess.run(["rm", "-rf", tree], check=True)
    again = bench.open()
    assert not again.box.created
    assert again.sh("cat a.txt; git status --porcelain") == "one\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes trees for another user")
def test_each_user_has_a_tree_of_their_own(bench, repo):
    mine = base_tree(project_cache(PROJECT, ourselves()), repo.path / ".git", repo.head)
    assert (mine.files / "a.txt").stat().st_uid == 0
    identity = of_project(PROJECT)
    theirs = base_tree(project_cache(PROJECT, identity), repo.path / ".git", repo.head)
    assert (theirs.files / "a.txt").stat().st_uid == identity.uid
    assert mine.files.is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands boxes to a user who cannot read everything")
def test_objects_that_the_boxs_user_cannot_read_are_copied(bench, repo):
    for path in (repo.path / ".git" / "objects").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o400)
    opened = bench.open()
    assert opened.run("git", "fsck").exit_code == 0
    assert opened.sh("git log --format=%s") == "second\nfirst\n"
    (copy,) = bench.state.glob("objects-*")
    assert stat.S_IMODE(copy.stat().st_mode) & 0o007 == 0
    opened.box.close()
    repo.commit({"later": "later"}, "third")
    again = bench.open("two", commit=repo.head)
    assert again.sh("git log --format=%s -1") == "third\n"


def test_object_directories_follow_alternates(tmp_path):
    names = ["a/objects", "b b/objects", 'c"c\n/objects', "d/objects"]
    for name in names:
        (tmp_path / name / "info").mkdir(parents=True)
    a, b, c, d = (tmp_path / name for name in names)
    (a / "info" / "alternates").write_bytes(b"# comment\n../../b b/objects\n" + quoted(c) + b"/no/such\n")
    (c / "info" / "alternates").write_bytes(os.fsencode(f"{d}\n{a}\n"))
    assert directories(tmp_path / "a") == (a, b, c, d)
