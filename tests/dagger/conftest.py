"""Fixtures of the tests against an engine.

def test_it(opener):             # workspaces of `repo` on the engine, in containers of a small image
    ws = opener("work")
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator

import pytest

import patina_nb as patina
from patina_nb.engines.dagger import connections
from patina_nb.workspaces.opening import opened
from patina_nb.workspaces.workspace import Workspace

from .live import reveal, rootfs


@pytest.fixture(autouse=True)
def _engine_of_the_machine(_no_settings, monkeypatch) -> None:
    """What other tests must not see."""
    reveal(monkeypatch)


@pytest.fixture(scope="session")
def records() -> Iterator[str]:
    """One cache directory for all tests: what an engine holds already is not made again.

    Every user of the machine can pass through it, as the boxes of the local engine must.
    """
    path = tempfile.mkdtemp(prefix="patina-cache-")
    os.chmod(path, 0o755)
    yield path
    connections.close_all()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def image(monkeypatch, records) -> None:
    """Workspaces begin with a small image that is there without a network."""
    monkeypatch.setenv("PATINA_DAGGER_IMAGE", f"rootfs:{rootfs()}")
    monkeypatch.setenv("PATINA_CACHE_DIR", records)


@pytest.fixture
def opener(repo, image) -> Iterator[Callable[..., Workspace]]:
    """Opens workspaces of `repo` on the engine; removes them at the end of the test."""

    def make(session: object = "work", **options: object) -> Workspace:
        return patina.workspace(session, path=repo.path, engine="dagger", **options)

    yield make
    for workspace in opened():
        if workspace.alive:
            workspace.delete(force=True)
        workspace.close()


@pytest.fixture
def ws(opener) -> Workspace:
    return opener()
