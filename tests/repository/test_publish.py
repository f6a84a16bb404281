from __future__ import annotations

import os
import shutil

import pytest

from patina_nb.errors import PublishError, RepositoryError
from patina_nb.session import Session, start
from tests.conftest import Repo


@pytest.fixture
def session(repo: Repo) -> Session:
    return start(repo.project, session="s")


class Work:
    """An agent that works and publishes, as a workspace does."""

    def __init__(self, repo: Repo, session: Session) -> None:
        self.repo, self.session = repo, session
        self.agent = repo.agent(session)
        self.tip = session.base

    def step(self, text: str, *, commits: int = 1):
        for n in range(commits):
            new = self.agent.commit({"work.txt": f"{text} {n}\n"}, text)
        return self.publish(new)

    def publish(self, new: str):
        published = self.repo.repository.publish(self.agent.pack(self.tip, new), "s", self.tip, new)
        self.tip = new
        return published


@pytest.fixture
def work(repo: Repo, session: Session) -> Work:
    return Work(repo, session)


def branch(repo: Repo) -> str | None:
    return repo.repository.branch_sha("agent/s")


def kept(repo: Repo) -> dict[str, str]:
    return repo.repository.refs("refs/patina/old/s/", "refs/patina/new/s")


def test_steps_move_the_branch(repo, work):
    for text in ("one", "two"):
        published = work.step(text)
        assert published.tree == work.agent.git("rev-parse", "HEAD^{tree}")
        assert (published.rewritten, published.kept, published.unpublished) == (False, None, None)
        assert branch(repo) == work.tip == repo.repository.tip("s")
    assert kept(repo) == {}
    assert repo.repository.branch_sha("main") == work.session.base


def test_several_commits_and_a_merge_in_one_step(repo, work):
    assert not work.step("many", commits=3).rewritten
    work.agent.git("checkout", "-q", "-b", "side", "HEAD~2")
    work.agent.commit({"side.txt": "s"})
    work.agent.git("checkout", "-q", "agent/s")
    work.agent.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert not work.publish(work.agent.head).rewritten
    assert branch(repo) == work.agent.head
    assert len(repo.repository.log(work.session.base, "agent/s")) == 5


def test_a_small_step_costs_two_processes(repo, work, tmp_path, monkeypatch):
    new = work.agent.commit({"work.txt": "x"})
    pack = work.agent.pack(work.tip, new)
    log = tmp_path / "log"
    counting = tmp_path / "bin" / "git"
    counting.parent.mkdir()
    counting.write_text(f'#!/bin/sh\necho "$1" >> "{log}"\nexec {shutil.which("git")} "$@"\n')
    counting.chmod(0o755)
    repository = repo.repository
    monkeypatch.setenv("PATH", f"{counting.parent}{os.pathsep}{os.environ['PATH']}")
    repository.publish(pack, "s", work.tip, new)
    assert log.read_text().split() == ["version", "unpack-objects", "update-ref"]  # version: once per process


@pytest.mark.parametrize("how", ["amend", "reset", "unrelated"])
def test_rewritten_history_is_flagged_and_the_old_kept(repo, work, how):
    work.step("one")
    old = work.tip
    if how == "amend":
        work.agent.git("commit", "-q", "--amend", "-m", "other words")
    elif how == "reset":
        work.agent.git("reset", "-q", "--hard", work.session.base)
        work.agent.commit({"work.txt": "again"})
    else:
        work.agent.git("checkout", "-q", "--orphan", "fresh")
        work.agent.commit({"work.txt": "fresh"})
    published = work.publish(work.agent.head)
    assert published.rewritten
    assert published.kept == "refs/patina/old/s/1"
    assert kept(repo) == {"refs/patina/old/s/1": old}
    assert branch(repo) == work.agent.head


def test_a_claim_of_the_parent_is_not_believed(repo, work):
    """Only the commit itself says what it comes after."""
    work.step("one")
    old = work.tip
    work.agent.git("checkout", "-q", "--detach", work.session.base)
    new = work.agent.commit({"x": "1"})
    assert repo.repository.publish(work.agent.pack(old, new), "s", old, new).rewritten


def test_every_rewriting_is_kept(repo, work):
    tips = []
    for n in range(12):
        work.step(f"step {n}")
        tips.append(work.tip)
        work.agent.git("commit", "-q", "--amend", "-m", f"amended {n}")
        assert work.publish(work.agent.head).kept == f"refs/patina/old/s/{n + 1}"
    assert sorted(kept(repo).values()) == sorted(tips)


def test_going_back_is_rewriting_too(repo, work):
    work.step("one")
    old = work.tip
    published = work.publish(work.session.base)
    assert published.rewritten
    assert kept(repo)["refs/patina/old/s/1"] == old
    assert branch(repo) == work.session.base


def test_the_same_again_is_fine(repo, work):
    """After an interrupt between the branch and the journal the next step publishes the same commit."""
    base = work.tip
    work.step("one")
    again = repo.repository.publish(work.agent.pack(base, work.tip), "s", base, work.tip)
    assert (again.unpublished, again.rewritten) == (None, False)
    assert branch(repo) == work.tip


# -- when the branch is not ours alone -------------------------------------------------------------


