"""``patina-nb diff`` and ``log``: look at what a session did. Reads the branch; no box is opened."""

from __future__ import annotations

import dataclasses

import click

from patina_nb.cli import options, output
from patina_nb.presentation import display


@click.command()
@click.option("--from", "a", metavar="REV", help="Default: where the session started.")
@click.option("--to", "b", metavar="REV", help="Default: the head of its branch.")
@click.option("--stat", is_flag=True, help="The changed files only.")
@click.argument("paths", nargs=-1)
@options.session
@options.as_json
def diff(
    a: str | None, b: str | None, stat: bool, paths: tuple[str, ...], session: str | None, as_json: bool
) -> None:
    """Print what a session's branch changed (only PATHS, if given)."""
    from patina_nb.session import meant

    project, found = meant(session)
    difference = project.repository.diff(a or found.base, b or project.repository.tip(found.id), paths)
    if as_json:
        output.print_json(output.diff_record(difference))
    elif stat or not difference.files:
        click.echo(display.diff(difference, stat=True).plain)
    else:
        output.print_patch(difference.text)


@click.command()
@click.option("-n", "--number", type=click.IntRange(min=1), help="At most so many.")
@options.session
@options.as_json
def log(number: int | None, session: str | None, as_json: bool) -> None:
    """Print the commits of a session's branch, the newest first."""
    from patina_nb.session import meant

    project, found = meant(session)
    commits = project.repository.log(found.base, project.repository.tip(found.id), number)
    output.show(
        [dataclasses.asdict(c) for c in commits], display.commits(commits, found.branch), as_json=as_json
    )
