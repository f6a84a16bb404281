"""What a reader of one transcript format is. A further one needs no change here: see `registry`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from patina_nb.errors import PatinaError
from patina_nb.transcripts.model import Transcript

HEAD_BYTES = 1 << 16
"""How much of a file (decompressed) `Reader.sniff` is shown."""


class TranscriptError(PatinaError):
    """A transcript cannot be read as a whole: missing, no regular file, no right, not of the format."""


@dataclass(frozen=True)
class Place:
    """Where an agent keeps transcripts: regular files below `root` (itself may be a link).

    `pattern` is matched against the path relative to `root`; its `*` stands for any characters, `/` too.
    A pattern without `*` and `?` names one file: nothing is searched then.
    """

    root: Path
    pattern: str


def _unchanged(transcripts: Sequence[Transcript]) -> Sequence[Transcript]:
    return transcripts


@dataclass(frozen=True)
class Reader:
    """One format.

    `sniff` decides by the head of the content; the path serves only for what has no content of its own to
    tell (a database: open it read-only). It never raises. `read` takes the whole file; it raises OSError or
    TranscriptError only where there is nothing to read at all. `places` gives the default places, from
    environment variables (and `HOME`). `reconcile` sees all transcripts of this format before they are
    merged, for formats where one file alone cannot say what it copied from another. `unique_tool_ids` says
    that a `tool_call_id` names one call in all sessions, so that equal ones are copies. `scattered` says that
    a session lies in several files, of which not each tells where it worked. `in_project` are names of files
    that the agent keeps in the directory in which it works.
    """

    name: str
    agent: str
    sniff: Callable[[bytes, Path], bool]
    read: Callable[[Path], Transcript]
    places: Callable[[Mapping[str, str]], list[Place]]
    reconcile: Callable[[Sequence[Transcript]], Sequence[Transcript]] = _unchanged
    unique_tool_ids: bool = False
    scattered: bool = False
    in_project: tuple[str, ...] = ()


def home(env: Mapping[str, str]) -> Path:
    """The user's home directory as `env` says it, else as the system does."""
    return Path(env["HOME"]) if env.get("HOME") else Path.home()
