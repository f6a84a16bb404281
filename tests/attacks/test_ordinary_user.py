"""The core of the attacks again as an ordinary user: root is the exception, not the rule."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .stage import AGAIN, ROOT, USER, as_user

HERE = Path(__file__).parent
PARTS = (
    ("test_git.py", "test_names.py", "test_new.py"),
    ("test_files.py", "test_processes.py", "test_network_environment.py"),
)


@pytest.mark.skipif(not ROOT, reason="this test run is an ordinary user's already")
@pytest.mark.parametrize("part", range(len(PARTS)))
def test_core_attacks_as_an_ordinary_user(open_dir, part):
    uid = USER + part  # limits of processes are counted by user
    found = as_user(uid)
    if isinstance(found, str):
        pytest.skip(found)
    python, env = found
    home = open_dir / "home"
    home.mkdir()
    shutil.chown(home, uid, uid)
    env = {**env, "HOME": str(home), "TMPDIR": str(home), AGAIN: "1"}
    options = ["-q", "-m", "core", "-p", "no:cacheprovider", "-p", "no:randomly", f"--basetemp={home}/base"]
    files = [str(HERE / name) for name in PARTS[part]]
    done = subprocess.run(
        [*python, "-m", "pytest", *options, "-c", str(HERE.parents[1] / "pyproject.toml"), *files],
        env=env,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
