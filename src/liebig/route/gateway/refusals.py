"""Errors that clients of the gateway see, in the shape that OpenAI's API gives them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from liebig.route.gateway.fast_json import dumps

__all__ = ["Denied", "error_block", "refusal", "retry_after_text", "safe_header"]

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_UNSAFE = re.compile(r"[^\x20-\x7e]")


class Denied(Exception):  # noqa: N818 - a decision, not a fault
    """A request that gets an error instead of an answer."""

    def __init__(
        self, status: int, message: str, code: str, param: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s

    def response(self, headers: Mapping[str, str] | None = None) -> web.Response:
        """What the client gets."""
        return refusal(self.status, self.message, self.code, self.param, self.retry_after_s, headers)


def error_block(status: int, message: str, code: str, param: str | None = None) -> dict[str, Any]:
    """The body of an error.

    >>> error_block(404, "no such model", "model_not_found", "model")["error"]["type"]
    'invalid_request_error'
    """
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    if code == "insufficient_quota":
        kind = code
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def refusal(
    status: int,
    message: str,
    code: str,
    param: str | None = None,
    retry_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An answer that tells what went wrong."""
    headers_out = {"server": "liebig", **(headers or {})}
    if retry_after_s is not None:
        headers_out["retry-after"] = retry_after_text(retry_after_s)
    if status == 401:
        headers_out["www-authenticate"] = "Bearer"
    body = dumps(error_block(status, message, code, param))
    return web.Response(status=status, body=body, headers=headers_out, content_type="application/json")


def retry_after_text(seconds: float) -> str:
    """Whole seconds, at least one.

    >>> retry_after_text(0.2), retry_after_text(12.1)
    ('1', '13')
    """
    return str(max(1, math.ceil(seconds)))


def safe_header(value: str) -> str:
    r"""A text without anything that could end a header.

    >>> safe_header("a\r\nset-cookie: b")
    'a__set-cookie: b'
    """
    return _UNSAFE.sub("_", value[:200])
