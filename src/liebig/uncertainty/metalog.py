"""Three-term metalog distribution through three quantiles.

On the scale ``z`` (the identity, ``ln(x - lower)`` or the logit between two bounds) the
quantile function is

    z(u) = a1 + a2 * L + a3 * (u - 1/2) * L,      L = ln(u / (1 - u))

Source: T. W. Keelin, "The Metalog Distributions", Decision Analysis 13(4), 2016,
doi:10.1287/deca.2016.0338.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liebig.errors import DistributionError

__all__ = ["FEASIBLE_RATIO", "metalog_coefficients", "metalog_feasible_middle", "metalog_scale"]

#: The quantile function rises everywhere exactly when a2 > 0 and |a3| / a2 is at most this;
#: the reciprocal of max over u of (u - 1/2) + u (1 - u) ln(u / (1 - u)).
FEASIBLE_RATIO = 1.66711

Array = NDArray[np.float64]


def to_scale(x: Array, lower: float | None, upper: float | None) -> Array:
    """Map values to the unbounded scale of the metalog."""
    if lower is not None and upper is not None:
        return np.log((x - lower) / (upper - x))
    if lower is not None:
        return np.log(x - lower)
    if upper is not None:
        return -np.log(upper - x)
    return np.asarray(x, dtype=float)


def from_scale(z: Array, lower: float | None, upper: float | None) -> Array:
    """Inverse of :func:`to_scale`."""
    if lower is not None and upper is not None:
        return lower + (upper - lower) / (1.0 + np.exp(-z))
    if lower is not None:
        return lower + np.exp(z)
    if upper is not None:
        return upper - np.exp(-z)
    return z


def metalog_coefficients(levels: Sequence[float], z: Sequence[float]) -> tuple[float, float, float]:
    """Coefficients (a1, a2, a3) through three quantiles.

    Args:
        levels: three probabilities, rising, inside (0, 1).
        z: the three quantiles on the unbounded scale.

    Raises:
        DistributionError: the quantile function would fall somewhere.

    >>> [round(abs(a), 4) for a in metalog_coefficients((0.1, 0.5, 0.9), (-1.0, 0.0, 1.0))]
    [0.0, 0.4551, 0.0]
    """
    p = np.asarray(levels, dtype=float)
    logit = np.log(p / (1 - p))
    basis = np.stack([np.ones(3), logit, (p - 0.5) * logit], axis=1)
    a1, a2, a3 = (float(a) for a in np.linalg.solve(basis, np.asarray(z, dtype=float)))
    if not (a2 > 0 and abs(a3) <= FEASIBLE_RATIO * a2):
        raise DistributionError("no three-term metalog has these quantiles: its quantile function would fall")
    return a1, a2, a3


def metalog_feasible_middle(
    levels: Sequence[float], low: float, high: float, lower: float | None, upper: float | None
) -> tuple[float, float]:
    """Smallest and largest middle quantile for which a metalog exists.

    >>> lo, hi = metalog_feasible_middle((0.1, 0.5, 0.9), 1.0, 2.0, 0.0, None)
    >>> round(lo, 3), round(hi, 3)
    (1.122, 1.782)
    """
    z_low, z_high = (float(v) for v in to_scale(np.array([low, high]), lower, upper))
    p = np.asarray(levels, dtype=float)
    logit = np.log(p / (1 - p))
    skew = (p - 0.5) * logit
    # z_i = a1 + a2 (logit_i + k skew_i) with k = a3 / a2 at either end of its range
    middles = []
    for k in (-FEASIBLE_RATIO, FEASIBLE_RATIO):
        w = logit + k * skew
        middles.append(z_low + (z_high - z_low) * (w[1] - w[0]) / (w[2] - w[0]))
    z = np.array([min(middles), max(middles)])
    first, last = (float(v) for v in from_scale(z, lower, upper))
    return first, last


def metalog_scale(logit: Array, u: Array, a: tuple[float, float, float]) -> Array:
    """Quantile on the unbounded scale; ``logit`` is ``ln(u / (1 - u))``, shapes ``(n,)``."""
    a1, a2, a3 = a
    if a3 == 0.0:
        return a1 + a2 * logit
    return a1 + (a2 + a3 * (u - 0.5)) * logit
