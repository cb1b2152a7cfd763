"""The application: routes, and errors for what has none."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from liebig.route.gateway.admin import add_admin_routes
from liebig.route.gateway.admission import authenticate
from liebig.route.gateway.endpoints import ENDPOINTS, Endpoint
from liebig.route.gateway.exchange import allowed
from liebig.route.gateway.fast_json import dumps
from liebig.route.gateway.metrics import read_numbers, render, sum_up
from liebig.route.gateway.openapi import document
from liebig.route.gateway.proxy import handle
from liebig.route.gateway.refusals import Denied, refusal
from liebig.route.gateway.state import GATEWAY, Gateway
from liebig.route.gateway.stream import ClientGone

__all__ = ["application", "runner_of"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: When the models became known here; the API wants a date.
_CREATED = int(time.time())


def application(gateway: Gateway) -> web.Application:
    """The routes around a gateway."""
    app = web.Application(middlewares=[_errors], client_max_size=2**40)
    app[GATEWAY] = gateway
    add = app.router.add_route
    for endpoint in ENDPOINTS:
        add("POST", f"/v1{endpoint.path}", _handler(endpoint))
    add("GET", "/v1/models", _models)
    add("GET", "/v1/models/{name:.+}", _model)
    add("GET", "/healthz", _alive)
    add("GET", "/readyz", _ready)
    add("GET", "/metrics", _metrics)
    add("GET", "/openapi.json", _document)
    add_admin_routes(app.router)
    app.on_cleanup.append(_closed)
    return app


def runner_of(app: web.Application, goodbye_s: float) -> web.AppRunner:
    """What runs the application: it notices clients that leave, and repeats nothing that they sent in a log.

    Args:
        app: from ``create_app``.
        goodbye_s: that connections get to end when it is cleaned up, seconds.
    """
    silent = logging.getLogger("liebig.route.http")
    silent.propagate = False
    if not silent.handlers:
        silent.addHandler(logging.NullHandler())
    return web.AppRunner(
        app, handler_cancellation=True, access_log=None, shutdown_timeout=goodbye_s, logger=silent, tcp_keepalive=True
    )


def _handler(endpoint: Endpoint) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await handle(request, endpoint)

    return answer


async def _closed(app: web.Application) -> None:
    await app[GATEWAY].close()


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as JSON, whatever went wrong; the end of a connection while the gateway stops."""
    gateway = request.app[GATEWAY]
    try:
        response = await handler(request)
    except Denied as denied:
        response = denied.response()
    except web.HTTPMethodNotAllowed as error:
        allow = ", ".join(sorted(error.allowed_methods))
        response = refusal(
            405,
            f"not allowed here; use {allow}",
            "method_not_allowed",
            headers={"allow": allow},
        )
    except web.HTTPException as error:
        code = "not_found" if error.status == 404 else "invalid_request"
        response = refusal(error.status, f"{error.reason}: GET /openapi.json lists what there is", code)
    except ClientGone:
        raise asyncio.CancelledError from None
    except Exception as problem:
        gateway.log.write("error", "request", error=type(problem).__name__)
        response = refusal(500, "the gateway failed; the log says more", "internal_error")
    if gateway.stopping and not response.prepared:
        response.force_close()
    return response


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=dumps(value), content_type="application/json", headers={"server": "liebig"})


def _card(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "liebig"}


async def _names(request: web.Request) -> list[str]:
    gateway = request.app[GATEWAY]
    key = await authenticate(gateway, request)
    names = [name for name in gateway.wiring.models if allowed(key, name)]
    pool = {m.name for m in gateway.wiring.pool}
    return ["auto", *names] if pool & set(names) else names


async def _models(request: web.Request) -> web.Response:
    return _json({"object": "list", "data": [_card(name) for name in await _names(request)]})


async def _model(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in await _names(request):
        raise Denied(404, f"no model {name[:80]!r}; GET /v1/models lists them", "model_not_found", "model")
    return _json(_card(name))


async def _document(request: web.Request) -> web.Response:
    return _json(document())


async def _alive(request: web.Request) -> web.Response:
    return _json({"status": "ok"})


async def _ready(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    ledger = await gateway.ledger.ready()
    upstreams = any(not u.breaker.open for u in gateway.wiring.upstreams.values())
    ready = ledger and upstreams and not gateway.stopping
    return _json({"ready": ready, "ledger": ledger, "upstreams": upstreams}, 200 if ready else 503)


async def _metrics(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    parts = [gateway.metrics.snapshot()]
    if gateway.folder is not None:
        parts = [read_numbers(p) for p in sorted(gateway.folder.glob("*.json"))]
    return web.Response(
        body=render(sum_up(parts)).encode(),
        headers={"server": "liebig", "content-type": "text/plain; version=0.0.4; charset=utf-8"},
    )
