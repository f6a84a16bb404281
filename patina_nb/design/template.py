"""A new PROJECT_DESIGN.toml from the template, or what an existing one lacks added to it.

An existing file keeps every line: only tables that are missing are added at its end, and the feature that
was asked for to its list.
"""

from __future__ import annotations

import difflib
import json
import string
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from patina_nb.design.languages import Language
from patina_nb.design.schema import FEATURE, FILE_NAME


def render(language: Language, *, agent: bool, name: str | None = None) -> str:
    """The text of a new file; `agent` turns workspaces on, `name` is the project's."""
    commands = language.commands or dict.fromkeys(("lint", "build", "test"), "")
    caches = ", ".join(f"{tool} = {_quoted(path)}" for tool, path in language.caches.items())
    values = {
        "name": f"name = {_quoted(name)}" if name else '# name = "..."',
        "features": _quoted(FEATURE) if agent else "",
        "commands": "\n".join(
            f"{stage} = {_quoted(command)}" if command else f'# {stage} = "..."'
            for stage, command in commands.items()
        ),
        "image": language.image,
        "setup": "\n".join(f"  {_quoted(command)}," for command in language.setup),
        "install": language.install_example,
        "caches": f" {caches} " if caches else "",
    }
    return string.Template(_template()).substitute(values)


def completed(existing: str, language: Language, *, agent: bool) -> str:
    """`existing` (valid TOML) with what it lacks: tables of the template at its end, the feature if asked."""
    text = _with_feature(existing) if agent else existing
    raw = tomllib.loads(text)
    for title, table in _tables(render(language, agent=False)):
        if not _has(raw, title):
            text = f"{text.rstrip()}\n\n{table}" if text.strip() else table
    return text


def difference(old: str, new: str) -> str:
    """The unified diff between two versions of the file; empty when they are equal."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        FILE_NAME,
        f"{FILE_NAME} (proposed)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@cache
def _template() -> str:
    return files("patina_nb.design").joinpath("data", "template.toml").read_text("utf-8")


def _tables(text: str) -> list[tuple[str, str]]:
    """The template's tables: (title, text with its comments), without what stands before the first."""
    parts = text.split("\n[")[1:]
    return [(part.partition("]")[0], f"[{part.rstrip()}\n") for part in parts]


def _has(raw: dict[str, Any], title: str) -> bool:
    found: Any = raw
    for name in title.split("."):
        if not isinstance(found, dict) or name not in found:
            return False
        found = found[name]
    return True


def _with_feature(text: str) -> str:
    """`text` with the feature in ``[project] features``; comments and layout stay."""
    import tomlkit

    document = tomlkit.parse(text)
    project: Any = document.setdefault("project", tomlkit.table())
    features: Any = project.setdefault("features", tomlkit.array())
    if FEATURE in features:
        return text
    features.append(FEATURE)
    return tomlkit.dumps(document)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
