from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from patina_nb import events
from patina_nb.errors import SessionBusyError, SessionError
from patina_nb.session import Session, check_deletable, delete, end, get, lock, start
from patina_nb.session.ending import active_seconds
from tests.conftest import Repo, python_env

T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def session(repo: Repo) -> Session:
    return start(repo.project, session="s")


def publish(repo: Repo, session: Session, files: dict[str, str]) -> str:
    agent = repo.agent(session)
    old = repo.repository.tip(session.id)
    agent.git("fetch", "-q", "origin", "+refs/patina/new/*:refs/kept/*")
    agent.git("reset", "-q", "--hard", old)
    new = agent.commit(files)
    repo.repository.publish(agent.pack(old, new), session.id, old, new)
    return new


def started(number: int, at: datetime) -> events.StepStarted:
    return events.StepStarted(session_id="s", number=number, run="command", command="x", at=at)


def finished(number: int, at: datetime, duration: float) -> events.StepFinished:
    return events.StepFinished(
        session_id="s",
        number=number,
        status="ok",
        exit_code=0,
        signal=None,
        duration_s=duration,
        commit=None,
        parent="a" * 40,
        files=0,
        stdout_bytes=0,
        stderr_bytes=0,
        at=at,
    )


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_what_it_came_to(repo, session):
    repo.project.journal.append(started(1, datetime.now(UTC)))
    repo.project.journal.append(finished(1, datetime.now(UTC), 0.0))
    publish(repo, session, {"a.txt": "one\ntwo\n"})
    head = publish(repo, session, {"new": "1\n2\n"})
    result = session.end(" it works ")
    assert (result.summary, result.head, result.tests) == ("it works", head, None)
    assert (result.n_steps, result.n_commits, result.files, result.added, result.removed) == (1, 2, 2, 3, 0)
    assert 0 < result.active_s <= result.wall_s < 600
    assert result.next == (
        f"Review it: git diff {session.base[:12]} agent/s",
        "Take it over into main: git merge agent/s",
    )
    recorded = repo.project.journal.read("s").events[-1]
    assert isinstance(recorded, events.SessionEnded)
    assert (recorded.head_sha, recorded.n_commits, recorded.lines_added) == (head, 2, 3)
    assert repo.repository.branch_sha("agent/s") == head


def test_with_nothing_done(repo, session):
    result = session.end()
    assert (result.n_steps, result.n_commits, result.files, result.summary) == (0, 0, 0, None)
    assert result.next == ("Nothing was committed on agent/s: there is nothing to merge.",)


def test_a_step_without_an_end_is_told(repo, session):
    for number in (1, 2):
        repo.project.journal.append(started(number, datetime.now(UTC)))
    assert session.end().next[0] == "These steps never came to their end, look at what they left: 1, 2."


def test_a_commit_that_is_not_on_the_branch_is_told(repo, session):
    repo.git("checkout", "-q", "agent/s")
    publish(repo, session, {"new": "1\n"})
    result = session.end()
    assert result.n_commits == 1
    assert result.next[0] == "The newest commit is not on agent/s but kept as refs/patina/new/s."
    assert result.next[2] == "Take it over into main: git merge refs/patina/new/s"


def test_a_branch_that_is_gone_does_not_stop_the_end(repo, session):
    repo.git("branch", "-q", "-D", "agent/s")
    result = session.end()
    assert (result.head, result.n_commits) == (None, None)
    assert "The branch agent/s is gone" in result.next[0]
    assert get(repo.project, "s").status == "ended"


def test_it_ends_once(repo, session):
    session.end()
    with pytest.raises(SessionError, match="Session s is ended"):
        session.end()
    with pytest.raises(SessionError, match="There is no session 'zz'"):
        end(repo.project, "zz")


PROGRAM = """
import sys
from patina_nb.project import open_project
from patina_nb.session import {what}
{what}(open_project(sys.argv[1]), "s")
"""


