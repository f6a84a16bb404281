"""What a button does: work on one session in a thread, its output kept for whoever looks.

One action at a time per session; sessions are independent. Nothing here knows widgets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from patina_nb.errors import Interrupted, PatinaError
from patina_nb.notebook.jobs import Job, stop_before_exit
from patina_nb.notebook.live import LiveOutput
from patina_nb.presentation import display, html, reports, steps
from patina_nb.presentation.html import Piece

if TYPE_CHECKING:
    from patina_nb.pipeline.progress import Progress
    from patina_nb.project import Project
    from patina_nb.session import Session
    from patina_nb.workspaces.workspace import Workspace

Act = Callable[["Project", str, threading.Event, LiveOutput], Piece]
Show = Callable[[str, Piece], None]


@dataclass
class Desk:
    """The actions that this panel has under way, and the last thing each session showed.

    `show` is called with a session's id and what to show for it, `ended` with its id and the action's title;
    both from any thread.
    """

    project: Project
    show: Show
    ended: Callable[[str, str], None]
    lines: int = 40
    _jobs: dict[str, Job[None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def busy(self, session: str) -> bool:
        """Is an action of this panel under way in the session?"""
        job = self._jobs.get(session)
        return job is not None and not job.done

    def begin(self, session: str, title: str, act: Act) -> Job[None]:
        """Do something in a session, in a thread; raises PatinaError when something is under way there."""
        with self._lock:
            if self.busy(session):
                raise PatinaError(f"{self._jobs[session].title} is still running: wait for it, or cancel it.")
            stop_before_exit()
            live = LiveOutput(
                title, self.lines, mode="live", put=lambda piece, _update: self.show(session, piece)
            )
            live.show()
            job = Job(title, lambda cancel: self._do(session, act, cancel, live))
            threading.Thread(target=self._await, args=(session, job), daemon=True).start()
            self._jobs[session] = job
        live.keep_ticking()
        return job

    def cancel(self, session: str) -> bool:
        """Ask the session's action to stop; False when there is none."""
        if not self.busy(session):
            return False
        self._jobs[session].cancel()
        return True

    def _await(self, session: str, job: Job[None]) -> None:
        job.wait()
        self.ended(session, job.title)

    def _do(self, session: str, act: Act, cancel: threading.Event, live: LiveOutput) -> None:
        live.stopping = cancel.is_set
        try:
            live.finish(act(self.project, session, cancel, live))
        except PatinaError as error:
            live.finish(html.line("Not done", str(error), status=True))
        except BaseException as error:
            live.finish(html.line("Broke off", f"{type(error).__name__}: {error}", status=True))
            raise


def open_workspace(project: Project, session: str, _cancel: threading.Event, _live: LiveOutput) -> Piece:
    """Open the session's workspace and say what holds it."""
    return display.workspace(_workspace(project, session))


def run(command: str, lines: int) -> Act:
    """Run a command; ends as the step's summary."""

    def act(project: Project, session: str, cancel: threading.Event, live: LiveOutput) -> Piece:
        workspace = _workspace(project, session)
        live.where = workspace.branch
        if cancel.is_set():
            raise Interrupted("Stopped before the command was started.")
        return steps.summary(workspace.run(command, on_output=live.feed, cancel=cancel), lines)

    return act


def check(stage: str, lines: int) -> Act:
    """Run a stage of the pipeline in a clean environment made from the branch; ends as its report."""

    def act(project: Project, session: str, cancel: threading.Event, live: LiveOutput) -> Piece:
        from patina_nb.api import check

        def progress(found: Progress) -> None:
            live.where = found.words

        live.where = f"a clean environment made from agent/{session}"
        report = check(
            stage,
            session=session,
            path=_path(project),
            on_output=live.feed,
            on_progress=progress,
            cancel=cancel,
        )
        return reports.summary(report, lines)

    return act


def diff(project: Project, session: str, _cancel: threading.Event, _live: LiveOutput) -> Piece:
    """What the branch changed."""
    known = _session(project, session)
    return display.diff(project.repository.diff(known.base, project.repository.tip(session)))


def log(project: Project, session: str, _cancel: threading.Event, _live: LiveOutput) -> Piece:
    """The branch's commits."""
    known = _session(project, session)
    return display.commits(project.repository.log(known.base, project.repository.tip(session)), known.branch)


def end(summary: str | None) -> Act:
    """End the session; what its processes wrote belongs to it."""

    def act(project: Project, session: str, _cancel: threading.Event, _live: LiveOutput) -> Piece:
        _close(project, session)
        return display.ended(_session(project, session).check_active().end(summary))

    return act


def delete(force: bool) -> Act:
    """Remove workspace, branch and refs."""

    def act(project: Project, session: str, _cancel: threading.Event, _live: LiveOutput) -> Piece:
        from patina_nb.api import delete

        delete(session, force=force, path=_path(project))
        return display.deleted(session)

    return act


def _workspace(project: Project, session: str) -> Workspace:
    from patina_nb.workspaces.opening import open_workspace

    return open_workspace(session, path=_path(project))


def _close(project: Project, session: str) -> None:
    from patina_nb.workspaces.opening import opened

    for workspace in opened():
        if workspace.project.id == project.id and workspace.branch == f"agent/{session}":
            workspace.close()


def _session(project: Project, session: str) -> Session:
    from patina_nb.session import get

    return get(project, session)


def _path(project: Project) -> str:
    """Somewhere in the repository, whatever the notebook's directory is by now."""
    return str(project.repository.worktree or project.repository.common_dir)


ACTIONS: Mapping[str, Act] = {"open": open_workspace, "diff": diff, "log": log}
