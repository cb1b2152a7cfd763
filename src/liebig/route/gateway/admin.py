"""What operators may do over HTTP: keys and the report of savings; with a key of their own."""

from __future__ import annotations

import asyncio
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from liebig.dates import utc_seconds
from liebig.errors import ConflictError, InputError, UnknownNameError
from liebig.route.gateway.admission import read_json, secret_in
from liebig.route.gateway.fast_json import dumps
from liebig.route.gateway.refusals import Denied
from liebig.route.gateway.state import GATEWAY, Gateway
from liebig.route.ledger.columns import LIMITS
from liebig.route.ledger.records import Refused

__all__ = ["add_admin_routes"]

#: Seconds since 1970 that are taken for a time.
MOST_SECONDS = 4_000_000_000
#: Names of keys that are made over HTTP.
NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,199}\Z"


def add_admin_routes(router: web.UrlDispatcher) -> None:
    """The routes below ``/admin``."""
    router.add_route("GET", "/admin/keys", _keys)
    router.add_route("POST", "/admin/keys", _new_key)
    router.add_route("DELETE", "/admin/keys/{id}", _revoke)
    router.add_route("GET", "/admin/report", _report)


def _admitted(request: web.Request) -> Gateway:
    """The gateway, for who has the key of operators; without such a key there is nothing here."""
    gateway = request.app[GATEWAY]
    expected = os.environ.get(gateway.wiring.settings.server.admin_key_env, "").strip()
    if not expected:
        raise Denied(404, "nothing here: the key of operators is not set", "not_found")
    given = secret_in(request.headers)
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode("utf-8", "surrogateescape")):
        raise Denied(401, "this needs the key of operators", "invalid_api_key")
    return gateway


def _json(value: Any, status: int = 200) -> web.Response:
    headers = {"server": "liebig", "cache-control": "no-store"}
    return web.Response(status=status, body=dumps(value), content_type="application/json", headers=headers)


async def _keys(request: web.Request) -> web.Response:
    gateway = _admitted(request)
    try:
        keys = await gateway.ledger.list_keys()
        spent = [await gateway.ledger.spent_usd(k.id, k.budget_period) for k in keys]
    except Refused as refused:
        raise Denied(refused.status, str(refused), refused.code, retry_after_s=refused.retry_after_s) from None
    cards = [{**asdict(k), "spent_usd": usd} for k, usd in zip(keys, spent, strict=True)]
    return _json({"object": "list", "data": cards})


async def _new_key(request: web.Request) -> web.Response:
    gateway = _admitted(request)
    body, _ = await read_json(request, 100_000)
    name = body.pop("name", None)
    if not isinstance(name, str) or not re.match(NAME, name):
        raise Denied(400, "name: expected 1 to 200 letters, digits, blanks and any of . _ @ -", "invalid_field", "name")
    known = {c.name: c for c in LIMITS}
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise Denied(400, f"{unknown[0][:80]}: unknown field; there are {', '.join(known)}", "invalid_field")
    limits = {k: v for k, v in body.items() if v is not None}
    for field, value in limits.items():
        if known[field].kind == "integer" and isinstance(value, float) and value.is_integer():
            limits[field] = int(value)
        if known[field].kind == "list" and not isinstance(value, list):
            raise Denied(400, f"{field}: expected a list of names", "invalid_field", field)
        if known[field].kind == "text" and not isinstance(value, str):
            raise Denied(400, f"{field}: expected a text", "invalid_field", field)
    try:
        key, secret = await gateway.ledger.add_key(name, **limits)
    except ConflictError as problem:
        raise Denied(409, str(problem), "conflict") from None
    except InputError as problem:
        raise Denied(400, str(problem), "invalid_field") from None
    except Refused as refused:
        raise Denied(refused.status, str(refused), refused.code, retry_after_s=refused.retry_after_s) from None
    gateway.log.write("info", "key added", key=key.id)
    return _json({**asdict(key), "secret": secret}, 201)


async def _revoke(request: web.Request) -> web.Response:
    gateway = _admitted(request)
    try:
        key = await gateway.ledger.revoke_key(request.match_info["id"])
    except UnknownNameError as problem:
        raise Denied(404, str(problem), "not_found") from None
    except ConflictError as problem:
        raise Denied(409, str(problem), "conflict") from None
    except Refused as refused:
        raise Denied(refused.status, str(refused), refused.code, retry_after_s=refused.retry_after_s) from None
    gateway.log.write("info", "key revoked", key=key.id)
    return _json(asdict(key))


async def _report(request: web.Request) -> web.Response:
    gateway = _admitted(request)
    from liebig.route.savings.tally import read_tally

    query = request.query
    since, until = _time(query, "since"), _time(query, "until")
    by = query.get("by", "total")
    if by not in ("total", "key", "model", "day"):
        raise Denied(400, "by: expected total, key, model or day", "invalid_field", "by")
    tally = await read_tally(gateway.ledger, by, since, until, query.get("key"))  # type: ignore[arg-type]
    found = await asyncio.to_thread(tally.report, gateway.wiring.strongest.name)
    return _json(found.to_dict())


def _time(query: Mapping[str, str], name: str) -> float | None:
    """Seconds since 1970 of a number or a date in UTC.

    >>> _time({"since": "1970-01-02"}, "since"), _time({}, "since")
    (86400.0, None)
    """
    given = query.get(name)
    if given is None:
        return None
    if re.match(r"^[0-9]{1,10}\Z", given) and int(given) <= MOST_SECONDS:
        return float(given)
    try:
        return utc_seconds(given)
    except InputError:
        message = f"{name}: expected a date such as 2026-11-30, or seconds since 1970"
        raise Denied(400, message, "invalid_field", name) from None
