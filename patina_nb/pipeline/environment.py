"""The clean environment: a box of its own, made from a commit, thrown away afterwards.

Nothing but the commit comes in: no file of a workspace, nothing of another session. Only what tools download
is kept between runs, per session, in a volume (`CACHES`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from patina_nb.engines.base import Box, BoxSpec
from patina_nb.engines.from_design import Wishes, wishes
from patina_nb.engines.local.forget import forget_throwaways, forget_volume
from patina_nb.engines.select import Choice
from patina_nb.engines.throwaway import new_id
from patina_nb.errors import SandboxError
from patina_nb.events import CheckFinished
from patina_nb.pipeline.places import Place
from patina_nb.pipeline.targets import Target
from patina_nb.project import Project
from patina_nb.sandbox.client import Sandbox

CACHES = "/patina-caches"  # in a box that can show it there
_HOME = "/home/agent/"
_OF_THE_MACHINE = ("The shared volume patina-", "The notebook's own Python")

# $1 the volume (where the box can show it), $2 the variable that names it elsewhere, then pairs: name, path
# below the home. A link from the usual place of a cache to where it is kept; a place that is taken stays.
_LINK = """
eval "kept=\\${$2:-$1}"; shift 2
while [ $# -gt 1 ]; do
    place="$HOME/$2"
    mkdir -p -- "$kept/$1" "${place%/*}" && { [ -e "$place" ] || ln -s -- "$kept/$1" "$place"; } || exit 1
    shift 2
done
"""


@contextmanager
def clean_place(target: Target, choice: Choice, named_language: str | None, spool: Path) -> Iterator[Place]:
    """A box at the target's commit, for as long as the block lasts.

    Raises as `Engine.launch` does. What a killed run left behind is removed first.
    """
    project = target.project
    left = _sweep(project, choice.engine.name)
    asked = wishes(target.design, target.language(named_language), choice.engine.name)
    box = choice.engine.launch(_spec(target, asked))
    try:
        sandbox = Sandbox(box)
        notes = [*left, *target.notes, *asked.notes, *_said(box)]
        notes += _keep_caches(sandbox, target, _caches(target, named_language))
        yield Place(
            name="clean",
            engine=box.engine,
            isolation=box.isolation.summary(),
            sandbox=sandbox,
            workspace=box.workspace,
            env=_env(target, asked),
            fallbacks=choice.fallbacks,
            notes=notes,
            run=lambda _shown, execute: (execute(spool), None),
            installed=bool(asked.container.install),
        )
    finally:
        box.delete()


def _sweep(project: Project, engine: str) -> list[str]:
    """Remove what killed runs left; what cannot be removed, in sentences."""
    if engine != "dagger":
        return forget_throwaways(project.id)
    from patina_nb.engines.dagger.forget import forget_throwaways as on_the_engine

    return on_the_engine(project.id)


def forget_caches(project: Project, session_id: str) -> None:
    """Remove what the clean runs of a session kept; raises SandboxError when something stays."""
    forget_volume(project.id, _volume(session_id))
    happened = project.journal.read(session_id).events
    if any(isinstance(event, CheckFinished) and event.engine == "dagger" for event in happened):
        from patina_nb.engines.dagger.forget import forget_volume as on_the_engine

        on_the_engine(project.id, _volume(session_id))


def _spec(target: Target, asked: Wishes) -> BoxSpec:
    return BoxSpec(
        project_id=target.project.id,
        session_id=new_id(),
        git_dir=target.project.repository.common_dir,
        commit=target.commit,
        branch=target.branch,
        author="patina-nb",
        network=asked.network,
        env=asked.env,
        limits=asked.limits,
        shared={**asked.shared, _volume(target.session_id): CACHES},
        tools=asked.tools,
        container=replace(asked.container, caches={}),  # they would be this box's alone
    )


def _env(target: Target, asked: Wishes) -> dict[str, str]:
    """The box has an id of its own; commands are told the session that they run for, if it is one."""
    return {**asked.env, "PATINA_SESSION_ID": target.session_id or ""}


def _volume(session_id: str | None) -> str:
    return "patina-caches-" + hashlib.sha256((session_id or "").encode()).hexdigest()[:12]


def _caches(target: Target, named_language: str | None) -> dict[str, str]:
    """Name -> path below the home, of what is worth keeping."""
    every = {**target.language(named_language).caches, **target.design.workspace.caches}
    return {name: path.removeprefix(_HOME) for name, path in every.items() if path.startswith(_HOME)}


def _keep_caches(sandbox: Sandbox, target: Target, caches: Mapping[str, str]) -> list[str]:
    if not caches:
        return []
    variable = "PATINA_SHARED_" + _volume(target.session_id).replace("-", "_").upper()
    pairs = [word for pair in caches.items() for word in pair]
    try:
        sandbox.call(["sh", "-c", _LINK, "sh", CACHES, variable, *pairs], timeout=30)
    except SandboxError as error:
        return [f"What tools download is not kept for the next run: {error}"]
    return []


def _said(box: Box) -> list[str]:
    """What the box says of itself, but for what is the same for every box of this machine, or about us."""
    return [note for note in box.notes if not note.startswith(_OF_THE_MACHINE)]
