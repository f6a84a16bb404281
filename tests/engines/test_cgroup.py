"""Control groups, where the machine has them; and a reason where not."""

from __future__ import annotations

import subprocess

import pytest

from patina_nb.engines.base import Limits
from patina_nb.engines.local import cgroup


def test_each_controller_is_there_or_has_a_reason():
    found = cgroup.places()
    for place, reason in ((found.memory, found.memory_reason), (found.processes, found.processes_reason)):
        assert (place is None) == bool(reason)
    if found.memory is None and found.processes is None:
        assert cgroup.create("test", Limits()) is None


@pytest.fixture
def group():
    made = cgroup.create("test", Limits(memory=64 << 20, processes=10))
    if made is None:
        pytest.skip(cgroup.places().memory_reason)
    yield made
    made.remove()


def joined(group, *argv):
    return [*cgroup.joining(group.folders), *argv]


def test_a_process_joins_and_the_group_goes_with_it(group):
    process = subprocess.Popen(joined(group, "sleep", "60"))
    while process.pid not in group.members():
        assert process.poll() is None
    group.remove()
    assert process.wait(5) == -9
    assert not any(folder.exists() for folder in group.folders)


def test_kills_for_memory_are_counted(group):
    if group.memory is None:
        pytest.skip(cgroup.places().memory_reason)
    assert group.oom_kills() == 0
    result = subprocess.run(
        joined(group, "python3", "-c", "x = b'x' * (200 << 20)"), check=False, capture_output=True
    )
    assert result.returncode == -9
    assert group.oom_kills() == 1


def test_a_group_that_a_killed_process_left_is_swept(group, monkeypatch):
    monkeypatch.setattr(cgroup, "_LEFT", -1.0)
    place = (group.memory or group.processes).parent
    left = place / "patina-other-4194305-1"
    left.mkdir()
    cgroup.create("test", Limits()).remove()
    assert not left.exists()


def test_no_group_no_prefix():
    assert cgroup.joining(()) == []


def test_version_2_takes_the_parent_when_it_is_delegated(tmp_path, monkeypatch):
    """Plain files in place of the kernel's: which directory is taken, and what is written there."""
    own = tmp_path / "app.slice" / "kernel"
    own.mkdir(parents=True)
    (own / "cgroup.subtree_control").write_text("")
    (own.parent / "cgroup.subtree_control").write_text("memory pids\n")
    monkeypatch.setattr(cgroup, "_own_groups", lambda: {"": "/app.slice/kernel"})
    monkeypatch.setattr(cgroup, "_mounts", lambda: iter([("/", tmp_path, "cgroup2", ["rw"])]))
    cgroup.places.cache_clear()
    try:
        assert cgroup.places() == cgroup.Places(own.parent, "", own.parent, "", unified=True)
        group = cgroup.create("test", Limits(memory=1 << 20, processes=5))
    finally:
        cgroup.places.cache_clear()
    (folder,) = group.folders
    assert folder.parent == own.parent
    values = {path.name: path.read_text() for path in folder.iterdir()}
    assert values == {"memory.max": "1048576", "memory.swap.max": "0", "pids.max": "69"}
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert group.oom_kills() == 2


def test_version_2_without_delegation_has_a_reason(tmp_path, monkeypatch):
    (tmp_path / "cgroup.subtree_control").write_text("cpu\n")
    monkeypatch.setattr(cgroup, "_own_groups", lambda: {"": "/"})
    monkeypatch.setattr(cgroup, "_mounts", lambda: iter([("/", tmp_path, "cgroup2", ["rw"])]))
    cgroup.places.cache_clear()
    try:
        found = cgroup.places()
    finally:
        cgroup.places.cache_clear()
    assert found.memory is None
    assert "memory is not delegated" in found.memory_reason
