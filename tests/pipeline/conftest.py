"""Fixtures of the tests of pipelines.

def test_it(make):
    target = make({"test_a.py": "..."})            # a repository with these files in one commit, its HEAD
    report = run(target, "lint", "test", fresh=True)

@both                                              # on the embedded engine and on Dagger
def test_it(make):

A tool that the box does not have skips the test with the reason, unless the test is about that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patina_nb.pipeline.report import Report
from patina_nb.pipeline.run import check_clean
from patina_nb.pipeline.targets import Target, target_of
from patina_nb.workspaces.opening import opened

from ..conftest import Repo, new_repo
from ..dagger.live import needs_containers, reveal, rootfs
from ..workspaces.support import remove_tree

Make = Callable[..., Target]
both = pytest.mark.usefixtures("engine")
LOCAL = pytest.param("local", id="local")
DAGGER = pytest.param("dagger", id="dagger", marks=[*needs_containers, pytest.mark.timeout(900)])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Two engines, one suite."""
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", [LOCAL, DAGGER], indirect=True)


@pytest.fixture(scope="session")
def open_cache() -> Iterator[Path]:
    """A cache directory that every user of the machine can pass through (pytest's own are closed)."""
    path = Path(tempfile.mkdtemp(prefix="patina-cache-"))
    path.chmod(0o755)
    yield path
    remove_tree(path)


@pytest.fixture(autouse=True)
def cache(open_cache, tmp_path, monkeypatch) -> Iterator[Path]:
    monkeypatch.setenv("PATINA_CACHE_DIR", str(open_cache))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield open_cache
    for workspace in opened():
        workspace.close()


@pytest.fixture
def engine(request, cache, monkeypatch) -> str:
    """The engine of this test: the embedded one (or what PATINA_ENGINE names instead), or Dagger."""
    if request.param == "dagger":
        reveal(monkeypatch)
        monkeypatch.setenv("PATINA_ENGINE", "dagger")
        monkeypatch.setenv("PATINA_DAGGER_IMAGE", f"rootfs:{rootfs()}")
    return request.param


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
