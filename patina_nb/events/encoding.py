"""Events as lines of JSON, and back; every kind that this version knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from patina_nb.events.agents import AgentFinished, AgentStarted, TranscriptHarvested
from patina_nb.events.checks import CheckFinished
from patina_nb.events.event import Event, Unknown
from patina_nb.events.merges import Merged, MergePreviewed, MergeRejected
from patina_nb.events.work import (
    SecretsGiven,
    SessionDeleted,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    StepFinished,
    StepStarted,
    WorkspaceClosed,
    WorkspaceOpened,
)

_ALL: tuple[type[Event], ...] = (
    SessionStarted,
    SessionUpdated,
    SessionEnded,
    SessionDeleted,
    WorkspaceOpened,
    WorkspaceClosed,
    SecretsGiven,
    StepStarted,
    StepFinished,
    CheckFinished,
    AgentStarted,
    AgentFinished,
    TranscriptHarvested,
    MergePreviewed,
    Merged,
    MergeRejected,
)
KINDS: Mapping[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in _ALL}


def to_record(event: Event) -> dict[str, Any]:
    """The event as a mapping that JSON can carry."""
    if isinstance(event, Unknown):
        return dict(event.raw)
    record: dict[str, Any] = msgspec.to_builtins(event)
    extra = record.pop("extra", {})
    return {**extra, **{name: _writable(name, value) for name, value in record.items()}}


def encode_record(record: object) -> bytes:
    """JSON of a record, or of a part of it, on one line and without the line's end."""
    return msgspec.json.encode(record)


def decode(line: bytes) -> Event:
    """An event from one line; raises ValueError when it is none at all."""
    try:
        return _from_record(msgspec.json.decode(line, type=dict[str, Any]))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _from_record(raw: dict[str, Any]) -> Event:
    if not isinstance(raw.get("kind"), str):
        raise ValueError("no kind")
    known = KINDS.get(raw["kind"])
    if known is not None:
        try:
            return _known(known, raw)
        except msgspec.ValidationError:  # a later version gave a field another type
            pass
    common: dict[str, Any] = {
        name: raw[name] for name in ("session_id", "event_id", "at", "schema") if name in raw
    }
    return msgspec.convert({**common, "kind": "unknown", "raw": raw}, Unknown)


def _known(kind: type[Event], raw: dict[str, Any]) -> Event:
    fields = {*kind.__struct_fields__, "kind"} - {"extra"}
    values = {name: _readable(name, value) for name, value in raw.items() if name in fields}
    extra = {name: value for name, value in raw.items() if name not in fields}
    return msgspec.convert({**values, "extra": extra}, kind)


def escape_path(path: str) -> str:
    """Text that UTF-8 can carry: a backslash is doubled, a byte that is not UTF-8 becomes ``\\xff``.

    `unescape_path` gives back every string exactly, lone surrogates that stand for no byte included.
    """
    return re.sub("[\\\\\ud800-\udfff]", _escaped, path)


def unescape_path(text: str) -> str:
    """The path that `escape_path` wrote; what it cannot have written is left as it is."""
    return re.sub(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4})", _unescaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char == "\\":
        return "\\\\"
    code = ord(char)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code == "\\":
        return code
    return chr(int(code[1:], 16) + (0xDC00 if code[0] == "x" else 0))


def _writable(name: str, value: object) -> object:
    if isinstance(value, str):
        return escape_path(value) if name == "path" else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _writable(key, item) for key, item in value.items()}
    return [_writable(name, item) for item in value] if isinstance(value, (list, tuple)) else value


def _readable(name: str, value: object) -> object:
    if isinstance(value, str):
        return unescape_path(value) if name == "path" else value
    if isinstance(value, dict):
        return {key: _readable(key, item) for key, item in value.items()}
    return [_readable(name, item) for item in value] if isinstance(value, (list, tuple)) else value
