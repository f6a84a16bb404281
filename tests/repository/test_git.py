from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from patina_nb import session as sessions
from patina_nb.errors import RepositoryError
from patina_nb.repository import GitFailedError
from patina_nb.repository.git import git_binary, is_sha, last_words
from tests.conftest import Repo


def test_a_failure_says_what_git_said(repo):
    with pytest.raises(GitFailedError, match=r"git cat-file failed: Not a valid object name nonsense"):
        repo.repository.git("cat-file", "commit", "nonsense")


def test_other_exit_codes_can_be_fine(repo):
    assert repo.repository.git("rev-parse", "--verify", "-q", "nope", ok=(0, 1)) == b""


def test_input_and_another_git_directory(repo, tmp_path):
    git = repo.repository
    sha = git.git("hash-object", "-w", "--stdin", stdin=b"abc").decode().strip()
    assert git.git("cat-file", "blob", sha) == b"abc"
    other = Repo(tmp_path)
    other.git("init", "-q", "--bare", "other.git")
    assert (
        git.git("rev-parse", "--absolute-git-dir", git_dir=tmp_path / "other.git")
        .strip()
        .endswith(b"other.git")
    )


def test_the_environment_is_made_from_scratch(repo, monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "nonsense")
    assert repo.repository.resolve("HEAD") == repo.head


def test_a_kernel_whose_directory_is_gone_can_go_on(repo, tmp_path, monkeypatch):
    repository = repo.repository
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert repository.resolve("HEAD") == repo.head
    monkeypatch.chdir(tmp_path)


def test_git_that_does_not_end_is_ended(repo):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as never, pytest.raises(RepositoryError, match=r"not end in 0\.3 s"):
        repo.repository.git("hash-object", "--stdin", stdin=never, timeout=0.3)
    os.close(writing)


def test_an_interrupt_lets_git_come_to_its_end(repo):
    """Killed half-way, git would leave lock files behind."""
    reading, writing = os.pipe()

    def interrupt_then_finish() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.write(writing, b"all of it")
        os.close(writing)

    timer = threading.Timer(0.3, interrupt_then_finish)
    timer.start()
    with os.fdopen(reading, "rb") as source, pytest.raises(KeyboardInterrupt):
        repo.repository.git("hash-object", "-w", "--stdin", stdin=source)
    timer.join()
    sha = repo.repository.git("hash-object", "--stdin", stdin=b"all of it").decode().strip()
    assert repo.repository.git("cat-file", "blob", sha) == b"all of it"


def test_ctrl_c_in_the_terminal_does_not_reach_git(repo):
    """It goes to the whole process group: git must be in another session."""
    hook = repo.path.parent / "git"
    hook.write_text(
        f'#!/bin/sh\nps -o sid= -p $$ > "{hook}.sid" 2>/dev/null\nexec {shutil.which("git")} "$@"\n'
    )
    hook.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{hook.parent}{os.pathsep}{os.environ['PATH']}")
        repo.repository.resolve("HEAD")
    said = Path(f"{hook}.sid").read_text().strip()
    if not said:
        pytest.skip("there is no ps here")
    assert int(said) != os.getsid(0)


