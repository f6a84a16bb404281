"""Fixtures of the engines' tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from patina_nb.engines.local.probe import availability
from patina_nb.engines.local.rungs import RUNGS

from ..on_engines import open_cache
from .bench import Bench

__all__ = ["open_cache"]


@pytest.fixture
def bench(repo, open_cache, monkeypatch) -> Iterator[Bench]:
    """A small repository (below a private directory when we are root) and boxes of it."""
    monkeypatch.setenv("PATINA_CACHE_DIR", str(open_cache))
    (repo.path / "link").symlink_to("a.txt")
    repo.write({"run.sh": "#!/bin/sh\necho run\n", ".gitignore": "ignored/\n"})
    (repo.path / "run.sh").chmod(0o755)
    commit = repo.commit({}, "second")
    made = Bench(repo.path, open_cache, commit)
    yield made
    made.end()
    shutil.rmtree(made.state, ignore_errors=True)


@pytest.fixture(params=[rung.name for rung in RUNGS])
def rung(request, bench) -> str:
    """Each kind of box that this machine allows."""
    (found,) = [availability(rung) for rung in RUNGS if rung.name == request.param]
    if not found.usable:
        pytest.skip(f"{request.param}: {found.reason}")
    return request.param


@pytest.fixture
def namespaced(bench):
    """Skips where no box with namespaces and an overlay can be made."""
    found = [availability(rung) for rung in RUNGS if rung.layout == "overlay"]
    if not any(rung.usable for rung in found):
        pytest.skip("; ".join(rung.reason for rung in found))
