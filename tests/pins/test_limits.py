"""Limits, worked out by hand from a few parameters; ``_state`` holds what a test gives and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from liebig.limits import State, Structure
from liebig.limits.capital import firm_h100e
from liebig.limits.power import source_w


def _state(years: dict[str, float] | None = None, **values: float | list[float]) -> State:
    """Parameters by name, the point written as two underscores, and the years in which levels hold."""
    named = {k.replace("__", "."): np.atleast_1d(np.asarray(v, dtype=np.float64)) for k, v in values.items()}
    return State(named, {k.replace("__", "."): v for k, v in (years or {}).items()})


def test_additions_to_a_source_grow_evenly() -> None:
    """1 GW a year for two years; then 4 GW a year, and each year a fifth of that more: after t years 4·(t + 0.1 t²).

    Five years on: 2 + 4·(3 + 0.9) = 17.6 GW.
    """
    s = _state(
        {"power__ai_w": 2026.0}, power__ai_w=1e10, power__gas_turbine_lead_yr=2.0,
        power__gas_turbine_under_way_w_per_yr=1e9, power__gas_turbine_new_w_per_yr=4e9, power__gas_turbine_max_w=1e12,
        power__gas_turbine_w=0.0, power__buildout=1.0, power__additions_growth=1.2,
    )  # fmt: skip
    years = np.array([2026.0, 2027.0, 2028.0, 2029.0, 2031.0])
    got = source_w(s, "gas_turbine", years)[:, 0]
    assert got == pytest.approx([0.0, 1e9, 2e9, 2e9 + 4e9 * 1.1, 17.6e9])


def test_chips_are_bought_at_the_price_of_mid_year() -> None:
    """100 billion USD a year from 2026 on, chips of 40,000 USD at the start of 2026 that fall by 1.44 a year: at
    mid-year 40,000/1.2 and 40,000/1.728 USD, 3 and 4.32 million chips.
    """
    s = _state(
        {"capital__capex_usd": 2026.0, "capital__usd_per_h100e": 2026.0, "capital__firm_h100e": 2026.0,
         "capital__world_product_usd": 2026.0},
        capital__capex_usd=1e11, capital__capex_growth=1.0, capital__capex_growth_long_run=1.0,
        capital__capex_growth_decay_yr=1.0, capital__world_product_usd=1e14, capital__world_product_growth=1.0,
        capital__world_product_share=1.0, capital__compute_share=1.0, capital__usd_per_h100e=40_000.0,
        capital__usd_per_h100e_fall=1.44, capital__firm_h100e=0.0, chips__stock_growth_past=2.0, chips__life_yr=5.0,
        chips__stock_age_yr=1.0,
    )  # fmt: skip
    got = firm_h100e(s, np.array([2026.0, 2027.0, 2028.0]), Structure(retirement=False))[:, 0]
    assert got == pytest.approx([0.0, 3e6, 7.32e6])
