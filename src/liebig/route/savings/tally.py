"""The savings report of a ledger, for the command line, the gateway and the page."""

from __future__ import annotations

import asyncio
from pathlib import Path

from liebig.route.choose import policy_of
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.protocol import Ledger
from liebig.route.savings.report import By, Savings, Tally
from liebig.route.settings import read_settings

__all__ = ["read_tally", "savings_of"]

#: Rows after which others on the same event loop get a turn.
_TURN = 1000


async def read_tally(
    ledger: Ledger, by: By = "total", since: float | None = None, until: float | None = None, key: str | None = None
) -> Tally:
    """The rows of an open ledger, added up; times in seconds since 1970, ``key`` an id or a name.

    Raises:
        InputError: no such grouping.
        Refused: the ledger cannot be read.
    """
    tally, count = Tally(by), 0
    async for row in ledger.rows(since, until, key):
        tally.add(row)
        count += 1
        if count % _TURN == 0:
            await asyncio.sleep(0)
    return tally


async def savings_of(
    config: str | Path, by: By = "total", since: float | None = None, until: float | None = None, key: str | None = None
) -> Savings:
    """The report of the ledger that settings name, with the drift since their router was calibrated.

    Raises:
        InputError: the settings, the router or the ledger cannot be read.
    """
    settings = read_settings(config)
    policy = policy_of(settings)
    ledger = open_ledger(settings.ledger_url, create=False)
    await ledger.open()
    try:
        tally = await read_tally(ledger, by, since, until, key)
    finally:
        await ledger.close()
    known = policy.router.reference
    return tally.report(policy.models[-1], 1.0 - known if known.size else None)
