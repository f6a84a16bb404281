"""Which session is meant. One function decides, for notebooks, command line and Python alike."""

from __future__ import annotations

import os

from patina_nb.errors import SessionError
from patina_nb.project import Project
from patina_nb.session.ids import check_id
from patina_nb.session.pointer import remember, remembered
from patina_nb.session.starting import start
from patina_nb.session.view import Session, find, get

VARIABLE = "PATINA_SESSION_ID"


def current(
    project: Project, explicit: str | None = None, *, create: bool = False, base: str = "HEAD"
) -> Session:
    """The session that is meant.

    `explicit`, else the one that ``PATINA_SESSION_ID`` names, else this process's current one, else the
    repository's, else a new one (``agent-<unix time>``).

    Args:
        explicit: an id.
        create: an id that is named (here or by the variable) and unknown is started.
        base: where a new session starts.

    Raises:
        SessionError: a named session is unknown, ended or deleted. Remembered ones are passed over then.
    """
    named, where = (os.environ.get(VARIABLE) or None, VARIABLE) if explicit is None else (explicit, "")
    if named is not None:
        known = find(project, check_id(named, where=where))
        if known is not None:
            return known.check_active()
        return _started(project, named, base) if create else get(project, named)
    for session_id in remembered(project):
        known = find(project, session_id)
        if known is not None and known.status == "active":
            return known
    return start(project, base=base)


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
