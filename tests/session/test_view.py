from __future__ import annotations

import pytest

from patina_nb import events
from patina_nb.errors import SessionError
from patina_nb.session import Session, delete, find, get, list_sessions, start
from patina_nb.session.view import fold
from tests.conftest import Repo


@pytest.fixture
def session(repo: Repo) -> Session:
    return start(repo.project, "a goal", session="s")


def step(repo: Repo, number: int, *, finish: bool = True, session_id: str = "s") -> None:
    journal = repo.project.journal
    journal.append(events.StepStarted(session_id=session_id, number=number, run="command", command="ls"))
    if finish:
        journal.append(
            events.StepFinished(
                session_id=session_id,
                number=number,
                status="ok",
                exit_code=0,
                signal=None,
                duration_s=2.0,
                commit=None,
                parent="a" * 40,
                files=0,
                stdout_bytes=0,
                stderr_bytes=0,
            )
        )


def test_notes_add_up(session):
    later = session.update("tests need a database").update("  use port 5433 ")
    assert later.notes == ("tests need a database", "use port 5433")
    assert session.notes == ()
    with pytest.raises(AttributeError):
        later.notes = ()


@pytest.mark.parametrize("note", ["x" * 100_000, "Größe \udcff", "a\0b", "line\nline"])
def test_any_note_is_kept(session, note):
    assert session.update(note).notes == (note.encode("utf-8", "backslashreplace").decode(),)


def test_an_empty_note_is_refused(session):
    with pytest.raises(SessionError, match="The note is empty"):
        session.update(" \n")


def test_nothing_is_noted_after_the_end(session):
    session.end("done")
    with pytest.raises(SessionError, match="Session s is ended"):
        session.update("late")
    delete(session.project, "s")
    with pytest.raises(SessionError, match="Session s is deleted"):
        session.update("later")


def test_steps_are_counted(repo, session):
    assert (session.n_steps, session.last_step) == (0, None)
    step(repo, 1)
    step(repo, 2, finish=False)
    found = get(repo.project, "s")
    assert (found.n_steps, found.last_step) == (2, 2)


def test_states(repo, session):
    session.end("it works")
    ended = get(repo.project, "s")
    assert (ended.status, ended.summary) == ("ended", "it works")
    assert ended.ended_at > ended.started_at
    delete(repo.project, "s")
    assert get(repo.project, "s").status == "deleted"
    assert get(repo.project, "s").ended_at == ended.ended_at


def test_the_list_is_by_age_and_without_deleted_ones(repo, session):
    start(repo.project, session="a")
    delete(repo.project, "s")
    start(repo.project, session="b")
    assert [s.id for s in list_sessions(repo.project)] == ["a", "b"]
    assert [s.id for s in list_sessions(repo.project, deleted=True)] == ["s", "a", "b"]


def test_an_unknown_id_brings_the_nearest(repo):
    with pytest.raises(SessionError, match="There is none at all yet"):
        get(repo.project, "x")
    start(repo.project, session="implement-auth")
    with pytest.raises(SessionError, match="Did you mean implement-auth"):
        get(repo.project, "implement-aut")
    with pytest.raises(SessionError, match=r"There is no session 'zzz' here\. There are: implement-auth"):
        get(repo.project, "zzz")
    with pytest.raises(SessionError, match="is not a session id"):
        get(repo.project, "../x")
    assert find(repo.project, "zzz") is None


def test_a_session_whose_first_line_is_lost_is_still_there(repo, session):
    session.update("a note")
    [path] = (repo.project.state_dir / "sessions" / "s").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0][:50] + b"\n", *lines[1:]]))
    found = get(repo.project, "s")
    assert (found.base, found.goal, found.notes) == (repo.head, None, ("a note",))


def test_events_without_a_session_are_none(repo):
    step(repo, 1, session_id="ghost")
    assert find(repo.project, "ghost") is None
    assert list_sessions(repo.project) == []


def test_a_lost_side_file_is_said(repo, session):
    session.update("y" * 5000)
    for path in (repo.project.state_dir / "outputs").rglob("*"):
        path.unlink() if path.is_file() else None
    [note] = get(repo.project, "s").notes
    assert note == "y" * 1024 + " [the rest is lost]"


def test_events_of_later_versions_do_not_matter(repo, session):
    raw = {**events.to_record(events.SessionUpdated(session_id="s", note="n")), "kind": "forked"}
    repo.project.journal.append(events.decode(events.encode_record(raw)))
    assert get(repo.project, "s") == session


def test_folding_the_same_events_gives_the_same(repo, session):
    step(repo, 1)
    happened = repo.project.journal.read("s").events
    assert fold(repo.project, "s", happened) == fold(repo.project, "s", happened) == get(repo.project, "s")
