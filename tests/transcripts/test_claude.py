"""Claude Code: one test for every trap found in real transcripts, named after it."""

from __future__ import annotations

import pytest

from patina_nb.transcripts.claude import READER, places, sniff
from patina_nb.transcripts.collect import collect
from patina_nb.transcripts.usage import usage as totals
from tests.transcripts.writing import (
    SESSION,
    START,
    assistant,
    at,
    compact,
    progress,
    record,
    result,
    tool_use,
    usage,
    user,
    write,
)


def read(tmp_path, *records):
    return READER.read(write(tmp_path / f"{SESSION}.jsonl", records))


def only(things):
    (thing,) = things
    return thing


def test_one_line_per_content_block_is_one_call_with_the_most_output(tmp_path):
    transcript = read(
        tmp_path,
        assistant("msg_1", 2, 1, blocks=[{"type": "thinking", "thinking": "", "signature": "x"}]),
        assistant("msg_1", 2, 2, blocks=[tool_use("toolu_1")]),
        assistant("msg_1", 180, 3, blocks=[tool_use("toolu_2")], stop="tool_use"),
    )
    call = only(transcript.model_calls)
    assert (call.input_tokens, call.cache_read_tokens, call.cache_write_tokens) == (3, 15000, 900)
    assert call.output_tokens == 180
    assert call.total_tokens == 3 + 15000 + 900 + 180
    assert call.prompt_tokens == 3 + 15000 + 900
    assert call.called_at == START + 1_000_000
    assert [tool.tool_call_id for tool in transcript.tool_calls] == ["toolu_1", "toolu_2"]
    assert {tool.response_id for tool in transcript.tool_calls} == {"msg_1"}


def test_the_row_with_the_most_output_counts_wherever_it_stands(tmp_path):
    transcript = read(tmp_path, assistant("msg_1", 180, 3, stop="end_turn"), assistant("msg_1", 2, 1))
    assert only(transcript.model_calls).output_tokens == 180


def test_output_without_a_stop_reason_is_a_lower_bound(tmp_path):
    transcript = read(
        tmp_path,
        assistant("msg_1", 4, 1),
        assistant("msg_2", 4, 2),
        assistant("msg_2", 90, 3, stop="end_turn"),
    )
    assert [(c.usage_final, c.stop_reason) for c in transcript.model_calls] == [
        (False, None),
        (True, "end_turn"),
    ]


def test_cache_writes_have_two_prices(tmp_path):
    call = only(read(tmp_path, assistant("m", 5, tokens=usage(5, short=100, long=800))).model_calls)
    assert (call.cache_write_5m_tokens, call.cache_write_1h_tokens, call.cache_write_tokens) == (
        100,
        800,
        900,
    )


def test_cache_writes_of_old_versions_are_not_told_apart(tmp_path):
    tokens = {key: value for key, value in usage(5).items() if key != "cache_creation"}
    call = only(read(tmp_path, assistant("m", 5, tokens=tokens)).model_calls)
    assert (call.cache_write_5m_tokens, call.cache_write_1h_tokens, call.cache_write_tokens) == (
        None,
        None,
        900,
    )


def test_a_part_of_the_cache_writes_that_is_not_told_apart_makes_the_parts_unknown(tmp_path):
    tokens = usage(5, short=0, long=0) | {"cache_creation_input_tokens": 700}
    call = only(read(tmp_path, assistant("m", 5, tokens=tokens)).model_calls)
    assert (call.cache_write_5m_tokens, call.cache_write_tokens) == (None, 700)


def test_agent_progress_is_the_only_trace_of_a_subagent_whose_file_is_gone(tmp_path):
    inner = assistant("msg_sub", 7, 5, model="claude-haiku-4-5")
    transcript = read(tmp_path, assistant("msg_1", 9, 1), progress(inner, 6), progress(inner, 7))
    calls = {call.response_id: call for call in transcript.model_calls}
    assert (calls["msg_1"].origin, calls["msg_1"].agent_id) == ("message", None)
    assert (calls["msg_sub"].origin, calls["msg_sub"].agent_id) == ("progress", "a1")
    assert calls["msg_sub"].called_at == START + 5_000_000
    assert calls["msg_sub"].branch == "agent/s"


