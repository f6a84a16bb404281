"""What is said when something is missing: one sentence, at once, with what to do. Needs no engine."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path

import pytest

from patina_nb.engines.dagger import availability, command
from patina_nb.engines.dagger.connections import connect
from patina_nb.engines.dagger.runners import VARIABLE, Runner, configured, unreachable
from patina_nb.engines.select import choose, survey
from patina_nb.errors import EngineUnavailableError

SOON_S = 5  # generous: what is asserted is that nothing hangs


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A PATH with nothing in it, and no runner."""
    for name in (VARIABLE, command.BINARY, "DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, script: str, name: str = "dagger") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def dagger(folder: Path, version: str = "v0.21.8", session: str = "exit 1") -> Path:
    """A stand-in for the command: it says its version, and does something when a session is asked for."""
    said = f"dagger {version} (image://registry.example/engine:{version}) linux/amd64"
    return program(folder, f'if [ "$1" = version ]; then echo "{said}"; exit; fi\n{session}')


def refused(*words: str) -> str:
    began = time.monotonic()
    with pytest.raises(EngineUnavailableError) as error:
        connect()
    assert time.monotonic() - began < SOON_S
    text = str(error.value)
    for word in words:
        assert word in text
    assert "\n" not in text
    return text


def test_no_command(place):
    refused("the dagger command was not found", "it is not in PATH", "to install it")
    found = availability.probe()
    assert not found.usable
    assert "not found" in found.reason
    assert "install.sh" in found.fix


def test_a_command_that_is_named_and_not_there(place, monkeypatch):
    monkeypatch.setenv(command.BINARY, "/nonexistent/dagger")
    refused(command.BINARY, "'/nonexistent/dagger', which is no program")


def test_another_version_of_the_command(place):
    dagger(place, "v0.18.2")
    refused("is version v0.18.2", "needed is v0.21.8 or a later v0.21")
    dagger(place, "v0.22.0")
    refused("is version v0.22.0")


def test_a_command_that_is_none(place):
    program(place, "echo hello")
    refused("is not a released dagger command", "'hello'")


def test_a_command_that_cannot_be_run(place):
    (place / "dagger").write_bytes(b"\x7fELF not a program")
    (place / "dagger").chmod(0o755)
    refused("cannot be run")


def test_no_runner_and_no_container_runtime(place):
    dagger(place)
    refused("no container runtime is installed", "install Docker", VARIABLE)


def test_docker_without_its_daemon(place, monkeypatch, tmp_path):
    dagger(place)
    program(place, "exit 1", "docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    refused("the Docker daemon does not run")


def test_no_socket(place, monkeypatch, tmp_path):
    dagger(place)
    monkeypatch.setenv(VARIABLE, f"unix://{tmp_path}/engine.sock")
    refused("there is no socket at", "start the engine")
    assert "there is no socket" in availability.probe().reason


def test_a_dead_socket(place, monkeypatch, open_dir):
    dagger(place)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{open_dir}/engine.sock")
    monkeypatch.setenv(VARIABLE, f"unix://{open_dir}/engine.sock")
    refused("nobody listens", "the engine does not run")


def test_a_port_where_nobody_listens(place, monkeypatch):
    dagger(place)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv(VARIABLE, f"tcp://127.0.0.1:{port}")
    refused("nobody listens at tcp://127.0.0.1")


def test_an_address_that_is_none(place, monkeypatch):
    dagger(place)
    monkeypatch.setenv(VARIABLE, "engine.sock")
    refused("'engine.sock' is not the address of a Dagger runner", "unix://")


@pytest.mark.parametrize(
    "address",
    [
        "unix:///run/dagger/engine.sock",
        "tcp://host:1",
        "kube-pod://pod?namespace=dagger",
        "docker-container://it",
    ],
)
def test_an_address_is_shown_as_it_was_given(address):
    assert str(configured(address)) == address


@pytest.mark.parametrize("password", ["secret", "", "a:b"])
def test_a_password_is_not_shown(password):
    assert str(configured(f"tcp://me:{password}@host:1")) == "tcp://me:***@host:1"


def test_a_session_that_ends_at_once(place, monkeypatch, open_dir):
    with listening(open_dir) as address:
        dagger(place, session='echo "Error: start engine: it is broken [traceparent:00-aa]" >&2; exit 1')
        monkeypatch.setenv(VARIABLE, address)
        text = refused("could not connect to an engine", "start engine: it is broken")
        assert "traceparent" not in text


def test_a_session_that_never_answers(place, monkeypatch, open_dir):
    with listening(open_dir) as address:
        dagger(place, session="exec /bin/sleep 1000")
        monkeypatch.setenv(VARIABLE, address)
        began = time.monotonic()
        with pytest.raises(EngineUnavailableError, match=r"no engine answered .* within 1 s"):
            connect(timeout=1)
        assert time.monotonic() - began < SOON_S + 5


def test_a_session_that_speaks_nonsense(place, monkeypatch, open_dir):
    with listening(open_dir) as address:
        dagger(place, session="echo nonsense; exec /bin/sleep 1000")
        monkeypatch.setenv(VARIABLE, address)
        with pytest.raises(EngineUnavailableError, match="could not connect"):
            connect(timeout=5)


def test_the_end_of_a_failed_session(place, monkeypatch, open_dir):
    """No command is left behind when connecting fails."""
    with listening(open_dir) as address:
        dagger(place, session=f"echo $$ >{open_dir}/pid; exec /bin/sleep 1000")
        monkeypatch.setenv(VARIABLE, address)
        with pytest.raises(EngineUnavailableError):
            connect(timeout=1)
    pid = int((open_dir / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_probing_is_quick(place, monkeypatch, open_dir):
    dagger(place)
    with listening(open_dir) as address:
        monkeypatch.setenv(VARIABLE, address)
        began = time.monotonic()
        found = availability.probe()
        assert time.monotonic() - began < SOON_S
        assert found.usable
        assert "network" in found.isolation.summary().partition("not:")[2]


def test_auto_says_why_it_is_not_dagger(place, monkeypatch, tmp_path):
    """With a command and a dead engine `auto` goes on below, and says so."""
    dagger(place)
    for tool in ("git", "sh", "bwrap", "setpriv", "python3", "unshare", "prlimit", "cp", "rm", "chmod"):
        for folder in ("/usr/bin", "/bin", "/usr/sbin"):
            if Path(folder, tool).exists() and not (place / tool).exists():
                (place / tool).symlink_to(Path(folder, tool))
    monkeypatch.setenv(VARIABLE, f"unix://{tmp_path}/engine.sock")
    try:
        choice = choose("auto")
    except EngineUnavailableError as error:
        pytest.skip(f"no local engine here: {error}")
    assert choice.engine.name == "local"
    assert "there is no socket" in choice.fallbacks[0]


def test_the_doctor_says_it(place, monkeypatch, tmp_path):
    dagger(place)
    monkeypatch.setenv(VARIABLE, f"unix://{tmp_path}/engine.sock")
    (row,) = [row for row in survey() if row.topic == "engine" and row.name == "dagger"]
    assert not row.ok
    assert "there is no socket" in row.detail
    assert "start that engine" in row.fix


def test_a_frozen_listener_is_somebody(open_dir):
    """Only connecting can tell; that has a limit of its own."""
    with listening(open_dir) as address:
        assert unreachable(Runner(address)) is None


class listening:  # noqa: N801 - used as a context
    """A socket at which somebody listens and never answers."""

    def __init__(self, folder: Path) -> None:
        self.path = f"{folder}/engine.sock"
        self.socket = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> str:
        self.socket.bind(self.path)
        self.socket.listen()
        assert stat.S_ISSOCK(os.stat(self.path).st_mode)
        return f"unix://{self.path}"

    def __exit__(self, *_: object) -> None:
        self.socket.close()
