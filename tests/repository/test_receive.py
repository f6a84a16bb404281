from __future__ import annotations

import hashlib
import os
import random
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from patina_nb.errors import PublishError
from patina_nb.repository import receive
from patina_nb.repository.receive import commit_head
from patina_nb.session import Session, start
from tests.conftest import Repo

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.fixture
def session(repo: Repo) -> Session:
    return start(repo.project, session="s")


@pytest.fixture
def agent(repo: Repo, session: Session) -> Repo:
    return repo.agent(session)


def publish(repo: Repo, session: Session, pack: object, new: str):
    return repo.repository.publish(pack, session.id, session.base, new)


def tree_of(agent: Repo, *entries: tuple[str, bytes, str]) -> str:
    """A tree written as it is, with names that git itself would not write."""
    raw = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(sha) for mode, name, sha in entries)
    return agent.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=raw)


def commit_of(agent: Repo, tree: str, *parents: str) -> str:
    return agent.git(
        "commit-tree", tree, *(part for parent in parents for part in ("-p", parent)), "-m", "evil"
    )


def objects(agent: Repo, *shas: str) -> bytes:
    """A pack of exactly these objects."""
    return agent.git_bytes("pack-objects", "--stdout", "-q", stdin="\n".join(shas).encode())


def refused(repo: Repo, session: Session, pack: object, new: str, why: str) -> None:
    with pytest.raises(PublishError, match="refused and the branch stays where it was: .*" + why):
        publish(repo, session, pack, new)
    assert repo.repository.branch_sha(session.branch) == session.base
    repo.git("fsck", "--strict")


def test_a_pack_comes_in_as_bytes_as_a_path_or_as_a_file(repo, session, agent, tmp_path):
    old = session.base
    for number, form in enumerate(["bytes", "path", "file", "spooled"]):
        new = agent.commit({"a.txt": f"{number}\n"})
        pack = agent.pack(old, new)
        (tmp_path / "pack").write_bytes(pack)
        with (
            (tmp_path / "pack").open("rb") as file,
            tempfile.SpooledTemporaryFile(max_size=1 << 20) as spooled,
        ):
            spooled.write(pack)
            given_ = {"bytes": pack, "path": tmp_path / "pack", "file": file, "spooled": spooled}[form]
            repo.repository.publish(given_, session.id, old, new)
        assert repo.repository.branch_sha(session.branch) == new
        old = new
    repo.git("fsck", "--strict")


def test_objects_that_are_here_need_no_pack(repo, session):
    new = repo.commit({"a.txt": "mine\n"})
    publish(repo, session, None, new)
    assert repo.repository.branch_sha(session.branch) == new


@pytest.mark.parametrize("form", ["bytes", "path"])
def test_a_large_pack_is_stored_as_one(repo, session, agent, tmp_path, form):
    new = agent.commit({f"many/{n}": f"{n}\n" for n in range(receive.SMALL_COUNT + 200)})
    pack = agent.pack(session.base, new)
    (tmp_path / "pack").write_bytes(pack)
    before = set((repo.path / ".git" / "objects").iterdir())
    publish(repo, session, pack if form == "bytes" else tmp_path / "pack", new)
    assert repo.repository.branch_sha(session.branch) == new
    assert len(list((repo.path / ".git" / "objects" / "pack").glob("*.pack"))) == 1
    assert set((repo.path / ".git" / "objects").iterdir()) - before <= {
        repo.path / ".git" / "objects" / "pack"
    }
    repo.git("fsck", "--strict")
    assert repo.git("show", f"{new}:many/7") == "7"


def test_many_bytes_are_stored_as_a_pack(repo, session, agent):
    noise = random.Random(1).randbytes(receive.SMALL_PACK + 1000)
    new = agent.commit({"big.bin": noise})
    with tempfile.SpooledTemporaryFile(max_size=1000) as spooled:
        spooled.write(agent.pack(session.base, new))
        publish(repo, session, spooled, new)
    assert repo.git_bytes("cat-file", "blob", f"{new}:big.bin") == noise
    assert list((repo.path / ".git" / "objects" / "pack").glob("*.pack"))


def test_a_thin_pack_of_sha256_objects(tmp_path):
    made = Repo(tmp_path / "long")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main", "--object-format=sha256")
    made.commit({"a.txt": "x\n" * 100})
    session = start(made.project, session="s")
    agent = made.agent(session)
    new = agent.commit({"a.txt": "x\n" * 101})
    published = made.repository.publish(agent.pack(session.base, new), "s", session.base, new)
    assert made.repository.branch_sha("agent/s") == new
    assert published.tree == made.git("rev-parse", f"{new}^{{tree}}")


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b".GIT", b".git", b"..", b".", b"git~1", b"a/b", b""])
def test_names_that_reach_out_of_the_tree(repo, session, agent, name):
    blob = agent.git("hash-object", "-w", "--stdin", stdin=b"[core]\nfsmonitor = evil\n")
    inner = tree_of(agent, ("100644", b"config", blob))
    tree = tree_of(agent, ("40000", name, inner))
    new = commit_of(agent, tree, session.base)
    refused(
        repo,
        session,
        objects(agent, new, tree, inner, blob),
        new,
        "holds a file name or file that git refuses",
    )


def test_what_was_refused_cannot_be_named_later(repo, session, agent):
    """Git finds this one after it has written all objects: they must not stay."""
    agent.git("hash-object", "-w", "--stdin", stdin=b"")
    text = b'[submodule "x"]\n\tpath = x\n\turl = --upload-pack=evil\n'
    blob = agent.git("hash-object", "-w", "--stdin", stdin=text)
    tree = tree_of(agent, ("100644", b".gitmodules", blob))
    new = commit_of(agent, tree, session.base)
    refused(repo, session, objects(agent, new, tree, blob), new, "git refuses for safety")
    refused(repo, session, objects(agent, EMPTY_BLOB), new, "is not a commit that it holds")


