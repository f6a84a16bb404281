"""A damaged git directory is written anew, and the files stay."""

from __future__ import annotations

import shutil

import pytest

from patina_nb.engines.local.engine import LocalEngine

from .bench import PROJECT


def git(folder):
    return folder / "git" if (folder / "git").exists() else folder / "tree" / ".git"


DAMAGE = {
    "emptied": lambda git: [shutil.rmtree(p) if p.is_dir() else p.unlink() for p in git.iterdir()],
    "no HEAD": lambda git: (git / "HEAD").unlink(),
    "link for objects": lambda git: (
        (git / "objects").rename(git / "o"),
        (git / "objects").symlink_to("/etc"),
    ),
    "a file": lambda git: (shutil.rmtree(git), git.write_text("gitdir: /nowhere")),
    "gone": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_git_directory_is_renewed(bench, rung, damage):
    engine = LocalEngine(rung)
    opened = bench.open(engine=engine)
    opened.sh("echo x > a.txt; echo new > new; mkdir ignored; echo i > ignored/i; echo home > ~/home")
    opened.box.close()
    DAMAGE[damage](git(bench.session_dir()))
    again = bench.open(engine=engine)
    assert not again.box.created
    (note,) = [note for note in again.box.notes if "written anew" in note]
    assert bench.commit[:10] in note
    assert again.sh("git status --porcelain; git rev-parse HEAD; git symbolic-ref HEAD").splitlines() == [
        " M a.txt",
        "?? new",
        bench.commit,
        "refs/heads/agent/one",
    ]
    assert again.sh("cat ignored/i ~/home") == "i\nhome\n"
    assert again.sh("git add -A; git commit -qm works; git status --porcelain") == ""
    again.box.close()
    assert not any("written anew" in note for note in bench.open(engine=engine).box.notes)


def test_at_another_commit_and_on_demand(repo, bench, rung):
    """HEAD and index are at `head`: what the files hold beyond it shows as a change."""
    engine = LocalEngine(rung)
    bench.open(engine=engine).box.close()
    older = bench.spec().commit
    newer = repo.commit({"a.txt": "newer\n"}, "newer")
    again = bench.open(engine=engine, head=newer, renew_git=True)
    assert again.sh("git rev-parse HEAD; git diff --name-only").splitlines() == [newer, "a.txt"]
    again.box.close()
    third = bench.open(engine=engine, head=older, renew_git=True)
    assert third.sh("git rev-parse HEAD; git diff --name-only").splitlines() == [older]
    assert len(list(bench.session_dir().glob("damaged-git-*"))) == 2
    assert PROJECT in str(bench.session_dir())
