from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patina_nb.errors import RepositoryError
from patina_nb.repository import ABSENT, RefConflictError, RefUpdate
from tests.conftest import Repo

OURS = "refs/heads/agent/x"


def test_every_kind_of_name_is_resolved(repo):
    first = repo.head
    repo.git("branch", "fix#12")
    repo.git("tag", "-a", "v1", "-m", "one")
    second = repo.commit({"a.txt": "2"})
    for name in (
        "HEAD^",
        "HEAD~1",
        "fix#12",
        "v1",
        "v1^{}",
        "main@{1}",
        first,
        first[:10],
        "refs/heads/fix#12",
    ):
        assert repo.repository.resolve(name) == first, name
    for name in ("HEAD", "main", "main@{0}", "@", second.upper()):
        assert repo.repository.resolve(name) == second, name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-D",
        "--all",
        "--git-dir",
        "nope",
        "a..b",
        "HEAD^99",
        "main:a.txt",
        "HEAD\nHEAD",
        "a\0b",
        "@{9}",
        "^HEAD",
    ],
)
def test_no_commit_is_an_error_that_names_it(repo, name):
    with pytest.raises(RepositoryError) as caught:
        repo.repository.resolve(name)
    assert repr(name) in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.text(st.characters(), max_size=20))
def test_any_text_is_a_commit_or_an_error(repo, text):
    with suppress(RepositoryError):
        assert repo.repository.resolve(text) == repo.head


def test_a_name_longer_than_any_is_an_error(repo):
    with pytest.raises(RepositoryError, match="No commit is called 'xxx"):
        repo.repository.resolve("x" * 5000)


def test_which_branch_a_name_is(repo):
    repo.git("branch", "other")
    repo.git("tag", "v1")
    found = repo.repository
    assert found.current_branch() == found.branch_of("HEAD") == found.branch_of("main") == "main"
    assert found.branch_of("other") == "other"
    assert found.branch_of("v1") is found.branch_of("HEAD^") is found.branch_of(repo.head) is None
    assert found.branch_of("--all") is found.branch_of("nope") is None


def test_branches_and_refs_are_read(repo):
    repo.git("branch", "x/y")
    found = repo.repository
    assert found.branch_sha("main") == repo.head
    assert found.branch_sha("x") is found.branch_sha("nope") is None
    assert found.refs("refs/heads/x/", "refs/heads/nope") == {"refs/heads/x/y": repo.head}


def test_packed_refs_are_read(repo):
    repo.repository.create_ref(OURS, repo.head)
    repo.git("pack-refs", "--all")
    assert repo.repository.ref_sha(OURS) == repo.head
    repo.repository.delete_ref(OURS, repo.head)
    assert repo.repository.ref_sha(OURS) is None


def test_compare_and_swap(repo):
    found, first = repo.repository, repo.head
    second = repo.commit({"a.txt": "2"})
    found.create_ref(OURS, first)
    with pytest.raises(RefConflictError, match=f"{OURS} exists already"):
        found.create_ref(OURS, second)
    with pytest.raises(RefConflictError, match=f"is at {first[:12]}, not at {second[:12]}"):
        found.update_ref(OURS, first, second)
    found.update_ref(OURS, second, first)
    with pytest.raises(RefConflictError, match="someone else moved it"):
        found.delete_ref(OURS, first)
    found.delete_ref(OURS, second)
    found.delete_ref(OURS)
    assert found.ref_sha(OURS) is None
    with pytest.raises(RefConflictError, match="is at nothing"):
        found.update_ref(OURS, second, first)


def test_all_updates_or_none(repo):
    found = repo.repository
    found.create_ref("refs/patina/base/y", repo.head)
    with pytest.raises(RefConflictError):
        found.update_refs(
            [RefUpdate(OURS, repo.head, ABSENT), RefUpdate("refs/patina/base/y", repo.head, ABSENT)]
        )
    assert found.ref_sha(OURS) is None


