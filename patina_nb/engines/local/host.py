"""What of the host's own system every box shows, read-only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from patina_nb.engines.base import BoxSpec
from patina_nb.engines.identity import Identity, reaches
from patina_nb.engines.local.bubblewrap import HOME, WORKSPACE, Bind, Link
from patina_nb.engines.local.interpreter import SYSTEM, collides, in_system
from patina_nb.engines.local.staging import inside_readable
from patina_nb.errors import SandboxError

_VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VOLUME_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")


def system(identity: Identity) -> Iterator[Bind | Link]:
    """/usr and its like as they are on the host: links stay links."""
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield Link(str(path.readlink()), name)
        elif path.is_dir() and reaches(identity, path):
            yield Bind(path, name)


def tools(given: Sequence[Path], identity: Identity, *, staged: bool = False) -> tuple[list[Path], list[str]]:
    """(directories to show at their own path, what to tell the user about the others).

    `staged`: what the box's user cannot reach by its path may be brought in by a mount.
    """
    shown, notes = [], []
    for path in map(Path, given):
        if collides(path):
            notes.append(
                f"The tool directory {path} is not shown in the box: it would cover a place of the box's own."
            )
        elif not path.exists():
            notes.append(f"The tool directory {path} does not exist.")
        elif not (
            reaches(identity, path) or (staged and inside_readable(identity, path.resolve(), path.resolve()))
        ):
            notes.append(f"The tool directory {path} cannot be read by the user that the box runs as.")
        else:
            shown.append(path)
    return shown, notes


def volumes(spec: BoxSpec, folder: Path, identity: Identity) -> list[Bind]:
    """The shared volumes of a project, made if need be; raises SandboxError for a bad name or path."""
    binds = []
    for name, dest in spec.shared.items():
        if not _VOLUME_NAME.fullmatch(name):
            raise SandboxError(
                f"the shared volume name {name!r} is not usable: use letters, digits, '.', '_' and '-'"
            )
        if not _usable(dest):
            raise SandboxError(
                f"the shared volume {name} cannot be at {dest!r}: use a path outside of {WORKSPACE}, {HOME} "
                f"and the system, such as /shared/{name}"
            )
        source = folder / name
        if not source.is_dir():
            source.mkdir(mode=0o700)
            identity.own(source)
        binds.append(Bind(source, dest, writable=True))
    return binds


def _usable(dest: str) -> bool:
    path = Path(dest)
    return bool(_VOLUME_PATH.fullmatch(dest)) and not (
        {".", ".."} & set(dest.split("/")) or collides(path) or in_system(path)
    )


def resolver(*, open_network: bool) -> list[Bind]:
    """Where /etc/resolv.conf is a link out of /etc, the file it names (only needed with the network open)."""
    path = Path("/etc/resolv.conf")
    real = path.resolve()
    if not open_network or not real.is_file() or in_system(real):
        return []
    return [Bind(real, str(real))]
