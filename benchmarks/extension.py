"""``%load_ext patina_nb`` on top of an IPython that has started."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.timing import Row

_PROGRAM = """
import time
from IPython.core.interactiveshell import InteractiveShell
start = time.perf_counter()
shell = InteractiveShell.instance()
ready = time.perf_counter()
shell.run_line_magic("load_ext", "patina_nb")
print(ready - start, time.perf_counter() - ready)
"""


def loading(runs: int = 9) -> Row:
    """Baseline: the start of the shell itself."""
    pairs = []
    for _ in range(runs + 1):
        out = subprocess.run(
            [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
        ).stdout
        shell, extension = map(float, out.split()[-2:])
        pairs.append((extension * 1000, shell * 1000))
    ours = statistics.median(a for a, _ in pairs[1:])
    baseline = statistics.median(b for _, b in pairs[1:])
    return Row(
        "%load_ext patina_nb", ours, "start of the IPython shell", baseline, "<= 50 ms", ours <= 50, runs
    )
