"""What can be named as a source, and what belongs to a repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import patina_nb as patina
from patina_nb import frames
from patina_nb.errors import RepositoryError
from tests.frames.conftest import ELSEWHERE, claude_transcript, launch
from tests.transcripts import test_opencode as opencode
from tests.transcripts import writing

OWN = "eeeeeeee-0000-0000-0000-000000000001"


def ids(source, **more) -> set[str]:
    return set(frames.sessions(source, **more)["session_id"])


def in_home(monkeypatch, path: Path, content: bytes) -> None:
    home = Path(path)
    monkeypatch.setenv("HOME", str(home))
    file = home / ".claude" / "projects" / "x" / f"{OWN}.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)


def test_nothing_named_is_the_repository_around_the_current_directory(repo, tmp_path, monkeypatch):
    patina.start(session="a", path=repo.path)
    in_home(monkeypatch, tmp_path / "h", claude_transcript(OWN, str(repo.path / "dir"), "main"))
    monkeypatch.chdir(repo.path / "dir")
    assert ids(None) == {"a", OWN}
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RepositoryError, match="not inside a git repository"):
        frames.sessions()


def test_sessions_in_a_linked_worktree_are_the_repositorys(repo, tmp_path, monkeypatch):
    patina.start(session="a", path=repo.path)
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    in_home(monkeypatch, tmp_path / "h", claude_transcript(OWN, str(tmp_path / "linked"), "linked"))
    assert ids(repo.path) == {"a", OWN}
    assert ids(tmp_path / "linked") == {"a", OWN}
    assert ids(repo.path / ".git") == {"a", OWN}


def test_sessions_of_other_projects_are_not(repo, tmp_path, monkeypatch):
    patina.start(session="a", path=repo.path)
    mentions = claude_transcript(OWN, "/elsewhere", "main").replace(b"step 0", str(repo.path).encode())
    in_home(monkeypatch, tmp_path / "h", mentions)
    assert ids(repo.path) == {"a"}
    assert len(frames.sources(repo.path)) == 1
    assert ids(frames.EVERYWHERE) == {OWN}


AIDER = "  \n".join(  # as Aider ends all that it writes itself
    [
        "# aider chat started at 2026-09-01 10:00:00",
        "> Aider v0.86.1",
        "> Main model: claude-opus-4-6 with diff edit format",
        "#### Add the numbers",
        "> Tokens: 2.0k sent, 412 received. Cost: $0.02 message, $0.02 session.",
        "",
    ]
)


def test_the_history_that_aider_keeps_in_a_worktree_is_the_repositorys(repo, tmp_path, monkeypatch):
    patina.start(session="a", path=repo.path)
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    (tmp_path / "linked" / ".aider.chat.history.md").write_text(AIDER)
    (repo.path / ".aider.chat.history.md").write_text("no history at all\n")
    monkeypatch.setenv("HOME", str(tmp_path / "h"))
    calls = frames.model_calls(repo.path)
    assert calls["agent"].tolist() == ["aider"]
    assert calls["cost_usd"].tolist() == [0.02]
    assert set(frames.sessions(repo.path)["agent"].dropna()) == {"aider"}
    monkeypatch.setenv("AIDER_CHAT_HISTORY_FILE", str(tmp_path / "linked" / ".aider.chat.history.md"))
    assert len(frames.model_calls(repo.path)) == 1, "the same file named twice"


def test_a_link_in_the_place_of_aiders_history_is_not_followed(repo, tmp_path, monkeypatch):
    (tmp_path / "elsewhere.md").write_text(AIDER)
    (repo.path / ".aider.chat.history.md").symlink_to(tmp_path / "elsewhere.md")
    monkeypatch.setenv("HOME", str(tmp_path / "h"))
    assert len(frames.model_calls(repo.path)) == 0


def test_all_files_of_an_opencode_session_are_read_and_none_of_other_projects(repo, tmp_path, monkeypatch):
    """Of a session in files of its own each, only that of the session and of answers tell where it worked."""
    home = tmp_path / "h"
    monkeypatch.setenv("HOME", str(home))
    for number, (name, where) in enumerate((("here", str(repo.path)), ("there", "/elsewhere"))):
        session_id, at = f"ses_{name}", 100 * number
        opencode.write_files(
            home / ".local" / "share" / "opencode",
            opencode.session(session_id, directory=where),
            opencode.user(f"asks-{name}", at, session_id),
            opencode.answer(name, at + 2, session_id, path={"cwd": where, "root": where}),
            opencode.tool(name, name, session_id=session_id),
            opencode.part(f"text-{name}", f"asks-{name}", "text", session_id, text="..."),
        )
    sessions = frames.sessions(repo.path)
    assert sessions["session_id"].tolist() == ["ses_here"]
    assert sessions[["n_prompts", "n_model_calls", "n_tool_calls"]].iloc[0].tolist() == [1, 1, 1]
    assert len(frames.sources(repo.path)) == 5, "and of no file of the other session"
    assert ids(frames.EVERYWHERE) == {"ses_here", "ses_there"}


def test_a_file_a_folder_a_list_and_something_gathered(story, tmp_path):
    file = writing.write(tmp_path / "one" / "x.jsonl", [writing.assistant("m1", 5, sessionId="s1")])
    writing.write(tmp_path / "two" / "y.jsonl", [writing.assistant("m2", 5, sessionId="s2")])
    assert ids(file) == ids(str(file)) == {"s1"}
    assert ids(tmp_path) == ids([tmp_path / "one", tmp_path / "two"]) == {"s1", "s2"}
    assert ids([tmp_path, file]) == {"s1", "s2"}
    assert len(frames.model_calls([tmp_path, file])) == 2, "nothing counts twice"
    assert ids(frames.gather(tmp_path)) == {"s1", "s2"}
    assert ids([story.gathered, file]) == ids(story.gathered) | {"s1"}
    assert ELSEWHERE not in ids(story.gathered)


def test_a_copied_journal_needs_no_repository(story, tmp_path):
    state = story.repo.project.state_dir
    shutil.copytree(state, tmp_path / "copy")
    sessions = frames.sessions(tmp_path / "copy").set_index("session_id")
    assert set(sessions.index) == {"auth", "auth-2", "plain"}
    assert sessions.loc["auth", "n_commits"] == 3, "as it was recorded when it ended"
    assert sessions.loc["auth", "n_model_calls"] == 3, "the transcript it kept was copied along"
    assert len(frames.commits(tmp_path / "copy")) == 0
    assert len(frames.runs(tmp_path / "copy")) == len(frames.runs(story.gathered))
    one = next((tmp_path / "copy" / "sessions" / "auth").iterdir())
    assert ids(one) == {"auth"}
    assert ids(state) == ids(story.repo.path, strict=True)


def test_what_does_not_exist_or_is_no_transcript_is_an_error(tmp_path):
    with pytest.raises(frames.FrameError, match="does not exist"):
        frames.sessions(tmp_path / "nowhere")
    (tmp_path / "x.txt").write_text("just text\n")
    with pytest.raises(frames.FrameError, match="strict=False"):
        frames.sessions(tmp_path / "x.txt")
    df, errors = frames.sessions(tmp_path / "x.txt", strict=False)
    assert len(df) == 0
    assert [error.path for error in errors] == [str(tmp_path / "x.txt")]
    assert len(frames.runs(tmp_path / "x.txt")) == 0, "no transcript is read for runs"


def test_a_path_can_hold_any_character(tmp_path):
    odd = tmp_path / "a [b]*?'\" %s {x}"
    repo_path = odd / "repo"
    from tests.conftest import new_repo

    repo = new_repo(repo_path)
    repo.commit({"a": "1"})
    patina.start(session="a", path=repo.path)
    launch(repo, "a", lambda ws: ws.run("true"))
    assert len(frames.runs(repo.path)) == 1
    assert frames.sources(repo.path)["path"].iloc[0].startswith(str(odd))


def test_reading_a_repository_writes_nothing_into_it(repo):
    before = sorted(path.name for path in (repo.path / ".git").iterdir())
    assert len(frames.sessions(repo.path)) == 0
    assert sorted(path.name for path in (repo.path / ".git").iterdir()) == before


def test_what_is_named_by_its_text_only_is_redacted(story):
    home = str(story.repo.path.parent)
    for name in ("sessions", "runs", "sources", "tool_calls", "tests", "commits", "merges"):
        plain = getattr(frames, name)(story.gathered)
        shown = getattr(frames, name)(story.gathered, redact=True)
        assert shown.dtypes.equals(plain.dtypes)
        assert (
            not shown.astype("string")
            .apply(lambda column: column.str.contains(home, regex=False))
            .any()
            .any()
        )
        assert shown.isna().equals(plain.isna())
    runs = frames.runs(story.gathered, redact=True)
    assert runs["command"].str.fullmatch(r"([A-Za-z][\w.+-]* )?#[0-9a-f]{8}").all()
    assert runs.loc[runs["run_id"] == "auth/1", "command"].str.startswith("printf #").all()
    same = frames.sessions(story.gathered, redact=True)["project"].nunique()
    assert same == frames.sessions(story.gathered)["project"].nunique()
