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
from numpy.typing import NDArray

__all__ = ["FEATURES", "Spread"]

Array = NDArray[np.float64]
#: What a situation is told by; each is 0 or 1, or a share.
FEATURES = ("always", "chip not seen", "family not seen", "software not seen", "layout open", "experts", "small step")


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
