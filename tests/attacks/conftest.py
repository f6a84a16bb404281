"""Fixtures of the attacks; what they do is in `stage`.

A test opens a box with ``stage.open(kind)``, remembers the host with ``stage.host()``, attacks with
``box.run(...)``, and asks ``stage.unchanged(before)``. When it ends, every box is deleted, and no process
and no mount of them may be left.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from patina_nb.engines.dagger import connections
from tests.conftest import new_repo

from .stage import ENFORCED, KINDS, SEPARATE, Stage


def pytest_configure(config):
    config.addinivalue_line("markers", "core: root's test run repeats it as an ordinary user")


@pytest.fixture(scope="session")
def cache_dir():
    """Where the boxes of this test run live; every user can pass through it."""
    path = Path(tempfile.mkdtemp(prefix="patina-attacks-"))
    path.chmod(0o755)
    yield path / "cache"
    connections.close_all()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def place():
    """Where the repository of the containers' tests lies, one after the other."""
    path = Path(tempfile.mkdtemp(prefix="patina-attacks-"))
    yield path / "pröject one"
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def repo(request, repo, place):
    """For containers always the same one, made anew: what an engine prepares for a project, it prepares once."""
    if "container" not in getattr(request.node, "callspec", SimpleNamespace(params={})).params.values():
        return repo
    shutil.rmtree(place.parent, ignore_errors=True)
    made = new_repo(place)
    made.env.update(dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T00:00:00Z"))
    made.commit({"a.txt": "one\n", "dir/b.txt": "two\n"}, "first")
    return made


@pytest.fixture
def stage(repo, open_dir, cache_dir, monkeypatch):
    """A repository with its user's host, and boxes to attack it from."""
    monkeypatch.setenv("PATINA_CACHE_DIR", str(cache_dir))
    monkeypatch.chdir(repo.path)
    made = Stage(repo, open_dir, cache_dir, monkeypatch)
    yield made
    made.end()


@pytest.fixture(params=KINDS)
def kind(request):
    """Every kind of box."""
    return request.param


@pytest.fixture(params=ENFORCED)
def enforced(request):
    """The kinds of box that promise something."""
    return request.param


@pytest.fixture(params=SEPARATE)
def separate(request):
    """The kinds of box with a file system, processes and a network of their own."""
    return request.param
