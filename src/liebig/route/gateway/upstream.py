"""One upstream: its connections, its limits, attempts and what an attempt can come to."""

from __future__ import annotations

import asyncio
import random
from asyncio import sleep
from collections.abc import Callable, Mapping

import aiohttp
from yarl import URL

from liebig import __version__
from liebig.route.gateway.failures import KINDS, UpstreamFailure, failure_of, retry_after_s
from liebig.route.gateway.limits import Breaker, Full, Gate
from liebig.route.settings import UpstreamSettings

__all__ = ["Reply", "Upstream"]

#: Seconds before the first repetition; doubled each time.
FIRST_DELAY_S = 0.25
#: The longest ``Retry-After`` that is waited for, seconds.
MOST_DELAY_S = 30.0
#: Seconds that a stream gets to close behind its last event.
DRAIN_S = 0.5
#: The largest answer that is not a stream, and the largest error that is handed on, bytes.
MOST_ANSWER = 64_000_000
MOST_ERROR = 1_000_000


class Reply:
    """An answer that has begun; holds a place at its upstream until it is closed."""

    __slots__ = ("_closed", "_first", "_response", "content_type", "deadline", "status", "upstream")

    def __init__(self, upstream: Upstream, response: aiohttp.ClientResponse, first: bytes, deadline: float) -> None:
        self.upstream = upstream
        self.status = response.status
        self.content_type = response.headers.get("content-type", "application/json")
        self._response = response
        self._first = first
        self.deadline = deadline
        self._closed = False

    @property
    def streams(self) -> bool:
        """True for server-sent events."""
        return self.content_type.lower().startswith("text/event-stream")

    async def next(self) -> bytes:
        """The next part, empty at the end.

        Raises:
            UpstreamFailure: cut off, or silent for too long.
        """
        if self._first:
            first, self._first = self._first, b""
            return first
        content = self._response.content
        name, settings = self.upstream.name, self.upstream.settings
        if content.at_eof() and content.exception() is None:
            return b""
        now = asyncio.get_running_loop().time()
        until = min(now + settings.idle_timeout_s, self.deadline)
        try:
            async with asyncio.timeout_at(until):
                return await content.readany()
        except TimeoutError:
            if until == self.deadline:
                raise UpstreamFailure(
                    name, "total_timeout", f"the answer took more than {settings.total_timeout_s:g} s"
                ) from None
            raise UpstreamFailure(name, "idle", f"silent for {settings.idle_timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError):
            raise UpstreamFailure(name, "truncated", "the answer was cut off") from None

    async def read(self, most: int = MOST_ANSWER) -> bytes:
        """All of the answer.

        Raises:
            UpstreamFailure: cut off, silent for too long, or too large.
        """
        parts = []
        size = 0
        while part := await self.next():
            parts.append(part)
            size += len(part)
            if size > most:
                raise UpstreamFailure(self.upstream.name, "too_large", f"an answer of more than {most:,} bytes")
        return self.upstream.scrub(b"".join(parts) if len(parts) != 1 else parts[0])

    async def drain(self) -> None:
        """Read what is left behind the last event, so that the connection serves again."""
        try:
            async with asyncio.timeout(DRAIN_S):
                while await self.next():
                    pass
        except (UpstreamFailure, TimeoutError):
            pass

    def close(self, failure: UpstreamFailure | None = None, *, left: bool = False) -> None:
        """Give the place back; what has not been read of the answer is dropped, and the upstream told so.

        Args:
            failure: what went wrong while it was read.
            left: the client went away before the end.
        """
        if self._closed:
            return
        self._closed = True
        self._response.close()
        self.upstream.leave(failure, left=left)


class Upstream:
    """A server that models run on."""

    def __init__(self, settings: UpstreamSettings, secret: str, report: Callable[[str, str], None]) -> None:
        self.settings = settings
        self.name = settings.name
        self.secret = secret
        self.gate = Gate(settings.concurrency, settings.queue)
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_s)
        self._report = report
        self._session: aiohttp.ClientSession | None = None
        self._users = 0
        self._retired = False
        self._closing: asyncio.Task[None] | None = None
        self._urls: dict[str, URL] = {}
        self._headers = {"content-type": "application/json", "user-agent": f"liebig/{__version__}", "accept": "*/*"}
        self._headers["accept-encoding"] = "identity"
        if secret:
            self._headers["authorization"] = f"Bearer {secret}"
        self._secret = secret.encode()

    def scrub(self, content: bytes) -> bytes:
        """Content without the key of this upstream."""
        if self._secret and self._secret in content:
            return content.replace(self._secret, b"***")
        return content

    async def ask(self, path: str, body: bytes, extra: Mapping[str, str]) -> Reply:
        """Send a request, again where that may help, until an answer begins.

        Args:
            path: after the address of the upstream, as in ``/chat/completions``.
            body: JSON.
            extra: further headers.

        Raises:
            UpstreamFailure: no attempt was answered.
        """
        deadline = asyncio.get_running_loop().time() + self.settings.total_timeout_s
        attempt = 0
        while True:
            await self._enter(attempt > 0, deadline)
            try:
                reply = await self._once(path, body, extra, deadline)
            except UpstreamFailure as failure:
                self.leave(failure)
                delay = self._delay_s(failure, attempt, deadline)
                if delay is None:
                    raise
            except BaseException:
                self.leave(None, left=True)
                raise
            else:
                self.breaker.began()
                return reply
            attempt += 1
            await sleep(delay)

    async def _enter(self, again: bool, deadline: float) -> None:
        wait_s = self.breaker.wait_s()
        if wait_s > 0.0:
            raise self._opened(wait_s)
        try:
            async with asyncio.timeout_at(deadline):
                await self.gate.enter(again=again)
        except (Full, TimeoutError):
            self._report(self.name, "busy")
            raise UpstreamFailure(self.name, "busy", "too many requests wait for it", retry_after_s=1.0) from None
        if not self.breaker.take():
            self.gate.leave()
            raise self._opened(max(1.0, self.breaker.wait_s()))
        self._users += 1

    def _opened(self, wait_s: float) -> UpstreamFailure:
        return UpstreamFailure(
            self.name, "circuit_open", f"failed too often, asked again in {wait_s:.0f} s", retry_after_s=wait_s
        )

    def leave(self, failure: UpstreamFailure | None, *, left: bool = False) -> None:
        """End of an attempt, good or bad."""
        self.gate.leave()
        if failure is not None:
            self._report(self.name, failure.kind)
        if left:
            self.breaker.gave_up()
        elif failure is not None and KINDS[failure.kind][2]:
            self.breaker.failed()
        else:
            self.breaker.succeeded()
        self._users -= 1
        if self._retired and self._users == 0:
            self._close_soon()

    def _delay_s(self, failure: UpstreamFailure, attempt: int, deadline: float) -> float | None:
        """Seconds before the next attempt; None when there is none."""
        if not KINDS[failure.kind][1] or attempt >= self.settings.retries:
            return None
        asked = failure.retry_after_s
        if asked is not None and asked > MOST_DELAY_S:
            return None
        delay = FIRST_DELAY_S * 2.0**attempt * random.uniform(0.5, 1.0)
        delay = max(delay, asked or 0.0)
        return delay if asyncio.get_running_loop().time() + delay < deadline else None

    async def _once(self, path: str, body: bytes, extra: Mapping[str, str], deadline: float) -> Reply:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self.settings.url + path)
        until = min(asyncio.get_running_loop().time() + self.settings.first_byte_timeout_s, deadline)
        response: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout_at(until):
                response = await self._opened_session().post(
                    url, data=body, headers={**self._headers, **extra}, allow_redirects=False
                )
                first = await response.content.readany()
            reply = Reply(self, response, first, deadline)
            if 200 <= response.status < 300:
                return reply
            failure = await self._refused(response, reply)
        except UpstreamFailure as inner:
            failure = inner
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            failure = failure_of(self.name, error)
        except BaseException:
            if response is not None:
                response.close()
            raise
        if response is not None:
            response.close()
        raise failure

    async def _refused(self, response: aiohttp.ClientResponse, reply: Reply) -> UpstreamFailure:
        """What an answer other than 2xx means; 401 is the gateway's own fault and told as such."""
        status = response.status
        wait = retry_after_s(response.headers.get("retry-after"))
        if 300 <= status < 400 or status < 200:
            return UpstreamFailure(self.name, "redirect", f"answered {status}; redirects are not followed")
        if status == 401:
            return UpstreamFailure(self.name, "credentials", "does not accept the key of the gateway (401)")
        try:
            body = await reply.read(MOST_ERROR)
        except UpstreamFailure:
            body = b""
        kind = "rate_limited" if status == 429 else "server_error" if status >= 500 else "client_error"
        return UpstreamFailure(
            self.name, kind, f"answered {status}", status=status, body=body, content_type=reply.content_type,
            retry_after_s=wait,
        )  # fmt: skip

    def _opened_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, ssl=bool(self.settings.verify_tls), keepalive_timeout=30, ttl_dns_cache=60
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.settings.connect_timeout_s),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                read_bufsize=2**18,
            )
        return self._session

    def retire(self) -> None:
        """Close when the last answer has ended."""
        self._retired = True
        if self._users == 0:
            self._close_soon()

    def _close_soon(self) -> None:
        self._closing = asyncio.get_running_loop().create_task(self.close())

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
