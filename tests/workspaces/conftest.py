"""Fixtures of the tests of workspaces.

def test_it(ws):                 # an open workspace of the repository `repo`
    step = ws.run("echo hi")

def test_that(pair):             # the same beside a plain clone
    pair.run("rm a.txt")         # runs in both; the trees must be equal

def test_more(opener):
    ws = opener("other-session", with_changes=True)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import patina_nb as patina
from patina_nb.workspaces.opening import opened
from patina_nb.workspaces.workspace import Workspace

from .support import Pair, remove_tree


@pytest.fixture(scope="session")
def open_cache() -> Iterator[Path]:
    """A cache directory that every user of the machine can pass through (pytest's own are closed)."""
    path = Path(tempfile.mkdtemp(prefix="patina-cache-"))
    path.chmod(0o755)
    yield path
    remove_tree(path)


@pytest.fixture(autouse=True)
def cache(open_cache, tmp_path, monkeypatch) -> Iterator[Path]:
    """Every test works with it, and leaves no workspace open; what killed processes leave is in a place of its own."""
    monkeypatch.setenv("PATINA_CACHE_DIR", str(open_cache))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield open_cache
    for workspace in opened():
        workspace.close()


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
