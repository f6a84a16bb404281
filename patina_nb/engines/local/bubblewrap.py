"""The argument list of a box, as a pure function of what goes into it.

An allow list, not a mask list: what is not bound does not exist inside. The order matters, a later
mount covers an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WORKSPACE = "/workspace"
HOME = "/home/agent"
RUN = "/run/patina"
OBJECTS = f"{RUN}/objects"
RESERVED = ("/workspace", HOME, "/run", "/proc", "/dev", "/sys", "/var")

Version = tuple[int, ...]
OVERLAY_SINCE: Version = (0, 11)
OLDEST: Version = (0, 5)  # --clearenv, --perms
_SIZE_SINCE: Version = (0, 7)
_DISABLE_USERNS_SINCE: Version = (0, 8)


@dataclass(frozen=True)
class Bind:
    """A file or directory of the host, shown at a path of the box."""

    source: Path
    dest: str
    writable: bool = False


@dataclass(frozen=True)
class Link:
    """A symbolic link of the box's root directory."""

    target: str
    dest: str


@dataclass(frozen=True)
class Overlay:
    """The workspace as an overlay: nothing is copied, `upper` receives every change."""

    lower: Path
    upper: Path
    work: Path


@dataclass(frozen=True)
class Plan:
    """All that goes into a box."""

    binary: Path
    version: Version
    system: Sequence[Bind | Link]  # /usr, /etc and the like
    workspace: Overlay | Path  # Path = a copied tree
    git: Path  # the session's git directory, a mount point so that it cannot be moved or replaced
    home: Path
    extra: Sequence[Bind]  # interpreter, tools, objects, server, shared volumes
    over: Sequence[Bind]  # single files over what `system` and `extra` brought
    tmp_size: int
    share_network: bool
    seccomp_fd: int | None
    command: Sequence[str]


def arguments(plan: Plan) -> list[str]:
    """The command line of bubblewrap for a plan."""
    return [
        str(plan.binary),
        *_namespaces(plan),
        *_system(plan),
        *_scratch(plan),
        *_binds([Bind(plan.home, HOME, writable=True), *plan.extra]),
        *_workspace(plan),
        *_binds(plan.over),
        *(word for path in ("/dev", "/run", "/") for word in ("--remount-ro", path)),
        *(("--seccomp", str(plan.seccomp_fd)) if plan.seccomp_fd is not None else ()),
        *("--chdir", WORKSPACE, "--as-pid-1", "--"),
        *plan.command,
    ]


def _namespaces(plan: Plan) -> Iterator[str]:
    # --unshare-all only tries a user namespace; --disable-userns refuses to work without a certain one
    yield from ("--unshare-user", "--unshare-all")
    if plan.share_network:
        yield "--share-net"
    if plan.version >= _DISABLE_USERNS_SINCE:
        yield "--disable-userns"
    yield from ("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv")
    yield from ("--hostname", "patina")


def _system(plan: Plan) -> Iterator[str]:
    for item in plan.system:
        if isinstance(item, Link):
            yield from ("--symlink", item.target, item.dest)
        else:
            yield from ("--ro-bind", str(item.source), item.dest)
    yield from ("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys")
    yield from ("--ro-bind-try", "/proc/sysrq-trigger", "/proc/sysrq-trigger", "--dev", "/dev")


def _scratch(plan: Plan) -> Iterator[str]:
    # tmpfs of our own: a read-only bind of the host's would still let connect() reach its sockets
    for path, size in (("/dev/shm", plan.tmp_size), ("/tmp", plan.tmp_size), ("/run", 1 << 20)):  # noqa: S108
        yield from ("--perms", "0755" if path == "/run" else "1777")
        if plan.version >= _SIZE_SINCE:
            yield from ("--size", str(size))
        yield from ("--tmpfs", path)
    yield from ("--symlink", "/run", "/var/run", "--symlink", "/tmp", "/var/tmp")  # noqa: S108


def _binds(binds: Sequence[Bind]) -> Iterator[str]:
    for bind in binds:
        yield from ("--bind" if bind.writable else "--ro-bind", str(bind.source), bind.dest)


def _workspace(plan: Plan) -> Iterator[str]:
    if isinstance(plan.workspace, Overlay):
        yield from ("--overlay-src", str(plan.workspace.lower), "--overlay")
        yield from (str(plan.workspace.upper), str(plan.workspace.work), WORKSPACE)
    else:
        yield from ("--bind", str(plan.workspace), WORKSPACE)
    yield from ("--bind", str(plan.git), f"{WORKSPACE}/.git")
