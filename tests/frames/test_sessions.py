from __future__ import annotations

import json

import pytest

import patina_nb as patina
from patina_nb import events, frames
from tests.frames.conftest import (
    AGENT_SESSION,
    CODEX,
    CODEX_CHILD,
    ELSEWHERE,
    GEMINI,
    ON_BRANCH,
    append,
    case,
    check,
    claude_transcript,
    launch,
)
from tests.transcripts import writing


@pytest.fixture(scope="module")
def sessions(story):
    return frames.sessions(story.gathered).set_index("session_id")


def test_an_agent_that_worked_in_our_session_has_no_row_of_its_own(sessions):
    assert set(sessions.index) == {"auth", "auth-2", "plain", CODEX, CODEX_CHILD, GEMINI}
    assert AGENT_SESSION not in sessions.index, "its transcript was kept by the session"
    assert ON_BRANCH not in sessions.index, "all its calls were made on the session's branch"
    assert ELSEWHERE not in sessions.index, "another project"


def test_journal_branch_and_transcript_are_one_row(sessions, story):
    auth = sessions.loc["auth"]
    assert (auth["agent"], auth["agent_version"], auth["status"]) == ("claude", "2.1.207", "ended")
    assert auth["models"] == "claude-opus-4-6, claude-unheard-of-1"
    assert auth["head_sha"] == story.repo.git("rev-parse", "agent/auth")
    assert (auth["n_commits"], auth["lines_added"], auth["lines_removed"], auth["n_files"]) == (3, 3, 0, 2)
    assert (auth["n_model_calls"], auth["n_tool_calls"], auth["n_tool_errors"]) == (3, 4, 2)
    assert (auth["n_prompts"], auth["n_interventions"], auth["n_compactions"]) == (2, 1, 1)
    assert auth["project"] == str(story.repo.path)


def test_tokens_are_disjoint_and_add_up(sessions):
    auth = sessions.loc["auth"]
    parts = auth[["input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"]]
    assert parts.to_list() == [9, 45000, 2700, 105]
    assert auth["total_tokens"] == parts.sum()
    assert auth["usage_final_rate"] == pytest.approx(2 / 3)


def test_one_call_without_a_price_makes_the_cost_unknown(sessions, story):
    assert sessions.loc["auth"][["cost_usd", "cost_source"]].isna().all()
    assert sessions.loc["auth", "n_unpriced"] == 1
    own = {"claude-unheard-of-*": {"input": 1.0, "output": 2.0}}
    priced = frames.sessions(story.gathered, prices=own).set_index("session_id").loc["auth"]
    calls = frames.model_calls(story.gathered, prices=own)
    assert priced["cost_usd"] == pytest.approx(calls[calls["session_id"] == "auth"]["cost_usd"].sum())
    assert (priced["cost_source"], priced["n_unpriced"]) == ("estimated", 0)


def test_what_a_launch_reported_stands_in_for_a_transcript(sessions):
    second = sessions.loc["auth-2"]
    assert (second["agent"], second["cost_usd"], second["cost_source"]) == ("codex", 0.75, "reported")
    assert second["total_tokens"] == 170
    assert second["n_prompts"] is None or second[["n_prompts", "n_tool_calls"]].isna().all()


def test_the_verification_of_the_newest_tree_decides(sessions):
    assert sessions.loc["auth", "resolved"]
    assert not sessions.loc["auth-2", "resolved"]
    assert sessions["resolved"].isna().sum() == 4
    assert sessions.loc["auth", "time_to_green_s"] > 0
    assert sessions["time_to_green_s"].notna().sum() == 1


def test_merged_is_what_the_target_has(sessions):
    assert sessions.loc["auth", "merged"]
    assert sessions["merged"].isna().sum() == 5, "nothing to merge, not ours, or started from a mere commit"


def test_work_that_its_branch_does_not_have_is_not_merged(repo):
    patina.start(session="a", path=repo.path)
    launch(repo, "a", lambda ws: ws.run("echo 1 > x"))
    assert frames.sessions(repo.path)["merged"].to_list() == [False]
    repo.git("merge", "-q", "agent/a")
    assert frames.sessions(repo.path)["merged"].to_list() == [True]


def test_turns_are_summed_and_our_runs_count_beside_them(sessions):
    assert 9 < sessions.loc["auth", "active_s"] < 100


def test_parents_and_forks_are_named(sessions):
    child = sessions.loc[CODEX_CHILD]
    assert (child["parent_session_id"], child["forked_from_id"]) == (CODEX, CODEX)


def test_a_verification_after_which_the_tree_changed_decides_nothing(repo):
    patina.start(session="a", path=repo.path)
    launch(repo, "a", lambda ws: ws.run("echo 1 > x"))
    append(repo, check(repo, "a", "c", "passed", repo.git("rev-parse", "agent/a"), []))
    launch(repo, "a", lambda ws: ws.run("echo 2 > x"))
    session = frames.sessions(repo.path).iloc[0]
    assert session[["resolved"]].isna().all()
    assert session["time_to_green_s"] > 0