def test_agent_progress_and_the_subagents_own_file_are_one_call(tmp_path):
    inner = assistant("msg_sub", 7, 5)
    write(tmp_path / "s.jsonl", [assistant("msg_1", 9, 1), progress(inner, 6)])
    own = assistant("msg_sub", 70, 5, stop="end_turn", isSidechain=True, agentId="a1")
    write(tmp_path / "s" / "subagents" / "agent-a1.jsonl", [own])
    calls = {call.response_id: call for call in collect(tmp_path).model_calls}
    assert len(calls) == 2
    sub = calls["msg_sub"]
    assert (sub.origin, sub.agent_id, sub.output_tokens, sub.usage_final) == ("message", "a1", 70, True)


def test_other_progress_holds_no_call(tmp_path):
    bash = record("progress", 1, data={"type": "bash_progress", "output": "x"})
    transcript = read(tmp_path, assistant("m", 1), bash, record("progress", 2, data="odd"))
    assert len(transcript.model_calls) == 1
    assert transcript.source.n_unknown == 0


def test_a_compaction_request_is_a_call_in_a_file_of_its_own(tmp_path):
    write(tmp_path / "s.jsonl", [assistant("msg_1", 9)])
    request = assistant(
        "msg_c", 3000, 8, tokens=usage(3000, read=140_000), isSidechain=True, agentId="acompact-1"
    )
    write(
        tmp_path / "s" / "subagents" / "agent-acompact-1.jsonl", [user("Summarize", 7, agentId="x"), request]
    )
    found = collect(tmp_path)
    call = next(call for call in found.model_calls if call.response_id == "msg_c")
    assert (call.session_id, call.agent_id, call.cache_read_tokens) == (SESSION, "acompact-1", 140_000)


def test_total_tokens_of_a_task_result_are_the_last_request_and_never_summed(tmp_path):
    extra = {"agentId": "a1", "totalTokens": 99_999, "totalToolUseCount": 3, "usage": usage(999)}
    transcript = read(
        tmp_path,
        assistant("msg_1", 9, blocks=[tool_use("toolu_1", "Task", prompt="...")]),
        result("toolu_1", "done", toolUseResult=extra),
    )
    assert only(transcript.model_calls).output_tokens == 9


def test_a_resumed_session_repeats_records_under_another_file_name(tmp_path):
    records = [
        user("hi", 0),
        assistant("msg_1", 9, 1, blocks=[tool_use("toolu_1")]),
        result("toolu_1", "", 2),
    ]
    write(tmp_path / "one.jsonl", records)
    write(tmp_path / "two.jsonl", [*records, assistant("msg_2", 5, 3)])
    found = collect(tmp_path)
    assert [call.response_id for call in found.model_calls] == ["msg_1", "msg_2"]
    assert [info.session_id for info in found.sessions] == [SESSION]
    assert len(found.tool_calls) == len(found.moments) == 1


def test_copies_that_were_given_the_new_session_id_are_counted_once(tmp_path):
    records = [
        user("hi", 0),
        assistant("msg_1", 9, 1, blocks=[tool_use("toolu_1")]),
        result("toolu_1", "", 2),
    ]
    write(tmp_path / "a.jsonl", records)
    write(tmp_path / "b.jsonl", [{**line, "sessionId": "9" * 8} for line in records])
    found = collect(tmp_path)
    assert [call.session_id for call in found.model_calls] == [SESSION]
    assert [tool.session_id for tool in found.tool_calls] == [SESSION]
    assert [moment.session_id for moment in found.moments] == [SESSION]
    assert len(found.sessions) == 2


def test_the_session_is_the_id_in_the_record_also_when_a_file_holds_two(tmp_path):
    transcript = read(tmp_path, assistant("m1", 1), assistant("m2", 2, sessionId="other"))
    assert {call.response_id: call.session_id for call in transcript.model_calls} == {
        "m1": SESSION,
        "m2": "other",
    }
    assert [info.session_id for info in transcript.sessions] == [SESSION, "other"]


def test_records_without_a_session_belong_to_the_files_name(tmp_path):
    lines = [assistant("m1", 1, sessionId=None), {"type": "summary", "summary": "...", "leafUuid": "x"}]
    transcript = read(tmp_path, *lines)
    assert only(transcript.model_calls).session_id == SESSION
    assert only(transcript.sessions).session_id == SESSION


