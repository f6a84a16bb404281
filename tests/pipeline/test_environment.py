"""The clean environment: nothing comes in, nothing stays, what was killed is cleaned up."""

import os
import signal
import time

from patina_nb.engines.identity import of_project
from patina_nb.engines.places import project_cache
from patina_nb.engines.throwaway import is_throwaway, new_id
from patina_nb.pipeline.environment import forget_caches
from patina_nb.pipeline.targets import target_of
from patina_nb.project import open_project
from patina_nb.session import list_sessions, start

from ..workspaces.support import python, wait_for
from .conftest import both, design, repo_of, run


def boxes(target):
    """Names of what lies in the cache for sessions of the project."""
    project = target.project
    return [entry.name for entry in project_cache(project.id, of_project(project.id)).sessions.iterdir()]


def test_ids_are_told_from_sessions():
    assert is_throwaway(new_id())
    assert new_id() != new_id()
    assert not is_throwaway("patina-check-my-session")


def test_nothing_stays_but_the_journal(make):
    target = make({"a": ""}, design(test="echo x > left"))
    before = repo_of(target).git("for-each-ref")
    assert run(target, "test").ok
    assert boxes(target) == []
    assert repo_of(target).git("for-each-ref") == before
    assert list_sessions(target.project) == []
    assert target.project.journal.sessions() == []
    assert repo_of(target).git("status", "--short") == "?? PROJECT_DESIGN.toml"


def test_what_a_killed_run_left_is_removed_by_the_next(make):
    target = make({"a": ""}, design(test="true", slow="sleep 120"))
    code = "import sys, patina_nb; patina_nb.check('slow', path=sys.argv[1])"
    process = python(code, target.project.repository.worktree)
    wait_for(lambda: any(is_throwaway(name) for name in boxes(target)), "the start of the run")
    time.sleep(0.5)
    running = boxes(target)
    assert run(target, "test").ok
    assert set(running) <= set(boxes(target))  # it runs: it is left alone
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: run(target, "test", fresh=True).ok and boxes(target) == [], "the cleaning")


@both
def test_what_tools_download_is_kept_for_the_session_and_for_no_other(make):
    text = design(test="cat ~/.cache/pip/mark; echo $PATINA_SESSION_ID > ~/.cache/pip/mark")
    target = make({"pyproject.toml": ""}, text)
    for name in ("one", "two"):
        start(target.project, session=name)
    one, two = (target_of(target.project, name) for name in ("one", "two"))
    assert run(one, "test").stages[0].stdout.text == ""
    assert run(one, "test", fresh=True).stages[0].stdout.text == "one\n"
    assert run(two, "test", fresh=True).stages[0].stdout.text == ""
    forget_caches(target.project, "one")
    assert run(one, "test", fresh=True).stages[0].stdout.text == ""


@both
def test_a_test_that_needs_an_untracked_file_fails_clean_and_passes_in_place(make):
    import patina_nb as patina

    target = make({"a": "", ".gitignore": "data\n"}, design(test="cat data"))
    with patina.workspace("auth", path=repo_of(target).path) as ws:
        ws.run("echo x > data")
        clean, in_place = ws.test(), ws.test(in_place=True)
    assert (clean.status, clean.place) == ("failed", "clean")
    assert (in_place.status, in_place.place) == ("passed", "workspace")
    assert in_place.stages[0].step == 2
    assert "not on the branch" in in_place.notes[0]
    assert patina.test("auth", path=repo_of(target).path).unchanged_since is not None  # the clean one


def test_the_project_is_found_from_any_directory(make):
    target = make({"sub/a": ""}, design(test="ls"))
    inside = open_project(repo_of(target).path / "sub")
    assert run(target_of(inside), "test").stages[0].stdout.text == "sub\n"
