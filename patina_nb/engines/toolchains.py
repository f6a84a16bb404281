"""Where this machine keeps the tools of a language, so that a local box can show them.

Only languages whose tools often live outside of /usr name a way to find them (design/data).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from patina_nb.design import Language
from patina_nb.design.languages import Toolchain

_TIMEOUT_S = 10.0


def toolchain(language: Language) -> tuple[Path, ...]:
    """The directory that holds ``bin/`` with the language's tools, then that of programs installed for it.

    None when there is no toolchain, or none is needed.
    """
    if language.toolchain is None:
        return ()
    found = _ask(language.toolchain, os.environ.get("PATH", os.defpath))
    if found is None:
        return ()
    installed = language.toolchain.installed
    more = Path(installed).expanduser() if installed else None
    return (found, more) if more is not None and more.is_dir() else (found,)


@cache
def _ask(wanted: Toolchain, path: str) -> Path | None:
    places = [str(Path(place).expanduser()) for place in wanted.places]
    search = os.pathsep.join([path, *places])
    program = shutil.which(wanted.ask[0], path=search)
    if program is None:
        return None
    env = {**os.environ, "PATH": search}
    try:  # at the root: what a repository says about versions (rust-toolchain) must not download any
        done = subprocess.run(
            [program, *wanted.ask[1:]],
            cwd="/",
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    folder = Path(done.stdout.strip())
    return folder if done.returncode == 0 and folder.is_absolute() and (folder / "bin").is_dir() else None
