"""Packs that hold a secret are refused whole, wherever in them it is, and nothing of them stays."""

from __future__ import annotations

import os
import random

import pytest

from patina_nb.errors import PublishError
from patina_nb.repository import LeakError, leaks
from patina_nb.secrets import Patterns
from patina_nb.session import Session, start
from tests.conftest import Repo

VALUE = b"a value/of the host"
SECRETS = Patterns([("TOKEN", VALUE), ("OTHER", b"another value")])


@pytest.fixture
def session(repo: Repo) -> Session:
    return start(repo.project, session="s")


@pytest.fixture
def agent(repo: Repo, session: Session) -> Repo:
    return repo.agent(session)


def objects(repo: Repo) -> set[str]:
    return set(repo.git("cat-file", "--batch-all-objects", "--batch-check").splitlines())


def publish(repo: Repo, session: Session, pack: bytes, new: str):
    return repo.repository.publish(pack, session.id, session.base, new, SECRETS)


def refused(repo: Repo, session: Session, pack: bytes, new: str) -> LeakError:
    before = objects(repo)
    with pytest.raises(LeakError, match="refused and the branch stays where it was") as caught:
        publish(repo, session, pack, new)
    assert objects(repo) == before
    assert repo.repository.branch_sha(session.branch) == session.base
    return caught.value


def pack_of(agent: Repo, *shas: str) -> bytes:
    return agent.git_bytes("pack-objects", "--stdout", "-q", stdin="\n".join(shas).encode())


def new_objects(agent: Repo, old: str, new: str) -> list[str]:
    return [line.split()[0] for line in agent.git("rev-list", "--objects", new, f"^{old}").splitlines()]


def test_what_holds_no_value_gets_in(repo, session, agent):
    new = agent.commit({"b": VALUE[:-1], "c": b"", "d": os.urandom(3 << 20)})
    assert publish(repo, session, agent.pack(session.base, new), new).unpublished is None
    assert repo.repository.branch_sha(session.branch) == new


def test_the_error_names_each_file_and_the_secrets_it_holds(repo, session, agent):
    new = agent.commit({"b": VALUE, "dir/c": VALUE + b" another value", "d": b"fine"})
    error = refused(repo, session, agent.pack(session.base, new), new)
    assert [(leak.path, leak.names) for leak in error.leaks] == [
        ("b", ("TOKEN",)),
        ("dir/c", ("OTHER", "TOKEN")),
    ]
    assert "dir/c holds the values of the secrets OTHER, TOKEN" in str(error)


def test_many_files_are_told_in_a_bounded_way(repo, session, agent):
    new = agent.commit({f"f{n}": VALUE + b"%d" % n for n in range(60)})
    assert len(refused(repo, session, agent.pack(session.base, new), new).leaks) <= 20


def test_a_commit_in_between_counts(repo, session, agent):
    agent.commit({"b": VALUE})
    agent.git("rm", "-q", "b")
    new = agent.commit({"c": b"fine"})
    [leak] = refused(repo, session, agent.pack(session.base, new), new).leaks
    assert leak.path == "b"


def test_both_sides_of_a_merge_count(repo, session, agent):
    agent.git("checkout", "-q", "-b", "side")
    agent.commit({"side.txt": VALUE})
    agent.git("checkout", "-q", session.branch)
    agent.commit({"b": b"fine"})
    agent.git("merge", "-q", "-m", "merge", "side")
    [leak] = refused(repo, session, agent.pack(session.base, agent.head), agent.head).leaks
    assert leak.path == "side.txt"


@pytest.mark.parametrize("count", [1, 1500])
def test_objects_that_no_commit_reaches_count(repo, session, agent, count):
    """A hostile box may send them beside the commit."""
    new = agent.commit({f"f{n}": b"%d" % n for n in range(count)})
    stray = agent.git("hash-object", "-w", "--stdin", stdin=b"stray " + VALUE)
    name = b"100644 a " + VALUE[:7].replace(b"/", b"") + b"\0" + bytes.fromhex(stray)
    tree = agent.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=name)
    for extra in ([stray], [tree, stray]):
        error = refused(repo, session, pack_of(agent, *new_objects(agent, session.base, new), *extra), new)
        assert "which no file of the commit needs" in str(error)


