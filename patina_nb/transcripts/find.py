"""Which files to read: the agents' default places, or what the user names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias

import msgspec

from patina_nb.transcripts.files import check_head, read_error, read_head, shown
from patina_nb.transcripts.model import ReadError
from patina_nb.transcripts.reader import Place, Reader, TranscriptError
from patina_nb.transcripts.registry import choose, readers

Source: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None
"""A file, a folder (searched to the bottom), several of them, or None for the agents' default places."""


class Found(msgspec.Struct, frozen=True):
    """Files and who reads each, by path; what could not be looked at, and how many nobody can read."""

    files: tuple[tuple[Path, Reader], ...]
    errors: tuple[ReadError, ...]
    n_unrecognized: int


def find(source: Source = None, env: Mapping[str, str] | None = None) -> Found:
    """The transcripts of a source. Never raises: what cannot be read is in `errors`.

    Links below a folder are not followed, as their targets may be anywhere: one that leads out of the folder
    is an error, the target of any other is found by itself. A named path may itself be a link.
    """
    known, errors = readers()
    if source is None:
        named = os.environ if env is None else env
        return find_at(place for reader in known for place in reader.places(named))
    search = _Search(known, list(errors))
    for path in [source] if isinstance(source, (str, os.PathLike)) else source:
        search.named(Path(path).expanduser().absolute())
    return search.found()


def find_at(places: Iterable[Place]) -> Found:
    """The transcripts at some places, at which other files may be as well. Never raises, see `find`."""
    known, errors = readers()
    search = _Search(known, list(errors))
    for place in places:
        search.place(place)
    return search.found()


class _Search:
    def __init__(self, known: tuple[Reader, ...], errors: list[ReadError]) -> None:
        self._known = known
        self._errors = errors
        self._seen: set[tuple[int, int]] = set()
        self._files: list[tuple[Path, Reader]] = []
        self._n_unrecognized = 0

    def place(self, place: Place) -> None:
        """The files of a default place; nothing where the agent was never used."""
        if "*" not in place.pattern and "?" not in place.pattern:
            path = place.root / place.pattern
            if os.path.lexists(path):
                self._take(path)
        elif place.root.is_dir():
            for path in self._below(place.root):
                if fnmatchcase(path.relative_to(place.root).as_posix(), place.pattern):
                    self._take(path)

    def named(self, path: Path) -> None:
        """A file or folder that the user named."""
        try:
            is_folder = path.is_dir()
        except (OSError, ValueError) as error:
            self._error(path, error)
            return
        if not is_folder:
            self._take(path, named=True)
            return
        for below in self._below(path):
            self._take(below)

    def found(self) -> Found:
        """All of it, in a stable order."""
        files = sorted(self._files, key=lambda pair: str(pair[0]))
        errors = sorted(self._errors, key=lambda error: (error.path, error.message))
        return Found(tuple(files), tuple(errors), self._n_unrecognized)

    def _below(self, root: Path) -> Iterator[Path]:
        """All that is no folder, whatever it is, without following links; folders by name."""
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self._error(folder, error)
                continue
            for entry in listed:
                path = Path(entry.path)
                if entry.is_symlink():
                    self._link(path, root)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                else:
                    yield path

    def _link(self, path: Path, root: Path) -> None:
        try:
            inside = path.resolve(strict=True).is_relative_to(root.resolve())
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, up to Python 3.12
            self._error(path, error)
            return
        if not inside:
            self._errors.append(
                ReadError(
                    path=shown(path),
                    message=f"{shown(path)} leads out of {shown(root)}. Name its target to read it.",
                )
            )

    def _take(self, path: Path, *, named: bool = False) -> None:
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return
            self._seen.add((status.st_dev, status.st_ino))
            reader = choose(read_head(path), path, self._known)
            if reader is None:  # because of its format, or because there is too little left of it to tell
                check_head(path)
        except (OSError, EOFError, ValueError, TranscriptError) as error:
            self._error(path, error)
            return
        if reader is not None:
            self._files.append((path, reader))
        elif named:
            empty = stat.S_ISREG(status.st_mode) and status.st_size == 0
            why = "is empty" if empty else "has a format that no reader knows"
            self._errors.append(
                ReadError(path=str(path), message=f"{path} {why}. Name an agent's transcript.")
            )
        else:
            self._n_unrecognized += 1

    def _error(self, path: Path, error: Exception) -> None:
        self._errors.append(read_error(path, error))
