"""A box that holds its session: nobody else opens that while it lives, and it ends with the process."""

from __future__ import annotations

import atexit
import os
import threading
from abc import ABC, abstractmethod

from patina_nb.engines.lock import SessionLock
from patina_nb.errors import SandboxError


class HeldBox(ABC):
    """Ends once: by `close`, by `delete`, or with the interpreter, even when nobody holds it any more.

    A fork of our process holds a copy of it. The box is not its own: the copy only lets go.
    """

    def __init__(self, lock: SessionLock) -> None:
        self._lock = lock
        self._owner = os.getpid()
        self._guard = threading.RLock()
        self._closed = False
        atexit.register(self.close)

    def close(self) -> None:
        """End every process of the box; the session's state stays. A second call does nothing."""
        with self._guard:
            try:
                self._end()
            finally:
                self._lock.release()

    def delete(self) -> None:
        """Close the box and remove the session's state.

        Raises SandboxError when something stays, SessionBusyError when the session was opened elsewhere.
        """
        if self._owner != os.getpid():
            raise SandboxError("the box belongs to the process that opened it: delete it there")
        with self._guard:
            try:
                self._end()
                self._lock.take_again()  # closed before: others could have opened it since
                self._remove()
                self._lock.remove()
            finally:
                self._lock.release()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        if self._owner == os.getpid():
            self._stop()
        else:
            self._let_go()

    @abstractmethod
    def _stop(self) -> None:
        """End every process of the box, in whatever state it is."""

    @abstractmethod
    def _let_go(self) -> None:
        """Close our copies of its descriptors, and nothing else."""

    @abstractmethod
    def _remove(self) -> None:
        """Remove the session's state; its lock is held, the box has ended."""
