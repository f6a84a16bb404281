"""``%load_ext patina_nb`` on top of an IPython that has started."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.timing import Row

RUNS = 9
_PROGRAM = """
import time
from IPython.core.interactiveshell import InteractiveShell
start = time.perf_counter()
shell = InteractiveShell.instance()
ready = time.perf_counter()
shell.run_line_magic("load_ext", "patina_nb")
print(ready - start, time.perf_counter() - ready)
"""


def rows(scratch: Path) -> Iterator[Row]:
    """Baseline: the start of the shell itself. With compiled modules, as an installed package has them."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(scratch / "compiled")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    pairs = [_seconds(env) for _ in range(RUNS + 1)][1:]
    shell, ours = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    what, baseline = "%load_ext patina_nb", "start of the IPython shell"
    yield Row(what, ours, baseline, shell, "<= 50 ms", ours <= 50, RUNS)


def _seconds(env: dict[str, str]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=env, capture_output=True, text=True, check=True
    )
    shell, extension = map(float, done.stdout.split()[-2:])
    return shell, extension
