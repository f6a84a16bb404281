"""A session opened again: after closing, after its process died, after the user moved its branch."""

from __future__ import annotations

import os
import signal

import pytest

import patina_nb as patina
from patina_nb import events
from patina_nb.errors import SessionBusyError

from .support import finished, left, paths, python, remove_cache, run_python, said, shell, wait_for

HOLD = """
import sys, time
import patina_nb as patina
ws = patina.workspace("work", path=sys.argv[1])
{before}
print("ready", flush=True)
{then}
"""


def died(repo, *, before: str = "", then: str = "time.sleep(1000)", at: str = "ready") -> None:
    """Another process opens the session, does something, and is killed when it says `at`."""
    process = python(HOLD.format(before=before, then=then), repo.path)
    try:
        lines = iter(lambda: process.stdout.readline().strip(), "")
        assert at in lines, process.stderr.read()
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()


def opened_event(session) -> events.WorkspaceOpened:
    happened = session.project.journal.read(session.id).events
    return [event for event in happened if isinstance(event, events.WorkspaceOpened)][-1]


# -- closed in order --------------------------------------------------------------------------------


def test_everything_is_as_it_was(repo, ws, opener):
    ws.run("echo '*.log' > .gitignore; echo 1 > x.log; mkdir empty; mkfifo pipe; echo n > n; chmod 755 n")
    ws.run("git checkout -q -b mine; echo s > n; git stash -q; git tag t; git config user.name Me")
    ws.run("echo home > ~/file; echo cached > ~/.cache-file")
    tip = ws.tip
    look = (
        "git status --porcelain; git stash list; git branch; ls -lA --time-style=full-iso | grep -v '[.]git$'"
    )
    status = ws.run(look)
    ws.close()
    again = opener()
    assert again is not ws
    assert said(again) == []
    assert again.tip == tip == repo.git("rev-parse", "agent/work")
    step = again.run(look)
    assert step.stdout.text == status.stdout.text
    assert step.commit is None
    assert again.run("cat ~/file x.log; git config user.name").stdout.text == "home\n1\nMe\n"
    assert again.run("true").number == 7
    assert not opened_event(again.session).created


def test_after_closing_in_order_only_changes_are_looked_at(repo, ws, opener):
    """The next list tells everything since the closing, so the first step needs no scan."""
    ws.run("echo 1 > one; mkdir -p out/deep; echo out/ > .gitignore; echo x > out/deep/x")
    ws.close()
    again = opener()
    assert again._recorder.publisher._snapshotter.complete or again._box.changes(lambda names: names) is None
    assert paths(again.run("echo 2 > two; rm one")) == {"two": "added", "one": "deleted"}
    assert paths(again.run("echo 2 >> two")) == {"two": "modified"}


def test_closing_collects_what_a_background_process_wrote(repo, ws):
    ws.start("echo late > late; while :; do sleep 0.01; done")
    wait_for(lambda: "late" in {entry.name for entry in ws.ls()}, "it writes")
    ws.close()
    assert repo.git("show", "agent/work:late") == "late"
    assert finished(ws.session)[-1].commit == repo.git("rev-parse", "agent/work")


def test_what_is_written_while_closing_is_found_at_the_next_opening(repo, ws, opener):
    """A process that writes all the time: whatever lies there at the end is on the branch."""
    ws.start("i=0; while :; do i=$((i+1)); echo $i > count; mkdir -p d; echo $i > d/$i; done")
    wait_for(lambda: "count" in {entry.name for entry in ws.ls()}, "it writes")
    ws.close()
    again = opener()
    assert repo.git_bytes("show", "agent/work:count") == again.read("count")
    names = {entry.name for entry in again.ls("d")}
    assert set(repo.git("ls-tree", "--name-only", "agent/work:d").split()) == names
    assert again.run("git status --porcelain").stdout.text == ""


def test_a_command_that_runs_while_the_workspace_is_closed(repo, ws, opener):
    import threading

    ended = []
    runner = threading.Thread(target=lambda: ended.append(ws.run("echo 1 > one; sleep 1000")))
    runner.start()
    wait_for(lambda: "one" in {entry.name for entry in ws.ls()}, "the command writes")
    ws.close()
    runner.join(60)
    assert [step.status for step in ended] == ["unknown"]
    again = opener()
    assert repo.git("show", "agent/work:one") == "one".replace("one", "1")
    assert again.run("git status --porcelain").stdout.text == ""


