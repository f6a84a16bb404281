"""Ctrl-C while we talk to the server: noted, and acted upon where the stream is in order.

A KeyboardInterrupt can be raised between any two steps of Python, also between receiving bytes and keeping
them. So while a command runs in the main thread, the default handler is replaced by one that only counts
and wakes the poll. A handler that an application has set for itself is left alone, and so are other
threads, which never see an interrupt.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self

_ENOUGH = 3  # whoever insists wants out, even out of a listener that hangs


class HeldInterrupts:
    """Counts interrupts instead of raising them, within its `with` block."""

    def __init__(self) -> None:
        self.count = 0
        self.wake: Callable[[], None] | None = None
        self._held = False

    def __enter__(self) -> Self:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            self._held = True
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._held:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count >= _ENOUGH:
            raise KeyboardInterrupt
        if self.wake is not None:
            self.wake()
