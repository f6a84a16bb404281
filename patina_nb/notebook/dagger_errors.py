"""What ended a pipeline: a failed command, a refusal of the engine, or an error of the cell itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patina_nb.errors import CommandFailed, PatinaError, UsageError
from patina_nb.presentation import html
from patina_nb.presentation.html import Piece

from .dagger_output import failed_command

if TYPE_CHECKING:
    from .dagger_cell import CellCode

_TRACE = re.compile(r"\s*\[traceparent:[0-9a-f-]+\]")
MESSAGE_LIMIT = 500
_NO_ASYNCIO_RUN = (
    "asyncio.run(main()) cannot be called in a cell: write await main(), "
    "or switch it on with %config PatinaMagics.nest_asyncio = True."
)


def explain(error: BaseException, cell: CellCode, lines: int) -> tuple[BaseException, Piece | None]:
    """The error that the cell ends with, and what to show of it.

    A command that failed, or what the engine refused, becomes one line without a traceback; anything else is
    the cell's own error and keeps the traceback of the cell's lines.
    """
    import dagger

    if isinstance(error, PatinaError):
        return error, None
    if isinstance(error, RuntimeError) and "asyncio.run() cannot be called" in str(error):
        return UsageError(_NO_ASYNCIO_RUN), None
    leaves = list(_leaves(error))
    if not all(isinstance(leaf, dagger.DaggerError) for leaf in leaves):
        cell.show_own_lines(error)
        return error, None
    told = [(leaf, cell.line_of(leaf) or cell.line_of(error)) for leaf in leaves]
    ended = CommandFailed("; ".join(_sentence(leaf, line) for leaf, line in told))
    ended.__cause__ = error
    return ended, html.stack(*(_block(leaf, line, lines) for leaf, line in told))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _block(error: BaseException, line: int | None, lines: int) -> Piece | None:
    import dagger

    if not isinstance(error, dagger.ExecError):
        return None
    return failed_command(error.command, error.exit_code, error.stdout, error.stderr, line, lines)


def _sentence(error: BaseException, line: int | None) -> str:
    import dagger

    from patina_nb.engines.dagger.telemetry import label

    where = "" if line is None else f" (line {line} of the cell)"
    if isinstance(error, dagger.ExecError):
        return f"{label(error.command, 120)} ended with exit code {error.exit_code}{where}"
    said = " ".join(_TRACE.sub("", str(error)).split())
    said = said if len(said) <= MESSAGE_LIMIT else said[:MESSAGE_LIMIT] + " …"
    return f"The engine could not do it{where}: {said}"
