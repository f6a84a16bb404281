"""Fixtures of the tests of workspaces: each one with a repository runs on the embedded engine and on Dagger.

def test_it(ws):                 # an open workspace of the repository `repo`
    step = ws.run("echo hi")

def test_that(pair):             # the same beside a plain clone
    pair.run("rm a.txt")         # runs in both; the trees must be equal

def test_more(opener):
    ws = opener("other-session", with_changes=True)

@pytest.mark.local_only("the disk under a container is that of its engine")
def test_a_full_disk(repo):      # the same suite, but for this one
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import patina_nb as patina
from patina_nb.workspaces.workspace import Workspace
from tests.conftest import Repo
from tests.on_engines import cache, engine, on_both_engines, open_cache

from .support import Pair

__all__ = ["cache", "engine", "open_cache"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_both_engines(metafunc, timeout=600)


@pytest.fixture
def repo(engine, repo: Repo) -> Repo:
    """The repository, for workspaces on the engine of this test."""
    return repo


@pytest.fixture
def opener(repo) -> Callable[..., Workspace]:
    """Opens workspaces of `repo`."""

    def make(session: object = "work", **options: object) -> Workspace:
        return patina.workspace(session, path=repo.path, **options)

    return make


@pytest.fixture
def ws(opener) -> Workspace:
    return opener()


@pytest.fixture
def pair(repo, ws, tmp_path) -> Pair:
    clone = tmp_path / "clone"
    repo.git("clone", "-q", str(repo.path), str(clone))
    return Pair(repo, ws, clone)
