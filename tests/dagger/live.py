"""A live engine and a base image for tests, or the reason why there is none."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from patina_nb.engines.dagger.runners import Runner, unreachable

RUNNER = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
ROOTFS = "PATINA_TEST_ROOTFS"
_SETTINGS = (RUNNER, "_EXPERIMENTAL_DAGGER_CLI_BIN")
_OF_THE_MACHINE = {name: os.environ.get(name) for name in _SETTINGS}  # before tests hide them


def missing() -> str:
    """Why tests against an engine cannot run here; "" = they can."""
    if not shutil.which("dagger"):
        return "no dagger command in PATH"
    return "" if _OF_THE_MACHINE[RUNNER] else f"no engine: {RUNNER} is not set"


def no_image() -> str:
    """Why there is no root file system of a small Linux for containers; "" = there is one."""
    found = os.environ.get(ROOTFS)
    there = found and Path(found, "bin", "sh").exists()
    return "" if there else f"no base image: {ROOTFS} names no root file system with a shell"


def rootfs() -> Path:
    """A directory with the root file system of a small Linux; skips the test where there is none."""
    if no_image():
        pytest.skip(no_image())
    return Path(os.environ[ROOTFS])


def reveal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test see the engine of this machine, which is hidden from all others."""
    for name, value in _OF_THE_MACHINE.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)


def marks(reason: str) -> list[pytest.MarkDecorator]:
    """Of a test against an engine; `reason`: why it cannot run here. Nothing of a skipped one is set up."""
    return [pytest.mark.dagger, *([pytest.mark.skip(reason=reason)] if reason else [])]


needs_engine = marks(missing())
needs_containers = marks(missing() or no_image())


ENGINE, ADDRESS = "PATINA_TEST_ENGINE", "PATINA_TEST_ENGINE_ADDRESS"


def no_own_engine() -> str:
    """Why tests that stop and kill an engine cannot run here; "" = they can."""
    if os.environ.get(ENGINE) and os.environ.get(ADDRESS):
        return missing()
    return (
        f"{ENGINE} and {ADDRESS} are not set: a command that runs an engine of the name {{name}} in the "
        "foreground, and the address of that"
    )


class OwnEngine:
    """An engine that a test may stop, kill and start again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.address = os.environ[ADDRESS].format(name=name)
        self._command = os.environ[ENGINE].format(name=name)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            shlex.split(self._command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 60
        while unreachable(Runner(self.address)):
            assert time.monotonic() < until, "the engine does not listen"
            assert self._process.poll() is None, "the engine has ended"
            time.sleep(0.1)

    def end(self, number: int, seconds: float = 100) -> None:
        """Signal it, and wait for its end."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(seconds)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def containers(self) -> list[str]:
        """Processes in containers of it: their root lies in a directory with its name."""
        return [words for pid, words in _processes() if self.name in _root_mount(pid)]

    def commands(self) -> list[str]:
        """The dagger commands that are connected to it."""
        wanted = f"{RUNNER}={self.address}".encode()
        return [
            words
            for pid, words in _processes()
            if " session " in words and wanted in _read(f"/proc/{pid}/environ").split(b"\0")
        ]

    def clean(self) -> None:
        """Kill it, and what else has its name in the command line, such as its name server."""
        if self.runs:
            self.end(signal.SIGKILL)
        for pid, words in _processes():
            if self.name in words:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _processes() -> Iterator[tuple[int, str]]:
    """The processes of this machine with their command lines; of zombies there are none."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            words = _read(entry / "cmdline").replace(b"\0", b" ").decode(errors="replace")
            if words:
                yield int(entry.name), words


def _root_mount(pid: int) -> str:
    mounts = _read(f"/proc/{pid}/mountinfo").decode(errors="replace").splitlines()
    return next((line for line in mounts if line.split()[4:5] == ["/"]), "")


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:  # it ended meanwhile, or is not ours to read
        return b""
