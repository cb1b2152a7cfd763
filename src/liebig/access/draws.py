"""Uncertain numbers of access, drawn so that the same seed gives the same futures."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import plan_number
from liebig.uncertainty import make_marginal, quantile, quantiles

__all__ = ["Triple", "draw", "three", "triple_dict", "uniform"]

Array = NDArray[np.float64]
#: p10, p50, p90.
Triple = tuple[float, float, float]
_NAMES = ("p10", "p50", "p90")


def uniform(name: str, samples: int, seed: int) -> Array:
    """Evenly spread numbers between 0 and 1 in an order of its own for each name, ``(samples,)``.

    >>> float(np.median(uniform("load", 1001, 0)))
    0.5
    """
    order = np.random.default_rng([seed, zlib.crc32(name.encode())]).permutation(samples)
    return (order + 0.5) / samples


def draw(name: str, samples: int, seed: int) -> Array:
    """A number of the table ``plan_numbers`` in each future, by its metalog, ``(samples,)``.

    >>> round(float(np.median(draw("access.load", 1001, 0))), 3)
    0.9
    """
    row = plan_number(f"access.{name.removeprefix('access.')}")
    upper = 1.0 if row.unit in ("fraction", "1/yr") else None
    marginal = make_marginal("metalog", (0.1, 0.5, 0.9), (row.p10, row.p50, row.p90), 0.0, upper)
    return np.asarray(quantile(marginal, uniform(row.number, samples, seed)), dtype=float)


def three(values: Array) -> Triple:
    """p10, p50 and p90 over futures; not a number where any future is unknown.

    >>> three(np.arange(11.0))
    (1.0, 5.0, 9.0)
    """
    if np.isnan(values).any():
        return (float("nan"),) * 3
    low, middle, high = (float(v) for v in quantiles(values, (0.1, 0.5, 0.9)))
    return low, middle, high


def triple_dict(values: Triple) -> dict[str, float | None]:
    """Plain numbers by name; None where unknown or without end.

    >>> triple_dict((1.0, 2.0, float("inf")))
    {'p10': 1.0, 'p50': 2.0, 'p90': None}
    """
    return {n: float(f"{v:.12g}") if np.isfinite(v) else None for n, v in zip(_NAMES, values, strict=True)}
