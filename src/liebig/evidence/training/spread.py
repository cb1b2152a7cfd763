"""How wide intervals of predictions must be, learned from errors on left-out sources."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.step.spread import FEATURES, Spread
from liebig.uncertainty.quantiles import weighted_quantile

__all__ = ["fit_spread"]

Array = NDArray[np.float64]
_RIDGE = 2.0
#: What is not known can only make a prediction less certain.
_NEVER_SURER = np.array([name.endswith("not seen") or name == "layout open" for name in FEATURES])


def fit_spread(errors: Array, features: Array, weights: Array, coverage: float = 0.8) -> Spread:
    """Sizes by maximum likelihood of a two-sided exponential with a ridge, then weighted quantiles.

    Args:
        errors: logarithm of predicted over measured, shape ``(n,)``.
        features: shape ``(n, 7)``.
        weights: of rows.
        coverage: share of errors that the interval holds.
    """
    b = np.zeros(len(FEATURES))
    b[0] = np.log(weighted_quantile(np.abs(errors), weights, 0.5) + 1e-6)
    w = weights / weights.sum() * len(set(np.round(errors, 9)))
    for _ in range(200):
        ratio = np.abs(errors) / np.exp(features @ b)
        gradient = features.T @ (w * (1.0 - ratio)) + _RIDGE * np.r_[0.0, b[1:]]
        curvature = (features * (w * ratio)[:, None]).T @ features + np.diag(np.r_[1e-6, np.full(b.size - 1, _RIDGE)])
        free = ~(_NEVER_SURER & (b <= 0.0) & (gradient >= 0.0))
        step = np.zeros(b.size)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        moved = b - np.clip(step, -0.5, 0.5)
        moved = np.where(_NEVER_SURER, np.maximum(moved, 0.0), moved)
        step, b = moved - b, moved
        if np.abs(step).max() < 1e-8:
            break
    scaled = errors / np.exp(features @ b)
    tail = (1.0 - coverage) / 2.0
    low, high = (weighted_quantile(scaled, weights, s) for s in (tail, 1.0 - tail))
    return Spread(tuple(float(x) for x in b), min(low, 0.0), max(high, 0.0))
