"""What a run of a given size would be in a given year: chips, power, tokens, money, water."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liebig.limits import State, cooling
from liebig.limits.capital import usd_per_h100e
from liebig.limits.common import flop_per_h100e, parameters_of_flop
from liebig.limits.power import facility_w_per_h100e

__all__ = ["QUANTITIES", "describe_run"]

Array = NDArray[np.float64]

#: quantity -> (unit, what it is)
QUANTITIES: Mapping[str, tuple[str, str]] = {
    "power_w": ("W", "facility power while it runs"),
    "h100e": ("H100e", "chips"),
    "duration_s": ("s", "duration"),
    "tokens": ("tokens", "training tokens of the compute-optimal model"),
    "parameters": ("parameters", "active parameters of the compute-optimal model"),
    "energy_j": ("J", "facility energy of the whole run"),
    "capital_usd": ("USD", "cost of building what it runs on"),
    "run_usd": ("USD", "cost of the run: hardware written off over its depreciation, plus electricity"),
    "water_m3_per_day": ("m3/day", "fresh water for cooling"),
}
_SECONDS_PER_YEAR = 365.25 * 86400.0
_J_PER_KWH = 3.6e6


def describe_run(p: State, years: Array, flop: Array) -> dict[str, Array]:
    """Quantities of a run of ``flop`` in each year, in the units of :data:`QUANTITIES`.

    Args:
        p: sampled parameters.
        years: ``(years,)``.
        flop: ``(years, n)``.

    Returns:
        quantity -> ``(years, n)``.
    """
    h100e = flop / flop_per_h100e(p, years)
    power_w = h100e * facility_w_per_h100e(p, years)
    duration_s = p.at("run.duration_s", years)
    ratio = p.at("data.tokens_per_parameter", years) * p.at("data.moe_tokens_factor", years)
    parameters = parameters_of_flop(flop, ratio)
    energy_j = power_w * duration_s
    # what it would cost to build in that year; the capital limit buys its chips over the years before
    capital_usd = h100e * usd_per_h100e(p, years)
    written_off = duration_s / (_SECONDS_PER_YEAR * p.at("capital.depreciation_yr", years))
    electricity = energy_j / _J_PER_KWH * p.at("capital.electricity_usd_per_kwh", years)
    kwh_per_day = power_w * 86400.0 / _J_PER_KWH
    return {
        "power_w": power_w,
        "h100e": h100e,
        "duration_s": np.broadcast_to(duration_s, flop.shape),
        "tokens": ratio * parameters,
        "parameters": parameters,
        "energy_j": energy_j,
        "capital_usd": capital_usd,
        "run_usd": capital_usd * np.minimum(written_off, 1.0) + electricity,
        "water_m3_per_day": kwh_per_day * cooling.water_l_per_kwh(p, years) / 1e3,
    }