@pytest.mark.parametrize("where", ["main", "linked"])
def test_a_checked_out_branch_is_not_moved(repo, work, tmp_path, where):
    if where == "main":
        repo.git("checkout", "-q", "agent/s")
    else:
        repo.git("worktree", "add", "-q", str(tmp_path / "tree"), "agent/s")
    place = repo.path.resolve() if where == "main" else tmp_path / "tree"
    base = work.tip
    for text in ("one", "two"):
        published = work.step(text)
        assert published.checked_out == place
        assert published.kept == "refs/patina/new/s"
        assert f"agent/s is checked out in {place} and was not moved" in published.unpublished
        assert branch(repo) == base
        assert repo.repository.tip("s") == work.tip
    user = Repo(place)
    assert user.git("status", "--porcelain") == ""
    user.git("merge", "-q", "--ff-only", "refs/patina/new/s")
    assert branch(repo) == work.tip == repo.repository.tip("s")


def test_once_it_is_free_again_the_branch_catches_up(repo, work):
    repo.git("checkout", "-q", "agent/s")
    work.step("one")
    repo.git("checkout", "-q", "main")
    published = work.step("two")
    assert (published.unpublished, published.kept) == (None, None)
    assert branch(repo) == work.tip == repo.repository.tip("s")
    assert kept(repo) == {}


def test_rewriting_while_checked_out_keeps_both(repo, work):
    repo.git("checkout", "-q", "agent/s")
    work.step("one")
    first = work.tip
    work.agent.git("commit", "-q", "--amend", "-m", "other")
    published = work.publish(work.agent.head)
    assert published.rewritten
    assert kept(repo) == {"refs/patina/new/s": work.tip, "refs/patina/old/s/1": first}
    repo.git("checkout", "-q", "main")
    second = work.tip
    work.agent.git("commit", "-q", "--amend", "-m", "once more")
    assert work.publish(work.agent.head).kept == "refs/patina/old/s/2"
    assert branch(repo) == work.tip
    assert kept(repo) == {"refs/patina/old/s/1": first, "refs/patina/old/s/2": second}


def test_a_branch_that_the_user_moved_stays_there(repo, work):
    work.step("one")
    repo.git("checkout", "-q", "agent/s")
    mine = repo.commit({"mine.txt": "m"})
    repo.git("checkout", "-q", "main")
    published = work.step("two")
    assert branch(repo) == mine
    assert f"agent/s was moved to {mine[:12]} by someone else" in published.unpublished
    assert kept(repo) == {"refs/patina/new/s": work.tip}
    assert repo.repository.tip("s") == mine
    first = work.tip
    work.step("three")
    assert kept(repo) == {"refs/patina/new/s": work.tip}
    work.agent.git("reset", "-q", "--hard", work.session.base)
    work.agent.commit({"z": "1"})
    work.publish(work.agent.head)
    found = kept(repo)
    assert found.pop("refs/patina/new/s") == work.tip
    assert first not in found.values()  # it is in the history of what is kept
    assert len(found) == 1
    assert branch(repo) == mine


def test_a_deleted_branch_stays_deleted_and_nothing_is_lost(repo, work):
    work.step("one")
    repo.git("branch", "-q", "-D", "agent/s")
    published = work.step("two")
    assert "agent/s was deleted" in published.unpublished
    assert branch(repo) is None
    assert repo.repository.tip("s") == work.tip


def test_no_branch_and_nothing_kept_is_said(repo, work):
    repo.git("branch", "-q", "-D", "agent/s")
    with pytest.raises(RepositoryError, match="The branch agent/s is gone: make it again"):
        repo.repository.tip("s")


def test_the_base_outlives_the_users_history(repo, work):
    work.step("one")
    repo.git("commit", "-q", "--amend", "-m", "rewritten")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    work.step("two")
    assert branch(repo) == work.tip
    assert repo.repository.diff(work.session.base, work.tip).files
    repo.git("fsck", "--strict")


def test_a_commit_can_be_kept_off_the_branch(repo, work):
    new = work.agent.commit({"x": "1"})
    assert repo.repository.keep("s", new, work.agent.pack(work.tip, new)) == "refs/patina/old/s/1"
    assert repo.repository.keep("s", work.tip) == "refs/patina/old/s/2"
    assert kept(repo) == {"refs/patina/old/s/1": new, "refs/patina/old/s/2": work.tip}
    assert branch(repo) == work.session.base
    with pytest.raises(PublishError):
        repo.repository.keep("s", "0" * 40)


def test_a_bad_session_id_writes_nothing(repo, work):
    new = work.agent.commit({"x": "1"})
    with pytest.raises(RepositoryError, match="is not a ref of patina"):
        repo.repository.publish(work.agent.pack(work.tip, new), "../main", work.tip, new)


def test_a_branch_that_a_killed_process_had_moved_on_already(repo, work):
    """It is on the way from what we know to where we go: then it simply goes on."""
    first, known = work.agent.commit({"work.txt": "1\n"}, "one"), work.tip
    work.publish(first)
    second = work.agent.commit({"work.txt": "2\n"}, "two")
    published = repo.repository.publish(work.agent.pack(known, second), "s", known, second)
    assert (published.rewritten, published.kept, published.unpublished) == (False, None, None)
    assert branch(repo) == second
    assert kept(repo) == {}
