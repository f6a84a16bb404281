"""One suite, two engines: fixtures for a folder's conftest to import.

A test with the fixture `engine` (it, or one that needs it) runs on the embedded engine and on Dagger; the
latter is skipped with its reason where there is none, before anything is made.

    @pytest.mark.local_only("the disk under a container is that of its engine")
    def test_a_full_disk(repo):      # but for this one
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from patina_nb.workspaces.opening import opened
from tests.dagger.live import needs_containers, reveal, rootfs
from tests.workspaces.support import remove_tree

LOCAL = pytest.param("local", id="local")


def on_both_engines(metafunc: pytest.Metafunc, *, timeout: int) -> None:
    """The body of a ``pytest_generate_tests``; `timeout` in seconds, for a test on Dagger."""
    if "engine" in metafunc.fixturenames:
        dagger = pytest.param("dagger", id="dagger", marks=[*needs_containers, pytest.mark.timeout(timeout)])
        alone = metafunc.definition.get_closest_marker("local_only")
        metafunc.parametrize("engine", [LOCAL] if alone else [LOCAL, dagger], indirect=True)


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
    """The engine of this test: the embedded one (or what PATINA_ENGINE names instead), or Dagger."""
    if request.param == "dagger":
        reveal(monkeypatch)
        monkeypatch.setenv("PATINA_ENGINE", "dagger")
        monkeypatch.setenv("PATINA_DAGGER_IMAGE", f"rootfs:{rootfs()}")
    return request.param
