"""``%%patina_run`` and ``%%patina_write``: what changes a workspace, one step each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from IPython.core.magic import magics_class

from patina_nb.errors import CommandFailed, Interrupted, UsageError
from patina_nb.presentation import html, steps

from ..arguments import Words, octal, seconds
from ..opening import open_box
from ..usage import COMMON, ENGINE, LONG, Argument, Option, Usage
from .base import Ended, Shown, TopicMagics, magic

if TYPE_CHECKING:
    from patina_nb.workspaces.step import Step
    from patina_nb.workspaces.workspace import Workspace

    from ..live import LiveOutput

    Act = Callable[[Workspace, threading.Event, LiveOutput], Step]

RUN = Usage(
    "patina_run",
    "Run a command in the session's workspace: live output, then one step with its commit.",
    arguments=(Argument("command", "a shell command, taken as it stands", kind="verbatim"),),
    options=(
        Option(("--with",), "run the body with this program instead of the shell", "PROGRAM"),
        Option(("--timeout",), "stop the command after this time (90s, 10m)", "TIME", seconds),
        Option(
            ("--secret",),
            "give this command a secret of [workspace] secrets, as a variable of that name; repeatable",
            "NAME",
            names="secret",
            many=True,
        ),
        *LONG,
        ENGINE,
        *COMMON,
    ),
    body="a shell script; nothing in it is expanded",
)

WRITE = Usage(
    "patina_write",
    "Write the cell's body to a file of the session's workspace and commit it.",
    arguments=(Argument("path", "where, relative to the top of the workspace", required=True),),
    options=(
        Option(("--mode",), "permissions in octal; default: 644", "MODE", octal),
        *LONG,
        ENGINE,
        *COMMON,
    ),
    body="the file's content, as it stands",
    line=False,
)


@magics_class
class RunMagics(TopicMagics):
    """Commands and files."""

    @magic("line_cell", RUN)
    def patina_run(self, words: Words, cell: str | None) -> Shown:
        command = words.command if cell is None else cell
        if not (command and command.strip()):
            raise UsageError(
                "%patina_run: there is no command: write %patina_run COMMAND, "
                "or the script below %%patina_run."
            )
        cell_id = self.cell_id

        def act(workspace: Workspace, cancel: threading.Event, live: LiveOutput) -> Step:
            return workspace.run(
                command,
                timeout=words.timeout,
                secrets=words.secret,
                interpreter=words.values["with"],
                cell=cell_id,
                on_output=live.feed,
                cancel=cancel,
            )

        return self._step(words, command, act)

    @magic("cell", WRITE)
    def patina_write(self, words: Words, cell: str | None) -> Shown:
        cell_id = self.cell_id

        def act(workspace: Workspace, _cancel: threading.Event, _live: LiveOutput) -> Step:
            return workspace.write(words.path, cell or "", mode=words.mode or 0o644, cell=cell_id)

        return self._step(words, f"write {words.path}", act)

    def _step(self, words: Words, title: str, act: Act) -> Shown:
        from patina_nb.secrets import hide_all
        from patina_nb.session import meant

        if words.session:  # a mistyped id must not start a new session
            meant(words.session)

        def work(cancel: threading.Event, live: LiveOutput) -> Ended[Step]:
            opened = open_box(words.session, words.engine, self.settings.engine)
            live.where = opened.workspace.branch
            if cancel.is_set():
                raise Interrupted("Stopped before the command was started.")
            step = act(opened.workspace, cancel, live)
            fails = cancel.is_set() or (self.settings.raise_error and not words.no_raise_error)
            return Ended(
                step,
                html.stack(self.shows.step(step), opened.said),
                CommandFailed(f"{steps.headline(step)}.", step) if fails and not step.ok else None,
            )

        return self.long(words, hide_all(title), work)
