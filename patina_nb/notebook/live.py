"""A command's output while it runs: one display, updated about four times a second, ends as the summary.

The worker feeds bytes as they come; whoever waits for it calls `tick`. Only the end of the output is kept
here and sent; the whole is in the step. Updates come from threads: front ends find the display by its id, in
whichever cell it stands. One that cannot replace a display (a terminal) sees the summary only.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Literal

from patina_nb.presentation import html
from patina_nb.presentation.excerpt import last_of, one_line, tail
from patina_nb.presentation.html import Piece
from patina_nb.presentation.units import duration

from .front import show_piece
from .jobs import TICK_S

PERIOD_S = 0.25
Mode = Literal["live", "summary", "nothing"]
SILENT_PERIOD_S = 1.0  # nothing new but the time
KEPT = 64 << 10  # bytes


class LiveOutput:
    """The display of one running command. `feed` may be called from any thread."""

    def __init__(
        self, title: str, lines: int, *, mode: Mode, put: Callable[[Piece, bool], None] | None = None
    ) -> None:
        """`put` takes each state instead of a display of the cell: the piece, and whether it is an update."""
        self.title = title
        self.where = "opening the workspace"
        self.stopping: Callable[[], bool] = lambda: False
        self._lines = lines
        self._mode = mode
        self._show = put or self._display
        self._display_id = secrets.token_hex(16)
        self._displayed = False
        self._lock = threading.Lock()
        self._kept = bytearray()
        self._dropped = 0  # lines
        self._new = True
        self._ended = threading.Event()
        self._began = self._sent = time.monotonic()

    def feed(self, _stream: str, data: bytes) -> None:
        """More output; cheap, shows nothing itself."""
        with self._lock:
            self._kept += data
            self._new = True
            if len(self._kept) > 2 * KEPT:
                self._dropped += self._kept.count(b"\n", 0, len(self._kept) - KEPT)
                del self._kept[:-KEPT]

    def tick(self) -> None:
        """Show what is new, if the last time was long enough ago."""
        since = time.monotonic() - self._sent
        if since >= (PERIOD_S if self._new else SILENT_PERIOD_S):
            self.show()

    def show(self) -> None:
        """Show the state now."""
        with self._lock:
            if self._ended.is_set() or self._mode != "live":
                return
            self._new = False
            self._sent = time.monotonic()
            self._put(self._piece(bytes(self._kept)))

    def keep_ticking(self) -> None:
        """Tick by itself until the end."""
        if self._mode == "live":
            threading.Thread(target=self._tick_until_end, daemon=True).start()

    def _tick_until_end(self) -> None:
        while not self._ended.wait(TICK_S):
            self.tick()

    def finish(self, summary: Piece) -> None:
        """Replace the display by what stays."""
        with self._lock:
            self._ended.set()
            self._put(summary)

    def drop(self, reason: Piece, *, always: bool) -> None:
        """End without a summary. A display that is there, or `always`, says why."""
        with self._lock:
            self._ended.set()
            if always or self._displayed:
                self._put(reason)

    def _put(self, piece: Piece) -> None:
        if self._mode != "nothing":
            self._show(piece, self._displayed)
            self._displayed = True

    def _display(self, piece: Piece, update: bool) -> None:
        show_piece(piece, display_id=self._display_id, update=update)

    def _piece(self, kept: bytes) -> Piece:
        state = "Stopping" if self.stopping() else "Running"
        elapsed = duration(time.monotonic() - self._began)
        shown, count = tail(kept.decode("utf-8", "replace"), self._lines)
        total = count + self._dropped
        return html.stack(
            html.line(state, f"{one_line(self.title)} ({self.where}), {elapsed}", status=True),
            html.progress(f"{one_line(self.title)} is running"),
            html.output(f"Output so far{last_of(self._lines, total)}:", shown) if kept else None,
        )
