"""Repositories and machines that are not as they should be: a clear sentence, and nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import patina_nb as patina
from patina_nb.errors import PatinaError, RepositoryError

from .support import WAIT_S, finished, paths, shell

# -- repositories that cannot have workspaces -------------------------------------------------------------


def test_no_repository(tmp_path):
    with pytest.raises(RepositoryError, match="not inside a git repository"):
        patina.workspace("s", path=tmp_path)
    with pytest.raises(RepositoryError, match="does not exist"):
        patina.workspace("s", path=tmp_path / "nowhere")


def test_an_empty_repository(tmp_path):
    shell(tmp_path, "git init -q")
    with pytest.raises(RepositoryError, match="has no commit yet"):
        patina.workspace("s", path=tmp_path)
    assert not (tmp_path / ".git" / "patina").exists()


def test_a_bare_repository(tmp_path):
    shell(tmp_path, "git init -q --bare")
    with pytest.raises(RepositoryError, match="bare repository"):
        patina.workspace("s", path=tmp_path)


def test_a_damaged_repository(repo):
    (repo.path / ".git" / "HEAD").write_text("garbage")
    with pytest.raises(RepositoryError):
        patina.workspace("s", path=repo.path)


def test_a_missing_object_of_the_base(repo):
    blob = repo.git("rev-parse", "HEAD:a.txt")
    path = repo.path / ".git/objects" / blob[:2] / blob[2:]
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(PatinaError):
        patina.workspace("s", path=repo.path)
    path.write_bytes(content)
    assert patina.workspace("s", path=repo.path).run("true").ok


# -- what the user has set up never interferes --------------------------------------------------------------

HOOKS = (
    *(
        "pre-commit",
        "post-commit",
        "commit-msg",
        "prepare-commit-msg",
        "post-checkout",
        "post-merge",
        "pre-push",
    ),
    *(
        "reference-transaction",
        "post-index-change",
        "pre-receive",
        "update",
        "post-update",
        "fsmonitor-watchman",
    ),
    *("post-receive", "pre-auto-gc", "post-rewrite", "applypatch-msg", "pre-applypatch", "push-to-checkout"),
)


def trap(repo, marker: Path) -> str:
    """A script that leaves a marker and fails, called by everything that git could call."""
    script = repo.path.parent / "trap.sh"
    script.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{marker}'\nexit 1\n")
    script.chmod(0o755)
    return str(script)


def settings(script: str) -> dict[str, str]:
    return {
        "commit.gpgSign": "true",
        "tag.gpgSign": "true",
        "gpg.program": script,
        "push.pushOption": "x",
        "push.gpgSign": "true",
        "status.showUntrackedFiles": "no",
        "core.fsmonitor": script,
        "core.pager": script,
        "core.editor": script,
        "core.sshCommand": script,
        "core.autocrlf": "true",
        "core.eol": "crlf",
        "core.safecrlf": "true",
        "core.fileMode": "false",
        "core.quotePath": "true",
        "core.abbrev": "4",
        "core.logAllRefUpdates": "always",
        "credential.helper": script,
        "diff.external": script,
        "diff.noprefix": "true",
        "diff.renames": "copies",
        "color.ui": "always",
        "log.showSignature": "true",
        "log.decorate": "full",
        "format.pretty": "oneline",
        "filter.evil.clean": script,
        "filter.evil.smudge": script,
        "filter.evil.process": script,
        "filter.evil.required": "true",
        "diff.evil.textconv": script,
        "merge.evil.driver": script,
        "gc.auto": "1",
        "gc.autoDetach": "false",
        "maintenance.auto": "true",
        "transfer.fsckObjects": "true",
        "fetch.fsckObjects": "true",
        "receive.denyCurrentBranch": "refuse",
        "i18n.commitEncoding": "ISO-8859-1",
        "i18n.logOutputEncoding": "ISO-8859-1",
        "submodule.recurse": "true",
        "safe.bareRepository": "explicit",
        "protocol.allow": "always",
    }


def test_settings_hooks_and_filters_of_the_user(repo, opener, monkeypatch, tmp_path):
    marker = tmp_path / "marker"
    script = trap(repo, marker)
    repo.commit(
        {"src/x.txt": "x\n", "ä.txt": "ä\n", ".gitattributes": "src/** filter=evil diff=evil merge=evil\n"}
    )
    repo.write({"src/x.txt": "changed\n", "untracked": "u\n", "crlf": "1\r\n2\r\n"})
    for name in HOOKS:
        shutil.copy(script, repo.path / ".git" / "hooks" / name)
    home = tmp_path / "home"
    shutil.copytree(repo.path / ".git" / "hooks", home / "templates" / "hooks")
    (home / "attributes").write_text("* filter=evil -text\n")
    configuration = home / ".gitconfig"
    for key, value in settings(script).items():
        repo.git("config", key, value)
        repo.git("config", "--file", str(configuration), key, value)
    for key, name in {"init.templateDir": "templates", "core.attributesFile": "attributes"}.items():
        repo.git("config", "--file", str(configuration), key, str(home / name))
    monkeypatch.setenv("HOME", str(home))
    for variable, value in {
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_WORK_TREE": "/",
    }.items():
        monkeypatch.setenv(variable, value)
    status = repo.git("status", "--porcelain", "--untracked-files=all")
    marker.unlink(missing_ok=True)
    ws = opener(with_changes=True)
    assert ws.read("src/x.txt") == b"changed\n"
    assert ws.read("crlf") == b"1\n2\n"  # as git would have committed it
    step = ws.run("echo more >> src/x.txt; printf '3\\r\\n' >> crlf; chmod 755 ä.txt; echo new > src/new")
    assert paths(step) == {
        "src/x.txt": "modified",
        "crlf": "modified",
        "ä.txt": "modified",
        "src/new": "added",
    }
    assert step.unpublished is None
    step = ws.run("git add -A; git commit -q --allow-empty -m 'own commit'; echo '#' > .gitignore")
    assert step.unpublished is None, step
    assert "+more" in ws.diff(paths=["src/x.txt"]).text
    assert [commit.subject for commit in ws.log()][1] == "own commit"
    ws.close()
    again = opener()
    again.run("git commit -q --amend -m amended --allow-empty; rm crlf")
    assert finished(again.session)[-1].rewritten
    again.delete(force=True)
    assert not marker.exists(), marker.read_text()
    for variable in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(variable)
    assert repo.git("status", "--porcelain", "--untracked-files=all") == status
    assert repo.git("for-each-ref", "refs/patina", "refs/heads/agent") == ""


def test_a_sparse_checkout_of_the_user(repo, opener):
    repo.git("sparse-checkout", "set", "--no-cone", "/a.txt")
    assert not (repo.path / "dir").exists()
    ws = opener()
    assert ws.read("dir/b.txt") == b"two\n"
    assert paths(ws.run("echo 1 > one")) == {"one": "added"}


def test_attributes_that_name_encodings(pair):
    pair.run("printf '*.u text working-tree-encoding=UTF-16LE\\n' > .gitattributes; printf 'a\\0b\\0' > x.u")
    pair.run("printf 'c\\0d\\0' > x.u; echo y > y")


# -- disks ------------------------------------------------------------------------------------------------

PRELUDE = """
import os, subprocess, sys
from pathlib import Path
import patina_nb as patina
from patina_nb.errors import PatinaError
repo = Path(sys.argv[1])
git = lambda *a: subprocess.run(["git", *a], cwd=repo, check=True, capture_output=True, text=True).stdout.strip()
sh = lambda script: subprocess.run(["sh", "-c", script], cwd=repo, check=True)
def finished(ws):
    return [e for e in ws.project.journal.read(ws.session.id).events if e.kind == "step-finished"]