def test_no_git_is_said(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(RepositoryError, match="git was not found: install it"):
        repo.repository.resolve("HEAD")


@pytest.mark.parametrize("said", ["git version 2.20.1", "hello", ""])
def test_old_git_is_said(tmp_path, said):
    fake = tmp_path / "git"
    fake.write_text(f"#!/bin/sh\necho '{said}'\n")
    fake.chmod(0o755)
    with pytest.raises(RepositoryError, match=r"version 2\.34 or later is needed"):
        git_binary(str(tmp_path))


def test_ids():
    assert is_sha("a" * 40)
    assert is_sha("0" * 64)
    assert not any(map(is_sha, ["", "a" * 39, "A" * 40, "a" * 50, "g" * 40, "a" * 40 + "\n"]))


def test_the_reason_is_found_among_advice():
    err = b"warning: x\nfatal: cannot lock ref 'a': File exists.\n\nAnother git process seems to be running\n"
    assert last_words(err) == "cannot lock ref 'a': File exists."
    assert last_words(b"") == ""
    assert last_words(b"\xff hello\n") == "\ufffd hello"


# -- nothing that the user has set runs, or changes an answer ----------------------------------------


def executable(path: Path, marker: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch '{marker}/{path.name}'\ncat >/dev/null 2>&1 </dev/null\nexit 0\n")
    path.chmod(0o755)
    return str(path)


HOOKS = (
    "post-checkout",
    "post-commit",
    "pre-commit",
    "reference-transaction",
    "post-index-change",
    "post-rewrite",
)


@pytest.fixture
def trapped(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Repo, Path]:
    """A repository where everything that git can be told to run leaves a file in the returned directory."""
    marker, tools = tmp_path / "ran", tmp_path / "tools"
    marker.mkdir()
    for name in HOOKS:
        executable(repo.path / ".git" / "hooks" / name, marker)
        executable(tools / "hooks" / name, marker)
    home = tmp_path / "home"
    home.mkdir()
    settings = {
        "core.hooksPath": str(tools / "hooks"),
        "core.fsmonitor": executable(tools / "fsmonitor", marker),
        "core.pager": executable(tools / "pager", marker),
        "core.editor": executable(tools / "editor", marker),
        "core.sshCommand": executable(tools / "ssh", marker),
        "core.quotePath": "true",
        "core.untrackedCache": "true",
        "commit.gpgSign": "true",
        "tag.gpgSign": "true",
        "log.showSignature": "true",
        "gpg.program": executable(tools / "gpg", marker),
        "push.pushOption": "x",
        "status.showUntrackedFiles": "no",
        "status.renames": "copies",
        "status.short": "true",
        "diff.external": executable(tools / "external", marker),
        "diff.renames": "false",
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.ignoreSubmodules": "all",
        "diff.mine.textconv": executable(tools / "textconv", marker),
        "diff.mine.command": executable(tools / "command", marker),
        "filter.mine.clean": executable(tools / "clean", marker),
        "filter.mine.smudge": executable(tools / "smudge", marker),
        "filter.mine.required": "true",
        "filter.other.process": executable(tools / "process", marker),
        "color.ui": "always",
        "log.date": "relative",
        "log.decorate": "full",
        "format.pretty": "oneline",
        "i18n.logOutputEncoding": "latin1",
        "i18n.commitEncoding": "latin1",
        "init.templateDir": str(tools),
        "fetch.prune": "true",
        "alias.status": "!false",
    }
    for where in (home / ".gitconfig", repo.path / ".git" / "config"):
        for key, value in settings.items():
            subprocess.run(["git", "config", "--file", str(where), key, value], check=True)
    (repo.path / ".git" / "info").mkdir(exist_ok=True)
    (repo.path / ".git" / "info" / "attributes").write_text(
        "*.txt diff=mine filter=mine\n*.bin filter=other\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("EDITOR", executable(tools / "EDITOR", marker))
    return repo, marker


def everything(repo: Repo, files: dict[str, str]) -> None:
    """Each operation of this package on the user's repository."""
    base = repo.repository.resolve("HEAD")
    session = sessions.start(repo.project, "do all of it")
    agent = Repo(repo.path.parent / "agent", {**repo.env})
    subprocess.run(
        ["git", "clone", "-q", "--no-local", "-b", session.branch, str(repo.path), str(agent.path)],
        env=repo.env,
        check=True,
    )
    new = agent.commit({"a.txt": "changed\n", "new.txt": "new\n"}, "Grüße\n\nPatina-Step: 1")
    repo.repository.publish(agent.pack(base, new), session.id, base, new)
    assert repo.repository.status_summary() == len(files)
    assert repo.repository.snapshot_worktree(None, base, "m", "A User <a@example.invalid>") != base
    diff = repo.repository.diff(base, new)
    assert [file.path for file in diff.files] == ["a.txt", "new.txt"]
    assert "+changed" in diff.text
    assert "--- a/a.txt" in diff.text
    assert diff.patch.startswith(b"diff --git a/a.txt b/a.txt")
    assert repo.repository.log(base, new)[0].subject == "Grüße"
    assert session.end().n_commits == 1
    sessions.delete(repo.project, session.id, force=True)


def state(repo: Repo) -> dict[str, bytes]:
    """What must stay as it is: settings, hooks, HEAD, index, foreign refs, files of the user."""
    kept = {}
    for path in sorted(repo.path.rglob("*")):
        name = str(path.relative_to(repo.path))
        ours = (
            ".git/objects",
            ".git/patina",
            ".git/refs/patina",
            ".git/refs/heads/agent",
            ".git/logs/refs/heads/agent",
        )
        if path.is_file() and not name.startswith(ours):
            kept[name] = path.read_bytes() + str(stat.S_IMODE(path.stat().st_mode)).encode()
    return kept


def test_the_traps_work(trapped):
    repo, marker = trapped
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    (repo.path / "a.txt").write_text("two\n")
    subprocess.run(["git", "add", "-A"], cwd=repo.path, env=env, check=False, capture_output=True)
    subprocess.run(["git", "branch", "x"], cwd=repo.path, env=env, check=False, capture_output=True)
    subprocess.run(["git", "diff", "HEAD"], cwd=repo.path, env=env, check=False, capture_output=True)
    assert {"clean", "fsmonitor", "reference-transaction"} <= {path.name for path in marker.iterdir()}
    assert {"external", "command"} & {path.name for path in marker.iterdir()}


def test_nothing_of_the_user_runs_or_changes(trapped):
    repo, marker = trapped
    files = {"a.txt": "mine\n", "untracked.txt": "u\n", "x.bin": "b\n"}
    repo.write(files)
    os.utime(repo.path / "dir" / "b.txt")  # its stat data differ, its content does not: git has to read it
    repo.env["GIT_CONFIG_GLOBAL"] = "/dev/null"
    before = state(repo)
    everything(repo, files)
    assert list(marker.iterdir()) == []
    assert state(repo) == before
