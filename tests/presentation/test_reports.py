"""How a report looks: what is said, and that nothing in it can break out."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from patina_nb.events import Case
from patina_nb.pipeline.report import Report, Stage
from patina_nb.presentation import reports
from patina_nb.sandbox.protocol import Output
from tests.presentation.markup import check, hostile


def report(*stages, **changes):
    given_ = {
        "id": "1",
        "session_id": "auth",
        "place": "clean",
        "stages": stages,
        "head_sha": "a" * 40,
        "tree_sha": "b" * 40,
        "engine": "local",
        "isolation": "box: files isolated",
        "language": "python",
        "started_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "duration_s": 2.5,
    }
    return Report(**{**given_, **changes})


TESTS = (
    Case(name="test_a", status="passed", suite="m", duration_s=0.5),
    Case(
        name="test_b",
        status="failed",
        suite="m",
        duration_s=1.5,
        message="no",
        details="x\ny",
        path="m.py",
        line=3,
    ),
    Case(name="test_c", status="skipped", suite="m"),
    Case(name="test_d", status="passed", suite="m", duration_s=0.1, flaky=True),
)
FAILED = Stage(
    "test",
    "pytest",
    "failed",
    1,
    None,
    2.0,
    TESTS,
    "JUnit report",
    Output(b"out", total_bytes=3),
    notes=("odd",),
)


def test_a_red_report_says_what_failed_where_and_how_many_of_how_many():
    shown = reports.summary(report(Stage("lint", "ruff", "passed", 0, duration_s=0.1), FAILED), 10)
    text = check(shown)
    for words in (
        "agent/auth: test failed",
        "2 of 4 tests passed, 1 skipped",
        "Failed tests: 1 of 4",
        "m test_b",
        "m.py:3",
        "Slowest tests: 3 of 4",
        "m test_d (passed now)",
        "local (box: files isolated)",
        "a clean environment made from the head",
        "JUnit report",
        "odd",
    ):
        assert words in text, words
        assert words in shown.plain
    assert "out" not in shown.plain.split("odd")[1]  # the failed test says more than the output


def test_a_stage_that_failed_without_tests_shows_the_end_of_its_output():
    stage = Stage(
        "lint",
        "ruff",
        "failed",
        1,
        None,
        0.1,
        None,
        "the exit code alone",
        Output(b"bad line\n", total_bytes=9),
    )
    shown = reports.summary(report(stage), 10)
    assert "bad line" in check(shown)
    assert "lint failed: exit code 1" in shown.plain
    assert "bad line" not in reports.summary(report(stage), 0).plain


def test_an_earlier_report_says_first_that_it_is_one():
    shown = reports.summary(report(FAILED, unchanged_since=datetime(2026, 1, 2, tzinfo=UTC)), 10)
    assert "Unchanged since 2026-01-02 00:00:00 UTC: nothing was run" in check(shown)
    assert "--fresh" in shown.plain
    assert "lasted    2.5" not in shown.plain


def test_several_sessions_in_one_table():
    shown = reports.side_by_side(
        [report(FAILED), report(Stage("test", "x", "passed", 0), session_id="other")]
    )
    text = check(shown)
    assert "1 of 2 sessions did not pass" in text
    assert "Failed tests of agent/auth: 1 of 4" in text
    assert "agent/other" in text


def test_many_failures_are_cut_and_counted():
    many = tuple(Case(name=f"t{n}", status="failed") for n in range(1000))
    shown = reports.summary(report(Stage("test", "x", "failed", 1, tests=many)), 10)
    assert "Failed tests: 1000 of 1000 (20 of 1000 rows)" in check(shown)


@given(hostile, hostile, hostile, st.binary(max_size=40))
def test_nothing_in_a_report_breaks_out(name, message, note, output):
    case = Case(name=name, status="failed", suite=message, message=message, details=note, path=name, line=1)
    stage = Stage(
        "test",
        message,
        "failed",
        1,
        None,
        1.0,
        (case,),
        note,
        Output(output, total_bytes=len(output)),
        notes=(note,),
    )
    bare = Stage("lint", message, "error", 1, None, 1.0, None, note, Output(output, total_bytes=len(output)))
    made = report(stage, bare, notes=(note,), fallbacks=(message,))
    check(reports.summary(made, 10))
    check(reports.side_by_side([made]))


def test_counts_say_only_what_is_known():
    cut = Stage("test", "pytest", "timed out", 2, None, 2.0, TESTS[:1], "JUnit report")
    assert "test timed out: 1 test passed until then" in reports.summary(report(cut), 10).plain
    assert "1 passed until then" in reports.side_by_side([report(cut)]).plain
    nothing = reports.summary(report(Stage("test", "pytest", "no tests ran", 5, None, 1.0, ())), 10).plain
    assert "no tests ran  none" in nothing
    assert "0 of 0" not in nothing
    unread = reports.summary(report(Stage("test", "pytest", "error", 0, None, 1.0, None)), 10).plain
    assert "none" not in unread