def test_what_a_branched_session_copied_belongs_to_its_origin(tmp_path):
    origin = {"sessionId": "origin", "messageUuid": "u"}
    transcript = read(tmp_path, assistant("m1", 1, 1, forkedFrom=origin), assistant("m2", 2, 2))
    assert {call.response_id: call.session_id for call in transcript.model_calls} == {
        "m1": "origin",
        "m2": SESSION,
    }
    infos = {info.session_id: info for info in transcript.sessions}
    assert infos[SESSION].forked_from_id == "origin"
    assert infos[SESSION].started_at == START + 2_000_000


def test_synthetic_messages_are_no_calls_but_api_errors(tmp_path):
    error = assistant("x", 0, 2, model="<synthetic>", tokens=usage(0), isApiErrorMessage=True, uuid="e")
    del error["requestId"]
    transcript = read(tmp_path, assistant("m", 5), error)
    assert [call.response_id for call in transcript.model_calls] == ["m"]
    assert [(moment.kind, moment.moment_id) for moment in transcript.moments] == [("api_error", "e")]


def test_a_missing_message_id_falls_back_to_the_request(tmp_path):
    transcript = read(tmp_path, assistant("m", 5) | {"message": {"model": "glm", "usage": usage(4)}})
    call = only(transcript.model_calls)
    assert (call.response_id, call.output_tokens, call.provider) == ("req_m", 4, None)


def test_time_runs_backwards_between_lines(tmp_path):
    transcript = read(tmp_path, assistant("m2", 1, 50), assistant("m1", 1, 10), user("hi", 30))
    info = only(transcript.sessions)
    assert (info.started_at, info.ended_at) == (START + 10_000_000, START + 50_000_000)
    assert (transcript.source.first_at, transcript.source.last_at) == (info.started_at, info.ended_at)


def test_a_tool_call_without_a_result_is_lost(tmp_path):
    tool = only(read(tmp_path, assistant("m", 1, blocks=[tool_use("toolu_1", command="sleep 9")])).tool_calls)
    assert (tool.status, tool.ended_at, tool.target) == ("lost", None, "sleep 9")


def test_parallel_tool_calls_pair_by_id(tmp_path):
    blocks = [tool_use(f"toolu_{n}", "Read", file_path=f"/w/{n}") for n in range(5)]
    transcript = read(
        tmp_path,
        *[assistant("m", 1, 1, blocks=[block], uuid=f"u{n}") for n, block in enumerate(blocks)],
        *[result(f"toolu_{n}", "", 10 + n) for n in reversed(range(5))],
    )
    assert [(t.tool_call_id, t.target, t.ended_at - START) for t in transcript.tool_calls] == [
        (f"toolu_{n}", f"/w/{n}", (10 + n) * 1_000_000) for n in range(5)
    ]


def test_a_result_whose_call_was_lost_is_kept(tmp_path):
    tool = only(read(tmp_path, result("toolu_1", "ok", 4)).tool_calls)
    assert (tool.tool, tool.started_at, tool.status) == (None, None, "ok")


@pytest.mark.parametrize(
    ("tool", "text", "extra", "status", "exit_code"),
    [
        ("Bash", "Exit code 1\nnot found", "Error: Exit code 1", "exit_nonzero", 1),
        ("Bash", "Error: Exit code 127", None, "exit_nonzero", 127),
        ("Bash", "fatal: no remote", "Error: fatal", "exit_nonzero", None),  # before 2.0, without the code
        ("Bash", "Command timed out after 2m 0.0s", None, "tool_error", None),
        ("Edit", "<tool_use_error>String to replace not found</tool_use_error>", None, "tool_error", None),
        ("Read", "EISDIR: illegal operation", None, "tool_error", None),
        ("Edit", "The user doesn't want to proceed with this tool use.", None, "user_reject", None),
        ("Bash", "anything", "User rejected tool use", "user_reject", None),
        ("Bash", "Permission to use Bash with command rm has been denied.", None, "denied", None),
        (
            "Write",
            "Claude requested permissions to write to /x, but you haven't granted it.",
            None,
            "denied",
            None,
        ),
        ("Bash", "[Request interrupted by user for tool use]", None, "interrupted", None),
    ],
)
def test_kinds_of_failure_are_kept_apart(tmp_path, tool, text, extra, status, exit_code):
    transcript = read(
        tmp_path,
        assistant("m", 1, blocks=[tool_use("toolu_1", tool)]),
        result("toolu_1", text, error=True, toolUseResult=extra),
    )
    call = only(transcript.tool_calls)
    assert (call.status, call.exit_code) == (status, exit_code)