@pytest.mark.parametrize("missing", ["blob", "tree", "parent", "all"])
def test_missing_objects(repo, session, agent, missing):
    blob = agent.git("hash-object", "-w", "--stdin", stdin=b"content\n")
    tree = tree_of(agent, ("100644", b"f", blob))
    ghost = commit_of(agent, tree, session.base)
    new = commit_of(agent, tree, ghost if missing == "parent" else session.base)
    have = {"blob": [new, tree], "tree": [new, blob], "parent": [new, tree, blob], "all": [tree, blob]}[
        missing
    ]
    why = "is not a commit that it holds" if missing == "all" else "objects that it needs are not in it"
    refused(repo, session, objects(agent, *have), new, why)


def test_objects_borrowed_from_another_repository(repo, session, agent, tmp_path):
    other = Repo(tmp_path / "other")
    other.path.mkdir()
    other.git("init", "-q", "-b", "main")
    other.commit({"secret": "s\n"})
    alternates = agent.path / ".git" / "objects" / "info" / "alternates"
    alternates.write_text(f"{other.path}/.git/objects\n")
    tree = other.git("rev-parse", "HEAD^{tree}")
    new = commit_of(agent, tree, session.base)
    pack = agent.git_bytes(
        "pack-objects", "--revs", "--local", "--stdout", "-q", stdin=f"{new}\n^{session.base}\n".encode()
    )
    refused(repo, session, pack, new, "objects that it needs are not in it")


def test_a_large_pack_that_is_refused_leaves_nothing(repo, session, agent):
    blobs = [agent.git("hash-object", "-w", "--stdin", stdin=b"a")]
    entries = [("100644", f"{n:05}".encode(), blobs[0]) for n in range(10)]
    noise = random.Random(2).randbytes(receive.SMALL_PACK + 1000)
    blobs.append(agent.git("hash-object", "-w", "--stdin", stdin=noise))
    tree = tree_of(agent, ("100644", b".git", blobs[1]), *entries)
    new = commit_of(agent, tree, session.base)
    before = sorted((repo.path / ".git" / "objects").rglob("*"))
    refused(repo, session, objects(agent, new, tree, *blobs), new, "git refuses for safety")
    assert sorted((repo.path / ".git" / "objects").rglob("*")) == before


def test_what_is_no_commit(repo, session, agent):
    tree = agent.git("rev-parse", "HEAD^{tree}")
    refused(repo, session, None, tree, "is not a commit that it holds")
    refused(repo, session, None, "0" * 40, "is not a commit that it holds")
    for text in ("HEAD", "main", "--help", "", session.base[:12], f"{session.base}\n"):
        with pytest.raises(PublishError, match="is not the id of a commit"):
            publish(repo, session, None, text)


def test_a_damaged_pack(repo, session, agent):
    new = agent.commit({"a.txt": "x\n"})
    pack = agent.pack(session.base, new)
    for broken in (b"", b"PACK", b"nonsense" * 10, pack[:-30], pack[:-20] + b"\0" * 20, pack[:40]):
        refused(repo, session, broken, new, "")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=25,
    phases=[Phase.generate],
)
@given(data=st.data())
def test_no_change_of_a_pack_gets_anything_else_in(repo, session, agent, data):
    if (new := agent.head) == session.base:
        new = agent.commit({"a.txt": "x\n" * 50, "new": "y\n"})
    pack = bytearray(whole := agent.pack(session.base, new))
    for _ in range(data.draw(st.integers(1, 4))):
        pack[data.draw(st.integers(0, len(pack) - 1))] ^= data.draw(st.integers(1, 255))
    assume(bytes(pack) != whole)
    with pytest.raises(PublishError):
        publish(repo, session, bytes(pack), new)
    assert repo.repository.branch_sha(session.branch) == session.base


def bomb(kind: int, size: int) -> bytes:
    """A pack of one object that claims to be `size` bytes long."""
    header = bytearray([(kind << 4) | (size & 15)])
    size >>= 4
    while size:
        header[-1] |= 0x80
        header.append(size & 0x7F)
        size >>= 7
    body = (
        b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes(header) + zlib.compress(b"x" * 100)
    )
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


@pytest.mark.parametrize("kind", [1, 2, 3], ids=["commit", "tree", "blob"])
def test_a_few_bytes_that_claim_to_be_terabytes(repo, session, kind):
    with pytest.raises(PublishError):
        publish(repo, session, bomb(kind, 1 << 42), session.base)
    assert repo.repository.branch_sha(session.branch) == session.base


def test_a_pack_over_the_limit(repo, session, agent, tmp_path, monkeypatch):
    new = agent.commit({"a.txt": "x\n"})
    huge = tmp_path / "pack"
    huge.write_bytes(agent.pack(session.base, new))
    os.truncate(huge, receive.MAX_PACK + 1)
    refused(repo, session, huge, new, r"it is too large \(2048 MB; the limit is 2048 MB\)")


def test_heads_are_read_from_loose_and_packed_commits(repo):
    first = repo.head
    second = repo.commit({"a.txt": "2\n"}, "message\n\ntree of life\nparent of all\n")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    for _ in range(2):
        head = commit_head(repo.repository, second)
        assert (head.tree, head.parents) == (tree, (first,))
        assert commit_head(repo.repository, first).parents == ()
        repo.git("gc", "-q")
    assert not (Path(repo.path) / ".git" / "objects" / second[:2] / second[2:]).exists()
