"""The sandbox: commands, files and the change list of a box, the same for every engine.

The box is not trusted. Whatever its server says is bounded, checked, and waited for with a limit; see
`stream`, `run`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from patina_nb.engines.base import Box, ChangeList, Prune
from patina_nb.errors import SandboxError
from patina_nb.sandbox import changes, files, plumbing
from patina_nb.sandbox.interrupts import HeldInterrupts
from patina_nb.sandbox.output import Outputs
from patina_nb.sandbox.process import Process
from patina_nb.sandbox.protocol import Command, ExecResult, OnOutput, encode_request
from patina_nb.sandbox.pty import Pty
from patina_nb.sandbox.run import SILENCE_S, Run
from patina_nb.sandbox.stream import Stream
from patina_nb.secrets import Vault

__all__ = ["Process", "Pty", "Sandbox"]

_CANCEL_LOOK_S = 0.05
_KILLED = (signal.SIGKILL, 128 + signal.SIGKILL)  # by itself, or as a shell reports it


class Sandbox:
    """Talks to the command server of one box. May be used from any thread, by many at once.

    The values in `vault` are masked in what commands print, not in what is read from files or terminals.
    """

    def __init__(self, box: Box, vault: Vault | None = None) -> None:
        self.box = box
        self._vault = Vault() if vault is None else vault

    def exec(
        self,
        command: Command,
        *,
        on_output: OnOutput | None = None,
        cancel: threading.Event | None = None,
        save_to: Path | None = None,
        grace: float = 5.0,
    ) -> ExecResult:
        """Run a command to its end.

        Args:
            on_output: is called with every piece of output; when it fails, it is not called again.
            cancel: when set, the command's whole process tree is killed.
            save_to: an existing directory for the whole output, as files ``stdout`` and ``stderr``; each is
                made with its first byte and ends at WHOLE_LIMIT.
            grace: seconds the server has to answer after the time limit or a cancel.

        A first KeyboardInterrupt cancels the command, and the result says `interrupted`; a second one ends
        the wait. A result with `lost` set means that the end of the command is not known. Raises SandboxError
        when the box cannot be reached at all.
        """
        before = self.box.oom_kills()
        outputs = Outputs(on_output, save_to, self._vault)
        with HeldInterrupts() as held, outputs, self._open(command) as stream:
            held.wake = stream.wake
            run = Run(stream, outputs.add, command.timeout, grace)
            while not run.over:
                if held.count > 1:
                    run.abandon("the wait for the cancelled command was interrupted, too")
                    break
                if held.count or (cancel is not None and cancel.is_set()):
                    run.cancel()
                run.round(SILENCE_S if cancel is None else _CANCEL_LOOK_S)
        return self._result(run, outputs, before, interrupted=held.count > 0)

    def start(self, command: Command, *, on_output: OnOutput | None = None, grace: float = 5.0) -> Process:
        """Run a command in the background; `on_output` is called in a thread of its own."""
        before = self.box.oom_kills()
        outputs = Outputs(on_output, vault=self._vault)
        stream = self._open(command)
        run = Run(stream, outputs.add, command.timeout, grace)
        return Process(stream, run, outputs, lambda: self._result(run, outputs, before))

    def shell(self, rows: int, cols: int, argv: Sequence[str] = ("sh", "-i")) -> Pty:
        """A command on a terminal."""
        command = Command(argv)
        stream = self._open(command, size=(rows, cols))
        return Pty(stream, lambda run: self._result(run, Outputs(), None))

    def call(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] | None = None,
        limit: int = 64 << 20,
        timeout: float = 120,
        sink: BinaryIO | None = None,
        ok: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
        watch: plumbing.Watch | None = None,
    ) -> bytes:
        """The whole stdout of a command (or b"" when a `sink` takes it).

        `watch` is called about every second; what it raises ends the command. Raises SandboxError when the
        command prints more than `limit` bytes, takes longer than `timeout` seconds, or ends with an exit code
        that is not `ok`.
        """
        answer = self._ask(argv, stdin, limit, timeout, sink, env, watch)
        if answer.exit_code not in ok:
            raise SandboxError(
                f"{argv[0]} in the sandbox ended with exit code {answer.exit_code}: {answer.last_line()}"
            )
        return answer.data

    def read(self, path: str, limit: int = 256 << 20) -> bytes:
        """A file, by its path in the box or relative to the workspace.

        Raises WorkspaceError when it is no readable file, SandboxError when it is larger than `limit` bytes.
        """
        return files.read(lambda argv, stdin: self._ask(argv, stdin, limit), path)

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Replace a file in one step, and make the directories above it; a link is followed.

        Raises WorkspaceError when that is not possible.
        """
        files.write(lambda argv, stdin: self._ask(argv, stdin, 1 << 20), path, data, mode)

    def changes(self, prune: Prune) -> ChangeList | None:
        """What changed since the last call; None = not known, look at everything."""
        known = self.box.changes(prune)
        if known is not None:
            return known
        with Stream(self.box.connect(), b'{"changes":1}\n') as stream:
            ending, answer = plumbing.follow(stream, "the list of changes", changes.LIMIT, None, None)
        if ending.overflow:
            return None
        return changes.prune_list(changes.decode(answer.data), prune)

    def _open(self, command: Command, size: tuple[int, int] | None = None) -> Stream:
        request = encode_request(command, command.stdin is not None, size)
        return Stream(self.box.connect(), request, None if command.stdin is None else (command.stdin,))

    def _ask(
        self,
        argv: Sequence[str],
        stdin: bytes | Iterable[bytes] | None,
        limit: int,
        timeout: float = 120,
        sink: BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        watch: plumbing.Watch | None = None,
    ) -> plumbing.Reply:
        request = encode_request(Command(argv, env=env or {}, timeout=timeout), stdin is not None)
        with Stream(self.box.connect(), request, (stdin,) if isinstance(stdin, bytes) else stdin) as stream:
            return plumbing.reply(stream, argv[0], limit, timeout, sink, watch)

    def _result(
        self, run: Run, outputs: Outputs, before: int | None, interrupted: bool = False
    ) -> ExecResult:
        result = run.result(outputs, interrupted)
        if result.error is not None:
            result = replace(result, error=self._vault.hide(result.error))
        killed = result.signal in _KILLED or result.exit_code in _KILLED
        if before is None or not killed or result.timed_out or result.cancelled:
            return result
        after = self.box.oom_kills()
        return replace(result, out_of_memory=after is not None and after > before)
