"""Objects that a box lacks, because its branch went on elsewhere, or its own git directory lost them.

Boxes that read the user's objects lack none; a container has a copy of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from patina_nb.repository import Repository
from patina_nb.snapshot.agent_git import AgentGit

_SLOW_S = 1800
_PACK = ("pack-objects", "--revs", "--thin", "--stdout", "-q", "--delta-base-offset")


def supply(repository: Repository, agent: AgentGit, wanted: str, known: Sequence[str]) -> None:
    """Give the agent's repository the commit `wanted` with its history, unless it is there.

    `known`: commits that it may have already, so that what they reach need not be sent.
    Raises RepositoryError or SandboxError.
    """
    if not agent.lacks(wanted):
        return
    shared = [commit for commit in known if repository.has_commit(commit) and not agent.lacks(commit)]
    revisions = "\n".join([wanted, *(f"^{commit}" for commit in shared), ""])
    agent.receive(repository.git(*_PACK, stdin=revisions.encode(), timeout=_SLOW_S))
