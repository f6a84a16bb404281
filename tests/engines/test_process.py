"""The engine without isolation: it works, and says what it is."""

from __future__ import annotations

import os
import time

import pytest

from patina_nb.engines.local.engine import LocalEngine
from patina_nb.engines.process import ProcessEngine

from .bench import processes_with


@pytest.fixture
def opened(bench):
    return bench.open(engine=ProcessEngine())


def test_it_promises_nothing(opened):
    points = opened.box.isolation.points().values()
    assert not any(point.enforced for point in points)
    assert all(point.why for point in points)
    assert "NO ISOLATION" in opened.box.isolation.summary()
    assert any("NO ISOLATION" in note for note in opened.box.notes)
    assert opened.box.engine == "process"


def test_commands_run_as_ourselves_on_a_copy(opened, bench):
    assert opened.sh("id -u").strip() == str(os.geteuid())
    assert opened.sh("git status --porcelain; cat a.txt") == "one\n"
    assert opened.sh("touch new; stat -c %u new .git").split() == [str(os.geteuid())] * 2
    assert opened.sh("git rev-parse HEAD").strip() == bench.commit
    assert not (bench.repo / "new").exists()
    assert opened.box.changes(lambda _: ()) is None


def test_our_environment_is_not_passed_on(bench, monkeypatch):
    monkeypatch.setenv("API_KEY", "hunter2")
    assert "hunter2" not in bench.open(engine=ProcessEngine()).sh("env")


def test_it_ends_and_comes_back(opened, bench):
    mark = f"39{os.getpid()}"
    opened.sh(f"echo x > new; setsid sleep {mark} >/dev/null 2>&1 &")
    opened.box.close()
    deadline = time.monotonic() + 10
    while processes_with(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not processes_with(mark)
    again = bench.open(engine=ProcessEngine())
    assert not again.box.created
    assert again.sh("cat new") == "x\n"


def test_a_change_of_engine_makes_the_workspace_anew(opened, bench, namespaced):
    opened.box.close()
    again = bench.open(engine=LocalEngine())
    assert again.box.created
    assert any("Lost are" in note for note in again.box.notes)
    assert again.sh("cat a.txt") == "one\n"


def test_it_is_always_there():
    assert ProcessEngine().probe().usable
