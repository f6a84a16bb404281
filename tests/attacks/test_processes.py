"""Attacks 32 to 41: processes that stay, multiply, hog, look around and climb out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import patina_nb as patina
from patina_nb.engines.base import Limits
from patina_nb.errors import SandboxError, WorkspaceError

from .stage import ENGINES, ROOT, attempts, eventually, kind_of, python_env

LOOP = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
for fd in range(3): os.dup2(os.open(os.devnull, os.O_RDWR), fd)
os.chdir("/")
while True:
    with open(sys.argv[1], "a") as file: file.write("x")
    time.sleep(0.005)
"""
# Forks twice, begins a session, forgets its environment, its directory and its descriptors, ignores what can be
# ignored, and goes on writing into the file that its argument names.
DAEMON = f"""
import os, sys
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
os.execve(sys.executable, [sys.executable, "-I", "-c", {LOOP!r}, os.path.abspath(sys.argv[1])], {{}})
"""


def written(box, path):
    """Has it begun to write?"""
    try:
        return box.read(path)
    except WorkspaceError:
        return b""


def alive(box, path):
    """Does the daemon still write?"""
    before = box.read(path)
    time.sleep(0.1)
    return box.read(path) != before


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_32_detached_daemon_when_its_command_is_stopped(stage, kind, how):
    box = stage.open(kind)
    cancel = threading.Event()
    if how == "cancel":
        threading.Thread(target=lambda: (eventually(lambda: written(box, "beat")), cancel.set())).start()
    step = box.run(
        ["sh", "-c", 'python3 -I -c "$1" beat; exec sleep 60', "sh", DAEMON],
        timeout=3 if how == "timeout" else 60,
        cancel=cancel,
    )
    assert step.status == ("timed out" if how == "timeout" else "cancelled")
    assert box.read("beat")
    assert not alive(box, "beat")
    assert box.run("echo fine").ok


@pytest.mark.core
def test_32_detached_daemon_when_the_box_ends(stage, kind):
    box = stage.open(kind)
    box.run(["python3", "-I", "-c", DAEMON, "beat"])
    eventually(lambda: box.run("test -s beat").ok)
    assert stage.running() or kind == "container"
    box.close()
    eventually(lambda: not stage.running())
    box = stage.reopen(box)
    assert not alive(box, "beat")


def test_33_background_child_holds_the_output(stage, kind):
    box = stage.open(kind)
    began = time.monotonic()
    step = box.run("sleep 30 & echo started")
    assert time.monotonic() - began < 20
    assert (step.ok, step.stdout.text) == (True, "started\n")
    assert box.run("ls /proc/[0-9]*/comm | xargs grep -l sleep 2>/dev/null").stdout.text  # and it lives on


@pytest.mark.core
def test_34_fork_bomb(stage, enforced):
    box = stage.open(enforced, limits=Limits(processes=40))
    bomb = """
import errno, os, sys, time
made = 0
try:
    for _ in range(2000):
        if os.fork() == 0: time.sleep(60); os._exit(0)
        made += 1
except OSError as error:
    print(made, errno.errorcode[error.errno], flush=True)
time.sleep(60)
"""
    step = box.run(["python3", "-I", "-c", bomb], timeout=1.5)
    assert step.status == "timed out"
    made, error = step.stdout.text.split()
    assert error == "EAGAIN"
    assert int(made) <= 40 + 64  # the server may have some of its own
    step = box.run("bomb() { bomb | bomb & }; bomb; sleep 60", timeout=1)
    assert step.status == "timed out"
    assert box.run("echo fine").ok
    assert len(stage.running()) < 20


HOG = """
import os
hold = []
try:
    while len(hold) < {chunks}:
        hold.append(bytearray(b"x") * (16 << 20))
except MemoryError:
    print("MemoryError", flush=True)
    os._exit(3)
print("got", len(hold) * 16, flush=True)
"""


