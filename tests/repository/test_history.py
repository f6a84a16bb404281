from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patina_nb.errors import RepositoryError
from patina_nb.repository import FileDiff
from tests.conftest import Repo


def by_path(repo: Repo, a: str, b: str, *paths: str) -> dict[str, FileDiff]:
    return {file.path: file for file in repo.repository.diff(a, b, paths).files}


def test_every_kind_of_change(repo):
    text = "".join(f"line {n}\n" for n in range(50))
    base = repo.commit(
        {"old name.txt": text, "kind": "file\n", "gone": "g\n", "bin": b"\0\1", "mode.sh": "x\n"}
    )
    (repo.path / "old name.txt").rename(repo.path / "new\tname\n.txt")
    (repo.path / "kind").unlink()
    (repo.path / "kind").symlink_to("a.txt")
    (repo.path / "gone").unlink()
    (repo.path / "mode.sh").chmod(0o755)
    repo.commit({"a.txt": "one\ntwo\n", "added": "1\n2\n", "bin": b"\0\2"})
    assert by_path(repo, base, "HEAD") == {
        "a.txt": FileDiff("a.txt", "modified", 1, 0),
        "added": FileDiff("added", "added", 2, 0),
        "bin": FileDiff("bin", "modified", None, None),
        "gone": FileDiff("gone", "deleted", 0, 1),
        "kind": FileDiff("kind", "type changed", 1, 1),
        "mode.sh": FileDiff("mode.sh", "modified", 0, 0),
        "new\tname\n.txt": FileDiff("new\tname\n.txt", "renamed", 0, 0, "old name.txt"),
    }
    diff = repo.repository.diff(base, "HEAD")
    assert (diff.added, diff.removed) == (4, 2)
    assert repo.repository.numstat(base, "HEAD") == diff.files
    assert "bin | modified, binary" in diff.stat()
    assert diff.stat().endswith("7 files changed, +4 -2")


def test_the_patch_applies_exactly(repo, tmp_path):
    base = repo.head
    raw = bytes(range(256))
    new = repo.commit({"a.txt": b"\xff\xfe latin \xe9\n", "bin": raw, "dir/b.txt": "three\n"})
    diff = repo.repository.diff(base, new)
    repo.git("checkout", "-q", base)
    repo.git("apply", "--index", "-", stdin=diff.patch)
    assert repo.git("write-tree") == repo.git("rev-parse", f"{new}^{{tree}}")
    assert "\ufffd" in diff.text
    diff.text.encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=5, unique=True))
def test_any_name_is_told_exactly(repo, names):
    names = [
        name for name in names if not set(name) & set(b"/\0") and name.lower() not in (b".", b"..", b".git")
    ]
    names = [name for name in names if not name.lower().startswith((b"git~", b".git"))]
    lines = b"".join(b"M 100644 inline %s\ndata 1\nx\n" % quoted(name) for name in names)
    head = b"commit refs/heads/names\ncommitter a <a@b> 0 +0000\ndata 1\nm\n"
    repo.git("fast-import", "--quiet", "--force", stdin=head + b"from refs/heads/main^0\n" + lines)
    found = by_path(repo, "main", "names")
    assert sorted(found) == sorted(os.fsdecode(b"n/" + name) for name in names)
    assert {file.status for file in found.values()} <= {"added"}
    repo.repository.diff("main", "names").stat().encode()


def quoted(name: bytes) -> bytes:
    return b'"n/' + b"".join(b"\\%03o" % char for char in name) + b'"'


def test_paths_are_taken_literally(repo):
    base = repo.head
    repo.commit({"*.txt": "star", "x.txt": "x", "dir/c.txt": "c", ":(top)": "odd"})
    assert set(by_path(repo, base, "HEAD", "*.txt")) == {"*.txt"}
    assert set(by_path(repo, base, "HEAD", "dir")) == {"dir/c.txt"}
    assert set(by_path(repo, base, "HEAD", ":(top)")) == {":(top)"}
    assert by_path(repo, base, "HEAD", "nothing") == {}
    assert "x.txt" not in repo.repository.diff(base, "HEAD", ["dir"]).text


def test_no_difference(repo):
    diff = repo.repository.diff("HEAD", "main")
    assert (diff.files, diff.text, diff.patch) == ((), "", b"")
    assert diff.stat() == "0 files changed, +0 -0"


def test_an_unknown_end_is_named(repo):
    with pytest.raises(RepositoryError, match="'nope'"):
        repo.repository.diff("HEAD", "nope")
    with pytest.raises(RepositoryError, match="'--all'"):
        repo.repository.log("--all", "HEAD")


def test_trailers_are_read(repo):
    base = repo.head
    trailers = "Patina-Session: auth\nPatina-Step: 12\nPatina-Exit: -9\nPatina-Cell: c1 d\n"
    message = f"Add a login\n\nLonger text.\n\n{trailers}"
    sha = repo.commit({"x": "1"}, message)
    [commit] = repo.repository.log(base, "HEAD")
    assert commit.sha == sha
    assert commit.parents == (base,)
    assert commit.author == "A User"
    assert commit.subject == "Add a login"
    assert (commit.session, commit.step, commit.exit_code, commit.cell) == ("auth", 12, -9, "c1 d")
    assert abs((datetime.now(UTC) - commit.at).total_seconds()) < 3600
    assert commit.at.tzinfo is UTC


@pytest.mark.parametrize(
    "message",
    [
        "plain",
        "s\n\nPatina-Step: many\nPatina-Exit: timed out",
        "s\n\nPatina-Step: 99999999999999\nPatina-Exit: 1.5",
        "\n\n",
    ],
)
def test_other_trailers_are_no_numbers(repo, message):
    base = repo.head
    repo.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message)
    [commit] = repo.repository.log(base, "HEAD")
    assert (commit.step, commit.exit_code, commit.session, commit.cell) == (None, None, None, None)


def test_of_several_trailers_the_last_counts(repo):
    base = repo.head
    repo.commit({"x": "1"}, "s\n\nPatina-Step: 1\nPatina-Step: 2")
    assert repo.repository.log(base, "HEAD")[0].step == 2


def test_the_newest_comes_first_and_the_limit_holds(repo):
    base = repo.head
    shas = [repo.commit({"x": str(n)}, f"c{n}") for n in range(3)]
    assert [c.sha for c in repo.repository.log(base, "main")] == shas[::-1]
    assert [c.sha for c in repo.repository.log(base, "main", 2)] == shas[:0:-1]
    assert repo.repository.log("main", "main") == []


def test_odd_commits_are_read(repo):
    """Written by hand: a date that no calendar has, bytes that are not UTF-8, control characters."""
    tree = repo.git("rev-parse", "HEAD^{tree}")
    raw = (
        f"tree {tree}\nparent {repo.head}\nauthor \x1b[31mM\xe9 <m> 99999999999999999 +0000\n".encode(
            "latin-1"
        )
        + b"committer x <x> 1 +0000\nencoding nonsense\n\nsub\x1b[2Jject \xff\n\nPatina-Step: 3\n"
    )
    sha = repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=raw)
    [commit] = repo.repository.log("HEAD", sha)
    assert commit.at is None
    assert commit.step == 3
    assert commit.subject.startswith("sub")
    commit.subject.encode()
    commit.author.encode()
