"""Simulations: the ceilings of all limits in every draw of the parameters, and what a run at the lowest would be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.forecast.progress import algorithm_gain, density_gain, trend_flop
from liebig.limits import LIMITS, State

__all__ = ["Simulations"]

Array = NDArray[np.float64]


@dataclass
class Simulations:
    """Arrays over years and simulations; FLOP, and the quantities of the run at the ceiling.

    ``ceilings`` is ``(limits, years, n)``; ``progress`` holds the parameters of the trend and of algorithms, from
    which a year is computed when it is asked for.  Descriptions are kept in single precision: they are read as
    quantiles only, and a million simulations must fit into memory.
    """

    years: Array
    limits: tuple[str, ...]
    ceilings: Array
    progress: State
    compute_gain: NDArray[np.float32]
    precision_gain: NDArray[np.float32]
    runs: dict[str, NDArray[np.float32]]

    @property
    def samples(self) -> int:
        """Number of simulations."""
        return self.ceilings.shape[2]

    def minimum(self, i: int) -> Array:
        """Lowest ceiling in year ``i`` of each simulation, ``(n,)``."""
        lowest: Array = self.ceilings[:, i].min(axis=0)
        return lowest

    def trend(self, i: int) -> Array:
        """Largest run if the trend went on, in year ``i``, ``(n,)``."""
        return self._all(trend_flop(self.progress, self.years[i : i + 1]))

    def algorithm_gain(self, i: int) -> Array:
        """Effective over dense FLOP through better algorithms, in year ``i``, ``(n,)``."""
        return self._all(algorithm_gain(self.progress, self.years[i : i + 1]))

    def density_gain(self, i: int) -> Array:
        """Fewer parameters for the same capability, in year ``i``, ``(n,)``."""
        return self._all(density_gain(self.progress, self.years[i : i + 1]))

    def _all(self, value: Array) -> Array:
        return np.broadcast_to(value, (1, self.samples))[0]

    def effective_minimum(self, i: int) -> Array:
        """Lowest ceiling in dense-equivalent FLOP: compute ceilings times their effective gain."""
        gain = np.array([LIMITS[limit].compute for limit in self.limits])[:, None]
        stretched = np.where(gain, self.compute_gain[i][None, :], 1.0) * self.ceilings[:, i]
        lowest: Array = stretched.min(axis=0)
        return lowest