@pytest.mark.core
def test_35_memory_hog_with_a_limit(stage, kind):
    box = stage.open(kind, limits=Limits(memory=256 << 20))
    step = box.run(["python3", "-I", "-c", HOG.format(chunks=64)])
    assert not step.ok
    assert step.status == "out of memory" or step.stdout.text == "MemoryError\n"
    if kind != "process" and box.isolation.memory.enforced:
        hogs = f"for n in 1 2 3 4; do python3 -I -c '{HOG.format(chunks=14)}' & done; wait"
        step = box.run(hogs.replace("print(", "__import__('time').sleep(1); print("), timeout=30)
        assert step.stdout.text.count("got") < 4  # together they had too much
    step = box.run("echo fine >fine")
    assert step.ok, step.stderr.text
    assert step.commit


def test_35_memory_without_a_limit(stage, separate):
    """A limit that was not asked for is not promised: the badge says which one holds."""
    box = stage.open(separate, limits=Limits(memory=None))
    assert not box.isolation.memory.enforced
    assert "memory" in box.isolation.summary().partition("not:")[2]
    assert box.run(["python3", "-I", "-c", HOG.format(chunks=20)]).stdout.text == "got 320\n"


def test_35_a_tree_larger_than_memory(stage, separate):
    """Ten levels of ten times the same directory, 10 billion files in a few hundred bytes: only the box suffers."""
    box = stage.open(separate, limits=Limits(memory=300 << 20))
    before = stage.host()
    script = """
import subprocess
def git(*arguments, stdin=b""):
    return subprocess.run(["git", *arguments], input=stdin, capture_output=True, check=True).stdout.decode().strip()
tree = git("mktree", stdin=("".join(f"100644 blob {git('hash-object', '-w', '--stdin')}\\tf{n}\\n" for n in range(10))).encode())
for _ in range(9):
    tree = git("mktree", stdin=("".join(f"040000 tree {tree}\\td{n}\\n" for n in range(10))).encode())
commit = git("-c", "user.name=x", "-c", "user.email=x", "commit-tree", tree, "-p", "HEAD", "-m", "bomb")
git("update-ref", "HEAD", commit)
"""
    step = box.run(["python3", "-I", "-c", script])
    assert step.ok, step.stderr.text
    assert step.unpublished
    assert stage.repo.git("rev-parse", box.branch) == box.base
    box.run("git reset -q --soft HEAD~1")
    step = box.run("echo fine >fine")
    assert step.unpublished is None
    stage.unchanged(before)


HOLDER = """
import sys, time
import patina_nb as patina
box = patina.workspace("s0", engine=sys.argv[1])
box.start(["sleep", "1000"])
box.run(["sh", "-c", 'python3 -I -c "$1" beat; sleep 1000 >/dev/null 2>&1 & setsid sleep 1000 >/dev/null 2>&1 & echo', "sh", sys.argv[2]])
print("open", flush=True)
box.run("echo early >early; sleep 1000; echo late >late")
"""


@pytest.mark.core
def test_36_host_killed(stage, kind):
    stage.use(kind)
    patina.start(session="s0")
    command = [sys.executable, "-c", HOLDER, ENGINES[kind], DAEMON]
    env = {**python_env(), "TMPDIR": str(stage.open_dir)}
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "open\n"
        # three of the first two commands; the shell of the last one, and the sleep that it began after writing
        eventually(lambda: len([what for what in stage.running().values() if b"sleep" in what]) >= 5)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    eventually(lambda: not stage.running())
    box = stage.open(kind, session="s0")
    assert any("cut off" in note for note in box.notes)
    assert stage.repo.git("show", f"{box.branch}:early") == "early"
    assert not alive(box, "beat")
    assert kind_of(box) == kind


def test_37_signals_reach_only_the_own_command(stage, separate):
    """By design: the server signals its own children only, so a number that is used again is nobody else's."""
    box = stage.open(separate)
    short, long = box.start("exit 3"), box.start(["sleep", "1000"])
    assert short.wait(10).exit_code == 3
    for number in (signal.SIGTERM, signal.SIGKILL):
        short.signal(number)
    assert short.stop(grace=0.1).exit_code == 3
    assert box.run("echo fine").ok
    assert long.running
    assert long.stop(grace=5).signal == signal.SIGTERM


