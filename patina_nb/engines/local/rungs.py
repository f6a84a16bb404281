"""The rungs of the ladder, best first: which kinds of box there are."""

from __future__ import annotations

from dataclasses import dataclass

from patina_nb.engines.local.binaries import Binary, Source, find
from patina_nb.engines.local.sessions import Layout


@dataclass(frozen=True)
class Rung:
    """One kind of box."""

    name: str
    layout: Layout
    source: Source | None = None  # of bubblewrap; None = no namespaces


RUNGS = (
    Rung("bubblewrap-system", "overlay", "system"),
    Rung("bubblewrap-bundled", "overlay", "bundled"),
    Rung("bubblewrap-system-copy", "copy", "system"),
    Rung("bubblewrap-bundled-copy", "copy", "bundled"),
    Rung("landlock", "landlock"),
)


def binary_of(rung: Rung) -> Binary | str | None:
    """The bubblewrap of a rung, or why it cannot serve; None = the rung needs none."""
    if rung.source is None:
        return None
    found = find(rung.source)
    if isinstance(found, Binary) and rung.layout == "overlay" and not found.overlay:
        return f"{found.path} is version {'.'.join(map(str, found.version))}, an overlay needs 0.11"
    return found
