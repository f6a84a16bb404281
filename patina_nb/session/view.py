"""What a session is at this moment: its events, folded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from patina_nb import events
from patina_nb.errors import JournalError, SessionError
from patina_nb.project import Project
from patina_nb.repository.publish import base_ref
from patina_nb.session.ids import check_id

if TYPE_CHECKING:
    from patina_nb.session.ending import EndSummary

Status = Literal["active", "ended", "deleted"]


@dataclass(frozen=True)
class Session:
    """One agent's task, as its journal tells it. A value: what happens later is in a later one (`get`)."""

    id: str
    goal: str | None
    branch: str
    base: str  # the commit it started from
    base_branch: str | None  # the branch that was taken from, if it was one
    status: Status
    agent: str | None
    notes: tuple[str, ...]
    n_steps: int
    last_step: int | None  # highest number given to a step; None = no step yet
    started_at: datetime
    ended_at: datetime | None
    summary: str | None
    project: Project = field(repr=False, compare=False)

    def update(self, note: str) -> Session:
        """Note what was learned; raises SessionError when the session is over or the note is empty."""
        session = get(self.project, self.id)
        session.check_active()
        if not note.strip():
            raise SessionError("The note is empty: say what was learned.")
        self.project.journal.append(events.SessionUpdated(session_id=self.id, note=note.strip()))
        return get(self.project, self.id)

    def end(self, summary: str | None = None) -> EndSummary:
        """End the session.

        Raises SessionError when it is over, SessionBusyError when another process works in it.
        """
        from patina_nb.session.ending import end

        return end(self.project, self.id, summary)

    def check_active(self) -> Session:
        """The session itself; raises SessionError when it is ended or deleted."""
        if self.status == "active":
            return self
        raise SessionError(
            f"Session {self.id} is {self.status}: start another one, or name one that is active."
        )


def get(project: Project, session_id: str) -> Session:
    """The session of that id, ended and deleted ones too.

    Raises SessionError, with the nearest ids, when there is none.
    """
    session = find(project, check_id(session_id))
    if session is None:
        raise SessionError(f"There is no session {session_id!r} here. {_nearest(project, session_id)}")
    return session


def find(project: Project, session_id: str) -> Session | None:
    """The session of that id, or None."""
    return fold(project, session_id, project.journal.read(session_id).events)


def list_sessions(project: Project, *, deleted: bool = False) -> list[Session]:
    """All sessions of the repository, the oldest first; deleted ones only when asked for."""
    found = [find(project, name) for name in project.journal.sessions()]
    known = [session for session in found if session and (deleted or session.status != "deleted")]
    return sorted(known, key=lambda session: (session.started_at, session.id))


def fold(project: Project, session_id: str, happened: Iterable[events.Event]) -> Session | None:
    """The state that the events lead to; None when they are not a session's."""
    session: Session | None = None
    steps: set[int] = set()
    for event in happened:
        if session is None:
            session = _begin(project, session_id, event)
        if session is not None:
            session = _after(session, event)
        if isinstance(event, (events.StepStarted, events.StepFinished)):
            steps.add(event.number)
    if session is None:
        return None
    return replace(session, n_steps=len(steps), last_step=max(steps, default=None))


def _begin(project: Project, session_id: str, event: events.Event) -> Session | None:
    started = event if isinstance(event, events.SessionStarted) else None
    base = started.base if started else project.repository.ref_sha(base_ref(session_id))
    if base is None:  # the line of the start is lost, and the session deleted
        return None
    return Session(
        id=session_id,
        goal=_whole(project, started, "goal") if started else None,
        branch=started.branch if started else f"agent/{session_id}",
        base=base,
        base_branch=started.base_branch if started else None,
        status="active",
        agent=started.agent if started else None,
        notes=(),
        n_steps=0,
        last_step=None,
        started_at=event.at,
        ended_at=None,
        summary=None,
        project=project,
    )


def _after(session: Session, event: events.Event) -> Session:
    if isinstance(event, events.SessionUpdated):
        note = _whole(session.project, event, "note") or ""
        return replace(session, notes=(*session.notes, note))
    if isinstance(event, events.SessionEnded) and session.status == "active":
        summary = _whole(session.project, event, "summary")
        return replace(session, status="ended", ended_at=event.at, summary=summary)
    if isinstance(event, events.SessionDeleted):
        return replace(session, status="deleted", ended_at=session.ended_at or event.at)
    return session


def _whole(project: Project, event: events.Event, name: str) -> str | None:
    """A text that may have been cut in its line."""
    if getattr(event, name) is None:
        return None
    try:
        return project.journal.text(event, name)
    except JournalError:
        return f"{getattr(event, name)} [the rest is lost]"


def _nearest(project: Project, session_id: str) -> str:
    known = [session.id for session in list_sessions(project)]
    if not known:
        return "There is none at all yet: start one."
    near = get_close_matches(session_id, known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known[-5:])}."
