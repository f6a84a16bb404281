from __future__ import annotations

import os

import pytest

from patina_nb.errors import RepositoryError
from patina_nb.repository import open_repository
from tests.conftest import Repo, ordinary_user


def changes(repo: Repo) -> int:
    return repo.repository.status_summary()


def snapshot(repo: Repo, message: str = "mine", author: str = "A User <user@example.invalid>") -> str:
    return repo.repository.snapshot_worktree(None, repo.head, message, author)


def files_of(repo: Repo, commit: str) -> set[str]:
    return set(repo.git("-c", "core.quotePath=off", "ls-tree", "-r", "--name-only", commit).splitlines())


@pytest.fixture
def dirty(repo: Repo) -> Repo:
    """One change of each kind: 6 paths."""
    repo.commit({"gone.txt": "g", "old.txt": "o" * 100, ".gitignore": "*.log\n"})
    repo.write(
        {"a.txt": "changed\n", "new/u.txt": "u\n", "new/v.txt": "v\n", "noise.log": "n", "staged": "s"}
    )
    repo.git("add", "staged")
    (repo.path / "gone.txt").unlink()
    repo.git("mv", "old.txt", "moved.txt")
    return repo


def test_a_clean_tree_has_no_changes(repo):
    assert changes(repo) == 0
    assert snapshot(repo) == repo.head


def test_every_kind_of_change_counts(dirty):
    assert changes(dirty) == 7  # a rename is two paths


@pytest.mark.parametrize("value", ["no", "normal", "all"])
def test_the_users_wish_to_hide_untracked_files_does_not_count(dirty, value):
    dirty.git("config", "status.showUntrackedFiles", value)
    assert changes(dirty) == 7
    assert "new/u.txt" in files_of(dirty, snapshot(dirty))


def test_the_users_index_stays_as_it_is(dirty):
    index = dirty.path / ".git" / "index"
    os.utime(dirty.path / "dir" / "b.txt")
    said = dirty.git("--no-optional-locks", "status", "--porcelain")
    before = index.read_bytes(), index.stat().st_mtime_ns
    changes(dirty)
    snapshot(dirty)
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before
    assert not (dirty.path / ".git" / "index.lock").exists()
    assert dirty.git("status", "--porcelain") == said


def test_a_snapshot_holds_the_tree_as_it_is(dirty):
    commit = snapshot(dirty, "my changes\n\nPatina-Step: 1")
    assert files_of(dirty, commit) == {
        *(".gitignore", "a.txt", "dir/b.txt", "moved.txt", "new/u.txt", "new/v.txt", "staged")
    }
    assert dirty.git("show", f"{commit}:a.txt") == "changed"
    [row] = dirty.repository.log("HEAD", commit)
    assert (row.parents, row.subject, row.step, row.author) == ((dirty.head,), "my changes", 1, "A User")
    assert dirty.git("show", "-s", "--format=%ae", commit) == "user@example.invalid"


def test_it_equals_what_add_all_gives(dirty):
    commit = snapshot(dirty)
    dirty.git("add", "-A")
    assert dirty.git("write-tree") == dirty.git("rev-parse", f"{commit}^{{tree}}")


@pytest.mark.parametrize(
    ("author", "name", "address"),
    [
        ("Ana", "Ana", "no-reply@patina.invalid"),
        ("A <b@c>", "A", "b@c"),
        ("x\n<y>z\udcff", "x", "y"),
        ("", "patina-nb", "no-reply@patina.invalid"),
    ],
)
def test_authors(dirty, author, name, address):
    commit = snapshot(dirty, author=author)
    assert dirty.git("show", "-s", "--format=%an|%ae", commit).startswith(f"{name}|{address}")


def test_messages_that_are_not_quite_text(dirty):
    commit = snapshot(dirty, "Grüße \udcff")
    assert dirty.git("show", "-s", "--format=%s", commit) == "Grüße ?"


