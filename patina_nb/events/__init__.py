"""What the journal records: one frozen struct per kind of event, one JSON object per line.

Reading never fails on what a later version wrote: a kind, or a value, that this version does not know
becomes an `Unknown` event that holds the raw mapping, and unknown fields of a known kind are kept in `extra`.
Both are written back as they were read.

Text is stored as UTF-8. A path can hold any byte, and Python keeps those that are not UTF-8 as lone
surrogates, which JSON cannot carry. So every field named ``path`` is escaped on its way to the file and
unescaped on its way back (`escape_path`); everywhere else a lone surrogate is written out as ``\\udcff``.
"""

from __future__ import annotations

from patina_nb.events.agents import AgentFinished, AgentStarted, TranscriptHarvested, Usage
from patina_nb.events.checks import Case, CheckFinished
from patina_nb.events.encoding import KINDS, decode, encode_record, escape_path, to_record, unescape_path
from patina_nb.events.event import SCHEMA, SESSION_ID, Event, Unknown, new_event_id, now
from patina_nb.events.merges import Conflict, Merged, MergePreviewed, MergeRejected
from patina_nb.events.work import (
    LeftOut,
    RunKind,
    SecretsGiven,
    SessionDeleted,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    StepFinished,
    StepStarted,
    WorkspaceClosed,
    WorkspaceOpened,
)

__all__ = [
    "KINDS",
    "SCHEMA",
    "SESSION_ID",
    "AgentFinished",
    "AgentStarted",
    "Case",
    "CheckFinished",
    "Conflict",
    "Event",
    "LeftOut",
    "MergePreviewed",
    "MergeRejected",
    "Merged",
    "RunKind",
    "SecretsGiven",
    "SessionDeleted",
    "SessionEnded",
    "SessionStarted",
    "SessionUpdated",
    "StepFinished",
    "StepStarted",
    "TranscriptHarvested",
    "Unknown",
    "Usage",
    "WorkspaceClosed",
    "WorkspaceOpened",
    "decode",
    "encode_record",
    "escape_path",
    "new_event_id",
    "now",
    "to_record",
    "unescape_path",
]
