"""Which session is the current one: remembered for this process, and for the repository."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from patina_nb.errors import SessionError
from patina_nb.journal import explained
from patina_nb.project import Project
from patina_nb.session.ids import check_id

_of_this_process: dict[Path, str] = {}


def remember(project: Project, session_id: str) -> None:
    """Make a session the current one of this process and of the repository."""
    _of_this_process[project.state_dir] = session_id
    path = _file(project)
    temporary = path.with_name(f"current.{os.getpid()}-{secrets.token_hex(4)}")
    with explained("written", path):
        temporary.write_text(f"{session_id}\n")
        temporary.replace(path)


def remembered(project: Project) -> list[str]:
    """The ids of this process's and of the repository's current session, where there are any."""
    path = _file(project)
    with explained("read", path):
        text = path.read_text(errors="replace").strip() if path.is_file() else ""
    try:
        of_repository = [check_id(text)]
    except SessionError:  # empty or damaged: it is a convenience, and the next start writes it anew
        of_repository = []
    own = _of_this_process.get(project.state_dir)
    return [own, *of_repository] if own else of_repository


def _file(project: Project) -> Path:
    return project.state_dir / "current"
