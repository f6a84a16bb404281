"""The functions behind ``import patina_nb as patina``: each finds its project from a path."""

from __future__ import annotations

from pathlib import Path

from patina_nb import session as _sessions
from patina_nb.engines.local.forget import forget
from patina_nb.engines.machine import Finding
from patina_nb.engines.select import survey as _survey
from patina_nb.project import open_project
from patina_nb.session import Session
from patina_nb.workspaces.opening import open_workspace as workspace
from patina_nb.workspaces.opening import opened as _opened

__all__ = ["delete", "doctor", "sessions", "start", "workspace"]


def start(
    goal: str | None = None,
    *,
    session: str | None = None,
    base: str = "HEAD",
    agent: str | None = None,
    path: str | Path = ".",
) -> Session:
    """Start a session: branch ``agent/<id>`` at `base`; the id is given or made from the goal.

    Raises SessionError (bad or taken id, branch name taken) or RepositoryError (no repository, bad base).
    """
    return _sessions.start(open_project(path), goal, session=session, base=base, agent=agent)


def sessions(path: str | Path = ".") -> list[Session]:
    """All sessions of the repository, also those of other processes and the ended ones."""
    return _sessions.list_sessions(open_project(path))


def delete(session: str, *, force: bool = False, path: str | Path = ".") -> None:
    """Remove a session's workspace, branch and refs; its journal stays.

    Raises SessionError when its commits are on no other branch, unless `force` is given, and
    SessionBusyError when another process works in it.
    """
    project = open_project(path)
    for known in _opened():
        if known.project.id == project.id and known.branch == f"agent/{session}":
            known.delete(force=force)
            return
    with _sessions.lock(project, session, "deleting the session"):
        _sessions.check_deletable(project, session, force=force)
        forget(project.id, session)
        _sessions.delete(project, session, force=force)


def doctor() -> list[Finding]:
    """What can run on this machine, what each engine isolates, and the command that fixes what is missing."""
    return _survey()
