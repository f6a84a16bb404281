"""What no session uses any more goes, but for the few that were used last."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from patina_nb.engines.flock import shared
from patina_nb.engines.identity import of_project
from patina_nb.engines.local.forget import forget
from patina_nb.engines.local.prune import KEPT, prune
from patina_nb.engines.places import project_cache
from patina_nb.errors import SandboxError

from .bench import PROJECT
from .test_sessions import in_child


@pytest.fixture
def commits(repo):
    """Twice as many as are kept, and one more."""
    return [repo.commit({"n": f"{n}\n"}, f"commit {n}") for n in range(2 * KEPT + 1)]


def trees(bench) -> set[str]:
    """The commits that have a base tree."""
    return {path.name.split(".")[0] for path in (bench.state / "trees").iterdir() if path.is_dir()}


def open_and_delete(bench, commit, session="passing"):
    bench.open(session, commit=commit).box.delete()


def test_the_few_that_were_used_last_stay(bench, commits):
    for commit in commits:
        open_and_delete(bench, commit)
    assert trees(bench) == set(commits[-KEPT:])
    open_and_delete(bench, commits[-KEPT])  # the one that would go next
    open_and_delete(bench, bench.commit)
    assert trees(bench) == {bench.commit, commits[-KEPT], *commits[-KEPT + 2 :]}


def test_a_tree_and_its_lock_go_together(bench, commits):
    for commit in commits:
        open_and_delete(bench, commit)
    names = {path.name for path in (bench.state / "trees").iterdir()}
    assert {name.split(".")[0] for name in names} == set(commits[-KEPT:])
    assert not [name for name in names if name.startswith(".")]


def test_what_a_session_uses_stays_whether_its_box_runs_or_not(bench, commits):
    running = bench.open("running", commit=commits[0])
    bench.open("closed", commit=commits[1]).box.close()
    for commit in commits[2:]:
        open_and_delete(bench, commit)
    assert trees(bench) == {commits[0], commits[1], *commits[-KEPT:]}
    assert running.sh("cat n; git status --porcelain") == "0\n"
    again = bench.open("closed", commit=commits[1])
    assert not again.box.created
    assert again.sh("cat n") == "1\n"


def test_what_another_process_uses_stays(bench, commits):
    child = in_child(bench, "", f"6{os.getpid()}")
    try:
        for commit in commits:
            open_and_delete(bench, commit)
        assert bench.commit in trees(bench)
    finally:
        child.communicate(timeout=20)
    forget(PROJECT, "child")
    assert trees(bench) == set(commits[-KEPT:])


def test_forgetting_a_closed_session_prunes(bench, commits):
    for n, commit in enumerate(commits):
        bench.open(f"s{n}", commit=commit).box.close()
    assert trees(bench) == set(commits)
    for n in range(len(commits)):
        forget(PROJECT, f"s{n}")
    assert trees(bench) == set(commits[-KEPT:])


def test_nothing_goes_while_somebody_opens_a_session(bench, commits):
    """A tree may have been looked up, and not be recorded yet."""
    cache = project_cache(PROJECT, of_project(PROJECT))
    with shared(cache.using):
        for commit in commits:
            open_and_delete(bench, commit)
        assert trees(bench) == set(commits)
    prune(cache)
    assert trees(bench) == set(commits[-KEPT:])


def test_buildings_and_removals_that_were_cut_short(bench):
    bench.open().box.close()
    part = bench.state / "trees" / ".abc-xyz" / "tree"
    part.mkdir(parents=True)
    (part / "file").write_text("x")
    part.chmod(0o500)
    trash = bench.state / ".objects-abc.1f.trash"
    trash.mkdir()
    open_and_delete(bench, bench.commit)
    assert not part.parent.exists()
    assert not trash.exists()
    assert trees(bench) == {bench.commit}


def test_copied_objects(bench, monkeypatch):
    """Where objects must be copied (root's repository, in a private directory, without mounts)."""
    cache = project_cache(PROJECT, of_project(PROJECT))
    for n in range(KEPT + 2):
        made = cache.root / f"objects-{n:012x}"
        made.mkdir()
        os.utime(made, (n, n))
    open_and_delete(bench, bench.commit)
    left = {path.name for path in cache.root.glob("objects-*")}
    assert f"objects-{0:012x}" not in left
    assert f"objects-{KEPT + 1:012x}" in left
    assert len(left) == KEPT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands boxes to a user who cannot read everything")
def test_copied_objects_that_a_session_uses_stay(bench, repo):
    for path in (repo.path / ".git" / "objects").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o400)
    opened = bench.open("using")
    (copy,) = bench.state.glob("objects-*")
    for n in range(KEPT):
        made = bench.state / f"objects-{n:012x}"
        made.mkdir()
    open_and_delete(bench, bench.commit)
    assert opened.run("git", "fsck").exit_code == 0
    opened.box.close()
    os.utime(copy, (0, 0))
    prune(project_cache(PROJECT, of_project(PROJECT)))
    assert copy.exists()
    forget(PROJECT, "using")
    assert not copy.exists()
    assert len(list(bench.state.glob("objects-*"))) == KEPT


def test_what_cannot_be_removed_is_said_and_is_no_reason_not_to_open(bench, commits, monkeypatch):
    def fail(path: Path) -> None:
        raise SandboxError(f"{path} could not be removed: no")

    monkeypatch.setattr("patina_nb.engines.local.prune.remove_trash", fail)
    bench.open().box.close()
    (bench.state / "trees" / ".part").mkdir()
    opened = bench.open("two", commit=commits[0])
    assert any("could not be removed: no" in note for note in opened.box.notes)
    assert opened.sh("cat n") == "0\n"
    monkeypatch.undo()


def test_many_at_once(bench, commits):
    """Sessions that come and go side by side never lose the tree below them."""
    said = []

    def work(n: int) -> None:
        for commit in commits[n::3]:
            opened = bench.open(f"t{n}", commit=commit)
            said.append(opened.sh("git status --porcelain; cat n").strip() == str(commits.index(commit)))
            opened.box.delete()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [True] * len(commits)
    prune(project_cache(PROJECT, of_project(PROJECT)))
    assert len(trees(bench)) == KEPT
