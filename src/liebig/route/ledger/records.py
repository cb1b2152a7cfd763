"""What a ledger holds: keys, calls and how they ended.

A field here is a column of every ledger: ``columns`` reads name, kind and default off these records, and the tables,
statements and files of both kinds of ledger follow.  A column that is new needs a default; it is added to tables that
lack it when they are opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from liebig.errors import LiebigError

__all__ = [
    "INTERRUPTED", "Call", "Identity", "Key", "Limits", "Outcome", "Period", "Refused", "Row", "all_rows", "in_pages",
]  # fmt: skip

#: How long a budget lasts; days, weeks (from Monday) and months are those of UTC.
Period = Literal["day", "week", "month", "total"]
#: The error of calls whose worker went away before they ended.
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Identity:
    """Who a key is of.

    Attributes:
        id: made by the ledger, never used twice.
        name: unlike that of any other live key.
        created: seconds since 1970.
        revoked: seconds since 1970; None while the key is live.
    """

    id: str
    name: str
    created: float
    revoked: float | None = None


@dataclass(frozen=True)
class Limits:
    """What a key may take; ``keys.check_limits`` and the gateway's interface follow the fields and their types.

    Attributes:
        budget_usd: USD per period, None for no limit.
        budget_period: how long the budget lasts.
        rpm: calls a minute at most, None for no limit.
        tpm: tokens a minute at most, None for no limit.
        models: names that it may ask for; none at all allows every one.
    """

    budget_usd: float | None = None
    budget_period: Period = "month"
    rpm: int | None = None
    tpm: int | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Key(Limits, Identity):
    """A key of a client, without its secret: the fields of ``Identity``, then those of ``Limits``."""


@dataclass(frozen=True)
class Call:
    """What is known of a call before the upstream is asked.

    Attributes:
        id: unlike that of any other call.
        key_id: of the client's key, empty where none is needed.
        at: when it began, seconds since 1970.
        endpoint: name of the endpoint that it came to.
        asked: name of the model that the client gave.
        worker: process that answers it.
        estimate_usd: cost expected, held against the budget of the key until the call ends.
        estimate_tokens: tokens of prompt and answer expected, held against the rate of the key.
    """

    id: str
    key_id: str
    at: float
    endpoint: str
    asked: str
    worker: str
    estimate_usd: float = 0.0
    estimate_tokens: int = 0


@dataclass(frozen=True)
class Outcome:
    """What is known of a call when it has ended.

    Attributes:
        model: that answered.
        upstream: that served the model.
        status: of HTTP; 0 where the worker went away.
        reason: why this model was chosen.
        score: of the router, None where it looked at nothing.
        prompt_tokens: read by the model, those from a cache too.
        cached_tokens: of the prompt, read from a cache.
        completion_tokens: written by the model.
        usd: cost of the call.
        usd_strong: what the strongest model costs for the same tokens.
        wh: energy, Wh.
        g_co2: emissions, grams of CO2e.
        wh_strong: energy of the strongest model for the same tokens, Wh.
        g_co2_strong: emissions of the strongest model for the same tokens, grams of CO2e.
        seconds: from the request to the end of the answer.
        first_token_s: seconds to the first token of a stream, None where there was none.
        streamed: whether the answer was sent in parts.
        escalated: whether the strong model was asked after the weak one.
        error: what went wrong, empty where nothing did.
    """

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


@dataclass(frozen=True)
class Row(Outcome, Call):
    """A call that has ended: the fields of ``Call``, then those of ``Outcome``.

    >>> row = Row("1", "k", 0.0, "chat", "auto", "w", model="weak", status=200, usd=0.1)
    >>> row.asked, row.model, row.usd
    ('auto', 'weak', 0.1)
    """


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
