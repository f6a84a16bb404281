"""A git directory that its agent has damaged: a new one is written, and the files stay as they are."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from patina_nb.engines.base import BoxSpec
from patina_nb.engines.identity import Identity
from patina_nb.engines.local import gitdir
from patina_nb.engines.local.checkout import BaseTree, index_at
from patina_nb.engines.local.sessions import SessionDir
from patina_nb.engines.places import ProjectCache
from patina_nb.errors import SandboxError


def renew_git(
    session: SessionDir,
    spec: BoxSpec,
    cache: ProjectCache,
    tree: BaseTree,
    alternates: Sequence[str],
    identity: Identity,
) -> str:
    """Replace the git directory of a session whose box does not run; returns what to tell the user.

    Its HEAD and index are at `spec.head`, so that the next scan finds whatever the files hold beyond that.
    Raises SandboxError or RepositoryError.
    """
    at = replace(spec, commit=spec.head or spec.commit)
    folder = Path(tempfile.mkdtemp(prefix=".git-", dir=session.path))
    aside = session.path / f"damaged-git-{time.time_ns():x}"
    try:
        fresh = folder / "git"
        fresh.mkdir(mode=0o755)
        index_at(cache, spec.git_dir, tree, at.commit, folder / "index")
        gitdir.write(fresh, at, replace(tree, path=folder), alternates, identity)
        if session.git.is_symlink() or session.git.exists():
            session.git.rename(aside)
        fresh.rename(session.git)
    except OSError as error:
        raise SandboxError(f"the git directory {session.git} cannot be written anew: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return (
        f"The git directory of the workspace was damaged and was written anew at {at.commit[:10]}. The files "
        f"are as they were; what is left of the agent's own branches, stashes and git settings is in {aside}."
    )
