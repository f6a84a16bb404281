"""PROJECT_DESIGN.toml into a `Design`, with errors that say on which line to change what."""

from __future__ import annotations

import difflib
import re
import threading
import tomllib
from pathlib import Path
from typing import Any

from patina_nb.design import check, find
from patina_nb.design.locate import line_of
from patina_nb.design.schema import (
    FEATURE,
    FILE_NAME,
    Design,
    MergeTable,
    ProjectTable,
    WorkspaceTable,
)
from patina_nb.design.values import Name, Text
from patina_nb.errors import DesignError

_FAMILY = ("name", "features")  # of [project]: what we read; the other keys belong to the family
_known: dict[Path, tuple[find.Stamp, Design]] = {}
_guard = threading.Lock()


def design_of(worktree: Path | None) -> Design:
    """The design of a worktree, read again when its file has changed.

    Raises DesignError: file, line, key, what is allowed there and the nearest key that is known.
    """
    at = find.stamp(worktree)
    if worktree is None or at is None:
        return Design()
    with _guard:
        known = _known.get(worktree)
    if known is not None and known[0] == at:
        return known[1]
    file = find.load(worktree)
    design = Design() if file is None else parse(file.text, file.path)
    with _guard:
        _known[worktree] = (at, design)
    return design


def parse(text: str, path: Path = Path(FILE_NAME)) -> Design:
    """The design in `text`; raises DesignError as `design_of` does."""
    raw = _toml(text)
    try:
        return _design(raw, path)
    except check.Wrong as wrong:
        line = line_of(text, wrong.key)
        end = "" if wrong.why.endswith("?") else "."
        raise DesignError(f"{FILE_NAME}, line {line or '?'}: {_named(wrong.key)} {wrong.why}{end}") from None


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        why = re.sub(r" \(at .*\)$", "", str(error))
        raise DesignError(f"{FILE_NAME}, line {line}: this is not TOML: {why}.") from None
    except RecursionError:
        raise DesignError(f"{FILE_NAME} is nested too deeply.") from None


def _design(raw: dict[str, Any], path: Path) -> Design:
    project = _sub(raw, ("project",))
    commands = _sub(raw, ("development", "commands"))
    return Design(
        path=path,
        project=check.table(("project",), {k: v for k, v in project.items() if k in _FAMILY}, ProjectTable),
        commands=check.value(("development", "commands"), commands, dict[Name, Text]),
        workspace=_workspace(raw),
        merge=check.table(("merge",), raw.get("merge", {}), MergeTable),
        hints=tuple(_hints(project)),
    )


def _workspace(raw: dict[str, Any]) -> WorkspaceTable:
    found = check.table(("workspace",), raw.get("workspace", {}), WorkspaceTable)
    image = found.image
    if image is not None and not isinstance(image, str):
        given = [name for name in image.__struct_fields__ if getattr(image, name) is not None]
        if len(given) != 1:
            raise check.Wrong(("workspace", "image"), "must have one of dockerfile, rootfs, tarball")
    for name in ("memory", "disk", "timeout"):
        if getattr(found.limits, f"{name}_{'s' if name == 'timeout' else 'bytes'}") == 0:
            raise check.Wrong(("workspace", "limits", name), "must be more than 0")
    for name in found.shared:
        if name.startswith("patina-"):
            raise check.Wrong(("workspace", "shared", name), "must not begin with 'patina-', which is ours")
    return found


def _sub(raw: dict[str, Any], key: tuple[str, ...]) -> dict[str, Any]:
    """A table inside the file; an empty one where it is missing."""
    found: Any = raw
    for n, name in enumerate(key, 1):
        found = found.get(name, {})
        if not isinstance(found, dict):
            raise check.Wrong(key[:n], "must be a table")
    return dict(found)


def _hints(project: dict[str, Any]) -> list[str]:
    """Keys and features of the family that look as if ours were meant."""
    keys = [key for key in project if key not in _FAMILY]
    said = [
        f"it has a key {key!r}: did you mean 'features'?"
        for key in difflib.get_close_matches("features", keys, 1)
    ]
    names = [name for name in project.get("features", []) if isinstance(name, str) and name != FEATURE]
    return said + [f"it names {name!r}." for name in difflib.get_close_matches(FEATURE, names, 1, 0.7)]


def _named(key: check.Key) -> str:
    """The key as one reads it in the file: ``[workspace] limits.memory``."""
    tables = 2 if key[0] == "development" else 1
    head = ".".join(map(str, key[:tables]))
    rest = "".join(f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in key[tables:])
    return f"[{head}] {rest[1:]}" if rest else f"[{head}]"


def _quoted(part: str) -> str:
    return part if re.fullmatch("[A-Za-z0-9_-]{1,80}", part) else repr(part[:80])
