"""Running commands and handling files: `patina_nb.workspaces.workspace`."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from patina_nb.engines.base import Limits
from patina_nb.engines.local.engine import LocalEngine
from patina_nb.errors import PatinaError, SandboxError, SessionError, WorkspaceError

from .support import finished, kill_box, paths, wait_for

# -- commands -------------------------------------------------------------------------------------


def test_a_command_becomes_a_commit(repo, ws):
    step = ws.run("echo two >> a.txt; echo said; echo complained >&2", cell="cell-1")
    assert (step.status, step.exit_code, step.signal) == ("ok", 0, None)
    assert (step.stdout.text, step.stderr.text) == ("said\n", "complained\n")
    assert (step.number, step.session_id) == (1, "work")
    assert paths(step) == {"a.txt": "modified"}
    assert repo.git("rev-parse", "agent/work") == step.commit == ws.tip
    assert step.parent == ws.base == repo.head
    body = repo.git("show", "-s", "--format=%B", step.commit)
    for trailer in ("Patina-Session: work", "Patina-Step: 1", "Patina-Exit: 0", "Patina-Cell: cell-1"):
        assert trailer in body
    assert repo.git("show", f"{step.commit}:a.txt") == "one\ntwo"
    assert repo.git("status", "--porcelain") == ""
    assert step.tree == repo.git("rev-parse", f"{step.commit}^{{tree}}")
    assert step.engine
    assert step.isolation


def test_a_command_that_changes_nothing_makes_no_commit(ws):
    step = ws.run("touch a.txt; cat a.txt")
    assert step.commit is None
    assert step.files == ()
    assert ws.tip == ws.base


def test_a_failing_command_is_a_step_and_its_files_are_kept(repo, ws):
    step = ws.run("echo new > new; exit 7")
    assert (step.status, step.exit_code, step.ok) == ("failed", 7, False)
    assert repo.git("show", f"{step.commit}:new") == "new"
    assert "Patina-Exit: 7" in repo.git("show", "-s", "--format=%B", step.commit)


def test_a_list_of_arguments_sees_no_shell(ws):
    step = ws.run(["printf", "%s|", "a b", "$HOME", "*", "'"])
    assert step.stdout.text == "a b|$HOME|*|'|"
    assert "'a b'" in step.command


def test_an_interpreter(ws):
    step = ws.run("import sys\nprint(sys.version_info[0])", interpreter="python3 -I")
    assert step.stdout.text == "3\n"


def test_environment_directory_and_input(ws):
    step = ws.run("pwd; cat; echo $GREETING", env={"GREETING": "hällo"}, cwd="dir", stdin=b"\0\xff\n")
    assert step.stdout.data.endswith(b"/dir\n\0\xff\nh\xc3\xa4llo\n")


def test_no_input_is_an_empty_one(ws):
    assert ws.run("cat", timeout=30).stdout.data == b""


def test_the_environment_of_the_user_is_not_passed_on(ws, monkeypatch):
    monkeypatch.setenv("SECRET_OF_MINE", "42")
    step = ws.run("env")
    assert "SECRET_OF_MINE" not in step.stdout.text
    assert "PATINA_SESSION_ID=work" in step.stdout.text


def test_a_program_that_does_not_exist(ws):
    step = ws.run(["no-such-program"])
    assert step.status in {"error", "failed"}
    assert not step.ok
    assert ws.run("true").ok


def test_a_directory_that_does_not_exist(ws):
    step = ws.run("true", cwd="nowhere")
    assert not step.ok
    assert ws.run("true").ok


def test_a_timeout_kills_the_whole_tree_and_keeps_the_files(repo, ws):
    script = "echo half > half; trap '' TERM; (setsid sleep 1000 &) ; sleep 1000"
    step = ws.run(script, timeout=0.3)
    assert step.status == "timed out"
    assert step.duration_s < 30
    assert repo.git("show", f"{step.commit}:half") == "half"
    if ws.isolation.processes.enforced:
        assert "sleep" not in ws.run("cat /proc/[0-9]*/comm").stdout.text


def test_cancel_from_another_thread(repo, ws):
    cancel = threading.Event()

    def stop(_stream: str, data: bytes) -> None:
        if b"ready" in data:
            cancel.set()

    step = ws.run("echo some > some; echo ready; sleep 1000", cancel=cancel, on_output=stop)
    assert step.status == "cancelled"
    assert repo.git("show", f"{step.commit}:some") == "some"
    assert ws.run("true").ok


def test_output_comes_while_the_command_runs(ws):
    seen = []
    step = ws.run("echo out; echo err >&2", on_output=lambda name, data: seen.append((name, data)))
    assert step.ok
    assert b"".join(data for name, data in seen if name == "stdout") == b"out\n"
    assert b"".join(data for name, data in seen if name == "stderr") == b"err\n"


def test_a_listener_that_fails_disturbs_nothing(ws):
    def fail(_name: str, _data: bytes) -> None:
        raise ValueError("not me")

    assert ws.run("echo 1; echo 2", on_output=fail).stdout.text == "1\n2\n"


def test_long_output_is_shown_in_part_and_kept_whole(ws):
    step = ws.run("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert step.stdout.total_bytes == 3_000_005
    assert step.stdout.truncated
    assert step.stdout.text.endswith("x\nend\n")
    (event,) = finished(ws.session)
    assert len(ws.project.journal.load(event.stdout)) == 3_000_005


def test_a_command_killed_by_a_signal(ws):
    step = ws.run("kill -SEGV $$")
    assert (step.status, step.exit_code, step.signal) == ("failed", None, 11)


def test_out_of_memory(opener):
    workspace = opener(limits=Limits(memory=96 << 20))
    if not workspace.isolation.memory.enforced:
        pytest.skip(workspace.isolation.memory.why)
    step = workspace.run("echo before > before; exec python3 -c 'x = bytearray(1 << 30); print(len(x))'")
    assert step.status == "out of memory"
    assert paths(step) == {"before": "added"}
    assert workspace.run("true").ok


def test_a_lost_box_is_never_a_success(ws):
    """When the box ends under a command, how it ended is not known; opening again brings its files."""
    kill = threading.Timer(0.5, kill_box, [ws])
    kill.start()
    step = ws.run("echo kept > kept; sleep 1000")
    kill.join()
    assert step.status == "unknown"
    assert "open it again" in step.unpublished
    with pytest.raises(SandboxError, match=r"open (the workspace|it) again"):
        ws.run("true")


def test_nothing_after_closing(ws):
    ws.close()
    ws.close()
    for action in (
        lambda: ws.run("true"),
        lambda: ws.write("x", "x"),
        lambda: ws.read("a.txt"),
        ws.ls,
        lambda: ws.start("true"),
        ws.shell,
    ):
        with pytest.raises(WorkspaceError, match="open it again"):
            action()
    assert "closed" in repr(ws)
    assert ws.diff().files == ()


# -- files ----------------------------------------------------------------------------------------


def test_write_and_read(repo, ws):
    step = ws.write("new/deep/däta.bin", b"\0\xff\r\n", mode=0o755, cell="c")
    assert paths(step) == {"new/deep/däta.bin": "added"}
    assert step.command == "write new/deep/däta.bin (4 bytes)"
    assert ws.read("new/deep/däta.bin") == b"\0\xff\r\n"
    assert repo.git("ls-tree", step.commit, "new/deep/").startswith("100755 blob")
    assert "Patina-Cell: c" in repo.git("show", "-s", "--format=%B", step.commit)
    assert paths(ws.write("a.txt", "text: ä\n")) == {"a.txt": "modified"}
    assert ws.read("a.txt").decode() == "text: ä\n"
    assert ws.write("a.txt", "text: ä\n").commit is None


def test_write_where_no_file_can_be(ws):
    for path in ("/usr/patina-test/x", "../x", "dir/../../x", "/", ".", "", ws._box.workspace):
        with pytest.raises(WorkspaceError, match="outside of the workspace"):
            ws.write(path, "x")
    assert not Path("/usr/patina-test").exists()
    assert paths(ws.write(ws._box.workspace + "/inside", "x")) == {"inside": "added"}
    with pytest.raises(WorkspaceError, match="cannot write"):
        ws.write("dir", "x")
    assert [event.status for event in finished(ws.session)] == ["ok", "error"]
    assert ws.run("true").number == 3


def test_read_what_is_not_there(ws):
    with pytest.raises(WorkspaceError, match="no such file"):
        ws.read("nothing")
    with pytest.raises(WorkspaceError, match="not a regular file"):
        ws.read("dir")


def test_read_follows_links_inside_the_box_only(repo, ws):
    secret = repo.path.parent / "secret"
    secret.write_text("secret")
    ws.run(["ln", "-s", str(secret), "link"])
    if ws.isolation.files.enforced:
        with pytest.raises(WorkspaceError):
            ws.read("link")


# -- the branch -----------------------------------------------------------------------------------


def test_diff_and_log(repo, ws):
    first = ws.run("echo more >> a.txt")
    second = ws.run("rm dir/b.txt; printf '\\0' > bin; exit 3", cell="c2")
    assert {file.path: file.status for file in ws.diff().files} == {
        "a.txt": "modified",
        "dir/b.txt": "deleted",
        "bin": "added",
    }
    assert "+more" in ws.diff().text
    assert [file.path for file in ws.diff(first.commit).files] == ["bin", "dir/b.txt"]
    assert [file.path for file in ws.diff(paths=["a.txt"]).files] == ["a.txt"]
    newest, oldest = ws.log()
    assert (newest.sha, newest.step, newest.exit_code, newest.cell) == (second.commit, 2, 3, "c2")
    assert (oldest.sha, oldest.subject, oldest.session) == (first.commit, "echo more >> a.txt", "work")
    assert [commit.sha for commit in ws.log(1)] == [second.commit]
    assert repo.git("log", "-1", "--format=%ae", second.commit).endswith("@patina.invalid")


def test_delete_needs_force_for_unmerged_work(repo, ws, opener):
    ws.run("echo work > work")
    with pytest.raises(SessionError, match="force"):
        ws.delete()
    assert ws.run("true").ok
    ws.delete(force=True)
    assert ws.closed
    assert repo.git("for-each-ref", "refs/heads/agent", "refs/patina") == ""
    assert ws.session.status == "deleted"
    with pytest.raises(SessionError, match="deleted"):
        opener("work")


def test_delete_loses_nothing_that_came_while_closing(repo, ws):
    """A background process writes after the check: the last commit is on no other branch."""
    repo.git("merge", "-q", "agent/work")
    ws.start("sleep 0.2; echo late > late; sleep 1000")
    wait_for(lambda: "late" in {entry.name for entry in ws.ls()}, "the background process writes")
    with pytest.raises(SessionError, match="force"):
        ws.delete()
    assert repo.git("show", "agent/work:late") == "late"
    assert ws.session.status == "active"


# -- beside a command -----------------------------------------------------------------------------

SERVER = """
import http.server, threading
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
open("port", "w").write(str(server.server_address[1]))
print("listening", flush=True)
server.serve_forever()
"""


def test_a_server_in_the_background_answers_the_next_command(ws):
    ws.write("server.py", SERVER)
    ws.write(".gitignore", "port\n")
    process = ws.start(["python3", "server.py"])
    wait_for(lambda: b"listening" in process.output()[0].data or not process.running, "the server listens")
    if not process.running and not ws.isolation.processes.enforced:
        pytest.skip("no loopback in this kind of box")
    get = "import urllib.request as u; print(u.urlopen(f'http://127.0.0.1:{open(\"port\").read()}/a.txt').read())"
    for _ in range(2):
        step = ws.run(["python3", "-c", get])
        assert step.stdout.text == "b'one\\n'\n", step.stderr.text
    assert process.running
    result = process.stop()
    assert result.signal == 15 or result.exit_code is not None
    assert not process.running


def test_what_a_background_process_writes_is_in_the_next_step(repo, ws):
    process = ws.start("while [ ! -e go ]; do sleep 0.02; done; echo later > later")
    ws.run("touch go")
    process.wait(30)
    step = ws.run("rm go")
    assert "later" in repo.git("ls-tree", "-r", "--name-only", step.commit or ws.tip).split()


def test_a_process_that_outlives_its_command(repo, ws):
    began = time.monotonic()
    step = ws.run("(sleep 0.5; echo after > after) & echo started")
    assert step.stdout.text == "started\n"
    assert time.monotonic() - began < 30
    wait_for(lambda: "after" in {entry.name for entry in ws.ls()}, "the child writes")
    assert paths(ws.run("true")) == {"after": "added"}


def test_shell(repo, ws):
    if ws.isolation.no_shell:
        pytest.skip(ws.isolation.no_shell)
    terminal = ws.shell(rows=30, cols=90)
    terminal.write(b"stty size; echo typed > typed; exit 5\n")
    seen = b""
    while terminal.result is None:
        seen += terminal.read(1)
    seen += terminal.read(0)
    assert b"30 90" in seen
    assert terminal.result.exit_code == 5
    assert paths(ws.run("true")) == {"typed": "added"}


@pytest.mark.local_only("a rung of that engine")
def test_a_box_without_terminals_says_so(opener, monkeypatch):
    """Landlock as the user's own uid: an interactive shell is refused in words, and the badge has told before."""
    monkeypatch.setenv("PATINA_LOCAL_RUNG", "landlock")
    found = LocalEngine().probe()
    if not found.usable:
        pytest.skip(found.reason)
    workspace = opener()
    if not os.geteuid():
        assert workspace.isolation.no_shell == ""  # another uid: its terminals are its own
        assert "terminals" not in workspace.isolation.files.why
        return
    with pytest.raises(SandboxError, match=r"no interactive shell in this workspace: .* Use run\(\)"):
        workspace.shell()
    assert "no terminals, so no interactive shell" in workspace.isolation.files.why
    assert found.isolation.no_shell
    assert workspace.run("echo fine").stdout.text == "fine\n"


def test_everything_is_a_patina_error(ws):
    assert issubclass(WorkspaceError, PatinaError)
    with pytest.raises(PatinaError):
        ws.run("x" * (2 << 20))
    assert ws.run("true").ok
