"""Start the command of a request, with our ends of its pipes or of its terminal."""

from __future__ import annotations

import errno
import os
from time import monotonic, sleep

from . import spawn
from .frames import STDERR, STDOUT
from .pipes import Inlet, Outputs
from .request import Request

_PATIENCE_S = 1.0  # while the box is full of processes
_LONGEST_NAME = 1000


class Ends:
    """Our ends; `terminal` is the master of a terminal, which is among the outputs too."""

    def __init__(self) -> None:
        self.inlet: Inlet | None = None
        self.outputs = Outputs()
        self.terminal: int | None = None

    def close_input(self) -> None:
        """End of input for the command."""
        if self.inlet is not None:
            self.inlet.close()
            self.inlet = None

    def close(self) -> None:
        """Everything that is still open."""
        self.close_input()
        for fd in list(self.outputs.kinds):
            self.outputs.close(fd)


def start(request: Request, folder: bytes, env: dict[bytes, bytes], ends: Ends) -> int:
    """Pid of the command. Fills in `ends`, which the caller closes, also after an error (OSError)."""
    os.chdir(folder)
    return _on_terminal(request.size, request, env, ends) if request.size else _on_pipes(request, env, ends)


def _on_pipes(request: Request, env: dict[bytes, bytes], ends: Ends) -> int:
    theirs: list[int] = []
    try:
        if request.stdin:
            read, write = os.pipe2(os.O_CLOEXEC)
            theirs.append(read)
            ends.inlet = Inlet(write, terminal=False)
        else:
            theirs.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        theirs.append(ends.outputs.pipe(STDOUT))
        theirs.append(ends.outputs.pipe(STDERR))
        return _spawn(request.argv, env, (theirs[0], theirs[1], theirs[2]))
    finally:
        for fd in theirs:
            os.close(fd)


def _on_terminal(size: tuple[int, int], request: Request, env: dict[bytes, bytes], ends: Ends) -> int:
    ends.terminal, slave, path = spawn.open_terminal(*size)
    try:
        ends.outputs.kinds[ends.terminal] = STDOUT
        ends.inlet = Inlet(os.dup(ends.terminal), terminal=True)
        return _spawn(request.argv, env, (slave, slave, slave), path)
    finally:
        os.close(slave)


def _spawn(
    argv: list[bytes], env: dict[bytes, bytes], stdio: tuple[int, int, int], terminal: bytes = b""
) -> int:
    until = monotonic() + _PATIENCE_S
    while True:
        try:
            return spawn.spawn(argv, env, stdio, terminal)
        except BlockingIOError:  # EAGAIN: no room for a process
            if monotonic() > until:
                raise
        sleep(0.02)


def start_error(error: OSError, request: Request) -> str:
    """What went wrong, for people."""
    name = os.fsdecode(error.filename or request.argv[0])[:_LONGEST_NAME]
    if error.errno == errno.EAGAIN:
        return f"{name}: no process can be started: the limit of processes is reached"
    return f"{name}: {error.strerror or error}"
