"""The panel without a browser: what its table says, what its buttons begin, and what stands in for it."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import patina_nb as patina
from patina_nb import events
from patina_nb.notebook.panel.costs import Spent
from patina_nb.notebook.panel.opening import panel
from patina_nb.notebook.panel.overview import Overview, table
from patina_nb.notebook.panel.view import View
from patina_nb.project import open_project
from patina_nb.workspaces.opening import close_all
from tests.conftest import python_env
from tests.transcripts import writing


@pytest.fixture
def view(repository):
    view = View(open_project(repository), 40)
    yield view
    view.close()
    close_all()


def until(true, seconds=60):
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it never came true"
        time.sleep(0.05)


def rows(repository):
    return {row.id: row for row in Overview(open_project(repository)).read()}


def test_a_session_is_started_worked_in_and_ended(view, repository):
    view.goal.value = "add <b>tests</b>"
    view.start.click()
    assert view.session.value == "add-b-tests-b"
    assert "&lt;b&gt;" in view.sessions.value
    assert "<b>tests" not in view.sessions.value
    view.command.value = "echo hello; echo x > new.txt"
    view.run.click()
    until(lambda: "Step 1 finished" in view.output.value)
    assert "hello" in view.output.value
    until(lambda: not view.run.disabled)
    view.diff.click()
    until(lambda: "new.txt" in view.output.value)
    until(lambda: not view.end.disabled)
    view.summary.value = "done"
    view.end.click()
    until(lambda: "ended" in view.output.value)
    until(lambda: view.run.disabled)
    assert rows(repository)["add-b-tests-b"].state == "ended"


def test_one_action_at_a_time_and_cancel_stops_it(view, repository):
    view.goal.value = "long"
    view.start.click()
    view.command.value = "echo begun > kept.txt; sleep 600"
    view.run.click()
    until(lambda: "Running" in view.output.value and not view.cancel.disabled)
    view.run.click()  # a front end that has not seen yet that it is disabled
    assert "still running" in view.status.value
    until(lambda: rows(repository)["long"].state == "step 1 is running")
    view.cancel.click()
    until(lambda: "Step 1 was stopped" in view.output.value)


@pytest.fixture
def design(repository):
    (repository / "PROJECT_DESIGN.toml").write_text(
        '[project]\nfeatures = ["agent-workflows"]\n[development.commands]\n'
        'lint = "echo \'<b>linted</b>\'; exit 3"\ntest = "echo begun; sleep 600"\n'
    )


def test_a_stage_is_run_by_its_button_and_its_output_is_text(view, design):
    view.goal.value = "checked"
    view.start.click()
    view.lint.click()
    until(lambda: "agent/checked: lint failed" in view.output.value)
    assert "&lt;b&gt;linted&lt;/b&gt;" in view.output.value
    assert "<b>linted" not in view.output.value
    until(lambda: not view.lint.disabled)


def test_a_stage_is_cancelled(view, design):
    view.goal.value = "slow"
    view.start.click()
    view.test.click()
    until(lambda: "begun" in view.output.value and not view.cancel.disabled)
    assert view.test.disabled
    view.cancel.click()
    until(lambda: "agent/slow: test cancelled" in view.output.value)


def test_the_badge_comes_from_the_points_of_the_event_else_from_its_sentence(repository):
    project = open_project(repository)
    points = {"files": True, "network": False, "memory": False}
    for name, enforced in (("some", points), ("none", dict.fromkeys(points, False)), ("earlier", None)):
        patina.start(session=name)
        project.journal.append(
            events.WorkspaceOpened(
                session_id=name, engine="e", isolation="box: files isolated", enforced=enforced
            )
        )
    assert {name: row.engine for name, row in rows(repository).items()} == {
        "some": "e, isolated but for network, memory",
        "none": "e, NO ISOLATION",
        "earlier": "e, box: files isolated",
    }


def test_sessions_keep_their_own_output(view):
    for name in ("one", "two"):
        view.goal.value = name
        view.start.click()
        view.command.value = f"echo this is {name}"
        view.run.click()
        until(lambda: "Step 1 finished" in view.output.value)
    view.session.value = "one"
    assert "this is one" in view.output.value
    view.session.value = "two"
    assert "this is two" in view.output.value


def test_deleting_asks_and_can_be_refused(view, repository):
    view.goal.value = "gone"
    view.start.click()
    view.delete.click()
    assert view.confirm.layout.display == ""
    view.no.click()
    assert view.confirm.layout.display == "none"
    assert "gone" in rows(repository)
    view.delete.click()
    view.yes.click()
    until(lambda: "gone" not in rows(repository))


def test_a_killed_kernel_is_told_apart_from_a_closed_one(repository):
    patina.start(session="closed")
    program = (
        "import patina_nb as patina, time\n"
        "patina.start(session='killed')\n"
        "patina.workspace('killed').run('true')\n"
        "print('up', flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env=python_env(), stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    overview = Overview(open_project(repository))
    assert {row.id: row.state for row in overview.read()} == {
        "closed": "closed",
        "killed": f"open (process {process.pid})",
    }
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    states = {row.id: row.state for row in overview.read()}
    assert states["killed"] == "cut off: its process is gone"


def test_looking_again_reads_only_what_is_new_and_says_the_same_as_a_fresh_look(repository):
    overview = Overview(open_project(repository))
    assert overview.read() == []
    patina.start("first", session="a")
    with patina.workspace("a") as workspace:
        workspace.run("echo 1 > one.txt; exit 3")
        assert overview.read()[0].last_step == "1: failed"
    again = overview.read()
    assert again == Overview(open_project(repository)).read()
    assert (again[0].added, again[0].removed, again[0].state) == (1, 0, "closed")
    assert again[0].engine.endswith(("isolated", "ISOLATION")) or " but for " in again[0].engine


def test_tokens_and_cost_come_later_and_what_is_not_known_is_a_dash(view, repository, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    patina.start(session="told")
    patina.start(session="silent")
    where = {"cwd": str(repository), "gitBranch": "agent/told"}
    path = tmp_path / "home" / ".claude" / "projects" / "x" / "s.jsonl"
    writing.write(path, [writing.user("please", 0, **where), writing.assistant("m1", 50, 1, **where)])
    view.refresh()
    until(lambda: view.refresh() or view.spent)
    until(lambda: "told" in view.spent)
    tokens, cost = view.spent["told"].cells()
    assert int(tokens.replace(",", "")) > 0
    assert cost.startswith("about ")
    view.refresh()
    assert cost in view.sessions.value
    assert Spent().cells() == (None, None)
    shown = panel().piece().plain
    assert cost in shown
    assert next(line for line in shown.splitlines() if line.startswith("silent")).count("\u2014") >= 2


def test_however_often_its_cell_is_run_one_panel_is_followed(repository):
    def followers():
        return [thread for thread in threading.enumerate() if thread.name == "patina-panel"]

    panels = [panel(repository, controls=True) for _ in range(5)]
    until(lambda: len(followers()) == 1)
    assert "not kept true any more" in panels[0].view.status.value
    assert "not kept true any more" not in panels[-1].view.status.value
    for one in panels:
        one.close()
    until(lambda: not followers())


def test_the_filter_takes_words_in_any_order(repository):
    patina.start("add a login form", session="login")
    patina.start("fix the parser", session="parser")
    known = Overview(open_project(repository)).read()
    assert "login" in table(known, {}, words="FORM login").plain
    assert "parser" not in table(known, {}, words="FORM login").plain
    assert table(known, {}, words="nothing").plain == "No session holds these words"


def test_where_there_are_no_widgets_it_says_what_to_type(repository):
    patina.start("add a login form", session="login")
    shown = panel().piece()
    assert "login" in shown.plain
    assert '%patina_session start "goal"' in shown.plain
    assert "widget" not in str(panel()._repr_mimebundle_())
