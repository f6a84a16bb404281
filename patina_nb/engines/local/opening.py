"""From a spec to a running box: its session's directory found or made, its server started and greeted."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from patina_nb.engines.base import BoxSpec
from patina_nb.engines.flock import shared
from patina_nb.engines.identity import Identity, ourselves
from patina_nb.engines.local import cgroup, environment, gitdir, isolation, sessions
from patina_nb.engines.local.box import LocalBox, Server, serve
from patina_nb.engines.local.bubblewrap import OBJECTS
from patina_nb.engines.local.checkout import BaseTree, base_tree
from patina_nb.engines.local.command import Launch, command, configuration, seccomp_descriptor, server
from patina_nb.engines.local.contents import Contents, gather
from patina_nb.engines.local.objects import quoted
from patina_nb.engines.local.prune import note_use, prune
from patina_nb.engines.local.removal import remove
from patina_nb.engines.local.repair import renew_git
from patina_nb.engines.local.rungs import Rung, binary_of
from patina_nb.engines.local.sessions import Layout, SessionDir
from patina_nb.engines.local.upper import Upper
from patina_nb.engines.lock import SessionLock
from patina_nb.engines.places import ProjectCache
from patina_nb.errors import EngineUnavailableError, RepositoryError, SandboxError
from patina_nb.repository import Repository

MAX_SETTINGS = 64 << 10


def open_box(
    engine: str, spec: BoxSpec, cache: ProjectCache, rung: Rung, lock: SessionLock, notes: Sequence[str]
) -> LocalBox:
    """Open the box of a session whose lock is held; raises as `LocalEngine.launch` does."""
    binary = binary_of(rung)
    if isinstance(binary, str):
        raise EngineUnavailableError(binary)
    owner = ourselves() if rung.layout == "process" else cache.identity
    with shared(cache.using):
        contents = gather(spec, cache, owner, staged=binary is not None)
        session, tree, created, said = _session(spec, cache, owner, rung.layout, contents)
        note_use([tree.path, *cache.copies(contents.objects)])
    if created:
        said += _pruned(cache)
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
        cache=cache,
    )


def _session(
    spec: BoxSpec, cache: ProjectCache, owner: Identity, layout: Layout, contents: Contents
) -> tuple[SessionDir, BaseTree, bool, list[str]]:
    """(the session's directory, its base tree, was it made now, what was lost or renewed)."""
    alternates = _alternates(contents, namespaced=layout in ("overlay", "copy"))
    path = cache.session(spec.session_id)
    record = sessions.recorded(path)
    lost = sessions.why_lost(path, record, layout, owner)
    if record is not None and not lost:
        try:
            tree = base_tree(cache, spec.git_dir, record.tree)
        except RepositoryError:
            if Repository(common_dir=spec.git_dir).has_commit(record.tree):
                raise
            lost = sessions.lost("the commit that it began with is gone")
    copies = [copy.name for copy in cache.copies(contents.objects)]
    if record is not None and not lost:
        session, said = SessionDir(path, layout), []
        if spec.renew_git or not _refreshed(session, alternates, owner):
            said = [renew_git(session, spec, cache, tree, alternates, owner)]
        sessions.reopen(session, replace(record, objects=copies), owner)
        return session, tree, False, said
    tree = base_tree(cache, spec.git_dir, spec.commit)
    remove(path)
    made = sessions.now(spec.commit, layout, owner, copies)
    session = sessions.create(path, made, spec, tree, alternates, owner)
    return session, tree, True, [lost] if lost else []


def _refreshed(session: SessionDir, alternates: Sequence[str], owner: Identity) -> bool:
    """Is its git directory good for the next box, as far as we can tell? The agent may have left anything."""
    if not gitdir.intact(session.git):
        return False
    try:
        gitdir.refresh(session.git, alternates, owner)
    except OSError:
        return False
    return True


def _pruned(cache: ProjectCache) -> list[str]:
    """Make room, now that the cache has grown; what stays is no reason not to open."""
    try:
        prune(cache)
    except SandboxError as error:
        return [f"Of what no session uses, not all could be removed: {error}"]
    return []


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
        ours.close()  # a server that runs already sees the end of file, and ends
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
