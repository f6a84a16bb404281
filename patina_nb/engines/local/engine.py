"""The local engine: a box on this machine, with the best isolation that it allows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from patina_nb.engines.base import Availability, BoxSpec
from patina_nb.engines.identity import of_project
from patina_nb.engines.local import sessions
from patina_nb.engines.local.box import LocalBox
from patina_nb.engines.local.opening import open_box
from patina_nb.engines.local.probe import availability
from patina_nb.engines.local.rungs import RUNGS, Rung
from patina_nb.engines.lock import hold
from patina_nb.engines.places import project_cache
from patina_nb.errors import EngineUnavailableError


class LocalEngine:
    """Bubblewrap with an overlay, below it bubblewrap on a copied tree, below it Landlock + seccomp.

    `rung` (default: `PATINA_LOCAL_RUNG`) forces one of them by name.
    """

    name = "local"

    def __init__(self, rung: str | None = None) -> None:
        forced = rung or os.environ.get("PATINA_LOCAL_RUNG") or None
        self._allowed: Sequence[Rung] = [known for known in RUNGS if forced in (None, known.name)]
        if not self._allowed:
            names = ", ".join(known.name for known in RUNGS)
            raise EngineUnavailableError(f"there is no kind of box called {forced!r}; known are {names}")

    def probe(self) -> Availability:
        """The best rung that is usable here, or all reasons why there is none."""
        try:
            return availability(self._best())
        except EngineUnavailableError as error:
            fixes = dict.fromkeys(found.fix for _, found in self.rungs() if found.fix)
            return Availability(False, str(error), "; or: ".join(fixes))

    def rungs(self) -> list[tuple[str, Availability]]:
        """Every rung, best first, and whether it is usable here."""
        return [(rung.name, availability(rung)) for rung in self._allowed]

    def launch(self, spec: BoxSpec) -> LocalBox:
        """Start or restart the box of a session.

        Raises EngineUnavailableError (no rung, no Python), SessionBusyError (open elsewhere),
        RepositoryError (the commit cannot be checked out) or SandboxError (the box did not start).
        """
        cache = project_cache(spec.project_id, of_project(spec.project_id))
        lock = hold(cache, spec.session_id)
        try:
            rung, notes = self._rung_for(cache.session(spec.session_id))
            return open_box(self.name, spec, cache, rung, lock, notes)
        except BaseException:
            lock.release()
            raise

    def _best(self) -> Rung:
        for rung in self._allowed:
            if availability(rung).usable:
                return rung
        reasons = "; ".join(f"{name}: {found.reason}" for name, found in self.rungs())
        raise EngineUnavailableError(f"no isolated box can be made here ({reasons})")

    def _rung_for(self, folder: Path) -> tuple[Rung, list[str]]:
        """A session keeps its kind of box while that is usable: another one would have to make it anew."""
        best, record = self._best(), sessions.recorded(folder)
        if record is None or record.layout == best.layout:
            return best, []
        for rung in self._allowed:
            if rung.layout == record.layout and availability(rung).usable:
                note = (
                    f"This workspace was made as {rung.name} and stays so; delete it to move to {best.name}."
                )
                return rung, [note]
        return best, []
