"""Claude Code: one JSON lines file a session, more for its subagents and compactions.

    ${CLAUDE_CONFIG_DIR:-~/.claude}/projects/<directory>/<session>.jsonl
    .../<session>/subagents/**/agent-<id>.jsonl

A response of the model is spread over several lines, and the same response can stand in several files. So
every line gives a candidate (`calls.call_of`), and candidates of one `message.id` are merged, in whatever
order they come (`merge`). The session of a line is the `sessionId` in it, never the name of its file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from patina_nb.transcripts.claude.calls import AGENT
from patina_nb.transcripts.claude.read import FORMAT, read
from patina_nb.transcripts.lines import decode
from patina_nb.transcripts.reader import Place, Reader, home
from patina_nb.transcripts.values import as_record, as_text

_LINES = 5  # that are looked at one by one
_OURS = re.compile(
    rb'"(?:isSidechain|leafUuid)"\s*:|"type"\s*:\s*"(?:file-history-snapshot|queue-operation)"'
)


def sniff(head: bytes, path: Path) -> bool:
    """Lines that hold a key no other format has, or are messages in the shape of no other.

    Prose that quotes such a key does not begin with a heading.
    """
    if head.lstrip().startswith(b"#"):
        return False
    return bool(_OURS.search(head)) or any(map(_is_message, head.split(b"\n", _LINES)[:_LINES]))


def _is_message(line: bytes) -> bool:
    """A message as the programming interface has it, in a record of its type."""
    if b'"message"' not in line:
        return False
    try:
        record = as_record(decode(line))
    except ValueError:
        return False
    return as_text(record.get("type")) in {"user", "assistant"} and "content" in as_record(
        record.get("message")
    )


def places(env: Mapping[str, str]) -> list[Place]:
    """`CLAUDE_CONFIG_DIR` may name several directories, separated by commas."""
    named = [part.strip() for part in env.get("CLAUDE_CONFIG_DIR", "").split(",") if part.strip()]
    if named:
        roots = [Path(part).expanduser() for part in named]
    else:
        config = Path(env["XDG_CONFIG_HOME"]) if env.get("XDG_CONFIG_HOME") else home(env) / ".config"
        roots = [home(env) / ".claude", config / "claude"]
    return [Place(root if root.name == "projects" else root / "projects", "*.jsonl*") for root in roots]


READER = Reader(name=FORMAT, agent=AGENT, sniff=sniff, read=read, places=places, unique_tool_ids=True)
