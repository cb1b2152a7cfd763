"""Power limit: how much electricity one run can have, on one campus or over a network of sites.

    C       = max(campus / (W per H100e of new sites), network / (W per H100e of the fleet)) * FLOP per H100e
    network = share of the run * national AI power, where the bandwidth between its sites allows

National AI power is built from a portfolio of sources, each with work under way, a lead time for
what is decided now, and yearly additions (structure ``portfolio``), or grows as in Epoch 2024
(structure ``growth``) with the sources of a scenario on top.

A run over several sites must also exchange gradients: an all-reduce takes ``2 N 8 / F + 2 t``
with F the bandwidth and ``t = km / 2e5`` the light's way; with D = 20 N tokens in batches of B
``20 N (16 N / F + 2 t) = T B`` gives the largest model and ``C = 120 N^2``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.limits import cooling
from liebig.limits.common import FLOP_PARAMETERS, Structure, flop_per_h100e
from liebig.limits.state import State

__all__ = [
    "PARAMETERS",
    "SOURCES",
    "ai_power_w",
    "bandwidth_ceiling",
    "campus_w",
    "ceiling",
    "facility_w_per_h100e",
    "portfolio_w",
    "source_w",
]

Array = NDArray[np.float64]

#: Sources of the portfolio, in the order in which they are shown.
SOURCES = (
    "grid",
    "gas_turbine",
    "recip_gas",
    "solar_storage",
    "wind",
    "geothermal",
    "nuclear",
    "smr",
    "fusion",
    "offshore_gas",
)
PER_CHIP_PARAMETERS = (
    *FLOP_PARAMETERS,
    "power.facility_w",
    "power.efficiency_growth",
    "power.facility_floor_w",
    *cooling.POWER_PARAMETERS,
)
PARAMETERS = (
    *PER_CHIP_PARAMETERS,
    "power.new_site_factor",
    "run.share",
    "power.ai_w",
    "power.ai_growth_past",
    "power.ai_factor",
    "power.network_factor",
    "power.buildout",
    "power.additions_growth",
    *(f"power.{s}_{what}" for s in SOURCES for what in ("under_way_w_per_yr", "lead_yr", "new_w_per_yr", "max_w", "w")),
    "power.dc_w",
    "power.dc_growth",
    "power.non_ai_growth",
    "power.national_capacity_w",
    "power.national_capacity_growth",
    "power.campus_now_w",
    "power.campus_w",
    "power.campus_growth",
    "power.ring_km",
    "power.bandwidth_bit_per_s",
    "power.bandwidth_growth",
    "power.network_batch_tokens",
    "power.gradient_bits",
    "data.tokens_per_parameter",
)
#: Speed of light in glass fibre, km/s: c / 1.5.
_KM_PER_S = 2.0e5


def facility_w_per_h100e(p: State, years: Array) -> Array:
    """Facility power per H100e of the fleet, W: falls with efficiency down to a physical floor, times the cooling mix.

    It is what must be built; on average about four fifths of it are drawn.

    Source of the floor: A. Ho, E. Erdil & T. Besiroglu, "Limits to the energy efficiency of CMOS
    microprocessors", 2023, arXiv:2312.08595.
    """
    trend = p.path("power.facility_w", "power.efficiency_growth", years, falling=True)
    return np.maximum(trend, p.at("power.facility_floor_w", years)) * cooling.facility_factor(p, years)


def source_w(p: State, source: str, years: Array) -> Array:
    """Power that one source adds for AI since the base year, W.

    Work under way delivers at its rate until the lead time has passed; from then on what is
    decided in the base year delivers ``new`` per year, growing evenly.  Both scale with the
    common build-out factor, the total is capped, and ``power.<source>_w`` adds what a scenario
    or a lever states outright.  A rate that changes from a year on counts from then on.
    """
    names = (
        f"power.{source}_under_way_w_per_yr",
        f"power.{source}_lead_yr",
        f"power.{source}_new_w_per_yr",
        "power.additions_growth",
        "power.buildout",
    )
    built = p.integral(names, _built_w, p.year_of("power.ai_w"), years)
    return np.minimum(built, p.at(f"power.{source}_max_w", years)) + p.at(f"power.{source}_w", years)


def _built_w(under_way: Array, lead: Array, new: Array, growth: Array, buildout: Array, elapsed: Array) -> Array:
    """Power added in the years since the base year, at constant parameters, W."""
    ahead = np.maximum(elapsed, 0.0)
    before, after = np.minimum(ahead, lead), np.maximum(ahead - lead, 0.0)
    speeding = 1.0 + 0.5 * after * (growth - 1.0)
    return (under_way * before + new * after * speeding) * buildout


def portfolio_w(p: State, years: Array) -> dict[str, Array]:
    """Power added by each source since the base year, W; sources that add nothing are left out."""
    out = {}
    for source in SOURCES:
        names = [f"power.{source}_{what}" for what in ("under_way_w_per_yr", "new_w_per_yr", "w")]
        if p.changes_of(names) or any(np.any(p[n] != 0.0) for n in names):
            out[source] = source_w(p, source, years)
    return out


def ai_power_w(p: State, years: Array, structure: Structure) -> Array:
    """Power of national AI data centres, W."""
    base = p.year_of("power.ai_w")
    if structure.supply == "growth":
        total = np.minimum(
            p.path("power.dc_w", "power.dc_growth", years),
            p.path("power.national_capacity_w", "power.national_capacity_growth", years),
        )
        non_ai = (p.dated("power.dc_w") - p.dated("power.ai_w", of="power.dc_w")) * np.exp(_ln_non_ai(p, years))
        existing = np.maximum(total - non_ai, 0.0)
    else:
        back = p.ln_growth("power.ai_growth_past", base, np.minimum(years, base))
        existing = p.dated("power.ai_w") * np.exp(back)
    for added in portfolio_w(p, years).values():
        existing = existing + added
    return existing * p.at("power.ai_factor", years)


def _ln_non_ai(p: State, years: Array) -> Array:
    """Ln growth of data centres outside AI, which do not outgrow all data centres."""

    def total(growth: Array, all_growth: Array, elapsed: Array) -> Array:
        return np.minimum(np.log(growth), np.log(all_growth)) * elapsed

    def rate(growth: Array, all_growth: Array, elapsed: Array) -> Array:
        return np.minimum(np.log(growth), np.log(all_growth))

    return p.integral(("power.non_ai_growth", "power.dc_growth"), total, p.year_of("power.dc_w"), years, rate)


def campus_w(p: State, years: Array) -> Array:
    """Power of the largest single campus, W.

    Even growth between two dated levels; later it grows by a factor per year, earlier it is
    smaller as national AI power was.
    """
    first, last = p.year_of("power.campus_now_w"), p.year_of("power.campus_w")
    now, then = p.dated("power.campus_now_w"), p.at("power.campus_w", years)
    weight = ((np.clip(years, first, last) - first) / (last - first))[:, None]
    before = p.ln_growth("power.ai_growth_past", first, np.minimum(years, first))
    after = p.ln_growth("power.campus_growth", last, np.maximum(years, last))
    return now * np.exp(np.log(then / now) * weight + before + after)


def bandwidth_ceiling(p: State, years: Array) -> Array:
    """Largest run that can exchange its gradients between sites, FLOP.

    Source: Sevilla et al., Epoch AI, 2024, section on geographically distributed training.
    """
    k = p.at("data.tokens_per_parameter", years)
    bandwidth = p.path("power.bandwidth_bit_per_s", "power.bandwidth_growth", years)
    per_parameter_s = k * 2.0 * p.at("power.gradient_bits", years) / bandwidth
    flight_s = k * 2.0 * p.at("power.ring_km", years) / _KM_PER_S
    budget = p.at("run.duration_s", years) * p.at("power.network_batch_tokens", years)
    root = np.sqrt(flight_s * flight_s + 4.0 * per_parameter_s * budget)
    # 2 c / (b + sqrt(b^2 + 4 a c)): the root that does not cancel
    n = 2.0 * budget / (flight_s + root)
    return 6.0 * k * n * n


def ceiling(p: State, years: Array, structure: Structure) -> Array:
    """Largest run that can be powered, FLOP, ``(len(years), n)``."""
    flop_per_w = flop_per_h100e(p, years) / facility_w_per_h100e(p, years)
    # the largest campus is new, and its chips need less than those of the fleet
    campus = campus_w(p, years) * flop_per_w / p.at("power.new_site_factor", years)
    if structure.single_campus:
        return campus
    share = np.minimum(p.at("run.share", years), 1.0)
    network_w = share * p.at("power.network_factor", years) * ai_power_w(p, years, structure)
    network = network_w * flop_per_w
    if structure.inter_site_bandwidth:
        network = np.minimum(network, bandwidth_ceiling(p, years))
    return np.maximum(campus, network)
