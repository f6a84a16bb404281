"""``patina-nb agent test``, ``lint``, ``build``: stages in a clean environment made from a branch."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from patina_nb.cli import options, output
from patina_nb.presentation import html, reports

if TYPE_CHECKING:
    from patina_nb.pipeline.options import CheckOptions
    from patina_nb.pipeline.progress import Progress
    from patina_nb.pipeline.report import Report, Stage

_LINES = 40
_OPTIONS: tuple[Callable[..., object], ...] = (
    click.argument("args", nargs=-1, type=click.UNPROCESSED),
    click.option("-k", "--select", metavar="PATTERN", help="Only tests that match."),
    click.option("--fresh", is_flag=True, help="Run also when this tree has a report already."),
    click.option("--in-place", is_flag=True, help="In the workspace instead of a clean environment."),
    click.option("--all", "all_", is_flag=True, help="All active sessions, side by side."),
    click.option("--head", is_flag=True, help="HEAD instead of a session."),
    click.option("--language", metavar="NAME", help="Instead of what the files say."),
    click.option("--timeout", type=float, metavar="SECONDS", help="For the stage; default: the design's."),
    options.session,
    options.engine,
    options.as_json,
)


def stage(name: str) -> click.Command:
    """The command that runs one stage; exits 0 when all passed, 1 otherwise."""

    def run(
        args: tuple[str, ...],
        all_: bool,
        head: bool,
        in_place: bool,
        session: str | None,
        as_json: bool,
        **wished: object,
    ) -> int:
        if sum((all_, head, in_place)) > 1 or (session and (all_ or head)):
            raise click.UsageError("-s, --all, --head and --in-place exclude each other.")
        asked: CheckOptions = {"args": args, **wished}  # type: ignore[typeddict-item]
        if not as_json and sys.stderr.isatty():
            asked["on_progress"] = _progress
        found = _run(name, "HEAD" if head else session, all_, in_place, asked)
        _show(found, all_=all_, as_json=as_json)
        return 0 if all(report.ok for report in found) else 1

    run.__doc__ = (
        f"Run the stage {name} for a session's branch (HEAD when there is no session).\n\n"
        "Further words after -- go to the stage's own command."
    )
    for option in reversed(_OPTIONS):
        run = option(run)
    return click.command(name)(run)


def _run(name: str, session: str | None, all_: bool, in_place: bool, asked: CheckOptions) -> list[Report]:
    from patina_nb.api import check, check_all

    if all_:
        return check_all(name, **asked)
    if not in_place:
        return [check(name, session=session, **asked)]
    from patina_nb.cli.agent import existing

    with existing(session, asked.pop("engine", None)) as opened:
        return [opened.check(name, **asked)]


def _progress(found: Progress) -> None:
    click.echo(f"\r\x1b[K{found.words}", nl=False, err=True)


def _show(found: list[Report], *, all_: bool, as_json: bool) -> None:
    if sys.stderr.isatty() and not as_json:
        click.echo("\r\x1b[K", nl=False, err=True)
    if as_json:
        records = [_record(report) for report in found]
        output.print_json(records if all_ else records[0])
        return
    pieces = [reports.summary(report, _LINES) for report in found]
    click.echo((reports.side_by_side(found) if all_ else html.stack(*pieces)).plain)


def _record(report: Report) -> Mapping[str, object]:
    fields = {field.name: getattr(report, field.name) for field in dataclasses.fields(report)}
    stages = [_stage(found) for found in report.stages]
    return {**fields, "status": report.status, "headline": report.headline(), "stages": stages}


def _stage(found: Stage) -> Mapping[str, object]:
    fields = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    return {**fields, "stdout": found.stdout.text, "stderr": found.stderr.text}
