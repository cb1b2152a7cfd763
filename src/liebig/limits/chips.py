"""Chip limit: the stock of AI chips, what adds to it, what leaves it, and one run's share.

    C     = stock * share * FLOP per H100e
    stock = what was there, less retired, + sum over years of production that has not retired
    production = min(plan, packaging, HBM, wafers, lithography) * performance

All in H100-equivalents.  The plan starts at the measured flow and grows by a factor that decays
towards a long-run one.  Years are integrated with the exact factor for steady growth,
``sinh(g / 2) / (g / 2)`` times the rate at mid-year.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.limits.common import FLOP_PARAMETERS, Structure, flop_per_h100e, survival
from liebig.limits.growth import decaying_rate, ln_decaying_growth
from liebig.limits.state import State

__all__ = [
    "PARAMETERS",
    "annual_production",
    "ceiling",
    "chip_life_yr",
    "kept_of_stock",
    "production_caps",
    "stock_h100e",
    "surviving",
]

Array = NDArray[np.float64]
_PRODUCTION, _PERFORMANCE = "chips.production_h100e_per_yr", "chips.performance_growth"
_PACKAGING, _HBM, _WAFERS = "chips.packaging_wafers_per_month", "chips.hbm_bytes_per_yr", "chips.wafers_per_month"
#: Growth of units: at the start, in the long run, and the years in which the one decays to the other.
_UNITS = ("chips.growth_initial", "chips.growth_long_run", "chips.growth_decay_yr")

PARAMETERS = (
    *FLOP_PARAMETERS,
    "run.share",
    "chips.stock_h100e",
    "chips.stock_growth_past",
    "chips.stock_age_yr",
    "chips.stock_factor",
    "chips.production_h100e_per_yr",
    "chips.production_factor",
    "chips.growth_initial",
    "chips.growth_long_run",
    "chips.growth_decay_yr",
    "chips.performance_growth",
    "chips.life_yr",
    "chips.packaging_wafers_per_month",
    "chips.packaging_h100e_per_wafer",
    "chips.hbm_bytes_per_yr",
    "chips.hbm_growth",
    "chips.hbm_bytes_per_h100e",
    "chips.hbm_bytes_per_h100e_growth",
    "chips.wafers_per_month",
    "chips.foundry_capex_growth",
    "chips.volume_per_capex",
    "chips.dies_per_wafer",
    "chips.euv_tools",
    "chips.euv_tools_per_yr",
    "chips.euv_w_per_tool",
    "chips.euv_ai_share",
    "power.facility_w",
    "power.new_site_factor",
    "power.efficiency_growth",
)


def production_caps(p: State, years: Array) -> dict[str, Array]:
    """H100e per year that each part of the supply chain allows.

    ``packaging``: interposer wafers; ``hbm``: memory; ``wafers``: leading-edge wafers (Epoch 2024);
    ``lithography``: EUV tools.  A cap of 0 wafers, bytes or tools in the parameters means that
    the set does not state it; it is left out, and where it is stated from a year on, it is infinite before.
    """
    out: dict[str, Array] = {}
    performance = np.exp(_ln_performance(p, years))
    packaging = p.grown(_PACKAGING, lambda t: _ln_units(p, _PACKAGING, t), years)
    if np.any(packaging > 0):
        cap = 12.0 * packaging * p.at("chips.packaging_h100e_per_wafer", years) * performance
        out["packaging"] = _where_stated(packaging, cap)
    hbm = p.grown(_HBM, lambda t: _ln_hbm(p, t), years)
    if np.any(hbm > 0):
        need = p.path("chips.hbm_bytes_per_h100e", "chips.hbm_bytes_per_h100e_growth", years)
        out["hbm"] = _where_stated(hbm, hbm / need)
    wafers = p.grown(_WAFERS, lambda t: _ln_wafers(p, t), years)
    if np.any(wafers > 0):
        since = np.exp(p.ln_growth(_PERFORMANCE, p.year_of(_WAFERS), years))
        out["wafers"] = _where_stated(wafers, 12.0 * wafers * p.at("chips.dies_per_wafer", years) * since)
    first = p.dated("chips.euv_tools")
    if np.any(first > 0):
        added = p.integral(["chips.euv_tools_per_yr"], lambda v, t: v * t, p.year_of("chips.euv_tools"), years)
        watts = np.maximum(first + added, 0.0)
        watts = watts * p.at("chips.euv_w_per_tool", years) * p.at("chips.euv_ai_share", years)
        # the power chips are designed for: running them below it (a lever on facility_w) makes no silicon
        designed = p.without_changes("power.facility_w").path(
            "power.facility_w", "power.efficiency_growth", years, falling=True
        )
        out["lithography"] = _where_stated(first, watts / (designed * p.at("power.new_site_factor", years)))
    return out


def _where_stated(level: Array, cap: Array) -> Array:
    return cap if np.all(level > 0) else np.where(level > 0, cap, np.inf)


def _ln_performance(p: State, years: Array) -> Array:
    """Ln performance of a chip relative to the year of the production."""
    return p.ln_growth(_PERFORMANCE, p.year_of(_PRODUCTION), years)


def _ln_units(p: State, level: str, years: Array) -> Array:
    """Ln growth of units since the year of ``level``."""
    return ln_decaying_growth(p, _UNITS, p.year_of(level), years)


def _ln_hbm(p: State, years: Array) -> Array:
    """Ln growth of the bytes of memory made per year."""
    return ln_decaying_growth(p, ("chips.hbm_growth", *_UNITS[1:]), p.year_of(_HBM), years)


def _ln_wafers(p: State, years: Array) -> Array:
    """Ln growth of leading-edge wafers: what foundries invest, times the volume that an investment brings."""

    def total(volume: Array, capex: Array, elapsed: Array) -> Array:
        return np.log1p(volume * (capex - 1.0)) * elapsed

    def rate(volume: Array, capex: Array, elapsed: Array) -> Array:
        return np.log1p(volume * (capex - 1.0))

    names = ("chips.volume_per_capex", "chips.foundry_capex_growth")
    return p.integral(names, total, p.year_of(_WAFERS), years, rate)


def annual_production(p: State, first_years: Array) -> Array:
    """Chips made in the year that begins at each of ``first_years``, H100e, ``(len(first_years), n)``."""
    middle = first_years + 0.5
    plan = p.grown(_PRODUCTION, lambda t: _ln_units(p, _PRODUCTION, t) + _ln_performance(p, t), middle)
    for cap in production_caps(p, middle).values():
        plan = np.minimum(plan, cap)
    # sinh(g / 2) / (g / 2) of the plan's growth in that year, as its series
    square = 0.25 * _growth_rate(p, middle) ** 2
    within_year = 1.0 + square / 6.0 * (1.0 + square / 20.0)
    return plan * within_year * p.at("chips.production_factor", middle)


def _growth_rate(p: State, years: Array) -> Array:
    """Ln growth per year of the plan, units and performance, at a date."""
    elapsed = np.maximum(years[:, None] - p.year_of(_PRODUCTION), 0.0)
    initial, long_run, decay = (p.at(name, years) for name in _UNITS)
    return decaying_rate(initial, long_run, decay, elapsed) + np.log(p.at(_PERFORMANCE, years))


def stock_h100e(p: State, years: Array, structure: Structure) -> Array:
    """Chips in service at the start of each year, H100e, ``(len(years), n)``.

    ``years`` may be any years; production is integrated over whole years from the year of the
    stock and the last, broken year pro rata.
    """
    base = p.year_of("chips.stock_h100e")
    stock = p.dated("chips.stock_h100e") * kept_of_stock(p, "chips.stock_h100e", years, structure)
    horizon = int(np.ceil(years.max() - base))
    if horizon > 0:
        firsts = base + np.arange(horizon, dtype=float)
        made = annual_production(p, firsts)
        stock = stock + surviving(made, firsts, years, chip_life_yr(p, years, structure))
    return stock * p.at("chips.stock_factor", years)


def kept_of_stock(p: State, counted: str, years: Array, structure: Structure) -> Array:
    """What is in service in ``years`` of a stock ``counted`` at its date, as a share of it, ``(len(years), n)``.

    Before the date the stock was smaller, as it grew then; after it chips retire.
    """
    base = p.year_of(counted)
    past = np.exp(p.ln_growth("chips.stock_growth_past", base, np.minimum(years, base)))
    life = chip_life_yr(p, years, structure)
    if life is None:
        return past
    age = p.at("chips.stock_age_yr", np.array([base])) + np.maximum(years[:, None] - base, 0.0)
    return past * survival(age, life)


def chip_life_yr(p: State, years: Array, structure: Structure) -> Array | None:
    """Service life that decides in each year which chips still run; None where nothing retires."""
    return p.at("chips.life_yr", years) if structure.retirement else None


def surviving(made: Array, firsts: Array, years: Array, life: Array | None) -> Array:
    """Sum over cohorts of what is still in service in ``years``.

    Args:
        made: ``(cohorts, n)`` added during the year that begins at ``firsts``.
        firsts: ``(cohorts,)``.
        years: ``(years,)``.
        life: ``(1, n)`` or ``(years, n)``, the mean life that holds in each year, or None when nothing retires.
    """
    total = np.zeros((len(years), made.shape[1]))
    for first, cohort in zip(firsts, made, strict=True):
        part = np.clip(years - first, 0.0, 1.0)
        here = part > 0.0
        if not here.any():
            continue
        if life is None:
            total[here] += part[here, None] * cohort[None, :]
        else:
            age = years[here] - first - 0.5 * part[here]
            now = life if len(life) == 1 else life[here]
            total[here] += part[here, None] * cohort[None, :] * survival(age[:, None], now)
    return total


def ceiling(p: State, years: Array, structure: Structure) -> Array:
    """Largest run that the chips in service allow, FLOP, ``(len(years), n)``."""
    share = np.minimum(p.at("run.share", years), 1.0)
    return stock_h100e(p, years, structure) * share * flop_per_h100e(p, years)
