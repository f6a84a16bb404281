"""What depends on the user, again as an ordinary one: root is the exception, not the rule."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .bench import python_for

UID = 1234
HERE = Path(__file__).parent
AGAIN = ("box", "cgroup", "checkout", "engine", "identity", "landlock", "process", "sessions", "upper")


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests run as an ordinary user already")
def test_the_same_tests_as_an_ordinary_user(open_dir):
    found = python_for(UID)
    if isinstance(found, str):
        pytest.skip(found)
    python, env = found
    env = {**env, "HOME": str(open_dir), "TMPDIR": str(open_dir)}
    options = [
        "-q",
        "-k",
        "not bundled-copy and not tells_all",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(open_dir / "base"),
        "-c",
        str(HERE.parents[1] / "pyproject.toml"),
    ]
    names = [str(HERE / f"test_{name}.py") for name in AGAIN]
    result = subprocess.run(
        [*python, "-m", "pytest", *options, *names],
        env=env,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert " passed" in result.stdout
