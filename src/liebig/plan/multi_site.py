"""Runs over several sites: what exchanging gradients, or weights every so many steps, adds to a step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SiteLink", "exchange_s"]

Array = NDArray[np.float64]
#: Kilometres per second of light in a fibre.
FIBRE_KM_PER_S = 2.0e5
#: Bytes per parameter that an exchange sends: gradients or weight changes in two bytes.
BYTES = 2.0


@dataclass(frozen=True)
class SiteLink:
    """Sites that share a run: how many, how far apart, bytes per second each way, steps between exchanges."""

    sites: int = 1
    distance_km: float = 1000.0
    bandwidth: float = 1.25e13
    inner_steps: int = 1


def exchange_s(link: SiteLink, parameters: ArrayLike) -> Array:
    """Seconds that exchanges add to each step, on average.

    A ring of ``k`` sites sends ``2 (k − 1)/k`` of the gradients each way and takes ``2 (k − 1)`` hops of light
    in fibre; done every ``H`` steps (DiLoCo, arXiv:2311.08105), each step bears one H-th of it.

    >>> link = SiteLink(sites=2, distance_km=1000, bandwidth=1.25e12)
    >>> round(float(exchange_s(link, 70e9)), 3)
    0.122
    >>> round(float(exchange_s(SiteLink(2, 1000, 1.25e12, 100), 70e9)), 5)
    0.00122
    """
    n = np.asarray(parameters, dtype=np.float64)
    if link.sites <= 1:
        return np.zeros_like(n)
    k = float(link.sites)
    sent = 2.0 * (k - 1.0) / k * BYTES * n / link.bandwidth
    light = 2.0 * (k - 1.0) * link.distance_km / FIBRE_KM_PER_S
    return (sent + light) / link.inner_steps
