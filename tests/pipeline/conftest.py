"""Fixtures of the tests of pipelines.

def test_it(make):
    target = make({"test_a.py": "..."})            # a repository with these files in one commit, its HEAD
    report = run(target, "lint", "test", fresh=True)

@both                                              # on the embedded engine and on Dagger
def test_it(make):

A tool that the box does not have skips the test with the reason, unless the test is about that.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from patina_nb.pipeline.report import Report
from patina_nb.pipeline.run import check_clean
from patina_nb.pipeline.targets import Target, target_of

from ..conftest import Repo, new_repo
from ..on_engines import cache, engine, on_both_engines, open_cache

__all__ = ["cache", "engine", "open_cache"]

Make = Callable[..., Target]
both = pytest.mark.usefixtures("engine")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_both_engines(metafunc, timeout=900)


@pytest.fixture
def make(tmp_path) -> Make:
    """Makes repositories; `design` is the text of the user's design file, which is not committed."""
    made: list[Repo] = []

    def repository(files: dict[str, str], design: str | None = None) -> Target:
        repo = new_repo(tmp_path / f"project {len(made)}")
        made.append(repo)
        repo.commit(files, "first")
        if design is not None:
            repo.write({"PROJECT_DESIGN.toml": design})
        return target_of(repo.project)

    return repository


def repo_of(target: Target) -> Repo:
    """The repository of a target, to change it."""
    return Repo(target.project.repository.worktree)


def run(target: Target, *stages: str, **options: object) -> Report:
    """A clean run; skips where the box lacks the tool."""
    report = check_clean(target, stages, options)
    for stage in report.stages:
        if stage.status == "tool missing":
            pytest.skip(f"{stage.command}: {stage.notes[0]}")
    return report


def design(**commands: str) -> str:
    """A design file with these commands, and workspaces on."""
    lines = [f"{name} = '''{command}'''" for name, command in commands.items()]
    return "\n".join(['[project]\nfeatures = ["agent-workflows"]\n\n[development.commands]', *lines, ""])


def results(report: Report) -> dict[str, str]:
    """Name of a test -> its status."""
    return {case.name: case.status for case in report.tests}
