"""The command line that starts the server in each kind of box, and what the server is told first."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from patina_nb.engines.base import BoxSpec
from patina_nb.engines.identity import switch
from patina_nb.engines.local import cgroup, environment, landlock, seccomp
from patina_nb.engines.local.binaries import Binary, for_identity
from patina_nb.engines.local.bubblewrap import HOME, RUN, WORKSPACE, Bind, Overlay, Plan, arguments
from patina_nb.engines.local.contents import Contents, binds, overlaid
from patina_nb.engines.local.sessions import SessionDir
from patina_nb.engines.local.staging import stage
from patina_nb.engines.places import ProjectCache

_SERVER = "import sys; sys.path.insert(0, {folder!r}); from server.main import main; main({fd})"


@dataclass(frozen=True)
class Launch:
    """Everything of one launch."""

    spec: BoxSpec
    cache: ProjectCache
    session: SessionDir
    lower: Path  # the files of the base tree
    contents: Contents
    group: cgroup.Group | None
    binary: Binary | None  # bubblewrap; None = without namespaces

    @property
    def workspace(self) -> str:
        return WORKSPACE if self.binary else str(self.session.tree)

    @property
    def home(self) -> str:
        return HOME if self.binary else str(self.session.home)


def server(launch: Launch, control_fd: int) -> list[str]:
    """The arguments of Python that run the command server on its control socket."""
    folder = RUN if launch.binary else str(launch.contents.server)
    return ["-I", "-S", "-c", _SERVER.format(folder=folder, fd=control_fd)]


def command(launch: Launch, seccomp_fd: int | None, python: Sequence[str]) -> list[str]:
    """The whole command line: mounts for the box's user, control groups, change of user, box, Python."""
    inner = [str(launch.contents.interpreter.executable), *python]
    prefix: list[str] = []
    if launch.binary:
        plan = _plan(launch, launch.binary, seccomp_fd, inner)
        extra, prefix = stage(plan.extra, launch.cache.identity, launch.session.mounts)
        inner = arguments(replace(plan, extra=extra))
    folders = launch.group.folders if launch.group else ()
    owner = [] if launch.session.layout == "process" else switch(launch.cache.identity)
    return [*prefix, *cgroup.joining(folders), *owner, *inner]


def _plan(launch: Launch, binary: Binary, seccomp_fd: int | None, inner: Sequence[str]) -> Plan:
    session, cache = launch.session, launch.cache
    overlay = session.layout == "overlay"
    open_network = launch.spec.network == "full"
    return Plan(
        binary=for_identity(binary, cache.identity, cache.root.parent).path,
        version=binary.version,
        system=launch.contents.system,
        workspace=Overlay(launch.lower, session.up, session.work) if overlay else session.tree,
        git=session.git,
        home=session.home,
        extra=binds(launch.contents, open_network=open_network),
        over=overlaid(launch.contents, cache),
        tmp_size=launch.spec.limits.tmp_size,
        share_network=open_network,
        seccomp_fd=seccomp_fd,
        command=inner,
    )


def seccomp_descriptor() -> int | None:
    """A descriptor from which bubblewrap reads the filter; None = there is none for this machine."""
    if platform.machine() not in seccomp.MACHINES:
        return None
    fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    os.write(fd, seccomp.program(platform.machine()))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def configuration(launch: Launch) -> dict[str, object]:
    """The first message to the server."""
    limits = launch.spec.limits
    grouped = launch.group is not None and launch.group.memory is not None
    return {
        "root": launch.workspace,
        "env": _environment(launch),
        "nproc": _process_limit(launch),
        "rlimits": {
            "core": 0,
            "nofile": limits.open_files,
            "fsize": limits.file_size,
            "data": None if grouped else limits.memory,
        },
        "watch": launch.session.layout != "overlay",
        "namespace": launch.binary is not None,
        "confine": _confinement(launch) if launch.session.layout == "landlock" else None,
    }


def _environment(launch: Launch) -> dict[str, str]:
    inside = launch.binary is not None
    return environment.base(
        launch.spec,
        home=launch.home,
        tmp="/tmp" if inside else str(launch.session.tmp),  # noqa: S108 - a tmpfs of the box
        bins=launch.contents.bins,
        shared={
            name: bind.dest if inside else str(bind.source)
            for name, bind in zip(launch.spec.shared, launch.contents.volumes, strict=True)
        },
    )


def _process_limit(launch: Launch) -> int | None:
    """RLIMIT_NPROC. It counts all processes of a user, but since 5.14 those of a user namespace apart."""
    limit = launch.spec.limits.processes
    grouped = launch.group is not None and launch.group.processes is not None
    if launch.session.layout == "process" or (grouped and not launch.binary):
        return None
    if launch.cache.identity.switched or (launch.binary and _kernel() >= (5, 14)):
        return limit
    return limit + _running(launch.cache.identity.uid)


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2] if part.isdigit())


def _running(uid: int) -> int:
    """Threads of a user that run now: they count against the limit of the box as well."""
    total = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                total += len(list(os.scandir(f"{entry.path}/task")))
        except OSError:
            continue  # it ended meanwhile
    return total


def _confinement(launch: Launch) -> dict[str, object]:
    contents, session = launch.contents, launch.session
    return landlock.config(
        system=[item for item in contents.system if isinstance(item, Bind)],
        read=[
            *contents.interpreter.folders,
            *contents.tools,
            *contents.objects,
            contents.server / "server",
        ],
        write=[session.tree, session.home, session.tmp, *(bind.source for bind in contents.volumes)],
        identity=launch.cache.identity,
        network=launch.spec.network,
    )
