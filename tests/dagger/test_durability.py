"""An engine is killed, stopped, pruned, or one of two: the session goes on, and the user reads what was lost."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from patina_nb.engines.dagger import connections, pool
from patina_nb.engines.dagger.connections import connect
from patina_nb.errors import EngineUnavailableError, SandboxError
from tests.workspaces.support import said, wait_for

from .live import RUNNER, OwnEngine, needs_engine, no_own_engine
from .test_box import processes, text

pytestmark = [
    *needs_engine,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(no_own_engine()), reason=no_own_engine() or "there is one"),
]


@pytest.fixture
def engines(monkeypatch) -> Iterator[list[OwnEngine]]:
    """Two engines of our own, of which the first runs and is that of the environment.

    At the end, when every workspace was closed, no container of them is left, and no dagger command.
    """
    made = [OwnEngine(f"test{secrets.token_hex(3)}") for _ in range(2)]
    try:
        made[0].start()
        monkeypatch.setenv(RUNNER, made[0].address)
        yield made
        connections.close_all()
        wait_for(lambda: left_behind(made) == [], "the end of all containers and commands")
    finally:
        for engine in made:
            engine.clean()


def left_behind(engines: list[OwnEngine]) -> list[str]:
    return [words for engine in engines for words in (*engine.containers(), *engine.commands())]


def test_killed_in_the_middle_of_a_step(repo, engines, opener):
    ws = opener()
    ws.run("echo 1 > one; echo '*.log' > .gitignore; echo lost > x.log")
    tip = ws.tip
    threading.Timer(1.0, engines[0].end, (signal.SIGKILL,)).start()
    began = time.monotonic()
    step = ws.run("echo 2 > two; exec sleep 4243")
    assert step.status == "unknown"
    assert "open it again" in step.unpublished
    assert time.monotonic() - began < 30
    with pytest.raises(SandboxError, match="the Dagger engine has gone; open the workspace again"):
        ws.run("true")
    with pytest.raises(EngineUnavailableError, match="nobody listens"):
        opener()
    wait_for(lambda: left_behind(engines) == [], "the end of the container and of the dagger command")
    assert not processes("sleep 4243")
    engines[0].start()
    again = opener()
    assert again.tip == tip == repo.git("rev-parse", "agent/work")
    assert "the engine had lost its store" in " ".join(again.notes)
    assert text(again.run("cat one; ls -A")).split() == ["1", ".git", ".gitignore", "a.txt", "dir", "one"]
    assert again.run("echo 3 > three").number > step.number
    assert engines[0].containers()
    assert len(engines[0].commands()) == 1


def test_stopped_and_started(engines, opener):
    """Also with a workspace open: the engine has time to write its store, and we let go of it at once."""
    ws = opener()
    ws.run("echo '*.log' > .gitignore; echo kept > x.log")
    engines[0].end(signal.SIGTERM)
    engines[0].start()
    again = opener()
    assert said(again) == []
    assert text(again.run("cat x.log")) == "kept"


def test_pruned(engines, opener):
    ws, other = opener("work"), opener("other")
    for each in (ws, other):
        each.run("echo '*.log' > .gitignore; echo kept > x.log")
    other.close()
    connection = connect()
    connection.run(lambda: connection.client.engine().local_cache().prune(), 300)
    assert text(ws.run("cat x.log")) == "kept"
    again = opener("other")
    found = again.run("cat x.log").stdout.text
    assert found == "kept\n" or "made anew" in " ".join(again.notes)
    assert text(again.run("git show HEAD:.gitignore")) == "*.log"


def test_another_runner(repo, engines, opener, monkeypatch):
    """From one engine to the other and back: files and branch come along, ignored files do not."""
    engines[1].start()
    ws = opener()
    ws.run("echo 1 > one; echo '*.log' > .gitignore; echo lost > x.log")
    tip = ws.tip
    ws.close()
    for engine in (engines[1], engines[0]):
        monkeypatch.setenv(RUNNER, engine.address)
        again = opener()
        assert again._box._running.connection.runner.address == engine.address
        assert "on another engine: another runner is named now" in " ".join(again.notes)
        assert again.tip == tip == repo.git("rev-parse", "agent/work")
        assert text(again.run("cat one; ls -A")).split() == [
            "1",
            *(".git", ".gitignore", "a.txt", "dir", "one"),
        ]
        again.close()
        assert not any(one.containers() for one in engines)


def test_two_engines_as_a_pool(repo, engines, opener, monkeypatch):
    engines[1].start()
    addresses = [engine.address for engine in engines]
    monkeypatch.setenv(pool.VARIABLE, " ".join(addresses))
    names = [f"s{n}" for n in range(6)]
    opened = {name: opener(name) for name in names}
    where = {name: ws._box._running.connection.runner.address for name, ws in opened.items()}
    assert set(where.values()) <= set(addresses)
    project = opened["s0"].project.id
    assert where == {name: pool.ranking(addresses, f"{project} {name}")[0] for name in names}
    for name, ws in opened.items():
        ws.run(f"echo {name} > mine")
    engines[1].end(signal.SIGKILL)
    for name in names:
        again = opener(name)
        assert again._box._running.connection.runner.address == addresses[0]
        assert text(again.run("cat mine")) == name
        moved = where[name] == addresses[1]
        assert ("on another engine: " in " ".join(again.notes)) == moved
        assert (os.path.basename(addresses[1]) in " ".join(again.notes)) in (moved, False)
    monkeypatch.setenv(pool.VARIABLE, addresses[1])
    with pytest.raises(EngineUnavailableError, match="nobody listens"):
        opener("s9")