"""


def in_mount_namespace(repo, mounts: str, code: str) -> str:
    """The output of a Python process in which `mounts` (a shell script, run in the repository) were made."""
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("this user cannot make a mount namespace")
    program = PRELUDE + textwrap.dedent(code)
    script = f'set -e; cd "$1"; {mounts}; exec "$0" -c "$2" "$1"'
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [*alone, "--propagation", "private", "sh", "-c", script, sys.executable, str(repo.path), program],
        env=env,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_read_only_repository(repo):
    mounts = "mount --bind .git .git; mount -o remount,bind,ro .git .git"
    said = in_mount_namespace(
        repo,
        mounts,
        """
        try:
            patina.workspace("s", path=repo)
        except PatinaError as error:
            print(type(error).__name__, error)
        """,
    )
    assert said.startswith("RepositoryError")
    assert "make it writable" in said
    assert repo.git("for-each-ref", "refs/heads/agent") == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere; the mount above tests the same")
def test_a_repository_of_somebody_else(repo):
    (repo.path / ".git").chmod(0o555)
    try:
        with pytest.raises(RepositoryError, match="make it writable"):
            patina.workspace("s", path=repo.path)
    finally:
        (repo.path / ".git").chmod(0o755)


def test_a_repository_that_becomes_read_only(repo, opener):
    in_mount_namespace(
        repo,
        "true",
        """
        ws = patina.workspace("work", path=repo)
        ws.run("echo 1 > one")
        sh("mount --bind .git .git; mount -o remount,bind,ro .git")
        try:
            ws.run("echo 2 > two")
            raise SystemExit("no error")
        except PatinaError as error:
            assert "Read-only file system" in str(error), error
            assert "writable" in str(error), error
        sh("umount .git")
        step = ws.run("echo 3 > three")
        assert step.unpublished is None, step
        assert git("show", "agent/work:three") == "3"
        assert [e.number for e in finished(ws)] == [1, 2], finished(ws)
        ws.close()
        """,
    )
    ws = opener()
    assert ws.run("cat one three").stdout.text == "1\n3\n"


def test_objects_that_cannot_be_written(repo, opener):
    in_mount_namespace(
        repo,
        "mount --bind .git/objects .git/objects",
        """
        ws = patina.workspace("work", path=repo)
        sh("mount -o remount,bind,ro .git/objects")
        step = ws.run("echo 1 > one")
        assert step.commit is None, step
        assert "Read-only" in step.unpublished, step
        assert git("rev-parse", "agent/work") == ws.base
        sh("mount -o remount,bind,rw .git/objects")
        step = ws.run("echo 2 > two")
        assert step.unpublished is None, step
        assert git("ls-tree", "--name-only", "agent/work").split() == ["a.txt", "dir", "one", "two"]
        """,
    )
    assert opener().run("cat one two").stdout.text == "1\n2\n"


def test_a_full_disk_in_the_state_directory(repo):
    """Whatever fits is kept, what does not is said, and when there is room again all is in order."""
    in_mount_namespace(
        repo,
        "mkdir -p .git/patina; mount -t tmpfs -o size=256k tmpfs .git/patina",
        """
        ws = patina.workspace("work", path=repo)
        ws.run("echo 1 > one")
        fill = repo / ".git/patina/fill"
        with fill.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        errors, notes, ran = [], [], []
        for n in range(60):
            try:
                step = ws.run(f"echo {n} > f{n}; head -c 5000 /dev/urandom | base64")
                ran.append(n)
                notes += step.notes
            except PatinaError as error:
                errors.append(str(error))
        assert errors and all("Free some space" in error for error in errors), errors
        assert any("not kept" in note for note in notes), notes
        fill.unlink()
        step = ws.run("echo end > end; echo shown")
        assert step.unpublished is None, step
        names = git("ls-tree", "--name-only", "agent/work").split()
        assert {"one", "end", *(f"f{n}" for n in ran)} <= set(names), names
        events = finished(ws)
        assert [e.number for e in events] == list(range(1, step.number + 1)), events
        assert events[-1].commit == git("rev-parse", "agent/work")
        assert git("status", "--porcelain") == ""
        ws.close()
        again = patina.workspace("work", path=repo)
        assert again.run("cat one end").stdout.text == "1\\nend\\n"
        """,
    )


def test_a_full_disk_when_a_session_starts(repo):
    in_mount_namespace(
        repo,
        "mkdir -p .git/patina; mount -t tmpfs -o size=4k,nr_inodes=4 tmpfs .git/patina",
        """
        try:
            patina.workspace("work", path=repo)
            raise SystemExit("no error")
        except PatinaError as error:
            assert "space" in str(error), error
        assert git("for-each-ref", "refs/heads/agent") == ""
        """,
    )


@pytest.mark.local_only("the disk under a container is that of its engine")
def test_a_full_disk_under_the_workspace(repo, tmp_path):
    """The agent fills its own disk: the step says so; when it has made room, everything is on the branch."""
    (tmp_path / "disk").mkdir()
    said = in_mount_namespace(
        repo,
        f"mount -t tmpfs -o size=24m,mode=755 tmpfs '{tmp_path}/disk'; chmod 755 '{tmp_path}/disk'; "
        f"mkdir /tmp/patina-full-$$; mount --bind '{tmp_path}/disk' /tmp/patina-full-$$; "
        "export PATINA_CACHE_DIR=/tmp/patina-full-$$/cache",
        """
        import atexit, shutil
        try:
            ws = patina.workspace("work", path=repo)
        except PatinaError as error:
            print("skip", error)
            raise SystemExit
        step = ws.run("echo 1 > one; head -c 50000000 /dev/urandom > fill")
        assert step.status == "failed", step
        told = step.unpublished or " ".join(left.reason for left in step.left_out)
        assert told, step
        assert git("rev-parse", "agent/work") == ws.tip
        step = ws.run("rm fill; echo 2 > two")
        assert step.unpublished is None, step
        assert git("ls-tree", "--name-only", "agent/work").split() == ["a.txt", "dir", "one", "two"]
        print(told)
        """,
    )
    for left in Path("/tmp").glob("patina-full-*"):
        if not any(left.iterdir()):
            left.rmdir()
    if said.startswith("skip"):
        pytest.skip(said)
    assert said
