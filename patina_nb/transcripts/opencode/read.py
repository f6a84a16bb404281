"""A file of OpenCode, whichever of its kinds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from patina_nb.transcripts.database import MAGIC, read_database, size_and_mtime_of
from patina_nb.transcripts.documents import documents
from patina_nb.transcripts.files import read_head
from patina_nb.transcripts.lines import Tally, decode
from patina_nb.transcripts.merge import merge_sessions
from patina_nb.transcripts.model import ModelCall, Moment, SessionInfo, ToolCall, Transcript
from patina_nb.transcripts.opencode.messages import (
    AGENT,
    call_of,
    info_of,
    info_of_message,
    is_said,
    moment_of,
    time_of,
    tool_of,
)
from patina_nb.transcripts.tables import rows_of
from patina_nb.transcripts.values import as_list, as_name, as_record, as_text

FORMAT = "opencode"

_SESSION = ("directory", "id", "parent_id", "time_created", "time_updated", "version")
_MESSAGE = ("data", "id", "session_id")
_PART = ("data", "id", "message_id", "session_id")
_NEWER = ("id", "session_id", "type")


def read(path: Path) -> Transcript:
    """All that a file says; raises OSError or TranscriptError only where it cannot be read at all."""
    if _is_database(path):
        transcript = read_database(path, lambda connection: _database(connection, path))
        size, mtime = size_and_mtime_of(path)
        return replace(transcript, source=replace(transcript.source, size_bytes=size, mtime=mtime))
    content = _Content(Tally(path, AGENT, FORMAT))
    for document in documents(path, content.tally):
        content.add(document)
    return content.transcript()


def _is_database(path: Path) -> bool:
    try:
        return read_head(path, len(MAGIC)) == MAGIC
    except EOFError:
        return False


def _database(connection: sqlite3.Connection, path: Path) -> Transcript:
    content = _Content(Tally(path, AGENT, FORMAT))

    def each(table: str, wanted: tuple[str, ...], take: Callable[[dict[str, Any]], None]) -> None:
        for row in rows_of(connection, table, wanted, content.tally):
            record = _record(row)
            if record is None:
                content.tally.n_dropped += 1
            else:
                take(record)

    each("session", _SESSION, content.session)
    each("part", _PART, content.part)
    each("message", _MESSAGE, content.message)
    for row in rows_of(connection, "session_message", _NEWER, content.tally):
        content.newer(row)
    return content.transcript()


def _record(row: dict[str, Any]) -> dict[str, Any] | None:
    """A row in the shape of the JSON files; None where its data cannot be read."""
    data: Any = {}
    if "data" in row:
        try:
            data = decode(row["data"].encode("utf-8", "replace")) if isinstance(row["data"], str) else None
        except ValueError:
            data = None
        if type(data) is not dict:
            return None
    else:
        times = {"created": row.get("time_created"), "updated": row.get("time_updated")}
        data = {"directory": row.get("directory"), "version": row.get("version"), "time": times}
    names = {"sessionID": "session_id", "messageID": "message_id", "id": "id", "parentID": "parent_id"}
    return {**data, **{name: row[column] for name, column in names.items() if column in row}}


class _Content:
    """The parts of a transcript, each by its key."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._infos: dict[str, list[SessionInfo]] = {}
        self._calls: dict[str, ModelCall] = {}
        self._tools: dict[tuple[str, str], ToolCall] = {}
        self._moments: dict[str, Moment] = {}
        self._typed: set[str] = set()
        self._silent: set[str] = set()

    def add(self, document: dict[str, Any]) -> None:
        """The object of a JSON file: an export, a message, a part of one, or a session."""
        if type(document.get("messages")) is list:
            self._export(document)
        elif "role" in document:
            self.message(document)
        elif "messageID" in document:
            self.part(document)
        elif "directory" in document or "projectID" in document:
            self.session(document)
        else:
            self.tally.saw_unknown("no message")

    def _export(self, document: dict[str, Any]) -> None:
        self.session(as_record(document.get("info")))
        messages = [as_record(message) for message in as_list(document.get("messages"))]
        for message in messages:
            self.tally.n_lines += 1
            for part in map(as_record, as_list(message.get("parts"))):
                self.part(part)
            self.message(as_record(message.get("info")))

    def session(self, record: dict[str, Any]) -> None:
        """A session, as it describes itself."""
        self._info(info_of(record))

    def message(self, record: dict[str, Any]) -> None:
        """A message; its role is told, else it is none."""
        if as_name(record.get("role")) not in {"user", "assistant"}:
            self.tally.saw_unknown(record.get("role"))
            return
        if as_name(record.get("sessionID")) is None or as_text(record.get("id")) is None:
            self.tally.n_dropped += 1
            return
        self.tally.saw(time_of(record))
        self._info(info_of_message(record))
        call, moment = call_of(record), moment_of(record)
        if call is not None:
            self._calls[call.response_id] = call
        if moment is not None:
            self._moments[moment.moment_id] = moment

    def part(self, record: dict[str, Any]) -> None:
        """A part of a message: a tool call, or what tells whether a user typed the message."""
        tool, said = tool_of(record), is_said(record)
        if tool is not None:
            self._tools[tool.session_id, tool.tool_call_id] = tool
        session_id = as_name(record.get("sessionID"))
        if session_id is not None and session_id not in self._infos:
            self._info(SessionInfo(session_id=session_id, agent=AGENT))
        message_id = as_text(record.get("messageID"))
        if said is not None and message_id is not None:
            (self._typed if said else self._silent).add(message_id)

    def newer(self, row: dict[str, Any]) -> None:
        """A message of a later design, counted as not known where it is in no other table."""
        if row.get("type") == "assistant" and as_text(row.get("id")) not in self._calls:
            self.tally.saw_unknown("session_message assistant")

    def _info(self, info: SessionInfo | None) -> None:
        if info is not None:
            self._infos.setdefault(info.session_id, []).append(info)
            if len(self._infos[info.session_id]) > 100:  # a bound on what is kept of a long session
                self._infos[info.session_id] = [merge_sessions(self._infos[info.session_id])]

    def transcript(self) -> Transcript:
        """What was taken in; messages whose parts show that no user typed them are no prompts."""
        infos = [merge_sessions(group) for group in self._infos.values()]
        latest = max(infos, key=lambda info: info.ended_at or -1, default=None)
        return Transcript(
            source=self.tally.source(latest.agent_version if latest else None),
            sessions=tuple(infos),
            model_calls=tuple(self._calls.values()),
            tool_calls=tuple(self._tools.values()),
            moments=tuple(self._prompts_typed(self._moments.values())),
        )

    def _prompts_typed(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        unsaid = self._silent - self._typed
        return (one for one in moments if one.kind != "prompt" or one.moment_id not in unsaid)
