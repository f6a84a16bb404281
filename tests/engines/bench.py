"""What the tests of the engines share: a repository, a cache that the boxes' user can reach, open boxes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from patina_nb.engines.base import Box, BoxSpec, Engine
from patina_nb.engines.local.box import LocalBox
from patina_nb.engines.local.engine import LocalEngine
from patina_nb.errors import PatinaError
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import Command, ExecResult

PROJECT = "abcdef012345"


@dataclass
class Opened:
    """A box and how to run things in it."""

    box: LocalBox
    sandbox: Sandbox

    def run(self, *argv: str, timeout: float = 30, **env: str) -> ExecResult:
        return self.sandbox.exec(Command(argv, timeout=timeout, env=env))

    def sh(self, script: str, timeout: float = 30) -> str:
        """Standard output and error of a shell script, whatever its exit code."""
        result = self.run("sh", "-c", script, timeout=timeout)
        assert result.lost is None, result
        assert result.error is None, result
        assert not result.timed_out, result
        return result.stdout.text + result.stderr.text

    def py(self, code: str, *args: str, timeout: float = 30) -> str:
        """Standard output of a Python program that must succeed."""
        result = self.run("python3", "-I", "-c", code, *args, timeout=timeout)
        assert result.exit_code == 0, result
        return result.stdout.text.strip()


@dataclass
class Bench:
    """Opens boxes of one repository; deletes them at the end of the test."""

    repo: Path
    cache: Path
    commit: str
    opened: list[Box] = field(default_factory=list)

    def spec(self, session: str = "one", **changes: object) -> BoxSpec:
        spec = BoxSpec(
            project_id=PROJECT,
            session_id=session,
            git_dir=self.repo / ".git",
            commit=self.commit,
            branch=f"agent/{session}",
            author="an agent",
            base_branch="main",
        )
        return replace(spec, **changes)

    def open(self, session: str = "one", engine: Engine | None = None, **changes: object) -> Opened:
        box = (engine or LocalEngine()).launch(self.spec(session, **changes))
        self.opened.append(box)
        return Opened(box, Sandbox(box))

    def end(self) -> None:
        for box in self.opened:
            with suppress(PatinaError):
                box.delete()

    @property
    def state(self) -> Path:
        return self.cache / PROJECT

    def session_dir(self, session: str = "one") -> Path:
        return self.state / "sessions" / session


def alive(pid: int) -> bool:
    """Does the process run? (A zombie does not.)"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes_with(mark: str) -> list[int]:
    """Host processes that have `mark` on their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if mark.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return [pid for pid in found if alive(pid)]
