"""The few pieces of HTML we show: tables, facts, output, diffs. All text is escaped.

No `<style>`, no `id`, no script, so that the same bytes read well in JupyterLab, nbviewer and on GitHub,
also after a sanitizer dropped the inline styles (they only take back what a front end's own style sheet does
to every table: right-aligned text, centred captions). Every piece is a `Piece`: HTML and its plain text twin.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from patina_nb.presentation.ansi import PLAIN, Span, Style, spans
from patina_nb.presentation.columns import aligned
from patina_nb.presentation.excerpt import plain
from patina_nb.presentation.text import clipped, visible

MAX_ROWS = 20
NOT_KNOWN = "\u2014"
_LONG_WORD = re.compile(r"\S{24}(?=\S{8})")

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


def _breakable(text: str) -> str:
    """`escape`, with places to break in words that are wider than a narrow page."""
    return "<wbr>".join(map(html.escape, _LONG_WORD.sub("\\g<0>\0", visible(text)).split("\0")))


def line(strong: str, rest: str = "", *, status: bool = False) -> Piece:
    """One line that begins with what matters; `status` marks it for screen readers as the state."""
    role = ' role="status"' if status else ""
    both = f"{strong}{': ' if rest else ''}{rest}"
    tail = f": {_breakable(rest)}" if rest else ""
    return Piece(f"<div{role}><strong>{_breakable(strong)}</strong>{tail}</div>", visible(both))


def bullets(title: str, items: Sequence[str]) -> Piece | None:
    """A titled list; None when there is nothing to list."""
    if not items:
        return None
    body = "".join(f"<li>{_breakable(item)}</li>" for item in items)
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
    numbers = {i for row in shown for i, cell in enumerate(row) if _is_number(cell)}
    head = "".join(
        f'<th scope="col"{_align(right=i in numbers)}>{escape(name)}</th>' for i, name in enumerate(columns)
    )
    body = "".join(_row(row) for row in shown)
    markup = (
        f'<table><caption style="text-align:left">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    lines = [[visible(_text(cell)) for cell in row] for row in (columns, *shown)]
    return Piece(markup, "\n".join([visible(caption), *aligned(lines, numbers)]))


def _row(row: Sequence[Cell]) -> str:
    first, *rest = row
    cells = [f"<td{_align(right=_is_number(cell))}>{_breakable(_text(cell))}</td>" for cell in rest]
    heading = f'<th scope="row"{_align(right=_is_number(first))}>{_breakable(_text(first))}</th>'
    return f"<tr>{heading}{''.join(cells)}</tr>"


def _align(*, right: bool = False) -> str:
    side = "right" if right else "left"
    return f' align="{side}" style="text-align:{side}"'


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float)


def _text(cell: Cell) -> str:
    return NOT_KNOWN if cell is None else str(cell)


def facts(rows: Iterable[tuple[str, str | None]], name: str) -> Piece:
    """A table of names and values below the line that says what it is about; None is left out.

    `name` is what assistive technology calls it.
    """
    known = [(fact, value) for fact, value in rows if value is not None]
    body = "".join(
        f'<tr><th scope="row"{_align()}>{escape(fact)}</th><td{_align()}>{_breakable(value)}</td></tr>'
        for fact, value in known
    )
    markup = f'<table aria-label="{escape(name)}"><tbody>{body}</tbody></table>'
    width = max((len(visible(fact)) for fact, _ in known), default=0)
    return Piece(
        markup, "\n".join(f"  {visible(fact).ljust(width)}  {visible(value)}" for fact, value in known)
    )


def output(title: str, raw: str) -> Piece:
    """Terminal output below a title; colours as inline styles, in plain text without."""
    body = "".join(_span(span) for span in spans(raw))
    return Piece(_pre(title, body), f"{visible(title)}\n{plain(raw)}".rstrip("\n"))


def _pre(title: str, body: str) -> str:
    return f'<div>{escape(title)}</div>\n<pre style="font-family:monospace">{body}</pre>'


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
    return Piece(_pre(title, body), "\n".join([visible(title), *shown]))


def _diff_style(text: str) -> Style:
    if text.startswith(("diff ", "--- ", "+++ ", "index ")):
        return Style(bold=True)
    return Style(colour=_DIFF_COLOURS.get(text[:1]))


def progress(label: str) -> Piece:
    """A bar without an end, for what cannot be measured; nothing in plain text."""
    return Piece(f'<progress aria-label="{escape(label)}"></progress>', "")
