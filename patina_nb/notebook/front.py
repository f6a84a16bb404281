"""The way to the front end: IPython's display functions, with types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core import display_functions

from patina_nb.presentation.html import Piece

_publish: Callable[..., Any] = display_functions.publish_display_data
_display: Callable[..., Any] = display_functions.display


def show(value: object) -> None:
    """Display an object, as IPython would."""
    _display(value)


def show_piece(piece: Piece, *, display_id: str | None = None, update: bool = False) -> None:
    """Display a piece; with a `display_id` it can be replaced later (`update`), wherever it stands."""
    transient = {"display_id": display_id} if display_id else {}
    _publish(data=piece.bundle(), metadata={}, transient=transient, update=update)
