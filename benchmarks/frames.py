"""Frames: a million journal events to pandas, and reading again after one transcript grew.

Times and peak memory are those of processes of their own, whose imports are not counted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.timing import Row
from patina_nb import events

EVENTS, SESSIONS = 1_000_000, 50
SCALED = 10  # the baseline reads a tenth: the whole takes minutes and gigabytes
FILES, CALLS = 40, 300
RUNS = 3

_MEASURED = """
import resource, sys, time
{imports}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start
print(seconds * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, before / 1024)
"""
_IMPORTS = """
import duckdb, genai_prices.data_snapshot, pandas, pyarrow
from pathlib import Path
from patina_nb import frames
from patina_nb.frames.reading.arrow import to_pandas
from patina_nb.frames.reading.events import Events
from patina_nb.frames.reading.journals import JournalSource
frames.sessions([])
"""
_EVENTS = "assert len(to_pandas(Events([JournalSource(Path({source!r}))]).lines)) == {number}"
_RUNS = "assert len(frames.runs({source!r})) == {number}"
_PANDAS = (
    "assert sum(len(pandas.read_json(p, lines=True)) for p in Path({source!r}).rglob('*.jsonl')) == {number}"
)
_SESSIONS = "assert len(frames.sessions({source!r})) == {number}"


def rows(scratch: Path) -> Iterator[Row]:
    """The rows of frames, in the order of the table."""
    journal = _journal(scratch / "journal", EVENTS)
    tenth = _journal(scratch / "tenth", EVENTS // SCALED)
    nowhere = os.devnull + "/x"  # no cache
    pandas_ms, pandas_mib = _measured(_PANDAS, tenth, EVENTS // SCALED, nowhere)
    baseline = f"pandas.read_json, {EVENTS // SCALED // 1000}k x {SCALED}, peak {pandas_mib * SCALED:.0f} MiB"
    ms, mib = _measured(_EVENTS, journal, EVENTS, nowhere)
    name = f"1M journal events to pandas, peak {mib:.0f} MiB"
    yield Row(name, ms, baseline, pandas_ms * SCALED, "<= 1 s", ms <= 1000, RUNS)
    ms, mib = _measured(_RUNS, journal, EVENTS // 2, nowhere)
    name = f"frames.runs() of them, peak {mib:.0f} MiB"
    yield Row(name, ms, baseline, pandas_ms * SCALED, "<= 2 s", ms <= 2000, RUNS)
    yield _again(scratch)


def _again(scratch: Path) -> Row:
    """All sessions after one of the files grew; baseline: the first time, when nothing is in the cache."""
    folder = scratch / "grown"
    for number in range(FILES):
        _transcript(folder / f"{number}.jsonl", number, range(CALLS))
    first, again = [], []
    for run in range(RUNS):
        cache = str(scratch / f"cache-{run}")
        first.append(_measured(_SESSIONS, folder, FILES, cache, runs=1)[0])
        _transcript(folder / "0.jsonl", 0, range(CALLS + run, CALLS + run + 1))
        again.append(_measured(_SESSIONS, folder, FILES, cache, runs=1)[0])
    ours, baseline = statistics.median(again), statistics.median(first)
    size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
    name = f"sessions of {FILES} transcripts ({size:.0f} MiB) after one grew"
    return Row(name, ours, "the first reading", baseline, "<= 0.7x", ours <= 0.7 * baseline, RUNS)


def _measured(work: str, source: Path, number: int, cache: str, runs: int = RUNS) -> tuple[float, float]:
    """Median milliseconds, and the highest memory in MiB."""
    code = _MEASURED.format(imports=_IMPORTS, work=work.format(source=str(source), number=number))
    env = {**os.environ, "PATINA_CACHE_DIR": cache, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    figures = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        figures.append([float(figure) for figure in done.stdout.split()])
    return statistics.median(ms for ms, _, _ in figures), max(peak for _, peak, _ in figures)


def _journal(folder: Path, number: int) -> Path:
    """So many events of steps, half of them begins, in SESSIONS files."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for session in range(SESSIONS):
        name = f"session-{session}"
        lines = []
        for step in range(number // SESSIONS // 2):
            at = begin + timedelta(seconds=3 * step)
            common = {"session_id": name, "number": step}
            command = f"pytest -q tests/test_{step}.py"
            lines.append(events.StepStarted(**common, at=at, run="command", command=command, engine="local"))
            lines.append(
                events.StepFinished(
                    **common,
                    at=at + timedelta(seconds=1.5),
                    status="ok",
                    exit_code=0,
                    signal=None,
                    duration_s=1.5,
                    commit="b" * 40 if step % 2 else None,
                    parent="a" * 40,
                    files=1,
                    stdout_bytes=100,
                    stderr_bytes=0,
                    tree_sha="c" * 40,
                )
            )
        path = folder / "sessions" / name / "w.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(events.encode_record(events.to_record(event)) + b"\n" for event in lines))
    return folder


def _transcript(path: Path, session: int, calls: range) -> None:
    """Append calls of Claude Code, 16 KB each, which is usual with what tools answered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    usage = {"input_tokens": 3, "output_tokens": 40, "cache_creation_input_tokens": 900}
    with path.open("a") as file:
        for number in calls:
            message = {
                "id": f"msg_{session}_{number}",
                "role": "assistant",
                "model": "claude-opus-4-6",
                "stop_reason": "end_turn",
                "content": [{"type": "text", "text": "x" * 16_000}],
                "usage": {**usage, "cache_read_input_tokens": 15_000 + number},
            }
            record = {
                "type": "assistant",
                "uuid": f"{session}-{number}",
                "sessionId": f"session-{session}",
                "timestamp": f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
                "cwd": "/w",
                "isSidechain": False,
                "message": message,
            }
            file.write(json.dumps(record) + "\n")
