"""Landlock + seccomp: what is left where namespaces are forbidden. The server confines itself."""

from __future__ import annotations

import base64
import ctypes
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from patina_nb.engines.base import Network
from patina_nb.engines.identity import Identity
from patina_nb.engines.local import seccomp
from patina_nb.engines.local.bubblewrap import Bind

_CREATE_RULESET, _ASK_VERSION = 444, 1
_DEVICES = ("null", "zero", "full", "random", "urandom")
_TERMINALS = ("tty", "ptmx", "pts")


def abi() -> int:
    """The version of Landlock that the kernel offers; 0 = none."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    return max(0, int(version))


def missing() -> str:
    """Why this rung cannot hold here; empty = it can."""
    if platform.machine() not in seccomp.MACHINES:
        return f"there is no system call filter for {platform.machine()}"
    return "" if abi() else "the kernel has no Landlock (5.13 or newer, with `landlock` in its lsm= list)"


def policy(identity: Identity, network: Network) -> seccomp.Policy:
    """Which sockets may be opened.

    As the user's own uid, a unix socket would reach the session bus and ask it to start anything
    outside; so there are none. Another uid finds those doors closed.
    """
    return seccomp.Policy(unix=identity.switched, network=network == "full")


def no_shell(identity: Identity) -> str:
    """Why such a box has no terminals; empty = it has.

    A terminal is opened by way of /dev/pts, where the user's own lie too. Only another uid is kept from
    those by their modes.
    """
    if identity.switched:
        return ""
    return "a box of this kind runs as you and could open the terminals that you sit at, so it has none"


def config(
    *,
    system: Iterable[Bind],
    read: Sequence[Path],
    write: Sequence[Path],
    identity: Identity,
    network: Network,
) -> dict[str, object]:
    """What `confine.apply` is to do in the server."""
    code = seccomp.program(platform.machine(), policy(identity, network))
    return {
        "read": [*(str(bind.source) for bind in system), "/proc", *map(str, read)],
        "write": ["/dev/shm", *map(str, write)],  # noqa: S108 - semaphores of libc are files there
        "devices": [f"/dev/{name}" for name in (*_DEVICES, *(() if no_shell(identity) else _TERMINALS))],
        "tcp": network == "full",
        "seccomp": base64.b64encode(code).decode(),
    }
