"""``%patina_workspace`` and ``%patina_delete``: open a session's workspace, remove it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from IPython.core.magic import magics_class

from patina_nb.presentation import display

from ..arguments import Words
from ..opening import open_box
from ..usage import COMMON, ENGINE, LONG, Argument, Option, Usage
from .base import Ended, Shown, TopicMagics, magic

if TYPE_CHECKING:
    from patina_nb.workspaces.workspace import Workspace

    from ..live import LiveOutput

WORKSPACE = Usage(
    "patina_workspace",
    "Open the workspace of a session, or create session and workspace.",
    arguments=(Argument("id", "the session; default: the current one, or a new one", names="session"),),
    options=(
        ENGINE,
        Option(("--base",), "where a new session starts; default: HEAD", "REV"),
        Option(("--with-changes",), "bring your uncommitted changes in (a new session only)"),
        Option(
            ("--network",),
            "default: as it is where it is open already, else none",
            "ACCESS",
            choices=("none", "full"),
        ),
        LONG[0],
        *COMMON,
    ),
)
DELETE = Usage(
    "patina_delete",
    "Remove a session: its workspace, its branch and its refs. The journal stays.",
    arguments=(Argument("id", "the session", required=True, names="session"),),
    options=(Option(("--force",), "also when its commits are on no other branch"), *COMMON[1:]),
)


@magics_class
class WorkspaceMagics(TopicMagics):
    """Opening and removing."""

    @magic("line", WORKSPACE)
    def patina_workspace(self, words: Words, _cell: str | None) -> Shown:
        session = words.id or words.session

        def work(_cancel: threading.Event, live: LiveOutput) -> Ended[Workspace]:
            opened = open_box(
                session,
                words.engine,
                self.settings.engine,
                base=words.base or "HEAD",
                with_changes=words.with_changes,
                network=words.network,
            )
            return Ended(opened.workspace, display.workspace(opened.workspace))

        return self.long(words, f"opening the workspace of {session or 'the current session'}", work)

    @magic("line", DELETE)
    def patina_delete(self, words: Words, _cell: str | None) -> Shown:
        from patina_nb.api import delete

        delete(words.id, force=words.force)
        return Shown(None, display.deleted(words.id))