@pytest.mark.parametrize(
    ("tool", "extra", "status", "exit_code"),
    [
        ("Bash", {"stdout": "", "interrupted": False}, "ok", 0),
        ("Bash", {"returnCodeInterpretation": "No matches found"}, "ok", None),
        ("Bash", {"backgroundTaskId": "b1"}, "ok", None),
        ("Bash", {"interrupted": True}, "interrupted", None),
        ("Read", {"type": "text"}, "ok", None),
    ],
)
def test_exit_codes_of_what_did_not_fail(tmp_path, tool, extra, status, exit_code):
    transcript = read(
        tmp_path,
        assistant("m", 1, blocks=[tool_use("toolu_1", tool)]),
        result("toolu_1", "Exit code 3 is what I grepped for", toolUseResult=extra),
    )
    call = only(transcript.tool_calls)
    assert (call.status, call.exit_code) == (status, exit_code)


@pytest.mark.parametrize(
    ("content", "more", "kind"),
    [
        ("please fix it", {}, "prompt"),
        ([{"type": "text", "text": "see image"}, {"type": "image"}], {}, "prompt"),
        ([{"type": "text", "text": "<ide_opened_file>x"}, {"type": "text", "text": "fix it"}], {}, "prompt"),
        ("<command-name>/compact</command-name>", {}, None),
        ("<local-command-stdout>x", {}, None),
        ("<task-notification>x", {}, None),
        ("<ide_selection>x", {}, None),
        ("Caveat", {"isMeta": True}, None),
        ("This session is being continued", {"isCompactSummary": True}, None),
        ([{"type": "text", "text": "[Request interrupted by user]"}], {}, "intervention"),
        ("", {}, None),
        ([{"type": "image"}], {}, None),
        (None, {}, None),
    ],
)
def test_prompts_are_what_a_user_typed(tmp_path, content, more, kind):
    moments = read(tmp_path, user(content, 3, **more)).moments
    assert [moment.kind for moment in moments] == ([kind] if kind else [])


def test_prompts_and_interruptions_of_a_subagent_are_its_parents(tmp_path):
    transcript = read(
        tmp_path,
        user("find it", 1, isSidechain=True, agentId="a1"),
        user("[Request interrupted by user]", 2, isSidechain=True),
    )
    assert [moment.agent_id for moment in transcript.moments] == ["a1", "sidechain"]


def test_turns_compactions_and_api_errors_are_moments(tmp_path):
    transcript = read(
        tmp_path,
        record("system", 1, subtype="turn_duration", durationMs=1500),
        record(
            "system", 2, subtype="compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 170251}
        ),
        record("system", 3, subtype="api_error", retryAttempt=1, retryInMs=500),
        record("system", 4, subtype="microcompact_boundary"),
        record("system", 5, subtype="stop_hook_summary"),
    )
    assert [(m.kind, m.duration_s, m.tokens) for m in transcript.moments] == [
        ("turn", 1.5, None),
        ("compaction", None, 170251),
        ("api_error", None, None),
    ]


def test_the_branch_is_an_attribute_of_a_call(tmp_path):
    transcript = read(
        tmp_path,
        assistant("m1", 1, 1, gitBranch="main", cwd="/w"),
        assistant("m2", 1, 2, gitBranch="agent/s", cwd="/w/sub"),
    )
    assert [call.branch for call in transcript.model_calls] == ["main", "agent/s"]
    info = only(transcript.sessions)
    assert (info.branch, info.project) == ("main", "/w")


def test_a_sidechain_copy_that_replays_its_parents_message_loses(tmp_path):
    write(tmp_path / "a.jsonl", [assistant("m", 9, 5, isSidechain=True, agentId="a9", requestId="other")])
    write(tmp_path / "b.jsonl", [assistant("m", 9, 5)])
    assert only(collect(tmp_path).model_calls).agent_id is None


