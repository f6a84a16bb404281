"""A running box: the service in the engine, and our end of its socket."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patina_nb.engines.base import ChangeList, Isolation, Prune
from patina_nb.engines.dagger.connection import Connection
from patina_nb.engines.dagger.host_end import HostEnd
from patina_nb.engines.dagger.layout import WORKSPACE
from patina_nb.engines.held import HeldBox
from patina_nb.engines.lock import SessionLock
from patina_nb.errors import PatinaError, SandboxError

if TYPE_CHECKING:
    import dagger

_STREAM_S = 30.0
_STOP_S = 10.0


@dataclass(frozen=True)
class Running:
    """What a box runs on."""

    connection: Connection
    service: dagger.Service
    end: HostEnd

    def stop(self) -> None:
        """End the container; whatever state the engine is in."""
        self.end.quit()
        with suppress(PatinaError):
            self.connection.run(lambda: _stopped(self.service), _STOP_S)
        self.end.close()


async def _stopped(service: dagger.Service) -> None:
    import dagger

    with suppress(dagger.DaggerError):  # it has ended by itself
        await service.stop(kill=True)


class DaggerBox(HeldBox):
    """A box of the Dagger engine."""

    engine = "dagger"
    workspace = WORKSPACE

    def __init__(
        self,
        *,
        running: Running,
        isolation: Isolation,
        created: bool,
        caches: Mapping[str, str],
        notes: Sequence[str],
        lock: SessionLock,
        remove: Callable[[], None],
    ) -> None:
        super().__init__(lock)
        self.isolation = isolation
        self.created = created
        self.caches: Mapping[str, str] = caches
        self.notes: Sequence[str] = tuple(notes)
        self._running = running
        self._empty = remove

    def connect(self) -> socket.socket:
        """A new stream to the server; raises SandboxError when the box is gone."""
        try:
            return self._running.end.stream(_STREAM_S)
        except SandboxError as error:
            raise SandboxError(f"the box is gone: {self._why(str(error))}") from error

    def _why(self, reason: str) -> str:
        if self._closed:
            return "it was closed; open the workspace again"
        if not self._running.connection.ping():
            return "the Dagger engine has gone; open the workspace again"
        return f"{reason}; open the workspace again"

    def changes(self, prune: Prune) -> ChangeList | None:
        """None: the server inside watches the workspace, ask it."""
        return None

    def oom_kills(self) -> int | None:
        """None: an engine does not tell."""
        return None

    def alive(self) -> bool:
        return not self._closed and self._running.end.gone is None

    def _stop(self) -> None:
        self._running.stop()

    def _let_go(self) -> None:
        self._running.end.abandon()

    def _remove(self) -> None:
        """Empty its volumes, now or when the engine is back."""
        self._empty()
