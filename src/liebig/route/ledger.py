"""The ledger: one row per call, budgets and rates of keys; the interface and the records that all ledgers share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from liebig.errors import InputError, LiebigError

__all__ = [
    "INTERRUPTED",
    "Call",
    "Key",
    "Ledger",
    "Outcome",
    "Period",
    "Refused",
    "Row",
    "all_rows",
    "in_pages",
    "open_ledger",
]

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


class Ledger(Protocol):
    """Where calls and keys are kept.  All methods may be called from many tasks of one event loop at once."""

    @property
    def unsaved(self) -> int:
        """Outcomes that wait in memory because the ledger could not be written; 0 when all is well."""

    async def open(self) -> None:
        """Connect, create the tables where they are absent, read back outcomes that an earlier close left in a file.

        Raises:
            InputError: the place cannot be written, or holds something else or a newer version.
        """

    async def close(self) -> None:
        """Write all that waits; what cannot be written goes to a file beside the ledger."""

    async def ready(self) -> bool:
        """True when the ledger can be written now."""

    async def find_key(self, digest: bytes) -> Key | None:
        """The live key of a digest (``keys.digest_of``), remembered for two seconds; None for unknown and revoked ones.

        Raises:
            Refused: the ledger cannot be read (503).
        """

    async def add_key(self, name: str, **limits: Any) -> tuple[Key, str]:
        """A new key and its secret, which is stored nowhere.

        Args:
            name: unlike that of any live key.
            limits: ``budget_usd``, ``budget_period``, ``rpm``, ``tpm``, ``models``.
        """

    async def revoke_key(self, id_or_name: str) -> Key:
        """End a key: at once in this process, within two seconds in others."""

    async def update_key(self, id_or_name: str, **limits: Any) -> Key:
        """Change limits of a live key; those not named stay."""

    async def list_keys(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""

    async def begin(self, call: Call, key: Key | None) -> None:
        """Write down that a call starts, and hold its estimate against the budget; on disk when it returns.

        Raises:
            Refused: budget or rate spent (429), or the ledger cannot be written (503).
            ConflictError: a call of that id exists.
        """

    async def finish(self, call_id: str, outcome: Outcome) -> None:
        """Write down how a call ended; on disk when it returns.  A second finish of one id changes nothing.

        When the ledger cannot be written the outcome stays in memory (see ``unsaved``) and is tried again until it is.
        An outcome that comes after ``settle`` took the call for interrupted takes its place.
        """

    async def settle(self, workers_alive: Collection[str]) -> int:
        """End the calls of workers that are gone: status 0, error "interrupted", the estimate as cost."""

    async def spent_usd(self, key_id: str, period: str) -> float:
        """USD of the calls that a key began in the period that runs now, without those in flight."""

    def rows(
        self, since: float | None = None, until: float | None = None, key: str | None = None
    ) -> AsyncIterator[Row]:
        """Calls that have ended, by time; ``since`` <= at < ``until``, seconds since 1970; ``key`` an id or a name."""

    async def prune(self, before: float) -> int:
        """Delete ended calls begun before a time; what keys have spent stays.  Gives how many there were."""


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


def open_ledger(url: str, *, pepper: bytes | None = None, left: str | Path | None = None) -> Ledger:
    """A ledger, still to be opened with ``await ledger.open()``.

    Args:
        url: ``sqlite:PATH``, ``sqlite::memory:`` or ``postgresql://...``.
        pepper: a server-side secret mixed into the digests of keys; by default the environment variable
            ``LIEBIG_KEY_PEPPER``, none where it is absent.
        left: file for outcomes that cannot be written when the ledger is closed; ``PATH.unsaved.jsonl`` by default,
            none for PostgreSQL.

    Raises:
        InputError: another kind of address.

    >>> type(open_ledger("sqlite::memory:")).__name__
    'SqliteLedger'
    >>> open_ledger("mysql://x")
    Traceback (most recent call last):
    liebig.errors.InputError: ledger 'mysql://x': expected sqlite:PATH, sqlite::memory: or postgresql://USER@HOST/DATABASE
    """
    from liebig.route.keys import default_pepper

    secret = default_pepper() if pepper is None else pepper
    place = None if left is None else Path(left)
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest and not rest.startswith("//"):
        from liebig.route.ledger_sqlite import SqliteLedger

        return SqliteLedger(rest, secret, place)
    if scheme in ("postgresql", "postgres") and rest.startswith("//"):
        from liebig.route.ledger_postgres import PostgresLedger

        return PostgresLedger(url, secret, place)
    shown = f"{scheme}:..." if "@" in rest else url
    raise InputError(f"ledger {shown!r}: expected sqlite:PATH, sqlite::memory: or postgresql://USER@HOST/DATABASE")
