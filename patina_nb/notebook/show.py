"""What a magic shows, and what IPython's displayhook then leaves alone.

Every magic returns its object. IPython shows only the last expression of a cell, but a reader expects each
magic to say what it did, wherever it stands. So a magic that stands on a line of its own shows its object's
summary itself, and the displayhook stays silent about that same object in that cell; `_` is set as always.
The value of `x = %magic` is not shown, as IPython's users expect: it shows when `x` is evaluated. Live output
of a running command is shown in either case; its display ends as the summary. `-q`, or `;` at the end of the
line, shows nothing at all.

The silence needs no patch of the shell: for our types an `_ipython_display_` printer is registered that
either takes the object over (and shows nothing) or raises NotImplementedError, which IPython answers by
asking the next formatter, ours for MIME bundles.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from . import display, front, steps
from .html import Piece

if TYPE_CHECKING:
    import dis

    from IPython.core.interactiveshell import InteractiveShell

    from .config import PatinaMagics

# by name, so that registering imports nothing
_PIECES: dict[tuple[str, str], Callable[[Any], Piece]] = {
    ("patina_nb.session.view", "Session"): display.session,
    ("patina_nb.session.ending", "EndSummary"): display.ended,
    ("patina_nb.workspaces.workspace", "Workspace"): display.workspace,
    ("patina_nb.repository.history", "Diff"): display.diff,
}
_LISTING = ("patina_nb.notebook.display", "Listing")
_OWN = (_LISTING, ("patina_nb.notebook.jobs", "Job"))
_STEP = ("patina_nb.workspaces.step", "Step")
_CALLS = ("run_line_magic", "run_cell_magic")


class Display:
    """Shows objects, once per cell. One per shell."""

    def __init__(self, shell: InteractiveShell, config: PatinaMagics) -> None:
        self._shell = shell
        self._config = config
        self._shown: object = None
        self._pieces = {**_PIECES, _STEP: self.step}

    def step(self, step: Any) -> Piece:  # noqa: ANN401 - a Step; registered among other types
        """A step's summary, with as much output as is configured."""
        return steps.summary(step, self._config.output_lines)

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
        """Show the object that a magic is about to return, unless its value is taken (see above).

        `quiet`: it needs no display, be it that nothing is wanted or that live output has shown it.
        """
        place = _place()
        if place == "value" or (value is None and piece is None):
            return
        if not quiet:
            front.show_piece(piece) if piece else front.show(value)
        if place == "last" or self._shell.ast_node_interactivity == "all":
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


def _place() -> Literal["value", "statement", "last"]:
    """How the running magic was called: its value is used, it is a statement, it is the cell's last one."""
    frame = _calling_frame()
    position = inspect.getframeinfo(frame, context=0).positions if frame else None
    if frame is None or position is None:
        return "value"
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
    except SyntaxError:  # not the text of a cell
        return "value"
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and _is_at(node, position)]
    if not statements:
        return "value"
    return "last" if tree.body[-1] is statements[0] else "statement"


def _is_at(node: ast.Expr, position: dis.Positions) -> bool:
    call = node.value.value if isinstance(node.value, ast.Await) else node.value
    return (call.lineno, call.col_offset) == (position.lineno, position.col_offset) and (
        call.end_lineno,
        call.end_col_offset,
    ) == (position.end_lineno, position.end_col_offset)


def _calling_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to a caller
    while frame is not None and frame.f_code.co_name not in _CALLS:
        frame = frame.f_back
    return frame.f_back if frame else None
