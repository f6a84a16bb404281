"""The pipelines of all active sessions at once, each in an environment of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from patina_nb.errors import Interrupted
from patina_nb.pipeline.options import CheckOptions
from patina_nb.pipeline.progress import Progress
from patina_nb.pipeline.report import Report
from patina_nb.pipeline.run import check_clean
from patina_nb.pipeline.targets import Target, all_targets
from patina_nb.project import Project

AT_ONCE = 4


def check_all(project: Project, stages: Sequence[str], options: CheckOptions) -> list[Report]:
    """The reports of all active sessions, the oldest session first; at most AT_ONCE run at a time.

    Raises SessionError when there is none, Interrupted on a KeyboardInterrupt (all are stopped, what they
    had found is in the journal), and what one of them raised when all have ended.
    """
    targets = all_targets(project)
    cancel = options.get("cancel") or threading.Event()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="patina-check") as pool:
        running = [
            pool.submit(check_clean, target, stages, _own(target, options, cancel)) for target in targets
        ]
        try:
            wait(running)
        except KeyboardInterrupt:
            cancel.set()
            wait(running)
            raise Interrupted(
                f"Interrupted: {_ended(running)} of {len(running)} sessions had ended."
            ) from None
    return [future.result() for future in running]


def _own(target: Target, options: CheckOptions, cancel: threading.Event) -> CheckOptions:
    """The options for one of them: progress says whose it is."""
    listener = options.get("on_progress")
    return {**options, "cancel": cancel, "on_progress": listener and _named(listener, target)}


def _named(listener: Callable[[Progress], None], target: Target) -> Callable[[Progress], None]:
    return lambda progress: listener(replace(progress, session=target.session_id or ""))


def _ended(running: Sequence[Future[Report]]) -> int:
    return sum(future.exception() is None and future.result().status != "cancelled" for future in running)
