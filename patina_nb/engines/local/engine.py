"""The local engine: a box on this machine, with the best isolation that it allows."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from patina_nb.engines.base import Availability, BoxSpec
from patina_nb.engines.local import cgroup, environment, isolation, sessions
from patina_nb.engines.local.binaries import Binary
from patina_nb.engines.local.box import LocalBox, Server, serve
from patina_nb.engines.local.bubblewrap import OBJECTS
from patina_nb.engines.local.checkout import BaseTree, base_tree
from patina_nb.engines.local.command import Launch, command, configuration, seccomp_descriptor, server
from patina_nb.engines.local.contents import Contents, gather
from patina_nb.engines.local.identity import of_project
from patina_nb.engines.local.lock import SessionLock, hold
from patina_nb.engines.local.objects import quoted
from patina_nb.engines.local.places import ProjectCache, project_cache
from patina_nb.engines.local.probe import availability
from patina_nb.engines.local.rungs import RUNGS, Rung, binary_of
from patina_nb.engines.local.sessions import Layout, SessionDir
from patina_nb.engines.local.upper import Upper
from patina_nb.errors import EngineUnavailableError, SandboxError

MAX_SETTINGS = 64 << 10


class LocalEngine:
    """Bubblewrap with an overlay, below it bubblewrap on a copied tree, below it Landlock + seccomp.

    `rung` (default: `PATINA_LOCAL_RUNG`) forces one of them by name.
    """

    name = "local"

    def __init__(self, rung: str | None = None) -> None:
        self._forced = rung or os.environ.get("PATINA_LOCAL_RUNG") or None
        if self._forced and self._forced not in {known.name for known in RUNGS}:
            names = ", ".join(known.name for known in RUNGS)
            raise EngineUnavailableError(
                f"there is no kind of box called {self._forced!r}; known are {names}"
            )

    def probe(self) -> Availability:
        """The best rung that is usable here, or all reasons why there is none."""
        try:
            return availability(self._rung())
        except EngineUnavailableError as error:
            fixes = dict.fromkeys(found.fix for _, found in self.rungs() if found.fix)
            return Availability(False, str(error), "; or: ".join(fixes))

    def rungs(self) -> list[tuple[str, Availability]]:
        """Every rung, best first, and whether it is usable here."""
        return [(rung.name, availability(rung)) for rung in self._allowed()]

    def launch(self, spec: BoxSpec) -> LocalBox:
        """Start or restart the box of a session.

        Raises EngineUnavailableError (no rung, no Python), SessionBusyError (open elsewhere),
        RepositoryError (the commit cannot be checked out) or SandboxError (the box did not start).
        """
        cache = project_cache(spec.project_id, of_project(spec.project_id))
        lock = hold(cache.sessions / f"{spec.session_id}.lock", spec.session_id)
        with ExitStack() as undo:
            undo.callback(lock.release)
            rung, notes = self._rung_for(cache.sessions / spec.session_id)
            box = open_box(self.name, spec, cache, rung, lock, notes)
            undo.pop_all()
        return box

    def _allowed(self) -> Sequence[Rung]:
        return [rung for rung in RUNGS if self._forced in (None, rung.name)]

    def _rung(self) -> Rung:
        for rung in self._allowed():
            if availability(rung).usable:
                return rung
        reasons = "; ".join(f"{name}: {found.reason}" for name, found in self.rungs())
        raise EngineUnavailableError(f"no isolated box can be made here ({reasons})")

    def _rung_for(self, folder: Path) -> tuple[Rung, list[str]]:
        """A session keeps its kind of box while that is usable: another one would have to make it anew."""
        best, record = self._rung(), sessions.recorded(folder)
        if record is None or record.layout == best.layout:
            return best, []
        for rung in self._allowed():
            if rung.layout == record.layout and availability(rung).usable:
                return rung, [
                    f"This workspace was made as {rung.name} and stays so; delete it to move to {best.name}."
                ]
        return best, []


def forget(project_id: str, session_id: str) -> None:
    """Remove what a session has on disk without opening it; raises SessionBusyError, SandboxError."""
    cache = project_cache(project_id, of_project(project_id))
    lock = hold(cache.sessions / f"{session_id}.lock", session_id)
    try:
        sessions.remove(cache.sessions / session_id)
        lock.remove()
    finally:
        lock.release()


def open_box(
    engine: str, spec: BoxSpec, cache: ProjectCache, rung: Rung, lock: SessionLock, notes: Sequence[str]
) -> LocalBox:
    """Find or make the session's directory, start its box, and wait for the server."""
    binary = binary_of(rung)
    if isinstance(binary, str):
        raise EngineUnavailableError(binary)
    contents = gather(spec, cache, staged=binary is not None)
    session, tree, created, said = _session(spec, cache, rung.layout, contents, binary)
    name = f"{spec.project_id}-{spec.session_id}"
    group = None if rung.layout == "process" else cgroup.create(name, spec.limits)
    launch = Launch(spec, cache, session, tree.files, contents, group, binary)
    try:
        running = _start(launch)
    except BaseException:
        if group is not None:
            group.remove()
        raise
    lock.tell(_processes(running.process.pid))
    return LocalBox(
        engine=engine,
        server=running,
        isolation=isolation.of(launch, group),
        workspace=launch.workspace,
        created=created,
        caches=environment.caches(launch.home),
        notes=[*notes, *said, *tree.notes(), *contents.notes, *_volume_notes(launch)],
        upper=Upper(session.up, tree.files) if rung.layout == "overlay" else None,
        group=group,
        lock=lock,
        folder=session.path,
    )


