"""Columns of `sessions`."""

from __future__ import annotations

from ...schema import Frame, amount, choice, count, flag, instant, text
from ..tokens import COST_SOURCE, tokens

_NO_TRANSCRIPT = "no transcript of the session was read"
_NO_JOURNAL = "not a session of ours, or its branch is gone"
_NO_REPORT = "it never ran, or left no test report"
_NO_CALLS = "no call of it was read, or one call's count is unknown"

FRAME = Frame(
    name="sessions",
    one_row_per="agent session",
    key=("session_id",),
    columns=(
        text(
            "session_id",
            "The session. A transcript of an agent that worked in a session of ours joins that row.",
        ),
        text("agent", "Who worked in it; several are separated by commas.", "nobody is named"),
        text("agent_version", "Version of the agent; the last one seen.", "not reported"),
        text("models", "Models that answered, sorted, separated by commas.", "no call names its model"),
        text("project", "The repository, or the agent's working directory.", "not reported", sensitive=True),
        text("base_sha", "Commit the session's branch started from.", _NO_JOURNAL),
        text("head_sha", "Newest commit of the session.", _NO_JOURNAL),
        text("branch", "Branch of the session; for a transcript alone, the first one seen.", "not reported"),
        text("parent_session_id", "Session that started this one.", "none, or not reported"),
        text("forked_from_id", "Session whose history this one began with.", "none, or not reported"),
        instant(
            "started_at",
            "When it was started; for a transcript alone, its first record.",
            "no record has a time",
        ),
        instant("ended_at", "When it was ended; for a transcript alone, its last record.", "not ended yet"),
        amount(
            "wall_s",
            "From the start to the end, or to the last sign of life.",
            "no record has a time",
            unit="s",
        ),
        amount(
            "active_s",
            "Sum of the agent's turns and of what we ran beside them; without reported turns, the time in "
            "which something happened at least every five minutes.",
            "no record has a time",
            unit="s",
        ),
        text(
            "status",
            "active, ended or deleted; for a transcript alone, the agent's own word.",
            "not reported",
        ),
        count("n_prompts", "Prompts a person (or a program) gave to the main agent.", _NO_TRANSCRIPT),
        count("n_model_calls", "Responses of models, each counted once.", _NO_TRANSCRIPT),
        count("n_tool_calls", "Calls of tools.", _NO_TRANSCRIPT),
        count(
            "n_tool_errors", "Calls of tools that failed as such: tool_error, denied or lost.", _NO_TRANSCRIPT
        ),
        count(
            "n_interventions", "Interrupts, rejected tool calls, and prompts after the first.", _NO_TRANSCRIPT
        ),
        count("n_compactions", "Times the context was compacted.", _NO_TRANSCRIPT),
        *tokens("Sum over its calls: ", _NO_CALLS),
        amount(
            "usage_final_rate",
            "Share of the calls whose output count is final.",
            "no call says so",
            unit="0..1",
        ),
        amount(
            "cost_usd", "Sum of the costs of its calls.", "no call was read, or one has no cost", unit="USD"
        ),
        choice(
            "cost_source",
            "reported: all of it by the agent; estimated: at least a part from the price table.",
            COST_SOURCE,
            "cost_usd is NA",
        ),
        count("n_unpriced", "Calls that have no cost.", _NO_TRANSCRIPT),
        flag(
            "resolved",
            "The designated verification passes on the tree of head_sha.",
            "it never ran to a verdict on that tree",
        ),
        amount(
            "time_to_green_s",
            "From the start to the end of the first passing verification.",
            "none passed yet",
            unit="s",
        ),
        count("n_tests", "Tests in the report of the newest verification.", _NO_REPORT),
        count("n_tests_passed", "How many of them passed.", _NO_REPORT),
        count("n_commits", "Commits after base_sha.", _NO_JOURNAL),
        count(
            "lines_added",
            "Lines that head_sha adds to base_sha; never a measure of productivity.",
            _NO_JOURNAL,
        ),
        count("lines_removed", "Lines that head_sha removes from base_sha.", _NO_JOURNAL),
        count("n_files", "Files that differ between base_sha and head_sha.", _NO_JOURNAL),
        flag(
            "merged",
            "The work is on the branch it started from, or a merge of it is recorded.",
            "there is nothing to merge, or where to look is not known",
        ),
    ),
)