@pytest.mark.parametrize("what", ["end", "delete"])
def test_not_while_another_process_works_in_it(repo, session, what):
    with lock(repo.project, "s", "a workspace"):
        program = [sys.executable, "-c", PROGRAM.format(what=what), str(repo.path)]
        done = subprocess.run(program, env=python_env(), capture_output=True, text=True, check=False)
        assert f"SessionBusyError: Session s is in use by process {os.getpid()}" in done.stderr
        assert get(repo.project, "s").status == "active"
        {"end": end, "delete": delete}[what](repo.project, "s")  # the holder itself can


def test_busy_is_an_error_of_sessions():
    assert issubclass(SessionBusyError, SessionError)


# -- delete ----------------------------------------------------------------------------------------


def test_refs_go_and_the_journal_stays(repo, session):
    head = publish(repo, session, {"new": "1\n"})
    repo.repository.keep("s", head)
    repo.repository.create_ref("refs/patina/new/s", head)
    delete(repo.project, "s", force=True)
    assert repo.repository.refs("refs/heads/agent/", "refs/patina/") == {}
    last = repo.project.journal.read("s").events[-1]
    assert isinstance(last, events.SessionDeleted)
    assert (last.head_sha, last.forced) == (head, True)
    with pytest.raises(SessionError, match="is deleted already"):
        delete(repo.project, "s")


def test_work_that_is_nowhere_else_is_not_thrown_away(repo, session):
    publish(repo, session, {"new": "1\n"})
    publish(repo, session, {"new": "2\n"})
    with pytest.raises(SessionError, match=r"agent/s has 2 commits on no other branch: merge them first"):
        delete(repo.project, "s")
    assert get(repo.project, "s").status == "active"
    repo.git("merge", "-q", "agent/s")
    assert check_deletable(repo.project, "s").id == "s"
    delete(repo.project, "s")
    assert repo.repository.branch_sha("agent/s") is None


def test_kept_work_counts_too(repo, session):
    base = session.base
    agent = repo.agent(session)
    new = agent.commit({"x": "1"})
    repo.repository.keep("s", new, agent.pack(base, new))
    with pytest.raises(SessionError, match=r"has 1 commit on no other branch"):
        delete(repo.project, "s")


def test_not_under_the_feet_of_the_user(repo, session, tmp_path):
    repo.git("worktree", "add", "-q", str(tmp_path / "tree"), "agent/s")
    for force in (False, True):
        with pytest.raises(SessionError, match=r"agent/s is checked out in .*tree: switch to another branch"):
            delete(repo.project, "s", force=force)


def test_a_branch_that_is_gone_can_be_deleted(repo, session):
    repo.git("branch", "-q", "-D", "agent/s")
    delete(repo.project, "s")
    assert get(repo.project, "s").status == "deleted"
    assert repo.repository.refs("refs/patina/") == {}


def test_only_this_session_goes(repo, session):
    other = start(repo.project, session="s-2")
    delete(repo.project, "s")
    assert repo.repository.branch_sha(other.branch) == other.base
    assert repo.repository.ref_sha("refs/patina/base/s-2") == other.base


# -- active time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        ([], 0),
        ([started(1, T0), finished(1, after(10), 10)], 10),
        ([started(1, T0), finished(1, after(1000), 1000)], 1000),
        ([started(1, T0), started(2, after(100))], 100),
        ([started(1, T0), started(2, after(301))], 0),
        (
            [
                started(1, T0),
                finished(1, after(400), 400),
                started(2, after(500)),
                finished(2, after(501), 1),
            ],
            501,
        ),
        ([started(1, T0), started(2, after(5)), finished(2, after(6), 1), finished(1, after(20), 20)], 20),
        ([started(1, T0), finished(1, after(5), -3)], 5),
    ],
    ids=["nothing", "a step", "a long step", "a pause", "a break", "both", "side by side", "nonsense"],
)
def test_active_seconds(happened, expected):
    assert active_seconds(happened) == pytest.approx(expected)
    assert active_seconds(reversed(happened)) == pytest.approx(expected)
