"""Which engine: by name, or the best that this machine allows; and what the doctor finds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from patina_nb.engines import machine
from patina_nb.engines.base import Availability, Engine, Network
from patina_nb.engines.local.engine import LocalEngine
from patina_nb.engines.machine import Finding
from patina_nb.engines.process import ProcessEngine
from patina_nb.errors import EngineUnavailableError

NAMES = ("auto", "local", "process", "dagger")
_NO_DAGGER = "the Dagger engine is not part of this version"


@dataclass(frozen=True)
class Choice:
    """An engine, and each step down from the best one with its reason."""

    engine: Engine
    fallbacks: tuple[str, ...] = ()


def choose(name: str = "auto", *, network: Network = "none") -> Choice:
    """The engine of that name, or with ``auto`` the best one; never one without isolation by itself.

    Raises EngineUnavailableError: unknown name, or nothing that can run here (with every reason).
    """
    if name == "process":
        return Choice(ProcessEngine())
    if name == "dagger":
        raise EngineUnavailableError(f"{_NO_DAGGER}; use engine='local'")
    if name not in NAMES:
        raise EngineUnavailableError(f"there is no engine called {name!r}; known are {', '.join(NAMES)}")
    engine = LocalEngine()
    found = engine.probe()
    if not found.usable:
        raise EngineUnavailableError(_impossible(found))
    above = [f"dagger: {_NO_DAGGER}"] if name == "auto" and _dagger_configured() else []
    return Choice(engine, (*above, *_steps_down(engine, found), *_open(found, network)))


def _impossible(found: Availability) -> str:
    fix = f" To change that: {found.fix}." if found.fix else ""
    return f"{found.reason}.{fix} engine='process' would run commands without any isolation, if you name it."


def _steps_down(engine: LocalEngine, found: Availability) -> Iterator[str]:
    """Why it is not bubblewrap with an overlay (from whichever source), if it is not."""
    for name, rung in engine.rungs():
        if rung.usable:
            break
        if not _best(found):
            yield f"{name}: {rung.reason}" + (f" (to change that: {rung.fix})" if rung.fix else "")


def _best(found: Availability) -> bool:
    return found.isolation is not None and found.isolation.kind.endswith("overlay")


def _open(found: Availability, network: Network) -> Iterator[str]:
    if network == "none" and found.isolation is not None and not found.isolation.network.enforced:
        yield f"the network is not closed: {found.isolation.network.why}"


def _dagger_configured() -> bool:
    return bool(os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST") or _dagger_command())


def _dagger_command() -> str | None:
    return shutil.which("dagger")


def survey() -> list[Finding]:
    """What was found here: engines, kinds of box, and what they build on."""
    return [*_engines(), *_rungs(), *machine.findings()]


def _engines() -> Iterator[Finding]:
    yield _row("engine", "local", LocalEngine().probe())
    dagger = _NO_DAGGER + (
        "; a runner or a dagger command is configured, but not used" if _dagger_configured() else ""
    )
    yield Finding("engine", "dagger", False, dagger)
    yield _row("engine", "process", ProcessEngine().probe())


def _rungs() -> Iterator[Finding]:
    for name, found in LocalEngine().rungs():
        yield _row("kind of box", name, found)


def _row(topic: str, name: str, found: Availability) -> Finding:
    badge = found.isolation.summary() if found.isolation else ""
    return Finding(topic, name, found.usable, found.reason, badge, found.fix)
