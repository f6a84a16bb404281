"""Raw tables into the structs of `schema`; every error names the key, what is allowed and what is near."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

T = TypeVar("T", bound=msgspec.Struct)
Key = tuple[str | int, ...]


@dataclass
class Wrong(Exception):
    """A key that cannot be used, and why in words."""

    key: Key
    why: str


def table(key: Key, raw: object, kind: type[T]) -> T:
    """`raw` as a `kind`; raises Wrong for the first key that is unknown or has a wrong value."""
    if not isinstance(raw, Mapping):
        raise Wrong(key, f"must be a table, not {_shown(raw)}")
    hints = get_type_hints(kind, include_extras=True)
    for name in raw:
        if name not in hints:
            raise Wrong((*key, name), _unknown(name, list(hints)))
    found = {name: value((*key, name), item, hints[name]) for name, item in raw.items()}
    missing = [
        field.name for field in msgspec.structs.fields(kind) if field.required and field.name not in raw
    ]
    if missing:
        raise Wrong(key, f"needs the key {missing[0]!r}")
    return kind(**found)


def value(key: Key, raw: object, kind: Any) -> Any:  # noqa: ANN401 - any annotation
    """`raw` as what the annotation `kind` allows; raises Wrong."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _one_of(key, raw, [option for option in get_args(kind) if option is not type(None)])
    if origin is dict:
        return _mapping(key, raw, *get_args(kind))
    if origin is tuple:
        if not isinstance(raw, list):
            raise Wrong(key, f"must be a list of {allowed(get_args(kind)[0])}, not {_shown(raw)}")
        return tuple(value((*key, n), item, get_args(kind)[0]) for n, item in enumerate(raw))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return table(key, raw, kind)
    return _leaf(key, raw, kind)


def _leaf(key: Key, raw: object, kind: Any) -> Any:  # noqa: ANN401
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        near = _near(raw, [str(choice) for choice in get_args(kind)]) if get_origin(kind) is Literal else ""
        raise Wrong(key, f"must be {allowed(kind)}, not {_shown(raw)}{near}") from None


def _one_of(key: Key, raw: object, kinds: list[Any]) -> Any:  # noqa: ANN401
    """A union has at most one struct: a table is checked as that, everything else as the rest."""
    if len(kinds) == 1:
        return value(key, raw, kinds[0])
    structs = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    if structs and isinstance(raw, Mapping):
        return table(key, raw, structs[0])
    plain = [kind for kind in kinds if kind not in structs]
    try:
        return value(key, raw, plain[0])
    except Wrong:
        words = " or ".join(map(allowed, kinds))
        raise Wrong(key, f"must be {words}, not {_shown(raw)}") from None


def _mapping(key: Key, raw: object, names: Any, values: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(raw, Mapping):
        raise Wrong(key, f"must be a table of {allowed(values)}, not {_shown(raw)}")
    found = {}
    for name, item in raw.items():
        try:
            msgspec.convert(name, names)
        except msgspec.ValidationError:
            raise Wrong((*key, name), f"is not {allowed(names)}") from None
        found[name] = value((*key, name), item, values)
    return found


def allowed(kind: Any) -> str:  # noqa: ANN401
    """What an annotation allows, in words."""
    if get_origin(kind) is Annotated:
        described = [meta.description for meta in get_args(kind)[1:] if isinstance(meta, msgspec.Meta)]
        return next(filter(None, described), "another value")
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "a table with " + " or ".join(kind.__struct_fields__)
    return {bool: "true or false"}.get(kind, "another value")


def _unknown(name: str, known: list[str]) -> str:
    near, every = _near(name, known), ", ".join(known)
    return f"is not known{near} Known here: {every}" if near else f"is not known; known here: {every}"


def _near(word: object, known: list[str]) -> str:
    close = difflib.get_close_matches(str(word)[:100], known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _shown(raw: object) -> str:
    if isinstance(raw, (Mapping, list)):
        return "a table" if isinstance(raw, Mapping) else "a list"
    text = str(raw).lower() if isinstance(raw, bool) else repr(raw)
    return text if len(text) <= 60 else text[:59] + "…"
