"""The ladder: which rung is taken, and what is said about each that is not."""

from __future__ import annotations

import os
import platform
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from patina_nb.engines.identity import FIRST_UID, Identity, ourselves
from patina_nb.engines.local import carried, interpreter, landlock, probe
from patina_nb.engines.local.diagnosis import explain
from patina_nb.engines.local.engine import LocalEngine
from patina_nb.engines.local.interpreter import collides, in_system
from patina_nb.engines.local.rungs import RUNGS
from patina_nb.engines.local.seccomp import MACHINES
from patina_nb.errors import EngineUnavailableError

from .bench import PROJECT


def test_every_rung_is_usable_or_has_a_reason(bench):
    found = LocalEngine().rungs()
    assert [name for name, _ in found] == [rung.name for rung in RUNGS]
    for _, rung in found:
        assert rung.reason
        assert (rung.isolation is not None) == rung.usable
    best = LocalEngine().probe()
    assert best == next((rung for _, rung in found if rung.usable), best)


def test_a_forced_rung_is_the_only_one(bench, monkeypatch):
    monkeypatch.setenv("PATINA_LOCAL_RUNG", "landlock")
    assert [name for name, _ in LocalEngine().rungs()] == ["landlock"]
    assert [name for name, _ in LocalEngine("bubblewrap-bundled").rungs()] == ["bubblewrap-bundled"]
    with pytest.raises(EngineUnavailableError, match="known are"):
        LocalEngine("chroot")


