"""Keys of clients: secrets and their digests, checks of limits, and a memory of a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from liebig.errors import ConflictError, InputError, RangeError, UnknownNameError
from liebig.route.ledger.columns import LIMITS, Column
from liebig.route.ledger.records import Key

__all__ = ["MOST_USD", "KeyCache", "check_limits", "default_pepper", "digest_of", "make_key", "pick_key"]

#: The largest budget, USD.
MOST_USD = 1e9
#: Seconds that a key is remembered, so that one revoked elsewhere works no longer than this.
TTL_S = 2.0
#: Digests remembered at most; unknown ones count too.
MOST = 10_000


def default_pepper() -> bytes:
    """The server-side secret of the environment variable ``LIEBIG_KEY_PEPPER``; empty where it is absent."""
    return os.environ.get("LIEBIG_KEY_PEPPER", "").encode()


def digest_of(secret: str, pepper: bytes | None = None) -> bytes:
    """What is stored of a secret: its SHA-256, keyed (HMAC) where there is a pepper.

    >>> digest_of("lb-x", b"").hex()[:8]
    '58bc867a'
    >>> digest_of("lb-x", b"salt") == digest_of("lb-x", b"")
    False
    """
    salt = default_pepper() if pepper is None else pepper
    text = secret.encode("utf-8", "surrogatepass")
    return hmac.digest(salt, text, "sha256") if salt else hashlib.sha256(text).digest()


def make_key(name: str, limits: Mapping[str, Any]) -> tuple[Key, str]:
    """A new key and its secret: ``lb-`` and 43 characters that need no quoting in addresses.

    >>> key, secret = make_key("ci", {"rpm": 60})
    >>> key.rpm, len(secret), secret[:3]
    (60, 46, 'lb-')
    """
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise InputError(f"key name {name!r}: expected 1 to 200 printable characters")
    made = Key("key_" + secrets.token_hex(8), name, time.time(), **check_limits(limits))
    return made, "lb-" + secrets.token_urlsafe(32)


def check_limits(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Limits of a key, checked.

    Raises:
        UnknownNameError: no limit of that name; RangeError or InputError: a value that cannot be.

    >>> check_limits({"models": ["weak"], "rpm": 0})
    Traceback (most recent call last):
    liebig.errors.RangeError: rpm 0: expected a whole number of 1 or more, or None for no limit
    """
    known = {c.name: c for c in LIMITS}
    for name in limits:
        if name not in known:
            raise UnknownNameError("limit of a key", name, known)
    return {name: _checked(known[name], value) for name, value in limits.items()}


def _checked(limit: Column, value: Any) -> Any:
    name = limit.name
    if value is None and limit.optional:
        return None
    if limit.kind == "integer":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**53:
            raise RangeError(f"{name} {value!r}: expected a whole number of 1 or more, or None for no limit")
    elif limit.kind == "real":
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_USD:
            raise RangeError(f"{name} {value!r}: expected USD from 0 to {MOST_USD:g}, or None for no limit")
        return float(value)
    elif limit.kind == "list":
        listed = isinstance(value, Collection) and not isinstance(value, (str, bytes))
        if not listed or not all(isinstance(m, str) and m for m in value):
            raise InputError(f"{name} {value!r}: expected a list of names; an empty one allows all")
        return tuple(value)
    elif value not in limit.choices:
        raise InputError(f"{name} {value!r}: expected one of {', '.join(limit.choices)}")
    return value


def pick_key(keys: Sequence[Key], id_or_name: str) -> Key:
    """The live key of an id or a name.

    Raises:
        UnknownNameError: there is none; ConflictError: it was revoked.
    """
    for key in keys:
        if key.revoked is None and id_or_name in (key.id, key.name):
            return key
    if any(id_or_name in (k.id, k.name) for k in keys):
        raise ConflictError(f"key {id_or_name!r} is revoked; add a new one with: liebig route keys add {id_or_name}")
    raise UnknownNameError("key", id_or_name, [k.name for k in keys if k.revoked is None], see="liebig route keys list")


class KeyCache:
    """Keys by digest for ``TTL_S`` seconds; many tasks that ask for one digest cause one look-up."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, Key | None]] = {}
        self._asked: dict[bytes, asyncio.Future[Key | None]] = {}
        self._turn = 0

    def clear(self) -> None:
        """Forget all, look-ups under way too."""
        self._turn += 1
        self._known.clear()
        self._asked.clear()

    async def get(self, digest: bytes, load: Callable[[bytes], Awaitable[Key | None]]) -> Key | None:
        """The key of a digest, from memory or from ``load``."""
        until, key = self._known.get(digest, (-math.inf, None))
        if time.monotonic() < until:
            return key
        asked = self._asked.get(digest)
        if asked is None:
            asked = self._asked[digest] = asyncio.ensure_future(self._load(digest, load))
            asked.add_done_callback(lambda f: f.cancelled() or f.exception())  # who asked may be gone
        return await asyncio.shield(asked)

    async def _load(self, digest: bytes, load: Callable[[bytes], Awaitable[Key | None]]) -> Key | None:
        turn, until = self._turn, time.monotonic() + TTL_S
        try:
            key = await load(digest)
        finally:
            if turn == self._turn:
                self._asked.pop(digest, None)
        if turn == self._turn:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[digest] = (until, key)
        return key
