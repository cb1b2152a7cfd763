"""Ask the weak model, look at its answer, and ask the stronger one where it does not stand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from liebig.route.gateway.accounting import usage_of
from liebig.route.gateway.asking import FullReply, ask_weak, hand_on
from liebig.route.gateway.endpoints import CHAT, COMPLETIONS, RESPONSES, Endpoint
from liebig.route.gateway.exchange import Exchange
from liebig.route.gateway.failures import UpstreamFailure
from liebig.route.gateway.fast_json import dumps
from liebig.route.gateway.stream import stream_response
from liebig.route.policy import Choice
from liebig.route.request import Answer
from liebig.route.settings import ModelSettings

__all__ = ["answer_of", "events_of", "look"]


async def look(exchange: Exchange, request: web.Request) -> web.StreamResponse | None:
    """The weak model's answer where it stands; None where another model must be asked as the client wants it."""
    if not _suits(exchange):
        return None
    weak = exchange.wiring.models[exchange.choice.model]
    body = {k: v for k, v in exchange.body.items() if k != "stream_options"}
    if "stream" in body:
        body["stream"] = False
    try:
        whole = await ask_weak(exchange, weak, body)
    except UpstreamFailure:
        choice = Choice(_stronger(exchange, weak.name), "weak failed", exchange.choice.score)
    else:
        exchange.answered_by(weak, usage_of(whole.body.get("usage")) or exchange.estimate(len(whole.raw)))
        choice = _judged(exchange, whole)
    if choice.model == weak.name or not exchange.allows(choice.model):
        if not exchange.parts:
            return None
        return await _given(exchange, request, weak, whole)
    exchange.escalated = True
    score = exchange.choice.score if choice.score is None else choice.score
    exchange.choice = replace(choice, look=False, score=score)
    return None


def _suits(exchange: Exchange) -> bool:
    """True where one plain answer can be looked at, and given out in the way the client wants it."""
    asked, body = exchange.request, exchange.body
    if asked is None or asked.tools or asked.images or body.get("n") not in (None, 1):
        return False
    if exchange.endpoint is RESPONSES:
        return not exchange.wants_stream
    return exchange.endpoint is CHAT or isinstance(body.get("prompt"), str)


def _stronger(exchange: Exchange, weak: str) -> str:
    names = [m.name for m in exchange.wiring.pool]
    behind = names[names.index(weak) + 1 :] if weak in names else names[-1:]
    return next((n for n in behind if exchange.allows(n)), weak)


def _judged(exchange: Exchange, whole: FullReply) -> Choice:
    """What the policy says; where it fails, the stronger model."""
    assert exchange.request is not None
    try:
        answer = answer_of(exchange.endpoint, whole.body)
        choice = exchange.wiring.policy.inspect(exchange.request, exchange.choice, exchange.target, answer)
    except Exception as problem:
        exchange.gateway.log.write("error", "router", call=exchange.call_id, error=type(problem).__name__)
        return Choice(_stronger(exchange, exchange.choice.model), "router failed")
    if choice.model not in exchange.wiring.models:
        return Choice(_stronger(exchange, exchange.choice.model), "router failed")
    return choice


def answer_of(endpoint: Endpoint, body: Mapping[str, Any]) -> Answer:
    """What a router looks at of an answer.

    >>> answer_of(CHAT, {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]})
    Answer(text='4', logprobs=(), samples=(), finish='stop', tokens=0)
    """
    usage = usage_of(body.get("usage"))
    tokens = usage.completion if usage else 0
    if endpoint is RESPONSES:
        parts = [p for item in _list(body.get("output")) for p in _list(_map(item).get("content"))]
        text = "".join(str(_map(p).get("text") or "") for p in parts)
        logprobs = _logprobs(_map(p).get("logprobs") for p in parts)
        return Answer(text, logprobs, finish=str(body.get("status") or ""), tokens=tokens)
    first = _map(next(iter(_list(body.get("choices"))), {}))
    said = first.get("text") if endpoint is COMPLETIONS else _map(first.get("message")).get("content")
    told = _map(first.get("logprobs"))
    given = told.get("content") or [{"logprob": v} for v in _list(told.get("token_logprobs"))]
    finish = str(first.get("finish_reason") or "")
    return Answer(said if isinstance(said, str) else "", _logprobs([given]), finish=finish, tokens=tokens)


def _logprobs(lists: Any) -> tuple[float, ...]:
    values = (_map(token).get("logprob") for tokens in lists for token in _list(tokens))
    return tuple(float(v) for v in values if isinstance(v, (int, float)) and math.isfinite(v))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


async def _given(exchange: Exchange, request: web.Request, weak: ModelSettings, whole: FullReply) -> web.StreamResponse:
    """The weak model's answer, as a stream where the client wants one."""
    if not exchange.wants_stream:
        return await hand_on(exchange, weak, whole, noted=True)
    exchange.streamed = True
    options = exchange.body.get("stream_options")
    bill = exchange.bill()
    usage = whole.body.get("usage") if isinstance(options, dict) and options.get("include_usage") is True else None
    if isinstance(usage, dict):
        usage = {**usage, "liebig": exchange.block(bill)}
    events = events_of(exchange.endpoint, whole.body, usage)
    response = stream_response(exchange, 200, exchange.headers(bill))
    await response.prepare(request)
    await response.write(b"".join(events[:-1]))
    await exchange.finish(200)
    await response.write(events[-1])
    await response.write_eof()
    return response


def events_of(endpoint: Endpoint, body: Mapping[str, Any], usage: Any) -> list[bytes]:
    """The events of a stream that says what an answer says, of a chat or a completion.

    >>> answer = {"id": "1", "choices": [{"index": 0, "text": "4", "finish_reason": "stop"}]}
    >>> len(events_of(COMPLETIONS, answer, None))
    3
    """
    shared = {k: v for k, v in body.items() if k not in ("choices", "usage", "object")}
    kind = "text_completion" if endpoint is COMPLETIONS else "chat.completion.chunk"
    base = {**shared, "object": kind}
    out: list[dict[str, Any]] = []
    for choice in _list(body.get("choices")):
        index = choice.get("index", 0)
        finish = {"index": index, "finish_reason": choice.get("finish_reason")}
        rest = {k: v for k, v in choice.items() if k not in ("index", "message", "finish_reason")}
        if endpoint is COMPLETIONS:
            out.append({"index": index, "finish_reason": None, **rest})
            out.append({**finish, "text": ""})
            continue
        message = dict(_map(choice.get("message")))
        role = message.pop("role", "assistant")
        if isinstance(message.get("tool_calls"), list):
            message["tool_calls"] = [{"index": i, **call} for i, call in enumerate(message["tool_calls"])]
        out.append({"index": index, "delta": {"role": role, "content": ""}, "finish_reason": None})
        out.append({"index": index, "delta": message, "finish_reason": None, **rest})
        out.append({**finish, "delta": {}})
    chunks = [{**base, "choices": [c]} for c in out]
    if usage is not None:
        chunks.append({**base, "choices": [], "usage": usage})
    return [*(b"data: " + dumps(c) + b"\n\n" for c in chunks), b"data: [DONE]\n\n"]
