"""What a language brings: its commands, its image, its caches, where a machine keeps its tools. All data.

``data/<language>.toml`` holds it; a language more is a file more, and its name in `NAMES`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.resources import files

import msgspec

from patina_nb.errors import UsageError

NAMES = ("python", "rust", "node", "go", "other")
"""In this order they are looked for; the last one is what is left."""


class Toolchain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to find a language's tools on a machine: `ask` prints the directory that holds ``bin/``."""

    ask: tuple[str, ...]
    places: tuple[str, ...] = ()  # directories of programs, searched after PATH
    installed: str | None = None  # the directory of the programs that its package manager installs


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The defaults of one language."""

    name: str = ""
    markers: tuple[str, ...] = ()  # files at the top of a repository of this language
    suffix: str = ""
    image: str = ""
    setup: tuple[str, ...] = ()
    install_example: str = ""
    commands: dict[str, str] = {}
    caches: dict[str, str] = {}
    toolchain: Toolchain | None = None


@cache
def language(name: str) -> Language:
    """The language of that name; raises UsageError that names those there are."""
    if name not in NAMES:
        raise UsageError(f"There is no language {name!r}: use one of {', '.join(NAMES)}.")
    text = files("patina_nb.design").joinpath("data", f"{name}.toml").read_bytes()
    return msgspec.structs.replace(msgspec.toml.decode(text, type=Language), name=name)


def detect(names: Collection[str]) -> Language:
    """The language of a repository with these files at its top; with several, the first of `NAMES`."""
    known = [language(name) for name in NAMES[:-1]]
    for found in known:
        if not set(found.markers).isdisjoint(names):
            return found
    for found in known:
        if any(name.endswith(found.suffix) for name in names):
            return found
    return language(NAMES[-1])
