"""The embedded engine: a command, a step from edit to branch, opening a workspace."""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import patina_nb as patina
from benchmarks.repositories import make
from benchmarks.timing import Row, in_turn, pause, timed
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import Command

SMALL, LARGE = 100, 100_000
EDITED = "d0000/f000000.py"
AUTHOR = ("-c", "user.name=B", "-c", "user.email=b@example.org")


def rows(scratch: Path) -> Iterator[Row]:
    """The rows of the embedded engine, in the order of the table."""
    repositories = {size: make(scratch / f"files-{size}", size) for size in (SMALL, LARGE)}
    yield command(repositories[SMALL])
    yield from edit_to_branch(repositories)
    yield opening(repositories[LARGE])


def opened(name: str, repository: Path) -> patina.Workspace:
    return patina.workspace(patina.start(session=name, path=repository), engine="local", path=repository)


def command(repository: Path) -> Row:
    with opened("command", repository) as workspace:
        sandbox: Sandbox = workspace._sandbox
        request = Command(["true"])
        ours, bare = in_turn(
            lambda: sandbox.exec(request), lambda: subprocess.run(["true"], check=True), runs=200
        )
    return Row("command in an open workspace", ours, "bare subprocess", bare, "<= 2x", ours <= 2 * bare, 200)


def edit_to_branch(repositories: dict[int, Path]) -> Iterator[Row]:
    """A step that edits one file, until the commit is on agent/<id>: 100k files against 100.

    Then two without a pause: the second waits until the agent's index has followed the first, and git writes
    an index as a whole. The baseline there is what git itself takes.
    """
    spaces = {size: opened("edit", path) for size, path in repositories.items()}
    numbers = itertools.count()

    def edit(size: int) -> None:
        step = spaces[size].run(f"echo {next(numbers)} > {EDITED}")
        assert step.commit is not None, step

    def two() -> None:
        edit(LARGE)
        edit(LARGE)

    def two_by_git() -> None:
        for _ in range(2):
            (repositories[LARGE] / EDITED).write_text(f"{next(numbers)}\n")
            for words in (["add", EDITED], ["commit", "-q", "-m", "edit"]):
                subprocess.run(["git", *AUTHOR, *words], cwd=repositories[LARGE], check=True)

    try:
        large, small = in_turn(lambda: edit(LARGE), lambda: edit(SMALL), runs=40, between=pause)
        name = "edit -> commit on agent/<id>, 100k files"
        yield Row(name, large, "the same at 100 files", small, "<= 1.2x", large <= 1.2 * small, 40)
        pair, plain = in_turn(two, two_by_git, runs=20, between=pause)
    finally:
        for space in spaces.values():
            space.close()
    name = "two such steps without a pause, 100k files"
    yield Row(name, pair, "git add, git commit, twice", plain, "<= 1x", pair <= plain, 20)


def opening(repository: Path) -> Row:
    """A new workspace on a cached base until its first command has answered; baseline: git worktree add."""
    times = []
    for number in range(10):
        spaces: list[patina.Workspace] = []

        def run(name: str = f"open-{number}", spaces: list[patina.Workspace] = spaces) -> None:
            spaces.append(opened(name, repository))
            assert spaces[0].run("true").ok

        times.append(timed(run))
        assert spaces[0].notes is not None  # comes from the background, which must be idle for the next
        spaces[0].delete(force=True)
    target = repository.parent / "worktree"
    argv = ["git", "worktree", "add", "-q", "--detach", os.fspath(target)]
    baseline = timed(lambda: subprocess.run(argv, cwd=repository, check=True))  # so long that once will do
    subprocess.run(["git", "worktree", "remove", "--force", os.fspath(target)], cwd=repository, check=True)
    median = statistics.median(times[1:])
    name = "open a workspace and run `true`, 100k files, cached base"
    return Row(name, median, "git worktree add", baseline, "<= 100 ms", median <= 100, 9)
