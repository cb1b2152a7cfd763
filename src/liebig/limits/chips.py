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
from liebig.limits.state import State

__all__ = ["PARAMETERS", "annual_production", "ceiling", "decaying_growth", "production_caps", "stock_h100e"]

Array = NDArray[np.float64]

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
    "power.efficiency_growth",
)


def decaying_growth(initial: Array, long_run: Array, decay_yr: Array, elapsed_yr: Array) -> Array:
    """Ln of a level relative to its start, when ln growth decays from one rate towards another.

    ``integral of g_inf + (g_0 - g_inf) exp(-s / tau) ds`` with ``g = ln(growth factor)``; before
    the start the initial rate holds.

    >>> float(np.exp(decaying_growth(np.array(1.5), np.array(1.5), np.array(3.0), np.array(2.0))))
    2.25
    """
    g0, g1 = np.log(initial), np.log(long_run)
    ahead = np.maximum(elapsed_yr, 0.0)
    decayed = decay_yr * -np.expm1(-ahead / decay_yr)
    return g1 * ahead + (g0 - g1) * decayed + g0 * np.minimum(elapsed_yr, 0.0)


def production_caps(p: State, years: Array) -> dict[str, Array]:
    """H100e per year that each part of the supply chain allows.

    ``packaging``: interposer wafers; ``hbm``: memory; ``wafers``: leading-edge wafers (Epoch 2024);
    ``lithography``: EUV tools.  A cap of 0 wafers, bytes or tools in the parameters means that
    the set does not state it, and it is left out.
    """
    out: dict[str, Array] = {}
    performance = _performance(p, years)
    growth = np.exp(_units_growth(p, "chips.packaging_wafers_per_month", years))
    packaging = p.at("chips.packaging_wafers_per_month", years)
    if np.any(packaging > 0):
        out["packaging"] = 12.0 * packaging * growth * p.at("chips.packaging_h100e_per_wafer", years) * performance
    hbm = p.at("chips.hbm_bytes_per_yr", years)
    if np.any(hbm > 0):
        supply = hbm * _hbm_growth(p, years)
        need = p.path("chips.hbm_bytes_per_h100e", "chips.hbm_bytes_per_h100e_growth", years)
        out["hbm"] = supply / need
    wafers = p.at("chips.wafers_per_month", years)
    if np.any(wafers > 0):
        capex = p.at("chips.volume_per_capex", years) * (p.at("chips.foundry_capex_growth", years) - 1.0)
        elapsed = years[:, None] - p.year_of("chips.wafers_per_month")
        since = _performance(p, years, p.year_of("chips.wafers_per_month"))
        out["wafers"] = 12.0 * wafers * np.exp(np.log1p(capex) * elapsed) * p.at("chips.dies_per_wafer", years) * since
    tools = p.at("chips.euv_tools", years)
    if np.any(tools > 0):
        elapsed = years[:, None] - p.year_of("chips.euv_tools")
        watts = np.maximum(tools + p.at("chips.euv_tools_per_yr", years) * elapsed, 0.0)
        watts = watts * p.at("chips.euv_w_per_tool", years) * p.at("chips.euv_ai_share", years)
        # the power chips are designed for: running them below it (a lever on facility_w) makes no silicon
        designed = p.without_changes().path("power.facility_w", "power.efficiency_growth", years, falling=True)
        out["lithography"] = watts / designed
    return out


def _performance(p: State, years: Array, since: float | None = None) -> Array:
    """Performance of a chip relative to the year ``since`` (default: that of the production)."""
    start = p.year_of("chips.production_h100e_per_yr") if since is None else since
    return np.exp(np.log(p["chips.performance_growth"])[None, :] * (years[:, None] - start))


def _units_growth(p: State, level: str, years: Array) -> Array:
    """Ln growth of units since the year of ``level``."""
    start = p.year_of(level)
    return decaying_growth(
        p["chips.growth_initial"], p["chips.growth_long_run"], p["chips.growth_decay_yr"], years[:, None] - start
    )


def _hbm_growth(p: State, years: Array) -> Array:
    elapsed = years[:, None] - p.year_of("chips.hbm_bytes_per_yr")
    return np.exp(
        decaying_growth(p["chips.hbm_growth"], p["chips.growth_long_run"], p["chips.growth_decay_yr"], elapsed)
    )


def annual_production(p: State, first_years: Array) -> Array:
    """Chips made in the year that begins at each of ``first_years``, H100e, ``(len(first_years), n)``."""
    middle = first_years + 0.5
    plan = p.at("chips.production_h100e_per_yr", middle)
    plan = plan * np.exp(_units_growth(p, "chips.production_h100e_per_yr", middle)) * _performance(p, middle)
    for cap in production_caps(p, middle).values():
        plan = np.minimum(plan, cap)
    # sinh(g / 2) / (g / 2) of the plan's growth in that year, as its series
    square = 0.25 * _growth_rate(p, middle) ** 2
    within_year = 1.0 + square / 6.0 * (1.0 + square / 20.0)
    return plan * within_year * p.at("chips.production_factor", middle)


def _growth_rate(p: State, years: Array) -> Array:
    """Ln growth per year of the plan, units and performance, at a date."""
    elapsed = np.maximum(years[:, None] - p.year_of("chips.production_h100e_per_yr"), 0.0)
    g0, g1 = np.log(p["chips.growth_initial"]), np.log(p["chips.growth_long_run"])
    units = g1 + (g0 - g1) * np.exp(-elapsed / p["chips.growth_decay_yr"])
    return units + np.log(p["chips.performance_growth"])


def stock_h100e(p: State, years: Array, structure: Structure) -> Array:
    """Chips in service at the start of each year, H100e, ``(len(years), n)``.

    ``years`` may be any years; production is integrated over whole years from the year of the
    stock and the last, broken year pro rata.
    """
    base = p.year_of("chips.stock_h100e")
    stock0 = p.at("chips.stock_h100e", years)
    elapsed = years[:, None] - base
    past = np.exp(np.log(p["chips.stock_growth_past"])[None, :] * np.minimum(elapsed, 0.0))
    life = p["chips.life_yr"][None, :]
    kept = survival(p["chips.stock_age_yr"][None, :] + np.maximum(elapsed, 0.0), life) if structure.retirement else 1.0
    stock = stock0 * past * kept
    horizon = int(np.ceil(years.max() - base))
    if horizon > 0:
        firsts = base + np.arange(horizon, dtype=float)
        made = annual_production(p, firsts)
        stock = stock + surviving(made, firsts, years, life if structure.retirement else None)
    return stock * p.at("chips.stock_factor", years)


def surviving(made: Array, firsts: Array, years: Array, life: Array | None) -> Array:
    """Sum over cohorts of what is still in service in ``years``.

    Args:
        made: ``(cohorts, n)`` added during the year that begins at ``firsts``.
        firsts: ``(cohorts,)``.
        years: ``(years,)``.
        life: ``(1, n)`` mean life in years, or None when nothing retires.
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
            total[here] += part[here, None] * cohort[None, :] * survival(age[:, None], life)
    return total


def ceiling(p: State, years: Array, structure: Structure) -> Array:
    """Largest run that the chips in service allow, FLOP, ``(len(years), n)``."""
    share = np.minimum(p.at("run.share", years), 1.0)
    return stock_h100e(p, years, structure) * share * flop_per_h100e(p, years)
