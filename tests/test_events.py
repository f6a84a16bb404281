from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patina_nb import events

any_text = st.text(st.characters())  # lone surrogates included
paths = st.binary(min_size=1).map(os.fsdecode)


def finished(**changes: object) -> events.StepFinished:
    given_ = {
        "session_id": "a",
        "number": 1,
        "status": "ok",
        "exit_code": 0,
        "signal": None,
        "duration_s": 0.5,
        "commit": None,
        "parent": "a" * 40,
        "files": 0,
        "stdout_bytes": 0,
        "stderr_bytes": 0,
    }
    return events.StepFinished(**{**given_, **changes})


def again(event: events.Event) -> events.Event:
    return events.decode(events.encode_record(events.to_record(event)))


def test_every_kind_says_what_a_row_of_a_frame_needs():
    event = finished(commit="b" * 40, tree_sha="c" * 40, stdout_bytes=7)
    row = json.loads(events.encode_record(events.to_record(event)))
    assert row["kind"] == "step-finished"
    assert row["schema"] == events.SCHEMA
    assert row["at"].endswith("Z")
    assert {"session_id", "event_id", "number", "status", "exit_code", "duration_s", "tree_sha"} <= set(row)
    assert row["stdout_bytes"] == 7
    assert row["exit_code"] == 0
    assert again(finished(exit_code=None)).exit_code is None


@pytest.mark.parametrize(
    "event",
    [
        events.SessionStarted(session_id="a", goal="g", branch="agent/a", base="b" * 40, base_branch="main"),
        events.SessionUpdated(session_id="a", note="tests need a database"),
        events.SessionEnded(session_id="a", summary="done", n_steps=3, wall_s=1.5),
        events.SessionDeleted(session_id="a", forced=True),
        events.WorkspaceOpened(session_id="a", engine="local", fallbacks=("no dagger",), created=True),
        events.WorkspaceClosed(session_id="a", engine="local", clean=True),
        events.SecretsGiven(session_id="a", names=("TOKEN", "KEY")),
        events.StepStarted(session_id="a", number=2, run="command", command="ls", cell="c1", engine="local"),
        events.AgentStarted(session_id="a", launch="l", agent="claude", command="claude -p"),
        events.AgentFinished(
            session_id="a",
            launch="l",
            agent="claude",
            status="ok",
            usage=(events.Usage(model="m", cost_usd=0.5),),
        ),
        events.TranscriptHarvested(session_id="a", transcript="e" * 64, launch="l"),
        events.MergePreviewed(
            session_id="a",
            merge="m",
            source_sha="b" * 40,
            target="main",
            target_sha="c" * 40,
            conflicts=(events.Conflict(path="x\udcff"),),
        ),
        events.Merged(
            session_id="a",
            merge="m",
            source_sha="b" * 40,
            target="main",
            target_sha="c" * 40,
            result_sha="d" * 40,
            verified="v",
        ),
        events.MergeRejected(session_id="a", merge="m", source_sha="b" * 40, target="main", reason="gate"),
        finished(left_out=(events.LeftOut(path="x\udcff", reason="too large"),), beside=(3, 4)),
    ],
    ids=lambda event: event.kind,
)
def test_what_is_written_is_read(event):
    assert again(event) == event
    assert event.kind in events.KINDS


def test_head_is_the_commit_or_the_parent():
    assert finished(commit="b" * 40).head_sha == "b" * 40
    assert finished().head_sha == "a" * 40


def test_left_out_is_counted_unless_the_count_is_given():
    left = (events.LeftOut(path="x", reason="ignored"),)
    assert finished(left_out=left).n_left_out == 1
    assert again(finished(left_out=left, n_left_out=20)).n_left_out == 20


def test_ids_sort_by_time_and_differ():
    ids = [events.new_event_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000


def test_a_time_has_a_zone():
    plus_two = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert again(finished(at=plus_two)).at == datetime(2026, 1, 1, 10, tzinfo=UTC)
    line = events.encode_record(events.to_record(finished())).replace(b'Z"', b'"')
    with pytest.raises(ValueError, match="timezone"):
        events.decode(line)


def test_an_unknown_kind_survives():
    raw = {**events.to_record(finished()), "kind": "weather-changed", "conflicts": ["a", {"b": 1}]}
    event = events.decode(events.encode_record(raw))
    assert isinstance(event, events.Unknown)
    assert event.kind == "weather-changed"
    assert event.raw["conflicts"] == ["a", {"b": 1}]
    assert events.to_record(again(event)) == raw


def test_unknown_fields_survive():
    raw = {**events.to_record(finished()), "cost": {"usd": 1}, "extra": 5}
    event = events.decode(events.encode_record(raw))
    assert isinstance(event, events.StepFinished)
    assert event.extra == {"cost": {"usd": 1}, "extra": 5}
    assert events.to_record(event)["cost"] == {"usd": 1}


def test_a_known_kind_with_other_types_is_unknown():
    raw = {**events.to_record(finished()), "files": ["now", "a", "list"]}
    event = events.decode(events.encode_record(raw))
    assert isinstance(event, events.Unknown)
    assert event.raw["files"] == ["now", "a", "list"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"kind": 3}',
        b'{"kind": ["a"]}',
        b'{"kind": "step-finished"}',
        b'{"kind": "x", "session_id": "../a", "event_id": "e", "at": "2026-01-01T00:00:00Z"}',
        b"\xff\xfe",
        b"\0\0\0\0",
        b"[" * 100_000,
        b'{"kind":' + b"[" * 100_000,
        b'{"kind": "\\ud800"}',
    ],
    ids=lambda line: repr(line[:20]),
)
def test_garbage_is_a_value_error(line):
    with pytest.raises(ValueError):
        events.decode(line)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_else(data):
    with suppress(ValueError):
        assert isinstance(events.decode(data), events.Event)


@given(any_text)
def test_every_path_comes_back(path):
    escaped = events.escape_path(path)
    assert events.unescape_path(escaped) == path
    escaped.encode("utf-8")


@given(any_text)
def test_unescaping_takes_any_text(text):
    assert isinstance(events.unescape_path(text), str)


def test_a_plain_path_stays_readable():
    assert events.escape_path("src/Grüße.py") == "src/Grüße.py"
    assert events.escape_path(os.fsdecode(b"caf\xe9\\n")) == "caf\\xe9\\\\n"


@given(paths, any_text)
def test_paths_survive_an_event_and_other_text_never_fails(path, text):
    event = again(finished(left_out=(events.LeftOut(path=path, reason=text),), notes=(text,)))
    assert event.left_out[0].path == path
    assert event.notes[0] == text.encode("utf-8", "backslashreplace").decode()
