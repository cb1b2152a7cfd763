"""A call from its arrival to its end; however it ends, the ledger learns of it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from liebig.route.gateway.admission import admit
from liebig.route.gateway.asking import ask, hand_on
from liebig.route.gateway.cascade import look
from liebig.route.gateway.endpoints import Endpoint
from liebig.route.gateway.exchange import Exchange
from liebig.route.gateway.failures import UpstreamFailure
from liebig.route.gateway.refusals import Denied, refusal, retry_after_text
from liebig.route.gateway.state import GATEWAY, Gateway
from liebig.route.gateway.stream import ClientGone, pass_on
from liebig.route.gateway.upstream import Reply

__all__ = ["handle"]


async def handle(request: web.Request, endpoint: Endpoint) -> web.StreamResponse:
    """Answer a call."""
    gateway = request.app[GATEWAY]
    if gateway.in_flight >= gateway.wiring.settings.server.most_in_flight:
        return _turned_away(gateway, endpoint, Denied(503, "too many requests at once", "gateway_busy", None, 1.0))
    task = asyncio.current_task()
    assert task is not None
    gateway.in_flight += 1
    gateway.tasks.add(task)
    try:
        try:
            exchange = await admit(gateway, request, endpoint)
        except Denied as denied:
            return _turned_away(gateway, endpoint, denied)
        return await _answer(exchange, request)
    finally:
        gateway.in_flight -= 1
        gateway.tasks.discard(task)


def _turned_away(gateway: Gateway, endpoint: Endpoint, denied: Denied) -> web.Response:
    gateway.metrics.add("liebig_requests_total", (endpoint.name, "none", str(denied.status)))
    gateway.log.write("info", "refused", endpoint=endpoint.name, status=denied.status, error=denied.code)
    return denied.response()


async def _answer(exchange: Exchange, request: web.Request) -> web.StreamResponse:
    try:
        if exchange.choice.look:
            response = await look(exchange, request)
            if response is not None:
                return response
        model, answer = await ask(exchange)
        if isinstance(answer, Reply):
            return await pass_on(exchange, request, model, answer)
        return await hand_on(exchange, model, answer)
    except (asyncio.CancelledError, ClientGone):
        cut = exchange.gateway.cutting
        exchange.left()
        await asyncio.shield(exchange.finish(503 if cut else 499, "stopped" if cut else "client_disconnected"))
        if cut and not exchange.streamed:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            return refusal(503, "the gateway is stopping", "gateway_stopping", None, 1.0, exchange.headers())
        raise
    except UpstreamFailure as failure:
        await exchange.finish(failure.status, failure.code)
        headers = exchange.headers()
        if failure.retry_after_s is not None:
            headers["retry-after"] = retry_after_text(failure.retry_after_s)
        headers["content-type"] = failure.content_type
        return web.Response(status=failure.status, body=failure.content(), headers=headers)
    except Exception as problem:
        await exchange.finish(500, type(problem).__name__)
        if exchange.streamed:
            raise
        return refusal(500, "the gateway failed; the log says more", "internal_error", headers=exchange.headers())