def test_the_same_session_is_one_object(ws, opener):
    assert opener() is ws
    assert opener(ws.session) is ws
    assert opener(engine=ws.engine) is ws


# -- the process died -------------------------------------------------------------------------------


def test_killed_while_idle(repo, opener):
    died(repo, before="ws.run('echo 1 > one; echo l > x.log; echo \"*.log\" > .gitignore; git branch mine')")
    ws = opener()
    assert said(ws) == []
    assert ws.run("cat x.log; git branch --list mine").stdout.text == "l\n  mine\n"
    assert repo.git("show", "agent/work:one") == "1"
    assert ws.run("git status --porcelain").commit is None


def test_killed_while_a_command_ran(repo, opener):
    tell = "on_output=lambda *_: print('wrote', flush=True)"
    died(
        repo,
        before="ws.run('echo 1 > one')",
        then=f"ws.run('echo 3 > three; echo; sleep 1000', {tell})",
        at="wrote",
    )
    ws = opener()
    assert any("was cut off" in note and "kept on the branch" in note for note in ws.notes)
    last = finished(ws.session)[-1]
    assert last.status == "unknown"
    assert last.commit == ws.tip == repo.git("rev-parse", "agent/work")
    assert repo.git("show", "agent/work:three") == "3"
    assert ws.run("echo 4 > four").number == last.number + 1


def test_killed_with_a_background_process(repo, opener):
    died(
        repo,
        before="ws.start('echo bg > bg; echo PATINA-TEST-SURVIVOR; sleep 1000')\n"
        "while not any(e.name == 'bg' for e in ws.ls()): time.sleep(0.01)",
    )
    ws = opener()
    assert repo.git("show", "agent/work:bg") == "bg"
    if ws.isolation.processes.enforced:
        assert "sleep" not in ws.run("cat /proc/[0-9]*/comm").stdout.text


def test_killed_between_the_box_and_the_branch(repo, opener):
    """The commit exists in the box and nowhere else."""
    died(
        repo,
        before="import os, signal\n"
        "from patina_nb.repository import Repository\n"
        "Repository.publish = lambda *a, **k: (print('there', flush=True), time.sleep(1000))",
        then="ws.run('echo 1 > one; git add -A; git commit -qm mine; echo 2 > two')",
        at="there",
    )
    ws = opener()
    check_one_and_two(repo, ws)


def test_killed_between_the_branch_and_the_journal(repo, opener):
    """The branch is ahead of what the journal knows; a file has changed since then."""
    died(
        repo,
        before="from patina_nb.workspaces.recorder import Recorder\n"
        "ws.start('while [ ! -e one ]; do sleep 0.01; done; sleep 0.3; echo 3 > three')\n"
        "def stop(*_):\n"
        "    while not any(e.name == 'three' for e in ws.ls()): time.sleep(0.01)\n"
        "    print('there', flush=True); time.sleep(1000)\n"
        "Recorder._record = stop",
        then="ws.run('echo 1 > one; git add -A; git commit -qm mine; echo 2 > two')",
        at="there",
    )
    assert repo.git("show", "agent/work:two") == "2"
    ws = opener()
    check_one_and_two(repo, ws)
    assert repo.git("show", "agent/work:three") == "3"


def check_one_and_two(repo, ws) -> None:
    (event,) = finished(ws.session)
    assert event.number == 1
    assert event.unpublished is None
    assert event.commit == ws.tip == repo.git("rev-parse", "agent/work")
    assert repo.git("show", "agent/work:one", "agent/work:two") == "1\n2"
    assert "mine" in repo.git("log", "--format=%s", "agent/work")
    assert not event.rewritten
    assert ws.run("git status --porcelain").stdout.text == ""


def test_killed_in_the_middle_of_a_merge(repo, opener):
    """The merge waits in the box as the agent left it, and can still be concluded."""
    died(
        repo,
        before="ws.run('git checkout -q -b o; echo t > a.txt; git commit -qam t; '\n"
        "       'git checkout -q agent/work; echo u > a.txt; git commit -qam u')\n"
        "from patina_nb.workspaces.recorder import Recorder\n"
        "Recorder._record = lambda *a: (print('there', flush=True), time.sleep(1000))",
        then="ws.run('git merge o')",
        at="there",
    )
    ws = opener()
    assert "<<<<<<<" in repo.git("show", "agent/work:a.txt")
    assert ws.run("git status --porcelain").stdout.text == "UU a.txt\n"
    step = ws.run("echo both > a.txt; git add a.txt; git commit -qm merged")
    assert step.ok, step.stderr.text
    assert len(repo.git("log", "-1", "--format=%P", "agent/work").split()) == 2


