"""What goes on besides the limits: the trend of the largest runs, and algorithms that need less compute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.limits import State

__all__ = [
    "DENSITY_YEARS",
    "EFFECTIVE_YEAR",
    "PROGRESS_PARAMETERS",
    "algorithm_gain",
    "density_gain",
    "density_known",
    "effective_growth",
    "trend_flop",
]

Array = NDArray[np.float64]
#: Effective FLOP are counted in FLOP of the algorithms of this year.
EFFECTIVE_YEAR = 2024.0
#: The densing law was observed for about two years; it is not continued further than this.
DENSITY_YEARS = 4.0
PROGRESS_PARAMETERS = (
    "trend.flop",
    "trend.line_flop",
    "trend.level_factor",
    "trend.growth",
    "effective.algorithmic_halving_months",
    "effective.density_doubling_months",
)
_MONTHS = 12.0


def trend_flop(p: State, years: Array) -> Array:
    """Largest run if the trend went on, FLOP, broadcastable to ``(len(years), n)``.

    A line in the logarithm, and from its date on never less than the largest run there was.
    """
    line = p.path("trend.line_flop", "trend.growth", years) * p.at("trend.level_factor", years)
    record = np.where(years[:, None] >= p.year_of("trend.flop"), p.at("trend.flop", years), 0.0)
    return np.maximum(line, record)


def algorithm_gain(p: State, years: Array, since: float = EFFECTIVE_YEAR) -> Array:
    """How many times less compute the same capability takes in ``years`` than in the year ``since``.

    >>> s = State({"effective.algorithmic_halving_months": np.array([8.0])})
    >>> float(algorithm_gain(s, np.array([2026.0]))[0, 0])
    8.0
    """
    return _doublings(p, "effective.algorithmic_halving_months", years, since)


def density_gain(p: State, years: Array, since: float = EFFECTIVE_YEAR) -> Array:
    """How many times fewer parameters the same capability takes in ``years`` than in the year ``since``.

    Not to be continued beyond :data:`DENSITY_YEARS` from :data:`EFFECTIVE_YEAR`; see :func:`density_known`.
    """
    return _doublings(p, "effective.density_doubling_months", years, since)


def density_known(years: Array) -> NDArray[np.bool_]:
    """Whether :func:`density_gain` may be read in ``years``, ``(years,)``.

    >>> density_known(np.array([2028.0, 2029.0])).tolist()
    [True, False]
    """
    return np.abs(years - EFFECTIVE_YEAR) <= DENSITY_YEARS


def _doublings(p: State, months: str, years: Array, since: float) -> Array:
    exponent = p.integral([months], lambda m, t: _MONTHS * t / m, since, years, lambda m, t: _MONTHS / m)
    return np.exp2(exponent)


def effective_growth(p: State, year: float) -> Array:
    """Ln growth per year of the largest runs in effective FLOP: hardware and money times algorithms, ``(1, n)``."""
    years = np.array([year])
    halving = p.at("effective.algorithmic_halving_months", years)
    return np.log(p.at("trend.growth", years)) + np.log(2.0) * _MONTHS / halving
