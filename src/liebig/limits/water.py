"""Water limit: the power that the water granted to a run's sites can cool.

    W_run = sites * water per site and day / (24 h * WUE of the mix)
    C     = W_run / (W per H100e) * FLOP per H100e

A site of 4 million US gallons a day at 0.5 L/kWh cools 1.26 GW.  Closed loops and sea water use
no fresh water; they lift this limit and pay with a higher or lower PUE (see cooling).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.limits import cooling
from liebig.limits.common import Structure, flop_per_h100e
from liebig.limits.power import PER_CHIP_PARAMETERS, facility_w_per_h100e
from liebig.limits.state import State

__all__ = ["PARAMETERS", "ceiling", "coolable_w"]

Array = NDArray[np.float64]

PARAMETERS = ("water.site_m3_per_day", "water.sites", "cooling.wue_l_per_kwh", *PER_CHIP_PARAMETERS)
#: Below this the mix is taken to need no water at all, L/kWh.
_DRY = 1e-9


def coolable_w(water_m3_per_day: Array, l_per_kwh: Array) -> Array:
    """Power that a flow of water can cool, W; infinite when no water is needed.

    >>> round(float(coolable_w(np.array(4 * 3785.412), np.array(0.5))) / 1e9, 2)
    1.26
    """
    kwh_per_day = 1e3 * water_m3_per_day / np.maximum(l_per_kwh, _DRY)
    return np.where(l_per_kwh > _DRY, kwh_per_day * 1e3 / 24.0, np.inf)


def ceiling(p: State, years: Array, structure: Structure) -> Array:
    """Largest run that the sites' water can cool, FLOP, broadcastable to ``(len(years), n)``."""
    sites = 1.0 if structure.single_campus else p.at("water.sites", years)
    run_w = coolable_w(sites * p.at("water.site_m3_per_day", years), cooling.water_l_per_kwh(p, years))
    return run_w / facility_w_per_h100e(p, years) * flop_per_h100e(p, years)
