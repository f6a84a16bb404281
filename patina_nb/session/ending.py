"""Ending and deleting a session, and what it came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from patina_nb import events
from patina_nb.errors import RepositoryError, SessionError
from patina_nb.project import Project
from patina_nb.repository import RefUpdate
from patina_nb.repository.publish import base_ref, branch_ref, new_ref, old_refs
from patina_nb.session.locking import lock
from patina_nb.session.tested import TestResult, last_tests
from patina_nb.session.view import Session, get

_PAUSE_S = 300  # a longer gap between two events is not work


@dataclass(frozen=True)
class EndSummary:
    """What a session came to. None = not known (the branch is gone, no tests were recorded)."""

    session_id: str
    summary: str | None
    n_steps: int
    wall_s: float
    active_s: float
    next: tuple[str, ...]  # what to do now, in sentences
    head: str | None = None
    tests: TestResult | None = None  # of the last run of tests
    n_commits: int | None = None
    files: int | None = None
    added: int | None = None  # lines
    removed: int | None = None


def end(project: Project, session_id: str, summary: str | None = None) -> EndSummary:
    """End a session; its branch and journal stay.

    Raises SessionError when it is unknown or over, SessionBusyError when another process works in it.
    """
    with lock(project, session_id, "ending the session"):
        session = get(project, session_id).check_active()
        happened = project.journal.read(session_id).events
        result = _summarize(project, session, happened, (summary or "").strip() or None)
        project.journal.append(
            events.SessionEnded(
                session_id=session_id,
                summary=result.summary,
                head_sha=result.head,
                n_steps=result.n_steps,
                n_commits=result.n_commits,
                n_files=result.files,
                lines_added=result.added,
                lines_removed=result.removed,
                wall_s=result.wall_s,
                active_s=result.active_s,
                **_tests(result.tests),
            )
        )
    return result


def _tests(found: TestResult | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {
        "tests_status": found.status,
        "tests_passed": found.passed,
        "n_tests": found.total,
        "tests_current": found.current,
    }


def check_deletable(project: Project, session_id: str, *, force: bool = False) -> Session:
    """The session, if `delete` would remove it.

    Raises SessionError: unknown, deleted, checked out somewhere, or (without `force`) with commits that are
    on no other branch.
    """
    session = get(project, session_id)
    if session.status == "deleted":
        raise SessionError(f"Session {session_id} is deleted already.")
    where = project.repository.checked_out_branches().get(session.branch)
    if where is not None:
        raise SessionError(
            f"{session.branch} is checked out in {where}: switch to another branch there first."
        )
    n = 0 if force else _only_here(project, session)
    if n:
        raise SessionError(
            f"{session.branch} has {n} commit{'s' * (n != 1)} on no other branch: merge them first "
            f"(git merge {session.branch}), or delete it with --force (force=True)."
        )
    return session


def delete(project: Project, session_id: str, force: bool = False) -> None:
    """Remove a session's branch and refs. Its journal stays, and its id is not given again.

    Raises SessionError as `check_deletable` does; SessionBusyError when another process works in it.
    """
    with lock(project, session_id, "deleting the session"):
        session = check_deletable(project, session_id, force=force)
        found = _refs(project, session)
        project.repository.update_refs(RefUpdate(name, None, sha) for name, sha in found.items())
        head = found.get(branch_ref(session.id))
        project.journal.append(events.SessionDeleted(session_id=session_id, head_sha=head, forced=force))


def active_seconds(happened: Iterable[events.Event]) -> float:
    """Seconds in which something happened: steps, and pauses between events of at most five minutes."""
    known = tuple(happened)
    lasted = {event.number: event.duration_s for event in known if isinstance(event, events.StepFinished)}
    spans = sorted((event.at, event.at + timedelta(seconds=_lasted(event, lasted))) for event in known)
    total = 0.0
    until: datetime | None = None
    for begin, finish in spans:
        if until is None or (begin - until).total_seconds() > _PAUSE_S:
            until = begin
        total += max(0.0, (finish - until).total_seconds())
        until = max(until, finish)
    return total


def _lasted(event: events.Event, durations: dict[int, float]) -> float:
    return max(0.0, durations.get(event.number, 0.0)) if isinstance(event, events.StepStarted) else 0.0


def _summarize(
    project: Project, session: Session, happened: tuple[events.Event, ...], summary: str | None
) -> EndSummary:
    repository = project.repository
    known = EndSummary(
        session_id=session.id,
        summary=summary,
        n_steps=session.n_steps,
        wall_s=(datetime.now(UTC) - session.started_at).total_seconds(),
        active_s=active_seconds(happened),
        next=tuple(_unfinished(happened)),
        tests=last_tests(happened),
    )
    try:
        head = repository.tip(session.id)
        diff = repository.diff(session.base, head)
        n_commits = int(repository.git("rev-list", "--count", f"{session.base}..{head}"))
        tree = repository.git("rev-parse", "--verify", f"{head}^{{tree}}").decode().strip()
    except RepositoryError as error:  # the branch or the base was removed by hand
        return replace(known, next=(*known.next, str(error)))
    advice = _advice(session, head, n_commits, repository.branch_sha(session.branch))
    return replace(
        known,
        head=head,
        n_commits=n_commits,
        files=len(diff.files),
        added=diff.added,
        removed=diff.removed,
        tests=last_tests(happened, tree),
        next=(*known.next, *advice),
    )


def _advice(session: Session, head: str, n_commits: int, branch_at: str | None) -> list[str]:
    if n_commits == 0:
        return [f"Nothing was committed on {session.branch}: there is nothing to merge."]
    name = session.branch if branch_at == head else new_ref(session.id)
    into = f"into {session.base_branch}" if session.base_branch else "into your branch"
    lines = [f"Review it: git diff {session.base[:12]} {name}", f"Take it over {into}: git merge {name}"]
    if branch_at != head:
        lines.insert(0, f"The newest commit is not on {session.branch} but kept as {name}.")
    return lines


def _unfinished(happened: tuple[events.Event, ...]) -> list[str]:
    ended = {event.number for event in happened if isinstance(event, events.StepFinished)}
    begun = {event.number for event in happened if isinstance(event, events.StepStarted)}
    lost = ", ".join(map(str, sorted(begun - ended)))
    return [f"These steps never came to their end, look at what they left: {lost}."] if lost else []


def _only_here(project: Project, session: Session) -> int:
    """Commits of the session that no other branch, tag or remote branch has."""
    heads = [sha for name, sha in _refs(project, session).items() if name != base_ref(session.id)]
    if not heads:
        return 0
    others = ("--not", f"--exclude={session.branch}", "--branches", "--remotes", "--tags")
    return int(project.repository.git("rev-list", "--count", *heads, *others))


def _refs(project: Project, session: Session) -> dict[str, str]:
    names = (branch_ref(session.id), base_ref(session.id), new_ref(session.id), old_refs(session.id))
    return project.repository.refs(*names)