def test_a_name_counts_also_where_it_goes_over_directories(repo, session, agent):
    for name in (VALUE.decode(), f"x {VALUE.decode()}/deeper"):
        agent.git("reset", "-q", "--hard", session.base)
        new = agent.commit({name: b""})
        error = refused(repo, session, agent.pack(session.base, new), new)
        assert {leak.path for leak in error.leaks} == {name}
    agent.git("reset", "-q", "--hard", session.base)
    new = agent.commit({"another value": (agent.path / "a.txt").read_bytes()})
    assert "the name of another value holds the value of the secret OTHER" in str(
        refused(repo, session, agent.pack(session.base, new), new)
    )


def test_messages_authors_and_files_of_a_commit_that_the_repository_has(repo, session, agent):
    """An object that lies there already is not stored, but it would be new on the branch."""
    repo.git("checkout", "-q", "--detach")
    new = repo.commit({"b": VALUE}, f"about {VALUE.decode()}")
    repo.git("checkout", "-q", "main")
    agent.git("fetch", "-q", str(repo.path), new)
    error = refused(repo, session, agent.pack(session.base, new), new)
    assert [leak.path for leak in error.leaks] == ["b", None]
    assert f"the message or the author of commit {new[:10]}" in str(error)


def test_what_the_base_holds_is_known_and_a_difference_to_it_gets_in(repo, agent):
    noise = random.Random(1).randbytes(200_000)
    repo.commit({"big": VALUE + noise, "keep": VALUE})
    session = start(repo.project, session="later")
    agent = repo.agent(session)
    new = agent.commit({"big": noise + b"!", **{f"f{n}": b"%d" % n for n in range(1200)}})
    publish(repo, session, agent.pack(session.base, new), new)
    assert repo.repository.branch_sha(session.branch) == new
    repo.git("fsck", "--strict")


def test_a_value_over_the_edge_of_a_piece(repo, session, agent):
    for at in (leaks._CHUNK - len(VALUE) + 1, leaks._CHUNK - 1, 2 * leaks._CHUNK - 5):
        agent.git("reset", "-q", "--hard", session.base)
        new = agent.commit({"b": b"\0" * at + VALUE + b"\0" * 100})
        refused(repo, session, agent.pack(session.base, new), new)


def test_a_blob_that_is_never_in_memory_as_a_whole(repo, session, agent):
    new = agent.commit({"b": b"\0" * (70 << 20) + VALUE})
    refused(repo, session, agent.pack(session.base, new), new)


def test_many_new_files_with_few_contents(repo, session, agent, monkeypatch):
    monkeypatch.setattr(leaks, "_MOST_REMEMBERED", 2)
    new = agent.commit({**{f"f{n}": b"%d" % (n % 4) for n in range(30)}, "z": VALUE})
    assert [leak.path for leak in refused(repo, session, agent.pack(session.base, new), new).leaks] == ["z"]


def test_more_files_than_can_be_looked_at(repo, session, agent, monkeypatch):
    """Ten trees of ten entries each are 10^10 files."""
    monkeypatch.setattr(leaks, "_DIFF_MEMORY", 64 << 20)
    sha, mode, kind = agent.git("hash-object", "-w", "--stdin", stdin=b"x"), "100644", "blob"
    for _ in range(10):
        rows = "".join(f"{mode} {kind} {sha}\t{n}\n" for n in range(10))
        sha, mode, kind = agent.git("mktree", stdin=rows.encode()), "040000", "tree"
    new = agent.git("commit-tree", sha, "-p", session.base, "-m", "bomb")
    before = objects(repo)
    with pytest.raises(PublishError, match="too large"):
        publish(repo, session, agent.pack(session.base, new), new)
    assert objects(repo) == before


def test_a_kept_commit_is_looked_at_too(repo, session, agent):
    new = agent.commit({"b": VALUE})
    with pytest.raises(LeakError, match="b holds"):
        repo.repository.keep(session.id, new, agent.pack(session.base, new), SECRETS)
    assert repo.repository.refs("refs/patina/old/s/") == {}


def test_an_incomplete_history_is_still_refused_as_such(repo, session, agent):
    agent.commit({"b": b"1"})
    middle = agent.head
    new = agent.commit({"b": b"2"})
    with pytest.raises(PublishError, match="refused"):
        publish(repo, session, pack_of(agent, *new_objects(agent, middle, new)), new)
