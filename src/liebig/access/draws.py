"""Uncertain numbers of access, drawn so that the same seed gives the same futures."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import plan_number
from liebig.uncertainty import INTERVAL_LEVELS, make_marginal, quantile

__all__ = ["draw", "uniform"]

Array = NDArray[np.float64]


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
    0.8
    """
    row = plan_number(f"access.{name.removeprefix('access.')}")
    upper = 1.0 if row.unit in ("fraction", "1/yr") else None
    marginal = make_marginal("metalog", INTERVAL_LEVELS, row.interval, 0.0, upper)
    return np.asarray(quantile(marginal, uniform(row.number, samples, seed)), dtype=float)
