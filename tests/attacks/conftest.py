"""Fixtures of the attacks; what they do is in `stage`.

A test opens a box with ``stage.open(kind)``, remembers the host with ``stage.host()``, attacks with
``box.run(...)``, and asks ``stage.unchanged(before)``. When it ends, every box is deleted, and no process
and no mount of them may be left.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from .stage import ENFORCED, KINDS, Stage


def pytest_configure(config):
    config.addinivalue_line("markers", "core: root's test run repeats it as an ordinary user")


@pytest.fixture(scope="session")
def cache_dir():
    """Where the boxes of this test run live; every user can pass through it."""
    path = Path(tempfile.mkdtemp(prefix="patina-attacks-"))
    path.chmod(0o755)
    yield path / "cache"
    shutil.rmtree(path, ignore_errors=True)


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