def test_torn_journal(repo, ws, opener):
    ws.run("echo 1 > one")
    ws.run("echo 2 > two")
    ws.close()
    folder = ws.project.state_dir / "sessions" / "work"
    (path,) = folder.glob("*.jsonl")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    cut = next(n for n, line in enumerate(lines) if b'"step-finished"' in line and b'"number":2' in line)
    path.write_bytes(b"".join(lines[:cut]) + lines[cut][:50])
    again = opener()
    assert [event.number for event in finished(again.session)] == [1, 2]
    assert finished(again.session)[-1].commit == again.tip == ws.tip
    assert again.run("cat one two").stdout.text == "1\n2\n"
    again.close()
    path.write_bytes(b"\0garbage\xff\n{}\n" + whole[:-7])
    third = opener()
    assert third.tip == ws.tip
    assert paths(third.run("echo 3 > three")) == {"three": "added"}


def test_journal_gone(repo, ws, opener):
    ws.run("echo 1 > one")
    ws.close()
    for path in (ws.project.state_dir / "sessions" / "work").glob("*.jsonl"):
        path.write_bytes(b"\0\0\0\n")
    with pytest.raises(patina.PatinaError, match="agent/work exists already"):
        opener()
    assert repo.git("show", "agent/work:one") == "1"


# -- engines and caches -------------------------------------------------------------------------------


def test_from_engine_to_engine(repo, ws, opener):
    if ws.engine == "process":
        pytest.skip("this is about going to the process engine and back")
    ws.run("echo '*.log' > .gitignore; echo 1 > x.log; echo 1 > one; git branch mine")
    with pytest.raises(patina.PatinaError, match="close it before"):
        opener(engine="process")
    ws.close()
    plain = opener(engine="process")
    assert plain.engine == "process"
    notes = " ".join(plain.notes)
    assert notes.count("made anew") == 1
    assert "ignored files" in notes
    assert "NO ISOLATION" in notes
    step = plain.run("cat one; ls x.log; git branch --list mine; echo 2 > two")
    assert step.stdout.text == "1\n"
    assert step.engine == "process"
    plain.close()
    back = opener(engine="local")
    assert "made anew" in " ".join(back.notes)
    assert back.run("cat one two").stdout.text == "1\n2\n"
    assert [commit.step for commit in back.log()] == [2, 1]
    assert [event.number for event in finished(back.session)] == [1, 2, 3]


def test_cache_removed(repo, ws, opener, open_cache):
    ws.run("echo '*.log' > .gitignore; echo 1 > x.log; echo 1 > one")
    ws.close()
    remove_cache(open_cache, ws.project.id)
    again = opener()
    assert any("made anew" in note and "ignored files" in note for note in again.notes)
    assert again.run("cat one; ls x.log").stdout.text == "1\n"
    assert paths(again.run("echo 2 > two")) == {"two": "added"}


def test_cache_removed_after_a_crash(repo, opener, open_cache):
    died(repo, before="ws.run('echo 1 > one')", then="ws.run('echo 2 > two; sleep 1000')")
    project = patina.sessions(repo.path)[0].project
    remove_cache(open_cache, project.id)
    ws = opener()
    notes = " ".join(ws.notes)
    assert "made anew" in notes
    ends = finished(ws.session)
    assert ends[0].commit == ws.tip
    if len(ends) == 2:
        assert "what it wrote is lost" in notes
        assert (ends[1].status, ends[1].commit) == ("unknown", None)


# -- the user moved the branch ------------------------------------------------------------------------


def amend(repo) -> str:
    worktree = repo.path.parent / "review"
    repo.git("worktree", "add", "-q", str(worktree), "agent/work")
    shell(worktree, "echo reviewed > review; git add -A; git commit -q --amend -m reviewed", env=repo.env)
    repo.git("worktree", "remove", str(worktree))
    return repo.git("rev-parse", "agent/work")


