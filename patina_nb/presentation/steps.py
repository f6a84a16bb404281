"""How a step looks: its state in words, the facts in a table, what went differently, the end of its output.

The summary is made from the step alone, so it looks the same at the end of its own cell and when it is shown
again later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from patina_nb.presentation import html
from patina_nb.presentation.excerpt import last_of, one_line, tail
from patina_nb.presentation.html import Piece
from patina_nb.presentation.units import duration, engine_with, instant, plural, short

if TYPE_CHECKING:
    from patina_nb.sandbox.protocol import Output
    from patina_nb.workspaces.step import Step

SHOWN_PATHS = 12
_STATES = {
    "ok": "finished",
    "failed": "failed",
    "timed out": "timed out",
    "cancelled": "was stopped",
    "out of memory": "ran out of memory",
    "error": "did not run",
    "unknown": "ended without a result: not known whether it succeeded",
}


def headline(step: Step) -> str:
    """One sentence: how the step ended, after how long, and what came of it."""
    end = [part for part in (_exit(step), duration(step.duration_s), _kept(step)) if part]
    return f"Step {step.number} {_STATES[step.status]}: {', '.join(end)}"


def _exit(step: Step) -> str | None:
    if step.signal is not None:
        return f"signal {step.signal} ({_signal_name(step.signal)})"
    return None if step.exit_code is None else f"exit code {step.exit_code}"


def _signal_name(number: int) -> str:
    import signal  # its enums take milliseconds that loading the extension need not

    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _kept(step: Step) -> str:
    if step.unpublished:
        return "NOT on the branch"
    if step.commit is None:
        return "nothing changed"
    return f"{plural(len(step.files), 'file')} changed in commit {short(step.commit)}"


def summary(step: Step, lines: int) -> Piece:
    """The summary of a step with the last `lines` lines of each output."""
    state, _, rest = headline(step).partition(": ")
    return html.stack(
        html.line(state, rest, status=True),
        html.facts(_step_facts(step), f"Step {step.number} of session {step.session_id}"),
        html.bullets("Left out of the commit:", _some([f"{x.path}: {x.reason}" for x in step.left_out])),
        html.bullets("Notes:", _step_notes(step)),
        _output("Output", step.stdout, lines),
        _output("Error output (stderr)", step.stderr, lines),
    )


def _step_facts(step: Step) -> list[tuple[str, str | None]]:
    return [
        ("command", one_line(step.command)),
        ("engine", engine_with(step.engine, step.isolation)),
        ("branch", f"agent/{step.session_id}"),
        ("commit", None if step.commit is None else f"{short(step.commit)} (before: {short(step.parent)})"),
        ("files", _files(step)),
        ("started", instant(step.started_at)),
    ]


def _files(step: Step) -> str | None:
    signs = {"added": "+", "modified": "~", "deleted": "-"}
    named = [f"{signs[change.status]}{change.path}" for change in step.files]
    return ", ".join(_some(named)) or None


def _step_notes(step: Step) -> list[str]:
    beside = ", ".join(map(str, step.beside))
    own = [
        f"The commit is not on the branch: {step.unpublished}" if step.unpublished else "",
        f"History that was on the branch was rewritten; the old tip is kept as {step.kept}."
        if step.rewritten and step.kept
        else "",
        f"Kept as {step.kept}." if step.kept and not step.rewritten else "",
        f"Ran beside step {beside}: files may be theirs." if step.beside else "",
    ]
    return [note for note in own if note] + list(step.notes)


def _some(items: Sequence[str]) -> list[str]:
    """The first few, and how many more there are."""
    if len(items) <= SHOWN_PATHS:
        return list(items)
    return [*items[:SHOWN_PATHS], f"and {len(items) - SHOWN_PATHS} more"]


def _output(title: str, output: Output, lines: int) -> Piece | None:
    if output.total_bytes == 0 or lines == 0:
        return None
    shown, total = tail(output.text, lines)
    of = last_of(lines, total)
    if output.truncated:  # not all of it is here, so nobody knows how many lines it has
        of = f" (last {min(lines, total)} lines of {output.total_bytes} bytes)"
    return html.output(f"{title}{of}:", shown)
