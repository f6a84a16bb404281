"""Which session a magic means, and its workspace. Nothing of the library is imported before it is needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patina_nb.errors import SessionError

from . import display
from .html import Piece

if TYPE_CHECKING:
    from patina_nb.project import Project
    from patina_nb.session import Session
    from patina_nb.workspaces.workspace import Workspace


@dataclass(frozen=True)
class Opened:
    """An open workspace, and what was said if it was opened just now."""

    workspace: Workspace
    said: Piece | None


def find(session: str | None) -> tuple[Project, Session]:
    """The session that is meant, ended ones too, without starting or opening anything.

    Raises SessionError when there is none.
    """
    from patina_nb import session as sessions
    from patina_nb.project import open_project
    from patina_nb.session.choosing import VARIABLE
    from patina_nb.session.pointer import remembered

    project = open_project()
    named = session or os.environ.get(VARIABLE)
    if named:
        return project, sessions.get(project, named)
    known = [found for name in remembered(project) if (found := sessions.find(project, name))]
    if not known:
        raise SessionError(
            'There is no current session: start one with %patina_session start "goal", or name one.'
        )
    return project, next((found for found in known if found.status == "active"), known[0])


def open_box(session: str | None, engine: str | None, default: str | None, **options: Any) -> Opened:  # noqa: ANN401
    """The session's workspace, made if need be; one that is open already is taken as it is.

    `engine` was asked for; `default` is configured, and no reason to complain about what is open.
    """
    from patina_nb.workspaces.opening import open_workspace, opened

    from .jobs import stop_before_exit

    stop_before_exit()
    before = opened()
    if engine is None and not _is_open(session, before):
        engine = default
    workspace = open_workspace(session, engine=engine, **options)
    fresh = all(workspace is not known for known in before)
    return Opened(workspace, display.said(workspace) if fresh else None)


def _is_open(session: str | None, opened: Sequence[Workspace]) -> bool:
    if not opened:
        return False
    try:
        branch = find(session)[1].branch
    except SessionError:
        return False
    return any(known.branch == branch for known in opened)
