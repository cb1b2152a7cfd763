"""The year in which the trend of the largest runs meets the lowest ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from liebig.forecast.simulations import Simulations
from liebig.uncertainty import INTERVAL_LEVELS

__all__ = ["Crossing", "find_crossing"]


@dataclass(frozen=True)
class Crossing:
    """Year (1 January = .0) at which trend and ceiling cross: quantiles over all simulations.

    A quantile is infinite when that share of simulations does not cross by ``last_year``;
    ``probability`` maps year -> share of simulations that have crossed by then.
    """

    p10: float
    p50: float
    p90: float
    never: float
    last_year: int
    probability: dict[int, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; None for a quantile beyond the last year."""
        quantiles = {
            n: round(v, 2) if np.isfinite(v) else None
            for n, v in (("p10", self.p10), ("p50", self.p50), ("p90", self.p90))
        }
        by = {str(y): round(p, 6) for y, p in self.probability.items()}
        return {
            **quantiles,
            "share_without_crossing": round(self.never, 6),
            "last_year": self.last_year,
            "probability_by": by,
        }

    def text(self) -> str:
        """The calendar years, ``2030 (2028–2031)``, or ``after 2040`` beyond the horizon."""

        def one(year: float) -> str:
            return f"{np.floor(year):.0f}" if np.isfinite(year) else f"after {self.last_year}"

        middle, low, high = (one(y) for y in (self.p50, self.p10, self.p90))
        return middle if low == middle == high else f"{middle} ({low}–{high})"


def find_crossing(simulations: Simulations) -> Crossing:
    """First crossing in each simulation, on a straight line between years on the logarithmic scale."""
    years = simulations.years
    samples = simulations.samples
    year = np.full(samples, np.inf)
    open_ = np.ones(samples, dtype=bool)
    before = np.zeros(samples)
    for i in range(len(years)):
        with np.errstate(invalid="ignore", divide="ignore"):  # a scenario may leave nothing to run on
            gap = np.log(simulations.trend(i)) - np.log(simulations.minimum(i))
        now = open_ & (gap >= 0.0)
        if i == 0:
            year[now] = years[0]
        else:
            rise = gap[now] - before[now]
            year[now] = years[i - 1] + np.where(np.isfinite(rise) & (rise > 0), -before[now] / rise, 1.0)
        open_ &= ~now
        before = gap
    found = np.sort(year)
    p10, p50, p90 = (float(found[min(samples - 1, int(q * samples))]) for q in INTERVAL_LEVELS)
    by = {int(y): float(np.mean(year <= y)) for y in years}
    return Crossing(p10, p50, p90, float(np.mean(np.isinf(year))), int(years[-1]), by)