def test_the_user_amended(repo, ws, opener):
    ws.run("echo 1 > one; echo '*.log' > .gitignore; echo l > x.log")
    old = ws.tip
    ws.close()
    new = amend(repo)
    again = opener()
    (note,) = said(again)
    assert "moved outside" in note
    assert "refs/patina/old/work/1" in note
    assert repo.git("rev-parse", "refs/patina/old/work/1") == old
    assert again.tip == new
    assert again.run("cat review one x.log").stdout.text == "reviewed\n1\nl\n"
    assert again.run("git status --porcelain; git log -1 --format=%s").stdout.text == "reviewed\n"
    step = again.run("echo 2 > two")
    assert repo.git("rev-parse", "agent/work^") == new
    assert not step.rewritten
    again.close()
    assert said(opener()) == []


def test_the_user_reset_the_branch(repo, ws, opener):
    ws.run("echo 1 > one")
    ws.run("echo 2 > two")
    old = ws.tip
    ws.close()
    repo.git("branch", "-f", "agent/work", "agent/work~1")
    again = opener()
    assert repo.git("rev-parse", "refs/patina/old/work/1") == old
    assert again.run("ls").stdout.text == "a.txt\ndir\none\n"
    again.close()
    repo.git("branch", "-f", "agent/work", old)
    third = opener()
    assert third.tip == old
    assert third.run("ls").stdout.text == "a.txt\ndir\none\ntwo\n"
    third.close()
    repo.git("branch", "-f", "agent/work", ws.base)
    assert opener().run("ls").stdout.text == "a.txt\ndir\n"
    assert repo.git("rev-parse", "agent/work") == ws.base


def test_the_user_merged_into_it(repo, ws, opener):
    """Forward only: nothing is left behind, so nothing needs keeping."""
    ws.run("echo 1 > one")
    ws.close()
    repo.commit({"main.txt": "main\n"}, "on main")
    worktree = repo.path.parent / "review"
    repo.git("worktree", "add", "-q", str(worktree), "agent/work")
    shell(worktree, "git merge -q main", env=repo.env)
    repo.git("worktree", "remove", str(worktree))
    again = opener()
    (note,) = said(again)
    assert "follows" in note
    assert repo.git("for-each-ref", "refs/patina/old") == ""
    assert again.run("cat main.txt one").stdout.text == "main\n1\n"
    assert again.run("git status --porcelain").stdout.text == ""


def test_the_user_moved_it_and_the_process_had_died(repo, opener):
    died(repo, before="ws.run('echo 1 > one')", then="ws.run('echo 2 > two; sleep 1000')")
    new = amend(repo)
    ws = opener()
    assert ws.tip == new
    assert "moved outside" in " ".join(ws.notes)
    assert repo.git("show", "refs/patina/old/work/1:one") == "1"
    assert ws.run("git status --porcelain").stdout.text == ""


def test_the_user_moved_it_while_a_commit_waited(repo, ws, opener):
    """A commit that never reached the repository is kept, too, when the branch was moved meanwhile."""
    lock = repo.path / ".git/refs/heads/agent/work.lock"
    lock.write_text("")
    step = ws.run("echo 1 > one")
    assert step.commit is None
    assert "remove that file" in step.unpublished
    ws.close()
    lock.unlink()
    repo.git("branch", "-f", "agent/work", repo.commit({"m": "m"}, "other"))
    again = opener()
    assert again.run("ls").stdout.text == "a.txt\ndir\nm\n"
    assert repo.git("show", "refs/patina/old/work/1:one") == "1"


def test_the_user_moves_it_while_the_workspace_is_open(repo, ws, opener):
    ws.run("echo 1 > one")
    new = amend(repo)
    step = ws.run("echo 2 > two")
    assert repo.git("rev-parse", "agent/work") == new
    assert "moved" in step.unpublished
    assert step.kept == "refs/patina/new/work"
    assert repo.git("rev-parse", step.kept) == step.commit
    step = ws.run("echo 3 > three")
    assert repo.git("show", "refs/patina/new/work:three") == "3"
    ws.close()
    again = opener()
    assert again.tip == new
    assert "moved outside" in " ".join(again.notes)
    assert again.run("ls").stdout.text == "a.txt\ndir\none\nreview\n"
    kept = repo.git("for-each-ref", "--format=%(objectname)", "refs/patina/old/work", "refs/patina/new")
    assert step.commit in kept.split()


