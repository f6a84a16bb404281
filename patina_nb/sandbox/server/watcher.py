"""The watcher: a process that keeps the list of what changed in the workspace.

One inotify watch per directory, so the list costs nothing at the time of the question. The kernel queues an event within the system
call that causes it; hence what was finished before a question is in the queue when the question comes, and is read before the answer.

A list can be incomplete: at the start, when the kernel's queue ran over, when a directory cannot be watched. Then the answer says
`overflow`, and the client has to look for itself.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import socket
import stat
import struct
import termios

from .frames import EXIT, STDOUT, pack, receive_fd
from .linux import forbid_tracing
from .tree import Tree

_MOST_PATHS = 500_000
_CHUNK = 1 << 16
_SEND_S = 10.0


def watch(root: bytes, questions: socket.socket, lifeline: socket.socket) -> None:
    """Answer streams that arrive on `questions` until the other end of `lifeline` is closed."""
    forbid_tracing()
    tree = Tree(root)
    poller = select.poll()
    for source in (questions, lifeline, tree):
        poller.register(source, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poller.poll()}
        if lifeline.fileno() in ready:
            return
        ...
