"""What routing saved, as a lever that a forecast reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from liebig.catalog import load_catalog
from liebig.dates import utc_text
from liebig.errors import InputError
from liebig.route.savings.report import Savings
from liebig.uncertainty import Interval

__all__ = ["as_lever"]

#: Facts that the share of chips that trains comes from.
FACTS = "2026"


def as_lever(found: Savings, training_share: Interval | None = None) -> dict[str, Any]:
    """The lever ``routing`` as ``liebig forecast --lever routing@FILE.json`` reads it.

    ``measured`` is strong-only over spent: energy where the rows have it, money otherwise.  The lever raises the share
    of chips that trains: where a share t trains and the rest answers, saving a share s of the answering frees
    s (1 - t), so training grows by 1 + s (1 - t) / t.  ``p10``, ``p50`` and ``p90`` are that factor.

    Args:
        found: a report.
        training_share: p10, p50, p90 of t; by default ``capital.run_share`` of the catalogue.

    Raises:
        InputError: there is nothing to measure.
    """
    total = found.total
    energy = total.kwh > 0 and min(total.kwh_strong) > 0
    spent, strong_only = (total.kwh, total.kwh_strong) if energy else (total.usd, total.usd_strong)
    if not (spent > 0 and min(strong_only) > 0):
        raise InputError("a measured lever needs calls with energy or cost; this report has none")
    measured = strong_only.scaled(1.0 / spent)
    share = _training_share() if training_share is None else training_share
    u, v = np.random.default_rng(0).random((2, 20_000))
    saved = 1 - 1 / measured.at(u)
    trains = share.at(v)
    factor = Interval.of(1 + saved * (1 - trains) / trains)
    return {
        "lever": "routing",
        **factor.to_dict(),
        "measured": {
            **dict(zip(("low", "mid", "high"), measured, strict=True)), "quantity": "energy" if energy else "cost",
        },
        "interval": 0.8,
        "calls": total.calls,
        "from": utc_text(found.start), "to": utc_text(found.end),
        "training_share": list(share),
        "source": f"liebig route report: {total.calls} calls, {utc_text(found.start)} to {utc_text(found.end)}",
    }  # fmt: skip


def _training_share() -> Interval:
    row = load_catalog().parameter("capital.run_share", FACTS)
    assert row.p10 is not None
    assert row.p50 is not None
    assert row.p90 is not None
    return Interval(row.p10, row.p50, row.p90)
