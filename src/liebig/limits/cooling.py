"""Heat rejection: how sites are cooled, and what that costs in water and power.

Three kinds: evaporative (uses water, the reference PUE), closed loop or dry (no water, a PUE
penalty) and sea water (no fresh water, its own PUE).  Shares are of AI power in a year.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.limits.state import State

__all__ = ["POWER_PARAMETERS", "closed_loop_share", "facility_factor", "water_l_per_kwh"]

Array = NDArray[np.float64]

#: Parameters that :func:`facility_factor` reads.
POWER_PARAMETERS = (
    "cooling.closed_loop_now_share",
    "cooling.closed_loop_share",
    "cooling.closed_loop_pue_penalty",
    "cooling.sea_share",
    "cooling.sea_pue",
    "cooling.pue",
)


def closed_loop_share(p: State, years: Array) -> Array:
    """Share of AI power cooled by closed loops: an S-curve (straight on the logit scale) through two dated levels."""
    first, last = p.year_of("cooling.closed_loop_now_share"), p.year_of("cooling.closed_loop_share")
    weight = (years[:, None] - first) / (last - first)
    now, then = _logit(p.dated("cooling.closed_loop_now_share")), _logit(p.at("cooling.closed_loop_share", years))
    return 1.0 / (1.0 + np.exp(-(now + weight * (then - now))))


def _logit(share: Array) -> Array:
    inside = np.clip(share, 1e-9, 1.0 - 1e-9)
    return np.log(inside / (1.0 - inside))


def _shares(p: State, years: Array) -> tuple[Array, Array]:
    """(closed loop, sea): the sea share comes off both other kinds alike."""
    sea = np.clip(p.at("cooling.sea_share", years), 0.0, 1.0)
    return closed_loop_share(p, years) * (1.0 - sea), sea


def facility_factor(p: State, years: Array) -> Array:
    """Facility power per chip relative to the year in which it was measured, through the mix of cooling.

    A site that moves from evaporative to closed-loop cooling needs ``penalty`` more PUE; one
    cooled by the sea has its own PUE.
    """
    then = np.array([p.year_of("power.facility_w")])
    closed, sea = _shares(p, years)
    closed0, sea0 = _shares(p.without_changes(), then)
    pue, penalty = p.at("cooling.pue", years), p.at("cooling.closed_loop_pue_penalty", years)
    sea_gain = p.at("cooling.sea_pue", years) - pue
    return 1.0 + (penalty * (closed - closed0) + sea_gain * (sea - sea0)) / pue


def water_l_per_kwh(p: State, years: Array) -> Array:
    """Fresh water per kWh over the mix of cooling, L/kWh."""
    closed, sea = _shares(p, years)
    return p.at("cooling.wue_l_per_kwh", years) * np.maximum(1.0 - closed - sea, 0.0)
