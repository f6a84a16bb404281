"""The Dagger engine: a box is a container on an engine that may be anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from patina_nb.engines.base import Availability, BoxSpec
from patina_nb.engines.dagger import availability, pool, records, telemetry
from patina_nb.engines.dagger.box import DaggerBox
from patina_nb.engines.dagger.connections import on_connect
from patina_nb.engines.dagger.opening import open_box
from patina_nb.engines.lock import hold

on_connect(telemetry.variables)  # the dagger command tells what its engine does


class DaggerEngine:
    """Containers of one Dagger engine, or of several: one per session.

    `runners` (else `PATINA_DAGGER_RUNNERS`) names several; default: that of the environment.
    """

    name = "dagger"

    def __init__(self, runners: Sequence[str] = ()) -> None:
        self._runners = runners

    def probe(self) -> Availability:
        """Are a dagger command and a runner there? Connects to nothing that would have to be started."""
        return availability.probe(pool.addresses(self._runners))

    def connect(self) -> None:
        """Connect to an engine, which starts one where none is named; raises EngineUnavailableError."""
        pool.find(pool.addresses(self._runners), "", None)

    def launch(self, spec: BoxSpec) -> DaggerBox:
        """Start or restart the box of a session.

        Raises EngineUnavailableError (nothing to connect to), SessionBusyError (open elsewhere),
        RepositoryError (the commit cannot be packed) or SandboxError (image, setup or box failed).
        """
        cache = records.project_place(spec.project_id)
        lock = hold(cache, spec.session_id)
        try:
            known = records.session(cache, spec.session_id)
            found = pool.addresses(spec.container.runners or self._runners)
            session = f"{spec.project_id} {spec.session_id}"
            with telemetry.reported():
                connection, moved = pool.find(found, session, known.runner if known else None)
                return open_box(spec, connection, cache, lock, moved)
        except BaseException:
            lock.release()
            raise
