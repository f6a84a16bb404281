"""How sessions, workspaces, steps and diffs look: one static summary each (HTML and plain text).

A summary says its state in words first, then the facts in a table, then the end of the output. It is made
from the object alone, so a step looks the same at the end of its own cell and when it is shown again later.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from . import html
from .html import Piece
from .text import one_line, tail

if TYPE_CHECKING:
    from patina_nb.engines.base import Isolation
    from patina_nb.engines.machine import Finding
    from patina_nb.repository import Commit, Diff, FileDiff
    from patina_nb.sandbox.protocol import Output
    from patina_nb.session import EndSummary, Session
    from patina_nb.workspaces.step import Step
    from patina_nb.workspaces.workspace import Workspace

T = TypeVar("T")

SHOWN_PATHS = 12
DIFF_LINES = 400
_STATES = {
    "ok": "finished",
    "failed": "failed",
    "timed out": "timed out",
    "cancelled": "was stopped",
    "out of memory": "ran out of memory",
    "error": "did not run",
    "unknown": "ended without a result: not known whether it succeeded",
}


class Listing(list[T]):
    """A list that is shown as a table: sessions, commits."""

    def __init__(self, items: Sequence[T], show: Callable[[Sequence[T]], Piece]) -> None:
        super().__init__(items)
        self._show = show

    def piece(self) -> Piece:
        """The table."""
        return self._show(self)

    def _repr_mimebundle_(self, **_options: object) -> dict[str, str]:
        return self.piece().bundle()


def duration(seconds: float) -> str:
    """Seconds as a reader compares them: ``42 ms``, ``12.3 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def short(sha: str) -> str:
    """The first ten digits of a commit id."""
    return sha[:10]


