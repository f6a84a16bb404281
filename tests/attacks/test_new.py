"""Attacks and faults 54 to 60."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import patina_nb as patina
from patina_nb.engines.base import BoxSpec
from patina_nb.engines.dagger.engine import DaggerEngine
from patina_nb.engines.local.engine import LocalEngine
from patina_nb.errors import SandboxError, SessionBusyError

from .stage import attempts, in_a_mount_namespace, processes, python_env, why_not


@pytest.mark.core
def test_54_vsock_and_other_doors_of_the_kernel(stage, enforced):
    """What no namespace covers, the system call filter does."""
    box = stage.open(enforced)
    numbers = stage.system_calls(
        "keyctl", "add_key", "bpf", "io_uring_setup", "userfaultfd", "perf_event_open", "open_by_handle_at"
    )
    tried = attempts(
        box,
        vsock="socket.socket(40, socket.SOCK_STREAM)",
        vsock_datagram="socket.socket(40, socket.SOCK_DGRAM)",
        qipcrtr="socket.socket(42, socket.SOCK_DGRAM)",
        **{name: f"call({number}, 0, 0, 0, 0, 0)" for name, number in numbers.items()},
    )
    families = {tried.pop(name) for name in ("vsock", "vsock_datagram", "qipcrtr")}
    assert families <= ({"EAFNOSUPPORT", "EPERM"} if enforced == "container" else {"EAFNOSUPPORT"})
    assert set(tried.values()) == {"EPERM"}


@pytest.mark.core
def test_55_server_stopped_from_inside(stage, enforced):
    box = stage.open(enforced)
    tried = attempts(
        box,
        stop="os.kill(1, 19)",
        kill="os.kill(1, 9)",
        trace="call('ptrace', 16, 1, 0, 0)",
        seize="call('ptrace', 0x4206, 1, 0, 0)",
        server="call('ptrace', 16, os.getppid(), 0, 0)",
    )
    assert {tried["trace"], tried["seize"], tried["server"]} == {"EPERM"}
    assert tried["stop"] in ("None", "EPERM")  # process 1 of a namespace is deaf to it
    assert box.run("kill -STOP $PPID; echo went on").stdout.text == "went on\n"
    for attack in ("kill -9 $PPID; sleep 1", "kill -9 -1; sleep 1", "kill -STOP -1; sleep 1"):
        step = box.run(attack if enforced == "overlay" else attack.replace("-1", "$PPID"), timeout=10)
        assert step.status in ("unknown", "ok", "failed"), step
        assert not step.ok or "STOP" in attack
    step = box.run("echo fine >fine")
    assert step.ok
    assert step.commit


def test_55_server_that_does_not_answer(stage):
    """The host keeps a deadline of its own, says that it does not know the end, and gets rid of the box."""
    box = stage.open()
    box.run("echo 1 >1")
    before = stage.host()
    for pid in processes(stage.project):
        os.kill(pid, signal.SIGSTOP)
    try:
        step = box.run("echo 2 >2", timeout=0.2)
    except SandboxError:
        step = None
    assert step is None or step.status == "unknown"
    assert step is None or step.unpublished
    box.close()
    assert not processes(stage.project)
    box = stage.reopen(box)
    step = box.run("echo 3 >3")
    assert step.unpublished is None
    assert stage.repo.git("ls-tree", "--name-only", box.branch, "1", "3") == "1\n3"
    stage.unchanged(before)


@pytest.mark.core
def test_56_environment_of_the_first_process(stage, enforced, monkeypatch):
    monkeypatch.setenv("HOST_MARKER", "of the host")
    box = stage.open(enforced)
    read = box.run("cat /proc/1/environ /proc/$PPID/environ | tr '\\0' '\\n'; cat /proc/self/mountinfo")
    assert "of the host" not in read.stdout.text
    assert "HOST_MARKER" not in read.stdout.text
    if enforced == "overlay":  # known: where the overlay's layers lie is told, they cannot be reached
        assert str(stage.project) in read.stdout.text
        tried = attempts(box, reached=f"os.listdir({str(stage.project)!r})")
        assert tried["reached"] == "ENOENT"


def test_57_box_of_a_thread_that_ended(stage, kind):
    opened = []
    thread = threading.Thread(target=lambda: opened.append(stage.open(kind)))
    thread.start()
    thread.join()
    if not opened:
        pytest.skip(f"no box of kind {kind}: {why_not(kind)}")
    time.sleep(0.3)
    for _ in range(3):
        assert opened[0].run("echo more >>file").commit


BUSY = """
import sys
import patina_nb as patina
from patina_nb.errors import SessionBusyError
for action in (lambda: patina.workspace("s0"), lambda: patina.workspace("s0", engine="process"), lambda: patina.delete("s0", force=True)):
    try:
        action()
        print("done")
    except SessionBusyError as error:
        print(error)
