"""``patina-nb doctor``: what can run on this machine."""

from __future__ import annotations

import dataclasses

import click

from patina_nb.cli import options, output
from patina_nb.presentation import display


@click.command()
@options.as_json
def doctor(as_json: bool) -> int:
    """Print what can run on this machine and what would fix the rest; exits 1 when no engine isolates."""
    from patina_nb.api import doctor

    findings = doctor()
    output.show([dataclasses.asdict(x) for x in findings], display.findings(findings), as_json=as_json)
    isolates = any(x.ok for x in findings if x.topic == "engine" and x.name != "process")
    return 0 if isolates else 1
