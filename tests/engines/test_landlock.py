"""The rung without namespaces: what it closes, and that what it leaves open is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patina_nb.engines.base import Limits
from patina_nb.engines.identity import Identity, of_project
from patina_nb.engines.local import landlock
from patina_nb.engines.local.engine import LocalEngine
from patina_nb.engines.local.isolation import landlock as isolation
from patina_nb.engines.local.probe import availability
from patina_nb.engines.local.rungs import RUNGS

from .bench import PROJECT

SERVER = Path(landlock.__file__).parents[2] / "sandbox" / "server"


@pytest.fixture
def opened(bench):
    (found,) = [availability(rung) for rung in RUNGS if rung.name == "landlock"]
    if not found.usable:
        pytest.skip(found.reason)
    return bench.open(engine=LocalEngine("landlock"))


def test_neither_read_nor_written_outside(opened, open_cache, bench):
    outside = open_cache / f"outside-{os.getpid()}"
    outside.mkdir(exist_ok=True)
    outside.chmod(0o777)
    (outside / "file").write_text("secret")
    (outside / "file").chmod(0o666)
    for command in (
        "cat {}/file",
        "ls {}",
        "echo x > {}/file",
        "touch {}/new",
        "rm {}/file",
        "truncate -s 0 {}/file",
        "mv a.txt {}/a",
        "ln a.txt {}/a",
        "mkdir {}/d",
        "ln -s x {}/l",
    ):
        assert opened.run("sh", "-c", command.format(outside)).exit_code, command
    assert (outside / "file").read_text() == "secret"
    assert [entry.name for entry in outside.iterdir()] == ["file"]
    assert opened.run("ls", "/tmp").exit_code


def test_files_inside_can_be_moved_between_directories(opened):
    assert (
        opened.sh("mkdir x && mv a.txt x/ && mv x ~/ && cat ~/x/a.txt && touch $TMPDIR/t && rm -r dir")
        == "one\n"
    )


def test_processes_outside_can_be_neither_signalled_nor_traced(opened):
    if landlock.abi() < 6:
        pytest.skip(f"Landlock ABI {landlock.abi()} does not scope signals")
    victim = subprocess.Popen(["sleep", "60"], user=of_project(PROJECT).uid if os.geteuid() == 0 else None)
    try:
        assert opened.run("kill", "-9", str(victim.pid)).exit_code
        assert opened.run("cat", f"/proc/{victim.pid}/environ").exit_code
        assert opened.run(
            "python3", "-c", f"import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(16, {victim.pid}, 0, 0))"
        ).exit_code
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


def test_no_internet_socket_can_be_opened(opened):
    code = (
        "import socket\n"
        "for family in (2, 10, 16):\n"
        "    for kind in (1, 2):\n"
        "        try: socket.socket(family, kind); print('open')\n"
        "        except OSError as error: print(error.errno)"
    )
    assert set(opened.py(code).split()) == {"97"}


def test_unix_sockets_are_open_only_to_a_user_of_their_own(opened):
    code = (
        "import socket\ntry: socket.socket(socket.AF_UNIX); print('open')\n"
        "except OSError as error: print(error.errno)"
    )
    assert opened.py(code) == ("open" if of_project(PROJECT).switched else "97")
    assert opened.py("import socket; socket.socketpair(); print('fine')") == "fine"


def test_locks_of_python_work(opened):
    code = (
        "import multiprocessing as m\n"
        "def f(n): return n * n\n"
        "with m.get_context('fork').Pool(2) as pool: print(pool.map(f, range(4)))"
    )
    assert opened.py(code) == "[0, 1, 4, 9]"


def test_what_stays_open_is_said(opened):
    said = opened.box.isolation
    assert not said.processes.enforced
    for word in ("names", "modes and times", "/dev/shm"):
        assert word in said.files.why
    old = isolation("none", Limits(), None, 1, unix=True)
    assert "truncated" in old.files.why
    assert "signalled" in old.processes.why
    assert "outlive" in old.processes.why
    assert old.no_shell == ""
    mine = isolation("none", Limits(), None, 1, unix=False, no_shell="why")
    assert mine.no_shell == "why"
    assert "no interactive shell" in mine.files.why


def test_the_policy_follows_user_and_network():
    ours, guest = Identity(1, 1, switched=False), Identity(60001, 60001, switched=True)
    assert landlock.policy(ours, "none").families == ()
    assert landlock.policy(guest, "none").families == (1,)
    assert landlock.policy(ours, "full").families == (2, 10, 16)


@pytest.mark.parametrize("python", sorted({sys.executable, "/usr/bin/python3"}))
def test_confinement_fails_loudly(python):
    """A path that is no path, and a filter that is no filter."""
    start = f"import sys; sys.path.insert(0, {str(SERVER.parent)!r}); from server import confine"
    for config in ({"read": [1.5]}, {"seccomp": "AAAAAAAAAAA="}):
        code = f"{start}; confine.apply({config!r})"
        result = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, check=False)
        assert result.returncode