def test_38_terminating_is_refused(stage, kind):
    box = stage.open(kind)
    stubborn = (
        "trap '' TERM INT HUP; (trap '' TERM; while :; do sleep 0.05; done) & while :; do sleep 0.05; done"
    )
    step = box.run(stubborn, timeout=0.3)
    assert step.status == "timed out"
    running = box.start(stubborn)
    result = running.stop(grace=0.2)
    assert result.cancelled or result.signal
    assert box.run("pgrep -f 'trap .. TERM' || echo none; echo on >on").commit


TERMINAL = """
import fcntl, os, sys, termios
try: os.open("/dev/tty", os.O_RDWR); print("tty")
except OSError as error: print(error.errno)
for fd in range(3):
    try: fcntl.ioctl(fd, termios.TIOCSTI, b"x"); print("typed")
    except OSError as error: print(error.errno)
print([os.isatty(fd) for fd in range(3)])
"""


@pytest.mark.core
def test_39_typing_into_the_terminal(stage, enforced):
    box = stage.open(enforced)
    step = box.run(["python3", "-I", "-c", TERMINAL])
    assert step.ok, step.stderr.text
    assert "tty" not in step.stdout.text.split()
    assert "typed" not in step.stdout.text
    assert "[False, False, False]" in step.stdout.text
    box.write("type.py", TERMINAL)
    if box.isolation.no_shell:  # as the user's own uid: no terminals at all
        with pytest.raises(SandboxError, match="no interactive shell"):
            box.shell()
        return
    pty = box.shell()
    pty.write(b"python3 type.py; exit\n")
    said = b""
    deadline = time.monotonic() + 20
    while pty.result is None and time.monotonic() < deadline:
        said += pty.read(0.2)
    pty.close()
    assert b"[True, True, True]" in said
    if enforced != "container":  # where it types to a shell of its own user, on a terminal of its own
        assert b"typed" not in said