"""


def test_58_second_mount_of_one_session(stage, separate):
    box = stage.open(separate)
    box.run("echo 1 >1")
    done = subprocess.run(
        [sys.executable, "-c", BUSY], env=python_env(), capture_output=True, text=True, check=False
    )
    said = done.stdout.splitlines()
    assert len(said) == 3, done.stderr
    assert all(f"process {os.getpid()}" in line for line in said)
    assert patina.workspace("s0") is box  # in this process it is the same one
    spec = BoxSpec(  # past the session's lock, straight to the engine
        project_id=stage.repo.project.id,
        session_id="s0",
        git_dir=stage.repo.path / ".git",
        commit=box.tip,
        branch=box.branch,
        author="x",
    )
    with pytest.raises(SessionBusyError, match="this process"):
        (LocalEngine() if separate == "overlay" else DaggerEngine()).launch(spec)
    assert box.run("cat 1; echo 2 >2").commit


def test_59_junk_directory(stage, separate):
    """20,000 ignored files: named as one directory, not one of them hashed or sent."""
    stage.repo.commit({".gitignore": "node_modules/\n"})
    box = stage.open(separate)
    box.run("echo 1 >1")
    before = stage.host()
    junk = """
import os
for n in range(200):
    os.makedirs(f"node_modules/{n}")
    for m in range(100): os.close(os.open(f"node_modules/{n}/{m}", os.O_CREAT))
open("2", "w").close()
"""
    step = box.run(["python3", "-I", "-c", junk])
    assert [change.path for change in step.files] == ["2"]
    assert [left.path for left in step.left_out] == ["node_modules"]
    objects = box.run("git count-objects; find node_modules -type f | wc -l")
    count, files = int(objects.stdout.text.split()[0]), int(objects.stdout.text.split()[-1])
    assert count < 20
    assert files == 20_000
    step = box.run("touch node_modules/1/new; echo 3 >3")
    assert [change.path for change in step.files] == ["3"]
    assert step.left_out == ()  # said once
    stage.unchanged(before)


ON_OVERLAY = """
import json
import patina_nb as patina
box = patina.workspace(patina.start(session="on-overlay"))
step = box.run("echo 1 >1; rm a.txt")
print(json.dumps({
    "kind": box.isolation.kind, "fallbacks": box.fallbacks, "isolation": step.isolation,
    "files": [change.path for change in step.files], "ok": step.ok, "unpublished": step.unpublished,
}))
box.delete(force=True)
"""


def test_60_cache_on_an_overlay(stage, monkeypatch):
    """The kernel takes no overlay as the upper layer of another: said, with the next best kind of box."""
    layers = [stage.open_dir / name for name in ("lower", "upper", "work", "at")]
    for path in layers:
        path.mkdir()
    lower, upper, work, at = layers
    mount = f"mount -t overlay overlay -o lowerdir={lower},upperdir={upper},workdir={work} {at}"
    monkeypatch.setenv("PATINA_CACHE_DIR", str(at / "cache"))
    before = stage.host()
    found = in_a_mount_namespace(f"{mount} || {mount},userxattr", ON_OVERLAY)
    assert found["ok"]
    assert found["unpublished"] is None
    assert found["files"] == ["1", "a.txt"]
    if not found["kind"].endswith("overlay"):
        assert any("overlay" in said for said in found["fallbacks"]), found
        assert found["isolation"].startswith(found["kind"])
    stage.unchanged(before)


@pytest.mark.core
def test_61_posing_as_the_server(stage, separate):
    """By its socket, its descriptors, its code, or by becoming root: a command cannot take its place."""
    box = stage.open(separate)
    tried = attempts(
        box,
        dial="connect(socket.AF_UNIX, '/run/patina/host')",
        move_socket="os.rename('/run/patina/host', '/tmp/host')",
        remove_socket="os.remove('/run/patina/host')",
        code="append('/run/patina/lib/server/dial.py')",
        bytecode="os.listdir('/home/.patina')",
        replace_bytecode="os.rename('/home/.patina', '/home/other')",
        replace_workspace="os.rename('/home/workspace', '/home/other')",
        root_of_server="os.listdir('/proc/1/root')",
        descriptors="os.listdir('/proc/1/fd')",
        descriptors_of_worker="os.listdir(f'/proc/{os.getppid()}/fd')",
        take_descriptor="call(438, call(434, 1, 0), 0, 0)",
        take_descriptor_of_worker="call(438, call(434, os.getppid(), 0), 0, 0)",
        memory="os.open(f'/proc/{os.getppid()}/mem', os.O_RDWR)",
        become_root="os.setresuid(0, 0, 0)",
    )
    assert set(tried.values()) <= {"EACCES", "EPERM", "ENOENT", "EROFS", "EBUSY", "EXDEV", "EINVAL"}, tried
    su = box.run("for program in su sudo newgrp; do $program -c id </dev/null 2>/dev/null; done; true")
    assert "uid=0" not in su.stdout.text
    listening = box.run(
        "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == \"0A\" && $2 !~ /^0100007F/'"
    )
    assert listening.stdout.text == ""  # and from elsewhere there is nothing to connect to
    assert box.run("echo fine >fine").commit
