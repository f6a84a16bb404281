# Runs in a box: evaluates the expressions on its standard input, one attempt each, and tells what came of it.
# Standard library only, Python 3.8+: it is sent as text to whatever Python the box has.
import ctypes
import errno
import json
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A function of libc (by name) or a system call (by number)."""
    function = libc.syscall if isinstance(name, int) else getattr(libc, name)
    numbers = (name,) if isinstance(name, int) else ()
    result = function(*numbers, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "call")
    return result


def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as client:
        client.settimeout(5)
        client.connect(address)
    return "connected"


def content(path):
    with open(path, "rb") as file:
        return file.read(1 << 20)


def append(path):
    with open(path, "ab") as file:
        file.write(b"# here was an agent\n")
    return "written"


def rewrite(path):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, b"here was an agent")
    os.close(fd)
    return "written"


def attempt(source):
    try:
        return str(eval(source))
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


results = {name: attempt(source) for name, source in json.load(sys.stdin).items()}
json.dump(results, sys.stdout)
