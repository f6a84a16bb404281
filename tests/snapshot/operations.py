"""Apply random file operations to the current directory: run in a workspace and in a plain clone alike.

Reads a JSON list from standard input; paths are hex. What cannot be done (a parent that is a file, say) is
skipped, the same way in both places.
"""

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys


def remove(path):
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
    else:
        shutil.rmtree(path)


def apply(kind, path, argument):
    parent = os.path.dirname(path)
    if kind in ("write", "script", "link", "fifo") and parent:
        os.makedirs(parent, exist_ok=True)
    if kind in ("write", "script"):
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            return  # a FIFO would block, a link would lead elsewhere
        with open(path, "wb") as file:
            file.write(argument)
        os.chmod(path, 0o755 if kind == "script" else 0o644)
    elif kind == "link":
        os.symlink(argument, path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "mkdir":
        os.makedirs(path)
    elif kind == "delete":
        remove(path)
    elif kind == "rename":
        # mv, not rename(2): an overlay refuses that for directories of its lower layer (EXDEV)
        if not os.path.lexists(argument):
            subprocess.run(["mv", "-T", "--", path, argument], check=False, stderr=subprocess.DEVNULL)
    elif kind == "replace":
        remove(path)
        os.makedirs(path)
        with open(os.path.join(path, b"inner"), "wb") as file:
            file.write(argument)


for kind, path, argument in json.load(sys.stdin):
    with contextlib.suppress(OSError):
        apply(kind, bytes.fromhex(path), bytes.fromhex(argument))
