"""Quantiles of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["quantiles", "weighted_quantile"]

Array = NDArray[np.float64]


def quantiles(values: NDArray[Any], levels: Sequence[float]) -> Array:
    """Quantiles over the last axis with straight lines between order statistics (NumPy's default).

    One full sort serves all levels; for a handful of levels of some thousand samples this is
    more than twice as fast as :func:`numpy.quantile`, which partitions.

    >>> quantiles(np.array([4.0, 1.0, 3.0, 2.0]), (0.5,))
    array([2.5])
    """
    ordered = np.sort(values, axis=-1).astype(np.float64, copy=False)
    place = np.asarray(levels, dtype=float) * (ordered.shape[-1] - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, ordered.shape[-1] - 1)
    low, high = ordered[..., below], ordered[..., above]
    weight = place - below
    # an infinite neighbour with weight zero must not turn into nan
    with np.errstate(invalid="ignore"):
        out: Array = np.where(weight == 0.0, low, np.where(low == high, low, low + weight * (high - low)))
    return out


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
