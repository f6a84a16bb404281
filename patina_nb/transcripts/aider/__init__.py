"""Aider: the chat history of a project, in Markdown, and the log of its analytics, in JSON lines.

    .aider.chat.history.md            ${AIDER_CHAT_HISTORY_FILE}; else at the top of the project
    (--analytics-log FILE)            ${AIDER_ANALYTICS_LOG}

The history tells tokens in rounded numbers and times without a zone (`history`); the log has both exactly,
but not the cached part of a prompt (`analytics`). What both tell of is counted once (`both`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from patina_nb.transcripts.aider import analytics, history
from patina_nb.transcripts.aider.both import reconcile
from patina_nb.transcripts.aider.history import AGENT, FORMAT
from patina_nb.transcripts.model import Transcript
from patina_nb.transcripts.reader import Place, Reader

_EVENT = re.compile(rb'^\s*\{"event"\s*:\s*"[^"\n]{1,200}"\s*,\s*"properties"\s*:', re.MULTILINE)


def sniff(head: bytes, path: Path) -> bool:
    """The heading of a chat, or an event of the log."""
    return bool(history.HEADING.search(head)) or bool(_EVENT.search(head) and b'"user_id"' in head)


def read(path: Path) -> Transcript:
    """All that a file says; raises OSError or TranscriptError only where it cannot be opened."""
    return history.read(path) if history.is_history(path) else analytics.read(path)


def places(env: Mapping[str, str]) -> list[Place]:
    """The files that Aider's own variables name."""
    named = (env.get("AIDER_CHAT_HISTORY_FILE"), env.get("AIDER_ANALYTICS_LOG"))
    paths = [Path(name).expanduser() for name in named if name]
    return [Place(path.parent, path.name) for path in paths]


READER = Reader(
    name=FORMAT,
    agent=AGENT,
    sniff=sniff,
    read=read,
    places=places,
    reconcile=reconcile,
    in_project=(".aider.chat.history.md",),
)
