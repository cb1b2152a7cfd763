"""Who may ask and what is asked: size, key, JSON, model, limits; in that order, before any upstream hears of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from liebig.errors import InputError, nearest_names
from liebig.route.gateway.accounting import Usage, most_tokens, tokens_of_text, usd_of
from liebig.route.gateway.endpoints import CHAT, Endpoint
from liebig.route.gateway.exchange import Exchange, allowed
from liebig.route.gateway.fast_json import loads
from liebig.route.gateway.refusals import Denied, safe_header
from liebig.route.gateway.state import Gateway, Wiring, conversation_of
from liebig.route.ledger.keys import digest_of
from liebig.route.ledger.records import Call, Key, Refused
from liebig.route.policy import Choice, RoutingTarget, target_of
from liebig.route.request import Request

__all__ = ["admit", "authenticate", "read_json", "secret_in"]

#: Seconds that a client has to send its request.
BODY_TIMEOUT_S = 60.0
_CLIENT_ID = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


async def admit(gateway: Gateway, request: web.Request, endpoint: Endpoint) -> Exchange:
    """A call that stands in the ledger and may go on.

    Raises:
        Denied: it may not.
    """
    wiring = gateway.wiring
    length = request.content_length
    if length is not None and length > wiring.most_body:
        raise _too_large(wiring.most_body)
    key = await authenticate(gateway, request)
    body, size = await read_json(request, wiring.most_body)
    exchange = _exchange(gateway, wiring, endpoint, key, body, size, request.headers)
    await _begin(exchange)
    return exchange


def secret_in(headers: Mapping[str, str]) -> str:
    """The key that a client sends, empty where it sends none.

    >>> secret_in({"Authorization": "Bearer lb-1"})
    'lb-1'
    """
    given = headers.get("Authorization")
    if given is not None:
        scheme, _, secret = given.partition(" ")
        if scheme.lower() == "bearer":
            return secret.strip()
    return headers.get("x-api-key", "").strip()


async def authenticate(gateway: Gateway, request: web.Request) -> Key | None:
    """The key of a client; None where the gateway asks for none.

    Raises:
        Denied: no key, an unknown or a revoked one.
    """
    server = gateway.wiring.settings.server
    if not server.keys:
        host = request.host.lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if not server.insecure and name not in _LOOPBACK:
            raise Denied(403, f"host {host[:80]!r} is not this machine", "host_not_allowed")
        return None
    secret = secret_in(request.headers)
    if not secret:
        raise Denied(401, "no key: send 'Authorization: Bearer KEY' or 'x-api-key: KEY'", "missing_api_key")
    try:
        key = await gateway.ledger.find_key(digest_of(secret)) if len(secret) <= 500 else None
    except Refused as refused:
        raise _denied(refused) from None
    if key is None:
        raise Denied(401, "this key is not known here", "invalid_api_key")
    if key.revoked is not None:
        raise Denied(401, "this key was revoked", "invalid_api_key")
    return key


def _denied(refused: Refused) -> Denied:
    return Denied(refused.status, str(refused), refused.code, retry_after_s=refused.retry_after_s)


def _too_large(most: int) -> Denied:
    return Denied(413, f"the request is larger than {most / 1e6:g} MB", "request_too_large")


async def read_json(request: web.Request, most: int) -> tuple[dict[str, Any], int]:
    """The body of a request, and its size in bytes.

    Raises:
        Denied: too large, too slow, or not a JSON object.
    """
    if "json" not in request.content_type:
        raise Denied(415, "expected content-type: application/json", "unsupported_media_type")
    raw = await _read(request, most)
    try:
        body = loads(raw)
    except ValueError as problem:
        told = str(problem) if str(problem) == "nested too deeply" else "it cannot be parsed"
        raise Denied(400, f"the body is not JSON: {told}", "invalid_json") from None
    if not isinstance(body, dict):
        raise Denied(400, "the body is not a JSON object", "invalid_json")
    return body, len(raw)


async def _read(request: web.Request, most: int) -> bytes:
    content = request.content
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while part := await content.readany():
                parts.append(part)
                size += len(part)
                if size > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Denied(408, f"the body did not come within {BODY_TIMEOUT_S:g} s", "request_timeout") from None
    except web.RequestPayloadError:
        raise Denied(400, "the body was cut off or cannot be decoded", "invalid_body") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _exchange(
    gateway: Gateway,
    wiring: Wiring,
    endpoint: Endpoint,
    key: Key | None,
    body: dict[str, Any],
    size: int,
    headers: Mapping[str, str],
) -> Exchange:
    asked = body.get("model")
    if not isinstance(asked, str) or not asked:
        raise Denied(400, "model: expected a name, or auto", "missing_model", "model")
    if endpoint.prompt not in body:
        raise Denied(400, f"{endpoint.prompt}: missing", "missing_field", endpoint.prompt)
    _check(endpoint, body)
    try:
        target = target_of(asked)
    except InputError as problem:
        raise Denied(400, str(problem), "invalid_model", "model") from None
    given_id = headers.get("x-request-id", "")
    client_id = given_id if _CLIENT_ID.match(given_id) else ""
    request: Request | None = None
    conversation = b""
    if target.auto:
        if endpoint.request_of is None:
            raise Denied(400, f"{endpoint.name} need the name of a model, not {asked[:80]!r}", "invalid_model", "model")
        request = endpoint.request_of(body)
        conversation = conversation_of(body, key.id if key else "")
        choice = _chosen(
            gateway, wiring, key, request, target, _previous(gateway, conversation, request, body, headers)
        )
    else:
        if asked not in wiring.models:
            raise _unknown(wiring, asked)
        if not allowed(key, asked):
            raise Denied(403, f"this key may not use the model {asked!r}", "model_not_allowed", "model")
        choice = Choice(asked, "named")
    characters = size if request is None or not request.images else len(request.text)
    beta = headers.get("openai-beta", "")
    return Exchange(
        gateway, wiring, endpoint, key, body, characters, asked[:80], target, choice, request, conversation, client_id,
        {"openai-beta": safe_header(beta)} if beta else {},
    )  # fmt: skip


def _check(endpoint: Endpoint, body: Mapping[str, Any]) -> None:
    """The few fields that the gateway itself must understand."""
    given = body[endpoint.prompt]
    if endpoint is CHAT and not isinstance(given, list):
        raise Denied(400, f"{endpoint.prompt}: expected a list", "invalid_field", endpoint.prompt)
    if not isinstance(given, (str, list)):
        raise Denied(400, f"{endpoint.prompt}: expected a text or a list", "invalid_field", endpoint.prompt)
    if endpoint.request_of is not None and not isinstance(body.get("stream"), (bool, type(None))):
        raise Denied(400, "stream: expected true or false", "invalid_field", "stream")


def _unknown(wiring: Wiring, asked: str) -> Denied:
    names = ["auto", *wiring.models]
    near = nearest_names(asked[:200], names)
    hint = "did you mean " + " or ".join(repr(n) for n in near) + "?" if near else "GET /v1/models lists them"
    return Denied(404, f"no model {asked[:80]!r}; {hint}", "model_not_found", "model")


def _previous(
    gateway: Gateway, conversation: bytes, request: Request, body: Mapping[str, Any], headers: Mapping[str, str]
) -> str:
    """The model that answered the conversation last: as the client tells, or as this worker remembers."""
    metadata = body.get("metadata")
    told = headers.get("x-liebig-previous") or (
        metadata.get("liebig_previous") if isinstance(metadata, Mapping) else None
    )
    if isinstance(told, str) and told in gateway.wiring.models:
        return told
    if request.turns < 2 and not request.context:
        return ""
    return gateway.sticky.get(conversation)


def _chosen(
    gateway: Gateway, wiring: Wiring, key: Key | None, request: Request, target: RoutingTarget, previous: str
) -> Choice:
    try:
        choice = wiring.policy.choose(request, target, previous)
    except InputError as problem:
        raise Denied(400, str(problem), "invalid_model", "model") from None
    except Exception as problem:  # a router that fails must not stop answers
        gateway.log.write("error", "router", error=type(problem).__name__)
        choice = Choice(wiring.strongest.name, "router failed")
    if choice.model not in wiring.models:
        gateway.log.write("error", "router", error="unknown model")
        choice = Choice(wiring.strongest.name, "router failed")
    if allowed(key, choice.model):
        return choice
    names = [m.name for m in wiring.pool]
    place = names.index(choice.model) if choice.model in names else 0
    for name in (*names[place + 1 :], *reversed(names[:place])):
        if allowed(key, name):
            return replace(choice, model=name, reason="key", look=False)
    raise Denied(403, "this key may use none of the models that auto chooses from", "model_not_allowed", "model")


async def _begin(exchange: Exchange) -> None:
    key, wiring = exchange.key, exchange.wiring
    usage = Usage(
        tokens_of_text(exchange.characters),
        0,
        0 if exchange.endpoint.request_of is None else most_tokens(exchange.body),
    )
    usd = usd_of(exchange.model, usage)
    if exchange.choice.look:
        usd += usd_of(wiring.strongest, usage)
    call = Call(
        exchange.call_id, key.id if key else "", time.time(), exchange.endpoint.name, exchange.asked,
        exchange.gateway.worker, usd, usage.prompt + usage.completion,
    )  # fmt: skip
    try:
        await exchange.gateway.ledger.begin(call, key)
    except Refused as refused:
        raise _denied(refused) from None
    except asyncio.CancelledError:  # the row may stand already
        await asyncio.shield(exchange.finish(499, "client_disconnected"))
        raise
