"""The Python that runs the server inside, and the interpreter folders whose tools the box may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from patina_nb.engines.identity import Identity, reaches
from patina_nb.engines.local.bubblewrap import RESERVED
from patina_nb.engines.local.staging import can_stage, inside_readable

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix")
_OLDEST = (3, 8)


@dataclass(frozen=True)
class Interpreter:
    """`executable` is the same path outside and inside; `folders` are bound where they lie."""

    executable: Path
    folders: tuple[Path, ...] = ()
    bins: tuple[Path, ...] = ()  # first on PATH
    note: str = ""


@cache
def find(identity: Identity, *, staged: bool) -> Interpreter | str:
    """The notebook's own Python, else the system's; or why there is none (in words).

    `staged`: folders that the box's user cannot reach by their path may be brought in by a mount.
    """
    own, reason = _own(identity, staged=staged and can_stage())
    if own is not None:
        return own
    system = _system()
    if system is None or not reaches(identity, system):
        return f"no Python 3.8 or newer for the box: {reason}; /usr/bin/python3 is missing or older"
    return Interpreter(system, note=f"The notebook's own Python is not in the box, {system} is: {reason}.")


def _own(identity: Identity, *, staged: bool) -> tuple[Interpreter | None, str]:
    executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    prefixes = [Path(sys.prefix), Path(sys.base_prefix), executable.parent.parent]
    folders: list[Path] = []
    for prefix in dict.fromkeys(path for given in prefixes for path in (given, given.resolve())):
        if collides(prefix):
            return None, f"{prefix} cannot be shown in a box"
        folders += [] if in_system(prefix) else _parts(prefix)
    folders = [
        path for path in folders if not any(path != other and path.is_relative_to(other) for other in folders)
    ]
    for path in [executable, Path(sysconfig.get_path("stdlib")) / "os.py", *folders]:
        if not (reaches(identity, path) or (staged and _stageable(identity, path, folders))):
            return None, f"{path} cannot be read by the user that boxes run as"
    bins = tuple(dict.fromkeys(path / "bin" for path in (Path(sys.prefix), Path(sys.base_prefix))))
    return Interpreter(executable, tuple(folders), tuple(path for path in bins if not in_system(path))), ""


def _stageable(identity: Identity, path: Path, folders: list[Path]) -> bool:
    real = path.resolve()
    tops = [folder.resolve() for folder in folders if real.is_relative_to(folder.resolve())]
    return any(inside_readable(identity, top, real) for top in tops)


def _parts(prefix: Path) -> list[Path]:
    """A whole prefix; of ~/.local only the programs, as the rest holds data and keys of the user."""
    if prefix.name == ".local":
        return [prefix / name for name in ("bin", "lib") if (prefix / name).is_dir()]
    return [prefix]


def in_system(path: Path) -> bool:
    """Is it inside of what every box shows anyway?"""
    return any(path.is_relative_to(top) for top in SYSTEM)


def collides(path: Path) -> bool:
    """Would showing it at its own path hide a place of the box, or show a whole home directory?"""
    home = Path.home()
    tops = [Path(top) for top in RESERVED]
    return (
        not path.is_absolute()
        or ".." in path.parts
        or path == Path("/tmp")  # noqa: S108
        or home.is_relative_to(path)
        or any(path.is_relative_to(top) or top.is_relative_to(path) for top in tops)
    )


@cache
def _system() -> Path | None:
    found = shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin")
    if found is None:
        return None
    code = f"import sys; sys.exit(sys.version_info < {_OLDEST})"
    try:
        result = subprocess.run(
            [found, "-I", "-S", "-c", code], env={}, capture_output=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(os.path.realpath(found)) if result.returncode == 0 else None
