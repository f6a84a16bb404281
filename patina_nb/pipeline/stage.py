"""One stage: its command run in a place, its reports read, its status judged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from patina_nb.pipeline.collect import collect
from patina_nb.pipeline.command import StageCommand
from patina_nb.pipeline.execute import execute
from patina_nb.pipeline.judge import judge
from patina_nb.pipeline.options import Wanted
from patina_nb.pipeline.places import Desk, Place, set_up_desk
from patina_nb.pipeline.progress import Progress, TestCounter
from patina_nb.pipeline.report import Stage
from patina_nb.sandbox.protocol import Command, ExecResult, StreamName


def run_stage(place: Place, command: StageCommand, wanted: Wanted) -> Stage:
    """Run it and say what came of it; raises SandboxError when the box is gone."""
    desk = set_up_desk(place.sandbox)
    if command.tool:
        desk.put(place.sandbox, command.tool.settings)
    counter = TestCounter(command.tool.stream if command.tool else "none")
    result, step, printed = _run(place, desk, command, wanted, counter)
    found = collect(place, desk, command, result, printed)
    reading = found.reading
    verdict = judge(command, result, reading, wanted.timeout)
    return Stage(
        name=command.stage,
        command=command.shown,
        status=verdict.status,
        exit_code=result.exit_code,
        signal=result.signal,
        duration_s=result.duration_s,
        tests=None if reading is None or reading.unread else reading.cases,
        source=found.source,
        stdout=replace(result.stdout, file=None, file_bytes=0),
        stderr=replace(result.stderr, file=None, file_bytes=0),
        notes=(*verdict.notes, *(reading.notes if reading else _counted(counter))),
        step=step,
    )


def run_install(place: Place, commands: Sequence[str], wanted: Wanted) -> Stage:
    """The commands of ``install``, one after the other up to the first that fails, as a stage."""
    began, stage = time.monotonic(), Stage("install", "", "passed")
    for text in commands:
        stage = run_stage(place, StageCommand("install", text, text), wanted)
        if not stage.ok:
            break
    return replace(stage, duration_s=time.monotonic() - began)


def _run(
    place: Place, desk: Desk, command: StageCommand, wanted: Wanted, counter: TestCounter
) -> tuple[ExecResult, int | None, tuple[bytes, bytes]]:
    """The result, the number of its step, and the whole of both outputs."""
    began = time.monotonic()
    whole: list[bytes] = []

    def tick() -> None:
        if wanted.on_progress is not None:
            wanted.on_progress(Progress(command.stage, time.monotonic() - began, counter.tests()))

    def output(stream: StreamName, data: bytes) -> None:
        counter.feed(data, stream)
        if wanted.on_output is not None:
            wanted.on_output(stream, data)

    def carry_out(spool: Path) -> ExecResult:
        env = {**place.env, **desk.in_env(command.env, place.env)}
        request = Command(command.argv, env=env)
        try:
            return execute(
                place.sandbox,
                request,
                spool,
                timeout=wanted.timeout,
                cancel=wanted.cancel,
                on_output=output,
                on_tick=tick,
            )
        finally:
            whole.extend((spool / name).read_bytes() for name in ("stdout", "stderr"))

    tick()
    result, step = place.run(command.shown, carry_out)
    tick()  # with the tests that ended since the last one
    return result, step, (whole[0], whole[1])


def _counted(counter: TestCounter) -> tuple[str, ...]:
    """What the output told although there is no report."""
    tests = ", ".join(f"{number} {status}" for status, number in counter.tests().items())
    return (f"By the output there were tests: {tests}; which ones is not known.",) if tests else ()
