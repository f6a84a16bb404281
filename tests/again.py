"""Tests of some folders once more, by a child pytest that is an ordinary user: root is the exception."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def python_for(uid: int) -> tuple[Sequence[str], dict[str, str]] | str:
    """A Python with this package and its dependencies that another user can run, or why there is none."""
    # the shell in between: setpriv itself would still find a program below root's private home
    become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "sh", "-c", 'exec "$@"', "sh"]
    paths = [str(ROOT), *(path for path in sys.path if path.endswith("-packages"))]
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
    }
    wanted = sysconfig.get_python_version()
    check = f"import sys, patina_nb, pytest, hypothesis, msgspec; sys.exit('%d.%d' % sys.version_info[:2] != {wanted!r})"
    for python in (sys.executable, f"/usr/local/bin/python{wanted}", f"/usr/bin/python{wanted}"):
        with suppress(OSError):
            done = subprocess.run([*become, python, "-c", check], env=env, capture_output=True, check=False)
            if done.returncode == 0:
                return [*become, python], env
    return f"no Python {wanted} with the package's dependencies that uid {uid} can run"


def run_as(
    uid: int, tests: Sequence[str], home: Path, *options: str, env: Mapping[str, str] | None = None
) -> None:
    """Run `tests` as `uid`, whose home `home` becomes; fails with their output, skips where no Python serves."""
    found = python_for(uid)
    if isinstance(found, str):
        pytest.skip(found)
    python, base = found
    home.mkdir()
    shutil.chown(home, uid, uid)
    places = {name: str(home) for name in ("HOME", "TMPDIR")}
    fixed = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", f"--basetemp={home}/base"]
    done = subprocess.run(
        [*python, "-m", "pytest", *fixed, "-c", str(ROOT / "pyproject.toml"), *options, *tests],
        env={**base, **places, **(env or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