@pytest.mark.core
def test_39_terminals_of_the_user(stage, enforced):
    """A terminal that the user has open: what is typed there is not read, and nothing is typed or shown there."""
    ours, theirs = os.openpty()
    try:
        name = os.ttyname(theirs)
        box = stage.open(enforced)
        tried = attempts(
            box,
            read=f"os.open({name!r}, os.O_RDONLY | os.O_NOCTTY)",
            write=f"os.open({name!r}, os.O_WRONLY | os.O_NOCTTY)",
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert set(tried.values()) <= {"ENOENT", "EACCES"}


@pytest.mark.core
def test_40_looking_around(stage, enforced):
    box = stage.open(enforced)
    host = os.getpid()
    (stage.open_dir / "secret").write_text("secret of the host")
    (stage.open_dir / "secret").chmod(0o600)
    with (stage.open_dir / "secret").open() as file:
        tried = attempts(
            box,
            kill=f"os.kill({host}, 0)",
            kill_all_but_init="len([p for p in os.listdir('/proc') if p.isdigit()])",
            environ=f"content('/proc/{host}/environ')",
            memory=f"content('/proc/{host}/mem')",
            descriptor=f"content('/proc/{host}/fd/{file.fileno()}')",
            directory=f"os.listdir('/proc/{host}/cwd')",
            root=f"content('/proc/{host}/root/etc/hostname')",
            trace=f"call('ptrace', 16, {host}, 0, 0)",
            trace_init="call('ptrace', 16, 1, 0, 0)",
            trace_server="call('ptrace', 16, os.getppid(), 0, 0)",
            server_memory="os.open('/proc/%d/mem' % os.getppid(), os.O_RDWR)",
            server_environ="content('/proc/%d/environ' % os.getppid())",
            process_vm="call('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0) or 'empty'",
            user_namespace="call('unshare', 0x10000000)",
            mount_namespace="call('unshare', 0x00020000)",
            net_namespace="call('unshare', 0x40000000)",
            join="call('setns', os.open('/proc/self/ns/mnt', os.O_RDONLY), 0)",
            mount="call('mount', b'none', b'/tmp', b'tmpfs', 0, 0)",
            remount="call('mount', b'none', b'/', 0, 0x1020, 0)",
            unmount="call('umount2', b'.git', 2)",
            chroot="call('chroot', b'.')",
            kernel_log="call('klogctl', 3, 0, 0)",
            hostname="call('sethostname', b'x', 1)",
            priority="call('setpriority', 0, 0, -20)",
            become_root="os.setuid(0)",
            devices="sorted(set(os.listdir('/dev')) & {'kmsg', 'mem', 'kvm', 'fuse', 'sda', 'vda', 'loop0', 'snapshot'})",
        )
    seen = int(tried.pop("kill_all_but_init"))
    if enforced != "landlock":
        assert seen < 12
        assert tried.pop("devices") == "[]"
        assert tried["kill"] == "ESRCH"
    else:
        assert tried.pop("devices")  # names can be seen, nothing can be opened
        assert "other processes can be seen" in box.isolation.processes.why
        assert tried["kill"] == "EPERM"
    assert tried.pop("process_vm") in ("EPERM", "empty")
    assert set(tried.values()) <= {"ENOENT", "EACCES", "EPERM", "ESRCH", "EINVAL", "ENOSYS"}, tried


@pytest.mark.core
def test_41_kernel_settings_and_root_files(stage, enforced):
    box = stage.open(enforced)
    names = [
        "kernel/core_pattern",
        "kernel/modprobe",
        "vm/overcommit_memory",
        "kernel/hostname",
        "net/ipv4/ip_forward",
    ]
    files = [
        *(f"/proc/sys/{name}" for name in names),
        "/proc/sysrq-trigger",
        "/proc/1/oom_score_adj",
        "/etc/passwd",
    ]
    paths = [path for path in files if Path(path).exists()]
    before = {path: Path(path).read_bytes() for path in paths if "sysrq" not in path}
    tried = attempts(
        box,
        **{f"write {path}": f"os.open({path!r}, os.O_WRONLY)" for path in paths},
        shadow="content('/etc/shadow')",
        kcore="content('/proc/kcore')",
        cgroup="append('/sys/fs/cgroup/cgroup.procs')",
        uid="os.getuid()",
        capabilities="[line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')]",
        no_new_privileges="[line.split()[1] for line in open('/proc/self/status') if line.startswith('NoNewPrivs')]",
    )
    assert tried.pop("uid") != "0"
    assert tried.pop("capabilities") == "['0000000000000000']"
    assert tried.pop("no_new_privileges") == "['1']"
    assert set(tried.values()) <= {"EACCES", "EROFS", "ENOENT", "EPERM"}, tried
    assert {path: Path(path).read_bytes() for path in before} == before
    assert os.geteuid() == 0 or not ROOT


def test_process_engine_promises_nothing(stage):
    """What it does not promise: a plain process of the user can do all that the user can, and the badge says so."""
    box = stage.open("process")
    assert "NO ISOLATION" in box.isolation.summary()
    assert any("NO ISOLATION" in note for note in box.notes)
    assert not any(point.enforced for point in box.isolation.points().values())
    secret = stage.open_dir / "secret"
    secret.write_text("mine")
    secret.chmod(0o600)
    tried = attempts(
        box,
        read=f"content({str(secret)!r})",
        write=f"append({str(secret)!r})",
        signal=f"os.kill({os.getpid()}, 0)",
    )
    assert tried == {"read": "b'mine'", "write": "written", "signal": "None"}
    assert patina.start(session="auto").id  # and `auto` never chooses it
    assert stage.open(session="auto", engine="auto").engine != "process"
