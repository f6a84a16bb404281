"""Lint, build and test of an open workspace: in a clean environment, or in the workspace itself, as steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from patina_nb.engines.base import Box
from patina_nb.errors import Interrupted, SandboxError
from patina_nb.pipeline.options import CheckOptions
from patina_nb.pipeline.places import Execute, Place
from patina_nb.pipeline.report import Report
from patina_nb.pipeline.run import check_clean, check_in
from patina_nb.pipeline.targets import Target
from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import ExecResult
from patina_nb.secrets import Vault
from patina_nb.workspaces.step import Step

RunStep = Callable[[str, Execute], Step]
_MAY_HOLD = (
    "It ran in the workspace: files that are not on the branch, and what was installed there, took part."
)


class _Masked(Sandbox):
    """A sandbox whose files are reports of tests, and kept: they are masked, too."""

    def __init__(self, box: Box, vault: Vault) -> None:
        super().__init__(box, vault)
        self._clear = vault.clear

    def read(self, path: str, limit: int = 256 << 20) -> bytes:
        return self._clear(super().read(path, limit))


def check(
    target: Target,
    box: Box,
    vault: Vault,
    step: RunStep,
    stages: Sequence[str],
    options: CheckOptions,
    fallbacks: Sequence[str] = (),
) -> Report:
    """Run stages for an open workspace, in its `box` (every stage is a step) or in a clean environment.

    Raises as `pipeline.run.check_clean` does.
    """
    if not options.get("in_place"):
        return check_clean(target, stages, {"engine": box.engine, **options})
    place = Place(
        name="workspace",
        engine=box.engine,
        isolation=box.isolation.summary(),
        sandbox=_Masked(box, vault),
        workspace=box.workspace,
        env=target.design.workspace.env,
        run=lambda shown, execute: _as_step(step, shown, execute),
        fallbacks=fallbacks,
        notes=(_MAY_HOLD,),
    )
    return check_in(target, place, stages, options)


def _as_step(step: RunStep, shown: str, execute: Execute) -> tuple[ExecResult, int | None]:
    """Run it as a step; the result of a command that was interrupted is a result, too."""
    results: list[ExecResult] = []

    def kept(spool: Path) -> ExecResult:
        results.append(execute(spool))
        return results[-1]

    try:
        made: object = step(shown, kept)
    except Interrupted as interrupted:
        if not results:
            raise
        made = interrupted.step
    if not results:
        raise SandboxError("The command of the stage was not run.")
    return results[0], made.number if isinstance(made, Step) else None