def test_fast_mode_is_kept_for_its_price(tmp_path):
    assert (
        only(read(tmp_path, assistant("m", 9, tokens=usage(9) | {"speed": "fast"})).model_calls).speed
        == "fast"
    )


@pytest.mark.parametrize(
    ("message_id", "provider"),
    [("msg_1", "anthropic"), ("msg_bdrk_1", "aws.bedrock"), ("msg_vrtx_1", "gcp.vertex_ai")],
)
def test_the_cloud_is_told_by_the_id(tmp_path, message_id, provider):
    assert only(read(tmp_path, assistant(message_id, 1)).model_calls).provider == provider


def test_unknown_types_are_counted_and_kept_out(tmp_path):
    source = read(
        tmp_path, assistant("m", 1), {"type": "mystery"}, {"type": "mystery"}, {"type": 5}, {}
    ).source
    assert (source.n_lines, source.n_unknown) == (5, 4)
    assert source.unknown_types == {"mystery": 2, "<int>": 1, "<NoneType>": 1}


def test_versions_are_the_last_one_seen(tmp_path):
    transcript = read(
        tmp_path, assistant("m1", 1, 9, version="2.1.9"), assistant("m2", 1, 1, version="2.1.39")
    )
    assert only(transcript.sessions).agent_version == transcript.source.agent_version == "2.1.9"


def test_places_follow_the_environment():
    roots = [
        place.root.as_posix() for place in places({"HOME": "/h", "CLAUDE_CONFIG_DIR": "/a, /b/projects"})
    ]
    assert roots == ["/a/projects", "/b/projects"]
    assert places({"HOME": "/h"})[0].root.as_posix() == "/h/.claude/projects"


def test_usage_of_zeros_is_that_of_a_gateway_which_does_not_tell(tmp_path):
    nothing = {"input_tokens": 0, "output_tokens": 0}
    found = collect(
        write(
            tmp_path / "x.jsonl",
            [
                assistant("m1", 0, tokens=nothing),
                assistant("m2", 0, tokens=usage(0, fresh=0, read=0, long=0)),
                assistant("m3", 0, tokens=usage(0, fresh=0, read=7, long=0)),
                assistant("m4", 0, tokens=nothing),
                assistant("m4", 5, seconds=2),
            ],
        )
    )
    assert [call.output_tokens for call in found.model_calls] == [None, None, 0, 5]
    assert [call.input_tokens for call in found.model_calls] == [None, None, 0, 3]
    assert [call.cache_read_tokens for call in found.model_calls] == [None, None, 7, 15000]
    [row] = totals(tmp_path).rows
    assert (row.n_calls, row.input_tokens, row.output_tokens) == (4, 3, 5)


def test_the_cost_that_old_versions_wrote_beside_a_message_is_reported(tmp_path):
    lines = [assistant("m1", 5, costUSD=0.25), assistant("m2", 5, costUSD=0), assistant("m3", 5)]
    found = collect(write(tmp_path / "x.jsonl", lines))
    assert [call.reported_cost_usd for call in found.model_calls] == [0.25, None, None]


def test_a_message_is_known_without_the_keys_of_later_versions(tmp_path):
    answer = {"role": "assistant", "id": "m1", "model": "m", "content": [], "usage": usage(5)}
    lines = [
        {"type": "user", "timestamp": at(0), "cwd": "/w", "message": {"content": "Fix it"}},
        {"type": "assistant", "timestamp": at(1), "message": answer},
    ]
    found = collect(write(tmp_path / "s.jsonl", lines))
    assert [(call.session_id, call.output_tokens) for call in found.model_calls] == [("s", 5)]
    others = [{"type": "user", "message": {"parts": []}}, {"type": "message", "message": answer}, [], "user"]
    for other in others:
        assert not sniff(compact(other).encode(), tmp_path)


def test_prose_about_transcripts_is_none(tmp_path):
    assert not sniff(b'# aider chat started at x\n{"isSidechain": true}\n', tmp_path)
    assert sniff(b'{"type":"summary","summary":"x","leafUuid":"y"}\n', tmp_path)
