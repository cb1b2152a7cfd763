"""Scores of probabilistic forecasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["crps", "interval_score"]

Array = NDArray[np.float64]


def crps(draws: Array, truth: float) -> float:
    """Continuous ranked probability score of a sample: ``E|X - y| - E|X - X'| / 2``, in the unit of the draws.

    For a point it is the absolute error.  Source: T. Gneiting & A. E. Raftery, "Strictly proper
    scoring rules, prediction, and estimation", JASA 102, 2007.

    >>> crps(np.array([2.0]), 5.0)
    3.0
    >>> round(crps(np.array([0.0, 1.0]), 0.5), 3)
    0.25
    """
    x = np.sort(draws)
    n = len(x)
    weight = 2.0 * np.arange(1, n + 1) - n - 1.0
    return float(np.mean(np.abs(x - truth)) - (weight * x).sum() / (n * n))


def interval_score(low: float, high: float, truth: float, level: float = 0.8) -> float:
    """Width of an interval plus a penalty when it misses (Winkler score).

    >>> interval_score(0.0, 1.0, 0.5)
    1.0
    >>> round(interval_score(0.0, 1.0, 1.2), 6)
    3.0
    """
    penalty = 2.0 / (1.0 - level)
    return (high - low) + penalty * (max(low - truth, 0.0) + max(truth - high, 0.0))
