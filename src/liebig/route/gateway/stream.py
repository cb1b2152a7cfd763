"""Streams: events are passed on as they come; only those that end a stream or count tokens are looked into."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from aiohttp import web

from liebig.route.gateway.accounting import Usage, usage_of
from liebig.route.gateway.endpoints import RESPONSES
from liebig.route.gateway.exchange import Exchange
from liebig.route.gateway.failures import UpstreamFailure
from liebig.route.gateway.fast_json import dumps, loads
from liebig.route.gateway.refusals import error_block
from liebig.route.gateway.sse import Events, data_of
from liebig.route.gateway.upstream import Reply
from liebig.route.settings import ModelSettings

__all__ = ["ClientGone", "Meter", "pass_on", "stream_response"]

EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_TEXT = re.compile(rb'"(?:content|reasoning_content|reasoning|arguments|text|delta)":\s?"((?:[^"\\]|\\.)*)"')
_DELTA = re.compile(rb'"delta":\s?"((?:[^"\\]|\\.)*)"')
_USAGE_OR_ERROR = re.compile(rb'"usage":\s?\{|"error":\s?[{"]')
_FINISH = re.compile(rb'"finish_reason":\s?"')
_LAST_EVENT = re.compile(rb"response\.(?:completed|incomplete|failed)")


#: Seconds beyond the time of a whole answer after which a client that takes nothing is left.
GRACE_S = 5.0


class ClientGone(Exception):  # noqa: N818 - not a fault
    """The client left, or takes nothing any more."""


class Meter:
    """Reads along with a stream.

    Args:
        exchange: that it belongs to.
        model: that answers.
    """

    __slots__ = (
        "_events", "_exchange", "_model", "_open", "_responses", "_text", "_withhold", "characters", "complete",
        "failed", "noted", "usage",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, model: ModelSettings) -> None:
        options = exchange.body.get("stream_options")
        wants = isinstance(options, dict) and options.get("include_usage") is True
        self._exchange = exchange
        self._model = model
        self._events = Events()
        self._responses = exchange.endpoint is RESPONSES
        self._text = _DELTA if self._responses else _TEXT
        answers = exchange.body.get("n")
        self._open = answers if isinstance(answers, int) else 1
        self._withhold = not wants and exchange.endpoint.usage_option
        self.usage: Usage | None = None
        self.characters = 0
        self.complete = False
        self.failed = ""
        self.noted = False

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """What to pass on of some bytes: at once, and once the ledger knows of the call.

        Raises:
            ValueError: an event grows without end.
        """
        events = self._events.feed(data)
        out: list[bytes] = []
        for place, event in enumerate(events):
            if b"[DONE]" in event and data_of(event).strip() == b"[DONE]":
                self.complete = True
                return b"".join(out), b"".join(events[place:])
            if self._responses and _LAST_EVENT.search(event) and self._is_last(event):
                return b"".join(out), b"".join([self._priced(event), *events[place + 1 :]])
            if _USAGE_OR_ERROR.search(event):
                event = self._counted(event)
            out.append(event)
            self.characters += sum(len(text) for text in self._text.findall(event))
            if not self.complete and not self._responses and _FINISH.search(event):
                self._open -= 1
                self.complete = self._open <= 0
        return (out[0] if len(out) == 1 else b"".join(out)), b""

    def _is_last(self, event: bytes) -> bool:
        kind = _parsed(event).get("type")
        if not isinstance(kind, str) or not _LAST_EVENT.fullmatch(kind.encode()):
            return False
        self.complete = True
        if kind == "response.failed":
            self.failed = "upstream_failed"
        return True

    def _counted(self, event: bytes) -> bytes:
        """An event of a chat with a count of tokens, or an error; empty where the client wants no count."""
        body = _parsed(event)
        if body.get("error"):
            self.failed = "upstream_error_event"
            return event
        usage = usage_of(body.get("usage"))
        if usage is None or self._responses:
            return event
        self.usage = usage
        if body.get("choices"):
            return event
        return b"" if self._withhold else self._with_block(event, body, body["usage"])

    def _priced(self, event: bytes) -> bytes:
        """The last event of a response, with what it cost."""
        body = _parsed(event)
        response = body.get("response")
        given = response.get("usage") if isinstance(response, dict) else None
        self.usage = usage_of(given)
        return self._with_block(event, body, given) if isinstance(given, dict) and self.usage else event

    def _with_block(self, event: bytes, body: dict[str, Any], given: dict[str, Any]) -> bytes:
        exchange = self._exchange
        assert self.usage is not None
        exchange.parts.append((self._model, self.usage))
        given["liebig"] = exchange.block(exchange.bill())
        exchange.parts.pop()
        head = b"".join(
            line + b"\n" for line in event.splitlines() if line and not line.startswith(b"data:") and line != b"data"
        )
        return head + b"data: " + dumps(body) + b"\n\n"


def _parsed(event: bytes) -> dict[str, Any]:
    try:
        body = loads(data_of(event))
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def stream_response(exchange: Exchange, status: int, headers: dict[str, str]) -> web.StreamResponse:
    """A stream to the client; the last one of its connection while the gateway stops."""
    response = web.StreamResponse(status=status, headers={**headers, **EVENT_STREAM})
    if exchange.gateway.stopping:
        response.force_close()
    return response


async def pass_on(exchange: Exchange, request: web.Request, model: ModelSettings, reply: Reply) -> web.StreamResponse:
    """Pass a stream on until it ends, breaks, or the client leaves.

    Raises:
        ClientGone: it left, or takes nothing any more.
    """
    meter = Meter(exchange, model)
    response = stream_response(exchange, reply.status, exchange.headers())
    try:
        async with asyncio.timeout_at(reply.deadline + GRACE_S):
            await response.prepare(request)
            exchange.streamed = True
            failure = await _pumped(exchange, model, response, reply, meter)
            if failure is not None:
                reply.close(failure)
            _note(exchange, model, meter)
            if failure is not None:
                await exchange.finish(failure.status, failure.code)
                block = error_block(failure.status, str(failure), failure.code)
                await response.write(b"data: " + dumps(block) + b"\n\n")
            else:
                await exchange.finish(502 if meter.failed else reply.status, meter.failed)
            await response.write_eof()
            if failure is None:
                await reply.drain()
                reply.close()
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
        raise ClientGone from None
    finally:
        reply.close(left=True)
        _note(exchange, model, meter)
    return response


async def _pumped(
    exchange: Exchange, model: ModelSettings, response: web.StreamResponse, reply: Reply, meter: Meter
) -> UpstreamFailure | None:
    """Move bytes; a stop of the gateway is told to the client as a failure."""
    try:
        return await _pump(exchange, model, response, reply, meter)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if not exchange.gateway.cutting or task is None:
            raise
        task.uncancel()
        return UpstreamFailure(reply.upstream.name, "stopped", "the gateway is stopping")


def _note(exchange: Exchange, model: ModelSettings, meter: Meter) -> None:
    """Tokens of the stream, once: as told, or estimated from what came."""
    if not meter.noted:
        meter.noted = True
        exchange.answered_by(model, meter.usage or exchange.estimate(meter.characters))


async def _pump(
    exchange: Exchange, model: ModelSettings, response: web.StreamResponse, reply: Reply, meter: Meter
) -> UpstreamFailure | None:
    """Move bytes; what broke, None where the stream came to its end."""
    name = reply.upstream.name
    last = b""
    try:
        while data := await reply.next():
            now, later = meter.take(data)
            if exchange.first_token_s is None and meter.characters:
                exchange.first_token_s = time.perf_counter() - exchange.began
            if now:
                await response.write(now)
            if later:
                last = later
                break
    except UpstreamFailure as failure:
        return failure
    except ValueError:
        return UpstreamFailure(name, "malformed", "an event without end")
    if not meter.complete and not meter.failed:
        return UpstreamFailure(name, "truncated", "the stream was cut off")
    _note(exchange, model, meter)
    if last:
        await exchange.finish(502 if meter.failed else reply.status, meter.failed)
        await response.write(last)
    return None
