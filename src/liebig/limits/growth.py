"""Growth that decays from one yearly factor towards another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.limits.state import State

__all__ = ["decaying_growth", "decaying_rate", "ln_decaying_growth"]

Array = NDArray[np.float64]


def decaying_growth(initial: Array, long_run: Array, decay_yr: Array, elapsed_yr: Array) -> Array:
    """Ln of a level relative to its start, when ln growth decays from one rate towards another.

    ``integral of g_inf + (g_0 - g_inf) exp(-s / tau) ds`` with ``g = ln(growth factor)``; before
    the start the initial rate holds.

    >>> float(np.exp(decaying_growth(np.array(1.5), np.array(1.5), np.array(3.0), np.array(2.0))))
    2.25
    """
    g0, g1 = np.log(initial), np.log(long_run)
    ahead = np.maximum(elapsed_yr, 0.0)
    decayed = decay_yr * -np.expm1(-ahead / decay_yr)
    return g1 * ahead + (g0 - g1) * decayed + g0 * np.minimum(elapsed_yr, 0.0)


def decaying_rate(initial: Array, long_run: Array, decay_yr: Array, elapsed_yr: Array) -> Array:
    """Ln growth per year at a date, the derivative of :func:`decaying_growth`.

    >>> float(np.exp(decaying_rate(np.array(1.5), np.array(1.1), np.array(3.0), np.array(0.0))))
    1.5
    """
    g0, g1 = np.log(initial), np.log(long_run)
    return g1 + (g0 - g1) * np.exp(-np.maximum(elapsed_yr, 0.0) / decay_yr)


def ln_decaying_growth(p: State, names: tuple[str, str, str], since: float, years: Array) -> Array:
    """Ln growth from ``since`` to ``years``, ``(len(years), n)``.

    A parameter that changes from a year on gives the rate from then on the value it would have had if the parameter
    had always been so.

    Args:
        p: parameters.
        names: of the initial factor, the factor in the long run, and the years in which the one decays to the other.
        since: year in which the decay begins.
        years: ``(years,)``.
    """
    return p.integral(names, decaying_growth, since, years, decaying_rate)