def test_the_user_deleted_the_branch(repo, ws, opener):
    ws.run("echo 1 > one")
    old = ws.tip
    repo.git("branch", "-D", "agent/work")
    step = ws.run("echo 2 > two")
    assert "was deleted" in step.unpublished
    assert repo.git("rev-parse", "refs/patina/new/work^") == old
    ws.close()
    assert opener().run("cat one two").stdout.text == "1\n2\n"


def test_a_branch_that_is_gone_altogether(repo, ws, opener):
    ws.close()
    repo.git("branch", "-D", "agent/work")
    with pytest.raises(patina.PatinaError, match="make it again"):
        opener()
    repo.git("branch", "agent/work", ws.base)
    assert opener().run("true").ok


def test_the_user_has_the_branch_checked_out(repo, ws, opener):
    ws.run("echo 1 > one")
    first = ws.tip
    repo.git("checkout", "-q", "agent/work")
    step = ws.run("echo 2 > two")
    assert "checked out" in step.unpublished
    assert step.kept == "refs/patina/new/work"
    assert (repo.head, repo.git("status", "--porcelain")) == (first, "")
    ws.run("echo 3 > three")
    ws.close()
    again = opener()
    assert again.run("cat two three").stdout.text == "2\n3\n"
    step = again.run("echo 4 > four")
    assert repo.git("rev-parse", "agent/work") == first
    repo.git("checkout", "-q", "main")
    step = again.run("echo 5 > five")
    assert step.unpublished is None
    assert repo.git("rev-parse", "agent/work") == step.commit == again.tip
    assert repo.git("for-each-ref", "refs/patina/new") == ""
    assert repo.git("rev-list", "--count", f"{first}..agent/work") == "4"


def test_the_user_commits_on_the_branch_while_it_is_checked_out(repo, ws, opener):
    ws.run("echo 1 > one")
    repo.git("checkout", "-q", "agent/work")
    ws.run("echo 2 > two")
    ours = ws.tip
    theirs = repo.commit({"mine": "mine\n"}, "mine")
    step = ws.run("echo 3 > three")
    assert repo.head == theirs
    assert repo.git("rev-parse", "refs/patina/new/work^") == ours
    repo.git("merge", "-q", "refs/patina/new/work", "-m", "take over")
    ws.close()
    again = opener()
    assert again.tip == repo.head
    assert again.run("cat mine two three").stdout.text == "mine\n2\n3\n"
    assert step.kept


# -- history of the user's repository -------------------------------------------------------------------


def test_garbage_collection_of_a_rewritten_repository(repo, ws, opener):
    """The base is on no branch any more and everything unreachable is gone."""
    ws.run("echo 1 > one")
    repo.git("checkout", "-q", "--orphan", "fresh")
    repo.commit({"fresh": "x"}, "fresh")
    repo.git("branch", "-D", "main")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    step = ws.run("echo 2 > two; cat a.txt; git log --oneline | wc -l; git status --porcelain | wc -l")
    assert step.unpublished is None, step
    assert step.stdout.text == "one\n2\n1\n"
    ws.close()
    again = opener()
    assert said(again) == []
    assert again.run("cat one two a.txt").stdout.text == "1\n2\none\n"
    assert repo.git("fsck", "--strict") == ""


def test_garbage_collection_of_an_amended_branch(repo, ws, opener):
    """What the workspace stands on is gone from the repository: it comes again, from the base on."""
    ws.run("echo 1 > one")
    amend(repo)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    step = ws.run("echo 2 > two")
    assert step.kept == "refs/patina/new/work", step
    assert repo.git("show", "refs/patina/new/work:two") == "2"
    ws.close()
    repo.git("update-ref", "-d", "refs/patina/new/work")
    repo.git("gc", "-q", "--prune=now")
    again = opener()
    assert again.run("cat review").ok
    assert repo.git("show", "refs/patina/old/work/1:two") == "2"


def test_repacking_while_it_is_open(repo, ws):
    ws.run("echo 1 > one")
    repo.git("repack", "-q", "-a", "-d")
    repo.git("pack-refs", "--all")
    step = ws.run("cat a.txt; git log -p | tail -n 1; echo 2 > two")
    assert step.ok
    assert step.unpublished is None
    assert repo.git("show", "agent/work:two") == "2"


# -- two at once ------------------------------------------------------------------------------------------


