"""What Binder runs: plain processes are named only where the doctor says that nothing isolates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patina_nb.engines.local.engine import LocalEngine
from tests.conftest import python_env

BINDER = Path(__file__).resolve().parent.parent / "binder"


def engine_named_by_start(directory: Path, doctor: str) -> str:
    """PATINA_ENGINE as a server sees it that `binder/start` starts; `doctor` is the script of patina-nb."""
    command = directory / "patina-nb"
    command.write_text(f"#!/bin/sh\n{doctor}\n")
    command.chmod(0o755)
    env = {name: value for name, value in python_env().items() if name != "PATINA_ENGINE"}
    env["PATH"] = f"{directory}:{os.environ['PATH']}"
    ask = ["sh", "-c", 'echo "${PATINA_ENGINE-not set}"']
    start = ["bash", str(BINDER / "start"), *ask]
    return subprocess.check_output(start, env=env, cwd=directory, text=True, timeout=120).strip()


def test_the_real_doctor_decides(tmp_path):
    real = f'exec {sys.executable} -m patina_nb.cli "$@"'
    expected = "not set" if LocalEngine().probe().usable else "process"
    assert engine_named_by_start(tmp_path, real) == expected


@pytest.mark.parametrize(("code", "engine"), [(0, "not set"), (1, "process"), (125, "not set")])
def test_only_a_no_of_the_doctor_loosens_anything(tmp_path, code, engine):
    assert engine_named_by_start(tmp_path, f"exit {code}") == engine
