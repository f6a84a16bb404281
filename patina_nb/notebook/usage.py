"""A magic described once, as data: help, parsing and completion are all read from a `Usage`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Option:
    """An option: `flags` with dashes; a switch unless `value` names what it takes."""

    flags: tuple[str, ...]
    help: str
    value: str | None = None
    convert: Callable[[str], object] = str
    choices: tuple[str, ...] = ()
    names: str = ""  # what Tab offers: "session", "engine"
    many: bool = False  # may be repeated: its value is a tuple

    @property
    def dest(self) -> str:
        return self.flags[-1].lstrip("-").replace("-", "_")


@dataclass(frozen=True)
class Argument:
    """A word of its own, or several: `words` all, `after` those after ``--``, `verbatim` the rest."""

    name: str
    help: str
    required: bool = False
    kind: Literal["word", "words", "after", "verbatim"] = "word"
    names: str = ""


@dataclass(frozen=True)
class Usage:
    """All there is to know about how a magic (or one of its subcommands) is called."""

    name: str
    summary: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    commands: tuple[Usage, ...] = ()
    body: str | None = None  # what the cell below `%%name` is; None = a line magic only
    line: bool = True  # may be called as `%name`

    @property
    def takes_verbatim(self) -> bool:
        return any(argument.kind == "verbatim" for argument in self.arguments)

    def for_cell(self) -> Usage:
        """How it is called with a body: a command is in the body, not on the line."""
        return replace(self, arguments=tuple(a for a in self.arguments if a.kind != "verbatim"))

    def option(self, flag: str) -> Option | None:
        return next((option for option in self.options if flag in option.flags), None)

    def flags(self) -> list[str]:
        return [flag for option in self.options for flag in option.flags]


_LEFT_WIDTH = 30  # what is wider has its explanation below it

COMMON = (
    Option(("-s", "--session"), "the session; default: the current one", "ID", names="session"),
    Option(("-q", "--quiet"), "show nothing but errors"),
    Option(("--out",), "also store the returned object under this name", "NAME"),
    Option(("--help",), "show this help"),
)

ENGINE = Option(
    ("-e", "--engine"),
    "the engine; default: PATINA_ENGINE, else the design file's, else auto",
    "NAME",
    choices=("auto", "dagger", "local", "process"),
    names="engine",
)

LONG = (
    Option(("--background",), "return a Job at once; its output goes on in this cell"),
    Option(("--no-raise-error",), "a failing command does not fail the cell"),
)


def help_text(usage: Usage) -> str:
    """The help of a magic, as shown by ``--help`` and ``%name?``."""
    parts = [usage.summary, "", "\n".join(_synopses(usage))]
    if usage.commands:
        rows = [(_synopsis("", command).strip(), command.summary) for command in usage.commands]
        parts += ["", "commands:", *_columns(rows)]
    if usage.arguments:
        parts += ["", "arguments:", *_columns([(a.name.upper(), a.help) for a in usage.arguments])]
    if usage.body:
        parts += ["", f"cell body: {usage.body}"]
    parts += ["", "options:", *_columns(_options(usage.options))]
    for command in usage.commands:
        own = [option for option in command.options if option not in usage.options]
        if own:
            parts += ["", f"options of {command.name.split()[-1]}:", *_columns(_options(own))]
    return "\n".join(parts)


def _options(options: Sequence[Option]) -> list[tuple[str, str]]:
    return [(_flag_help(option), _choices(option)) for option in options]


def _synopses(usage: Usage) -> list[str]:
    kinds = ["%"] * (usage.line or usage.body is None) + ["%%"] * (usage.body is not None)
    return [_synopsis(kind, usage) for kind in kinds]


def _synopsis(prefix: str, usage: Usage) -> str:
    words = ["COMMAND"] if usage.commands else []
    for argument in usage.arguments:
        if argument.kind == "verbatim" and prefix == "%%":
            continue
        name = argument.name.upper()
        if argument.kind == "after":
            name = f"-- {name} ..."
        elif argument.kind == "words":
            name = f"{name} ..."
        words.append(name if argument.required else f"[{name}]")
    own = [option for option in usage.options if option not in COMMON]
    switches = [f"[{option.flags[-1]}{' ' + option.value if option.value else ''}]" for option in own]
    name = usage.name if prefix else usage.name.split()[-1]
    return " ".join([f"{prefix}{name}", *switches, *words])


def _flag_help(option: Option) -> str:
    return ", ".join(option.flags) + (f" {option.value}" if option.value else "")


def _choices(option: Option) -> str:
    return option.help + (f" (one of {', '.join(option.choices)})" if option.choices else "")


def _columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(left) for left, _ in rows if len(left) <= _LEFT_WIDTH), default=0)
    return [_column(left, right, width) for left, right in rows]


def _column(left: str, right: str, width: int) -> str:
    gap = f"\n  {' ' * width}" if len(left) > width else " " * (width - len(left))
    return f"  {left}{gap}  {right}"
