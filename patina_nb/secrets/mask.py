"""Masks values in a stream of bytes that comes in pieces of any size."""

from __future__ import annotations

from collections.abc import Callable

from patina_nb.secrets.patterns import Patterns

MASK = b"***"


class Mask:
    """One stream. What comes out does not depend on how the stream was cut into pieces.

    Only what may be the beginning of a value is held back, and no more than the longest form of one. The
    patterns are asked for with every piece: a value that is given while a stream runs counts from then on.
    """

    def __init__(self, patterns: Callable[[], Patterns]) -> None:
        self._patterns = patterns
        self._held = b""
        self._masked = 0  # bytes of `_held` that belong to a mask that is out already

    def feed(self, data: bytes) -> bytes:
        """The next piece, masked, without what may go on in the one after it."""
        patterns = self._patterns()
        if not patterns and not self._held:
            return data
        data = self._held + data
        return self._pass(data, len(data) - patterns.begun(data), patterns)

    def flush(self) -> bytes:
        """What was held back: nothing more comes."""
        return self._pass(self._held, len(self._held), self._patterns())

    def _pass(self, data: bytes, end: int, patterns: Patterns) -> bytes:
        """The masked form of `data` up to `end`; what begins there or later is looked at again."""
        out: list[bytes] = []
        at = self._masked
        for start, stop in patterns.spans(data):
            if start < at:  # goes on from a mask that is out already
                at = max(at, stop)
            elif start < end:
                out += data[at:start], MASK
                at = stop
        out.append(data[at:end])
        self._held, self._masked = data[end:], max(0, at - end)
        return b"".join(out)
