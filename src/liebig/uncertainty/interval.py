"""An uncertain number as people read it: its median and the two quantiles that hold 80 % between them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.errors import RangeError
from liebig.uncertainty.quantiles import quantiles

__all__ = ["INTERVAL_LEVELS", "Interval"]

Array = NDArray[np.float64]
#: Probabilities of p10, p50 and p90.
INTERVAL_LEVELS = (0.1, 0.5, 0.9)


class Interval(NamedTuple):
    """p10, p50 and p90 of an uncertain number, in its unit.

    A tuple: it unpacks, compares and is a list of three numbers in JSON.  Quantiles of a sum or a product are not the
    sum or product of quantiles, so only what acts on one number and keeps or reverses its order is offered; whatever
    joins two uncertain numbers is done on samples.

    >>> low, middle, high = Interval.of(np.arange(11.0))
    >>> low, middle, high
    (1.0, 5.0, 9.0)
    """

    p10: float
    p50: float
    p90: float

    @classmethod
    def of(cls, samples: ArrayLike) -> Interval:
        """Quantiles of samples ``(n,)``; not a number where there is none, or where any of them is unknown.

        >>> Interval.of([3.0, 1.0, 2.0]).p50, Interval.of([1.0, float("nan")]).p50
        (2.0, nan)
        """
        values = np.asarray(samples, dtype=np.float64)
        if values.ndim != 1:
            raise RangeError(f"samples have the shape {values.shape}; expected one row of numbers")
        if not values.size or np.isnan(values).any():
            return cls.unknown()
        low, middle, high = quantiles(values, INTERVAL_LEVELS).tolist()
        return cls(low, middle, high)

    @classmethod
    def exactly(cls, value: float) -> Interval:
        """A number without uncertainty.

        >>> Interval.exactly(2.0)
        Interval(p10=2.0, p50=2.0, p90=2.0)
        """
        return cls(value, value, value)

    @classmethod
    def unknown(cls) -> Interval:
        """Of a number that nothing is known about."""
        return cls.exactly(float("nan"))

    @property
    def width(self) -> float:
        """Distance from p10 to p90."""
        return self.p90 - self.p10

    def holds(self, value: float, tolerance: float = 0.0) -> bool:
        """True for a value from p10 to p90, both and ``tolerance`` on either side included.

        >>> Interval(1.0, 2.0, 4.0).holds(4.0), Interval(1.0, 2.0, 4.0).holds(0.5)
        (True, False)
        """
        return self.p10 - tolerance <= value <= self.p90 + tolerance

    def scaled(self, factor: float) -> Interval:
        """The number times a known factor; a negative one turns the smallest into the largest.

        >>> Interval(1.0, 2.0, 4.0).scaled(-3.0)
        Interval(p10=-12.0, p50=-6.0, p90=-3.0)
        """
        low, middle, high = self if factor >= 0 else self[::-1]
        return Interval(low * factor, middle * factor, high * factor)

    def inverse(self) -> Interval:
        """One over the number: the largest gives the smallest.

        >>> Interval(1.0, 2.0, 4.0).inverse()
        Interval(p10=0.25, p50=0.5, p90=1.0)

        Raises:
            RangeError: zero lies between p10 and p90, so that one over it has no ends.
        """
        if self.p10 <= 0.0 <= self.p90:
            raise RangeError(f"one over {self.p10:g} to {self.p90:g} has no ends: zero lies between them")
        return Interval(1.0 / self.p90, 1.0 / self.p50, 1.0 / self.p10)

    def at(self, u: Array) -> Array:
        """Values at probabilities ``u``: straight lines through the three, flat beyond them.

        >>> Interval(1.0, 2.0, 4.0).at(np.array([0.0, 0.3, 0.9]))
        array([1. , 1.5, 4. ])
        """
        return np.interp(u, INTERVAL_LEVELS, self)

    def to_dict(self) -> dict[str, float | None]:
        """By name, with 12 significant digits so that files agree between machines; None where unknown or infinite.

        >>> Interval(1.0, 2.0, float("inf")).to_dict()
        {'p10': 1.0, 'p50': 2.0, 'p90': None}
        """
        return {n: float(f"{v:.12g}") if math.isfinite(v) else None for n, v in zip(self._fields, self, strict=True)}

    def columns(self, name: str, *, plain_median: bool = False) -> dict[str, float | None]:
        """As :meth:`to_dict`, named as columns of a table, the median under the plain name where that is wanted.

        >>> Interval(1.0, 2.0, 4.0).columns("days")
        {'days_p10': 1.0, 'days_p50': 2.0, 'days_p90': 4.0}
        >>> list(Interval(1.0, 2.0, 4.0).columns("days", plain_median=True))
        ['days_p10', 'days', 'days_p90']
        """
        named = {f"{name}_{level}": value for level, value in self.to_dict().items()}
        return {k.removesuffix("_p50"): v for k, v in named.items()} if plain_median else named
