"""Sessions: one agent's task each, on a branch of its own; their ids, their life, which one is current."""

from __future__ import annotations

from patina_nb.session.choosing import current, meant, use
from patina_nb.session.ending import EndSummary, check_deletable, delete, end
from patina_nb.session.ids import check_id, slug
from patina_nb.session.locking import SessionLock, holder, lock
from patina_nb.session.starting import start
from patina_nb.session.tested import TestResult, last_tests
from patina_nb.session.view import Session, find, get, list_sessions

__all__ = [
    "EndSummary",
    "Session",
    "SessionLock",
    "TestResult",
    "check_deletable",
    "check_id",
    "current",
    "delete",
    "end",
    "find",
    "get",
    "holder",
    "last_tests",
    "list_sessions",
    "lock",
    "meant",
    "slug",
    "start",
    "use",
]
