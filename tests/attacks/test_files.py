"""Attacks 24 to 31: files, links, special files, full disks."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

import pytest

import patina_nb as patina
from patina_nb.engines.base import Limits
from patina_nb.errors import WorkspaceError

from .stage import attempts, eventually, in_a_mount_namespace, kind_of, python_env

SECRET = "the key of the user\n"
REFUSED = {"overlay": {"ENOENT"}, "landlock": {"EACCES"}, "container": {"ENOENT"}}


@pytest.fixture
def secret(stage):
    """A file of the user, outside of every workspace, on a path that everybody can walk."""
    path = stage.open_dir / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


@pytest.mark.core
def test_24_host_write_through_a_link(stage, enforced, secret):
    """The host writes and reads by commands in the box, so a link leads no further than the agent itself could."""
    box = stage.open(enforced)
    before = stage.host()
    box.run(
        f"ln -s {secret} leak; ln -s {stage.open_dir} out; ln -s /etc system; ln -s /proc/1/root root; ln -s self self"
    )
    for path in ("leak", f"root{secret}", "out/secret", "self", str(secret)):
        with pytest.raises(WorkspaceError):
            box.read(path)
    for path in (
        "leak",
        f"root{secret}",
        "out/secret",
        "self",
        "out/new",
        "system/new",
        "out/deep/new",
        "../../../etc/new",
    ):
        with pytest.raises(WorkspaceError):
            box.write(path, "overwritten")
    with suppress(WorkspaceError):  # in an overlay this is a file of the box's own /tmp
        box.write(str(secret), "overwritten")
    with pytest.raises(WorkspaceError):
        box.ls(f"/proc/{os.getpid()}/root")
    assert secret.read_text() == SECRET
    assert sorted(path.name for path in stage.open_dir.iterdir()) == ["secret"]
    stage.unchanged(before)


def test_25_links_are_kept_as_links(stage, enforced, secret):
    box = stage.open(enforced)
    before = stage.host()
    targets = {
        "abs": str(secret),
        "up": "../../../../etc/passwd",
        "git": ".git/config",
        "gone": "nowhere",
        "dir2": "dir",
    }
    box.run("; ".join(f"ln -s {target} {name}" for name, target in targets.items()))
    box.run("rm -r dir; ln -s /etc dir")  # a directory of the base becomes a link out
    for name, target in {**targets, "dir": "/etc"}.items():
        assert stage.repo.git("ls-tree", box.branch, name).startswith("120000 ")
        assert stage.repo.git("show", f"{box.branch}:{name}") == target
    assert SECRET.strip() not in box.diff().text
    other = patina.start(session="again", base=box.branch)  # checked out on the host, below our own cache
    assert stage.open(enforced, session=other.id).run("readlink abs").stdout.text == f"{secret}\n"
    assert stage.reopen(box).run("readlink up").ok
    stage.unchanged(before)


@pytest.mark.core
def test_26_hard_links_out(stage, enforced, secret):
    box = stage.open(enforced)
    own = str(stage.repo.path / "a.txt")
    tried = attempts(
        box,
        passwd="os.link('/etc/passwd', 'passwd')",
        secret=f"os.link({str(secret)!r}, 'secret')",
        repository=f"os.link({own!r}, 'own')",
        renamed=f"os.rename({str(secret)!r}, 'moved')",
        out="os.link('a.txt', '/tmp/out')"
        if enforced != "landlock"
        else f"os.link('a.txt', {str(secret.parent / 'out')!r})",
        exchanged=f"os.rename('a.txt', {str(secret)!r})",
    )
    assert set(tried.values()) <= {"EXDEV", "EPERM", "EACCES", "ENOENT"}
    assert tried["secret"] in ("ENOENT", "EPERM", "EXDEV", "EACCES")
    assert secret.read_text() == SECRET


RACE = """
import os, sys, time
os.makedirs("real", exist_ok=True)
open("real/file", "w").write("harmless")
os.symlink({out!r}, "link")
end = time.monotonic() + 30
print("racing", flush=True)
while time.monotonic() < end:
    for step in (("real", "aside"), ("link", "real"), ("real", "link"), ("aside", "real")):
        try:
            os.rename(*step)
        except OSError:
            pass
