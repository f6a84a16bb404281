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
    result = subprocess.run(joined(group, "python3", "-c", "x = b'x' * (200 << 20)"), check=False, capture_output=True)
    assert result.returncode == -9
    assert group.oom_kills() == 1


def test_a_group_that_a_killed_process_left_is_swept(group):
    place = (group.memory or group.processes).parent
    left = place / "patina-test-4194305-1"
    left.mkdir()
    cgroup.create("test", Limits()).remove()
    assert not left.exists()


def test_no_group_no_prefix():
    assert cgroup.joining(()) == []
