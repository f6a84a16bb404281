"""The transcripts of a source, and which of those in an agent's default places belong to a repository."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace as with_changes

from patina_nb.transcripts.collect import collect_found
from patina_nb.transcripts.files import read_head
from patina_nb.transcripts.find import Found, find, find_at
from patina_nb.transcripts.model import Collected, Transcript
from patina_nb.transcripts.reader import Place, Reader, TranscriptError
from patina_nb.transcripts.registry import readers

from .cache import cached_read

if TYPE_CHECKING:
    from patina_nb.repository import Repository

_SQLITE = b"SQLite format 3\0"

AgentSession = tuple[str, str]
"""Agent, and its own id of a session."""


@dataclass(frozen=True)
class Search:
    """Files to read. `roots`: only sessions that worked there count, or of which it is not known."""

    found: Found
    roots: tuple[str, ...] | None = None


@dataclass
class Transcripts:
    """All that was read, and the sessions of each file."""

    collected: Collected = field(default_factory=Collected)
    sessions_of: dict[Path, frozenset[AgentSession]] = field(default_factory=dict)


def named(paths: Iterable[Path]) -> Search:
    """Files and folders that were named."""
    return Search(find(list(paths)))


def of_repository(repository: Repository, env: Mapping[str, str]) -> Search:
    """Files in the agents' default places whose beginning names a worktree of the repository, and its own.

    Agents write down the directory they work in, Gemini CLI its hash. Databases, and files of which not each
    tells it, are read whole: `read` leaves out the sessions that worked elsewhere.
    """
    roots = worktrees(repository)
    needles = [needle for root in roots for needle in _needles(root)]
    found, own = find(None, env), find_at(_kept_in(roots))
    told = {path: reader for path, reader in found.files if reader.scattered or _mentions(path, needles)}
    files = tuple((told | dict(own.files)).items())
    errors = tuple(dict.fromkeys((*found.errors, *own.errors)))
    return Search(with_changes(found, files=files, errors=errors), tuple(roots))


def _kept_in(roots: Iterable[str]) -> list[Place]:
    """Files that agents keep in the directory in which they work; a link there may lead anywhere."""
    names = [name for reader in readers()[0] for name in reader.in_project]
    return [Place(Path(root), name) for root in roots for name in names if not Path(root, name).is_symlink()]


def read(searches: Iterable[Search]) -> Transcripts:
    """All files of the searches together, nothing twice."""
    asked = list(searches)
    result = Transcripts()
    files = {path: reader for search in asked for path, reader in search.found.files}
    together = Found(
        tuple((path, _noting(files[path], result)) for path in sorted(files)),
        tuple(error for search in asked for error in search.found.errors),
        sum(search.found.n_unrecognized for search in asked),
    )
    collected = collect_found(together)
    result.collected = _only(collected, result.sessions_of, _wanted(asked, collected, result.sessions_of))
    return result


def worktrees(repository: Repository) -> list[str]:
    """The directories in which a repository is checked out."""
    out = repository.git("worktree", "list", "--porcelain").decode("utf-8", "surrogateescape")
    listed = [line.removeprefix("worktree ") for line in out.split("\n") if line.startswith("worktree ")]
    own = [str(repository.worktree)] if repository.worktree else []
    return list(dict.fromkeys([*own, *listed]))


def _needles(root: str) -> list[bytes]:
    raw = root.encode("utf-8", "surrogateescape")
    return [raw, json.dumps(root)[1:-1].encode(), hashlib.sha256(raw).hexdigest().encode()]


def _mentions(path: Path, needles: Iterable[bytes]) -> bool:
    try:
        head = read_head(path)
    except (OSError, EOFError, TranscriptError):  # its reader will say what is wrong with it
        return True
    return head.startswith(_SQLITE) or any(needle in head for needle in needles)


def _noting(reader: Reader, result: Transcripts) -> Reader:
    def read_and_note(path: Path) -> Transcript:
        transcript = cached_read(reader, path)
        result.sessions_of[path] = frozenset((info.agent, info.session_id) for info in transcript.sessions)
        return transcript

    return replace(reader, read=read_and_note)


def _wanted(
    searches: Iterable[Search], collected: Collected, sessions_of: Mapping[Path, frozenset[AgentSession]]
) -> set[AgentSession]:
    projects = {(info.agent, info.session_id): info.project for info in collected.sessions}
    wanted: set[AgentSession] = set()
    for search in searches:
        for path, reader in search.found.files:
            for name in sessions_of.get(path, ()):
                if search.roots is None or _worked_in(search.roots, projects.get(name), reader):
                    wanted.add(name)
    return wanted


def _worked_in(roots: tuple[str, ...], project: str | None, reader: Reader) -> bool:
    """Where a session does not tell, its file has named the repository; but not one of many files."""
    if project is None:
        return not reader.scattered
    return any(project == root or project.startswith(f"{root}/") for root in roots)


def _only(
    collected: Collected, sessions_of: Mapping[Path, frozenset[AgentSession]], wanted: set[AgentSession]
) -> Collected:
    """Without the sessions that are not wanted, and without files that hold no others."""
    unwanted = {str(path) for path, names in sessions_of.items() if names and not names & wanted}
    if len(wanted) == len(collected.sessions) and not unwanted:
        return collected
    return with_changes(
        collected,
        sources=tuple(source for source in collected.sources if source.path not in unwanted),
        sessions=tuple(info for info in collected.sessions if (info.agent, info.session_id) in wanted),
        model_calls=tuple(c for c in collected.model_calls if (c.agent, c.session_id) in wanted),
        tool_calls=tuple(c for c in collected.tool_calls if (c.agent, c.session_id) in wanted),
        moments=tuple(m for m in collected.moments if (m.agent, m.session_id) in wanted),
    )
