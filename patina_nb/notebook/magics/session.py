"""``%patina_session``: a session's life cycle and what is learnt in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import magics_class

from patina_nb.presentation import display

from ..arguments import Words
from ..usage import COMMON, Argument, Option, Usage
from .base import TopicMagics, magic

if TYPE_CHECKING:
    from patina_nb.session import EndSummary, Session

_ID = Argument("id", "the session; default: the current one", names="session")

START = Usage(
    "patina_session start",
    "start a session on a branch of its own and make it the current one",
    arguments=(Argument("goal", "what is to be done, in quotes"),),
    options=(
        Option(("--id",), "the session's id; default: made from the goal", "ID"),
        Option(("--base",), "where it starts; default: HEAD", "REV"),
        Option(("--agent",), "who works in it; the author of its commits", "NAME"),
        *COMMON[1:],
    ),
)
UPDATE = Usage(
    "patina_session update",
    "note something that was learnt",
    arguments=(Argument("note", "the text, in quotes", required=True),),
    options=COMMON,
)
END = Usage(
    "patina_session end",
    "end the session",
    arguments=(Argument("summary", "what came of it, in quotes"),),
    options=COMMON,
)
LIST = Usage("patina_session list", "the sessions of this repository", options=COMMON[1:])
SHOW = Usage("patina_session show", "one session", arguments=(_ID,), options=COMMON)
USE = Usage(
    "patina_session use",
    "make a session the current one",
    arguments=(Argument("id", "the session", required=True, names="session"),),
    options=COMMON[1:],
)
SESSION = Usage(
    "patina_session",
    "Start, note, end and look at sessions; without a command: show the current one.",
    commands=(START, UPDATE, END, LIST, SHOW, USE),
    options=COMMON,
)


@magics_class
class SessionMagics(TopicMagics):
    """The life cycle of sessions."""

    @magic("line", SESSION)
    def patina_session(self, words: Words, _cell: str | None) -> object:
        command = words.usage.name.split()[-1]
        return getattr(self, f"_{command}", self._show)(words)

    def _start(self, words: Words) -> Session:
        from patina_nb.project import open_project
        from patina_nb.session import start

        base = words.base or "HEAD"
        return start(open_project(), words.goal, session=words.id, base=base, agent=words.agent)

    def _update(self, words: Words) -> Session:
        from patina_nb.session import meant

        return meant(words.session)[1].update(words.note)

    def _end(self, words: Words) -> EndSummary:
        from patina_nb.session import meant
        from patina_nb.workspaces.opening import opened

        session = meant(words.session)[1].check_active()
        for workspace in opened():  # what its processes wrote belongs to the session
            if workspace.branch == session.branch:
                workspace.close()
        return session.end(words.summary)

    def _list(self, _words: Words) -> object:
        from patina_nb.project import open_project
        from patina_nb.session import list_sessions

        return display.Listing(list_sessions(open_project()), display.sessions)

    def _show(self, words: Words) -> Session:
        from patina_nb.session import meant

        return meant(words.values.get("id") or words.values.get("session"))[1]

    def _use(self, words: Words) -> Session:
        from patina_nb.project import open_project
        from patina_nb.session import use

        return use(open_project(), words.id)
