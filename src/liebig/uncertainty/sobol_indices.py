"""Total-order Sobol indices: the share of an output's variance that an input takes part in.

    S_T = E[(f(A) - f(A with the input from B))^2] / (2 Var f)

Source: M. J. W. Jansen, "Analysis of variance designs for model output", Computer Physics
Communications 117, 1999; A. Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["jansen_total"]

Array = NDArray[np.float64]


def jansen_total(f_a: Array, f_mixed: Array, seed: int = 0, resamples: int = 200) -> tuple[float, float, float]:
    """Total-order index and its 80 % bootstrap interval.

    Args:
        f_a: ``(n,)`` output at points A.
        f_mixed: ``(n,)`` output at A with one input taken from B.
        seed, resamples: of the bootstrap.

    Returns:
        (estimate, p10, p90); zeros when the output does not vary.

    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.random(4096), rng.random(4096)
    >>> round(jansen_total(a, b)[0], 1)
    1.0
    """
    square = 0.5 * (f_a - f_mixed) ** 2
    variance = float(np.var(f_a))
    if variance <= 0.0:
        return 0.0, 0.0, 0.0
    estimate = float(square.mean()) / variance
    n = len(f_a)
    rng = np.random.default_rng(seed)
    draws = np.empty(resamples)
    for k in range(resamples):
        pick = rng.integers(0, n, n)
        spread = float(np.var(f_a[pick]))
        draws[k] = float(square[pick].mean()) / spread if spread > 0 else 0.0
    low, high = (float(v) for v in np.quantile(draws, (0.1, 0.9)))
    return estimate, low, high
