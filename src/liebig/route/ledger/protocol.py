"""The interface that all ledgers share: one row per call, budgets and rates of keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any, Protocol

from liebig.route.ledger.records import Call, Key, Outcome, Row

__all__ = ["Ledger"]


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
