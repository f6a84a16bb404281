"""Run commands beside a busy background process for a while; whoever serves them must neither fail nor grow.

    python -m benchmarks.soak [--engine NAME] [seconds, default 600]

Without an engine it is the command server alone; with one (local, dagger), the steps of a workspace, of which
each must end as a commit. Prints how many ran, errors, median and p99 in milliseconds, and a series of memory
and descriptors: of the server, or of our own process. Ends with 1 after any error, or when one has grown.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.soaked import DESCRIPTORS, MEMORY, Figures, Soaked, server, workspace
from patina_nb.sandbox.protocol import Command

SAMPLES = 20
SETTLED = SAMPLES // 4  # samples until caches, pools and allocators have what they need
SLACK = {"processes": 1, MEMORY: 8, DESCRIPTORS: 8}
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


@dataclass
class Soak:
    """What came of it."""

    count: int = 0
    times_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    series: list[Figures] = field(default_factory=list)
    background_lives: bool = False

    @property
    def grown(self) -> list[str]:
        """The figures that have grown since things had settled."""
        first, last = self.series[min(SETTLED, len(self.series) - 1)], self.series[-1]
        return [name for name, slack in SLACK.items() if name in first and last[name] > first[name] + slack]


def soak(soaked: Soaked, seconds: float) -> Soak:
    """Run commands for so long."""
    background = soaked.start(BACKGROUND)
    done = Soak()
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        command, expected = KINDS[done.count % len(KINDS)]
        done.count += 1
        if error := soaked.run(command, done.count, expected):
            done.errors.append(error)
        if command.timeout is None:
            done.times_ms.append((time.monotonic() - now) * 1000)
        if now > began + (len(done.series) + 1) * seconds / SAMPLES:
            time.sleep(0.7)  # until the short background of the last commands has ended
            done.series.append(soaked.figures())
    done.series.append(soaked.figures())
    done.background_lives = background.running
    background.stop(grace=1)
    return done


def report(done: Soak) -> None:
    """The figures on stdout."""
    times = sorted(done.times_ms)
    print(
        f"{done.count} commands, {len(done.errors)} errors, background process alive: {done.background_lives}"
    )
    late = times[len(times) * 99 // 100]
    print(f"median {statistics.median(times):.2f} ms, p99 {late:.2f}, max {times[-1]:.1f}")
    for name in done.series[0]:
        print(f"{name:22}", *(f"{figures[name]:g}" for figures in done.series))
    for error in done.errors[:5]:
        print("ERROR", error)
    print("grown: " + ", ".join(done.grown) if done.grown else "not grown")


def main(arguments: Sequence[str]) -> int:
    """Soak, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("seconds", nargs="?", type=float, default=600)
    parser.add_argument("--engine", choices=("local", "dagger"), help="default: the command server alone")
    given = parser.parse_args(arguments)
    with workspace(given.engine) if given.engine else server() as soaked:
        done = soak(soaked, given.seconds)
    report(done)
    return 0 if done.background_lives and not done.errors and not done.grown else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
