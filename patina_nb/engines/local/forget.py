"""Removing the state of a session whose box is not running."""

from __future__ import annotations

from patina_nb.engines.local.identity import of_project
from patina_nb.engines.local.lock import hold
from patina_nb.engines.local.places import project_cache
from patina_nb.engines.local.sessions import remove


def forget(project_id: str, session_id: str) -> None:
    """Remove a session's directory, if there is one; of the local and of the process engine.

    Raises SessionBusyError when its box runs, SandboxError when something cannot be removed.
    """
    cache = project_cache(project_id, of_project(project_id))
    lock = hold(cache, session_id)
    try:
        remove(cache.session(session_id))
        lock.remove()
    finally:
        lock.release()
