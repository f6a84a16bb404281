"""What a soak runs its commands in, and its figures: a bare command server, or a workspace of an engine."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import patina_nb as patina
from benchmarks.repositories import make
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.process import Process
from patina_nb.sandbox.protocol import Command
from tests.sandbox.boxes import ServerBox

Figures = Mapping[str, float]
_TO_WRITE_S = 2.0  # a limit must leave a busy machine the time to write the file
MEMORY, DESCRIPTORS = "memory MB", "descriptors"


class Soaked(Protocol):
    """Runs commands, and knows what they cost whoever serves them."""

    def start(self, script: str) -> Process: ...

    def run(self, command: Command, number: int, exit_code: int | None) -> str:
        """What went wrong; "" = nothing."""
        ...

    def figures(self) -> Figures: ...


@dataclass(frozen=True)
class Server:
    """The command server alone, as a plain process."""

    box: ServerBox
    sandbox: Sandbox

    def start(self, script: str) -> Process:
        return self.sandbox.start(Command(["sh", "-c", script]))

    def run(self, command: Command, number: int, exit_code: int | None) -> str:
        result = self.sandbox.exec(command)
        self.sandbox.changes(lambda folders: [])
        wrong = result.exit_code != exit_code or result.lost or result.error or result.left
        return f"{command.argv}: {result}" if wrong else ""

    def figures(self) -> Figures:
        """Of the server's processes, on average."""
        pids = [pid for pid in self.box.processes() if b"server.main" in _read(Path(f"/proc/{pid}/cmdline"))]
        memory, descriptors = usage(pids)
        return {
            "processes": len(pids),
            MEMORY: round(memory / len(pids), 1),
            DESCRIPTORS: round(descriptors / len(pids), 1),
        }


@dataclass(frozen=True)
class Steps:
    """A workspace: each command is a step that writes a file, and must be a commit on the branch."""

    workspace: patina.Workspace

    def start(self, script: str) -> Process:
        return self.workspace.start(script)

    def run(self, command: Command, number: int, exit_code: int | None) -> str:
        before = self.workspace.tip
        argv = ["sh", "-c", 'echo "$0" > step; exec "$@"', str(number), *command.argv]
        timeout = command.timeout and max(command.timeout, _TO_WRITE_S)
        step = self.workspace.run(argv, timeout=timeout, stdin=command.stdin)
        if step.exit_code != exit_code or step.unpublished or not step.commit or step.parent != before:
            return f"{command.argv}: {step!r} {step.unpublished}"
        kept = self.workspace.project.repository.git("cat-file", "blob", f"{step.commit}:step")
        return "" if kept.decode().strip() == str(number) else f"step {number}: the commit has {kept!r}"

    def figures(self) -> Figures:
        """Of our own process, and of its children, such as the dagger command."""
        memory, descriptors = usage([os.getpid()])
        children = list(_children(os.getpid()))
        return {
            MEMORY: memory,
            DESCRIPTORS: descriptors,
            "threads": len(list(Path("/proc/self/task").iterdir())),
            "children": len(children),
            "memory MB of children": usage(children)[0],
        }


@contextmanager
def server() -> Iterator[Soaked]:
    """A command server, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        box = ServerBox(Path(folder), watch=True)
        try:
            yield Server(box, Sandbox(box))
        finally:
            box.close()


@contextmanager
def workspace(engine: str) -> Iterator[Soaked]:
    """A workspace of a new repository, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="patina-soak-") as folder:
        os.environ["PATINA_CACHE_DIR"] = f"{folder}/cache"
        Path(folder).chmod(0o755)
        opened = patina.workspace("soak", path=make(Path(folder, "repository"), 100), engine=engine)
        try:
            opened.write(".gitignore", "/log\n")
            yield Steps(opened)
        finally:
            opened.delete(force=True)


def usage(pids: Iterable[int]) -> tuple[float, int]:
    """(resident memory in MB, open descriptors) of processes; those that have ended count for nothing."""
    pages = descriptors = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1), descriptors


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, _read(task / "children").split())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""
