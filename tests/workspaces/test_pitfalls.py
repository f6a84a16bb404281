"""Where systems of this kind are known to lose work, or to touch what is not theirs: right on each, on every engine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import patina_nb as patina
from tests.conftest import Repo

from .support import paths, wait_for

ODD_NAMES = [
    "with space",
    "it's",
    'a "quote"',
    "ünïcode.txt",
    "日本.md",
    "tab\there",
    "-dash",
    "dir/ sub /ä b",
]


# -- what is committed -----------------------------------------------------------------------------------


def test_files_with_any_name_are_committed_changed_and_deleted(repo, ws):
    for content in ("one\n", "two\n"):
        step = ws.run(
            ["python3", "-c", WRITE.format(names=ODD_NAMES, content=content)],
        )
        assert step.ok, step.stderr.text
        assert set(paths(step)) == set(ODD_NAMES)
        for name in ODD_NAMES:
            assert repo.git("show", f"agent/work:{name}") == content.strip()
    step = ws.run(["python3", "-c", f"import os; [os.remove(n) for n in {ODD_NAMES!r}]"])
    assert step.ok, step.stderr.text
    assert paths(step) == dict.fromkeys(ODD_NAMES, "deleted")


WRITE = """
import os
for name in {names!r}:
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w") as file: file.write({content!r})
"""


def test_tracked_files_are_committed_wherever_they_are_and_whatever_they_hold(repo, opener):
    """No guess by the name of a directory, by an extension, by content or by a size that is not told."""
    binary = bytes(range(256)) * 10
    tracked = {
        "build/a.txt": "1\n",
        "dist/b.js": "1\n",
        "env/c.py": "1\n",
        "venv/d.py": "1\n",
        "logo.png": binary,
        "data.bin": binary,
        "empty": b"",
    }
    repo.commit(tracked, "tracked")
    ws = opener()
    step = ws.run(
        "for f in build/a.txt dist/b.js env/c.py venv/d.py logo.png data.bin empty; do printf more >>$f; done\n"
        "echo new >build/new; head -c 3000000 /dev/urandom >new.png\n"
        "head -c 12000000 /dev/zero | tr '\\0' x >large.txt"
    )
    assert step.ok, step.stderr.text
    assert step.left_out == ()
    assert set(paths(step)) == {*tracked, "build/new", "new.png", "large.txt"}
    assert repo.git_bytes("show", "agent/work:logo.png") == binary + b"more"
    assert repo.git("cat-file", "-s", "agent/work:large.txt") == "12000000"


def test_a_file_is_read_to_its_last_byte(ws):
    """Also where the last line has no line break."""
    ws.run("printf 'one\\ntwo\\nthree' >text; printf 'a\\0\\377' >bytes; : >empty")
    assert ws.read("text") == b"one\ntwo\nthree"
    assert ws.read("bytes") == b"a\0\xff"
    assert ws.read("empty") == b""


# -- the user's repository ---------------------------------------------------------------------------------


def test_a_shallow_clone(repo, opener, tmp_path, engine):
    for number in range(3):
        repo.commit({"a.txt": f"{number}\n"}, f"change {number}")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    shallow = Repo(tmp_path / "shallow")
    with patina.workspace("thin", path=shallow.path) as ws:
        step = ws.run("cat a.txt; git log --format=%s; echo 1 >one")
        assert step.stdout.text == "2\nchange 2\n"
        assert shallow.git("show", "agent/thin:one") == "1"
        ws.delete(force=True)


SETTINGS = {
    "push.pushOption": "ci.skip",
    "push.default": "nothing",
    "status.showUntrackedFiles": "no",
    "commit.gpgSign": "true",
    "gpg.program": "/bin/false",
    "core.hooksPath": ".failing",
    "core.excludesFile": "/dev/null",
    "core.autocrlf": "true",
    "fetch.prune": "true",
    "diff.noprefix": "true",
    "color.ui": "always",
    "init.defaultBranch": "a name",
}


def test_settings_of_the_user_are_in_nobodys_way(repo, opener):
    """A new file reaches the branch, also where `git status` of the user would not show one."""
    for key, value in SETTINGS.items():
        repo.git("config", key, value)
    hooks = repo.path / ".failing"
    hooks.mkdir()
    for name in ("pre-commit", "pre-push", "post-commit", "reference-transaction", "post-checkout"):
        (hooks / name).write_text("#!/bin/sh\n: >hooked\nexit 1\n")
        (hooks / name).chmod(0o755)
    ws = opener()
    step = ws.run("git config status.showUntrackedFiles no; printf 'new\\n' >new; git status --porcelain")
    assert step.ok, step.stderr.text
    assert paths(step) == {"new": "added"}
    assert repo.git_bytes("show", "agent/work:new") == b"new\n"
    assert ws.diff().text.startswith("diff --git a/new b/new")
    assert not (repo.path / "hooked").exists()


def test_two_clones_of_one_origin_share_nothing(repo, tmp_path, engine):
    clones = []
    for name in ("one", "two"):
        repo.git("clone", "-q", str(repo.path), str(tmp_path / name))
        clones.append(Repo(tmp_path / name))
    boxes = [patina.workspace("same", path=clone.path) for clone in clones]
    for name, box in zip("ab", boxes, strict=True):
        box.run(f"echo {name} >mine; echo {name} >>~/home")
    for name, clone, box in zip("ab", clones, boxes, strict=True):
        assert clone.git("show", "agent/same:mine") == name
        assert box.run("cat ~/home").stdout.text == f"{name}\n"
        assert [session.id for session in patina.sessions(clone.path)] == ["same"]
    boxes[0].delete(force=True)
    assert boxes[1].run("cat mine").ok
    assert [session.id for session in patina.sessions(clones[1].path)] == ["same"]
    assert patina.sessions(repo.path) == []
    boxes[1].delete(force=True)


@pytest.mark.local_only("no box is opened: the same on every engine")
@pytest.mark.parametrize(
    "base", ["HEAD^", "main@{0}", "HEAD~1", "feature#1", "v1.0", "short", "main^{commit}"]
)
def test_a_session_begins_at_every_name_that_git_has_for_a_commit(repo, base):
    second = repo.commit({"b.txt": "b\n"}, "second")
    repo.git("branch", "feature#1")
    repo.git("tag", "-a", "-m", "x", "v1.0", "HEAD^")
    base = second[:10] if base == "short" else base
    session = patina.start(session="from", base=base, path=repo.path)
    assert session.base == repo.git("rev-parse", f"{base}^{{commit}}")


def everything(repo: Repo) -> dict[str, object]:
    """All of a repository but what is ours in it."""
    git = repo.path / ".git"
    files = [path for path in repo.path.rglob("*") if path.is_file() and git / "patina" not in path.parents]
    ours = ("objects", "logs", "refs", "packed-refs")
    return {
        "refs": [ref for ref in repo.git("for-each-ref").splitlines() if "refs/patina" not in ref],
        "files": {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if not any(git / name in (path, *path.parents) for name in ours)
        },
    }


@pytest.mark.local_only("no box is opened: the same on every engine")
def test_looking_changes_nothing(repo):
    before = everything(repo)
    assert patina.sessions(repo.path) == []
    patina.doctor()
    assert everything(repo) == before
    ours = repo.path / ".git" / "patina"
    assert not ours.exists() or [path.name for path in ours.rglob("*")] == [
        "project"
    ]  # who it is, remembered
    assert repo.git("remote") == ""


def test_a_session_from_its_start_to_its_end_leaves_the_users_repository_as_it_was(repo, opener):
    """Its uncommitted changes and its index, too; and no ref, remote, note or setting remains."""
    repo.write({"a.txt": "changed by the user\n", "untracked": "of the user\n", "staged": "s\n"})
    repo.git("add", "staged")
    before = everything(repo)
    ws = opener()
    ws.run("echo by the agent >a.txt; echo 1 >untracked; git notes add -m note; git stash list")
    ws.run("git commit -q --amend -m other --allow-empty")
    ws.diff()
    ws.close()
    opener().delete(force=True)
    assert everything(repo) == before
    assert repo.git("for-each-ref", "refs/patina", "refs/notes", "refs/heads/agent") == ""
    assert set(repo.git("status", "--porcelain").splitlines()) == {"A  staged", " M a.txt", "?? untracked"}


# -- commands ------------------------------------------------------------------------------------------------


def test_what_a_command_comes_to_is_told(ws):
    """Its exit code, the end of its time, and its two streams apart and in the order in which they came."""
    assert ws.run("exit 7").exit_code == 7
    step = ws.run("echo began >began; echo said; sleep 60", timeout=1)
    assert (step.status, step.stdout.text, paths(step)) == ("timed out", "said\n", {"began": "added"})
    came: list[tuple[str, bytes]] = []
    step = ws.run(
        "for n in 1 2 3; do echo out$n; sleep 0.3; echo err$n >&2; sleep 0.3; done",
        on_output=lambda stream, data: came.append((stream, data)),
    )
    assert (step.stdout.text, step.stderr.text) == ("out1\nout2\nout3\n", "err1\nerr2\nerr3\n")
    assert [stream for stream, _ in came] == ["stdout", "stderr"] * 3


def test_a_command_in_the_background_is_read_and_stopped(ws):
    running = ws.start("echo ready; echo warned >&2; exec sleep 1000")
    wait_for(lambda: b"warned" in running.output()[1].head, "its output")
    assert running.output()[0].head == b"ready\n"
    assert running.running
    running.stop(grace=1)
    assert not running.running
    assert ws.run("grep -l sleep /proc/[0-9]*/comm || true").stdout.text == ""


def test_much_output_is_no_error_and_its_work_is_committed(ws):
    step = ws.run("seq 100000; seq 100000 >&2; echo 1 >one")
    assert step.ok
    assert step.stdout.total_bytes == step.stderr.total_bytes == 588895
    assert step.stdout.tail.endswith(b"100000\n")
    assert step.commit
    assert paths(step) == {"one": "added"}


@pytest.mark.local_only("counts processes of this machine")
def test_a_step_costs_few_processes_of_git(repo, ws, monkeypatch, open_dir):
    """On the user's side; the box counts its own."""
    log = open_dir / "calls"
    shim = open_dir / "git"
    shim.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {shutil.which("git")} "$@"\n')
    shim.chmod(0o755)
    ws.run("echo 1 >one")
    monkeypatch.setenv("PATH", f"{open_dir}:{os.environ['PATH']}")
    assert subprocess.run(["git", "--version"], capture_output=True, check=True).stdout
    log.unlink()
    ws.run("echo 2 >two")
    calls = Path(log).read_text().splitlines()
    assert 1 <= len(calls) <= 6, calls
    log.unlink()
    ws.run("true")
    assert not log.exists() or len(log.read_text().splitlines()) <= 2