@pytest.mark.parametrize(
    "name",
    [
        "refs/heads/main",
        "refs/heads/agent",
        "refs/heads/agent/",
        "refs/heads/agent/a/b",
        "refs/heads/agent/A",
        "refs/heads/agent/x.lock",
        "refs/heads/agent/x\nupdate refs/heads/main",
        "refs/patina",
        "refs/patina/../heads/main",
        "refs/tags/v1",
        "refs/remotes/origin/main",
        "HEAD",
        "agent/x",
    ],
)
def test_only_our_own_refs_are_written(repo, name):
    before = repo.git("for-each-ref")
    for write in (
        lambda: repo.repository.create_ref(name, repo.head),
        lambda: repo.repository.update_ref(name, repo.head, repo.head),
        lambda: repo.repository.delete_ref(name),
    ):
        with pytest.raises(RepositoryError, match="is not a ref of patina"):
            write()
    assert repo.git("for-each-ref") == before


def test_an_id_never_is_more_than_an_id(repo):
    with pytest.raises(RepositoryError, match="is not an object id"):
        repo.repository.create_ref(OURS, f"{repo.head}\ncreate refs/heads/z {repo.head}")


def test_a_branch_in_the_way_is_named(repo):
    repo.git("branch", "agent")
    with pytest.raises(
        RefConflictError, match="A branch named 'agent' stands in the way of 'agent/x': rename it"
    ):
        repo.repository.create_ref(OURS, repo.head)
    repo.git("branch", "-m", "agent", "agent/x/y")
    with pytest.raises(RefConflictError, match="'agent/x/y' stands in the way"):
        repo.repository.create_ref(OURS, repo.head)


def test_a_stale_lock_is_explained(repo):
    lock = repo.path / ".git" / "refs" / "heads" / "agent" / "x.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(
        RepositoryError, match=r"x\.lock.*File exists.*if no other git is running there, remove"
    ):
        repo.repository.create_ref(OURS, repo.head)


def test_a_symbolic_ref_of_ours_does_not_move_what_it_points_to(repo):
    first = repo.head
    second = repo.commit({"a.txt": "2"})
    repo.git("symbolic-ref", OURS, "refs/heads/main")
    repo.repository.update_ref(OURS, first, second)
    assert repo.repository.branch_sha("main") == second
    assert repo.repository.ref_sha(OURS) == first


def test_checked_out_branches(repo, tmp_path):
    for name in ("one", "two"):
        repo.git("worktree", "add", "-q", "-b", name, str(tmp_path / f"tree {name}"))
    found = repo.repository
    assert found.checked_out_branches() == {
        "main": repo.path.resolve(),
        "one": tmp_path / "tree one",
        "two": tmp_path / "tree two",
    }
    (tmp_path / "tree two").rename(tmp_path / "gone")
    repo.git("checkout", "-q", "--detach")
    assert set(found.checked_out_branches()) == {"one"}


def test_worktrees_can_be_linked_by_relative_paths(repo):
    """Newer versions of git write them on request."""
    tree = repo.path.parent / "tree"
    repo.git("worktree", "add", "-q", "-b", "side", str(tree))
    (repo.path / ".git" / "worktrees" / "tree" / "gitdir").write_text("../../../../tree/.git\n")
    assert repo.repository.checked_out_branches()["side"] == tree.resolve()


def test_a_branch_that_is_being_rebased_counts_as_checked_out(repo):
    repo.git("checkout", "-q", "-b", "work")
    repo.commit({"a.txt": "work\n"})
    repo.git("checkout", "-q", "main")
    repo.commit({"a.txt": "main\n"})
    repo.git("checkout", "-q", "work")
    stopped = Repo(repo.path, {**repo.env, "GIT_EDITOR": "true"})
    with pytest.raises(AssertionError):
        stopped.git("rebase", "main")
    assert repo.repository.current_branch() is None
    assert "work" in repo.repository.checked_out_branches()


def test_root_commits(repo):
    first = repo.head
    repo.commit({"a.txt": "2"})
    repo.git("checkout", "-q", "--orphan", "other")
    second = repo.commit({"x": "1"})
    repo.git("merge", "-q", "--allow-unrelated-histories", "-X", "theirs", "main")
    assert repo.repository.root_commits() == sorted([first, second])
    assert repo.repository.root_commits("main") == [first]


def test_gitpython_opens_the_same_repository(repo):
    found = repo.repository.gitpython()
    assert found.head.commit.hexsha == repo.head
    assert Path(found.working_dir) == repo.path.resolve()
