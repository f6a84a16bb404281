"""A container as a box: who runs there, what it sees, what stays, and who can pose as its server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

import patina_nb as patina
from patina_nb.engines.base import ContainerSpec
from patina_nb.engines.dagger import host_end, records, seeds
from patina_nb.engines.dagger.connections import connect
from patina_nb.errors import SandboxError, SessionBusyError
from patina_nb.notebook.jobs import Job
from patina_nb.sandbox.server import dial
from tests.workspaces.support import paths, python, said, wait_for

from .live import needs_engine

pytestmark = [*needs_engine, pytest.mark.timeout(300)]


def text(step) -> str:
    assert step.ok, (step.status, step.stderr.text)
    return step.stdout.text.strip()


def record_of(ws):
    place = records.project_place(ws.project.id)
    return place, records.session(place, ws.session.id)


def test_both_ends_speak_the_same():
    """The two sides may not import one another."""
    names = ("CONTROL", "STREAM", "PROBE", "MORE", "ECHO", "QUIT", "BEAT")
    assert [getattr(dial, name) for name in names] == [getattr(host_end, name) for name in names]


# -- who runs there, and what it sees ------------------------------------------------------------------------


def test_commands_run_as_an_ordinary_user(ws):
    assert "uid=0" not in text(ws.run("id"))
    status = text(ws.run("grep -E 'CapEff|NoNewPrivs' /proc/self/status")).split()
    assert status == ["CapEff:", "0" * 16, "NoNewPrivs:", "1"]
    assert text(ws.run("whoami; pwd; cd /workspace && pwd -P")).split() == [
        "agent",
        "/home/workspace",
        "/home/workspace",
    ]


def test_the_environment_is_ours_and_the_images(ws):
    found = dict(line.split("=", 1) for line in text(ws.run("env")).splitlines())
    assert found["PATINA_SESSION_ID"] == "work"
    assert found["PATINA_AGENT_MODE"] == "1"
    assert found["HOME"] == "/home/agent"
    assert "/usr/bin" in found["PATH"]
    assert not [name for name in found if name.startswith(("OTEL_", "DAGGER_", "TRACE", "BAGGAGE"))]


def test_nobody_but_root_reaches_the_host(ws):
    """Neither the socket nor the descriptors of those who hold its connections."""
    step = ws.run(
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"/run/patina/host\")' || true; "
        "ls /home/.patina || true; cat /proc/1/environ || true; "
        "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || ls $p/fd 2>/dev/null; done; "
        "stat -c '%a %U' /run/patina/host"
    )
    assert step.stderr.text.count("Permission denied") >= 3
    assert step.stdout.text.strip().splitlines()[-1] == "600 root"


def test_git_works_offline_with_the_whole_history(repo, opener):
    repo.commit({"b": "b"}, "second")
    ws = opener()
    assert text(ws.run("git log --format=%s")).split() == ["second", "first"]
    assert text(ws.run("git status --porcelain; git branch --show-current")) == "agent/work"
    assert text(ws.run("git fsck --strict 2>&1 | grep -v '^Checking' || true")) == ""


def test_a_shallow_repository(repo, opener, tmp_path):
    for n in range(3):
        repo.commit({"a.txt": str(n)}, f"change {n}")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    ws = patina.workspace("shallow", path=tmp_path / "shallow", engine="dagger")
    try:
        assert text(ws.run("git log --format=%s")) == "change 2"
        assert ws.run("echo 1 > one").commit
    finally:
        ws.delete(force=True)


def test_the_badge_is_honest(ws):
    points = ws.isolation.points()
    assert points["files"].enforced
    assert points["secrets"].enforced
    assert not points["network"].enforced
    assert not points["memory"].enforced
    assert "Dagger v0.21" in ws.isolation.kind
    # as it says: there is another interface than loopback
    assert text(ws.run("ls /sys/class/net")) != "lo"


# -- commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("script", "code"), [("exit 130", 130), ("exit 139", 139), ("false", 1)])
def test_exit_codes(ws, script, code):
    assert ws.run(f"echo x > f; {script}").exit_code == code


def test_signals_time_limits_and_what_was_written(ws):
    step = ws.run("echo 1 > one; kill -9 $$")
    assert step.signal == signal.SIGKILL
    assert paths(step) == {"one": "added"}
    step = ws.run("echo 2 > two; setsid sleep 1000 & sleep 60", timeout=3)
    assert step.status == "timed out"
    assert paths(step) == {"two": "added"}
    assert text(ws.run("cat /proc/[0-9]*/comm | grep -c sleep || true")) == "0"


def test_a_fork_bomb_ends_with_its_command(ws):
    began = time.monotonic()
    step = ws.run("bomb() { bomb | bomb & }; bomb; sleep 30", timeout=2)
    assert step.status in ("timed out", "ok")
    assert time.monotonic() - began < 60
    wait_for(lambda: ws.run("true").ok, "the next command")


def test_much_output(ws):
    step = ws.run("head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert step.ok
    assert step.stdout.total_bytes == 1_000_000_005
    assert step.stdout.truncated
    assert step.stdout.text.endswith("x\nend\n")
    step = ws.run("seq 200000")
    assert step.ok
    assert step.stdout.total_bytes == sum(len(f"{n}\n") for n in range(1, 200_001))
    assert step.stdout.text.endswith("\n199999\n200000\n")


def test_output_that_is_no_text(ws):
    step = ws.run("printf 'a\\377\\0b\\303'; printf '\\300\\n' >&2")
    assert step.stdout.data == b"a\xff\0b\xc3"
    assert step.stderr.data == b"\xc0\n"
    assert step.stdout.text == "a\ufffd\0b\ufffd"


def test_a_server_in_the_background(ws):
    ws.start("python3 -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1")
    fetch = (
        "python3 -c \"import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/a.txt').read())\""
    )
    wait_for(lambda: ws.run(fetch).ok, "the server")
    assert text(ws.run(fetch)) == "b'one\\n'"


def test_an_interrupt_stops_the_command_only(ws):
    """SIGINT to the whole process group, as Ctrl-C in a terminal and an interrupted kernel have it."""
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt) as error:
        ws.run("echo 1 > one; sleep 100")
    assert paths(error.value.step) == {"one": "added"}
    assert text(ws.run("cat one")) == "1"


def test_a_cancelled_job_ends_its_command_only(ws):
    job = Job("sleeping", lambda stop: ws.run("echo 1 > one; setsid sleep 4244 & sleep 4244", cancel=stop))
    wait_for(lambda: "one" in {entry.name for entry in ws.ls()}, "the command writes")
    job.cancel()
    step = job.result(60)
    assert step.status == "cancelled"
    assert paths(step) == {"one": "added"}
    assert text(ws.run("cat /proc/[0-9]*/comm | grep -c sleep || true; cat one")).split() == ["0", "1"]


# -- what stays --------------------------------------------------------------------------------------------------


def test_closed_and_opened_again(ws, opener):
    ws.run(
        "echo '*.log' > .gitignore; echo kept > x.log; mkdir -p ~/.local/bin; echo tool > ~/.local/bin/tool"
    )
    ws.close()
    again = opener()
    assert said(again) == []
    assert text(again.run("cat x.log ~/.local/bin/tool")).split() == ["kept", "tool"]
    assert again.run("git status --porcelain").stdout.text == ""


def test_a_killed_kernel_leaves_nothing_and_loses_nothing(repo, opener, image):
    program = (
        "import patina_nb as patina, sys, time\n"
        f"ws = patina.workspace('work', path={str(repo.path)!r}, engine='dagger')\n"
        "ws.run('echo *.log > .gitignore; echo kept > x.log')\n"
        "ws.start('echo $$ > x.pid; exec sleep 4242')\n"
        "time.sleep(1)\n"
        "print(ws._box._running.connection._process.pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    process = python(program)
    command = int(process.stdout.readline())
    process.kill()
    process.communicate()
    wait_for(lambda: not running(command), "the end of the dagger command")
    wait_for(lambda: not processes("sleep 4242"), "the end of the container")
    again = opener()
    assert text(again.run("cat x.log")) == "kept"


def test_a_killed_command_is_replaced(ws, opener):
    ws.run("echo 1 > one")
    os.kill(ws._box._running.connection._process.pid, signal.SIGKILL)
    wait_for(lambda: not ws.alive, "the end of the box")
    with pytest.raises(SandboxError, match="open the workspace again"):
        ws.run("true")
    again = opener()
    assert text(again.run("cat one")) == "1"


def test_from_engine_to_engine(repo, ws, opener):
    """The branch is what moves; an older workspace of another engine follows it."""
    try:
        local = patina.workspace("moving", path=repo.path, engine="local")
    except patina.PatinaError as error:
        pytest.skip(str(error))
    local.run("echo 1 > one")
    local.close()
    there = opener("moving")
    assert text(there.run("cat one")) == "1"
    there.run("echo 2 > two")
    tip = there.tip
    there.close()
    back = patina.workspace("moving", path=repo.path, engine="local")
    assert back.tip == tip
    assert repo.git("rev-parse", "agent/moving") == tip
    assert text(back.run("cat one two; git status --porcelain")).split() == ["1", "2"]
    assert any("went on on the dagger engine" in note for note in back.notes)
    back.close()
    once_more = opener("moving")
    assert text(once_more.run("cat one two")).split() == ["1", "2"]
    assert [
        event.number
        for event in once_more.session.project.journal.read("moving").events
        if event.kind == "step-finished"
    ]


# -- seeds ---------------------------------------------------------------------------------------------------------


def test_one_seed_for_all_sessions_of_a_commit(repo, opener):
    first, second = opener("one"), opener("two")
    (place, a), (_, b) = record_of(first), record_of(second)
    assert a.seed == b.seed
    assert a.volume != b.volume
    first.run("echo 1 > only-here")
    assert text(second.run("ls")) == "a.txt\ndir"
    made = len(records.seeds(place))
    repo.commit({"c": "c"}, "more")
    third = opener("three")
    assert text(third.run("cat c")) == "c"
    (newest,) = records.seeds(place)[made:]
    assert newest.depth == 1


def test_a_number_that_means_something_else_now(repo, ws, opener):
    """An engine that lost its store gives out the same ids again: what they stand for is looked at."""
    ws.run("echo 1 > one")
    place, record = record_of(ws)
    ws.close()
    connection = connect()

    async def other() -> str:
        return str(await connection.client.container().with_new_file("/x", "not yours").id())

    foreign = connection.run(other, 60)
    assert not seeds.is_there(connection, foreign, record.seed_key)
    changed = json.loads((place.sessions / "work.json").read_text())
    (place.sessions / "work.json").write_text(json.dumps({**changed, "seed": foreign}))
    again = opener()
    assert "made anew" in " ".join(again.notes)
    assert text(again.run("cat one")) == "1"


def test_a_damaged_git_directory(ws, opener):
    ws.run("echo 1 > one")
    ws.run("echo 2 > two; rm -rf .git")
    ws.close()
    again = opener()
    assert "damaged" in " ".join(again.notes)
    assert text(again.run("cat one two")).split() == ["1", "2"]
    assert again.run("git log --oneline").ok


# -- images, setup, volumes ------------------------------------------------------------------------------------


def test_a_setup_that_fails_says_which_line(opener, design):
    design('setup = ["true", "echo the reason >&2; exit 7"]')
    with pytest.raises(
        SandboxError, match=r"setup command .*exit 7.* failed with exit code 7: the reason.*correct"
    ):
        opener()


def test_an_image_without_git(opener, design):
    """Nothing can be installed here: the line to add to `setup` is named."""
    design('setup = ["rm -f /usr/bin/git; rm -rf /etc/apt/sources.list*"]')
    with pytest.raises(
        SandboxError, match=r"has no git, and bringing it in failed .* setup, for example 'apt-get"
    ):
        opener()


def test_an_image_that_is_not_there(opener, design):
    design('image = { rootfs = "nowhere" }')
    with pytest.raises(patina.PatinaError, match=r"the rootfs .*nowhere of the image does not exist"):
        opener()


def test_setup_install_caches_and_shared_volumes(opener, design):
    design(
        'setup = ["echo tool > /usr/local/tool"]\n'
        'install = ["echo installed > ~/installed; touch ignored.pyc"]\n'
        'caches = { pip = "/home/agent/.cache/pip" }\n'
        'shared = { models = "/shared/models" }\n'
        'env = { GREETING = "hello" }'
    )
    one, two = opener("one"), opener("two")
    assert text(one.run("cat /usr/local/tool ~/installed; echo $GREETING")).split() == [
        "tool",
        "installed",
        "hello",
    ]
    one.run("echo 1 > /shared/models/m; echo 1 > ~/.cache/pip/p; echo 1 > ~/.cache/other")
    assert text(two.run("cat /shared/models/m; ls ~/.cache/pip")) == "1"
    one.close()
    assert text(opener("one").run("cat ~/.cache/pip/p ~/.cache/other")).split() == ["1", "1"]


def test_a_bad_place_for_a_volume(repo, opener, image):
    with pytest.raises(SandboxError, match="cannot be at '/etc/x'"):
        opener(shared={"m": "/etc/x"})


def test_a_service(repo, image):
    from patina_nb.engines.base import BoxSpec, Service
    from patina_nb.engines.dagger.engine import DaggerEngine
    from patina_nb.engines.dagger.images import default
    from patina_nb.sandbox.client import Sandbox
    from patina_nb.sandbox.protocol import Command

    web = Service(default(), ports=(8000,), args=("python3", "-m", "http.server", "8000"))
    spec = BoxSpec(
        project_id="abcdef012345",
        session_id="served",
        git_dir=repo.path / ".git",
        commit=repo.head,
        branch="agent/served",
        author="agent",
        container=ContainerSpec(services={"web": web}),
    )
    box = DaggerEngine().launch(spec)
    try:
        code = "import urllib.request as r; print(r.urlopen('http://web:8000/').status)"
        result = Sandbox(box).exec(Command(["python3", "-c", code], timeout=60))
        assert result.stdout.text.strip() == "200", result
    finally:
        box.delete()


def test_a_closed_box_is_not_deleted_under_the_one_who_opened_it_again(ws, opener):
    text(ws.run("echo mine > kept.log; echo kept.log > .gitignore"))
    closed = ws._box
    ws.close()
    again = opener()
    with pytest.raises(SessionBusyError):
        closed.delete()
    assert text(again.run("cat kept.log")) == "mine"


@pytest.fixture
def design(repo, image):
    """Writes the design file of `repo`, with these lines in [workspace]."""

    def write(lines: str) -> None:
        (repo.path / "PROJECT_DESIGN.toml").write_text(
            f'[project]\nfeatures = ["agent-workflows"]\n[workspace]\n{lines}\n'
        )

    return write


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes(words: str) -> str:
    """Those of this machine with these words; of an engine elsewhere there are none to see."""
    done = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if line == words)
