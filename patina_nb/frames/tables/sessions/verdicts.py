"""Whether a session reached its goal: what the designated verification said about its newest tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...reading.objects import trees
from ...reading.own import OwnSession
from ...reading.values import sure

if TYPE_CHECKING:
    import pandas as pd

VERDICTS = {"ok": True, "failed": False, "timeout": False}
"""What the status of a run says about its tree; an error or a cancelled run says nothing."""
_BAD = ("failed", "error")


@dataclass(frozen=True)
class TestLists:
    """The two lists of a SWE-bench task: tests that must pass now, and tests that must not fail."""

    fail_to_pass: frozenset[str]
    pass_to_pass: frozenset[str] = frozenset()

    __test__ = False  # not one of pytest's

    def resolved(self, outcomes: Mapping[str, object]) -> bool:
        """Do these outcomes (of `tests`, by test_id) fulfil the task?"""
        done = all(outcomes.get(test) == "passed" for test in self.fail_to_pass)
        return done and not any(outcomes.get(test) in _BAD for test in self.pass_to_pass)


@dataclass(frozen=True)
class Verification:
    """The designated verification: a stage of the pipeline, or the exact command of a step.

    Where there are `lists` for a session (those under None are for all others) the single tests of its run
    decide, instead of its exit code.
    """

    name: str = "test"
    lists: Mapping[str | None, TestLists] = field(default_factory=dict, hash=False)

    def runs(self, runs: pd.DataFrame) -> pd.DataFrame:
        """The runs that are this verification, by time."""
        stage = (runs["kind"] == "verify") & runs["run_id"].str.endswith(f"/{self.name}")
        found: pd.DataFrame = runs[sure(stage) | sure(runs["command"] == self.name)]
        return found.sort_values(["ended_at", "run_id"], ignore_index=True)


def resolved(
    sessions: Iterable[OwnSession], verification: Verification, runs: pd.DataFrame, tests: pd.DataFrame
) -> dict[str, bool]:
    """The verdict of each session that has one: by the last run on the tree of its head."""
    known = verification.runs(runs)
    known = known[known["status"].isin(list(VERDICTS))]
    last = known.drop_duplicates(["session_id", "tree_sha"], keep="last").set_index(
        ["session_id", "tree_sha"]
    )
    found = {}
    for session_id, tree in _trees(sessions).items():
        if (session_id, tree) in last.index:
            run: Any = last.loc[(session_id, tree)]
            found[session_id] = _verdict(run, verification, session_id, tests)
    return found


def first_green(verification: Verification, runs: pd.DataFrame) -> pd.Series[Any]:
    """When the verification first passed in each session."""
    known = verification.runs(runs)
    return known[known["status"] == "ok"].groupby("session_id")["ended_at"].min()


def last_tests(verification: Verification, runs: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """How many tests the newest run of the verification had in each session, and how many passed.

    A session whose newest run left no report has no row: an older one says nothing about its work.
    """
    known = verification.runs(runs)
    newest = known[known["ended_at"].notna()].drop_duplicates("session_id", keep="last")
    of_runs = tests[tests["run_id"].isin(newest["run_id"])]
    of_runs = of_runs.assign(n_tests_passed=sure(of_runs["outcome"] == "passed").astype("Int64"))
    counts = of_runs.groupby("run_id").agg(
        n_tests=("test_id", "size"), n_tests_passed=("n_tests_passed", "sum")
    )
    found = newest[["session_id", "run_id"]].merge(counts, left_on="run_id", right_index=True)
    return found.set_index("session_id")[["n_tests", "n_tests_passed"]].astype("Int64")


def _verdict(run: pd.Series[Any], verification: Verification, session_id: str, tests: pd.DataFrame) -> bool:
    lists = verification.lists.get(session_id, verification.lists.get(None))
    if lists is None:
        return VERDICTS[run["status"]]
    of_run = tests[tests["run_id"] == run["run_id"]]
    return lists.resolved(dict(zip(of_run["test_id"], of_run["outcome"], strict=True)))


def _trees(sessions: Iterable[OwnSession]) -> dict[str, str]:
    """The tree of each session's head; one question to git for each repository."""
    heads: dict[Any, dict[str, str]] = {}
    for session in sessions:
        if session.repository is not None and session.head is not None:
            heads.setdefault(session.repository, {})[session.session_id] = session.head
    found: dict[str, str] = {}
    for repository, of_sessions in heads.items():
        known = trees(repository, of_sessions.values())
        found |= {name: known[head] for name, head in of_sessions.items() if head in known}
    return found
