"""What keeps the page safe: size and kind of bodies, hosts and origins, a password, headers of every answer."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

__all__ = ["CONTENT_POLICY", "Guard"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Largest body of a request, bytes.
MOST_BYTES = 256_000
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()), (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"), (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"), (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)  # fmt: skip


class Guard:
    """Wraps an application; refuses what it should never see.

    Args:
        app: inner application.
        hosts: names that the server answers to; empty: any (behind a proxy, with a password).
        password: that HTTP Basic authentication asks for; empty: none.
    """

    def __init__(self, app: App, hosts: Iterable[str] = (), password: str = "") -> None:
        self.app, self.hosts, self.password = app, frozenset(h.lower() for h in hosts), password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is None and scope["method"] in ("POST", "PUT", "PATCH", "DELETE"):
            body = await _read_body(receive)
            if body is None:
                refusal = 413, f"a request may have {MOST_BYTES // 1000} kB", ()
            else:
                receive = _once(body)
        if refusal is not None:
            await _refuse(send, *refusal)
            return

        async def secure(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self.app(scope, receive, secure)

    def _refusal(
        self, scope: Scope, headers: dict[str, str]
    ) -> tuple[int, str, tuple[tuple[bytes, bytes], ...]] | None:
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.hosts and name.lower() not in self.hosts:
            return 403, "this server does not answer to that name", ()
        origin = headers.get("origin")
        if origin is not None and origin.split("://")[-1].lower() != host.lower():
            return 403, "requests from other sites are refused", ()
        if headers.get("sec-fetch-site", "same-origin") in ("cross-site", "same-site") and scope["method"] != "GET":
            return 403, "requests from other sites are refused", ()
        if self.password and not self._knows(headers.get("authorization", "")):
            return 401, "a password is needed", ((b"www-authenticate", b'Basic realm="liebig", charset="UTF-8"'),)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return 413, f"a request may have {MOST_BYTES // 1000} kB", ()
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "POST" and kind != "application/json":
            return 415, "expected content-type: application/json", ()
        return None

    def _knows(self, given: str) -> bool:
        scheme, _, text = given.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            password = base64.b64decode(text, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(password, self.password.encode())


async def _read_body(receive: Receive) -> bytes | None:
    """The body, or None when it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _once(body: bytes) -> Receive:
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _refuse(send: Send, status: int, message: str, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more, *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
