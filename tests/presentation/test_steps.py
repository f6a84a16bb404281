"""Summaries of steps, made from the steps alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given

from patina_nb.presentation import steps
from patina_nb.sandbox.protocol import Output
from patina_nb.snapshot import FileChange, LeftOut
from patina_nb.workspaces.step import Step
from tests.presentation.markup import check, hostile


def output(text):
    data = text.encode("utf-8", "surrogateescape")
    return Output(data, total_bytes=len(data))


STEP = Step(
    session_id="auth",
    number=3,
    command="pytest -q\necho done",
    status="ok",
    exit_code=0,
    signal=None,
    stdout=output("".join(f"line {n}\n" for n in range(100))),
    stderr=output("\x1b[31mwarning\x1b[0m\n"),
    started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    duration_s=2.04,
    commit="c" * 40,
    parent="a" * 40,
    files=(FileChange("a.py", "modified"), FileChange("b\udcff", "added"), FileChange("c", "deleted")),
    engine="local",
    isolation="bubblewrap: files isolated",
)


def test_a_step_says_its_state_first_then_facts_then_the_end_of_its_output():
    piece = steps.summary(STEP, 2)
    assert piece.plain.splitlines()[0] == (
        "Step 3 finished: exit code 0, 2.0 s, 3 files changed in commit cccccccccc"
    )
    for text in (
        "pytest -q …",
        "local (bubblewrap: files isolated)",
        "agent/auth",
        "cccccccccc (before: aaaaaaaaaa)",
        "~a.py, +b<U+DCFF>, -c",
        "2026-01-02 03:04:05 UTC",
        "Output (last 2 of 100 lines):\nline 98\nline 99",
        "Error output (stderr):\nwarning",
    ):
        assert text in piece.plain
        assert text.split("\n")[0].replace("<", "&lt;").replace(">", "&gt;") in piece.html
    check(piece)


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"status": "failed", "exit_code": 2}, "failed: exit code 2, 2.0 s"),
        ({"status": "timed out", "exit_code": None, "signal": 9}, "timed out: signal 9 (SIGKILL), 2.0 s"),
        ({"status": "cancelled", "exit_code": None}, "was stopped: 2.0 s"),
        ({"status": "out of memory", "signal": 9}, "ran out of memory: signal 9"),
        ({"status": "error", "exit_code": None}, "did not run: 2.0 s"),
        ({"status": "unknown", "exit_code": None, "signal": 99}, "not known whether it succeeded: signal 99"),
        ({"commit": None, "files": ()}, "2.0 s, nothing changed"),
        ({"unpublished": "disk full"}, "2.0 s, NOT on the branch"),
    ],
)
def test_states_in_words(changes, headline):
    assert headline in steps.summary(replace(STEP, **changes), 0).plain


def test_nothing_that_went_differently_is_silent():
    step = replace(
        STEP,
        left_out=tuple(LeftOut(f"f{n}", "too large") for n in range(20)),
        unpublished="the branch is checked out",
        kept="refs/patina/new/auth",
        notes=("from the engine",),
        beside=(1, 2),
    )
    text = steps.summary(step, 0).plain
    assert "f0: too large" in text
    assert "and 8 more" in text
    assert "The commit is not on the branch: the branch is checked out" in text
    assert "Kept as refs/patina/new/auth." in text
    assert "Ran beside step 1, 2" in text
    assert "from the engine" in text
    rewritten = replace(STEP, rewritten=True, kept="refs/patina/old/auth/1")
    assert "the old tip is kept as refs/patina/old/auth/1" in steps.summary(rewritten, 0).plain


@given(hostile, hostile)
def test_hostile_steps(a, b):
    out = output(b.encode("utf-8", "replace").decode())
    step = replace(STEP, command=a, files=(FileChange(b, "added"),), left_out=(LeftOut(a, b),), notes=(b,))
    check(steps.summary(replace(step, stdout=out, stderr=out, unpublished=a, kept=b), 10))
