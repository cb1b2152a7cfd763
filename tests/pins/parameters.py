"""All parameters of the limits with round values, so that ceilings can be worked out by hand.

One H100e does 1e15·0.5 FLOP/s for 1e7 s: 5e21 FLOP; it takes 1,000 W. Levels hold in 2026, and nothing grows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from liebig.limits import Change, State
from liebig.limits.power import SOURCES

__all__ = ["change", "state"]

VALUES = {
    "run.peak_flop_per_s": 1e15, "run.precision_gain": 1.0, "run.low_precision_year": 2024.0,
    "run.utilisation": 0.5, "run.duration_s": 1e7,
    "run.training_fraction": 1.0, "run.share": 0.25,
    "power.new_site_factor": 1.0,
    "power.facility_w": 1000.0, "power.efficiency_growth": 1.0, "power.facility_floor_w": 10.0,
    "power.ai_w": 1e9, "power.ai_growth_past": 2.0, "power.ai_factor": 1.0, "power.network_factor": 1.0,
    "power.buildout": 1.0, "power.additions_growth": 1.0, "power.dc_w": 2e9, "power.dc_growth": 1.0,
    "power.non_ai_growth": 1.0, "power.national_capacity_w": 1e12, "power.national_capacity_growth": 1.0,
    "power.campus_now_w": 1e8, "power.campus_w": 1e8, "power.campus_growth": 1.0, "power.ring_km": 5000.0,
    "power.bandwidth_bit_per_s": 1e15, "power.bandwidth_growth": 1.0, "power.network_batch_tokens": 5.52e7,
    "power.gradient_bits": 8.0,
    "cooling.closed_loop_now_share": 0.5, "cooling.closed_loop_share": 0.5, "cooling.closed_loop_pue_penalty": 0.12,
    "cooling.sea_share": 0.0, "cooling.sea_pue": 1.08, "cooling.pue": 1.2, "cooling.wue_l_per_kwh": 1.0,
    "chips.stock_h100e": 1e6, "chips.stock_growth_past": 2.0, "chips.stock_age_yr": 1.0, "chips.stock_factor": 1.0,
    "chips.production_h100e_per_yr": 1e6, "chips.production_factor": 1.0, "chips.growth_initial": 1.0,
    "chips.growth_long_run": 1.0, "chips.growth_decay_yr": 2.0, "chips.performance_growth": 1.0, "chips.life_yr": 4.0,
    "chips.packaging_wafers_per_month": 0.0, "chips.packaging_h100e_per_wafer": 10.0, "chips.hbm_bytes_per_yr": 0.0,
    "chips.hbm_growth": 1.0, "chips.hbm_bytes_per_h100e": 8e10, "chips.hbm_bytes_per_h100e_growth": 1.0,
    "chips.wafers_per_month": 0.0, "chips.foundry_capex_growth": 1.0, "chips.volume_per_capex": 1.0,
    "chips.dies_per_wafer": 25.0, "chips.euv_tools": 0.0, "chips.euv_tools_per_yr": 0.0, "chips.euv_w_per_tool": 1e9,
    "chips.euv_ai_share": 0.5,
    "data.text_tokens": 1e13, "data.images": 0.0, "data.video_s": 0.0, "data.audio_s": 0.0,
    "data.tokens_per_image": 10.0, "data.tokens_per_audio_s": 5.0, "data.multimodal_factor": 1.0, "data.growth": 1.0,
    "data.quality": 1.0, "data.epochs": 1.0, "data.repetition_constant": 15.39, "data.synthetic_factor": 1.0,
    "data.tokens_per_parameter": 20.0, "data.moe_tokens_factor": 1.0,
    "latency.batch_tokens": 24_000.0, "latency.batch_tokens_literal": 12_000.0, "latency.batch_exponent": 0.25,
    "latency.batch_anchor_parameters": 1e12, "latency.batch_anchor_parameters_literal": 1e12, "latency.layers": 100.0,
    "latency.layer_anchor_parameters": 1e12, "latency.layer_exponent": 0.3, "latency.operations_per_layer": 8.0,
    "latency.kernel_s": 2e-6, "latency.base_s": 1e-6, "latency.intra_node_s": 1e-6, "latency.inter_node_s": 1e-6,
    "latency.chips_per_node": 8.0, "latency.tokens_per_chip": 4096.0, "latency.wall_flop_mechanism": 1e30,
    "latency.wall_duration_s": 1e7, "latency.wall_duration_exponent": 2.0, "latency.wall_batch_tokens": 1e7,
    "latency.wall_batch_anchor": 1e7, "latency.wall_batch_exponent": 1.5, "latency.wall_latency_exponent": -0.5,
    "latency.wall_layers_s": 1.0,
    "capital.capex_usd": 1e11, "capital.capex_growth": 1.0, "capital.capex_growth_long_run": 1.0,
    "capital.capex_growth_decay_yr": 2.0, "capital.world_product_usd": 1e14, "capital.world_product_growth": 1.0,
    "capital.world_product_share": 0.01, "capital.compute_share": 0.8, "capital.usd_per_h100e": 40_000.0,
    "capital.usd_per_h100e_fall": 1.0, "capital.run_share": 0.5, "capital.firm_h100e": 1e6,
    "water.site_m3_per_day": 24.0, "water.sites": 1.0,
    "demand.elasticity": 1.5, "effective.compute_gain": 1.0,
}  # fmt: skip
VALUES |= {f"power.{s}_{what}": 0.0 for s in SOURCES for what in ("under_way_w_per_yr", "lead_yr", "new_w_per_yr", "w")}
VALUES |= {f"power.{s}_max_w": 1e12 for s in SOURCES}
#: Levels with other years than 2026.
YEARS = {"cooling.closed_loop_share": 2036.0, "power.campus_w": 2028.0}


def state(changes: Iterable[Change] = (), **values: float | list[float]) -> State:
    """Round parameters, with some values changed; the point of a name is written as two underscores."""
    changed = {k.replace("__", "."): v for k, v in values.items()}
    assert set(changed) <= set(VALUES), f"no such parameters: {sorted(set(changed) - set(VALUES))}"
    arrays = {k: np.atleast_1d(np.asarray(v, dtype=np.float64)) for k, v in (VALUES | changed).items()}
    return State(arrays, dict.fromkeys(VALUES, 2026.0) | YEARS, tuple(changes))


def change(name: str, op: str, effect: float, from_year: float = -np.inf, ramp_yr: float = 0.0) -> Change:
    """A change that is the same in all futures."""
    return Change(name, op, np.array([effect]), from_year, ramp_yr)  # type: ignore[arg-type]
