"""The last test report of a session, from its journal."""

from __future__ import annotations

import pytest

from patina_nb import events
from patina_nb.presentation import display
from patina_nb.session import get, last_tests, start

HEAD, TREE = "a" * 40, "b" * 40


def check(stage="test", status="passed", *, run="1", counts=(2, 0, 0, 1), **fields):
    """A stage as a pipeline writes it; `counts` None = there was no report."""
    names = ("passed", "failed", "errors", "skipped")
    counted = dict(zip(names, counts, strict=True)) if counts else {}
    known = {"command": "x", "place": "clean", "head_sha": HEAD, "tree_sha": TREE, **counted, **fields}
    return events.CheckFinished(session_id="s", check=run, stage=stage, status=status, **known)


def test_no_tests_are_not_known_and_never_zero():
    assert last_tests([]) is None
    lint = check("lint", counts=None)
    assert last_tests([lint]) is None
    assert last_tests([lint, check(status="skipped", counts=None)]) is None


def test_the_newest_run_counts():
    found = last_tests(
        [check(), check(status="failed", run="2", counts=(3, 1, 1, 1)), check("lint", counts=None)]
    )
    assert (found.status, found.passed, found.total) == ("failed", 3, 6)
    assert found.words == "failed: 3 of 6 passed"


def test_a_run_that_was_stopped_before_its_tests_does_not_hide_the_one_before():
    stopped = [check("lint", "failed", run="2", counts=None), check("test", "skipped", run="2", counts=None)]
    assert last_tests([check(), *stopped]).words == "passed: 2 of 3 passed"


def test_the_stages_of_one_run_are_added():
    both = [check(), check("integration", "failed", counts=(1, 2, 0, 0))]
    assert last_tests(both).words == "failed: 3 of 6 passed"
    unknown = [check(), check("integration"), check("test", "failed", run="2", counts=None)]
    assert last_tests(unknown).total is None


@pytest.mark.parametrize("status", ["passed", "failed", "tool missing", "timed out"])
def test_without_a_report_there_is_only_the_status(status):
    found = last_tests([check(status=status, counts=None)])
    assert (found.passed, found.total, found.words) == (None, None, status)


def test_tests_of_another_tree_or_in_the_workspace_say_so():
    assert last_tests([check()]).current is None
    assert last_tests([check()], TREE).current is True
    old = last_tests([check(place="workspace")], "c" * 40)
    assert old.current is False
    assert (
        old.words == "passed: 2 of 3 passed in the workspace, on an earlier state of the branch (aaaaaaaaaa)"
    )
    assert last_tests([check(tree_sha=None)], TREE).current is None


def test_the_end_of_a_session_tells_and_records_them(repo):
    session = start(repo.project, session="s")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    repo.project.journal.append(check(status="failed", counts=(1, 1, 0, 0), tree_sha=tree))
    ended = session.end()
    assert (ended.tests.passed, ended.tests.total, ended.tests.current) == (1, 2, True)
    assert "failed: 1 of 2 passed, by x" in display.ended(ended).plain
    recorded = repo.project.journal.read("s").events[-1]
    assert isinstance(recorded, events.SessionEnded)
    assert (recorded.tests_status, recorded.tests_passed, recorded.n_tests) == ("failed", 1, 2)
    assert recorded.tests_current is True


def test_the_end_of_a_session_without_tests_says_that_none_ran(repo):
    ended = start(repo.project, session="s").end()
    assert ended.tests is None
    assert "none ran" in display.ended(ended).plain
    recorded = repo.project.journal.read("s").events[-1]
    assert (recorded.tests_status, recorded.n_tests) == (None, None)


def test_tests_of_a_branch_that_is_gone_are_told_all_the_same(repo):
    session = start(repo.project, session="s")
    repo.project.journal.append(check())
    repo.git("branch", "-q", "-D", session.branch)
    ended = get(repo.project, "s").end()
    assert (ended.head, ended.tests.words, ended.tests.current) == (None, "passed: 2 of 3 passed", None)
