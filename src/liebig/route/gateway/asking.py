"""Asking a model, and its fallbacks; answers that are read to their end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from liebig.route.gateway.accounting import usage_of
from liebig.route.gateway.exchange import Exchange
from liebig.route.gateway.failures import UpstreamFailure
from liebig.route.gateway.fast_json import dumps, loads
from liebig.route.gateway.upstream import Reply
from liebig.route.settings import ModelSettings

__all__ = ["FullReply", "ask", "ask_weak", "hand_on"]


@dataclass(frozen=True, slots=True)
class FullReply:
    """An answer that was read to its end, raw and parsed."""

    status: int
    raw: bytes
    body: dict[str, Any]


async def ask(exchange: Exchange) -> tuple[ModelSettings, Reply | FullReply]:
    """An answer of the model that was chosen, or of the first of its fallbacks that gives one.

    Raises:
        UpstreamFailure: none does; tells of the model that was asked first.
    """
    models = exchange.wiring.models
    name = exchange.choice.model
    first: UpstreamFailure | None = None
    for candidate in (name, *models[name].fallbacks):
        if first is not None and not exchange.allows(candidate):
            continue
        try:
            answer = await _ask_one(exchange, models[candidate], exchange.body)
        except UpstreamFailure as failure:
            first = first or failure
            if failure.final:
                break
            continue
        if first is not None:
            exchange.choice = replace(exchange.choice, model=candidate, reason="fallback")
        return models[candidate], answer
    assert first is not None
    raise first


async def ask_weak(exchange: Exchange, model: ModelSettings, body: dict[str, Any]) -> FullReply:
    """The answer of one model to a body that wants no stream.

    Raises:
        UpstreamFailure: it gives none.
    """
    answer = await _ask_one(exchange, model, body)
    if isinstance(answer, Reply):
        failure = UpstreamFailure(model.upstream, "malformed", "answered with a stream that nobody asked for")
        answer.close(failure)
        raise failure
    return answer


async def _ask_one(exchange: Exchange, model: ModelSettings, body: dict[str, Any]) -> Reply | FullReply:
    upstream = exchange.wiring.upstreams[model.upstream]
    exchange.ask(model)
    try:
        reply = await upstream.ask(exchange.endpoint.path, _sent(exchange, model, body), exchange.forwarded)
        return reply if reply.streams else await _read(reply)
    except UpstreamFailure:
        exchange.asking = None
        raise


async def _read(reply: Reply) -> FullReply:
    try:
        raw = await reply.read()
        try:
            parsed = loads(raw)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            kind = "truncated" if raw.lstrip()[:1] == b"{" else "malformed"
            raise UpstreamFailure(reply.upstream.name, kind, "its answer is not a complete JSON object")
    except UpstreamFailure as failure:
        reply.close(failure)
        raise
    except BaseException:
        reply.close(left=True)
        raise
    reply.close()
    return FullReply(reply.status, raw, parsed)


def _sent(exchange: Exchange, model: ModelSettings, body: dict[str, Any]) -> bytes:
    """The body for an upstream: as the client's, but for the name of the model and the wish for a count of tokens."""
    sent = {**body, "model": model.upstream_model or model.name}
    if exchange.endpoint.usage_option and body.get("stream") is True:
        options = body.get("stream_options")
        if options is None:
            sent["stream_options"] = {"include_usage": True}
        elif isinstance(options, dict) and options.get("include_usage") is not True:
            sent["stream_options"] = {**options, "include_usage": True}
    return dumps(sent)


async def hand_on(exchange: Exchange, model: ModelSettings, answer: FullReply, *, noted: bool = False) -> web.Response:
    """Give the client an answer that is not a stream; ``noted`` where its tokens are counted already."""
    given = answer.body.get("usage")
    if not noted:
        exchange.answered_by(model, usage_of(given) or exchange.estimate(len(answer.raw)))
    bill = exchange.bill()
    raw = answer.raw
    if isinstance(given, dict) and exchange.endpoint.request_of is not None:
        given["liebig"] = exchange.block(bill)
        raw = dumps(answer.body)
    await exchange.finish(answer.status)
    headers = exchange.headers(bill)
    headers["content-type"] = "application/json"
    return web.Response(status=answer.status, body=raw, headers=headers)
