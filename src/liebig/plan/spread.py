"""How wrong a prediction may be: the size of errors on left-out sources, by situation.

The size is ``exp(b · situation)``, where the situation says whether the chip, its family and the
software were seen in calibration, how much of the layout was stated, and whether the model is a
mixture of experts.  Quantiles of the errors divided by their size then give the interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FEATURES", "Spread", "fit_spread", "weighted_quantile"]

Array = NDArray[np.float64]
#: What a situation is told by; each is 0 or 1, or a share.
FEATURES = ("always", "chip not seen", "family not seen", "software not seen", "layout open", "experts", "small step")
_RIDGE = 2.0
#: What is not known can only make a prediction less certain.
_NEVER_SURER = np.array([name.endswith("not seen") or name == "layout open" for name in FEATURES])


@dataclass(frozen=True)
class Spread:
    """Coefficients of the size and quantiles of the errors divided by it."""

    coefficients: tuple[float, ...]
    low: float
    high: float

    def size(self, features: Array) -> Array:
        """Size of the error in logarithms; features have shape ``(n, 7)``."""
        return np.exp(features @ np.asarray(self.coefficients))

    def interval(self, log_time: Array, features: Array) -> tuple[Array, Array, Array]:
        """p10, p50 and p90 of the time, from its predicted logarithm.

        The middle is the prediction itself: the median of the errors of left-out sources turns its sign with
        which sources there are, and moving predictions by it makes them worse.
        """
        size = self.size(features)
        return (
            np.exp(log_time - self.high * size),
            np.exp(log_time),
            np.exp(log_time - self.low * size),
        )

    def to_dict(self) -> dict[str, Any]:
        """For a file."""
        rounded = [round(c, 5) for c in self.coefficients]
        return {
            "coefficients": dict(zip(FEATURES, rounded, strict=True)),
            "low": round(self.low, 5),
            "high": round(self.high, 5),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Spread:
        """From a file; without content, a wide guess of a quarter up or down."""
        if not content:
            return cls((float(np.log(0.2)), *(0.0 for _ in FEATURES[1:])), -1.2, 1.2)
        numbers = content["coefficients"]
        return cls(
            tuple(float(numbers[n]) for n in FEATURES),
            float(content["low"]),
            float(content["high"]),
        )


def weighted_quantile(values: ArrayLike, weights: ArrayLike, share: float) -> float:
    """The value below which a share of the weight lies.

    >>> weighted_quantile([1.0, 2.0, 3.0], [1.0, 1.0, 2.0], 0.5)
    2.333...
    """
    v, w = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    order = np.argsort(v)
    v, w = v[order], w[order]
    middle = (np.cumsum(w) - 0.5 * w) / w.sum()
    return float(np.interp(share, middle, v))


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
