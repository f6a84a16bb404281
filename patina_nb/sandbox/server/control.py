"""The host's end as the main process sees it: first the settings, then streams, at last the end.

Everything else takes streams from here and does not care where they come from.
"""

from __future__ import annotations

import json
import socket

from .frames import receive_fd

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs 4 ms of every start
    from typing import Any

_MAX_SETTINGS = 64 << 10


class Control:
    """One end of a SOCK_SEQPACKET pair whose other end the host holds."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=fd)
        self._socket.set_inheritable(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def settings(self) -> dict[str, Any]:
        """The host's first message; raises ValueError."""
        data = self._socket.recv(_MAX_SETTINGS + 1)
        if len(data) > _MAX_SETTINGS:
            raise ValueError(f"the settings are longer than {_MAX_SETTINGS} bytes")
        settings = json.loads(data.decode("utf-8"))
        if not isinstance(settings, dict):
            raise TypeError("the settings are not a JSON object")
        return settings

    def say(self, message: dict[str, object]) -> None:
        """Tell the host that the server is ready, or why not."""
        self._socket.send(json.dumps(message).encode())

    def take(self) -> tuple[bool, int | None]:
        """(has the host gone, a new stream); both False and None for a message we do not know."""
        try:
            data, fd = receive_fd(self._socket, 16)
        except ConnectionResetError:
            return True, None
        return not data, fd