def _session(
    spec: BoxSpec, cache: ProjectCache, layout: Layout, contents: Contents, binary: Binary | None
) -> tuple[SessionDir, BaseTree, bool, list[str]]:
    """(the session's directory, its base tree, was it made now, what was lost)."""
    alternates = _alternates(contents, namespaced=binary is not None)
    path = cache.sessions / spec.session_id
    record = sessions.recorded(path)
    lost = sessions.why_lost(path, record, layout, cache.identity)
    if record is not None and not lost:
        session = SessionDir(path, layout)
        sessions.reopen(session, alternates, cache.identity)
        return session, base_tree(cache, spec.git_dir, record.tree), False, []
    tree = base_tree(cache, spec.git_dir, spec.commit)
    sessions.remove(path)
    session = sessions.create(
        path, sessions.now(spec.commit, layout, cache.identity), spec, tree, alternates, cache.identity
    )
    return session, tree, True, [lost] if lost else []


def _alternates(contents: Contents, *, namespaced: bool) -> list[str]:
    if namespaced:
        return [f"{OBJECTS}/{number}" for number in range(len(contents.objects))]
    return [os.fsdecode(quoted(path)).rstrip("\n") for path in contents.objects]


def _start(launch: Launch) -> Server:
    config = configuration(launch)
    if len(json.dumps(config)) > MAX_SETTINGS:
        raise SandboxError(
            f"the environment of the workspace is larger than {MAX_SETTINGS >> 10} KiB; pass less in `env`"
        )
    ours, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    filter_fd = seccomp_descriptor() if launch.binary else None
    try:
        argv = command(launch, filter_fd, server(launch, inner.fileno()))
        return serve(argv, ours, inner, [] if filter_fd is None else [filter_fd], config)
    except BaseException:
        ours.close()
        raise
    finally:
        inner.close()
        if filter_fd is not None:
            os.close(filter_fd)


def _processes(pid: int) -> list[int]:
    """The box's outer process and, where the kernel tells, its first process inside."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return [pid]
    return [pid, *map(int, children.split())]


def _volume_notes(launch: Launch) -> list[str]:
    if launch.binary is not None:
        return []
    pairs = zip(launch.spec.shared, launch.contents.volumes, strict=True)
    return [f"The shared volume {name} is at {bind.source} here, not at {bind.dest}." for name, bind in pairs]
