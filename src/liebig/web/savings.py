"""The savings of a gateway for the page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from liebig.route.choose import policy_of
from liebig.route.gateway.paths import ledger_url
from liebig.route.ledger import open_ledger
from liebig.route.report import Tally
from liebig.route.settings import read_settings

__all__ = ["savings_of"]


async def savings_of(config: Path, days: int) -> dict[str, Any]:
    """The report of the last days, by day.

    Raises:
        InputError: the settings or the ledger cannot be read.
    """
    settings = read_settings(config)
    tally = Tally("day")
    ledger = open_ledger(ledger_url(settings))
    await ledger.open()
    try:
        async for row in ledger.rows(since=time.time() - 86_400.0 * days):
            tally.add(row)
    finally:
        await ledger.close()
    policy = policy_of(settings)
    known = policy.router.reference
    return tally.report(policy.models[-1], 1.0 - known if known.size else None).to_dict()
