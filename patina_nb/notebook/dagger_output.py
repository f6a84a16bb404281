"""How a pipeline looks: its commands numbered, each line of output with the number of its command."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from patina_nb.presentation import html
from patina_nb.presentation.excerpt import last_of, tail
from patina_nb.presentation.html import Piece
from patina_nb.presentation.units import duration, plural

if TYPE_CHECKING:
    from patina_nb.engines.dagger.telemetry import Exec, Progress

KEPT = 64 << 10  # characters
PARTIAL_LIMIT = 8 << 10  # of a line that has not ended

Feed = Callable[[str, bytes], None]
_STATES = {"cached": "from the cache", "waiting": "not needed"}


class Transcript:
    """The commands of a pipeline, and the output of all as one text in the order in which it came.

    `progress` is set before the first output.
    """

    progress: Progress

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._partial: dict[tuple[int, str], str] = {}  # lines that have not ended
        self._kept = ""

    def take(self, command: Exec, stream: str, text: str) -> None:
        """More output of a command."""
        with self._lock:
            number = self._number(command)
            *lines, rest = (self._partial.pop((number, stream), "") + text).split("\n")
            if len(rest) > PARTIAL_LIMIT:
                lines, rest = [*lines, rest], ""
            if rest:
                self._partial[number, stream] = rest
            self._add(number, lines)

    def piece(self, lines: int) -> Piece | None:
        """The last `lines` lines; None when there was no output or none is wanted. Nothing comes after it."""
        with self._lock:
            for (number, _), rest in sorted(self._partial.items()):
                self._add(number, [rest])
            self._partial.clear()
        if not self._kept or lines == 0:
            return None
        shown, total = tail(self._kept, lines)
        more = f" (last {lines} lines)" if total > lines else ""  # how many there were in all is not kept
        return html.output(f"Output, by number of the command{more}:", shown)

    def summary(self, state: str, facts: Sequence[tuple[str, str | None]]) -> Piece:
        """State, facts and a table of the commands."""
        execs = self.progress.execs()
        elapsed = duration(time.monotonic() - self._began)
        return html.stack(
            html.line(f"Pipeline {state}", ", ".join([*_counts(execs), elapsed]), status=True),
            html.facts(facts, "Pipeline"),
            _table(execs) if execs else None,
        )

    def _number(self, command: Exec) -> int:
        if command.span_id not in self._numbers:
            ids = [known.span_id for known in self.progress.execs()]
            number = ids.index(command.span_id) + 1
            self._numbers[command.span_id] = number
            self._add(number, [f"$ {command.label}"])
        return self._numbers[command.span_id]

    def _add(self, number: int, lines: Sequence[str]) -> None:
        text = "".join(f"{number}│ {line}\n" for line in lines)
        self._kept = (self._kept + text)[-KEPT:]
        self._feed("stdout", text.encode("utf-8", "replace"))


def _counts(execs: Sequence[Exec]) -> list[str]:
    if not execs:  # what the engine has answered on this connection before is not even told again
        return ["no command was run"]
    cached = sum(one.state == "cached" for one in execs)
    return [plural(len(execs), "command")] + ([f"{cached} from the cache"] if cached else [])


def _table(execs: Sequence[Exec]) -> Piece:
    rows = [(number, one.label, _state(one), _time(one)) for number, one in enumerate(execs, 1)]
    return html.table(rows, ("number", "command", "state", "took"), "Commands of the pipeline")


def _state(one: Exec) -> str:
    if one.service:  # it ends some seconds after nobody needs it any more
        return "service"
    return one.message.splitlines()[0] if one.message else _STATES.get(one.state, one.state)


def _time(one: Exec) -> str:
    return "" if one.state in _STATES or one.duration_s is None else duration(one.duration_s)


def failed_command(
    command: Sequence[str], exit_code: int, stdout: str, stderr: str, line: int | None, lines: int
) -> Piece:
    """A command that failed, in one block: what was run, how it ended, the end of what it wrote."""
    from patina_nb.engines.dagger.telemetry import label

    said, name = (stderr, "Error output (stderr)") if stderr.strip() else (stdout, "Output")
    shown, total = tail(said.strip("\n"), lines or 1)
    return html.stack(
        html.facts(
            [
                ("command", label(command, 200)),
                ("exit code", str(exit_code)),
                ("line of the cell", None if line is None else str(line)),
            ],
            "Command that failed",
        ),
        html.output(f"{name}{last_of(lines, total)}:", shown)
        if said.strip()
        else html.line("It wrote nothing"),
    )
