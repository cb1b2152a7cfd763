"""Drift: whether the scores of calls are still like those of the calibration."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.errors import InputError

__all__ = ["Drift", "drift_of"]

Array = NDArray[np.float64]
#: Smallest distance between distributions of scores that matters, however many calls there are.
LEAST_DRIFT = 0.05


@dataclass(frozen=True)
class Drift:
    """Distance of Kolmogorov and Smirnov between the scores of calls and those of the calibration."""

    distance: float
    threshold: float
    calls: int
    calibrated: int

    @property
    def warning(self) -> str | None:
        """What to do about it, None when the scores are alike."""
        if self.distance <= self.threshold:
            return None
        return (
            f"the prompts have changed since calibration (distance of scores {self.distance:.3f}, above "
            f"{self.threshold:.3f}): quality may differ from what was promised; label recent calls and calibrate again"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and the warning."""
        return asdict(self) | {"warning": self.warning}


def drift_of(scores: Array, calibration: Array) -> Drift:
    """Compare the scores of calls with those of the calibration.

    The threshold is that of the two-sample test at 1 %, sqrt(-ln(0.005) / 2 * (n + m) / (n m)), and at least
    ``LEAST_DRIFT``, as many calls show differences that do not matter.

    >>> drift_of(np.linspace(0, 1, 500), np.linspace(0, 1, 400)).warning is None
    True
    >>> round(drift_of(np.linspace(0.5, 1, 500), np.linspace(0, 1, 400)).distance, 2)
    0.5
    """
    a, b = np.sort(scores), np.sort(calibration)
    if not (len(a) and len(b) and np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("drift: expected two arrays of finite scores that are not empty")
    at = np.concatenate([a, b])
    gaps = np.searchsorted(a, at, side="right") / len(a) - np.searchsorted(b, at, side="right") / len(b)
    critical = float(np.sqrt(-np.log(0.005) / 2 * (len(a) + len(b)) / (len(a) * len(b))))
    return Drift(float(np.abs(gaps).max()), max(critical, LEAST_DRIFT), len(a), len(b))
