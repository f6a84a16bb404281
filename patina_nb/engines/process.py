"""The process engine: the same server as a plain process, without any isolation.

For machines that forbid everything else. It is never chosen by itself, it must be named.
"""

from __future__ import annotations

from patina_nb.engines.base import Availability, BoxSpec
from patina_nb.engines.identity import of_project
from patina_nb.engines.local import isolation
from patina_nb.engines.local.box import LocalBox
from patina_nb.engines.local.opening import open_box
from patina_nb.engines.local.rungs import Rung
from patina_nb.engines.lock import hold
from patina_nb.engines.places import project_cache

_WARNING = (
    "Commands run as plain processes of yours: NO ISOLATION. "
    "They can read, change and delete all that you can."
)


class ProcessEngine:
    """Commands as plain processes on a copied tree."""

    name = "process"

    def probe(self) -> Availability:
        """Always usable."""
        promise = isolation.process()
        return Availability(True, promise.kind, isolation=promise)

    def launch(self, spec: BoxSpec) -> LocalBox:
        """Start or restart the session's server; raises as the local engine does."""
        cache = project_cache(spec.project_id, of_project(spec.project_id))
        lock = hold(cache, spec.session_id)
        try:
            return open_box(self.name, spec, cache, Rung("process", "process"), lock, [_WARNING])
        except BaseException:
            lock.release()
            raise
