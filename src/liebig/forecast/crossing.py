"""The year in which the trend of the largest runs meets the lowest ceiling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.forecast.simulations import Simulations
from liebig.uncertainty import INTERVAL_LEVELS, Interval

__all__ = ["Crossing", "crossing_years", "date_quantiles", "find_crossing"]

Array = NDArray[np.float64]


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


def crossing_years(years: Array, trends: Iterable[Array], lowest: Iterable[Array]) -> Array:
    """First crossing in each simulation, on a straight line between years on the logarithmic scale, ``(n,)``.

    Args:
        years: ``(years,)``, rising.
        trends: for each year the trend, ``(n,)`` FLOP.
        lowest: for each year the lowest ceiling, ``(n,)`` FLOP.

    Returns:
        years with decimals; infinity where trend and ceiling do not cross in these years.

    >>> trend, lowest = np.array([[1.0], [4.0], [16.0]]), np.array([[8.0]] * 3)
    >>> crossing_years(np.array([2026.0, 2027.0, 2028.0]), trend, lowest)
    array([2027.5])
    """
    year, before = np.array([np.inf]), np.zeros(1)
    for i, (trend, ceiling) in enumerate(zip(trends, lowest, strict=True)):
        with np.errstate(invalid="ignore", divide="ignore"):  # a scenario may leave nothing to run on
            gap = np.log(trend) - np.log(ceiling)
            rise = gap - before
            at = years[i - 1] + np.where(np.isfinite(rise) & (rise > 0), -before / rise, 1.0) if i else years[0]
        year = np.where(np.isinf(year) & (gap >= 0.0), at, year)
        before = gap
    return year


def date_quantiles(dates: Array) -> Interval:
    """p10, p50 and p90 of dates of which some may be infinite, ``(n,)``, as order statistics.

    >>> date_quantiles(np.array([2030.0, 2026.0, np.inf]))
    Interval(p10=2026.0, p50=2030.0, p90=inf)
    """
    found = np.sort(dates)
    return Interval(*(float(found[min(len(found) - 1, int(q * len(found)))]) for q in INTERVAL_LEVELS))


def find_crossing(simulations: Simulations) -> Crossing:
    """The crossing of trend and lowest ceiling in all simulations; see :func:`crossing_years`."""
    years, indices = simulations.years, range(len(simulations.years))
    year = crossing_years(years, map(simulations.trend, indices), map(simulations.minimum, indices))
    p10, p50, p90 = date_quantiles(year)
    by = {int(y): float(np.mean(year <= y)) for y in years}
    return Crossing(p10, p50, p90, float(np.mean(np.isinf(year))), int(years[-1]), by)
