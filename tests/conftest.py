"""Shared by all tests: a small real repository, an agent's clone of it, and how to be an ordinary user.

    def test_it(repo):
        repo.commit({"a.txt": "new\\n"}, "say what")    # as the user, in repo.path
        session = start(repo.project, "a goal")
        agent = repo.agent(session)                     # a clone elsewhere, on the session's branch
        new = agent.commit({"a.txt": "newer\\n"}, "work")
        repo.repository.publish(agent.pack(session.base, new), session.id, session.base, new)

Git of the tests runs without any setting of the person who runs them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from patina_nb.project import Project, open_project
from patina_nb.repository import Repository, open_repository
from patina_nb.session import Session

NOBODY = 65534
_PERSONAL = {
    "PATINA_SESSION_ID",
    "PATINA_CACHE_DIR",
    "PATINA_DAGGER_RUNNERS",
    "_EXPERIMENTAL_DAGGER_RUNNER_HOST",
}
_ENV = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "A User" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "user@example.invalid" for role in ("AUTHOR", "COMMITTER")},
}


def pytest_configure(config: pytest.Config) -> None:
    """The tests try to break out. As root, and without a sandbox around them, they would succeed."""
    config.addinivalue_line("markers", "local_only(reason): not run on the Dagger engine as well, and why")
    if os.environ.get("PATINA_ENGINE") == "process" and os.geteuid() == 0:
        pytest.exit(
            "PATINA_ENGINE=process isolates nothing: not as root, run the tests as an ordinary user.", 2
        )


@dataclass
class Repo:
    """A repository of the tests at `path`, for a user or for an agent."""

    path: Path
    env: dict[str, str] = field(default_factory=lambda: dict(_ENV))

    def git(self, *args: str | bytes, stdin: bytes | None = None) -> str:
        """Output of git without its last line break; fails the test when git fails."""
        return self.git_bytes(*args, stdin=stdin).decode("utf-8", "surrogateescape").rstrip("\n")

    def git_bytes(self, *args: str | bytes, stdin: bytes | None = None) -> bytes:
        done = subprocess.run(
            ["git", *args], cwd=self.path, env=self.env, input=stdin, capture_output=True, check=False
        )
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
            )

    def commit(self, files: dict[str, str | bytes], message: str = "change") -> str:
        """Write files, commit everything, return the commit's id."""
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def repository(self) -> Repository:
        return open_repository(self.path)

    @property
    def project(self) -> Project:
        return open_project(self.path)

    def agent(self, session: Session) -> Repo:
        """A clone on the session's branch, as an agent has one; nothing in it is trusted."""
        clone = Repo(Path(tempfile.mkdtemp(prefix="agent-", dir=self.path.parent)), self.env)
        clone.git("clone", "-q", "--no-local", "--branch", session.branch, str(self.path), ".")
        return clone

    def pack(self, old: str, new: str) -> bytes:
        """The thin pack of what `new` has beyond `old`."""
        return self.git_bytes(
            "pack-objects", "--revs", "--thin", "--stdout", "-q", stdin=f"{new}\n^{old}\n".encode()
        )


def new_repo(path: Path, *options: str) -> Repo:
    """An empty repository at `path` on the branch main."""
    path.mkdir(parents=True)
    repo = Repo(path)
    repo.git("init", "-q", "-b", "main", *options)
    return repo


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session, a cache or git settings of the person who runs the tests do not count.

    Nor does a Dagger engine: `auto` must not find it. Tests against one reveal it (tests/dagger/live.py).
    """
    for name in list(os.environ):
        if name.startswith("GIT_") or name in _PERSONAL:
            monkeypatch.delenv(name)
    if os.environ.get("PATINA_ENGINE") == "dagger":
        monkeypatch.delenv("PATINA_ENGINE")
    monkeypatch.setenv("_EXPERIMENTAL_DAGGER_CLI_BIN", "/nonexistent/dagger")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with two files and one commit, in a directory with a space and a letter beyond ASCII."""
    made = new_repo(tmp_path / "pröject one")
    made.commit({"a.txt": "one\n", "dir/b.txt": "two\n"}, "first")
    return made


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user of the machine can reach and write (pytest's own are closed to others)."""
    path = Path(tempfile.mkdtemp(prefix="patina-test-"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def python_env() -> dict[str, str]:
    """Environment in which ``sys.executable -c ...`` finds what this process finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Within it this process, and what it starts, has no more rights than an ordinary user.

    Root becomes nobody for a while; everyone else stays who they are.
    """
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