@pytest.mark.parametrize(
    ("status", "resolved"),
    [
        ("passed", True),
        ("failed", False),
        ("timed out", False),
        ("tool missing", None),
        ("no tests ran", None),
        ("cancelled", None),
    ],
)
def test_only_a_verdict_resolves(repo, status, resolved):
    patina.start(session="a", path=repo.path)
    append(repo, check(repo, "a", "c", status, repo.head, []))
    value = frames.sessions(repo.path)["resolved"].iloc[0]
    assert (value is resolved) or value == resolved or (resolved is None and value is not True)


def test_the_newest_test_report_is_counted(repo):
    patina.start(session="a", path=repo.path)
    assert frames.sessions(repo.path)[["n_tests", "n_tests_passed"]].isna().all(axis=None)
    append(repo, check(repo, "a", "one", "passed", repo.head, [case("new")]))
    mixed = [case("new"), case("old", "failed"), case("other", "skipped")]
    append(repo, check(repo, "a", "two", "failed", repo.head, mixed))
    row = frames.sessions(repo.path).iloc[0]
    assert (row["n_tests"], row["n_tests_passed"]) == (3, 1)
    append(repo, check(repo, "a", "three", "passed", repo.head, []))
    assert frames.sessions(repo.path)[["n_tests", "n_tests_passed"]].isna().all(axis=None)


def test_a_step_can_be_the_designated_verification(repo):
    patina.start(session="a", path=repo.path)
    launch(repo, "a", lambda ws: ws.run("true"))
    assert frames.sessions(repo.path)["resolved"].isna().all()
    assert frames.sessions(repo.path, verify="true")["resolved"].all()


def test_two_test_lists_decide_like_swe_bench(repo):
    patina.start(session="a", path=repo.path)
    cases = [case("new"), case("old"), case("other", "failed")]
    append(repo, check(repo, "a", "c", "failed", repo.head, cases))

    def resolved(fixed: str, kept: str) -> bool:
        names = (frozenset({f"tests.test_login::{name}"}) for name in (fixed, kept))
        lists = {None: frames.TestLists(*names)}
        return frames.sessions(repo.path, verify=frames.Verification("test", lists))["resolved"].iloc[0]

    assert resolved("new", "old")
    assert not resolved("other", "old")
    assert not resolved("new", "other")
    assert not resolved("missing", "old")
    assert resolved("new", "missing")


def test_a_deleted_session_keeps_what_was_recorded(repo):
    session = patina.start(session="a", path=repo.path)
    launch(repo, "a", lambda ws: ws.run("echo 1 > x"))
    session.end()
    patina.delete("a", force=True, path=repo.path)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    row = frames.sessions(repo.path).iloc[0]
    assert (row["status"], row["n_commits"], row["lines_added"], row["n_files"]) == ("deleted", 1, 1, 1)
    assert len(frames.commits(repo.path)) == 0


def test_a_rejected_call_and_the_interrupt_noted_for_it_are_one_intervention(tmp_path):
    records = [
        writing.user("please", 0),
        writing.assistant("m1", 5, 1, blocks=[writing.tool_use("t1")], stop="tool_use"),
        writing.result("t1", "The user doesn't want to proceed with this tool use.", 2, error=True),
        writing.user(
            [{"type": "text", "text": "[Request interrupted by user for tool use]"}], 2.1, uuid="i1"
        ),
        writing.user([{"type": "text", "text": "[Request interrupted by user]"}], 60, uuid="i2"),
    ]
    path = writing.write(tmp_path / "x.jsonl", records)
    assert frames.sessions(path)["n_interventions"].to_list() == [2]


def test_an_agents_total_stands_where_its_calls_have_no_price(tmp_path):
    usage = {
        "model": "unheard-of",
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "response_id": "r",
    }
    task = {
        "instance_id": "t1",
        "history": [],
        "metrics": {"accumulated_cost": 1.5, "token_usages": [usage]},
        "test_result": {},
    }
    path = tmp_path / "output.jsonl"
    path.write_text(json.dumps(task) + "\n")
    row = frames.sessions(path).iloc[0]
    assert (row["cost_usd"], row["cost_source"], row["n_unpriced"]) == (1.5, "reported", 0)


def test_the_branch_of_a_person_who_moved_about_is_no_session_of_ours(repo, tmp_path):
    patina.start(session="a", path=repo.path)
    lines = claude_transcript(ON_BRANCH, str(repo.path), "agent/a").splitlines(keepends=True)
    moved = b"".join(lines[:5]) + b"".join(lines[5:]).replace(b"agent/a", b"main")
    path = tmp_path / "x.jsonl"
    path.write_bytes(moved)
    sessions = frames.sessions([repo.path, path])
    assert set(sessions["session_id"]) == {"a", ON_BRANCH}


def test_an_event_that_a_later_version_wrote_changes_nothing(repo):
    patina.start(session="a", path=repo.path)
    path = next((repo.project.state_dir / "sessions" / "a").iterdir())
    record = events.to_record(events.SessionUpdated(session_id="a", note="x")) | {"kind": "session-blessed"}
    with path.open("ab") as file:
        file.write(events.encode_record(record) + b"\n")
    assert frames.sessions(repo.path)["status"].to_list() == ["active"]
    source = frames.sources(repo.path).iloc[0]
    assert (source["n_unknown"], source["unknown_types"]) == (1, '{"session-blessed":1}')
