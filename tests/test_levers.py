"""Levers: their vectors, ranking, packages and rebound."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import liebig
from liebig.catalog import Catalog, load_catalog
from liebig.errors import ConflictError, InputError, RangeError
from liebig.forecast.inputs import make_input
from liebig.forecast.levers import bench_of
from liebig.levers import best_package, get_lever, lever_changes, rank_levers, rebound
from liebig.levers.rebound import rebound_use
from liebig.levers.vectors import Lever, check_compatible, parse_lever

IDS = tuple(load_catalog().levers())


@pytest.fixture(scope="module")
def bench():
    return bench_of(make_input(samples=512), 2030)[1]


@pytest.fixture(scope="module")
def ranking(bench):
    return rank_levers(*bench)


def test_there_are_45_levers_each_with_claim_and_check(catalog: Catalog) -> None:
    rows = catalog.levers()
    assert len(rows) == 45
    for row in rows.values():
        assert row.claim
        assert row.check
        assert row.source
        if row.id != "package-of-five":
            assert row.low is not None
            assert row.mid is not None
            assert row.high is not None
            assert row.low <= row.mid <= row.high
    effects = catalog.lever_effects()
    assert {n for n in rows if n not in effects} == {"fpga"}


@pytest.mark.parametrize("name", IDS)
def test_every_lever_can_be_applied(name: str) -> None:
    result = liebig.forecast(samples=64, levers=[name])
    assert np.all(result.minimum > 0)
    assert np.all(np.isfinite(result.minimum))


@pytest.mark.parametrize("name", IDS)
def test_signs_are_those_declared(name: str, catalog: Catalog) -> None:
    """The signed limits of the table are what the vector does, ten years after the start."""
    row = catalog.levers()[name]
    if row.in_base or not row.limits:
        return
    year = int(min(2040, max(2035, row.available_from + 4)))
    _, (bench, levers) = bench_of(make_input(samples=256), year)
    effect = next(e for e in rank_levers(bench, levers).effects if e.lever.id == name)
    if row.kind == "effective":
        assert effect.effective_ratio > 1
        return
    for signed in row.limits.split():
        limit, sign = signed[:-1], signed[-1]
        ratio = effect.on_limits[limit]
        assert ratio > 1 + 1e-6 if sign == "+" else ratio < 1 - 1e-6, f"{name}: {limit} x{ratio:.4f}, declared {sign}"


def test_ranking_is_sorted_and_complete(ranking) -> None:
    ratios = [e.ratio for e in ranking.effects]
    assert ratios == sorted(ratios, reverse=True)
    assert {e.lever.id for e in ranking.effects} == set(IDS)
    for e in ranking.effects:
        assert e.paired.p10 <= e.paired.p50 <= e.paired.p90
        assert 0 <= e.negative <= 1
    assert sum(ranking.binding.values()) == pytest.approx(1.0)


def test_ranking_is_what_the_forecast_gives() -> None:
    """The shortcut (only the limits touched) agrees with a whole forecast with the lever."""
    _, (bench, levers) = bench_of(make_input(samples=512), 2030)
    effects = {e.lever.id: e for e in rank_levers(bench, levers).effects}
    free = liebig.forecast(samples=512, start=2030, until=2030)
    for name in (
        "fp4-training",
        "synthetic-data",
        "longer-runs",
        "global-siting",
        "power-capping",
        "closed-loop-cooling",
    ):
        other = liebig.forecast(samples=512, start=2030, until=2030, levers=[name])
        assert effects[name].ratio == pytest.approx(other.minimum[0, 2] / free.minimum[0, 2], rel=1e-9)


def test_levers_on_limits_that_do_not_bind_say_so(ranking) -> None:
    _, far = bench_of(make_input(switches="latency-calibrated", samples=512), 2030)  # a wall that no run comes near
    effects = {e.lever.id: e for e in rank_levers(*far).effects}
    for name in ("faster-interconnect", "flat-topology", "shallower-models"):
        assert effects[name].ratio == pytest.approx(1.0, abs=0.005)
        assert "latency" in effects[name].reason
        assert "binds in 0 % of futures" in effects[name].reason
        assert effects[name].on_limits["latency"] > 1.2
    effects = {e.lever.id: e for e in ranking.effects}
    assert 1.0 <= effects["shallower-models"].ratio < 1.05
    assert effects["2d-transistors"].reason == "acts from 2035 on"
    assert "no effect" in effects["fpga"].reason
    assert "taken out" in effects["multimodal-data"].reason
    assert effects["multimodal-data"].without < 0.61
    assert effects["decentralised-training"].without < 0.6
    assert "physical ceiling stays" in effects["moe"].reason


def test_remedies_that_tighten_another_limit_are_found_out(ranking) -> None:
    effects = {e.lever.id: e for e in ranking.effects}
    trap = effects["synthetic-data-generated"]
    assert trap.ratio < 0.9
    assert trap.negative > 0.5
    assert trap.on_limits["data"] > 10
    assert trap.on_limits["power"] < 0.7
    assert effects["moe-data"].ratio < 1
    assert 0.1 < effects["power-capping"].negative < 0.6
    assert effects["power-capping"].on_limits["capital"] < 1 < effects["power-capping"].on_limits["power"]


def test_synthetic_data_with_their_compute_pay_later() -> None:
    early, late = (
        next(
            e
            for e in rank_levers(*bench_of(make_input(samples=2048), y)[1]).effects
            if e.lever.id == "synthetic-data-generated"
        )
        for y in (2030, 2038)
    )
    assert early.ratio < 0.9 < 1.0 < late.ratio


@given(st.sampled_from(IDS), st.floats(0.0, 1.0))
def test_draws_stay_inside_the_stated_range(name: str, u: float) -> None:
    lever = get_lever(load_catalog(), name)
    for change, effect in zip(
        lever_changes(lever, np.array([u])), [e for e in lever.effects if not e.removed], strict=True
    ):
        low, high = sorted((effect.low, effect.high))
        slack = 1e-9 * (1 + abs(low) + abs(high))
        assert low - slack <= float(change.effect[0]) <= high + slack


def test_a_lever_with_effect_one_changes_nothing(bench) -> None:
    base, levers = bench
    for lever in levers[:20]:
        neutral = tuple(
            e.model_copy(update={"low": n, "mid": n, "high": n})
            for e in lever.effects
            for n in ([1.0] if e.op in ("mul", "growth", "max") else [0.0])
            if e.op != "set"
        )
        still = Lever(lever.row.model_copy(update={"in_base": False}), neutral, lever.start)
        effect = rank_levers(base, [still]).effects[0]
        assert effect.ratio == pytest.approx(1.0, abs=1e-12)
        assert effect.negative == 0.0


def test_exact_package_is_the_best_of_all(bench) -> None:
    base, levers = bench
    few = [
        v
        for v in levers
        if v.id in {"fp4-training", "synthetic-data", "longer-runs", "global-siting", "moe-data", "power-capping"}
    ]
    middle = float(np.median(base.lowest()))
    for size in (1, 2, 3):
        best = best_package(base, few, size)
        tried = {}
        for group in combinations(few, size):
            changes = [c for v in group for c in lever_changes(v, base.draws[v.id])]
            tried[tuple(v.id for v in group)] = float(np.median(base.lowest(base.ceilings_with(changes)))) / middle
        winner = max(tried, key=tried.__getitem__)
        assert best.exact
        assert {v.id for v in best.levers} == set(winner)
        assert best.ratio == pytest.approx(tried[winner], rel=1e-12)
        assert best.bound == best.ratio
        assert best.steps[-1][1] == pytest.approx(best.ratio)


def test_bound_holds_for_every_package(bench) -> None:
    """No package of four exceeds the bound of the greedy one."""
    base, levers = bench
    few = [
        v
        for v in levers
        if v.id in {"fp4-training", "synthetic-data", "longer-runs", "global-siting", "larger-batch", "wafer-scale"}
    ]
    found = best_package(base, few, 4)
    assert not found.exact
    assert found.bound >= found.ratio
    middle = float(np.median(base.lowest()))
    for group in combinations(few, 4):
        changes = [c for v in group for c in lever_changes(v, base.draws[v.id])]
        assert float(np.median(base.lowest(base.ceilings_with(changes)))) / middle <= found.bound * (1 + 1e-9)


def test_packages_keep_levers_apart_that_exclude_each_other(bench) -> None:
    base, levers = bench
    pair = [v for v in levers if v.id in {"synthetic-data", "synthetic-data-generated"}]
    with pytest.raises(ConflictError, match="cannot be combined"):
        check_compatible(pair)
    for size in (0, 99):
        with pytest.raises(RangeError, match="out of range"):
            best_package(base, levers, size)


def test_a_package_of_the_scenario_s_own_levers() -> None:
    _, (_, levers) = bench_of(make_input(samples=128, levers=["fp4-training"]), 2030)
    assert "fp4-training" not in {v.id for v in levers}


@given(st.floats(1.0, 50.0), st.floats(0.0, 3.0))
def test_rebound_arithmetic(gain: float, elasticity: float) -> None:
    without, with_rebound = (float(v) for v in rebound_use(np.array(100.0), np.array(gain), np.array(elasticity)))
    assert without == pytest.approx(100 / gain)
    # demand answers: use per unit of work falls, work rises as gain ** elasticity
    assert with_rebound == pytest.approx(without * gain**elasticity)
    if elasticity > 1 and gain > 1.001:
        assert with_rebound > 100
    if elasticity < 1 and gain > 1.001:
        assert with_rebound < 100


def test_rebound_of_the_levers(bench) -> None:
    base, levers = bench
    result = rebound(base, levers)
    rows = {r.lever.id: r for r in result.rows}
    assert "smr" not in rows
    row = rows["routing"]
    assert row.without_twh[1] < row.before_twh[1] < row.with_twh[1]
    assert row.ratio_with < 1 < row.ratio_without
    none = {r.lever.id: r for r in rebound(base, levers, np.array([0.0])).rows}["routing"]
    assert none.with_twh == pytest.approx(none.without_twh)
    assert none.ratio_with == pytest.approx(none.ratio_without)
    one = {r.lever.id: r for r in rebound(base, levers, np.array([1.0])).rows}["routing"]
    assert one.with_twh == pytest.approx(one.before_twh)
    assert one.ratio_with == pytest.approx(1.0)
    with pytest.raises(RangeError, match="0 to 5"):
        liebig.forecast.rebound(2030, elasticity=-1)


def test_year_out_of_range() -> None:
    with pytest.raises(RangeError, match="covers 2025 to 2040"):
        liebig.forecast.rank_levers(2050)


def test_a_measurement_takes_the_place_of_the_stated_range(tmp_path) -> None:
    path = tmp_path / "routing.json"
    path.write_text('{"lever": "routing", "p10": 1.9, "p50": 2.0, "p90": 2.1, "source": "own gateway, 2026"}')
    measured = parse_lever(f"routing@{path}", load_catalog())
    stated = get_lever(load_catalog(), "routing")
    assert measured.measured_source == "own gateway, 2026"
    u = np.array([0.1, 0.5, 0.9])
    assert list(lever_changes(measured, u)[0].effect) == pytest.approx([1.9, 2.0, 2.1])
    assert list(lever_changes(stated, u)[0].effect) != pytest.approx([1.9, 2.0, 2.1])


def test_a_measurement_that_cannot_be_used_is_refused(tmp_path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"p10": 1.05, "p50": 1.1, "p90": 1.2}')
    with pytest.raises(InputError, match="different factors"):
        parse_lever(f"power-capping@{path}", load_catalog())
    path.write_text('{"lever": "moe", "p10": 1.05, "p50": 1.1, "p90": 1.2}')
    with pytest.raises(ConflictError, match="holds a measurement of 'moe'"):
        parse_lever(f"fp4-training@{path}", load_catalog())
    path.write_text('{"p10": 2, "p50": 1.1, "p90": 1.2}')
    with pytest.raises(RangeError, match="p10 <= p50 <= p90"):
        parse_lever(f"fp4-training@{path}", load_catalog())
    path.write_text('{"p10": 2}')
    with pytest.raises(InputError, match="expected a JSON object"):
        parse_lever(f"fp4-training@{path}", load_catalog())


def test_a_lever_starts_with_the_first_moment_of_what_is_named() -> None:
    starts = [parse_lever(f"fp4-training@{when}", load_catalog()).start for when in ("2027", "2027-07", "2027.5")]
    assert starts == [2027.0, 2027 + 181 / 365, 2027.5]
