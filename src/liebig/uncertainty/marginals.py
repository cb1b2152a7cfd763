"""One uncertain number: a family of distributions fixed by a few quantiles.

A :class:`Marginal` is data; :func:`quantile` turns probabilities into values.  Families:

========== ==================================================================
metalog    three quantiles; optional lower and upper bound
normal     two or three quantiles; with a lower bound it is a (shifted)
           lognormal, with two bounds a logit-normal
lognormal  normal with lower bound 0
uniform    two quantiles or the two ends (levels 0 and 1)
loguniform the same on the logarithmic scale
piecewise  straight lines between any number of quantiles, flat beyond them
point      a number without uncertainty
========== ==================================================================
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liebig.errors import DistributionError
from liebig.uncertainty.metalog import (
    from_scale,
    metalog_coefficients,
    metalog_feasible_middle,
    metalog_scale,
    to_scale,
)

__all__ = ["FAMILIES", "Marginal", "make_marginal", "point", "quantile"]

Array = NDArray[np.float64]
FAMILIES = ("metalog", "normal", "lognormal", "uniform", "loguniform", "piecewise", "point")
#: Probabilities are kept this far from 0 and 1, where unbounded quantiles are infinite.
_EDGE = 1e-12


@dataclass(frozen=True, slots=True)
class Marginal:
    """Distribution of one parameter, in the parameter's model unit.

    ``levels`` and ``values`` are the quantiles it was made from, ``lower`` and ``upper``
    its bounds, ``coefficients`` what the family needs to evaluate it.
    """

    family: str
    levels: tuple[float, ...]
    values: tuple[float, ...]
    lower: float | None = None
    upper: float | None = None
    coefficients: tuple[float, ...] = field(default=(), repr=False)

    @property
    def is_point(self) -> bool:
        """True when there is nothing to sample."""
        return self.family == "point"


def point(value: float) -> Marginal:
    """A number without uncertainty.

    >>> point(3.0).is_point
    True
    """
    return Marginal("point", (0.5,), (float(value),), coefficients=(float(value),))


def make_marginal(
    family: str,
    levels: Sequence[float],
    values: Sequence[float],
    lower: float | None = None,
    upper: float | None = None,
) -> Marginal:
    """Check the quantiles and make the marginal.

    Args:
        family: one of :data:`FAMILIES`.
        levels: probabilities, rising.
        values: quantiles at these probabilities, same length, not falling.
        lower, upper: bounds of the support (metalog, normal), or None.

    Raises:
        DistributionError: the family does not exist, or cannot have these quantiles.

    >>> m = make_marginal("metalog", (0.1, 0.5, 0.9), (0.96e9, 2.5e9, 5e9), lower=0.0)
    >>> [float(f"{x:.3g}") for x in quantile(m, np.array([0.1, 0.5, 0.9]))]
    [960000000.0, 2500000000.0, 5000000000.0]
    """
    if family not in FAMILIES:
        raise DistributionError(f"unknown distribution {family!r}; expected one of {', '.join(FAMILIES)}")
    p = tuple(float(v) for v in levels)
    x = tuple(float(v) for v in values)
    _check_quantiles(family, p, x, lower, upper)
    if family == "point":
        return point(x[0])
    if family != "piecewise" and x[0] == x[-1]:
        return point(x[0])
    if family == "lognormal":
        family, lower = "normal", 0.0 if lower is None else lower
    if family == "metalog":
        coefficients = _fit_metalog(p, x, lower, upper)
    elif family == "normal":
        coefficients = _fit_normal(p, x, lower, upper)
    elif family in ("uniform", "loguniform"):
        coefficients = _fit_uniform(family, p, x)
    else:
        coefficients = ()
    return Marginal(family, p, x, lower, upper, coefficients)


def _check_quantiles(
    family: str, p: tuple[float, ...], x: tuple[float, ...], lower: float | None, upper: float | None
) -> None:
    if len(p) != len(x):
        raise DistributionError(f"{len(p)} probabilities but {len(x)} values")
    need = {"point": (1, 1), "metalog": (3, 3), "piecewise": (2, 99)}.get(family, (2, 3))
    if family in ("uniform", "loguniform"):
        need = (2, 2)
    if not need[0] <= len(x) <= need[1]:
        count = str(need[0]) if need[0] == need[1] else f"{need[0]} to {need[1]}"
        raise DistributionError(f"a {family} distribution needs {count} quantiles, got {len(x)}")
    if not all(math.isfinite(v) for v in x) and family != "point":
        raise DistributionError(f"quantiles must be finite numbers, got {_show(x)}")
    inside = all(0 <= v <= 1 for v in p) and all(a < b for a, b in itertools.pairwise(p))
    if not inside or (family in ("metalog", "normal", "lognormal") and not (p[0] > 0 and p[-1] < 1)):
        raise DistributionError(f"probabilities must rise within 0..1, got {_show(p)}")
    if any(a > b for a, b in itertools.pairwise(x)):
        raise DistributionError(f"quantiles must not fall, got {_show(x)}")
    if lower is not None and upper is not None and not lower < upper:
        raise DistributionError(f"lower bound {lower:g} is not below upper bound {upper:g}")
    if (lower is not None and x[0] < lower) or (lower == x[0] != x[-1] and family == "metalog"):
        raise DistributionError(f"quantile {x[0]:g} is not above the lower bound {lower:g}")
    if (upper is not None and x[-1] > upper) or (upper == x[-1] != x[0] and family == "metalog"):
        raise DistributionError(f"quantile {x[-1]:g} is not below the upper bound {upper:g}")
    if family in ("lognormal", "loguniform") and x[0] <= (lower or 0.0):
        raise DistributionError(f"a {family} distribution needs positive quantiles, got {x[0]:g}")


def _fit_metalog(
    p: tuple[float, ...], x: tuple[float, ...], lower: float | None, upper: float | None
) -> tuple[float, ...]:
    z = to_scale(np.array(x), lower, upper)
    try:
        return metalog_coefficients(p, tuple(float(v) for v in z))
    except DistributionError:
        first, last = metalog_feasible_middle(p, x[0], x[2], lower, upper)
        raise DistributionError(
            f"no three-term metalog has the quantiles {_show(x)}: its quantile function would fall; "
            f"with these ends the middle must lie between {first:.6g} and {last:.6g} "
            "(or use distribution 'piecewise')"
        ) from None


def _fit_normal(
    p: tuple[float, ...], x: tuple[float, ...], lower: float | None, upper: float | None
) -> tuple[float, ...]:
    from scipy.special import ndtri

    with np.errstate(divide="ignore"):
        z = to_scale(np.array(x), lower, upper)
    if not np.all(np.isfinite(z)):
        raise DistributionError(f"quantiles {_show(x)} touch a bound")
    s = ndtri(np.array(p))
    sd = float((z[-1] - z[0]) / (s[-1] - s[0]))
    mean = float(z[0] - sd * s[0])
    if len(x) == 3:
        middle = float(from_scale(np.array([mean + sd * s[1]]), lower, upper)[0])
        if abs(middle - x[1]) > 0.05 * (x[2] - x[0]):
            raise DistributionError(
                f"no normal distribution on this scale has the quantiles {_show(x)}: with these ends the middle "
                f"is {middle:.6g}; use distribution 'metalog', which is free to be skew"
            )
    return mean, sd


def _fit_uniform(family: str, p: tuple[float, ...], x: tuple[float, ...]) -> tuple[float, ...]:
    a, b = (math.log(v) for v in x) if family == "loguniform" else x
    slope = (b - a) / (p[1] - p[0])
    return a - p[0] * slope, slope


def quantile(marginal: Marginal, u: Array) -> Array:
    """Values at probabilities ``u``, any shape, in the unit of the parameter.

    >>> quantile(make_marginal("uniform", (0.0, 1.0), (2.0, 4.0)), np.array([0.25]))
    array([2.5])
    """
    family, c = marginal.family, marginal.coefficients
    if family == "point":
        return np.full(np.shape(u), c[0])
    if family == "piecewise":
        return np.interp(u, marginal.levels, marginal.values)
    if family == "uniform":
        return c[0] + c[1] * u
    if family == "loguniform":
        return np.exp(c[0] + c[1] * u)
    u = np.clip(u, _EDGE, 1.0 - _EDGE)
    if family == "metalog":
        logit = np.log(u / (1.0 - u))
        z = metalog_scale(logit, u, (c[0], c[1], c[2]))
    else:
        from scipy.special import ndtri

        z = c[0] + c[1] * ndtri(u)
    return from_scale(z, marginal.lower, marginal.upper)


def _show(x: Sequence[float]) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in x) + ")"
