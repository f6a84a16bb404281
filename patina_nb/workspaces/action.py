"""One action as a step: its beginning in the journal, the action itself, its end, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from patina_nb import temporary
from patina_nb.errors import Interrupted, PatinaError, WorkspaceError
from patina_nb.events import RunKind
from patina_nb.pipeline.places import Execute
from patina_nb.sandbox.protocol import ExecResult
from patina_nb.workspaces.interrupts import HeldBack
from patina_nb.workspaces.recorder import NOTHING_RUN, Recorder
from patina_nb.workspaces.step import Step


class StepInterrupted(Interrupted):
    """A command was interrupted; `step` tells what it had done until then."""

    def __init__(self, step: Step) -> None:
        what = {
            "cancelled": "was interrupted and its processes were stopped",
            "unknown": "was interrupted twice: it may still run in the box, and how it ended is not known",
        }.get(step.status, f"had ended ({step.status}) when the interrupt came")
        where = f"commit {step.commit[:10]}" if step.commit else step.unpublished or "nothing was changed"
        super().__init__(f"Step {step.number} {what}; {where}.")
        self.step = step


def act(recorder: Recorder, kind: RunKind, shown: str, cell: str | None, execute: Execute) -> Step:
    """Do something as a step; `shown` is the command as people read it.

    Raises what `execute` raises, after the step was recorded, and StepInterrupted on a KeyboardInterrupt.
    """
    with HeldBack() as interrupts, _temporary() as spool:
        started = recorder.begin(kind, shown, interrupts, cell)
        try:
            with interrupts.lifted():
                result = execute(spool)
        except KeyboardInterrupt as error:
            raise StepInterrupted(recorder.finish(started, _broken_off(error))) from error
        except BaseException as error:
            recorder.finish(started, _broken_off(error))
            raise
        step = recorder.finish(started, result)
        late, interrupts.pending = interrupts.pending, 0
    if result.interrupted or late:
        raise StepInterrupted(step)
    return step


@contextmanager
def _temporary() -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            path = stack.enter_context(temporary.directory())
        except OSError as error:
            raise WorkspaceError(
                f"There is no temporary directory for the output ({error}): free some space, or set TMPDIR."
            ) from error
        yield path


def _broken_off(error: BaseException) -> ExecResult:
    """The result of an action that raised `error`."""
    if isinstance(error, PatinaError):
        return replace(NOTHING_RUN, exit_code=None, error=str(error))
    return replace(NOTHING_RUN, exit_code=None, lost=f"following it was broken off ({type(error).__name__})")
