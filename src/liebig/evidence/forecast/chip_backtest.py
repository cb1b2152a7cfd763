"""Back-test of the supply of AI chips against the quarterly counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog, load_catalog
from liebig.dates import start_of
from liebig.evidence.forecast.backtest import BackTest, ForecastCase, _failures, make_case, score_cases, walk
from liebig.forecast.inputs import make_input
from liebig.forecast.simulate import sample_state
from liebig.forecast.world import build_world
from liebig.limits.chips import stock_h100e
from liebig.uncertainty import Interval, check_seed

__all__ = ["StockCheck", "backtest_chips", "check_chip_model", "quarterly_supply"]

Array = NDArray[np.float64]
_MEMORY = 6
_LEAST = 4


def quarterly_supply(catalog: Catalog, *, complete: bool = True) -> tuple[list[str], Array]:
    """Quarters and H100e shipped in them by all makers, ``(quarters,)``."""
    totals: dict[str, float] = {}
    for row in catalog.chip_supply():
        if row.complete or not complete:
            totals[row.quarter] = totals.get(row.quarter, 0.0) + row.h100e
    quarters = sorted(totals)
    return quarters, np.array([totals[q] for q in quarters])


@dataclass(frozen=True)
class StockCheck:
    """The chip model of Epoch 2024 at a later date: H100e, and where the count falls in its distribution."""

    year: int
    stock: Interval
    counted: float
    percentile: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "year": self.year,
            **self.stock.to_dict(),
            "counted": self.counted,
            "percentile": self.percentile,
            "covered": self.stock.holds(self.counted),
        }


def check_chip_model(samples: int = 16384, seed: int = 0, catalog: Catalog | None = None) -> tuple[StockCheck, ...]:
    """Stock of chips by the model of 2024, against the chips counted by the end of 2024 and 2025.

    >>> [c.year for c in check_chip_model(samples=1024)]
    [2025, 2026]
    """
    catalog = load_catalog() if catalog is None else catalog
    world = build_world(make_input(facts="epoch-2024", samples=samples, seed=seed), catalog)
    state, _ = sample_state(world, samples, seed)
    quarters, flow = quarterly_supply(catalog, complete=False)
    out = []
    for year in (2025, 2026):
        stock = stock_h100e(state, np.array([start_of(year)]), world.structure)[0]
        counted = float(flow[[q < f"{year}Q1" for q in quarters]].sum())
        out.append(StockCheck(year, Interval.of(stock), counted, float(np.mean(stock < counted))))
    return tuple(out)


def backtest_chips(catalog: Catalog | None = None, seed: int = 0) -> BackTest:
    """Forecast quarterly shipments one to four quarters ahead from each quarter."""
    check_seed(seed)
    catalog = load_catalog() if catalog is None else catalog
    quarters, flow = quarterly_supply(catalog)
    y = np.log10(flow)
    target = "AI chips shipped in a quarter, H100e"
    cases: list[ForecastCase] = []
    for i in range(_LEAST, len(y) - 1):
        steps = np.diff(y[max(0, i - _MEMORY) : i + 1])
        for h in range(1, min(4, len(y) - 1 - i) + 1):
            truth = float(y[i + h])
            rng = np.random.default_rng([i, h, seed])
            cases.append(make_case(target, "random-walk", quarters[i], h, y[i] + walk(steps, h, rng), truth))
            growth = np.array([y[i] + h * steps.mean()])
            cases.append(make_case(target, "naive-growth", quarters[i], h, growth, truth))
            cases.append(make_case(target, "naive-constant", quarters[i], h, np.array([y[i]]), truth))
    texts = {
        "random-walk": "random walk with drift on the last six quarterly steps",
        "naive-growth": "baseline: mean growth of the last six steps",
        "naive-constant": "baseline: the last quarter again",
    }
    caveats = (
        "counts are estimates of 2026 with 90 % intervals of about ±20 %; makers outside the four are missing",
        f"{len(y)} quarters of one boom: no fall of shipments is in the data",
    )
    return BackTest(target, tuple(cases), score_cases(target, cases, texts, "naive-growth"), _failures(cases), caveats)
