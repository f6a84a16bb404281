"""The core of the attacks again as an ordinary user: root is the exception, not the rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.again import run_as

from .stage import AGAIN, ROOT, USER

HERE = Path(__file__).parent
PARTS = (
    ("test_git.py", "test_names.py", "test_new.py"),
    ("test_files.py", "test_processes.py", "test_network_environment.py"),
)


@pytest.mark.skipif(not ROOT, reason="this test run is an ordinary user's already")
@pytest.mark.parametrize("part", range(len(PARTS)))
def test_core_attacks_as_an_ordinary_user(open_dir, part):
    files = [str(HERE / name) for name in PARTS[part]]
    uid = USER + part  # limits of processes are counted by user
    run_as(uid, files, open_dir / "home", "-m", "core", env={AGAIN: "1"})
