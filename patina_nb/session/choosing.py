"""Which session is meant. One function decides, for notebooks, command line and Python alike."""

from __future__ import annotations

import os

from patina_nb.errors import SessionError
from patina_nb.project import Project, open_project
from patina_nb.session.ids import check_id
from patina_nb.session.pointer import remember, remembered
from patina_nb.session.starting import start
from patina_nb.session.view import Session, find, get

VARIABLE = "PATINA_SESSION_ID"


def current(
    project: Project,
    explicit: str | None = None,
    *,
    create: bool = False,
    over: bool = False,
    base: str = "HEAD",
) -> Session:
    """The session that is meant.

    `explicit`, else the one that ``PATINA_SESSION_ID`` names, else this process's current one, else the
    repository's.

    Args:
        explicit: an id.
        create: start the one that is named (here or by the variable) and unknown, or a new one
            (``agent-<unix time>``) when none is named or remembered.
        over: one that is ended or deleted will do, too; among those remembered an active one goes first.
        base: where a new session starts.

    Raises:
        SessionError: a named session is unknown (without `create`), ended or deleted (without `over`); or
            none is named, and none of those remembered will do.
    """
    named, where = (os.environ.get(VARIABLE) or None, VARIABLE) if explicit is None else (explicit, "")
    if named is not None:
        known = find(project, check_id(named, where=where))
        if known is None:
            return _started(project, named, base) if create else get(project, named)
        return known if over else known.check_active()
    found = _remembered(project, over=over)
    if found is not None:
        return found
    if create:
        return start(project, base=base)
    raise SessionError(
        'There is no current session: start one (start("goal") or %patina_session start "goal"), or name one.'
    )


def meant(session: str | None) -> tuple[Project, Session]:
    """The repository of the current directory and the session that is meant in it, ended ones too.

    Starts and opens nothing. Raises SessionError when there is none.
    """
    project = open_project()
    return project, current(project, session, over=True)


def _remembered(project: Project, *, over: bool) -> Session | None:
    known = [found for name in remembered(project) if (found := find(project, name))]
    active = (session for session in known if session.status == "active")
    return next(active, known[0] if known and over else None)


def _started(project: Project, session_id: str, base: str) -> Session:
    try:
        return start(project, session=session_id, base=base)
    except SessionError:
        known = find(project, session_id)
        if known is None:
            raise
        return known.check_active()  # another process was a moment faster


def use(project: Project, session_id: str) -> Session:
    """Make a session the current one, of this process and of the repository.

    Raises SessionError when it is unknown, ended or deleted.
    """
    session = get(project, session_id).check_active()
    remember(project, session.id)
    return session