def test_a_missing_binary_is_said(bench, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (found,) = [rung for name, rung in LocalEngine("bubblewrap-system").rungs()]
    if found.usable:
        pytest.skip("bubblewrap is installed here")
    assert "bwrap" in found.reason
    with pytest.raises(EngineUnavailableError, match="bwrap"):
        LocalEngine("bubblewrap-system").launch(bench.spec())
    assert not LocalEngine("bubblewrap-system").probe().usable


def test_a_cache_that_cannot_be_used(bench, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PATINA_CACHE_DIR", str(tmp_path / "file"))
    found = LocalEngine().probe()
    assert not found.usable
    assert "PATINA_CACHE_DIR" in found.reason
    with pytest.raises(EngineUnavailableError, match="PATINA_CACHE_DIR"):
        LocalEngine().launch(bench.spec())


IN_AN_OVERLAY = """
cd {top} && mkdir l t m && mount -t tmpfs none t && mkdir t/u t/w &&
mount -t overlay overlay -o lowerdir=l,upperdir=t/u,workdir=t/w m && chmod 755 m &&
PATINA_CACHE_DIR={top}/m exec {python} -c "$CODE"
"""
USE_IT = """
    from pathlib import Path
    from patina_nb.engines.base import BoxSpec
    from patina_nb.engines.local.engine import LocalEngine
    from patina_nb.engines.select import choose
    choice = choose("local")
    print(choice.fallbacks)
    spec = BoxSpec("{project}", "one", Path("{git}"), "{commit}", "agent/one", "an agent")
    box = choice.engine.launch(spec)
    print(box.isolation.kind, box.changes(lambda paths: ()))
    box.delete()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount an overlay for the cache to lie on")
def test_a_cache_on_an_overlay_leads_to_a_copied_tree(bench, namespaced, open_dir):
    code = textwrap.dedent(USE_IT).format(project=PROJECT, git=bench.repo / ".git", commit=bench.commit)
    script = IN_AN_OVERLAY.format(top=open_dir, python=sys.executable)
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    result = subprocess.run(
        command, env={**os.environ, "CODE": code}, capture_output=True, text=True, check=False
    )
    if "mount:" in result.stderr:
        pytest.skip(result.stderr)
    assert result.returncode == 0, result.stderr
    fallbacks, opened = result.stdout.splitlines()
    assert "cannot hold an overlay" in fallbacks
    assert "PATINA_CACHE_DIR" in fallbacks
    assert "copied tree None" in opened


@pytest.mark.parametrize(
    ("stderr", "reason", "fix"),
    [
        ("bwrap: setting up uid map: Permission denied\n", "AppArmor", "apparmor_restrict"),
        ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted\n", "AppArmor", "apparmor_restrict"),
        (
            "bwrap: No permissions to creating new namespace, likely ...\n",
            "forbids user namespaces",
            "unprivileged_userns",
        ),
        (
            "bwrap: Creating new namespace failed: nesting depth ... (ENOSPC)\n",
            "no more",
            "max_user_namespaces",
        ),
        (
            "bwrap: Can't make overlay mount on /newroot/workspace: Invalid argument",
            "overlay",
            "PATINA_CACHE_DIR",
        ),
        ("something else\nlast line\n", "last line", ""),
        ("", "without a word", ""),
    ],
)
def test_reasons_and_fixes(stderr, reason, fix):
    found = explain(stderr)
    assert reason in found[0]
    assert fix in found[1]


def test_a_probe_leaves_nothing_behind(bench):
    probe._answers.clear()
    LocalEngine().rungs()
    assert list((bench.cache / probe.PROJECT / "sessions").iterdir()) == []


def test_what_may_be_shown_at_its_own_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    from pathlib import Path

    for path in (
        "/",
        "/home",
        "/home/me",
        "/tmp",
        "/workspace/x",
        "/run",
        "/proc/x",
        "/home/agent",
        "/var",
        "relative",
        "/a/../b",
    ):
        assert collides(Path(path)), path
    for path in ("/home/me/venv", "/tmp/venv", "/data", "/home/me/project/.venv"):
        assert not collides(Path(path)), path
    assert in_system(Path("/usr/local/bin"))
    assert not in_system(Path("/usr2"))


def test_the_notebooks_python_comes_first_on_the_path(bench):
    opened = bench.open()
    found = opened.sh("command -v python3").strip()
    note = [text for text in opened.box.notes if "notebook's own Python" in text]
    assert note or found == f"{sys.prefix}/bin/python3"
    assert opened.py("import sys; print(sys.version_info[:2])") == str(sys.version_info[:2]) or note


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs boxes as another user")
def test_without_a_mount_an_interpreter_below_a_private_home_is_replaced(tmp_path, monkeypatch):
    guest = Identity(FIRST_UID, FIRST_UID, switched=True)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    interpreter.find.cache_clear()
    found = interpreter.find(guest, staged=False)
    interpreter.find.cache_clear()
    if isinstance(found, str):
        assert "no Python 3.8" in found
    else:
        assert str(found.executable).startswith("/usr")
        assert "cannot be read" in found.note


@pytest.fixture
def carried_code(open_dir, monkeypatch, tmp_path):
    """The server's code, carried from a private directory by somebody with a strict umask."""
    private = tmp_path / "server"
    subprocess.run(["cp", "-r", carried._SOURCE, private], check=True)
    monkeypatch.setattr(carried, "_SOURCE", private)
    guest = Identity(FIRST_UID, FIRST_UID, switched=True) if os.geteuid() == 0 else ourselves()
    before = os.umask(0o077)
    try:
        folder = carried.server_code(guest, open_dir)
    finally:
        os.umask(before)
    assert folder.is_relative_to(open_dir)
    assert carried.server_code(guest, open_dir) == folder
    return folder


def importing(folder: Path) -> list[str]:
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import server.main"
    return ["-I", "-S", "-v", "-c", code]


def test_the_servers_code_is_not_compiled_at_the_start_of_a_box(carried_code):
    argv = [sys.executable, *importing(carried_code)]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
    assert f"code object from '{carried_code}/server/__pycache__/main." in said
    assert f"code object from {carried_code}/server/" not in said  # how it tells that it compiled a source


@pytest.mark.skipif(os.geteuid() != 0, reason="everybody else's boxes run as themselves")
def test_the_servers_code_can_be_read_by_the_user_of_the_boxes(carried_code):
    argv = ["/usr/bin/python3", *importing(carried_code)]
    subprocess.run(argv, user=FIRST_UID, group=FIRST_UID, check=True, capture_output=True)
    compiled = list(carried_code.glob("server/__pycache__/*.pyc"))
    assert len(compiled) == len(list(carried_code.glob("server/*.py")))
    assert {stat.S_IMODE(path.stat().st_mode) for path in compiled} == {0o644}


FORBIDDING = """
    import platform, sys
    from pathlib import Path
    from patina_nb.engines.base import BoxSpec
    from patina_nb.engines.local import seccomp
    from patina_nb.engines.select import choose
    from patina_nb.sandbox.client import Sandbox
    from patina_nb.sandbox.protocol import Command
    from patina_nb.sandbox.server import confine
    confine.libc.prctl(38, 1, 0, 0, 0)
    confine._seccomp(seccomp.program(platform.machine()))
    choice = choose()
    print(choice.fallbacks)
    spec = BoxSpec("{project}", "one", Path("{git}"), "{commit}", "agent/one", "an agent")
    box = choice.engine.launch(spec)
    print(Sandbox(box).exec(Command(["cat", "a.txt"])).stdout.text.strip(), box.isolation.kind, box.notes)
    box.delete()
"""


@pytest.mark.skipif(
    platform.machine() not in MACHINES, reason="no filter for this machine to forbid them with"
)
def test_where_namespaces_are_forbidden_landlock_is_left(bench):
    """As in most containers: our own filter, on a whole process, refuses new namespaces and mounts."""
    if landlock.missing():
        pytest.skip(landlock.missing())
    code = textwrap.dedent(FORBIDDING).format(project=PROJECT, git=bench.repo / ".git", commit=bench.commit)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    fallbacks, opened = result.stdout.splitlines()
    assert "bubblewrap-bundled: this machine or container forbids user namespaces" in fallbacks
    assert opened.startswith("one Landlock")
