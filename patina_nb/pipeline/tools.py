"""The tools that stages run: recognised by their command, made to report, heard when they are missing.

All of it is data: ``data/tools.toml``.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import msgspec

_BEGIN = r"(?P<begin>(?:^|[;&|(\n]|\b(?:time|exec|then|do|run|env)\s)\s*(?:[A-Za-z_]\w*=\S*\s+)*)"
_TAIL = 16_000  # characters in which a tool may say that it is missing


class Select(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a pattern (``-k``) is passed: in a variable, or as words behind the command."""

    words: str
    env: str | None = None


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One test runner; see the comments of the data file."""

    name: str
    commands: str
    format: str
    stream: str
    languages: tuple[str, ...] = ()
    env: dict[str, str] = {}
    probe: str | None = None
    files: tuple[str, ...] = ()
    settings: dict[str, str] = {}
    insert: str = ""
    nothing: int | None = None
    stopped: str = ""
    unfinished: str = ""
    select: Select | None = None
    arguments: str = ""

    def stopped_at(self, printed: str) -> str | None:
        """Where it was when it was interrupted, if it said so."""
        found = re.search(self.stopped, printed[-_TAIL:], re.MULTILINE) if self.stopped else None
        return found["place"][:300] if found else None

    def left_unfinished(self, message: str) -> bool:
        """Does its report say with `message` that a test was interrupted?"""
        return bool(self.unfinished) and re.search(self.unfinished, message) is not None

    def found_in(self, command: str) -> bool:
        return re.search(_BEGIN + self.commands, command) is not None

    def behind(self, command: str, words: str) -> str:
        """`command` with `words` put behind each place where the tool is called."""
        return re.sub(f"{_BEGIN}(?:{self.commands})", lambda match: f"{match[0]} {words}", command)


class _Missing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    exit: int
    pattern: str
    said: str = "{} is not installed there."


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tool: tuple[Tool, ...]
    missing: tuple[_Missing, ...]


@cache
def _data() -> _Data:
    text = files("patina_nb.pipeline").joinpath("data", "tools.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Data)


def tool_of(stage: str, command: str, language: str) -> tuple[Tool | None, bool]:
    """The test runner of a stage, and whether its command names it (else it is the language's guess)."""
    named = next((tool for tool in _data().tool if tool.found_in(command)), None)
    if named is not None:
        return named, True
    guess = next((tool for tool in _data().tool if language in tool.languages), None)
    return (guess if stage == "test" else None), False


def missing_tool(exit_code: int | None, printed: str) -> str | None:
    """What is not there, in a sentence, if the command ended because of that."""
    for known in _data().missing:
        if known.exit == exit_code:
            for line in reversed(printed[-_TAIL:].splitlines()):
                found = re.match(known.pattern, line.strip())
                if found:
                    return known.said.replace("{}", found["tool"][:100])
    return None
