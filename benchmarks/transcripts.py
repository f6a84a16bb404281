"""Token totals of many transcripts against ccusage, in turn and with equal totals.

ccusage serves as the baseline where it is on the PATH (``npm install --global ccusage@20.0.24``); elsewhere
the row says so and shows the reading of the bytes alone. Both are run as programs of their own, the start of
their interpreters included.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timing import Row

MIB = 1024
RUNS = 5
_FILE_BYTES = 1_300_000  # 833 files to the GiB, as in a real collection
_SESSION, _MARK = "00000000-0000-4000-8000-000000000000", "msg_000000"
_OURS = """
import json, resource, sys
from patina_nb.transcripts.usage import usage
found = usage(sys.argv[1], processes=2)
assert not found.errors and not found.n_dropped, found
kinds = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
totals = [sum(getattr(row, kind) or 0 for row in found.rows) for kind in kinds]
peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([totals, sum(peaks)]))
"""
_KINDS = ("inputTokens", "cacheReadTokens", "cacheCreationTokens", "outputTokens")


@dataclass(frozen=True)
class Run:
    """One run of a program: seconds, peak memory in MB of it and what it started, tokens of each kind."""

    seconds: float
    peak_mb: float
    totals: Sequence[int]


def rows(scratch: Path, mib: int = MIB) -> list[Row]:
    """The row of the table; `scratch` must have room for the transcripts."""
    home = scratch / "claude-home"
    corpus(home, mib)
    ours = [sys.executable, "-c", _OURS, str(home)]
    ccusage = shutil.which("ccusage")
    what = f"token totals of {mib} MiB of transcripts, 2 processes"
    if ccusage is None:
        run = _median([_ours(ours) for _ in range(RUNS)])
        bare = statistics.median(_reading(home) for _ in range(RUNS))
        goal = "<= 1.0x ccusage, which is not on the PATH"
        return [_row(f"{what}, peak {run.peak_mb:.0f} MB", run, "reading the bytes", bare, goal, met=False)]
    pairs = [(_ours(ours), _theirs(ccusage, home)) for _ in range(RUNS + 1)][1:]
    run, other = _median([pair[0] for pair in pairs]), _median([pair[1] for pair in pairs])
    if list(run.totals) != list(other.totals):
        raise AssertionError(f"totals differ: {run.totals} and {other.totals}")
    version = subprocess.run(
        [ccusage, "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    baseline = f"ccusage {version}, peak {other.peak_mb:.0f} MB, equal totals"
    met = run.seconds <= other.seconds
    return [_row(f"{what}, peak {run.peak_mb:.0f} MB", run, baseline, other.seconds, "<= 1.0x", met=met)]


def corpus(home: Path, mib: int) -> None:
    """Sessions in the shapes that Claude Code writes, as many as fill `mib`, in a directory of their own.

    Raises FileExistsError where `home` is there already: ccusage reads only ``projects`` below it, we all of
    it, so that a foreign file would make the totals differ.
    """
    home.mkdir(parents=True)
    template = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in _lines()).encode()
    for number in range(max(1, (mib << 20) // len(template))):
        session = f"{number:08}-0000-4000-8000-000000000000"
        path = home / "projects" / f"-work-{number % 20}" / f"{session}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = template.replace(_SESSION.encode(), session.encode())
        path.write_bytes(content.replace(_MARK.encode(), f"msg_{number:06}".encode()))


def _lines() -> list[dict[str, object]]:
    """Turns of about 10 KB: a response over three lines, its tool's progress and result."""
    lines: list[dict[str, object]] = []
    size = 0
    turn = 0
    while size < _FILE_BYTES:
        lines += _turn(turn)
        size += sum(len(json.dumps(line)) for line in lines[-6:])
        turn += 1
    return lines


def _turn(turn: int) -> list[dict[str, object]]:
    common = {
        "sessionId": _SESSION,
        "cwd": "/work",
        "gitBranch": "main",
        "version": "2.1.39",
        "isSidechain": False,
    }

    def line(kind: str, second: int, **more: object) -> dict[str, object]:
        stamp = f"2026-02-{1 + turn // 1440 % 28:02}T{turn // 60 % 24:02}:{turn % 60:02}:{second:02}.000Z"
        return {
            "parentUuid": f"{turn}",
            **common,
            "type": kind,
            **more,
            "uuid": f"{turn}-{second}",
            "timestamp": stamp,
        }

    def response(second: int, output: int, stop: str | None, text: str) -> dict[str, object]:
        usage = {
            "input_tokens": 3,
            "cache_creation_input_tokens": 900 + turn,
            "cache_read_input_tokens": 15000 + 10 * turn,
            "cache_creation": {"ephemeral_5m_input_tokens": turn, "ephemeral_1h_input_tokens": 900},
            "output_tokens": output,
            "service_tier": "standard",
        }
        message = {
            "model": "claude-opus-4-6",
            "id": f"{_MARK}{turn:06}",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": text}],
            "stop_reason": stop,
            "usage": usage,
        }
        return line("assistant", second, message=message, requestId=f"req_{_MARK}{turn:06}")

    hook = {"type": "hook_progress", "hookEvent": "PostToolUse", "command": "check " * 40}
    result = {"tool_use_id": f"t{turn}", "type": "tool_result", "content": "def function(value):\\n" * 150}
    extra = {"stdout": "def function(value):\\n" * 150, "stderr": "", "interrupted": False}
    return [
        response(1, 2, None, "thinking " * 60),
        response(2, 2, None, "The next step is to read the file. " * 10),
        response(3, 150 + turn % 50, "tool_use", "x" * 300),
        line("progress", 4, data=hook),
        line("progress", 5, data=hook),
        line("user", 6, message={"role": "user", "content": [result]}, toolUseResult=extra),
    ]


def _ours(command: Sequence[str]) -> Run:
    start = time.perf_counter()
    out = subprocess.run(command, capture_output=True, check=True).stdout
    seconds = time.perf_counter() - start
    totals, peak_kb = json.loads(out)
    return Run(seconds, peak_kb / 1000, totals)


def _theirs(ccusage: str, home: Path) -> Run:
    command = [ccusage, "claude", "session", "--offline", "--timezone", "UTC", "--json"]
    env = {**os.environ, "CLAUDE_CONFIG_DIR": str(home)}
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, env=env)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        found = json.load(out)
    return Run(seconds, used.ru_maxrss / 1000, [found["totals"][kind] for kind in _KINDS])


def _reading(home: Path) -> float:
    start = time.perf_counter()
    for path in home.rglob("*.jsonl"):
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 18):
                pass
    return time.perf_counter() - start


def _median(runs: Sequence[Run]) -> Run:
    middle = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
    return Run(middle.seconds, max(run.peak_mb for run in runs), middle.totals)


def _row(what: str, run: Run, baseline: str, seconds: float, goal: str, *, met: bool) -> Row:
    return Row(what, run.seconds * 1000, baseline, seconds * 1000, goal, met, RUNS)
