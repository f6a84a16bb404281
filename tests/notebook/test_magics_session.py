"""The life of a session, told by magics."""

from patina_nb.errors import SessionError, UsageError


def test_start_update_show_end(shell, repository):
    session = shell.run('%patina_session start "implement authentication" --agent claude')
    assert (session.id, session.agent, session.status) == ("implement-authentication", "claude", "active")
    assert shell.git("rev-parse", "agent/implement-authentication") == session.base
    [shown] = shell.shown
    assert "implement authentication" in shown["text/html"]
    assert "agent/implement-authentication" in shown["text/plain"]

    shell.run('note = "tokens expire"\n%patina_session update "found: {note}" --out updated')
    assert shell["updated"].notes == ("found: tokens expire",)
    assert "found: tokens expire" in shell.shown[0]["text/plain"]

    assert shell.run("%patina_session").id == session.id
    ended = shell.run('%patina_session end "done; works"')
    assert (ended.session_id, ended.summary) == (session.id, "done; works")
    assert "What to do now:" in shell.shown[0]["text/plain"]
    assert shell.run("%patina_session show").status == "ended"
    assert "ended" in shell.fails("%patina_session update more", SessionError)


def test_list_is_a_list_and_shows_as_a_table(shell, repository):
    assert shell.run("%patina_session list") == []
    shell.run("%patina_session start --id one\n%patina_session start 'the <b>second</b>' --id two")
    assert len(shell.shown) == 2  # each magic says what it did, wherever it stands
    found = shell.run("%patina_session list")
    assert [session.id for session in found] == ["one", "two"]
    assert ">Sessions of this repository" in shell.shown[0]["text/html"]
    assert "&lt;b&gt;second" in shell.shown[0]["text/html"]


def test_use_chooses_what_the_others_mean(shell, repository):
    shell.run("%patina_session start --id one\n%patina_session start --id two")
    assert shell.run("%patina_session").id == "two"
    shell.run("%patina_session use one")
    assert shell.run("%patina_session show").id == "one"
    assert shell.run("%patina_session show two").id == "two"
    assert shell.run("%patina_session -s two").id == "two"


def test_an_object_is_shown_once_also_when_it_is_assigned(shell, repository):
    shell.run("%patina_session start --id one")
    assert len(shell.shown) == 1
    shell.run("x = %patina_session show\nx")
    assert len(shell.shown) == 1
    assert shell["x"].id == "one"
    shell.run("%patina_session show -q")
    shell.run("%patina_session show;")
    assert shell.shown == []
    assert shell["_"].id == "one"
    shell.run("for _i in range(3):\n    %patina_session show")
    assert len(shell.shown) == 3


def test_without_a_session_nothing_is_started_by_looking(shell, repository):
    assert "no current session" in shell.fails("%patina_session show", SessionError)
    assert shell.run("%patina_session list") == []
    assert "Did you mean one" in shell.fails(
        "%patina_session start --id one -q\n%patina_session show ones", SessionError
    )


def test_names_given_with_out_must_be_names(shell, repository):
    shell.fails("%patina_session list --out for", UsageError)
    shell.run("%patina_session start --id one --out first")
    assert shell["first"].id == "one"


def test_the_environment_names_the_session(shell, repository, monkeypatch):
    shell.run("%patina_session start --id one -q\n%patina_session start --id two -q")
    monkeypatch.setenv("PATINA_SESSION_ID", "one")
    assert shell.run("%patina_session show").id == "one"
