from __future__ import annotations

import subprocess
import sys

import pytest

from patina_nb import events
from patina_nb.errors import JournalError, RepositoryError, SessionError
from patina_nb.session import delete, get, list_sessions, start
from tests.conftest import Repo, python_env


def test_a_session_has_a_branch_and_an_event(repo):
    session = start(repo.project, "implement authentication", agent="claude")
    assert session.id == "implement-authentication"
    assert session.branch == "agent/implement-authentication"
    assert session.base == repo.head
    assert session.base_branch == "main"
    assert (session.goal, session.agent, session.status) == ("implement authentication", "claude", "active")
    assert repo.repository.branch_sha(session.branch) == repo.head
    assert repo.repository.ref_sha("refs/patina/base/implement-authentication") == repo.head
    [event] = repo.project.journal.read(session.id).events
    assert isinstance(event, events.SessionStarted)
    assert event.project == repo.project.id


def test_nothing_else_of_the_repository_changes(repo):
    before = (
        repo.git("for-each-ref"),
        (repo.path / ".git" / "config").read_bytes(),
        repo.git("status", "--porcelain"),
    )
    session = start(repo.project, "x")
    delete(repo.project, session.id)
    after = (
        repo.git("for-each-ref"),
        (repo.path / ".git" / "config").read_bytes(),
        repo.git("status", "--porcelain"),
    )
    assert after == before


def test_the_same_goal_again_gets_a_number(repo):
    assert [start(repo.project, "fix it").id for _ in range(3)] == ["fix-it", "fix-it-2", "fix-it-3"]


def test_without_a_goal(repo):
    ids = [start(repo.project).id for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(name.startswith("agent-") for name in ids)
    assert start(repo.project, "   ").goal is None


def test_a_goal_of_any_length_is_kept(repo):
    goal = "Größe 实现 " * 3000
    session = start(repo.project, goal)
    assert session.goal == goal.strip()
    assert get(repo.project, session.id).goal == goal.strip()


@pytest.mark.parametrize("base", ["HEAD^", "side", "v1", "sha"])
def test_where_it_starts(repo, base):
    first = repo.head
    repo.git("branch", "side")
    repo.git("tag", "v1")
    repo.commit({"a.txt": "2"})
    session = start(repo.project, "x", base=first if base == "sha" else base)
    assert session.base == first
    assert session.base_branch == ("side" if base == "side" else None)


def test_from_a_linked_worktree_head_is_that_worktrees(repo, tmp_path):
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "tree"))
    linked = Repo(tmp_path / "tree")
    sha = linked.commit({"x": "1"})
    session = start(linked.project, "x")
    assert (session.base, session.base_branch) == (sha, "side")


def test_from_a_detached_head(repo):
    repo.git("checkout", "-q", "--detach")
    assert start(repo.project, "x").base_branch is None


@pytest.mark.parametrize("name", ["Bad Id", "a/b", "", "-x", "x" * 65, "ä"])
def test_a_bad_id(repo, name):
    with pytest.raises(SessionError, match="is not a session id"):
        start(repo.project, session=name)


def test_a_bad_base_names_it_and_leaves_nothing(repo):
    with pytest.raises(RepositoryError, match="No commit is called 'nope'"):
        start(repo.project, session="x", base="nope")
    assert repo.repository.branch_sha("agent/x") is None
    assert list_sessions(repo.project) == []


def test_a_taken_id(repo):
    session = start(repo.project, session="x")
    with pytest.raises(SessionError, match=r"Session x exists already \(active\).*open that one"):
        start(repo.project, session="x")
    session.end()
    with pytest.raises(SessionError, match=r"exists already \(ended\): choose another id\.$"):
        start(repo.project, session="x")
    delete(repo.project, "x")
    with pytest.raises(SessionError, match=r"exists already \(deleted\)"):
        start(repo.project, session="x")
    assert start(repo.project, "x").id == "x-2"


def test_a_taken_branch_name(repo):
    repo.git("branch", "agent/x")
    with pytest.raises(SessionError, match=r"A branch agent/x exists already: choose another id, or rename"):
        start(repo.project, session="x")
    assert start(repo.project, "x").id == "x-2"
    assert repo.repository.ref_sha("refs/patina/base/x") is None


def test_a_branch_below_the_name(repo):
    repo.git("branch", "agent/x/y")
    with pytest.raises(SessionError, match="A branch named 'agent/x/y' stands in the way"):
        start(repo.project, session="x")
    assert start(repo.project, "x").id == "x-2"


def test_a_branch_named_agent_is_in_the_way_of_all(repo):
    repo.git("branch", "agent")
    for wanted in ({"session": "x"}, {"goal": "x"}, {}):
        with pytest.raises(
            SessionError, match=r"A branch named 'agent' stands in the way.*git branch -m agent"
        ):
            start(repo.project, **wanted)


def test_when_nothing_can_be_recorded_the_branch_goes_again(repo):
    (repo.project.state_dir / "sessions").touch()  # a file where a directory should be
    with pytest.raises(JournalError):
        start(repo.project, session="x")
    assert repo.repository.branch_sha("agent/x") is None
    assert repo.repository.ref_sha("refs/patina/base/x") is None


PROGRAM = """
import sys
from patina_nb.project import open_project
from patina_nb.session import start
print(start(open_project(sys.argv[1]), "the same goal").id)
"""


def test_twenty_processes_at_once_all_get_their_own(repo):
    command = [sys.executable, "-c", PROGRAM, str(repo.path)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=python_env()) for _ in range(20)
    ]
    ids = [process.communicate(timeout=120)[0].strip() for process in running]
    expected = {"the-same-goal", *(f"the-same-goal-{n}" for n in range(2, 21))}
    assert set(ids) == expected
    assert {session.id for session in list_sessions(repo.project)} == expected
    assert len(repo.repository.refs("refs/heads/agent/")) == 20


def test_what_a_killed_start_left_is_taken_over(repo):
    """Its branch exists and no session does."""
    old = repo.head
    repo.git("update-ref", "refs/heads/agent/s", old)
    repo.git("update-ref", "refs/patina/base/s", old)
    new = repo.commit({"a.txt": "newer\n"}, "newer")
    session = start(repo.project, session="s")
    assert session.base == new
    assert repo.git("rev-parse", "agent/s", "refs/patina/base/s").split() == [new, new]
    with pytest.raises(SessionError, match="exists already"):
        start(repo.project, session="s")


def test_a_branch_that_somebody_has_worked_on_is_not_taken_over(repo):
    repo.git("update-ref", "refs/patina/base/s", repo.head)
    repo.git("update-ref", "refs/heads/agent/s", repo.commit({"a.txt": "newer\n"}, "newer"))
    with pytest.raises(SessionError, match="exists already"):
        start(repo.project, session="s")
