"""What a ledger holds: keys, calls and how they ended; the records that all ledgers share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from liebig.errors import LiebigError

__all__ = ["INTERRUPTED", "Call", "Key", "Outcome", "Period", "Refused", "Row", "all_rows", "in_pages"]

#: How long a budget lasts; days, weeks (from Monday) and months are those of UTC.
Period = Literal["day", "week", "month", "total"]
#: The error of calls whose worker went away before they ended.
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a client, without its secret; ``models`` that are empty mean all, limits that are None mean none."""

    id: str
    name: str
    created: float
    revoked: float | None = None
    budget_usd: float | None = None
    budget_period: Period = "month"
    rpm: int | None = None
    tpm: int | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of a call before the upstream is asked; ``at`` in seconds since 1970."""

    id: str
    key_id: str
    at: float
    endpoint: str
    asked: str
    worker: str
    estimate_usd: float = 0.0
    estimate_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a call when it has ended.

    ``usd_strong``, ``wh_strong`` and ``g_co2_strong`` are what the strongest model takes for the same tokens.
    """

    model: str
    upstream: str
    status: int
    reason: str = ""
    score: float | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    usd_strong: float = 0.0
    wh: float = 0.0
    g_co2: float = 0.0
    wh_strong: float = 0.0
    g_co2_strong: float = 0.0
    seconds: float = 0.0
    first_token_s: float | None = None
    streamed: bool = False
    escalated: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A call that has ended: the fields of ``Call``, then those of ``Outcome``."""

    id: str
    key_id: str
    at: float
    endpoint: str
    asked: str
    worker: str
    estimate_usd: float = 0.0
    estimate_tokens: int = 0
    model: str = ""
    upstream: str = ""
    status: int = 0
    reason: str = ""
    score: float | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    usd_strong: float = 0.0
    wh: float = 0.0
    g_co2: float = 0.0
    wh_strong: float = 0.0
    g_co2_strong: float = 0.0
    seconds: float = 0.0
    first_token_s: float | None = None
    streamed: bool = False
    escalated: bool = False
    error: str = ""


class Refused(LiebigError):  # noqa: N818 - a call that is refused is an answer, not a fault
    """A call that may not go on: rate or budget spent (429), or a ledger that cannot be written (503).

    >>> refused = Refused("too many calls", status=429, code="rate_limit_exceeded", retry_after_s=3.0)
    >>> refused.status, refused.code, refused.retry_after_s
    (429, 'rate_limit_exceeded', 3.0)
    """

    def __init__(self, message: str, *, status: int, code: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


async def all_rows(
    since: float | None, read_page: Callable[[tuple[float, int]], Awaitable[list[tuple[int, Row]]]], size: int
) -> AsyncIterator[Row]:
    """Rows page by page: ``read_page`` gives up to ``size`` of them behind a time and a number, with their numbers."""
    after: tuple[float, int] = (-1e300 if since is None else since, -1)
    while True:
        page = await read_page(after)
        for _, row in page:
            yield row
        if len(page) < size:
            return
        after = (page[-1][1].at, page[-1][0])


async def in_pages(do: Callable[[], Awaitable[int]], size: int) -> int:
    """Do something to up to ``size`` rows at a time until fewer are left; gives how many there were."""
    total = 0
    while True:
        count = await do()
        total += count
        if count < size:
            return total
