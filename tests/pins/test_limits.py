"""Limits, worked out by hand from round parameters (``parameters``): nothing grows unless a test says so."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from liebig.errors import UnknownNameError
from liebig.levers.rank import make_bench
from liebig.limits import LIMITS, State, Structure, capital, ceilings, chips, cooling, latency, power, touched, water
from liebig.limits import data as data_limit
from liebig.limits.common import flop_per_h100e, parameters_of_flop, survival
from pins.parameters import change, state

PLAIN = Structure(tuple(LIMITS))
NO_END = replace(PLAIN, retirement=False)


def _years(*years: float) -> Any:
    return np.array(years)


# ---- what limits share


def test_a_chip_s_part_of_a_run() -> None:
    """2e15 FLOP/s · 1.5 · 0.4 · 1e7 s · 0.8 of the compute = 9.6e21; no more than all of the peak."""
    s = state(run__peak_flop_per_s=2e15, run__precision_gain=1.5, run__utilisation=[0.4, 2.0],
              run__training_fraction=0.8)  # fmt: skip
    assert flop_per_h100e(s, _years(2030.0))[0] == pytest.approx([9.6e21, 2.4e22])


def test_the_compute_optimal_model() -> None:
    """C = 6 N D and D = 20 N: 1.2e26 FLOP are 1e12 parameters."""
    flop = np.array([1.2e26, 4.8e26])
    assert parameters_of_flop(flop, np.array(20.0)) == pytest.approx([1e12, 2e12])


def test_chips_leave_between_half_and_one_and_a_half_lives() -> None:
    assert survival(np.array([1.9, 2.0, 3.0, 4.0, 6.0, 7.0]), np.array(4.0)).tolist() == [1, 1, 0.75, 0.5, 0, 0]


@pytest.mark.parametrize(
    ("op", "effect", "values"),
    [
        ("mul", 4.0, [10, 10, 20, 40, 40]),
        ("add", 4.0, [10, 10, 12, 14, 14]),
        ("set", 4.0, [10, 10, 7, 4, 4]),
        ("max", 14.0, [10, 10, 12, 14, 14]),
        ("max", 4.0, [10, 10, 10, 10, 10]),
    ],
)
def test_changes_that_build_up(op: str, effect: float, values: list[float]) -> None:
    """From 2030 on over four years: nothing, half (on the logarithmic scale for factors), all."""
    s = state([change("run.share", op, effect, 2030.0, 4.0)], run__share=10.0)
    assert s.at("run.share", _years(2029.0, 2030.0, 2032.0, 2034.0, 2040.0))[:, 0] == pytest.approx(values)


@pytest.mark.parametrize(
    ("op", "effect", "values"),
    [
        ("mul", 4.0, [10, 40, 40]),
        ("add", 4.0, [10, 14, 14]),
        ("set", 4.0, [10, 4, 4]),
        ("max", 14.0, [10, 14, 14]),
        ("growth", 2.0, [10, 10, 40]),
    ],
)
def test_changes_at_once(op: str, effect: float, values: list[float]) -> None:
    """Nothing before 2030; a growth of 2 doubles each year after it."""
    s = state([change("run.share", op, effect, 2030.0)], run__share=10.0)
    assert np.broadcast_to(s.at("run.share", _years(2029.0, 2030.0, 2032.0)), (3, 1))[:, 0] == pytest.approx(values)
    assert s.at("run.share", _years(2029.0)).tolist() == [[10.0]]


def test_changes_one_after_the_other() -> None:
    """(10 + 2)·3 is not 10·3 + 2; other parameters stay; without changes all is as before."""
    s = state([change("run.share", "add", 2.0), change("run.share", "mul", 3.0)], run__share=10.0)
    year = _years(2030.0)
    assert s.at("run.share", year) == 36.0
    assert s.at("run.duration_s", year) == 1e7
    assert s.without_changes().at("run.share", year) == 10.0
    assert s.with_changes([change("run.share", "mul", 0.5)]).at("run.share", year) == 18.0
    assert [c.op for c in s.changes_of(["run.share"])] == ["add", "mul"]
    assert s.changes_of(["run.duration_s"]) == ()


def test_a_level_that_grows_or_falls() -> None:
    """100 in 2026, 1.5 a year: 225 two years on, 100/1.5 a year before; falling, the other way."""
    s = State({"a": np.array([100.0]), "g": np.array([1.5, 2.0])}, {"a": 2026.0})
    assert s.path("a", "g", _years(2025.0, 2026.0, 2028.0)) == pytest.approx(
        np.array([[100 / 1.5, 50], [100, 100], [225, 400]])
    )
    assert s.path("a", "g", _years(2028.0), falling=True) == pytest.approx(np.array([[100 / 2.25, 25]]))


def test_parameters_that_do_not_exist() -> None:
    s = state()
    with pytest.raises(UnknownNameError, match=r"run\.share"):
        s.at("run.shar", _years(2030.0))
    with pytest.raises(UnknownNameError, match="dated parameter"):
        State({"a": np.array([1.0])}, {}).year_of("a")


@pytest.mark.parametrize(
    ("limit", "stretched"),
    [("power", 3.0), ("chips", 3.0), ("data", 1.0), ("latency", 1.0), ("capital", 3.0), ("water", 3.0)],
)
def test_what_a_gain_in_effective_flop_stretches(limit: str, stretched: float) -> None:
    """Three times as much from each operation that chips do; tokens and time stay as they are."""
    bench = make_bench(state(), 2030.0, Structure(limits=(limit,)), {}, 1)
    assert bench.lowest_effective(None, np.array([3.0])) == pytest.approx(stretched * bench.lowest())
    assert list(LIMITS) == ["power", "chips", "data", "latency", "capital", "water"]  # a new one is a case above


def test_limits_by_name_and_what_moves_them() -> None:
    found = ceilings(state(), _years(2030.0), Structure(limits=("water", "data")))
    assert list(found) == ["water", "data"]
    assert list(ceilings(state(), _years(2030.0), PLAIN, ["chips"])) == ["chips"]
    assert touched(["data.quality", "water.sites"]) == ("data", "water")
    assert touched(["run.training_fraction"]) == ("power", "chips", "capital", "water")
    assert touched(["latency.layers"]) == ("latency",)


# ---- cooling and water


def test_closed_loops_spread_along_an_s_curve() -> None:
    """A fifth in 2026 and a half in 2036 are -ln 4 and 0 on the logit scale: 1/3 half way, 4/5 ten years later."""
    s = state(cooling__closed_loop_now_share=0.2)
    got = cooling.closed_loop_share(s, _years(2026.0, 2031.0, 2036.0, 2046.0))[:, 0]
    assert got == pytest.approx([0.2, 1 / 3, 0.5, 0.8])
    all_of_it = state(cooling__closed_loop_now_share=1.0, cooling__closed_loop_share=1.0)
    assert cooling.closed_loop_share(all_of_it, _years(2030.0)) == pytest.approx(np.array([[1.0]]))


def test_cooling_costs_power_and_saves_water() -> None:
    """From a fifth to a half closed loops: 0.12·0.3/1.2 = 3 % more power, and half of the water. With half at the sea
    from 2030 on, a quarter each: (0.12·0.05 - 0.12·0.5)/1.2 = 4.5 % less power, a quarter of the water.
    """
    dry = {"cooling__closed_loop_now_share": 0.2, "cooling__wue_l_per_kwh": 1.5}
    years = _years(2026.0, 2036.0)
    assert cooling.facility_factor(state(**dry), years)[:, 0] == pytest.approx([1.0, 1.03])
    assert cooling.water_l_per_kwh(state(**dry), years)[:, 0] == pytest.approx([1.2, 0.75])
    sea = state([change("cooling.sea_share", "set", 0.5, 2030.0)], **dry)
    assert cooling.facility_factor(sea, years)[:, 0] == pytest.approx([1.0, 0.955])
    assert cooling.water_l_per_kwh(sea, years)[:, 0] == pytest.approx([1.2, 0.375])
    # a fifth at the sea from the beginning on: 0.8 of the closed loops, and none of the sea's power is new
    early = state(**dry, cooling__sea_share=0.2)
    assert cooling.facility_factor(early, years)[:, 0] == pytest.approx([1.0, 1 + 0.8 * 0.03])
    whole = state([change("cooling.sea_share", "set", 3.0)], **dry)
    assert cooling.water_l_per_kwh(whole, years)[:, 0] == pytest.approx([0.0, 0.0])
    # three times all of it at the sea is all: a fifth of closed loops less, (1.08 - 1.2 - 0.12·0.2)/1.2 = -12 %
    assert cooling.facility_factor(whole, years)[:, 0] == pytest.approx([0.88, 0.88])
    less = state([change("cooling.sea_share", "set", -3.0)], **dry)
    assert cooling.facility_factor(less, years)[:, 0] == pytest.approx([1.0, 1.03])


def test_water_cools_power() -> None:
    """24 m³ a day are 24,000 kWh a day at 1 L/kWh: 1 MW; any power where none is needed."""
    assert water.coolable_w(np.array([24.0, 48.0]), np.array([1.0, 0.5])) == pytest.approx([1e6, 4e6])
    assert water.coolable_w(np.array(1.0), np.array(0.0)) == np.inf


def test_the_ceiling_of_water() -> None:
    """Half closed loops: 0.5 L/kWh, 2 MW a site, 2,000 chips of 5e21 FLOP; three sites three times that."""
    years = _years(2030.0)
    assert water.ceiling(state(), years, PLAIN) == pytest.approx(np.array([[1e25]]))
    assert water.ceiling(state(water__sites=3.0), years, PLAIN) == pytest.approx(np.array([[3e25]]))
    assert water.ceiling(state(water__sites=3.0), years, replace(PLAIN, single_campus=True)) == pytest.approx(
        np.array([[1e25]])
    )


# ---- data


def test_epochs_are_worth_less_and_less() -> None:
    """1 + R (1 - exp(-4/R)) with R = 4: 1 + 4·0.632121; less than one pass at face value."""
    worth = data_limit.epochs_worth(np.array([0.5, 1.0, 5.0]), np.array(4.0))
    assert worth == pytest.approx([0.5, 1.0, 3.528482])


def test_tokens_of_text_pictures_and_sound() -> None:
    """(1e13 + 0.5·(10·(2e11 + 3e11) + 5·4e11))·1.1² · 0.8 · 2 · 1.5: 13.5e12·1.21·2.4 = 3.9204e13."""
    values = {
        "data__images": 2e11, "data__video_s": 3e11, "data__audio_s": 4e11, "data__multimodal_factor": 0.5,
        "data__growth": 1.1, "data__quality": 0.8, "data__epochs": 2.0, "data__synthetic_factor": 1.5,
    }  # fmt: skip
    face = replace(PLAIN, repetition_decay=False)
    years = _years(2028.0)
    assert data_limit.effective_tokens(state(**values), years, face) == pytest.approx(np.array([[3.9204e13]]))
    text = replace(PLAIN, repetition_decay=False, multimodal=False)
    assert data_limit.effective_tokens(state(**values), years, text) == pytest.approx(np.array([[1e13 * 1.21 * 2.4]]))
    decayed = data_limit.effective_tokens(state(**values, data__repetition_constant=4.0), years, PLAIN)
    assert decayed == pytest.approx(np.array([[3.9204e13 * (1 + 4 * (1 - math.exp(-0.25))) / 2]]))
    assert data_limit.effective_tokens(state(data__quality=1.5), years, PLAIN) == 1e13


def test_the_ceiling_of_data() -> None:
    """6·(1e13)²/(20·2) = 1.5e25 FLOP."""
    s = state(data__moe_tokens_factor=2.0)
    assert data_limit.ceiling(s, _years(2030.0), PLAIN) == pytest.approx(np.array([[1.5e25]]))


# ---- latency


def test_the_wall_of_latency() -> None:
    """N = 1e12, D = 2e13, C = 1.2e26 on C/(1e7·5e14) = 24,000 chips: G = √(24,000·4,096/24,000) = 64 chips a layer,
    log2(64/8) = 3 doublings beyond a node. A layer takes 8·(2 + 1 + 2·(3·1 + 1·3)) = 120 µs; 100 layers and
    2e13/24,000 steps take 1e7 s.
    """
    got = latency.ceiling(state(), _years(2030.0, 2035.0), replace(PLAIN, latency="calibrated"))
    assert np.broadcast_to(got, (2, 1))[:, 0] == pytest.approx([1.2e26, 1.2e26], rel=1e-9)


def test_the_wall_of_latency_read_literally() -> None:
    """Chips twice as fast in 2027: 12,000 of them, with a batch of 12,000 tokens 64 a layer again. 100 layers and
    2e13/12,000 steps take 1e7 s at 60 µs a layer: 8·(0.5 + 0.4 + 2·(3·0.1 + 1·3)).
    """
    quick = {"latency__kernel_s": 0.5e-6, "latency__base_s": 0.4e-6, "latency__intra_node_s": 0.1e-6}
    s = state(**quick, chips__performance_growth=2.0)
    got = latency.ceiling(s, _years(2027.0), replace(PLAIN, latency="literal"))
    assert got == pytest.approx(np.array([[1.2e26]]), rel=1e-9)


def test_the_wall_of_latency_within_a_node() -> None:
    """Nodes of 128 chips: no doublings, 8·(2 + 1 + 6) = 72 µs a layer. With equal exponents of layers and batch the
    model grows as 1/72: 120/72 as large, C as its square.
    """
    s = state(latency__chips_per_node=1e6, latency__batch_exponent=0.3)
    got = latency.ceiling(s, _years(2030.0), replace(PLAIN, latency="calibrated"))
    assert got == pytest.approx(np.array([[1.2e26 * (120 / 72) ** 2]]), rel=1e-9)
    # 98.8 of 100 chips: what a doubling beyond a node takes, however long, changes nothing
    for doubling in (1e-6, 1e-4, 1e-2):
        near = state(latency__chips_per_node=100.0, latency__batch_exponent=0.3, latency__inter_node_s=doubling)
        got = latency.ceiling(near, _years(2030.0), replace(PLAIN, latency="calibrated"))
        assert got == pytest.approx(np.array([[1.2e26 * (120 / 72) ** 2]]), rel=1e-9), doubling
    # chips run at no more than their peak
    fast = state(latency__batch_exponent=0.3, run__utilisation=[1.0, 2.0])
    both = latency.ceiling(fast, _years(2030.0), replace(PLAIN, latency="calibrated"))[0]
    assert both[0] == both[1]


def test_the_wall_of_latency_where_doublings_take_all_the_time() -> None:
    """Nothing but 2.5 µs a doubling: three of them, there and back, in 8 operations are 120 µs a layer as above."""
    quick = {"latency__kernel_s": 1e-18, "latency__base_s": 1e-18, "latency__intra_node_s": 1e-18}
    s = state(**quick, latency__inter_node_s=2.5e-6)
    got = latency.ceiling(s, _years(2030.0), replace(PLAIN, latency="calibrated"))
    assert got == pytest.approx(np.array([[1.2e26]]), rel=1e-9)


def test_runs_at_the_wall_of_latency_take_all_of_their_time() -> None:
    """The equations of ``latency``, from the run that was found to its seconds, for parameters a hundred times as
    large or small as they are.
    """
    rng = np.random.default_rng(5)
    n = 20_000

    def about(middle: float) -> Any:
        return middle * 10.0 ** rng.uniform(-2.0, 2.0, n)

    v = {
        "run.duration_s": about(1e7), "run.peak_flop_per_s": about(1e15), "latency.batch_tokens": about(1e7),
        "latency.layers": about(100.0), "latency.chips_per_node": about(8.0), "latency.tokens_per_chip": about(4096.0),
        "latency.kernel_s": about(2e-6), "latency.base_s": about(1e-6), "latency.intra_node_s": about(1e-6),
        "latency.inter_node_s": about(1e-6), "latency.batch_exponent": rng.uniform(0.1, 0.5, n),
        "latency.layer_exponent": rng.uniform(0.1, 0.5, n),
    }  # fmt: skip
    found = latency.ceiling(state(**v), _years(2030.0), replace(PLAIN, latency="calibrated"))[0]
    size = np.sqrt(found / 120)
    batch = v["latency.batch_tokens"] * (size / 1e12) ** v["latency.batch_exponent"]
    layers = v["latency.layers"] * (size / 1e12) ** v["latency.layer_exponent"]
    used = found / (v["run.duration_s"] * 0.5 * v["run.peak_flop_per_s"])
    split = np.sqrt(used * v["latency.tokens_per_chip"] / batch) / v["latency.chips_per_node"]
    crossing = v["latency.inter_node_s"] * np.log2(np.maximum(split, 1.0))
    each = 8 * (v["latency.kernel_s"] + v["latency.base_s"] + 2 * (3 * v["latency.intra_node_s"] + crossing))
    assert each * layers * 20 * size / batch == pytest.approx(v["run.duration_s"], rel=1e-9)
    assert 0.2 < np.mean(split < 1.0) < 0.8


def test_the_wall_that_the_planner_finds() -> None:
    """1e30 FLOP, moved by twice the time squared, four times the batch to 3/2, and layers that take 1/√ of theirs:
    100·8·(9 + 2·1·log₂ 1024) µs = 23.2 ms.
    """
    s = state(run__duration_s=2e7, latency__wall_batch_tokens=4e7)
    slow = 100 * 8 * (9e-6 + 20e-6)
    got = latency.ceiling(s, _years(2030.0), replace(PLAIN, latency="mechanism"))
    assert got == pytest.approx(np.array([[1e30 * 4 * 8 / math.sqrt(slow)]]))


# ---- power


def test_power_of_a_chip_falls_to_a_floor() -> None:
    """1,000 W in 2026, 2 times less a year: 250 W two years on; not below 400 W; cooling on top of that."""
    s = state(power__efficiency_growth=2.0, power__facility_floor_w=[10.0, 400.0])
    assert power.facility_w_per_h100e(s, _years(2026.0, 2028.0)) == pytest.approx(np.array([[1000, 1000], [250, 400]]))
    drier = state(cooling__closed_loop_now_share=0.2)
    assert power.facility_w_per_h100e(drier, _years(2036.0)) == pytest.approx(np.array([[1030.0]]))


def test_additions_to_a_source_grow_evenly() -> None:
    """1 GW a year for two years; then 4 GW a year, and each year a fifth of that more: after t years 4·(t + 0.1 t²).

    Five years on: 2 + 4·(3 + 0.9) = 17.6 GW.
    """
    s = state(power__gas_turbine_lead_yr=2.0, power__gas_turbine_under_way_w_per_yr=1e9,
              power__gas_turbine_new_w_per_yr=4e9, power__additions_growth=1.2)  # fmt: skip
    got = power.source_w(s, "gas_turbine", _years(2020.0, 2026.0, 2027.0, 2028.0, 2029.0, 2031.0))[:, 0]
    assert got == pytest.approx([0.0, 0.0, 1e9, 2e9, 2e9 + 4e9 * 1.1, 17.6e9])


def test_a_source_has_a_cap_and_what_is_stated_on_top() -> None:
    """1 GW a year for four years, twice the build-out, no more than 5 GW; 3 GW of a scenario come on top."""
    s = state(power__wind_lead_yr=4.0, power__wind_under_way_w_per_yr=1e9, power__buildout=2.0, power__wind_max_w=5e9,
              power__wind_w=3e9)  # fmt: skip
    assert power.source_w(s, "wind", _years(2027.0, 2030.0))[:, 0] == pytest.approx([5e9, 8e9])


def test_sources_that_add_nothing_are_left_out() -> None:
    s = state([change("power.smr_w", "add", 1e9, 2032.0)], power__wind_w=1e9, power__nuclear_lead_yr=3.0)
    assert list(power.portfolio_w(s, _years(2030.0))) == ["wind", "smr"]


def test_national_power_from_a_portfolio() -> None:
    """1 GW in 2026, half of it a year before; 1 GW of wind a year on top; a factor of 1.5 on all."""
    s = state(power__wind_lead_yr=9.0, power__wind_under_way_w_per_yr=1e9, power__ai_factor=1.5)
    got = power.ai_power_w(s, _years(2025.0, 2026.0, 2028.0), replace(PLAIN, supply="portfolio"))[:, 0]
    assert got == pytest.approx([0.75e9, 1.5e9, 4.5e9])


def test_national_power_that_grows() -> None:
    """2 GW of data centres that grow by 1.2 a year, half of them not for AI and growing by 1.1: two years on
    2.88 - 1.21 = 1.67 GW; no more than a capacity of 2.5 GW: 1.29 GW; non-AI grows no faster than all.
    """
    growing = {"power__dc_growth": 1.2, "power__non_ai_growth": 1.1}
    structure = replace(PLAIN, supply="growth")
    years = _years(2026.0, 2028.0)
    got = power.ai_power_w(state(**growing), years, structure)[:, 0]
    assert got == pytest.approx([1e9, 1.67e9])
    capped = state(**growing, power__national_capacity_w=2.5e9)
    assert power.ai_power_w(capped, years, structure)[:, 0] == pytest.approx([1e9, 1.29e9])
    full = state(**growing, power__national_capacity_w=1e8, power__smr_w=3e8)
    assert power.ai_power_w(full, years, structure)[:, 0] == pytest.approx([3e8, 3e8])
    slow = state(power__dc_growth=1.2, power__non_ai_growth=1.5)
    assert power.ai_power_w(slow, years, structure)[:, 0] == pytest.approx([1e9, 1.44e9])


def test_the_largest_campus() -> None:
    """0.1 GW in 2026 and 0.4 GW in 2028: 0.2 GW between; then 1.5 a year; the year before, half."""
    s = state(power__campus_w=4e8, power__campus_growth=1.5)
    got = power.campus_w(s, _years(2025.0, 2026.0, 2027.0, 2028.0, 2030.0))[:, 0]
    assert got == pytest.approx([5e7, 1e8, 2e8, 4e8, 9e8])


def test_gradients_between_sites() -> None:
    """20 N (16 N / 1e15 + 2·5,000/2e5) = 1e7·5.52e7: for N = 4e13 5.12e14 + 0.4e14. C = 120 N² = 1.92e29.

    The bandwidth doubles each year: for N = 4e13·√2 and no distance, C is twice 120·N² of 5.52e14/3.2e-13.
    """
    assert power.bandwidth_ceiling(state(), _years(2026.0)) == pytest.approx(np.array([[1.92e29]]))
    near = state(power__ring_km=0.0, power__bandwidth_growth=2.0)
    assert power.bandwidth_ceiling(near, _years(2027.0)) == pytest.approx(np.array([[120 * 5.52e14 / 1.6e-13]]))


def test_the_ceiling_of_power() -> None:
    """5e18 FLOP a watt. A campus of 0.1 GW: 5e26; a quarter of 1.2 GW in a network: 1.5e27, if bandwidth allows it."""
    years = _years(2030.0)
    s = state(power__network_factor=1.2)
    assert power.ceiling(s, years, PLAIN) == pytest.approx(np.array([[1.5e27]]))
    assert power.ceiling(s, years, replace(PLAIN, single_campus=True)) == pytest.approx(np.array([[5e26]]))
    assert power.ceiling(state(run__share=[0.05, 4.0]), years, PLAIN) == pytest.approx(np.array([[5e26, 5e27]]))
    # 120 N² = 9.6e26 where 20 N·0.05·2 = 2 N s of flight leave nothing for bytes
    slow = {"power__bandwidth_bit_per_s": 1e30, "power__network_batch_tokens": 2.82842712e5}
    assert power.ceiling(state(**slow), years, PLAIN) == pytest.approx(np.array([[9.6e26]]))
    free = replace(PLAIN, inter_site_bandwidth=False)
    assert power.ceiling(state(**slow), years, free) == pytest.approx(np.array([[1.25e27]]))


# ---- chips


def test_caps_of_the_supply_chain() -> None:
    """In 2028, two years on. Packaging: 12·1,000 wafers·1.5²·10 chips·1.2². Memory: 8e16 bytes·1.5²/(8e10·1.1²).

    Wafers: 12·1,000·(1 + 0.5·0.4)²·25·1.2². EUV: (10 + 5·2)·1e9·0.5 W for chips of 1,000/2² W.
    """
    s = state(
        chips__growth_initial=1.5, chips__growth_long_run=1.5, chips__performance_growth=1.2,
        chips__packaging_wafers_per_month=1000.0, chips__hbm_bytes_per_yr=8e16, chips__hbm_growth=1.5,
        chips__hbm_bytes_per_h100e_growth=1.1, chips__wafers_per_month=1000.0, chips__volume_per_capex=0.5,
        chips__foundry_capex_growth=1.4, chips__euv_tools=10.0, chips__euv_tools_per_yr=5.0,
        power__efficiency_growth=2.0,
    )  # fmt: skip
    got = {k: float(v[0, 0]) for k, v in chips.production_caps(s, _years(2028.0)).items()}
    assert got == pytest.approx(
        {
            "packaging": 12_000 * 2.25 * 10 * 1.44,
            "hbm": 1e6 * 2.25 / 1.21,
            "wafers": 12_000 * 1.44 * 25 * 1.44,
            "lithography": 1e10 / 250,
        }
    )
    assert chips.production_caps(state(), _years(2028.0)) == {}
    # running chips below the power they were made for makes no silicon
    capped = s.with_changes([change("power.facility_w", "mul", 0.5)])
    assert chips.production_caps(capped, _years(2028.0))["lithography"] == pytest.approx(np.array([[4e7]]))
    # tools do not become fewer than none
    gone = s.with_changes([change("chips.euv_tools_per_yr", "set", -50.0)])
    assert chips.production_caps(gone, _years(2028.0))["lithography"] == 0.0


def test_production_of_a_year() -> None:
    """1e6 a year in 2026 that grow by 1.8·1.25 = 2.25: at the middle of the year 1.5e6, over the year
    (2.25 - 1)/ln 2.25 of the start; a factor of 1.1. A cap of 1.2e6 at the middle of the year is 0.8 of the plan.
    """
    growing = {"chips__growth_initial": 1.8, "chips__growth_long_run": 1.8, "chips__performance_growth": 1.25}
    s = state(**growing, chips__production_factor=1.1)
    year = 1.25 / math.log(2.25)
    assert chips.annual_production(s, _years(2026.0, 2027.0))[:, 0] == pytest.approx(
        [1.1e6 * year, 1.1e6 * 2.25 * year], rel=1e-5
    )
    capped = state(**growing, chips__packaging_wafers_per_month=10_000.0 / 1.5)
    assert chips.annual_production(capped, _years(2026.0))[:, 0] == pytest.approx([0.8e6 * year], rel=1e-5)


def test_growth_of_units_decays() -> None:
    """From 1.5 to 1.1 with a time of two years: two years on ln is 2·ln 1.1 + 2·(1 - 1/e)·ln(1.5/1.1).

    Of the rate then, ln 1.1 + ln(1.5/1.1)/e, the year makes sinh(g/2)/(g/2) of the middle.
    """
    s = state(chips__growth_initial=1.5, chips__growth_long_run=1.1)
    level = 1e6 * math.exp(2 * math.log(1.1) + 2 * (1 - 1 / math.e) * math.log(1.5 / 1.1))
    half = 0.5 * (math.log(1.1) + math.log(1.5 / 1.1) / math.e)
    got = chips.annual_production(s, _years(2027.5))[0, 0]
    assert got == pytest.approx(level * math.sinh(half) / half, rel=1e-6)
    # before its start units grew at the first rate
    assert chips.annual_production(s, _years(2024.5))[0, 0] == pytest.approx(
        1e6 / 1.5 * math.sinh(0.5 * math.log(1.5)) / (0.5 * math.log(1.5)), rel=1e-5
    )


def test_cohorts_that_survive() -> None:
    """100 made in 2026, a life of 4 years: all until 2 years old, (1.5 - 3.5/4) of them at the start of 2030; a quarter
    of a year makes a quarter, 0.125 years old on average.
    """
    made, first = np.array([[100.0], [10.0]]), _years(2026.0, 2027.0)
    life = np.array([[4.0]])
    got = chips.surviving(made, first, _years(2026.0, 2026.25, 2027.0, 2030.0, 2033.0), life)[:, 0]
    assert got == pytest.approx([0.0, 25.0, 100.0, 62.5 + 10 * 0.875, 10 * 0.125])
    assert chips.surviving(made, first, _years(2027.5, 2050.0), None)[:, 0] == pytest.approx([105.0, 110.0])
    assert chips.surviving(made, first, _years(2026.25), np.array([[0.1]]))[0, 0] == pytest.approx(25 * 0.25)


def test_the_stock_of_chips() -> None:
    """1 million in 2026, half a million a year before; one million a year on top. With retirement those of 2026, a year
    old then, are 4 in 2029: half of them stay; cohorts of 0.5 and 1.5 years all do, of 2.5 7/8.
    """
    years = _years(2025.0, 2026.0, 2027.5, 2029.0)
    assert chips.stock_h100e(state(), years, NO_END)[:, 0] == pytest.approx([0.5e6, 1e6, 2.5e6, 4e6])
    got = chips.stock_h100e(state(chips__stock_factor=2.0), years, PLAIN)[:, 0]
    assert got == pytest.approx([1e6, 2e6, 2 * (1e6 * (1.5 - 2.5 / 4) + 1.5e6), 2 * (0.5e6 + 2.875e6)])


def test_the_ceiling_of_chips() -> None:
    """Two million chips in 2027 and a quarter of them, or all, for one run of 5e21 FLOP a chip."""
    s = state(run__share=[0.25, 2.0])
    assert chips.ceiling(s, _years(2027.0), NO_END) == pytest.approx(np.array([[2.5e27, 1e28]]))


# ---- capital


def test_spending_grows_and_ends_at_a_share_of_the_world_s_product() -> None:
    """100 billion USD in 2026 that grow by 1.5: 225 billion two years on; 1 % of 100 trillion that grow by 1.1."""
    s = state(capital__capex_growth=1.5, capital__capex_growth_long_run=1.5, capital__world_product_growth=1.1)
    got = capital.capex_usd(s, _years(2026.0, 2028.0, 2036.0))[:, 0]
    assert got == pytest.approx([1e11, 2.25e11, 1e12 * 1.1**10])
    decaying = state(capital__capex_growth=1.5, capital__capex_growth_long_run=1.1)
    ln = 2 * math.log(1.1) + 2 * (1 - 1 / math.e) * math.log(1.5 / 1.1)
    assert capital.capex_usd(decaying, _years(2028.0))[0, 0] == pytest.approx(1e11 * math.exp(ln))


def test_the_price_of_a_chip_falls() -> None:
    s = state(capital__usd_per_h100e_fall=1.25)
    assert capital.usd_per_h100e(s, _years(2026.0, 2028.0))[:, 0] == pytest.approx([40_000, 25_600])


def test_chips_are_bought_at_the_price_of_mid_year() -> None:
    """100 billion USD a year, 0.8 for chips of 40,000 USD at the start of 2026 that fall by 1.44 a year: at mid-year
    40,000/1.2 and 40,000/1.728 USD, 2.4 and 3.456 million chips next to one million that were there.
    """
    s = state(capital__usd_per_h100e_fall=1.44)
    years = _years(2025.0, 2026.0, 2027.0, 2028.0)
    assert capital.firm_h100e(s, years, NO_END)[:, 0] == pytest.approx([0.5e6, 1e6, 3.4e6, 6.856e6])
    # with lives of four years, chips of 2026 are three years old in 2028: 3/4 of them stay
    assert capital.firm_h100e(s, _years(2028.0), PLAIN)[:, 0] == pytest.approx([0.75e6 + 5.856e6])


def test_the_ceiling_of_capital() -> None:
    """One million chips, two million more a year; half of them, or all, in one run of 5e21 FLOP a chip."""
    s = state(capital__run_share=[0.5, 2.0])
    assert capital.ceiling(s, _years(2027.0), NO_END) == pytest.approx(np.array([[7.5e27, 1.5e28]]))
