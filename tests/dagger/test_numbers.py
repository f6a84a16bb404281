"""An engine that lost its store gives out the same numbers again: a session never opens what is another's."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

import patina_nb as patina
from patina_nb.engines.dagger.connections import connect
from tests.conftest import new_repo

from .live import OwnEngine, needs_engine, no_own_engine, reveal
from .test_box import record_of, text

pytestmark = [
    *needs_engine,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(no_own_engine()), reason=no_own_engine() or "there is one"),
]


def begin(engine: OwnEngine) -> None:
    """Start it, and wait until it answers: a new store takes its time."""
    engine.start()
    connect(engine.address, timeout=200)


@pytest.fixture
def engine(monkeypatch) -> Iterator[OwnEngine]:
    made = OwnEngine("numbers")
    begin(made)
    reveal(monkeypatch)
    monkeypatch.setenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST", made.address)
    yield made
    if made._process.poll() is None:
        made.end(signal.SIGKILL)


def test_a_killed_engine_and_another_repository_that_comes_first(repo, tmp_path, engine, opener):
    """Each session goes on with its own files on its own branch, and nothing of one comes to the other."""
    other = new_repo(tmp_path / "other")
    other.commit({"theirs.txt": "theirs\n"}, "first of the other")
    ws = opener()
    text(ws.run("echo mine >mine.txt; echo '*.log' >.gitignore; echo private >x.log"))
    tip = ws.tip
    _, old = record_of(ws)
    engine.end(signal.SIGKILL)
    begin(engine)
    with patina.workspace("work", path=other.path, engine="dagger") as first:
        text(first.run("echo more >>theirs.txt"))
        _, new = record_of(first)
        assert set(text(first.run("ls -A")).split()) == {".git", "theirs.txt"}
        again = opener()
        assert again.tip == tip
        assert "the engine had lost its store" in " ".join(again.notes)
        step = again.run("ls -A; echo on >>mine.txt")
        assert set(text(step).split()) == {".git", ".gitignore", "a.txt", "dir", "mine.txt"}
        assert [file.path for file in step.files] == ["mine.txt"]
        assert repo.git("show", "agent/work:mine.txt") == "mine\non"
        assert other.git("ls-tree", "--name-only", "agent/work") == "theirs.txt"
        assert record_of(again)[1].volume not in (old.volume, new.volume)
        first.delete(force=True)
