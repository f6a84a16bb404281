"""A command in the background: output so far, stop, wait."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from patina_nb.errors import SandboxError
from patina_nb.sandbox.output import Outputs
from patina_nb.sandbox.protocol import ExecResult, Output
from patina_nb.sandbox.run import Run
from patina_nb.sandbox.server.frames import SIGNAL
from patina_nb.sandbox.stream import Stream


class Process:
    """Made by `Sandbox.start`. A thread of its own reads the output, so the command never waits for us."""

    def __init__(self, stream: Stream, run: Run, outputs: Outputs, finish: Callable[[], ExecResult]) -> None:
        self._stream = stream
        self._run = run
        self._outputs = outputs
        self._finish = finish
        self._stop = threading.Event()
        self._result: ExecResult | None = None
        self._done = threading.Event()
        threading.Thread(target=self._follow, name="patina-process", daemon=True).start()

    @property
    def running(self) -> bool:
        return not self._done.is_set()

    def output(self) -> tuple[Output, Output]:
        """(stdout, stderr) so far: beginning and end, bounded."""
        return self._outputs.result()

    def signal(self, number: int) -> None:
        """Send a signal to the command's process group; a command that has ended gets none."""
        self._stream.post(SIGNAL, b"%d" % number)

    def wait(self, timeout: float | None = None) -> ExecResult:
        """The result. Raises TimeoutError when the command still runs after `timeout` seconds; it goes on."""
        if not self._done.wait(timeout):
            raise TimeoutError(f"the command still runs after {timeout:g} s")
        if self._result is None:
            raise SandboxError("following the command failed: its end is not known, see the error above")
        return self._result

    def stop(self, grace: float = 5.0) -> ExecResult:
        """SIGTERM; what is left of the command's tree after `grace` seconds is killed."""
        self.signal(signal.SIGTERM)
        if not self._done.wait(grace):
            self._stop.set()
            self._stream.wake()
        return self.wait()

    def _follow(self) -> None:
        try:
            with self._outputs, self._stream:
                while not self._run.over:
                    if self._stop.is_set():
                        self._run.cancel()
                    self._run.round()
            self._result = self._finish()
        finally:
            self._done.set()
