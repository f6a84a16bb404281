"""What a magic shows, and what IPython's displayhook then leaves alone.

Every magic returns its object. IPython shows only the last expression of a cell, but a reader expects each
magic to say what it did, wherever it stands. So a magic shows its object's summary itself, and the
displayhook stays silent about that same object in that cell; `_` is set as always. `-q`, or `;` at the end
of the line, shows nothing at all.

The silence needs no patch of the shell: for our types an `_ipython_display_` printer is registered that
either takes the object over (and shows nothing) or raises NotImplementedError, which IPython answers by
asking the next formatter, ours for MIME bundles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from patina_nb.presentation import display, reports, steps
from patina_nb.presentation.html import Piece

from . import front

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .config import PatinaMagics

# by name, so that registering imports nothing
_PIECES: dict[tuple[str, str], Callable[[Any], Piece]] = {
    ("patina_nb.session.view", "Session"): display.session,
    ("patina_nb.session.ending", "EndSummary"): display.ended,
    ("patina_nb.workspaces.workspace", "Workspace"): display.workspace,
    ("patina_nb.repository.history", "Diff"): display.diff,
    ("patina_nb.design.proposal", "Proposal"): display.proposal,
}
_LISTING = ("patina_nb.presentation.display", "Listing")
_FRAMES = (("pandas", "DataFrame"), ("pandas.core.frame", "DataFrame"))  # newer and older pandas
_OWN = (_LISTING, ("patina_nb.notebook.jobs", "Job"), ("patina_nb.notebook.panel.opening", "Panel"), *_FRAMES)
_STEP = ("patina_nb.workspaces.step", "Step")
_REPORT = ("patina_nb.pipeline.report", "Report")


class Display:
    """Shows objects, once per cell. One per shell."""

    def __init__(self, shell: InteractiveShell, config: PatinaMagics) -> None:
        self._shell = shell
        self._config = config
        self._shown: object = None
        self._pieces = {**_PIECES, _STEP: self.step, _REPORT: self.report}

    def step(self, step: Any) -> Piece:  # noqa: ANN401 - a Step; registered among other types
        """A step's summary, with as much output as is configured."""
        return steps.summary(step, self._config.output_lines)

    def report(self, report: Any) -> Piece:  # noqa: ANN401 - a Report
        """A pipeline's summary, with as much output as is configured."""
        return reports.summary(report, self._config.output_lines)

    def register(self) -> None:
        """Teach IPython our types."""
        take_over, bundles, text = _formatters(self._shell)
        text.for_type_by_name(*_LISTING, _print_listing)  # else IPython's own for lists goes first
        for (module, name), piece in self._pieces.items():
            bundles.for_type_by_name(module, name, _bundler(piece))
        for module, name in (*self._pieces, *_OWN):
            take_over.for_type_by_name(module, name, self._take_over)
        self._shell.events.register("pre_run_cell", self._forget)

    def unregister(self) -> None:
        """Take back what `register` did."""
        for module, name in (*self._pieces, *_OWN):
            for formatter in _formatters(self._shell):
                _drop(formatter, module, name)
        self._shell.events.unregister("pre_run_cell", self._forget)

    def present(self, value: object, *, quiet: bool, piece: Piece | None = None) -> None:
        """Show the object that a magic is about to return.

        `quiet`: it needs no display, be it that nothing is wanted or that live output has shown it.
        """
        if value is None and piece is None:
            return
        if not quiet:
            front.show_piece(piece) if piece else front.show(value)
        self._shown = value

    def _take_over(self, value: object) -> None:
        if value is not self._shown:
            raise NotImplementedError
        self._shown = None

    def _forget(self, _info: object) -> None:
        self._shown = None


def _bundler(piece: Callable[[Any], Piece]) -> Callable[[Any], dict[str, str]]:
    return lambda value: piece(value).bundle()


def _print_listing(listing: display.Listing[object], printer: Any, _cycle: bool) -> None:  # noqa: ANN401
    printer.text(listing.piece().plain)


def _formatters(shell: InteractiveShell) -> tuple[Any, Any, Any]:
    """The formatters that may take an object over, for MIME bundles, for text (untyped in IPython)."""
    formatter: Any = shell.display_formatter
    return (
        formatter.ipython_display_formatter,
        formatter.mimebundle_formatter,
        formatter.formatters["text/plain"],
    )


def _drop(formatter: Any, module: str, name: str) -> None:  # noqa: ANN401
    """Forget a type, whether or not its module was imported meanwhile."""
    formatter.deferred_printers.pop((module, name), None)
    for known in [t for t in formatter.type_printers if (t.__module__, t.__name__) == (module, name)]:
        formatter.type_printers.pop(known)
