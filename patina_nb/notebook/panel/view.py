"""The panel's widgets: a table of sessions, one session's controls, and what it shows.

Every control has a label and works by keyboard; states are words. All that comes from a session is escaped
(`html`), for the HTML widget shows markup as it stands. Handlers only begin work and return at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from patina_nb.errors import PatinaError
from patina_nb.notebook.panel import work
from patina_nb.notebook.panel.costs import Costs, Spent
from patina_nb.notebook.panel.overview import Overview, Row, table
from patina_nb.presentation import html
from patina_nb.presentation.excerpt import one_line
from patina_nb.presentation.html import Piece

if TYPE_CHECKING:
    from patina_nb.project import Project

_WIDE = widgets.Layout(width="100%")
_LABEL = {"description_width": "6em"}
_WHOLE = {"continuous_update": False}  # else a button pressed right after fast typing sees half of the text


class View:
    """The widgets and what they do; `widget` is what is displayed. `refresh` may be called by any thread."""

    def __init__(self, project: Project, lines: int) -> None:
        self._project = project
        self._lines = lines
        self._overview = Overview(project)
        self._costs = Costs(project)
        self.spent: Mapping[str, Spent] = {}
        self._rows: list[Row] = []
        self._reading = threading.Lock()
        self._desk = work.Desk(project, self._show, self._ended, lines)
        self._shown: dict[str, Piece] = {}
        self._make()
        self.refresh()

    # -- widgets ------------------------------------------------------------------------------------

    def _make(self) -> None:
        self.status = widgets.HTML()
        self.sessions = widgets.HTML(tabbable=True, layout=widgets.Layout(width="100%", overflow="auto"))
        self.words = _text("Filter", "words that a session's line holds", continuous_update=True)
        self.goal = _text("Goal", "what is to be done")
        self.start = self._button("Start a session", "on a branch of its own", self._start, "primary")
        self.session = widgets.Dropdown(description="Session", style=_LABEL, layout=_WIDE)
        self.command = widgets.Textarea(
            description="Command", placeholder="a shell script", style=_LABEL, layout=_WIDE, rows=3, **_WHOLE
        )
        self.run = self._button("Run", "the command as one step of the session", self._run, "primary")
        self.open = self._button("Open workspace", "and say what holds it", self._act("open"))
        self.test = self._button("Test", "in a clean environment made from the branch", self._check("test"))
        self.lint = self._button("Lint", "in a clean environment made from the branch", self._check("lint"))
        self.diff = self._button("Diff", "what the branch changed", self._act("diff"))
        self.log = self._button("Log", "the branch's commits", self._act("log"))
        self.cancel = self._button("Cancel", "stop what runs; what it wrote is kept", self._cancel, "warning")
        self.summary = _text("Summary", "what came of it")
        self.end = self._button("End session", "its branch stays", self._end)
        self.delete = self._button("Delete session", "its workspace and its branch", self._ask, "danger")
        self.question = widgets.HTML()
        self.yes = self._button("Yes, delete it", "cannot be undone", self._delete, "danger")
        self.no = self._button("No, keep it", "", self._keep)
        self.confirm = widgets.VBox([self.question, widgets.HBox([self.yes, self.no])])
        self.confirm.layout.display = "none"
        self.output = widgets.HTML(
            tabbable=True, layout=widgets.Layout(width="100%", overflow="auto", max_height="40em")
        )
        self.words.observe(lambda _change: self._draw(), "value")
        self.session.observe(lambda _change: self._chosen(), "value")
        self.widget = widgets.VBox(
            [
                self.status,
                _row(self.words),
                self.sessions,
                _row(self.goal, self.start),
                self.session,
                self.command,
                _row(self.run, self.open, self.test, self.lint, self.diff, self.log, self.cancel),
                _row(self.summary, self.end, self.delete),
                self.confirm,
                self.output,
            ]
        )

    def _button(self, label: str, tip: str, act: Callable[[], None], style: str = "") -> Any:  # noqa: ANN401
        """A button; what goes wrong is said in the panel, where the one who pressed it looks."""

        def pressed(_button: object) -> None:
            try:
                act()
            except PatinaError as error:
                self._say("Not done", str(error))

        button = widgets.Button(description=label, tooltip=tip, button_style=style)
        button.layout.width = "auto"
        button.on_click(pressed)
        return button

    # -- what is true ---------------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Read the journal on and show what is new; True when something was."""
        with self._reading:
            rows = self._overview.read()
            if self.sessions.value:  # the first look shows the sessions at once
                self._costs.look(harvested=self._overview.harvested)
            spent = self._costs.known
            if rows == self._rows and spent == self.spent and self.sessions.value:
                return False
            self._rows, self.spent = rows, spent
            self._draw()
        return True

    def _draw(self) -> None:
        self.sessions.value = table(self._rows, self.spent, words=self.words.value).html
        names = [row.id for row in self._rows]
        if list(self.session.options) != names:
            chosen = self.session.value
            self.session.options = names  # takes the first one
            if chosen in names:
                self.session.value = chosen
        self._enable()

    def _enable(self) -> None:
        row = self._row_of(self.session.value)
        busy = row is not None and self._desk.busy(row.id)
        active = row is not None and not row.over
        for button, usable in (
            (self.run, active and not busy),
            (self.open, active and not busy),
            (self.test, row is not None and not busy),
            (self.lint, row is not None and not busy),
            (self.diff, row is not None and not busy),
            (self.log, row is not None and not busy),
            (self.cancel, busy),
            (self.end, active and not busy),
            (self.delete, row is not None and not busy),
        ):
            if button.disabled == usable:
                button.disabled = not usable

    def _row_of(self, session: str | None) -> Row | None:
        return next((row for row in self._rows if row.id == session), None)

    # -- what is asked for ------------------------------------------------------------------------------

    def _say(self, strong: str, rest: str = "") -> None:
        self.status.value = html.line(strong, rest, status=True).html

    def complain(self, error: PatinaError) -> None:
        """Say what went wrong where no button was pressed."""
        self._say("The sessions cannot be read", str(error))

    def say_resting(self) -> None:
        """A newer panel of the repository follows what happens instead."""
        self._say("This panel is not kept true any more", "a newer one of this repository is: look there")

    def _show(self, session: str, piece: Piece) -> None:
        self._shown[session] = piece
        if self.session.value == session:
            self.output.value = piece.html
        self._enable()

    def _ended(self, session: str, title: str) -> None:
        self._say("Ended", f"{one_line(title, 80)} in session {session}")
        self.refresh()
        self._enable()

    def _chosen(self) -> None:
        shown = self._shown.get(self.session.value or "")
        self.output.value = shown.html if shown else ""
        self._keep()
        self._enable()

    def _start(self) -> None:
        from patina_nb.session import start

        session = start(self._project, self.goal.value.strip() or None)
        self.goal.value = ""
        self.refresh()
        self.session.value = session.id
        self._say("Started", f"session {session.id} on {session.branch}")

    def _act(self, name: str) -> Callable[[], None]:
        return lambda: self._begin(name, work.ACTIONS[name])

    def _check(self, stage: str) -> Callable[[], None]:
        return lambda: self._begin(stage, work.check(stage, self._lines))

    def _run(self) -> None:
        command = self.command.value
        if not command.strip():
            raise PatinaError("There is no command: write one, then press Run.")
        self._begin(command, work.run(command, self._lines))

    def _end(self) -> None:
        self._begin("end", work.end(self.summary.value.strip() or None))
        self.summary.value = ""

    def _begin(self, title: str, act: work.Act) -> None:
        session = self.session.value
        if session is None:
            raise PatinaError("There is no session: start one first.")
        self._say("Begun", f"{one_line(title, 80)} in session {session}")
        self._desk.begin(session, title, act)
        self._enable()

    def _cancel(self) -> None:
        asked = self._desk.cancel(self.session.value or "")
        self._say("Asked to stop" if asked else "Nothing runs", self.session.value or "")

    def _ask(self) -> None:
        row = self._row_of(self.session.value)
        if row is not None:
            n = f"{row.added} added lines" if row.added is not None else "an unknown number of lines"
            text = f"Its workspace and {row.branch} ({n}) go, commits that are on no other branch too."
            self.question.value = html.line(f"Delete session {row.id}?", text, status=True).html
            self.confirm.layout.display = ""

    def _keep(self) -> None:
        self.confirm.layout.display = "none"

    def _delete(self) -> None:
        self._keep()
        self._begin("delete", work.delete(force=True))

    def close(self) -> None:
        """Take the widgets back; what runs goes on."""
        self.widget.close()


def _row(*children: Any) -> Any:  # noqa: ANN401 - ipywidgets has no types
    return widgets.HBox(list(children), layout=widgets.Layout(width="100%", flex_flow="row wrap"))


def _text(label: str, placeholder: str, *, continuous_update: bool = False) -> Any:  # noqa: ANN401
    return widgets.Text(
        description=label,
        placeholder=placeholder,
        style=_LABEL,
        layout=widgets.Layout(flex="1 1 20em"),
        continuous_update=continuous_update,
    )
