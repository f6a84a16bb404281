"""The stage of the attacks: a user's host, compared before and after, and boxes to attack it from."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import patina_nb as patina
from patina_nb.engines.identity import FIRST_UID, UIDS
from patina_nb.engines.local import seccomp
from patina_nb.engines.local.engine import LocalEngine
from tests.conftest import Repo, new_repo
from tests.dagger.live import missing, needs_containers, reveal, rootfs

AGAIN = "PATINA_ATTACKS_AGAIN"  # set in the repetition as an ordinary user, which leaves out what promises nothing
# the container's user does not depend on ours: once is enough
CONTAINER = (
    ()
    if os.environ.get(AGAIN)
    else (pytest.param("container", marks=[*needs_containers, pytest.mark.timeout(1200)]),)
)
SEPARATE = ("overlay", *CONTAINER)
ENFORCED = ("overlay", "landlock", *CONTAINER)
KINDS = ENFORCED if os.environ.get(AGAIN) else (*ENFORCED, "process")
INSIDE = (Path(__file__).parent / "inside.py").read_text()
ROOT = os.geteuid() == 0
USER = 41234  # an ordinary user, and those that follow: nobody else runs as one of them
ENGINES = {"overlay": "local", "landlock": "local", "process": "process", "container": "dagger"}
_PATIENCE = 20.0  # seconds for what takes milliseconds: only a guard against waiting for ever
_OWN = ("refs/heads/agent/", "refs/patina/base/", "refs/patina/old/", "refs/patina/new/")


@dataclass
class Stage:
    """A repository and its boxes. `canary` is a file on the host that everybody could make."""

    repo: Repo
    open_dir: Path  # every user of the machine can reach and write it
    cache: Path
    monkeypatch: pytest.MonkeyPatch
    boxes: list = field(default_factory=list)

    @property
    def canary(self) -> Path:
        """Made by a planted program if the host runs it, and by nobody else."""
        return self.open_dir / "canary"

    @property
    def trap(self) -> str:
        """A shell command to plant: notes in the box that it ran, and makes the canary outside of any box."""
        return f'echo "$0" >>"$HOME/sprung"; [ -n "$PATINA_AGENT_MODE" ] || : >{self.canary}'

    @property
    def project(self) -> Path:
        """Where the boxes of this repository live."""
        return self.cache / self.repo.project.id

    def open(self, kind="overlay", session=None, **options):
        """A workspace of that kind; the test is skipped with the reason where there is none."""
        self.use(kind)
        options.setdefault("engine", ENGINES[kind])
        session = session or patina.start(session=f"s{len(self.boxes)}").id
        box = patina.workspace(session, **options)
        if box not in self.boxes:
            self.boxes.append(box)
        return box

    def use(self, kind):
        """From now on boxes are of that kind, those of other processes that get our environment, too."""
        if reason := why_not(kind):
            pytest.skip(f"no box of kind {kind}: {reason}")
        self.monkeypatch.setenv("PATINA_ENGINE", ENGINES[kind])
        if kind == "landlock":
            self.monkeypatch.setenv("PATINA_LOCAL_RUNG", kind)
        else:
            self.monkeypatch.delenv("PATINA_LOCAL_RUNG", raising=False)
        if kind == "container":
            reveal(self.monkeypatch)
            self.monkeypatch.setenv("PATINA_DAGGER_IMAGE", f"rootfs:{rootfs()}")

    def reopen(self, box, **options):
        """Close a workspace and open it again."""
        box.close()
        self.boxes.remove(box)
        return self.open(kind_of(box), session=box.branch.removeprefix("agent/"), **options)

    def host(self):
        """All of the user's repository that no agent may change."""
        common = self.repo.path / ".git"
        listed = self.repo.git("for-each-ref", "--format=%(refname) %(objectname)")
        refs = dict(line.split() for line in listed.splitlines())
        own = tuple(f"{top}{box.branch[6:]}" for box in self.boxes for top in _OWN)
        files = tree(self.repo.path)
        return {
            "refs": {name: sha for name, sha in refs.items() if not _is_own(name, own)},
            "files": {name: what for name, what in files.items() if not name.startswith(".git/")},
            **{name: (common / name).read_bytes() for name in ("HEAD", "config", "index")},
            **{name: tree(common / name) for name in ("hooks", "info")},
        }

    def unchanged(self, before):
        """The host is as it was, its repository is sound, and nothing that was planted has run there."""
        assert self.host() == before
        self.sound()
        assert not self.canary.exists()

    def sound(self):
        """Nothing is missing or damaged in the user's repository."""
        check = ["git", "fsck", "--strict", "--no-dangling", "--no-progress"]
        done = subprocess.run(check, cwd=self.repo.path, env=self.repo.env, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")

    def live_on(self, box):
        """All that may happen to a session on the host: look, go on, branch off, reopen, pull, merge."""
        assert box.run("echo more >>later.txt").commit
        assert box.diff().text
        assert box.diff().patch
        assert box.log()
        off = patina.start(session="off", base=box.branch)
        self.open(kind_of(box), session=off.id).run("echo off >off.txt")
        box = self.reopen(box)
        box.run("echo again >>later.txt")
        reader = new_repo(self.repo.path.parent / "reader")
        reader.git("pull", "-q", str(self.repo.path), f"{box.branch}:main")
        return box

    def system_calls(self, *names):
        """Their numbers on this machine; skips where they are not known."""
        if platform.machine() not in seccomp.MACHINES:
            pytest.skip(f"no system call filter for {platform.machine()}")
        return {name: seccomp.DENIED[name][seccomp.MACHINES.index(platform.machine())] for name in names}

    def running(self):
        """Processes of the boxes of this repository, pid -> arguments; of an engine elsewhere there are none to see."""
        return {**processes(self.project), **_of_user(FIRST_UID + int(self.repo.project.id, 16) % UIDS)}

    def end(self):
        """Close and delete everything; nothing may be left running or mounted."""
        for box in self.boxes:
            box.delete(force=True)
        eventually(lambda: not self.running())
        assert os.fsencode(self.project) not in Path("/proc/self/mountinfo").read_bytes()


def _is_own(name, own):
    return any(name == ref or name.startswith(f"{ref}/") for ref in own)


def kind_of(box):
    """Which kind a workspace is."""
    if box.engine != "local":
        return {"process": "process", "dagger": "container"}[box.engine]
    return "landlock" if "Landlock" in box.isolation.kind else "overlay"


def why_not(kind):
    """Why this kind of box cannot be had here; empty = it can."""
    if kind in ("process", "container"):
        return missing() if kind == "container" else ""
    wanted = [
        (name, found)
        for name, found in LocalEngine().rungs()
        if (name == "landlock") == (kind == "landlock") and not name.endswith("copy")
    ]
    if any(found.usable for _, found in wanted):
        return ""
    return "; ".join(f"{name}: {found.reason}" for name, found in wanted)


def attempts(box, **expressions):
    """What came of each Python expression (see inside.py) in the box: its value as text, or the error's name."""
    step = box.run(["python3", "-I", "-c", INSIDE], stdin=json.dumps(expressions).encode())
    assert step.ok, step.stderr.text
    return json.loads(step.stdout.text)


def eventually(condition):
    """Wait until it holds, and return its value; fails the test when it never does."""
    deadline = time.monotonic() + _PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return value


def processes(place):
    """Processes that name `place` in arguments, environment or mounts, or that work in it; pid -> arguments."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()) and _names(entry, os.fsencode(place)):
            with suppress(OSError):
                if (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                    found[int(entry.name)] = (entry / "cmdline").read_bytes()
    return found


def _of_user(uid):
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            status = (entry / "status").read_text() if entry.name.isdigit() else ""
            if f"\nUid:\t{uid}\t" in status and "\nState:\tZ" not in status:
                found[int(entry.name)] = (entry / "cmdline").read_bytes()
    return found


def _names(entry, place):
    with suppress(OSError):
        if os.fsencode(os.readlink(entry / "cwd")).startswith(place):
            return True
    for name in ("cmdline", "environ", "mountinfo"):
        with suppress(OSError):
            if place in (entry / name).read_bytes():
                return True
    return False


def in_a_mount_namespace(mount, script):
    """Run a Python script after a mount that ends with it; what it printed, as JSON. Skips where that is forbidden."""
    unshare = ["unshare", "--mount", "--propagation", "private"]
    if not ROOT:
        unshare = ["unshare", "--user", "--map-root-user", *unshare[1:]]
    trial = subprocess.run([*unshare, "sh", "-c", mount], capture_output=True, text=True, check=False)
    if trial.returncode:
        pytest.skip(f"this mount is forbidden here: {trial.stderr.strip()}")
    command = [*unshare, "sh", "-c", f'{{ {mount}; }} && exec "$@"', "sh", sys.executable, "-c", script]
    done = subprocess.run(command, env=python_env(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def tree(top):
    """Mode and content of everything below a directory."""
    found = {}
    for path in sorted(top.rglob("*")):
        status, what = path.lstat(), ""
        if stat.S_ISREG(status.st_mode):
            what = hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISLNK(status.st_mode):
            what = os.readlink(path)
        found[os.fspath(path.relative_to(top))] = (status.st_mode, what)
    return found


def python_env():
    """Environment in which `sys.executable` finds what this process finds, and its cache."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
