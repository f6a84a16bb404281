"""Several sessions at once, each in an environment of its own."""

import threading

import pytest

from patina_nb.errors import SessionError
from patina_nb.pipeline.side_by_side import check_all
from patina_nb.session import start

from .conftest import both, design, repo_of


def branch(target, name, files):
    session = start(target.project, session=name)
    agent = repo_of(target).agent(session)
    new = agent.commit(files, "work")
    target.project.repository.publish(agent.pack(session.base, new), session.id, session.base, new)


@both
def test_sessions_testing_at_once_do_not_see_each_other(make):
    """Both wait until the other runs, write the same file in all shared-looking places, and look again."""
    script = (
        "id=$PATINA_SESSION_ID; mkdir -p ~/.cache; t=${TMPDIR:-/tmp}; for d in . $t ~ ~/.cache; do echo $id > $d/mine; done; sleep 2; "
        "cat own ./mine $t/mine ~/mine ~/.cache/mine; ls -A"
    )
    target = make({"a": ""}, design(test=script))
    names = ["one", "two", "three"]
    for name in names:
        branch(target, name, {"own": f"{name}\n"})
    seen = []
    reports = check_all(target.project, ["test"], {"on_progress": seen.append})
    assert [report.session_id for report in reports] == names
    for name, report in zip(names, reports, strict=True):
        assert report.stages[0].stdout.text.split() == [*[name] * 5, ".git", "a", "mine", "own"]
    began = sorted(report.started_at for report in reports)
    assert (began[-1] - began[0]).total_seconds() < 60
    assert {progress.words for progress in seen} == {f"{name}: test" for name in names}


@both
def test_all_are_stopped_together(make):
    target = make({"a": ""}, design(test="sleep 60"))
    for name in ("one", "two"):
        branch(target, name, {"own": name})
    cancel = threading.Event()
    threading.Timer(1.5, cancel.set).start()
    assert {report.status for report in check_all(target.project, ["test"], {"cancel": cancel})} <= {
        "cancelled",
        "skipped",
    }


def test_without_a_session_there_is_nothing_to_do(make):
    with pytest.raises(SessionError, match="no active session"):
        check_all(make({"a": ""}).project, ["test"], {})
