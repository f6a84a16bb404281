"""Many sessions in one kernel at the same time, as background cells have them: nothing is mixed up."""

from __future__ import annotations

import threading

import pytest

from patina_nb.notebook.jobs import Job
from tests.workspaces.support import finished

from .live import needs_containers

pytestmark = [*needs_containers, pytest.mark.timeout(1200)]

SESSIONS = 8


@pytest.mark.parametrize("steps", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_eight_sessions_side_by_side(repo, opener, steps):
    names = [f"s{n}" for n in range(SESSIONS)]
    gate = threading.Barrier(SESSIONS)

    def work(name: str) -> str:
        gate.wait(60)
        ws = opener(name)
        for n in range(1, steps + 1):
            step = ws.run(f"echo {name} {n} | tee mine; echo {n} > f{n % 7}; echo $PATINA_SESSION_ID >&2")
            said = (step.status, step.number, step.stdout.text, step.stderr.text, step.unpublished)
            assert said == ("ok", n, f"{name} {n}\n", f"{name}\n", None)
            assert step.commit == ws.tip
        return name

    jobs = [Job(name, lambda _stop, name=name: work(name)) for name in names]
    assert [job.exception() for job in jobs] == [None] * SESSIONS
    assert [job.result() for job in jobs] == names
    for name in names:
        assert repo.git("rev-list", "--count", f"main..agent/{name}") == str(steps)
        history = repo.git("log", "--reverse", "-p", "--format=", f"main..agent/{name}", "--", "mine")
        written = [line[1:] for line in history.splitlines() if line.startswith("+") and line[1] != "+"]
        assert written == [f"{name} {n}" for n in range(1, steps + 1)]
        ends = finished(opener(name).session)
        assert [event.number for event in ends] == list(range(1, steps + 1))
        assert {event.session_id for event in ends} == {name}
        assert ends[-1].commit == repo.git("rev-parse", f"agent/{name}")
    assert repo.git("fsck", "--strict", "--no-dangling") == ""
    assert repo.git("status", "--porcelain") == ""
