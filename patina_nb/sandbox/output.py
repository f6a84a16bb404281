"""What a command printed: bounded in memory, whole in files where asked for."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import IO, Self

from patina_nb.sandbox.protocol import KEPT_HEAD, KEPT_TAIL, WHOLE_LIMIT, OnOutput, Output, StreamName
from patina_nb.sandbox.server.frames import STDERR, STDOUT
from patina_nb.secrets import Vault

_log = logging.getLogger(__name__)
_NAMES: dict[bytes, StreamName] = {STDOUT: "stdout", STDERR: "stderr"}


class _Spool:
    """The whole of one output in a file, up to WHOLE_LIMIT; made with the first byte."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._file: IO[bytes] | None = None
        self._full = False

    def add(self, data: bytes) -> None:
        data = data[: WHOLE_LIMIT - self.size]
        if self._full or not data:
            return
        try:
            if self._file is None:
                self._file = self.path.open("wb")
            self._file.write(data)
            self.size += len(data)
        except OSError as error:
            self._full = True
            _log.warning("the output of this command is not saved any further: %s", error)

    def close(self) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as error:
            _log.warning("the output of this command is not saved in full: %s", error)
            self.size = self.path.stat().st_size


class _Kept:
    """Beginning and end of one output."""

    def __init__(self, spool: _Spool | None) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0
        self._spool = spool

    def add(self, data: bytes) -> None:
        self._total += len(data)
        if self._spool is not None:
            self._spool.add(data)
        room = KEPT_HEAD - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data[-KEPT_TAIL:]
        if len(self._tail) > 2 * KEPT_TAIL:  # seldom, so that a byte is moved once on average
            del self._tail[:-KEPT_TAIL]

    def output(self) -> Output:
        spool = self._spool if self._spool is not None and self._spool.size else None
        return Output(
            head=bytes(self._head),
            tail=bytes(self._tail[-KEPT_TAIL:]),
            total_bytes=self._total,
            file=spool.path if spool else None,
            file_bytes=spool.size if spool else 0,
        )

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()


class Outputs:
    """Takes the output frames of a command; `result` may be asked for from any thread, at any time.

    The one place that all output of commands passes through: what `vault` knows is masked here, before it
    is shown, kept or written anywhere.
    """

    def __init__(
        self, on_output: OnOutput | None = None, save_to: Path | None = None, vault: Vault | None = None
    ) -> None:
        self._on_output = on_output
        self._lock = threading.Lock()
        self._masks = {} if vault is None else {kind: vault.mask() for kind in _NAMES}
        self._kept = {
            kind: _Kept(None if save_to is None else _Spool(save_to / name)) for kind, name in _NAMES.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, kind: bytes, data: bytes) -> None:
        """An output frame. A listener that fails is told no more; the command is not disturbed by it."""
        mask = self._masks.get(kind)
        self._pass_on(kind, data if mask is None else mask.feed(data))

    def _pass_on(self, kind: bytes, data: bytes) -> None:
        if not data:
            return
        with self._lock:
            self._kept[kind].add(data)
        if self._on_output is None:
            return
        try:
            self._on_output(_NAMES[kind], data)
        except Exception:  # noqa: BLE001 (somebody else's code)
            self._on_output = None
            _log.warning("showing the output failed; the command goes on without it", exc_info=True)

    def result(self) -> tuple[Output, Output]:
        """(stdout, stderr) as of now."""
        with self._lock:
            return self._kept[STDOUT].output(), self._kept[STDERR].output()

    def close(self) -> None:
        """No more output comes: give out what a mask held back, and finish the files."""
        for kind, mask in self._masks.items():
            self._pass_on(kind, mask.flush())
        with self._lock:
            for kept in self._kept.values():
                kept.close()