def test_two_processes_on_one_session(repo, ws, opener):
    code = (
        "import sys, patina_nb as patina\n"
        "try:\n    patina.workspace('work', path=sys.argv[1])\n"
        "except patina.PatinaError as error:\n    print(type(error).__name__, error)\n"
    )
    answer = run_python(code, repo.path)
    assert answer.startswith("SessionBusyError")
    assert f"process {os.getpid()}" in answer
    ws.close()
    process = python(HOLD.format(before="", then="sys.stdin.read()"), repo.path)
    assert process.stdout.readline().strip() == "ready", process.stderr.read()
    with pytest.raises(SessionBusyError, match=f"process {process.pid}"):
        opener()
    with pytest.raises(SessionBusyError):
        patina.delete("work", path=repo.path, force=True)
    process.communicate()
    assert opener().run("true").ok


def test_a_forked_child_has_no_workspace_of_its_own(repo, ws):
    code = (
        "import os, sys, patina_nb as patina\n"
        "ws = patina.workspace('forking', path=sys.argv[1])\n"
        "child = os.fork()\n"
        "if child == 0:\n    sys.exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(ws.run('echo 1 > one').status, len(patina.workspaces.opening.opened()))\n"
    )
    assert run_python(code, repo.path) == "ok 1"
    session = patina.sessions(repo.path)[-1]
    closed = [
        e for e in session.project.journal.read("forking").events if isinstance(e, events.WorkspaceClosed)
    ]
    assert len(closed) == 1


def test_nothing_left_out_is_silent_after_reopening(ws, opener):
    ws.run("echo '*.log' > .gitignore; echo 1 > x.log")
    ws.close()
    again = opener()
    assert set(left(again.run("echo 2 > y.log; echo '# more' >> .gitignore"))) >= {"y.log"}


# -- the agent damaged its git directory --------------------------------------------------------------------

DAMAGE = [
    ("emptied", "find .git -mindepth 1 -delete"),
    ("no HEAD", "rm .git/HEAD"),
    ("HEAD is garbage", "echo garbage > .git/HEAD"),
    ("no objects", "rm -rf .git/objects"),
    ("objects lost", "find .git/objects -type f -delete"),
    ("no refs", "rm -rf .git/refs .git/packed-refs"),
    ("config is garbage", "echo '[core' > .git/config"),
    ("a format of the future", "git config core.repositoryformatversion 99"),
    ("links", "rm -rf .git/objects; ln -s /nowhere .git/objects"),
]


@pytest.mark.parametrize("damage", [script for _, script in DAMAGE], ids=[name for name, _ in DAMAGE])
def test_a_damaged_git_directory_is_written_anew_and_the_files_stay(repo, ws, opener, damage):
    ws.run("echo '*.log' > .gitignore; echo 1 > x.log; echo 2 > y.log; git add -f y.log; echo 1 > one")
    before = ws.tip
    step = ws.run(f"echo 2 > two; rm a.txt; git branch mine; {damage}")
    assert step.commit is None
    assert "open it again" in step.unpublished
    assert repo.git("rev-parse", "agent/work") == before
    assert "open it again" in ws.run("echo 3 > three").unpublished
    ws.close()
    again = opener()
    if "objects -type f" not in damage:  # those that the branch needs are in the user's repository
        (note,) = [note for note in said(again) if "damaged" in note]
        assert "written anew" in note
    assert again.run("cat one two three x.log y.log").stdout.text == "1\n2\n3\n1\n2\n"
    assert repo.git("ls-tree", "-r", "--name-only", "agent/work").split() == [
        *(".gitignore", "dir/b.txt", "one", "three", "two", "y.log"),
    ]
    assert repo.git("rev-parse", "agent/work^") == before
    assert again.run("git status --porcelain; git log --format=%s -n 1").stdout.text.startswith(
        "changes found"
    )
    assert paths(again.run("echo 4 > four")) == {"four": "added"}
    again.close()
    assert said(opener()) == []


def test_a_damaged_git_directory_and_a_moved_branch(repo, ws, opener):
    ws.run("echo 1 > one")
    ws.run("echo 2 > two; rm -rf .git/objects .git/HEAD")
    ws.close()
    new = amend(repo)
    again = opener()
    assert again.tip == new == repo.git("rev-parse", "agent/work")
    assert again.run("ls").stdout.text == "a.txt\ndir\none\nreview\n"
    assert repo.git("show", "refs/patina/old/work/1:two") == "2"
