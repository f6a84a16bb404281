"""Starting a session: an id that nobody else has, its branch, its first event."""

from __future__ import annotations

from time import monotonic, sleep

from patina_nb import events
from patina_nb.errors import JournalError, RepositoryError, SessionError
from patina_nb.project import Project
from patina_nb.repository import ABSENT, RefConflictError, RefUpdate
from patina_nb.repository.publish import base_ref, branch_ref
from patina_nb.session.ids import candidates, check_id
from patina_nb.session.pointer import remember
from patina_nb.session.view import Session, find, get

_TRIES = 10_000
_RECORDED_S = 2.0  # within it a start that goes on has recorded its session


def start(
    project: Project,
    goal: str | None = None,
    *,
    session: str | None = None,
    base: str = "HEAD",
    agent: str | None = None,
) -> Session:
    """Start a session and make it the current one.

    Args:
        goal: what is to be done; the id is made from it when none is given.
        session: the id.
        base: the revision that its branch ``agent/<id>`` starts from.
        agent: who will work in it; the author of its commits.

    Raises:
        SessionError: bad id, id or branch name taken. RepositoryError: bad base, refs cannot be written.
        JournalError: nothing can be recorded (the branch is removed again).
    """
    goal = (goal or "").strip() or None
    if session is not None:
        check_id(session)
    sha = project.repository.resolve(base)
    session_id = _claim_given(project, session, sha) if session else _claim_free(project, goal, sha)
    event = events.SessionStarted(
        session_id=session_id,
        goal=goal,
        branch=f"agent/{session_id}",
        base=sha,
        base_branch=project.repository.branch_of(base),
        agent=(agent or "").strip() or None,
        project=project.id,
    )
    try:
        project.journal.append(event)
    except JournalError:
        project.repository.update_refs(
            [RefUpdate(branch_ref(session_id), None, sha), RefUpdate(base_ref(session_id), None, sha)]
        )
        raise
    remember(project, session_id)
    return get(project, session_id)


def _claim_given(project: Project, session_id: str, base: str) -> str:
    _check_unknown(project, session_id)
    try:
        _claim(project, session_id, base)
    except RefConflictError as error:
        if project.repository.branch_sha(f"agent/{session_id}") is None:
            raise SessionError(str(error)) from error
        if _take_over(project, session_id, base):
            return session_id
        raise SessionError(
            f"A branch agent/{session_id} exists already: choose another id, or rename the branch "
            f"(git branch -m agent/{session_id} another-name)."
        ) from error
    return session_id


def _check_unknown(project: Project, session_id: str) -> None:
    known = find(project, session_id)
    if known is not None:
        more = f", or open that one: workspace({session_id!r})" if known.status == "active" else ""
        raise SessionError(f"Session {session_id} exists already ({known.status}): choose another id{more}.")


def _take_over(project: Project, session_id: str, base: str) -> bool:
    """Take the refs of a start whose process was killed before it could record anything.

    Another process may be about to do so: then the session is known in a moment, and SessionError is raised.
    """
    names = (branch_ref(session_id), base_ref(session_id))
    refs = project.repository.refs(*names)
    if len(refs) != 2 or refs[names[0]] != refs[names[1]]:  # somebody's branch
        return False
    until = monotonic() + _RECORDED_S
    while monotonic() < until:
        _check_unknown(project, session_id)
        sleep(0.02)
    if f"agent/{session_id}" in project.repository.checked_out_branches():
        return False
    project.repository.update_refs(RefUpdate(name, base, refs[name]) for name in names)
    return True


def _claim_free(project: Project, goal: str | None, base: str) -> str:
    """The first free id; creating the branch decides, so that of many processes only one gets each."""
    branches = project.repository.refs("refs/heads/agent/")
    taken = {name.removeprefix("refs/heads/agent/").split("/")[0] for name in branches}
    taken.update(project.journal.sessions())
    for _, session_id in zip(range(_TRIES), candidates(goal), strict=False):
        if session_id in taken:
            continue
        try:
            _claim(project, session_id, base)
        except RefConflictError as error:
            if project.repository.branch_sha("agent") is not None:
                raise SessionError(str(error)) from error
            continue
        return session_id
    raise RepositoryError(f"No free session id was found for {goal!r}: give one.")


def _claim(project: Project, session_id: str, base: str) -> None:
    updates = [
        RefUpdate(branch_ref(session_id), base, ABSENT),
        RefUpdate(base_ref(session_id), base),
    ]
    project.repository.update_refs(updates)
