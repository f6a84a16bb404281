"""What is here of Dagger and of container runtimes, for the doctor's report."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from patina_nb.engines.dagger import command, runners, telemetry
from patina_nb.engines.dagger.connections import connect, on_connect
from patina_nb.engines.finding import Finding, install
from patina_nb.errors import PatinaError

_ANSWER_S = 5.0
_ENGINE_S = 10.0
_DETAIL_LIMIT = 200  # characters


@dataclass(frozen=True)
class Runtime:
    """A program that can run the container of a Dagger engine."""

    name: str
    version: tuple[str, ...]  # arguments that make it say the version of what does the work
    fix: str  # when it is installed and does not answer
    packages: tuple[tuple[str, str], ...] = ()  # package managers that call it otherwise
    source: str = ""  # where it comes from, when package managers do not have it


RUNTIMES = (
    Runtime(
        "docker",
        ("version", "--format", "{{.Server.Version}}"),
        "sudo systemctl start docker",
        (("apt_get", "docker.io"), ("dnf", "moby-engine")),
    ),
    Runtime("podman", ("version", "--format", "{{.Client.Version}}"), "podman info"),
    Runtime(
        "nerdctl",
        ("version", "--format", "{{.Client.Version}}"),
        "sudo systemctl start containerd",
        source="take it from github.com/containerd/nerdctl/releases",
    ),
)


def findings() -> Iterator[Finding]:
    """The dagger command, the runner, the engine behind it, and container runtimes."""
    found = _command()
    runner = _runner()
    yield found
    yield runner
    yield _engine(found, runner)
    yield from map(_runtime, RUNTIMES)


def _command() -> Finding:
    try:
        program = command.find()
    except PatinaError as error:
        reason = str(error).partition("; to install")[0]
        return Finding("Dagger", "dagger command", False, reason, fix=command.INSTALL)
    return Finding("Dagger", "dagger command", True, f"{program.label}, {program.path}")


def _runner() -> Finding:
    try:
        runner = runners.configured()
    except PatinaError as error:
        return Finding("Dagger", "runner", False, str(error), fix=f"correct {runners.VARIABLE}")
    reason = runners.unreachable(runner)
    if reason is None:
        return Finding("Dagger", "runner", True, str(runner))
    fix = install("docker", apt_get="docker.io", dnf="moby-engine")
    if runner.address is not None:
        fix = f"start that engine, or name another one in {runners.VARIABLE}"
    elif runners.runtimes():
        fix = "sudo systemctl start docker"
    return Finding("Dagger", "runner", False, reason, fix=fix)


def _engine(found: Finding, runner: Finding) -> Finding:
    """Connects, unless that would start (and maybe download) an engine."""
    if not (found.ok and runner.ok):
        return Finding("Dagger", "engine", False, "not asked: see the rows above")
    if runners.configured().launches:
        return Finding("Dagger", "engine", True, "not asked: it is started when it is needed first")
    on_connect(telemetry.variables)  # it stays, and pipelines use it too
    try:
        version = connect(timeout=_ENGINE_S).engine_version
    except PatinaError as error:
        fix = f"restart that engine, or name another one in {runners.VARIABLE}"
        return Finding("Dagger", "engine", False, str(error), fix=fix)
    return Finding("Dagger", "engine", True, f"{version} answers")


def _runtime(runtime: Runtime) -> Finding:
    path = shutil.which(runtime.name)
    if path is None:
        fix = runtime.source or install(runtime.name, **dict(runtime.packages))
        return Finding("container runtime", runtime.name, False, "not installed", fix=fix)
    try:
        done = subprocess.run(
            [path, *runtime.version],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_ANSWER_S,
            check=False,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("container runtime", runtime.name, False, str(error)[:_DETAIL_LIMIT], fix=runtime.fix)
    version = done.stdout.strip()
    if done.returncode or not version:
        said = (done.stderr.strip() or version).splitlines()[-1:] or ["it does not answer"]
        return Finding("container runtime", runtime.name, False, said[0][:_DETAIL_LIMIT], fix=runtime.fix)
    return Finding("container runtime", runtime.name, True, f"{version[:_DETAIL_LIMIT]}, {path}")
