"""Removing the state of a session whose box is not running."""

from __future__ import annotations

from patina_nb.engines.identity import of_project
from patina_nb.engines.local.prune import prune
from patina_nb.engines.local.removal import remove
from patina_nb.engines.lock import hold
from patina_nb.engines.places import project_cache
from patina_nb.engines.throwaway import is_throwaway
from patina_nb.errors import SandboxError, SessionBusyError


def forget(project_id: str, session_id: str) -> None:
    """Remove a session's directory, if there is one; of the local and of the process engine.

    Raises SessionBusyError when its box runs, SandboxError when something cannot be removed.
    """
    cache = project_cache(project_id, of_project(project_id))
    lock = hold(cache, session_id)
    try:
        remove(cache.session(session_id))
        prune(cache)
        lock.remove()
    finally:
        lock.release()


def forget_throwaways(project_id: str) -> list[str]:
    """Remove what killed processes left of boxes that belong to no session; those that run are left alone.

    Returns what could not be removed, in sentences.
    """
    cache = project_cache(project_id, of_project(project_id))
    said = []
    for entry in sorted(cache.sessions.iterdir()):
        if not (is_throwaway(entry.stem) and entry.suffix in ("", ".lock")):
            continue
        try:
            forget(project_id, entry.stem)
        except SessionBusyError:
            continue
        except SandboxError as error:
            said.append(str(error))
    return said


def forget_volume(project_id: str, name: str) -> None:
    """Remove a shared volume of a project, if there is one; raises SandboxError when something stays."""
    remove(project_cache(project_id, of_project(project_id)).shared / name)