def plural(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def instant(at: datetime | None) -> str | None:
    """A point in time, to the second, in UTC."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def step_headline(step: Step) -> str:
    """One sentence: how the step ended, after how long, and what came of it."""
    end = [part for part in (_exit(step), duration(step.duration_s), _kept(step)) if part]
    return f"Step {step.number} {_STATES[step.status]}: {', '.join(end)}"


def _exit(step: Step) -> str | None:
    if step.signal is not None:
        return f"signal {step.signal} ({_signal_name(step.signal)})"
    return None if step.exit_code is None else f"exit code {step.exit_code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _kept(step: Step) -> str:
    if step.unpublished:
        return "NOT on the branch"
    if step.commit is None:
        return "nothing changed"
    return f"{plural(len(step.files), 'file')} changed in commit {short(step.commit)}"


def step(step: Step, lines: int) -> Piece:
    """The summary of a step with the last `lines` lines of each output."""
    state, _, rest = step_headline(step).partition(": ")
    return html.stack(
        html.line(state, rest, status=True),
        html.facts(_step_facts(step), f"Step {step.number} of session {step.session_id}"),
        html.bullets("Left out of the commit:", _some([f"{x.path}: {x.reason}" for x in step.left_out])),
        html.bullets("Notes:", _step_notes(step)),
        _output("Output", step.stdout, lines),
        _output("Error output (stderr)", step.stderr, lines),
    )


def _step_facts(step: Step) -> list[tuple[str, str | None]]:
    return [
        ("command", one_line(step.command)),
        ("engine", f"{step.engine} ({step.isolation})" if step.isolation else step.engine or None),
        ("branch", f"agent/{step.session_id}"),
        ("commit", None if step.commit is None else f"{short(step.commit)} (before: {short(step.parent)})"),
        ("files", _files(step)),
        ("started", instant(step.started_at)),
    ]


def _files(step: Step) -> str | None:
    signs = {"added": "+", "modified": "~", "deleted": "-"}
    named = [f"{signs[change.status]}{change.path}" for change in step.files]
    return ", ".join(_some(named)) or None


def _step_notes(step: Step) -> list[str]:
    beside = ", ".join(map(str, step.beside))
    own = [
        f"The commit is not on the branch: {step.unpublished}" if step.unpublished else "",
        f"History that was on the branch was rewritten; the old tip is kept as {step.kept}."
        if step.rewritten and step.kept
        else "",
        f"Kept as {step.kept}." if step.kept and not step.rewritten else "",
        f"Ran beside step {beside}: files may be theirs." if step.beside else "",
    ]
    return [note for note in own if note] + list(step.notes)


def _some(items: Sequence[str]) -> list[str]:
    """The first few, and how many more there are."""
    if len(items) <= SHOWN_PATHS:
        return list(items)
    return [*items[:SHOWN_PATHS], f"and {len(items) - SHOWN_PATHS} more"]


def _output(title: str, output: Output, lines: int) -> Piece | None:
    if output.total_bytes == 0 or lines == 0:
        return None
    shown, total = tail(output.text, lines)
    known = f"{total} lines" if not output.truncated else f"{output.total_bytes} bytes"
    more = f" (last {lines} lines of {known}):" if total > lines else ":"
    return html.output(title + more, shown)


def session(session: Session) -> Piece:
    """One session: goal, branch, state, what was noted."""
    base_branch = f" ({session.base_branch})" if session.base_branch else ""
    return html.stack(
        html.line(f"Session {session.id}", session.goal or "no goal given", status=True),
        html.facts(
            [
                ("state", session.status),
                ("branch", session.branch),
                (
                    "base",
                    short(session.base) + base_branch,
                ),
                ("agent", session.agent),
                ("steps", str(session.n_steps)),
                ("started", instant(session.started_at)),
                ("ended", instant(session.ended_at)),
                ("summary", session.summary),
            ],
            f"Session {session.id}",
        ),
        html.bullets("Noted:", session.notes),
    )


def ended(ended: EndSummary) -> Piece:
    """What a session came to, and what to do now."""
    lines = None if ended.added is None else f"+{ended.added} -{ended.removed}"
    return html.stack(
        html.line(f"Session {ended.session_id} ended", ended.summary or "", status=True),
        html.facts(
            [
                ("head", ended.head and short(ended.head)),
                ("steps", str(ended.n_steps)),
                ("commits", _number(ended.n_commits)),
                ("files changed", _number(ended.files)),
                ("lines", lines),
                ("lasted", f"{duration(ended.wall_s)}, of which active {duration(ended.active_s)}"),
            ],
            f"What session {ended.session_id} came to",
        ),
        html.bullets("What to do now:", ended.next),
    )


def _number(number: int | None) -> str | None:
    return None if number is None else str(number)


def sessions(sessions: Sequence[Session]) -> Piece:
    """A table of sessions."""
    if not sessions:
        return html.line("No sessions yet", 'start one with %patina_session start "goal"')
    rows = [
        (s.id, s.status, s.goal and one_line(s.goal, 60), s.n_steps, instant(s.started_at))
        for s in reversed(sessions)
    ]
    columns = ("session", "state", "goal", "steps", "started")
    return html.table(rows, columns, "Sessions of this repository, the newest first")


def workspace(workspace: Workspace) -> Piece:
    """An opened workspace: where it is, what holds it, and everything that was said at opening."""
    return html.stack(
        html.line(
            f"Workspace {workspace.session.id}",
            f"{'closed' if workspace.closed else 'open'} on {workspace.branch}, engine {workspace.engine}",
            status=True,
        ),
        html.bullets("Stepped down:", workspace.fallbacks),
        html.facts(
            [
                ("branch", workspace.branch),
                ("base", short(workspace.base)),
                ("isolation", workspace.isolation.summary()),
                ("caches", ", ".join(workspace.caches) or None),
            ],
            f"Workspace of session {workspace.session.id}",
        ),
        isolation(workspace.isolation),
        html.bullets("Notes:", workspace.notes),
    )


def said(workspace: Workspace) -> Piece | None:
    """What must be said of a workspace that was opened in passing: steps down, what is missing."""
    if not (workspace.fallbacks or workspace.notes):
        return None
    return html.bullets(
        f"Said when the workspace was opened ({workspace.engine}):", (*workspace.fallbacks, *workspace.notes)
    )


def isolation(isolation: Isolation) -> Piece:
    """The badge: each promise of the box, enforced or not, and by what or why not."""
    rows = [
        (name, "enforced" if point.enforced else "NOT enforced", point.why)
        for name, point in isolation.points().items()
    ]
    return html.table(rows, ("what", "isolation", "by what or why not"), f"Isolation: {isolation.kind}")


def findings(findings: Sequence[Finding]) -> Piece:
    """What the doctor found: a table for each topic, with what would fix the rest."""
    topics = dict.fromkeys(finding.topic for finding in findings)
    return html.stack(*(_topic(topic, findings) for topic in topics))


def _topic(topic: str, findings: Sequence[Finding]) -> Piece:
    rows = [
        (found.name, "ok" if found.ok else "no", found.isolation or found.detail, found.fix)
        for found in findings
        if found.topic == topic
    ]
    return html.table(rows, (topic, "usable", "what was found", "what would change it"), topic.capitalize())


def diff(diff: Diff, *, stat: bool = False) -> Piece:
    """Changed files as a table; then, unless `stat`, the patch."""
    if not diff.files:
        return html.line("No differences")
    rows = [(_moved(file), file.status, file.added, file.removed) for file in diff.files]
    files = html.table(
        rows, ("file", "change", "lines added", "lines removed"), f"{plural(len(rows), 'file')} changed"
    )
    return files if stat else html.stack(files, html.diff("Patch:", diff.text, DIFF_LINES))


def _moved(file: FileDiff) -> str:
    return f"{file.old_path} → {file.path}" if file.old_path else file.path


def commits(commits: Sequence[Commit]) -> Piece:
    """A table of a branch's commits, the newest first."""
    if not commits:
        return html.line("No commits yet", "nothing has changed since the base")
    rows = [(short(c.sha), c.step, c.exit_code, c.subject, c.author, instant(c.at)) for c in commits]
    return html.table(rows, ("commit", "step", "exit", "subject", "author", "at"), "Commits of the branch")
