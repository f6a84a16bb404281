"""Where the value of a secret comes from: ``env:NAME`` or ``file:PATH``, on the host."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from patina_nb.errors import SecretError
from patina_nb.secrets.patterns import MIN_BYTES

MAX_BYTES = 64 << 10  # the kernel takes 128 KiB for a variable and its name


def resolve(name: str, source: str, top: Path) -> bytes:
    """The value of the secret `name` as it is now; a relative path starts at `top`.

    The line break at the end of a file is not part of the value, as in ``$(cat FILE)``.

    Raises SecretError: there is none, it cannot be the value of a variable, or it is too short to be masked.
    """
    kind, _, where = source.partition(":")
    value = _variable(name, where) if kind == "env" else _file(name, where, top)
    if b"\0" in value:
        raise SecretError(f"The secret {name} ({source}) holds a NUL byte, which no variable can: encode it.")
    if len(value.strip()) < MIN_BYTES:
        what = "too short" if value.strip() else "empty"
        raise SecretError(
            f"The secret {name} ({source}) is {what}: a value has at least {MIN_BYTES} bytes, since a "
            "shorter one stands in every output by accident."
        )
    return value


def _variable(name: str, variable: str) -> bytes:
    value = os.environ.get(variable)
    if value is None:
        raise SecretError(
            f"The secret {name} comes from the environment variable {variable}, which is not set: set it "
            f"before you start the notebook, or in the notebook with os.environ[{variable!r}] = ..."
        )
    _check_size(name, f"the variable {variable}", len(data := os.fsencode(value)))
    return data


def _file(name: str, where: str, top: Path) -> bytes:
    try:
        path = top / Path(where).expanduser()
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO does not hold us up
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SecretError(f"The secret {name} cannot be read from the file {where}: {why}.") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SecretError(f"The secret {name} cannot be read: {where} is not a file.")
    with os.fdopen(fd, "rb") as file:
        data = file.read(MAX_BYTES + 3)
    data = data.removesuffix(b"\n").removesuffix(b"\r")
    _check_size(name, f"the file {where}", len(data))
    return data


def _check_size(name: str, where: str, size: int) -> None:
    if size > MAX_BYTES:
        raise SecretError(
            f"The secret {name} is too large: {where} holds more than {MAX_BYTES >> 10} KiB. Name a place "
            "that holds the secret alone."
        )
