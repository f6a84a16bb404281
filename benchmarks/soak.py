"""Run commands beside a busy background process for a while; the server must neither fail nor grow.

    python benchmarks/soak.py [seconds, default 600]

Prints how many commands ran, errors, median and p99 in milliseconds, and a series of the server's processes,
memory and descriptors. Ends with 1 after any error, or when one of these has grown.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from patina_nb.sandbox.client import Sandbox
from patina_nb.sandbox.protocol import Command
from tests.sandbox.boxes import ServerBox

SAMPLES = 20
MEMORY_SLACK = 2 << 20
DESCRIPTOR_SLACK = 8
BACKGROUND = """
n=0
while sleep 0.002; do
    n=$((n + 1))
    echo $n >>log
    echo "line $n"
    test $((n % 1000)) != 0 || rm log
done
"""
KINDS = (
    (Command(["true"]), 0),
    (Command(["sh", "-c", "echo out; echo err >&2; exit 3"]), 3),
    (Command(["cat"], stdin=b"x" * 200_000), 0),
    (Command(["sh", "-c", "seq 20000"]), 0),
    (Command(["sh", "-c", "sleep 0.5 >/dev/null 2>&1 & exit 0"]), 0),
    (Command(["sh", "-c", "setsid sleep 30 & wait"], timeout=0.05), None),
)


def sample(box: ServerBox) -> tuple[int, int, int]:
    """(processes of the server, their resident memory in bytes, their open descriptors)."""
    processes = memory = descriptors = 0
    for pid in box.processes():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if b"server.main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                memory += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
                descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
                processes += 1
    return processes, memory, descriptors


def main(seconds: float) -> int:
    """Soak, print, judge."""
    with tempfile.TemporaryDirectory() as folder:
        box = ServerBox(Path(folder), watch=True)
        sandbox = Sandbox(box)
        background = sandbox.start(Command(["sh", "-c", BACKGROUND]))
        count = 0
        times: list[float] = []
        errors: list[str] = []
        series = []
        began = time.monotonic()
        next_sample = began + seconds / SAMPLES
        while (now := time.monotonic()) < began + seconds:
            command, expected = KINDS[count % len(KINDS)]
            count += 1
            result = sandbox.exec(command)
            if result.exit_code != expected or result.lost or result.error or result.left:
                errors.append(f"{command.argv}: {result}")
            if command.timeout is None:
                times.append((time.monotonic() - now) * 1000)
            sandbox.changes(lambda folders: [])
            if now > next_sample:
                next_sample += seconds / SAMPLES
                time.sleep(0.7)  # until the short background of the last commands has ended
                series.append(sample(box))
        alive = background.running
        background.stop(grace=1)
        box.close()
    return report(count, times, errors, series, alive)


def report(
    count: int, times: list[float], errors: list[str], series: list[tuple[int, int, int]], alive: bool
) -> int:
    """The figures on stdout; 1 when something is wrong."""
    times.sort()
    print(f"{count} commands, {len(errors)} errors, background process alive: {alive}")
    late = times[len(times) * 99 // 100]
    print(f"median {statistics.median(times):.2f} ms, p99 {late:.2f}, max {times[-1]:.1f}")
    print("processes ", [processes for processes, _, _ in series])
    print("memory MB ", [round(memory / 1e6, 1) for _, memory, _ in series])
    print("descriptors", [descriptors for _, _, descriptors in series])
    for error in errors[:5]:
        print("ERROR", error)
    settled = series[len(series) // 4 :]
    first, last = settled[0], settled[-1]
    grown = (
        last[0] > first[0] + 1
        or last[1] / last[0] > first[1] / first[0] + MEMORY_SLACK
        or last[2] / last[0] > first[2] / first[0] + DESCRIPTOR_SLACK
    )
    print("GROWN" if grown else "not grown")
    return 1 if errors or grown or not alive else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600))
