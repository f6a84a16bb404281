"""Reads the words on a magic's line by its `Usage`; the same rules for every magic.

Options are never abbreviated, an unknown one is answered with the nearest known; a trailing `;` silences.
Text that is a command (`Argument(kind="verbatim")`) and cell bodies are never touched. All errors are
UsageError: one sentence that says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from patina_nb.errors import UsageError

from .usage import Argument, Option, Usage
from .words import Names, expand, next_word, unquote


@dataclass
class Words:
    """What was on the line: values by name (None or False when not given)."""

    usage: Usage
    values: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - values are what `Usage` converts them to
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def parse(usage: Usage, line: str, names: Names) -> Words:
    """The words of `line`; raises UsageError with one sentence that says what to write instead."""
    text = line.strip()
    silenced = text.endswith(";") and not usage.takes_verbatim  # else it belongs to the command
    words = _Reader(usage, text[:-1] if silenced else text, names).read()
    words.values["quiet"] |= silenced
    return words


class _Reader:
    """Reads one line from left to right."""

    def __init__(self, usage: Usage, text: str, names: Names) -> None:
        self.usage = usage
        self.text = text
        self.names = names
        self.position = 0
        self.words: list[str] = []
        self.after: list[str] | None = None
        self.verbatim: str | None = None
        self.values: dict[str, Any] = {}

    def read(self) -> Words:
        while (raw := self._next()) is not None:
            if self.after is not None:
                self.after.append(self._value(raw))
            elif raw == "--":
                self.after = []
                if self.usage.takes_verbatim:
                    return self._verbatim_from(self.position)
            elif raw.startswith("-") and raw != "-":
                self._option(raw)
            elif self.usage.takes_verbatim:
                return self._verbatim_from(self.position - len(raw))
            elif self.usage.commands and not self.words:
                self._enter(self._value(raw))
            else:
                self.words.append(self._value(raw))
        return self._finish()

    def _next(self) -> str | None:
        """The next word as written, or None at the end of the line."""
        found = next_word(self.text, self.position)
        if found is None:
            return None
        word, self.position = found
        return word

    def _verbatim_from(self, position: int) -> Words:
        self.verbatim = self.text[position:].strip()
        return self._finish()

    def _enter(self, name: str) -> None:
        """A subcommand: its own usage, with the values read so far."""
        for command in self.usage.commands:
            if command.name.split()[-1] == name:
                self.usage = command
                return
        known = [command.name.split()[-1] for command in self.usage.commands]
        raise UsageError(
            f"%{self.usage.name} has no command {name!r}{_nearest(name, known)}; it knows {', '.join(known)}."
        )

    def _option(self, raw: str) -> None:
        flag, equals, attached = raw.partition("=")
        option = self.usage.option(flag)
        if option is None:
            raise UsageError(
                f"%{self.usage.name}: unknown option {flag}{_nearest(flag, self.usage.flags())}; "
                f"see %{self.usage.name} --help."
            )
        if option.value is None:
            if equals:
                raise UsageError(f"%{self.usage.name}: {flag} takes no value.")
            self.values[option.dest] = True
            return
        written = attached if equals else self._next()
        if written is None:
            raise UsageError(f"%{self.usage.name}: {flag} needs a value ({option.value}).")
        value = self._converted(option, flag, self._value(written))
        self.values[option.dest] = (*self.values.get(option.dest, ()), value) if option.many else value

    def _converted(self, option: Option, flag: str, value: str) -> object:
        if option.choices and value not in option.choices:
            raise UsageError(
                f"%{self.usage.name}: {flag} {value!r} is not one of {', '.join(option.choices)}"
                f"{_nearest(value, option.choices)}."
            )
        try:
            return option.convert(value)
        except ValueError as error:
            raise UsageError(f"%{self.usage.name}: {flag} {value!r}: {error}.") from None

    def _value(self, raw: str) -> str:
        return expand(unquote(raw), self.names)

    def _finish(self) -> Words:
        values: dict[str, Any] = {
            option.dest: () if option.many else None if option.value else False
            for option in self.usage.options
        }
        values |= self.values
        words = list(self.words)
        for argument in self.usage.arguments:
            values[argument.name] = self._argument(argument, words)
        if words and not values.get("help"):
            raise UsageError(
                f"%{self.usage.name}: unexpected {words[0]!r}; see %{self.usage.name} --help "
                "(text with spaces needs quotes)."
            )
        return Words(self.usage, values)

    def _argument(self, argument: Argument, words: list[str]) -> object:
        if argument.kind == "after":
            return tuple(self.after or ())
        if argument.kind == "words":
            every, words[:] = tuple(words), []
            return every
        value = self.verbatim if argument.kind == "verbatim" else (words.pop(0) if words else None)
        if value is None and argument.required and not self.values.get("help"):
            raise UsageError(
                f"%{self.usage.name}: {argument.name.upper()} is missing: {argument.help}; "
                f"see %{self.usage.name} --help."
            )
        return value


def _nearest(word: str, known: Sequence[str]) -> str:
    import difflib

    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {found[0]}?)" if found else ""


_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """A duration such as ``90``, ``90s``, ``10m`` or ``1.5h``, in seconds; raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if match is None or not float(match[1]):
        raise ValueError("write a duration such as 90s, 10m or 1.5h")
    return float(match[1]) * _UNITS[match[2]]


def octal(text: str) -> int:
    """File permissions such as ``644`` or ``0755``; raises ValueError."""
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise ValueError("write permissions as three octal digits, such as 644 or 755")
    return int(text, 8)


def count(text: str) -> int:
    """A whole number above 0; raises ValueError."""
    if not text.isdecimal() or not int(text):
        raise ValueError("write a whole number above 0")
    return int(text)
