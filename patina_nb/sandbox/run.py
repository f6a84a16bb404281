"""Follow one command from its request to its end, whatever the server does."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from patina_nb.sandbox.output import Outputs
from patina_nb.sandbox.protocol import Ending, ExecResult, ProtocolError, decode_ending
from patina_nb.sandbox.server.frames import CANCEL, EXIT, HEARTBEAT_S, STDERR, STDOUT
from patina_nb.sandbox.stream import Lost, Stream

SILENCE_S = 3 * HEARTBEAT_S
"""Without any frame for so long, the server is taken for dead."""

Take = Callable[[bytes, bytes], None]


class Run:
    """Plays the rounds of a stream, hands output on to `take`, and keeps the limits of time."""

    def __init__(self, stream: Stream, take: Take, timeout: float | None = None, grace: float = 5.0) -> None:
        self._stream = stream
        self._take = take
        self._grace = grace
        self._began = self._heard_at = monotonic()
        self._deadline = None if timeout is None else self._began + timeout + grace
        self._late = "no answer came within %g s after the time limit"
        self._cancelled = False
        self.ending: Ending | None = None
        self.lost: str | None = None
        self.duration_s = 0.0

    @property
    def over(self) -> bool:
        return self.ending is not None or self.lost is not None

    def cancel(self) -> None:
        """Ask the server to end the command; from now on it has the grace to say so."""
        if self._cancelled:
            return
        self._cancelled = True
        self._stream.post(CANCEL)
        limit = monotonic() + self._grace
        if self._deadline is None or limit < self._deadline:
            self._deadline = limit
            self._late = "no answer came within %g s after the command was cancelled"

    def abandon(self, why: str) -> None:
        """Wait no longer."""
        if not self.over:
            self.lost = why
            self.duration_s = monotonic() - self._began

    def round(self, longest: float = SILENCE_S, listen: bool = True) -> None:
        """Wait at most `longest` seconds for something to happen, and handle it."""
        asked_at = monotonic()
        limits = [asked_at + longest, self._heard_at + SILENCE_S]
        if self._deadline is not None:
            limits.append(self._deadline)
        try:
            frames = self._stream.round(min(limits) - asked_at, listen)
            for kind, payload in frames:
                self._hear(kind, payload)
                if self.over:
                    return
        except Lost as lost:
            self.abandon(str(lost))
            return
        except ProtocolError as error:
            self.abandon(f"the command server broke the protocol with {error}")
            return
        now = monotonic()
        if frames or not listen:
            self._heard_at = now
        elif now >= self._heard_at + SILENCE_S:
            self.abandon(f"the command server has given no sign of life for {SILENCE_S:g} s")
        if self._deadline is not None and now >= self._deadline:
            self.abandon(self._late % self._grace)

    def _hear(self, kind: bytes, payload: bytes) -> None:
        if kind in (STDOUT, STDERR):
            self._take(kind, payload)
        elif kind == EXIT:
            self.ending = decode_ending(payload)
            self.duration_s = monotonic() - self._began

    def result(self, outputs: Outputs, interrupted: bool = False, out_of_memory: bool = False) -> ExecResult:
        """What is known when the command is over."""
        ending = self.ending or Ending()
        if self.lost is None and not ending.has_result:
            self.lost = "the command server broke the protocol with an exit message without a result"
        stdout, stderr = outputs.result()
        return ExecResult(
            exit_code=ending.exit_code,
            signal=ending.signal,
            timed_out=ending.timed_out,
            cancelled=ending.cancelled or interrupted,
            interrupted=interrupted,
            out_of_memory=out_of_memory,
            lost=self.lost,
            error=ending.error,
            stdout=stdout,
            stderr=stderr,
            duration_s=self.duration_s,
            left=ending.left,
        )
