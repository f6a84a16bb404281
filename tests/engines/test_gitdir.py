"""The git directory of a session, as git reads it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from patina_nb.engines.identity import ourselves
from patina_nb.engines.local import gitdir


@pytest.fixture
def write(bench, repo, tmp_path):
    def write(**changes):
        path = tmp_path / f"work{len(list(tmp_path.iterdir()))}"
        (path / ".git").mkdir(parents=True)
        tree = SimpleNamespace(index=repo.path / ".git" / "index")
        objects = [str(repo.path / ".git" / "objects")]
        gitdir.write(path / ".git", bench.spec(**changes), tree, objects, ourselves())
        made = type(repo)(path)
        made.git("fsck")
        return made

    return write


@pytest.mark.parametrize(
    "name", ["plain", 'qu"ote \\ back', "new\nline\n[core]", "<a@b>", "", "ünï", "a # b ; c"]
)
def test_any_name_of_an_author(write, name):
    made = write(author=name)
    shown = made.git("config", "user.name")
    assert shown == (name.replace("\n", "").replace("<", "").replace(">", "") or "agent")
    assert made.git("config", "core.hookspath") == "/dev/null"
    assert made.git("config", "user.email").endswith("@patina.invalid")


@pytest.mark.parametrize(
    ("base", "shown"),
    [
        ("main", True),
        (None, False),
        ("feature/x", True),
        ("agent", False),
        ("agent/one/x", False),
        ("agent/one", False),
    ],
)
def test_the_base_branch_is_there_for_orientation(write, bench, base, shown):
    refs = write(base_branch=base).git("for-each-ref", "--format=%(refname:short) %(objectname)").split("\n")
    wanted = {f"agent/one {bench.commit}"} | ({f"{base} {bench.commit}"} if shown else set())
    assert set(refs) == wanted


def test_a_commit_goes_to_the_sessions_branch(write):
    made = write()
    made.git("commit", "-q", "--allow-empty", "-m", "mine")
    assert made.git("log", "--format=%s", "agent/one", "-1") == "mine"


def test_refresh_writes_only_what_differs(write):
    path = write().path / ".git"
    alternates = path / "objects" / "info" / "alternates"
    (path / "index.lock").touch()
    before = alternates.stat().st_ino
    gitdir.refresh(path, [alternates.read_text().strip()], ourselves())
    assert alternates.stat().st_ino == before
    assert not (path / "index.lock").exists()
    gitdir.refresh(path, ["/a", "/b"], ourselves())
    assert alternates.read_text() == "/a\n/b\n"
    assert list(alternates.parent.iterdir()) == [alternates]


def test_refresh_follows_no_link(write, tmp_path):
    path = write().path / ".git"
    target = tmp_path / "target"
    target.write_text("mine")
    alternates = path / "objects" / "info" / "alternates"
    alternates.unlink()
    alternates.symlink_to(target)
    gitdir.refresh(path, ["/a"], ourselves())
    assert target.read_text() == "mine"
    assert not alternates.is_symlink()


def test_intact(write):
    path = write().path / ".git"
    assert gitdir.intact(path)
    (path / "HEAD").unlink()
    assert not gitdir.intact(path)
    (path / "HEAD").symlink_to("/etc/passwd")
    assert not gitdir.intact(path)
