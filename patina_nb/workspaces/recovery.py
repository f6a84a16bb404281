"""What an earlier process left unfinished, brought into order when a session is opened again.

The branch is the truth. Three things may be ahead of or behind it: the journal (a step began and its end
was never written), the box (the agent's repository holds a commit that was not published, or files that
were not committed), and the user, who may have moved the branch.
"""

from __future__ import annotations

from dataclasses import dataclass

from patina_nb import events
from patina_nb.engines.base import Box
from patina_nb.errors import RepositoryError
from patina_nb.journal import Journal
from patina_nb.repository import Repository
from patina_nb.session import Session
from patina_nb.workspaces.recorder import Recorder
from patina_nb.workspaces.step import Step

_DIED = "the process that ran this step ended before the step did"


@dataclass(frozen=True)
class Past:
    """What the journal says of a session before this opening."""

    next_number: int
    head: str  # the last commit that the journal knows
    unfinished: tuple[int, ...]  # steps without an end
    clean: bool  # the last workspace was closed with everything on the branch
    engine: str | None = None  # of the last workspace
    secrets: tuple[str, ...] = ()  # names of those that commands were given


def read_past(journal: Journal, session: Session) -> Past:
    """Fold the events of `session`."""
    head, clean, engine = session.base, False, None
    started: set[int] = set()
    finished: set[int] = set()
    secrets: set[str] = set()
    for event in journal.read(session.id).events:
        if isinstance(event, events.WorkspaceClosed):
            clean = event.clean
        elif isinstance(event, (events.StepStarted, events.StepFinished, events.WorkspaceOpened)):
            clean = False
        if isinstance(event, events.SecretsGiven):
            secrets.update(event.names)
        elif isinstance(event, events.StepStarted):
            started.add(event.number)
        elif isinstance(event, events.StepFinished):
            finished.add(event.number)
            head = event.commit or head
        elif isinstance(event, events.WorkspaceOpened):
            head = event.head_sha or head
            engine = event.engine
    unfinished = tuple(sorted(started - finished))
    number = max(started | finished, default=0) + 1
    return Past(number, head, unfinished, clean, engine, tuple(sorted(secrets)))


def reconcile(recorder: Recorder, repository: Repository, past: Past, box: Box, tip: str) -> list[str]:
    """Make journal, box and branch agree; returns what the user should know."""
    if box.created:
        recorder.publisher.begin()
        return _without_box(recorder, repository, past, tip)
    here = recorder.publisher.box_head()
    if past.engine not in (None, box.engine) and here != tip:
        why = (
            f"The session went on on the {past.engine} engine to {tip[:10]}; this older workspace follows it."
        )
        return _follow(recorder, past, here, tip, why)
    if _moved(recorder, repository, past, here, tip):
        why = f"The branch was moved outside of patina_nb to {tip[:10]}; the workspace follows it."
        return _follow(recorder, past, here, tip, why)
    if past.unfinished:
        return _finish(recorder, past)
    if past.clean and here == tip:
        recorder.publisher.prime()
        return []
    if recorder.collect("changes found when the session was opened again"):
        return []
    return ["The workspace's changes could not be put on the branch; the next step tries again and says why."]


def _moved(recorder: Recorder, repository: Repository, past: Past, here: str | None, tip: str) -> bool:
    """Did someone else move the branch? A step that was cut off may have moved it, too, just before."""
    if tip in (past.head, here):
        return False
    if not past.unfinished:
        return True
    if (
        here is not None
        and recorder.publisher.box_descends(past.head, tip)
        and recorder.publisher.box_descends(tip, here)
    ):
        return False
    return not set(_published(repository, past, tip)).intersection(past.unfinished)


def _published(repository: Repository, past: Past, tip: str) -> dict[int, str]:
    """Commits of steps that are on the branch and not in the journal, by the number of the step."""
    if not past.unfinished:
        return {}
    try:
        found = repository.log(past.head, tip)
    except RepositoryError:  # the last commit that the journal knows is no longer in the repository
        return {}
    return {commit.step: commit.sha for commit in found if commit.step is not None}


def _finish(recorder: Recorder, past: Past) -> list[str]:
    """The box is as the dead process left it: its files become the commit of the step in flight."""
    ended: list[Step] = []
    for number in past.unfinished:
        parent = recorder.publisher.tip if ended else past.head
        ended.append(recorder.finish_lost(number, parent, _DIED))
    steps = ", ".join(map(str, past.unfinished))
    refused = [step.unpublished for step in ended if step.unpublished]
    if refused:
        return [f"Step {steps} was cut off ({_DIED}). {refused[-1]}"]
    return [f"Step {steps} was cut off ({_DIED}); the files it had written are kept on the branch."]


def _without_box(recorder: Recorder, repository: Repository, past: Past, tip: str) -> list[str]:
    """The box is gone too: only what had reached the branch is left of the steps in flight."""
    published = _published(repository, past, tip)
    for number in past.unfinished:
        recorder.close_unfinished(number, published.get(number), past.head, _DIED)
    lost = [n for n in past.unfinished if n not in published]
    if not lost:
        return []
    return [f"Step {', '.join(map(str, lost))} was cut off and its workspace is gone: what it wrote is lost."]


def _follow(recorder: Recorder, past: Past, here: str | None, tip: str, why: str) -> list[str]:
    """The branch is elsewhere: the workspace goes there, its own state is kept under a ref."""
    kept = recorder.publisher.follow(here, tip)
    for number in past.unfinished:
        recorder.close_unfinished(number, None, past.head, _DIED)
    where = f" Its earlier state is kept under {kept}." if kept else ""
    return [why + where]