def test_ignore_rules_of_every_kind_hold(repo, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text("*.swp\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (repo.path / ".git" / "info").mkdir(exist_ok=True)
    (repo.path / ".git" / "info" / "exclude").write_text("private\n")
    repo.write({"a.swp": "s", "private": "p", "shown": "s"})
    assert changes(repo) == 1
    assert "a.swp" not in files_of(repo, snapshot(repo))
    (home / "mine").write_text("shown\n")
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/mine\n")
    assert changes(repo) == 1  # now a.swp
    assert "shown" not in files_of(repo, snapshot(repo))


def test_merge_conflicts_are_taken_as_they_lie_there(repo):
    repo.git("checkout", "-q", "-b", "side")
    repo.commit({"a.txt": "side\n"})
    repo.git("checkout", "-q", "main")
    repo.commit({"a.txt": "main\n"})
    with pytest.raises(AssertionError):
        repo.git("merge", "side")
    assert changes(repo) == 1
    assert "<<<<<<<" in repo.git("show", f"{snapshot(repo)}:a.txt")
    assert repo.git("ls-files", "-u")


def test_names_that_are_not_quite_text(repo):
    name = os.fsdecode(b"caf\xe9\n\"'.txt")
    repo.write({name: "x", "ünï": "y"})
    assert changes(repo) == 2
    listed = repo.git_bytes("ls-tree", "-z", "--name-only", snapshot(repo)).split(b"\0")
    assert os.fsencode(name) in listed


def test_links_modes_and_special_files(repo):
    (repo.path / "link").symlink_to("/etc/passwd")
    (repo.path / "run.sh").write_text("x")
    (repo.path / "run.sh").chmod(0o755)
    os.mkfifo(repo.path / "fifo")
    assert changes(repo) == 2
    rows = dict(
        row.split(" blob ") for row in repo.git("ls-tree", snapshot(repo), "link", "run.sh").splitlines()
    )
    assert set(rows) == {"120000", "100755"}


def test_a_changed_submodule_is_seen_and_not_entered(repo, tmp_path):
    sub = Repo(tmp_path / "sub")
    sub.path.mkdir()
    sub.git("init", "-q", "-b", "main")
    sub.commit({"s": "1"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(sub.path), "mod")
    repo.commit({})
    inner = Repo(repo.path / "mod")
    inner.write({"dirty": "d"})
    marker = tmp_path / "ran"
    inner.git("config", "core.fsmonitor", f"touch '{marker}'; false")
    assert changes(repo) == 0
    inner.commit({"s": "2"})
    marker.unlink(missing_ok=True)
    assert changes(repo) == 1
    assert repo.git("rev-parse", f"{snapshot(repo)}:mod") == inner.head
    assert not marker.exists()


def test_a_linked_worktree_has_changes_of_its_own(repo, tmp_path):
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "tree"))
    Repo(tmp_path / "tree").write({"only here": "x"})
    linked = open_repository(tmp_path / "tree")
    assert (changes(repo), linked.status_summary()) == (0, 1)
    assert repo.repository.status_summary(tmp_path / "tree") == 1
    commit = repo.repository.snapshot_worktree(tmp_path / "tree", repo.head, "m", "A")
    assert "only here" in files_of(repo, commit)
    assert repo.git("rev-parse", "side") == repo.head


def test_settings_that_shape_an_index(dirty):
    dirty.git("config", "feature.manyFiles", "true")
    dirty.git("update-index", "--split-index", "--untracked-cache")
    assert changes(dirty) == 7
    commit = snapshot(dirty)
    dirty.git("add", "-A")
    assert dirty.git("write-tree") == dirty.git("rev-parse", f"{commit}^{{tree}}")


def test_a_sparse_checkout_keeps_what_is_not_checked_out(repo):
    repo.commit({"in/x": "1", "out/y": "2"})
    repo.git("sparse-checkout", "set", "--cone", "in")
    assert not (repo.path / "out").exists()
    repo.write({"in/x": "changed"})
    assert changes(repo) == 1
    assert {"in/x", "out/y"} <= files_of(repo, snapshot(repo))


def test_a_file_that_cannot_be_read_is_named(open_dir):
    made = Repo(open_dir / "r")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    made.commit({"a": "1"})
    made.write({"closed": "x"})
    (made.path / "closed").chmod(0)
    os.system(f"chmod -R a+rwX '{made.path}/.git'")
    head = made.head
    with ordinary_user(), pytest.raises(RepositoryError, match="closed"):
        made.repository.snapshot_worktree(None, head, "m", "A")
    (made.path / "closed").chmod(0o644)


def test_without_a_worktree_there_is_nothing_to_look_at(repo):
    inside = open_repository(repo.path / ".git")
    with pytest.raises(RepositoryError, match="was not opened from a worktree"):
        inside.status_summary()
