"""Opening a workspace: which session, which engine; those that this process has open."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from patina_nb import session as sessions
from patina_nb.engines.base import BoxSpec, Limits, Network
from patina_nb.engines.from_design import engine_of
from patina_nb.engines.select import choose
from patina_nb.errors import WorkspaceError
from patina_nb.project import open_project
from patina_nb.session import Session
from patina_nb.workspaces import settings
from patina_nb.workspaces.launching import launch
from patina_nb.workspaces.workspace import Workspace


@dataclass(frozen=True)
class _Open:
    """A workspace of this process, and the box that was asked for."""

    workspace: Workspace
    spec: BoxSpec


_open: dict[tuple[str, str], _Open] = {}
_opening = threading.Lock()
_locks: dict[tuple[str, str], threading.Lock] = {}  # one opening at a time of each session


def open_workspace(
    session: str | Session | None = None,
    *,
    engine: str | None = None,
    base: str = "HEAD",
    with_changes: bool = False,
    network: Network | None = None,
    limits: Limits | None = None,
    shared: Mapping[str, str] | None = None,
    tools: Sequence[str | Path] | None = None,
    path: str | Path = ".",
) -> Workspace:
    """Open the workspace of a session, or create session and workspace.

    For `network`, `limits`, `shared` and `tools` None means: as they are where the workspace is open in this
    process already, else as PROJECT_DESIGN.toml says, else the default.

    Args:
        session: an id or a Session; default: the current one (see `session.current`).
        engine: auto, dagger, local or process; default: ``PATINA_ENGINE``, else the design file's, else auto.
        base: where a new session starts; any revision of the repository.
        with_changes: bring the uncommitted changes of the user's tree in as the first step (new sessions).
        network: "none" (default), or "full" (then the badge says what that opens).
        limits: bounds of the box; default: half of the machine's memory, 512 processes.
        shared: volumes of this project, name -> path in the box; default: none.
        tools: directories of the host that are bound read-only at their own path; default: none.
        path: somewhere inside the repository.

    Returns:
        The workspace; one that this process has open already is returned as it is.

    Raises:
        WorkspaceError: it is open already, with other settings than those that were asked for; or the
            design file keeps workspaces off.
        RepositoryError, DesignError, SessionError (SessionBusyError names the holder),
        EngineUnavailableError, SandboxError.
    """
    project = open_project(path)
    settings.check_allowed(project)
    wanted = session.id if isinstance(session, Session) else session
    with _opening:
        found = sessions.current(project, wanted, create=True, base=base)
        mine = _locks.setdefault((project.id, found.id), threading.Lock())
    with mine:
        asked = settings.asked(network, limits, shared, tools)
        known = _open.get((project.id, found.id))
        if known is not None and known.workspace.alive:
            _check_wishes(known, engine, with_changes, asked)
            return known.workspace
        if known is not None:
            known.workspace.close()  # its box has ended by itself
        table = project.design.workspace
        choice = choose(
            engine_of(project.design, engine),
            network=network or table.network or "none",
            runners=table.runners,
        )
        spec, unmet = settings.spec(project, found, asked, choice.engine.name)
        workspace = launch(project, found, spec, choice, with_changes, unmet)
        # those of the project's language are shown in any case
        _open[project.id, found.id] = _Open(workspace, replace(spec, tools=asked.get("tools", ())))
        return workspace


def opened() -> list[Workspace]:
    """The workspaces that this process has open."""
    return [known.workspace for known in list(_open.values()) if not known.workspace.closed]


@atexit.register
def close_all() -> None:
    """Close every workspace of this process; their files, caches and branches stay."""
    with ExitStack() as stack:  # each is closed, also when another one cannot be closed in order
        for workspace in opened():
            stack.callback(workspace.close)


os.register_at_fork(after_in_child=_open.clear)  # a fork's copies would talk to boxes of its parent


def _check_wishes(known: _Open, engine: str | None, with_changes: bool, asked: Mapping[str, Any]) -> None:
    """Raise WorkspaceError where the open workspace is not as it was asked for now."""
    workspace = known.workspace
    if with_changes:
        raise WorkspaceError("with_changes works only for a new session: this one is open already.")
    differ = settings.differences(known.spec, asked)
    if engine not in (None, "auto", workspace.engine):
        differ.insert(0, f"engine {workspace.engine}, not {engine}")
    if differ:
        raise WorkspaceError(
            f"Session {workspace.branch[6:]} is open already with {'; '.join(differ)}: "
            "close it before opening it with other settings, or name none to get it as it is."
        )
