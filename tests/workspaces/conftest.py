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

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import patina_nb as patina
from patina_nb.workspaces.opening import opened
from patina_nb.workspaces.workspace import Workspace
from tests.conftest import Repo
from tests.dagger.live import needs_containers, reveal, rootfs

from .support import Pair, remove_tree

LOCAL = pytest.param("local", id="local")
DAGGER = pytest.param("dagger", id="dagger", marks=[*needs_containers, pytest.mark.timeout(600)])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Two engines, one suite."""
    if "engine" in metafunc.fixturenames:
        alone = metafunc.definition.get_closest_marker("local_only")
        metafunc.parametrize("engine", [LOCAL] if alone else [LOCAL, DAGGER], indirect=True)


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
def engine(request, cache, monkeypatch) -> str:
    """The engine of workspaces in this test: the embedded one (or what PATINA_ENGINE names instead), or Dagger."""
    if request.param == "dagger":
        reveal(monkeypatch)
        monkeypatch.setenv("PATINA_ENGINE", "dagger")
        monkeypatch.setenv("PATINA_DAGGER_IMAGE", f"rootfs:{rootfs()}")
    return request.param


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