"""


def test_27_links_that_race_with_the_host(stage, enforced, secret):
    """Reads, writes, listings and snapshots while a directory and a link out change places."""
    (stage.open_dir / "file").write_text(SECRET)
    (stage.open_dir / "file").chmod(0o600)
    box = stage.open(enforced)
    before = stage.host()
    racer = box.start(["python3", "-I", "-c", RACE.format(out=str(stage.open_dir))])
    eventually(lambda: racer.output()[0].head)
    for turn in range(8):
        for action in (
            lambda: box.read("real/file"),
            lambda: box.ls("real"),
            lambda: box.write("real/new", "new"),
        ):
            try:
                said = action()
            except WorkspaceError:
                continue
            assert SECRET.strip() not in str(said)
        if turn % 4 == 0:
            box.run(f"echo {turn} >turn")
    racer.stop(grace=0.1)
    assert sorted(path.name for path in stage.open_dir.iterdir()) == ["file", "secret"]
    box.run("ls -l")
    assert SECRET.strip() not in box.diff().text
    assert box.run("rm -rf real aside link; echo calm >turn").unpublished is None
    stage.unchanged(before)


def test_28_special_files(stage, kind):
    box = stage.open(kind)
    before = stage.host()
    tried = attempts(
        box,
        null="os.mknod('null', 0o020666, os.makedev(1, 3))",
        disk="os.mknod('disk', 0o060666, os.makedev(8, 0))",
        whiteout="os.mknod('whiteout', 0o020666, os.makedev(0, 0))",
    )
    if kind != "process" or os.geteuid():  # a plain process of root's is root
        assert tried["null"] == tried["disk"] == "EPERM"
    assert tried["whiteout"] == "EPERM" or kind != "overlay"  # it would hide a file of the base
    script = """
import os, socket, stat
os.mkfifo("fifo")
os.unlink("a.txt"); os.mkfifo("a.txt")
listener = socket.socket(socket.AF_UNIX) if KIND != "landlock" else None
listener and listener.bind("socket")
with open("setuid", "w") as file: file.write("#!/bin/sh")
os.chmod("setuid", 0o6755)
os.mkdir("sticky"); os.chmod("sticky", 0o1777)
with open("sticky/unreadable", "w") as file: file.write("x")
os.chmod("sticky/unreadable", 0)
""".replace("KIND", repr(kind))
    step = box.run(["python3", "-I", "-c", script])
    assert step.ok, step.stderr.text
    step = box.run("echo on >on")
    assert step.unpublished is None
    listed = dict(
        line.split(" ", 1)[::-1] for line in stage.repo.git("ls-tree", "-r", box.branch).splitlines()
    )
    modes = {entry.split("\t")[1]: mode for entry, mode in listed.items()}
    assert modes["setuid"] == "100755"
    assert not {"fifo", "socket", "whiteout", "null", "disk"} & set(modes)
    stage.unchanged(before)


def test_28_special_files_are_named(stage, separate):
    box = stage.open(separate)
    step = box.run("mkfifo fifo; rm a.txt; mkfifo a.txt; mkdir new; mkfifo new/fifo")
    assert {left.path for left in step.left_out} == {"fifo", "a.txt", "new/fifo"}
    assert stage.repo.git("show", f"{box.branch}:a.txt") == "one"  # as `git add -A` leaves it


IMPATIENT = """
import os, signal, sys, threading
import patina_nb as patina
from patina_nb.errors import Interrupted
box = patina.workspace("s0")
over, step = threading.Event(), None
def press_ctrl_c():
    while not over.wait(0.3):
        os.kill(os.getpid(), signal.SIGINT)
try:
    box.run("echo 1 >1")
    threading.Timer(1, press_ctrl_c).start()
    step = box.run("rm -f WHERE; mkfifo WHERE; echo 2 >2")
except Interrupted as error:
    step = error.step
