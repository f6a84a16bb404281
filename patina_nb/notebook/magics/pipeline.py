"""``%patina_test``, ``%patina_lint``, ``%patina_build``: stages in a clean environment made from a branch."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from IPython.core.magic import magics_class

from patina_nb.errors import CommandFailed, PatinaError, UsageError
from patina_nb.presentation import display, html, reports
from patina_nb.presentation.html import Piece

from ..arguments import Words, seconds
from ..opening import open_box
from ..usage import COMMON, ENGINE, LONG, Argument, Option, Usage
from .base import Ended, Shown, TopicMagics, magic

if TYPE_CHECKING:
    from patina_nb.pipeline.options import CheckOptions
    from patina_nb.pipeline.progress import Progress
    from patina_nb.pipeline.report import Report

    from ..live import LiveOutput

_OPTIONS = (
    Option(("-k", "--select"), "only tests that match (pytest, go test, cargo test, node --test)", "PATTERN"),
    Option(("--fresh",), "run also when this tree has a report already"),
    Option(("--keep-going",), "run the later stages although one failed"),
    Option(("--in-place",), "in the workspace, with whatever lies there, instead of a clean environment"),
    Option(("--all",), "all active sessions, side by side"),
    Option(("--head",), "HEAD instead of a session"),
    Option(("--language",), "instead of what the files say", "NAME", names="language"),
    Option(("--timeout",), "for each stage (90s, 10m); default: the design's, else 30m", "TIME", seconds),
    *LONG,
    ENGINE,
    *COMMON,
)


def _usage(stage: str, what: str) -> Usage:
    return Usage(
        f"patina_{stage}",
        f"{what} in a clean environment made from the session's branch (HEAD when there is no session).",
        arguments=(
            Argument(
                "stages", f"stages to run, in this order; default: {stage}", kind="words", names="stage"
            ),
            Argument("args", "further words for the command of the last stage", kind="after"),
        ),
        options=_OPTIONS,
    )


TEST = _usage("test", "Run the tests")
LINT = _usage("lint", "Run the linter")
BUILD = _usage("build", "Build")


@magics_class
class PipelineMagics(TopicMagics):
    """Lint, build, test."""

    @magic("line", TEST)
    def patina_test(self, words: Words, _cell: str | None) -> Shown:
        return self._check(words, "test")

    @magic("line", LINT)
    def patina_lint(self, words: Words, _cell: str | None) -> Shown:
        return self._check(words, "lint")

    @magic("line", BUILD)
    def patina_build(self, words: Words, _cell: str | None) -> Shown:
        return self._check(words, "build")

    def _check(self, words: Words, default: str) -> Shown:
        stages = words.stages or (default,)
        _agree(words)
        title = " ".join(stages)
        cell_id = self.cell_id

        def one(cancel: threading.Event, live: LiveOutput) -> Ended[Report]:
            report, said = self._one(words, stages, cancel, live, cell_id)
            piece = html.stack(reports.summary(report, self.settings.output_lines), said)
            return Ended(report, piece, self._error(words, cancel, [report], report))

        def every(cancel: threading.Event, live: LiveOutput) -> Ended[list[Report]]:
            from patina_nb.api import check_all

            live.where = "all active sessions"
            found = display.Listing(
                check_all(*stages, **self._options(words, cancel, live)), reports.side_by_side
            )
            return Ended(found, found.piece(), self._error(words, cancel, found, found))

        return self.long(words, title, every) if words.all else self.long(words, title, one)

    def _one(
        self,
        words: Words,
        stages: tuple[str, ...],
        cancel: threading.Event,
        live: LiveOutput,
        cell_id: str | None,
    ) -> tuple[Report, Piece | None]:
        """The report, and what was said if a workspace was opened for it."""
        from patina_nb.api import check

        options = self._options(words, cancel, live)
        options["on_output"] = live.feed
        if words.in_place:
            opened = open_box(words.session, words.engine, self.settings.engine)
            options["in_place"] = True
            return opened.workspace.check(*stages, cell=cell_id, **options), opened.said
        options["engine"] = words.engine or self.settings.engine
        return check(*stages, session="HEAD" if words.head else words.session, **options), None

    def _options(self, words: Words, cancel: threading.Event, live: LiveOutput) -> CheckOptions:
        from patina_nb.pipeline.progress import Together

        together = Together()

        def progress(found: Progress) -> None:
            live.where = together.take(found)

        return {
            "select": words.select,
            "args": words.args,
            "fresh": words.fresh,
            "keep_going": words.keep_going,
            "timeout": words.timeout,
            "language": words.language,
            "on_progress": progress,
            "cancel": cancel,
        }

    def _error(
        self, words: Words, cancel: threading.Event, found: list[Report], value: object
    ) -> PatinaError | None:
        """What fails the cell; holds the value that the magic would have returned."""
        bad = [report for report in found if not report.ok]
        fails = cancel.is_set() or (self.settings.raise_error and not words.no_raise_error)
        if not (bad and fails):
            return None
        said = "; ".join(report.headline() for report in bad)
        return CommandFailed(f"{said}.", value)


def _agree(words: Words) -> None:
    """Options that exclude each other."""
    where = [f"--{name.replace('_', '-')}" for name in ("in_place", "all", "head") if words.values[name]]
    if len(where) > 1 or (words.session and (words.all or words.head)):
        named = ["-s", *where] if words.session and (words.all or words.head) else where
        raise UsageError(f"%{words.usage.name}: {' and '.join(named)} exclude each other: give one of them.")
