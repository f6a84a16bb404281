"""The few pieces of HTML we show: tables, facts, output, diffs. All text is escaped.

No `<style>`, no `id`, no script, so that the same bytes read well in JupyterLab, nbviewer and on GitHub,
also after a sanitizer dropped the inline styles. Every piece is a `Piece`: HTML and its plain text twin.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from patina_nb.presentation.ansi import PLAIN, Span, Style, spans
from patina_nb.presentation.excerpt import plain
from patina_nb.presentation.text import clipped, visible

MAX_ROWS = 20
NOT_KNOWN = "\u2014"

Cell = str | int | float | None


@dataclass(frozen=True)
class Piece:
    """Something to show, as HTML and as plain text."""

    html: str
    plain: str

    def bundle(self) -> dict[str, str]:
        """The MIME bundle for a notebook."""
        return {"text/html": self.html, "text/plain": self.plain}


def stack(*pieces: Piece | None) -> Piece:
    """Pieces one below the other; None is left out."""
    shown = [piece for piece in pieces if piece is not None]
    return Piece("\n".join(piece.html for piece in shown), "\n".join(p.plain for p in shown if p.plain))


def escape(text: str) -> str:
    """Text for HTML: escaped, hidden characters made visible."""
    return html.escape(visible(text))


def line(strong: str, rest: str = "", *, status: bool = False) -> Piece:
    """One line that begins with what matters; `status` marks it for screen readers as the state."""
    role = ' role="status"' if status else ""
    both = f"{strong}{': ' if rest else ''}{rest}"
    tail = f": {escape(rest)}" if rest else ""
    return Piece(f"<div{role}><strong>{escape(strong)}</strong>{tail}</div>", visible(both))


def bullets(title: str, items: Sequence[str]) -> Piece | None:
    """A titled list; None when there is nothing to list."""
    if not items:
        return None
    body = "".join(f"<li>{escape(item)}</li>" for item in items)
    text = "\n".join(f"  - {visible(item)}" for item in items)
    return Piece(f"<div>{escape(title)}</div><ul>{body}</ul>", f"{visible(title)}\n{text}")


def table(rows: Iterable[Sequence[Cell]], columns: Sequence[str], caption: str) -> Piece:
    """A real table; the first cell of a row is its heading. At most 20 rows, said in the caption.

    Numbers are right-aligned, None is shown as a dash with "not known" in the caption.
    """
    every = [list(row) for row in rows]
    shown = every[:MAX_ROWS]
    if len(every) > len(shown):
        caption = f"{caption} ({len(shown)} of {len(every)} rows)"
    if any(cell is None for row in shown for cell in row):
        caption = f"{caption} ({NOT_KNOWN}: not known)"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(_row(row) for row in shown)
    markup = (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
    return Piece(markup, "\n".join([visible(caption), *_aligned([list(columns), *shown])]))


def _row(row: Sequence[Cell]) -> str:
    first, rest = row[0], row[1:]
    heading = f'<th scope="row"{_align(first)}>{escape(_text(first))}</th>'
    return f"<tr>{heading}{''.join(f'<td{_align(cell)}>{escape(_text(cell))}</td>' for cell in rest)}</tr>"


def _align(cell: Cell) -> str:
    return ' align="right"' if isinstance(cell, int | float) else ' align="left"'


def _text(cell: Cell) -> str:
    return NOT_KNOWN if cell is None else str(cell)


def _aligned(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Plain rows in columns of even width."""
    cells = [[visible(_text(cell)).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells if i < len(row)) for i in range(max(map(len, cells)))]
    numbers = [i for i in range(len(widths)) if any(isinstance(row[i], int | float) for row in rows[1:])]
    return [
        "  ".join(
            text.rjust(width) if i in numbers else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in cells
    ]


def facts(rows: Iterable[tuple[str, str | None]], caption: str) -> Piece:
    """A table of name and value; rows whose value is None are left out."""
    known = [(name, value) for name, value in rows if value is not None]
    body = "".join(
        f'<tr><th scope="row" align="left">{escape(name)}</th><td align="left">{escape(value)}</td></tr>'
        for name, value in known
    )
    markup = f"<table><caption>{escape(caption)}</caption><tbody>{body}</tbody></table>"
    width = max((len(visible(name)) for name, _ in known), default=0)
    return Piece(
        markup, "\n".join(f"  {visible(name).ljust(width)}  {visible(value)}" for name, value in known)
    )


def output(title: str, raw: str) -> Piece:
    """Terminal output below a title; colours as inline styles, in plain text without."""
    body = "".join(_span(span) for span in spans(raw))
    return Piece(
        f"<div>{escape(title)}</div>\n<pre>{body}</pre>", f"{visible(title)}\n{plain(raw)}".rstrip("\n")
    )


def _span(span: Span) -> str:
    text = html.escape(span.text)
    return text if span.style == PLAIN else f'<span style="{span.style.css()}">{text}</span>'


_DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def diff(title: str, patch: str, limit: int) -> Piece:
    """A patch, its first `limit` lines; the sign stays, the colour is added to it."""
    lines = patch.removesuffix("\n").split("\n") if patch else []
    shown = [clipped(text) for text in lines[:limit]]
    if len(lines) > limit:
        shown.append(f"[… {len(lines) - limit} more lines; the returned object holds them all in .text]")
    body = "\n".join(_span(Span(text, _diff_style(text))) for text in shown)
    return Piece(f"<div>{escape(title)}</div>\n<pre>{body}</pre>", "\n".join([visible(title), *shown]))


def _diff_style(text: str) -> Style:
    if text.startswith(("diff ", "--- ", "+++ ", "index ")):
        return Style(bold=True)
    return Style(colour=_DIFF_COLOURS.get(text[:1]))


def progress(label: str) -> Piece:
    """A bar without an end, for what cannot be measured; nothing in plain text."""
    return Piece(f'<progress aria-label="{escape(label)}"></progress>', "")
