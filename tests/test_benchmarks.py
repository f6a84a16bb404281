"""The page of the benchmarks: each part's table is written alone, and no other is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import container_use, page
from benchmarks.__main__ import PARTS, README
from benchmarks.timing import Row, in_turn

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments, **env):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", PARTS)
def test_a_table_takes_the_place_of_its_last_one_and_leaves_all_else(name):
    before = README.read_text()
    after = page.replaced(before, name, "What it is about.", ["| new |"])
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    assert after.partition(begin)[0] == before.partition(begin)[0]
    assert after.partition(end)[2] == before.partition(end)[2]
    assert after.partition(begin)[2].partition(end)[0].endswith("| ---: |\n| new |\n\n")
    assert page.replaced(after, name, "What it is about.", ["| new |"]) == after


def test_a_part_without_a_place_comes_last():
    after = page.replaced("# Benchmarks\n\n<!-- a -->\n<!-- end of a -->\n", "b", "About b.", ["| new |"])
    assert after.startswith(
        "# Benchmarks\n\n<!-- a -->\n<!-- end of a -->\n\n<!-- b -->\n\n## b\n\nAbout b.\n"
    )
    assert after.endswith("| new |\n\n<!-- end of b -->\n")


def test_half_a_section_is_not_guessed_at():
    with pytest.raises(ValueError, match="no <!-- end of a -->"):
        page.replaced("<!-- a -->\n\nall that follows", "a", "", [])


def test_a_small_ratio_does_not_read_as_nothing():
    row = Row("it", 1.25, "the other", 400.0, ">= 30x faster", True, 9)
    assert page.line(row) == "| it | 1.2 | the other | 400.0 | 0.0031 | >= 30x faster | yes | 9 |"


def test_all_are_called_in_turn_and_each_after_a_pause():
    calls = []
    names = ("ours", "one", "other")
    medians = in_turn(
        *(lambda name=name: calls.append(name) for name in names),
        runs=2,
        warm_up=1,
        between=lambda: calls.append("-"),
    )
    assert calls == ["-", "ours", "-", "one", "-", "other"] * 3 + ["-"]
    assert len(medians) == 3


def test_what_is_no_part_is_refused():
    done = run("locl")
    assert done.returncode == 2
    assert "no such part: locl" in done.stderr


def test_without_an_engine_one_line_says_why_its_rows_are_missing():
    before = README.read_text()
    done = run("dagger", "--write", _EXPERIMENTAL_DAGGER_CLI_BIN="/nonexistent/dagger")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("dagger: not measured: no Dagger engine: ")
    assert README.read_text() == before


def test_what_cannot_be_compared_says_why(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert container_use.missing("python:3.12-slim").endswith("not on the PATH")
