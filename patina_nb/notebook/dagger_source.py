"""What a pipeline cell is given as `src` and `ws`: the files of a branch, and the workspace on it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patina_nb.errors import RepositoryError, SessionError
from patina_nb.presentation.units import short

if TYPE_CHECKING:
    import dagger

    from patina_nb.engines.dagger.connection import Connection
    from patina_nb.project import Project
    from patina_nb.workspaces.workspace import Workspace


@dataclass(frozen=True)
class Source:
    """Where `src` comes from: a commit, in words, and the workspace of its session."""

    project: Project | None
    commit: str
    said: str
    session_id: str | None = None
    workspace: Workspace | None = None

    def connection(self) -> Connection:
        """To the engine of that session; raises EngineUnavailableError."""
        from patina_nb.engines.dagger.pipeline import connection_for

        return connection_for(self.project, self.session_id)

    def directory(self, client: dagger.Client) -> dagger.Directory | None:
        """The files, as the engine checks them out when they are needed; None outside of a repository."""
        from patina_nb.engines.dagger.source import directory

        return directory(client, self.project, self.commit) if self.project else None


def find_source(session: str | None) -> Source:
    """The session's branch, or HEAD where no session is open."""
    from patina_nb.project import open_project
    from patina_nb.session import meant
    from patina_nb.session.choosing import VARIABLE
    from patina_nb.workspaces.opening import opened

    try:
        project, found = meant(session)
        if session is None:
            found.check_active()
    except SessionError:
        if session is not None or os.environ.get(VARIABLE):  # a mistyped id must not mean HEAD
            raise
        project = open_project()
        commit = project.repository.resolve("HEAD")
        return Source(project, commit, f"HEAD at {short(commit)}: no session is open")
    except RepositoryError as error:
        return Source(None, "", f"none: {error}")
    commit = project.repository.tip(found.id)
    mine = [one for one in opened() if one.project.id == project.id and one.branch == found.branch]
    return Source(project, commit, f"{found.branch} at {short(commit)}", found.id, mine[0] if mine else None)