over.set()
print("not recorded" if step is None else step.unpublished or step.commit, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("where", [".gitignore", ".git/config"])
def test_28_fifo_where_git_reads(stage, separate, where):
    """Git in the box waits for somebody to write: Ctrl-C gets the user out of that, and the step is recorded."""
    stage.use(separate)
    patina.start(session="s0")
    command = [sys.executable, "-c", IMPATIENT.replace("WHERE", where)]
    env = {**python_env(), "TMPDIR": str(stage.open_dir)}
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    try:
        said, _ = child.communicate(timeout=40)
    except subprocess.TimeoutExpired:
        said = "hangs"
    finally:
        child.kill()
        child.wait()
    eventually(lambda: not stage.running())
    patina.delete("s0", force=True)
    assert said.strip() not in ("hangs", "not recorded", "")


@pytest.mark.core
def test_29_home_keys_and_other_sessions(stage, enforced, monkeypatch):
    home = stage.open_dir / "home"
    for name in (".ssh/id_ed25519", ".netrc", ".config/gh/hosts.yml", ".aws/credentials"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(SECRET)
    monkeypatch.setenv("HOME", str(home))
    other = stage.open(enforced)
    other.run("echo of another session >private.txt; echo cached >$HOME/cached")
    box = stage.open(enforced)
    mine, theirs = stage.project / "sessions" / "s1", stage.project / "sessions" / "s0"
    assert (mine.is_dir(), theirs.is_dir()) == (enforced != "container",) * 2
    tried = attempts(
        box,
        key=f"content({str(home / '.ssh/id_ed25519')!r})",
        listed=f"os.listdir({str(home)!r})",
        netrc=f"content({str(home / '.netrc')!r})",
        own_home="sorted(os.listdir(os.path.expanduser('~')))",
        home="os.environ['HOME']",
        sessions=f"os.listdir({str(theirs.parent)!r})",
        theirs=f"os.listdir({str(theirs)!r})",
        private=f"content({str(theirs / ('up' if enforced == 'overlay' else 'tree') / 'private.txt')!r})",
        cached=f"content({str(theirs / 'home' / 'cached')!r})",
        journal=f"os.listdir({str(stage.repo.path / '.git' / 'patina')!r})",
    )
    assert tried.pop("home") != str(home)
    assert ".ssh" not in tried.pop("own_home")
    assert set(tried.values()) <= REFUSED[enforced]


def test_30_tmp_filled(stage):
    box = stage.open(limits=Limits(tmp_size=1 << 20))
    step = box.run(
        "for place in /tmp /dev/shm /run; do head -c 5000000 /dev/zero >$place/fill; done; echo still >here"
    )
    assert "No space left on device" in step.stderr.text
    assert "Read-only" in step.stderr.text  # /run
    assert step.ok
    assert step.commit
    assert box.run("git status; ls -l /tmp/fill").ok


FULL_CACHE = """
import json, os, sys
import patina_nb as patina
box = patina.workspace(patina.start(session="full"))
first = box.run("echo 1 >1")
filled = box.run("cat /dev/zero >fill; rm -f /tmp/x; echo after >after")
still = box.run("ls; rm -f fill")
freed = box.run("echo 2 >2; git status")
print(json.dumps({
    "first": bool(first.commit), "said": filled.stderr.text, "unpublished": filled.unpublished,
    "left": [(left.path, left.reason) for left in filled.left_out], "tip": box.tip,
    "freed": freed.unpublished, "ok": freed.ok, "err": freed.stderr.text, "commit": freed.commit,
}))
box.delete(force=True)
"""
FULL_STATE = """
import json, os, sys
import patina_nb as patina
from patina_nb.errors import PatinaError
box = patina.workspace(patina.start(session="full"))
first = box.run("echo 1 >1")
fill = os.open(".git/fill", os.O_WRONLY | os.O_CREAT)
try:
    while True:
        os.write(fill, bytes(4096))
except OSError:
    os.close(fill)
said = []
for number in range(3):
    try:
        step = box.run(f"head -c 100000 /dev/urandom >big{number}")
        said.append(step.unpublished or "fine")
    except PatinaError as error:
        said.append(f"{type(error).__name__}: {error}")
os.unlink(".git/fill")
freed = box.run("echo 2 >2")
print(json.dumps({"first": bool(first.commit), "said": said, "freed": freed.unpublished, "commit": freed.commit,
    "files": [change.path for change in freed.files]}))
box.delete(force=True)
"""


def test_30_disk_of_the_workspaces_full(stage, monkeypatch):
    place = stage.open_dir / "small"
    place.mkdir()
    monkeypatch.setenv("PATINA_CACHE_DIR", str(place))
    before = stage.host()
    found = in_a_mount_namespace(f"mount -t tmpfs -o size=24m small '{place}'", FULL_CACHE)
    assert found["first"]
    assert "No space left on device" in found["said"]
    assert found["unpublished"] or found["left"]  # never silent
    assert found["ok"], found["err"]
    assert found["freed"] is None
    assert found["commit"]
    stage.unchanged(before)


def test_30_disk_of_the_repository_full(stage, monkeypatch):
    """Journal and objects cannot be written: said, and the next step makes up for it."""
    place = stage.open_dir / "repository"
    place.mkdir()
    copy = f"cp -r '{stage.repo.path}/.' '{place}' && cd '{place}'"
    found = in_a_mount_namespace(f"mount -t tmpfs -o size=6m small '{place}' && {copy}", FULL_STATE)
    assert found["first"]
    assert all(said != "fine" for said in found["said"])
    assert found["freed"] is None
    assert found["commit"]
    stage.sound()


def test_31_huge_files(stage, enforced):
    box = stage.open(enforced)
    before = stage.host()
    step = box.run(
        "truncate -s 10G sparse; echo $?; dd if=/dev/zero of=seek bs=1 seek=10G count=1; echo $?; ls -s"
    )
    assert step.stdout.text.split()[0] != "0"
    step = box.run("truncate -s 200M large; echo small >small")
    assert "large" in {left.path for left in step.left_out}
    assert "too large" in next(left.reason for left in step.left_out if left.path == "large")
    assert {change.path for change in step.files} >= {"small"}
    assert "large" not in {change.path for change in step.files}
    assert kind_of(box) == enforced
    stage.unchanged(before)
