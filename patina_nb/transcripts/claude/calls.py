"""Responses of the model, as they stand in single lines.

Each line of a response repeats its usage, with the count of output at the time the line was written. Only a
line with a `stop_reason` has the final count.
"""

from __future__ import annotations

from typing import Any

from patina_nb.transcripts.claude.said import Said, role_of
from patina_nb.transcripts.counts import all_zero, as_cost
from patina_nb.transcripts.model import ModelCall
from patina_nb.transcripts.values import as_count, as_name, as_record, as_text

AGENT = "claude"

_KINDS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
NO_MODEL = "<synthetic>"  # texts of the client itself, such as API errors


def call_of(said: Said) -> ModelCall | None:
    """The response a line belongs to, with what this line says of it; None if it belongs to none."""
    message = said.message
    model = as_name(message.get("model"))
    if role_of(said) != "assistant" or model == NO_MODEL:
        return None
    response_id = _response_id(said)
    if response_id is None:
        return None
    stop_reason = as_name(message.get("stop_reason"))
    usage = _usage(message)
    written, written_5m, written_1h = _cache_writes(usage)
    return ModelCall(
        agent=AGENT,
        response_id=response_id,
        session_id=said.session_id,
        agent_id=said.agent_id,
        origin=said.origin,
        called_at=said.at,
        model=model,
        provider=_provider(response_id, model),
        branch=said.branch,
        stop_reason=stop_reason,
        usage_final=stop_reason is not None,
        input_tokens=as_count(usage.get("input_tokens")),
        cache_read_tokens=as_count(usage.get("cache_read_input_tokens")),
        cache_write_tokens=written,
        cache_write_5m_tokens=written_5m,
        cache_write_1h_tokens=written_1h,
        output_tokens=as_count(usage.get("output_tokens")),
        speed=as_name(usage.get("speed")),
        reported_cost_usd=as_cost(said.record.get("costUSD")),  # versions before 1.0.9
    )


def _usage(message: dict[str, Any]) -> dict[str, Any]:
    """The usage of a message; one of zeros, as gateways write who do not know it, tells nothing.

    So does a damaged one, without output (`shares` would not see it).
    """
    usage = as_record(message.get("usage"))
    counts = [as_count(usage.get(kind)) for kind in _KINDS]
    return {} if "output_tokens" not in usage or all_zero(*counts) else usage


def _response_id(said: Said) -> str | None:
    """`message.id`; where a gateway gives none, what else names the response or at least the line."""
    return (
        as_text(said.message.get("id"))
        or as_text(said.record.get("requestId"))
        or as_text(said.record.get("uuid"))
        or (None if said.at is None else f"{said.session_id}@{said.at}")
    )


def _cache_writes(usage: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    """All cache writes, and those kept for 5 minutes and for 1 hour, which have different prices."""
    whole = as_count(usage.get("cache_creation_input_tokens"))
    parts = usage.get("cache_creation")
    if type(parts) is not dict:
        return whole, None, None
    short = as_count(parts.get("ephemeral_5m_input_tokens"))
    long = as_count(parts.get("ephemeral_1h_input_tokens"))
    if short is None or long is None:
        return whole, None, None
    if whole is None or whole <= short + long:
        return short + long, short, long
    return whole, None, None


def _provider(response_id: str, model: str | None) -> str | None:
    """By the names of OpenTelemetry, from the marks that the clouds leave in ids."""
    if response_id.startswith("msg_bdrk_"):
        return "aws.bedrock"
    if response_id.startswith("msg_vrtx_"):
        return "gcp.vertex_ai"
    return "anthropic" if model is not None and model.startswith("claude") else None
