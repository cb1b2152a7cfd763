"""Capital limit: what one firm can buy with its capital spending.

    h = what the firm owned, less retired, + sum over years of capex * compute share / (USD per H100e)
    C = h * share of its chips in the run * FLOP per H100e

Capital spending grows by a factor that decays towards a long-run one, and never exceeds a share
of gross world product.  Not part of Epoch 2024.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.limits.chips import chip_life_yr, kept_of_stock, surviving
from liebig.limits.common import FLOP_PARAMETERS, Structure, flop_per_h100e
from liebig.limits.growth import ln_decaying_growth
from liebig.limits.state import State

__all__ = ["PARAMETERS", "capex_usd", "ceiling", "firm_h100e", "usd_per_h100e"]

Array = NDArray[np.float64]
#: Growth of spending: now, in the long run, and the years in which the one decays to the other.
_GROWTH = ("capital.capex_growth", "capital.capex_growth_long_run", "capital.capex_growth_decay_yr")

PARAMETERS = (
    *FLOP_PARAMETERS,
    "capital.capex_usd",
    *_GROWTH,
    "capital.world_product_usd",
    "capital.world_product_growth",
    "capital.world_product_share",
    "capital.compute_share",
    "capital.usd_per_h100e",
    "capital.usd_per_h100e_fall",
    "capital.run_share",
    "capital.firm_h100e",
    "chips.stock_growth_past",
    "chips.stock_age_yr",
    "chips.life_yr",
)


def usd_per_h100e(p: State, years: Array) -> Array:
    """All-in capital cost of one H100e: chip, server, network, building, power; USD of the base year."""
    return p.path("capital.usd_per_h100e", "capital.usd_per_h100e_fall", years, falling=True)


def capex_usd(p: State, calendar_years: Array) -> Array:
    """AI capital spending of the largest spender in calendar years, USD per year."""
    date = p.year_of("capital.capex_usd")
    spending = p.grown("capital.capex_usd", lambda t: ln_decaying_growth(p, _GROWTH, date, t), calendar_years)
    product = p.path("capital.world_product_usd", "capital.world_product_growth", calendar_years)
    return np.minimum(spending, product * p.at("capital.world_product_share", calendar_years))


def firm_h100e(p: State, years: Array, structure: Structure) -> Array:
    """Chips in service that the firm owns at the start of each year, H100e."""
    base = p.year_of("capital.firm_h100e")
    owned = p.dated("capital.firm_h100e") * kept_of_stock(p, "capital.firm_h100e", years, structure)
    horizon = int(np.ceil(years.max() - base))
    if horizon > 0:
        firsts = base + np.arange(horizon, dtype=float)
        middle = firsts + 0.5
        bought = capex_usd(p, firsts) * p.at("capital.compute_share", middle) / usd_per_h100e(p, middle)
        owned = owned + surviving(bought, firsts, years, chip_life_yr(p, years, structure))
    return owned


def ceiling(p: State, years: Array, structure: Structure) -> Array:
    """Largest run that one firm's chips allow, FLOP, ``(len(years), n)``."""
    share = np.minimum(p.at("capital.run_share", years), 1.0)
    return firm_h100e(p, years, structure) * share * flop_per_h100e(p, years)
