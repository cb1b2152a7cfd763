"""What can go wrong with an upstream."""

from __future__ import annotations

import email.utils
import time

import aiohttp

from liebig.errors import LiebigError
from liebig.route.gateway.fast_json import dumps
from liebig.route.gateway.refusals import error_block

__all__ = ["KINDS", "UpstreamFailure", "failure_of", "retry_after_s"]

#: What went wrong: state for the client, whether it may be tried again, whether it speaks against the upstream.
KINDS: dict[str, tuple[int, bool, bool]] = {
    "refused": (502, True, True),
    "dns": (502, True, True),
    "tls": (502, True, True),
    "timeout": (504, True, True),
    "disconnected": (502, True, True),
    "protocol": (502, True, True),
    "rate_limited": (429, True, False),
    "server_error": (502, True, True),
    "redirect": (502, False, False),
    "credentials": (502, False, False),
    "client_error": (400, False, False),
    "truncated": (502, False, True),
    "malformed": (502, False, True),
    "too_large": (502, False, False),
    "idle": (504, False, True),
    "total_timeout": (504, False, True),
    "circuit_open": (503, False, False),
    "busy": (503, False, False),
    "stopped": (503, False, False),
}


class UpstreamFailure(LiebigError):  # noqa: N818 - a result of an attempt
    """An upstream did not answer; ``kind`` is one of ``KINDS``, ``body`` what it said where that may be handed on."""

    def __init__(
        self,
        upstream: str,
        kind: str,
        message: str,
        *,
        status: int | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"upstream {upstream}: {message}")
        self.upstream = upstream
        self.kind = kind
        self.status = status or KINDS[kind][0]
        self.body = body
        self.content_type = content_type
        self.retry_after_s = retry_after_s

    @property
    def final(self) -> bool:
        """True where the fault lies with the request: no other model is asked."""
        return self.kind == "client_error"

    @property
    def code(self) -> str:
        """For the client."""
        return f"upstream_{self.kind}"

    def content(self) -> bytes:
        """The body for the client."""
        return self.body or dumps(error_block(self.status, str(self), self.code))


def failure_of(upstream: str, error: Exception) -> UpstreamFailure:
    """What an error of the HTTP client means."""
    kind, message = "protocol", "its answer is not HTTP"
    if isinstance(error, TimeoutError):
        kind, message = "timeout", "did not begin to answer in time"
    elif isinstance(error, (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError)):
        kind, message = "tls", "its certificate or TLS is not accepted"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        kind, message = "dns", "its name is not known"
    elif isinstance(error, aiohttp.ClientConnectorError):
        kind, message = "refused", "cannot be reached"
    elif isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, OSError)):
        kind, message = "disconnected", "closed the connection without an answer"
    elif isinstance(error, aiohttp.ClientPayloadError):
        kind, message = "disconnected", "the answer was cut off before it began"
    return UpstreamFailure(upstream, kind, message)


def retry_after_s(text: str | None) -> float | None:
    """Seconds of a ``Retry-After``, given in seconds or as a date.

    >>> retry_after_s("3"), retry_after_s("soon")
    (3.0, None)
    """
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(0.0, seconds), 86_400.0) if seconds == seconds else None
