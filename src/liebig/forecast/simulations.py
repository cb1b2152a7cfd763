"""Simulations: the ceilings of all limits in every draw of the parameters, and what a run at the lowest would be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.limits import LIMITS

__all__ = ["Simulations"]

Array = NDArray[np.float64]


@dataclass
class Simulations:
    """Arrays over years and simulations; FLOP, and the quantities of the run at the ceiling.

    ``ceilings`` is ``(limits, years, n)``; ``trend_flop`` and the effective factors hold per
    simulation what a year needs.  Descriptions are kept in single precision: they are read as
    quantiles only, and a million simulations must fit into memory.
    """

    years: Array
    limits: tuple[str, ...]
    ceilings: Array
    trend_base: Array
    trend_growth: Array
    trend_year: float
    halving_months: Array
    doubling_months: Array
    compute_gain: NDArray[np.float32]
    precision_gain: NDArray[np.float32]
    runs: dict[str, NDArray[np.float32]]

    def minimum(self, i: int) -> Array:
        """Lowest ceiling in year ``i`` of each simulation, ``(n,)``."""
        lowest: Array = self.ceilings[:, i].min(axis=0)
        return lowest

    def trend(self, i: int) -> Array:
        """Largest run if the trend went on, in year ``i``, ``(n,)``."""
        return self.trend_base * self.trend_growth ** (self.years[i] - self.trend_year)

    def effective_minimum(self, i: int) -> Array:
        """Lowest ceiling in dense-equivalent FLOP: compute ceilings times their effective gain."""
        gain = np.array([LIMITS[limit].compute for limit in self.limits])[:, None]
        stretched = np.where(gain, self.compute_gain[i][None, :], 1.0) * self.ceilings[:, i]
        lowest: Array = stretched.min(axis=0)
        return lowest
