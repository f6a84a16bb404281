"""``%patina_diff`` and ``%patina_log``: look at what a session did. Reads the branch; no box is opened."""

from __future__ import annotations

import functools

from IPython.core.magic import magics_class

from patina_nb.presentation import display

from ..arguments import Words, count
from ..usage import COMMON, Argument, Option, Usage
from .base import Shown, TopicMagics, magic

DIFF = Usage(
    "patina_diff",
    "What a session's branch changed.",
    arguments=(
        Argument("a", "from; default: where the session started"),
        Argument("b", "to; default: the head of its branch"),
        Argument("paths", "only these", kind="after"),
    ),
    options=(Option(("--stat",), "the changed files only"), *COMMON),
)
LOG = Usage(
    "patina_log",
    "The commits of a session's branch, the newest first.",
    options=(Option(("-n", "--number"), "at most so many", "N", count), *COMMON),
)


@magics_class
class ReviewMagics(TopicMagics):
    """Diff and log."""

    @magic("line", DIFF)
    def patina_diff(self, words: Words, _cell: str | None) -> Shown:
        from patina_nb.session import meant

        project, session = meant(words.session)
        tip = words.b or project.repository.tip(session.id)
        found = project.repository.diff(words.a or session.base, tip, words.paths)
        return Shown(found, display.diff(found, stat=words.stat))

    @magic("line", LOG)
    def patina_log(self, words: Words, _cell: str | None) -> object:
        from patina_nb.session import meant

        project, session = meant(words.session)
        tip = project.repository.tip(session.id)
        commits = project.repository.log(session.base, tip, words.number)
        return display.Listing(commits, functools.partial(display.commits, branch=session.branch))
