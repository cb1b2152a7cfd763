"""The forecast as a whole: what must hold whatever the scenario."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liebig
from liebig.catalog import Catalog
from liebig.errors import (
    ConflictError,
    DistributionError,
    InputError,
    RangeError,
    ScenarioError,
    UnitError,
    UnknownNameError,
)
from liebig.forecast.inputs import make_input, read_scenario
from liebig.forecast.reduce import reduce_simulations
from liebig.forecast.run_at_ceiling import describe_run
from liebig.forecast.simulate import evaluate
from liebig.forecast.switches import switches
from liebig.forecast.words import data_until
from liebig.forecast.world import build_world

YEARS = np.arange(2025.0, 2041.0)
MULTIPLIABLE = (
    "run.duration_s",
    "power.ai_w",
    "data.text_tokens",
    "capital.capex_usd",
    "water.sites",
    "chips.stock_h100e",
)


@settings(max_examples=15)
@given(
    st.dictionaries(st.sampled_from(MULTIPLIABLE), st.floats(0.1, 10), max_size=3),
    st.lists(
        st.sampled_from(["fp4-training", "synthetic-data", "smr", "routing", "longer-runs"]), unique=True, max_size=3
    ),
    st.lists(
        st.sampled_from(["single-campus", "text-only", "no-correlations", "no-water", "latency-literal"]),
        unique=True,
        max_size=2,
    ),
    st.sampled_from(["2026", "epoch-2024"]),
    st.integers(0, 99),
)
def test_what_must_hold_in_every_scenario(
    factors: dict[str, float], levers: list[str], switches: list[str], facts: str, seed: int
) -> None:
    from liebig.catalog import load_catalog

    catalog = load_catalog()
    rows = catalog.parameters(facts)
    pins = {n: float(rows[n].p50 or 1.0) * f for n, f in factors.items()}
    inputs = make_input(facts=facts, pin=pins, levers=levers, switches=switches, samples=64, seed=seed)
    world = build_world(inputs, catalog)
    simulations = evaluate(world, YEARS, 64, seed)
    result = reduce_simulations(world, simulations, 2025, 2040)
    assert np.all(np.isfinite(result.minimum))
    assert np.all(result.minimum > 0)
    total = sum(result.binding[n] for n in result.limits)
    assert total == pytest.approx(np.ones(16), abs=1e-12)
    for i in range(16):
        lowest = simulations.minimum(i)
        for j in range(len(simulations.limits)):
            assert np.all(lowest <= simulations.ceilings[j, i])
        expected = np.minimum(simulations.trend(i), lowest)
        assert np.all(expected <= lowest)
        assert np.all(expected <= simulations.trend(i))
    for array in (result.minimum, result.expected, result.trend, *result.ceilings.values()):
        assert np.all(np.diff(array, axis=1) >= 0)
    assert result.crossing.p10 <= result.crossing.p50 <= result.crossing.p90
    shares = [result.crossing.probability[y] for y in range(2025, 2041)]
    assert all(a <= b for a, b in itertools.pairwise(shares))
    json.loads(json.dumps(result.to_dict(), allow_nan=False))


def test_same_seed_same_answer() -> None:
    one, two, other = (liebig.forecast(samples=512, seed=s) for s in (3, 3, 4))
    assert np.array_equal(one.minimum, two.minimum)
    assert not np.array_equal(one.minimum, other.minimum)
    assert one.minimum[:, 2] == pytest.approx(other.minimum[:, 2], rel=0.25)


def test_samples_in_blocks_are_the_same_samples(monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> None:
    import liebig.forecast.simulate as engine
    from liebig.uncertainty import sobol_blocks

    world = build_world(make_input(), catalog)
    whole = evaluate(world, YEARS, 300, 0)
    monkeypatch.setattr(engine, "sobol_blocks", lambda d, n, s, extra: sobol_blocks(d, n, s, block=64, extra=extra))
    parts = evaluate(world, YEARS, 300, 0)
    assert np.allclose(whole.ceilings, parts.ceilings, rtol=1e-12)


def test_a_year_that_is_shown_alone_is_the_same_year() -> None:
    whole, alone = liebig.forecast(samples=256), liebig.forecast(samples=256, start=2033, until=2033)
    assert alone.years == (2033,)
    assert np.array_equal(alone.minimum[0], whole.minimum[whole.at(2033)])
    assert alone.crossing == whole.crossing


def test_pinning_at_the_median_keeps_the_other_futures() -> None:
    """Common random numbers: only what was pinned changes."""
    free = liebig.forecast(samples=256)
    pinned = liebig.forecast(samples=256, pin={"water.sites": "p50"})
    for limit in ("power", "data", "latency", "capital", "chips"):
        assert np.array_equal(free.ceilings[limit], pinned.ceilings[limit])
    assert not np.array_equal(free.ceilings["water"], pinned.ceilings["water"])


def test_a_lever_keeps_the_other_futures() -> None:
    free, with_lever = liebig.forecast(samples=256), liebig.forecast(samples=256, levers=["synthetic-data"])
    assert np.array_equal(free.ceilings["power"], with_lever.ceilings["power"])
    assert np.all(with_lever.ceilings["data"] > free.ceilings["data"])


def test_a_lever_acts_from_its_year_on() -> None:
    free = liebig.forecast(samples=256)
    later = liebig.forecast(samples=256, levers=["synthetic-data@2033"])
    i = free.at(2033)
    assert np.array_equal(free.ceilings["data"][:i], later.ceilings["data"][:i])
    assert np.all(later.ceilings["data"][i:] > free.ceilings["data"][i:])


def test_one_line_of_a_scenario_adds_ten_gigawatt() -> None:
    free = liebig.forecast(samples=256, switches=["no-latency"])
    more = liebig.forecast(samples=256, switches=["no-latency"], add={"power.smr": "100 GW from 2032"})
    i = free.at(2032)
    assert np.array_equal(free.ceilings["power"][:i], more.ceilings["power"][:i])
    assert np.all(more.ceilings["power"][i:, 2] > free.ceilings["power"][i:, 2])


def test_set_reads_units_and_distributions() -> None:
    pinned = liebig.forecast(samples=64, set={"power.campus_w": "10GW"}, switches=["single-campus"])
    same = liebig.forecast(samples=64, pin={"campus_w": 1e10}, switches=["single-campus"])
    assert np.array_equal(pinned.ceilings["power"], same.ceilings["power"])
    wide = liebig.forecast(samples=1024, set={"duration": "10d..100d..300d"})
    assert wide.runs["duration_s"][0] / 86400 == pytest.approx([10, 42, 100, 204, 300], rel=0.2)
    assert wide.runs["duration_s"][0][[0, 2, 4]] / 86400 == pytest.approx([10, 100, 300], rel=0.02)


def test_set_from_a_year_on() -> None:
    free = liebig.forecast(samples=64)
    later = liebig.forecast(samples=64, set={"run.utilisation": "60% from 2031"})
    i = free.at(2031)
    assert np.array_equal(free.ceilings["chips"][:i], later.ceilings["chips"][:i])
    assert np.all(later.ceilings["chips"][i:, 0] > free.ceilings["chips"][i:, 0])


def test_physical_and_effective_are_kept_apart() -> None:
    free = liebig.forecast(samples=512)
    moe = liebig.forecast(samples=512, levers=["moe"])
    assert np.array_equal(free.minimum, moe.minimum)
    assert np.all(moe.effective_minimum[:, 2] > 1.2 * free.effective_minimum[:, 2])
    # halving every 8 months from 2024 on
    i = free.at(2030)
    assert 2**5 < free.effective_minimum[i, 2] / free.minimum[i, 2] < 2**14


def test_precision_is_recorded() -> None:
    free, fp4 = liebig.forecast(samples=512), liebig.forecast(samples=512, levers=["fp4-training"])
    # nobody trains at the frontier in 4 bits today; three quarters of the futures do in 2030
    assert free.low_precision_share[free.at(2026)] < 0.03
    assert free.low_precision_share[free.at(2030)] == pytest.approx(0.72, abs=0.05)
    assert free.low_precision_share[free.at(2040)] > 0.95
    assert fp4.low_precision_share[free.at(2030)] > 0.8
    assert liebig.forecast(samples=64, facts="epoch-2024").low_precision_share[0] == 0.0


def test_the_run_at_the_ceiling_adds_up(catalog: Catalog) -> None:
    world = build_world(make_input(), catalog)
    simulations = evaluate(world, YEARS, 64, 0)
    runs = {k: v.astype(float) for k, v in simulations.runs.items()}
    assert runs["energy_j"] == pytest.approx(runs["power_w"] * runs["duration_s"], rel=1e-5)
    assert 6 * runs["tokens"] * runs["parameters"] == pytest.approx(simulations.ceilings.min(axis=0), rel=1e-5)
    assert runs["tokens"] == pytest.approx(20 * runs["parameters"], rel=1e-5)
    from liebig.uncertainty import sobol_blocks

    state = world.state(next(sobol_blocks(world.dimensions, 64, 0)))
    one = describe_run(state, YEARS[:1], np.full((1, 64), 1e26))
    two = describe_run(state, YEARS[:1], np.full((1, 64), 4e26))
    for name, power in (
        ("power_w", 4),
        ("h100e", 4),
        ("capital_usd", 4),
        ("tokens", 2),
        ("parameters", 2),
        ("duration_s", 1),
    ):
        assert two[name] == pytest.approx(power * one[name])


def test_crossing_by_hand(catalog: Catalog) -> None:
    """A trend of 1e28 on 2026-10-01 that grows tenfold a year meets a constant ceiling of 1e30 two years later."""
    world = build_world(
        make_input(
            pin={"trend.flop": 1e20, "trend.line_flop": 1e28, "trend.level_factor": 1.0, "trend.growth": 10.0},
            facts="2026",
        ),
        catalog,
    )
    from liebig.forecast.crossing import find_crossing

    simulations = evaluate(world, YEARS, 16, 0)
    simulations.ceilings[:] = 1e30
    found = find_crossing(simulations)
    assert found.p50 == pytest.approx(2026.75 + 2.0, abs=1e-9)
    assert found.text() == "2028"
    simulations.ceilings[:] = 1e99
    never = find_crossing(simulations)
    assert never.never == 1.0
    assert math.isinf(never.p50)
    assert never.text() == "after 2040"
    assert never.to_dict()["p50"] is None


def test_ties_share_the_binding_probability(catalog: Catalog) -> None:
    inputs = make_input(samples=16)
    world = build_world(inputs, catalog)
    simulations = evaluate(world, YEARS, 16, 0)
    simulations.ceilings[:] = 1e30
    result = reduce_simulations(world, simulations, 2025, 2026)
    assert all(result.binding[n] == pytest.approx([1 / 6, 1 / 6]) for n in result.limits)


def test_median_of_minimum_is_not_minimum_of_medians() -> None:
    usual, other = liebig.forecast(samples=1024), liebig.forecast(samples=1024, switches=["min-of-medians"])
    assert usual.median_of_minimum
    assert not other.median_of_minimum
    i = usual.at(2030)
    assert other.minimum[i, 2] == min(other.ceilings[n][i, 2] for n in other.limits)
    assert other.minimum[i, 2] > 1.5 * usual.minimum[i, 2]


@pytest.mark.parametrize("name", switches())
def test_every_switch_runs(name: str) -> None:
    result = liebig.forecast(samples=64, switches=[name])
    assert np.all(np.isfinite(result.minimum))


def test_epoch_2024_has_four_limits_unless_asked() -> None:
    four = liebig.forecast(samples=64, facts="epoch-2024")
    six = liebig.forecast(samples=64, facts="epoch-2024", switches=["all-limits"])
    assert four.limits == ("power", "chips", "data", "latency")
    assert len(six.limits) == 6
    i = four.at(2030)
    assert np.all(six.minimum[i] <= four.minimum[i])


def test_tables_open_in_pandas_and_polars() -> None:
    import pandas
    import polars

    table = liebig.forecast(samples=64, until=2027).table()
    frame, other = pandas.DataFrame(table), polars.DataFrame(table)
    assert list(frame.columns) == list(other.columns)
    assert {"year", "quantity", "limit", "unit", "p10", "p50", "p90"} <= set(frame.columns)
    assert frame.shape == other.shape == (len(table["year"]), len(table))
    assert table.to_pandas().equals(frame)
    assert table.to_polars().equals(other)
    assert table.to_csv().splitlines()[0] == ",".join(table)


def test_summary_comes_from_the_run() -> None:
    result = liebig.forecast(
        samples=512, pin={"power.campus_w": "1 MW", "power.campus_now_w": "1 MW"}, switches=["single-campus"]
    )
    assert "Power binds in 100 % of futures" in result.summary(2030)
    assert "2030" in result.summary(2030)
    assert "2027" in liebig.forecast(samples=64, until=2027).summary()
    with pytest.raises(RangeError, match="holds 2025 to 2027"):
        liebig.forecast(samples=64, until=2027).summary(2030)


BAD = [
    ({"facts": "2025"}, UnknownNameError, "unknown parameter set '2025'"),
    ({"set": {"growth": "10GW"}}, InputError, "growth"),
    ({"set": {"duration": "0 d"}}, RangeError, "out of range"),
    ({"set": {"power.campuss_w": "10GW"}}, UnknownNameError, "power.campus_w"),
    ({"set": {"power.campus_w": "10 parsecs"}}, UnitError, "does not measure"),
    ({"set": {"power.campus_w": "10 gigawhat"}}, UnitError, "unknown unit"),
    ({"set": {"power.campus_w": "nan"}}, UnitError, "not a finite number"),
    ({"set": {"power.campus_w": "-1 GW"}}, RangeError, "out of range"),
    ({"set": {"run.share": "130%"}}, RangeError, "0% to 100%"),
    ({"set": {"run.share": 1.3}}, RangeError, "0% to 100%"),
    ({"set": {"duration": "60d..61d..270d"}}, DistributionError, "middle must lie between"),
    ({"set": {"duration": "270d..60d"}}, DistributionError, "must not fall"),
    ({"pin": {"duration": "1d..2d"}}, UnitError, "unknown unit|is no unit|not a quantity"),
    ({"set": {"duration": "100d"}, "pin": {"run.duration_s": "200d"}}, ConflictError, "given twice"),
    ({"set": {"duration": "100d", "run.duration_s": "200d"}}, ConflictError, "given twice"),
    ({"levers": ["fp4"]}, UnknownNameError, "fp4-training"),
    ({"levers": ["fp4-training@soon"]}, InputError, "neither a year"),
    ({"levers": ["fp4-training@3000"]}, RangeError, "out of range"),
    ({"levers": ["fp4-training,fp4-training@2030"]}, ConflictError, "given twice"),
    ({"levers": ["synthetic-data,synthetic-data-generated"]}, ConflictError, "cannot be combined"),
    ({"levers": ["package-of-five,fp4-training"]}, ConflictError, "already contains"),
    ({"levers": ["routing@nothing.json"]}, InputError, "no such file"),
    ({"switches": ["flat-earth"]}, UnknownNameError, "unknown switch"),
    ({"switches": ["face-value-epochs", "repetition-decay"]}, ConflictError, "contradict"),
    (
        {"facts": "epoch-2024", "switches": ["no-power", "no-chips", "unlimited-data", "no-latency"]},
        ConflictError,
        "no limit",
    ),
    ({"add": {"power.smr": "10 GW"}}, InputError, "AMOUNT from YEAR"),
    ({"add": {"power.smr": "10 km from 2032"}}, UnitError, "does not measure"),
    ({"until": 2050}, RangeError, "covers 2025 to 2040"),
    ({"start": 2019}, RangeError, "covers 2025 to 2040"),
    ({"start": 2035, "until": 2030}, RangeError, "after until"),
    ({"samples": 3}, InputError, "samples"),
    ({"samples": "many"}, InputError, "samples"),
    ({"seed": -1}, InputError, "seed"),
    ({"sampels": 5}, InputError, "unknown option 'sampels'"),
    ({"facts_files": ["no.csv"]}, InputError, "no such file"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_bad_input_says_what_is_wrong(options: dict, error: type, message: str | None) -> None:
    with pytest.raises(error, match=message) as caught:
        liebig.forecast(**options)
    assert len(str(caught.value)) < 500


@settings(max_examples=80)
@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_makes_it_crash(name: str, value: str) -> None:
    for option in ("set", "pin", "add"):
        try:
            liebig.forecast(samples=16, **{option: {name: value}})
        except InputError as error:
            assert str(error)


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_no_value_makes_it_crash(value: str) -> None:
    for name in ("run.duration_s", "run.share", "power.smr_w"):
        try:
            liebig.forecast(samples=16, set={name: value})
        except InputError as error:
            assert str(error)


SCENARIO = """
title = "Nuclear decade"
until = 2035
levers = ["fp4-training", "synthetic-data@2027"]
samples = 64

[set.power]
campus_w = "8 GW"

[pin]
duration = "200 d"

[add]
"power.smr" = "10 GW from 2032"
"""


def test_scenario_file(tmp_path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(SCENARIO)
    scenario = read_scenario(path)
    assert scenario.set == {"power.campus_w": "8 GW"}
    result = liebig.forecast(path)
    assert result.years[-1] == 2035
    assert [name.partition("@")[0] for name in result.inputs.levers] == ["fp4-training", "synthetic-data"]
    assert result.runs["duration_s"][0] == pytest.approx(200 * 86400)
    on_top = liebig.forecast(path, until=2030, pin={"run.share": 0.5})
    assert on_top.years[-1] == 2030
    assert set(on_top.inputs.pin) == {"duration", "run.share"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("until = = 2030", r"not valid TOML: .*line 1"),
        ("until = 2030\n[set\nx = 1", r"not valid TOML: .*line 2"),
        ("untill = 2030", "unknown option 'untill'"),
        ("samples = 'x'", "samples"),
        ("levers = 5", "levers"),
        ("[set]\nduration = [1, 2]", "set"),
    ],
)
def test_bad_scenario(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=message):
        liebig.forecast(path)


def test_missing_scenario(tmp_path) -> None:
    with pytest.raises(ScenarioError, match="no such file; expected a scenario"):
        liebig.forecast(tmp_path / "none.toml")


def test_measured_lever(tmp_path) -> None:
    path = tmp_path / "measured.json"
    path.write_text(json.dumps({"lever": "routing", "p10": 1.4, "p50": 1.5, "p90": 1.6, "source": "our gateway"}))
    published, measured = (liebig.forecast(samples=256, levers=[t]) for t in ("routing", f"routing@{path}"))
    assert np.all(measured.ceilings["chips"][:, 2] > 1.2 * published.ceilings["chips"][:, 2])
    for content, message in (
        ({"lever": "distillation", "p10": 1, "p50": 1, "p90": 1}, "not of 'routing'"),
        ({"p10": 1, "p50": 1}, "p90"),
        ({"p10": 2, "p50": 1, "p90": 3}, "p10 <= p50"),
        ({"p10": "x", "p50": 1, "p90": 3}, "numbers"),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match=message):
            liebig.forecast(samples=16, levers=[f"routing@{path}"])


def test_compare_pairs_futures(tmp_path) -> None:
    a, b = make_input(title="a", samples=256), make_input(title="b", samples=256, levers=["synthetic-data"])
    result = liebig.forecast.compare(a, b)
    assert np.shape(result.ratio) == (16, 3)
    assert np.min(result.ratio) >= 1 - 1e-12  # this lever never lowers a ceiling
    assert ("levers", "–", "synthetic-data") in result.differences
    same = liebig.forecast.compare(a, a)
    assert np.allclose(same.ratio, 1.0)
    json.dumps(result.to_dict(), allow_nan=False)
    with pytest.raises(ConflictError, match="samples or seed"):
        liebig.forecast.compare(a, make_input(samples=128))
    assert np.allclose(liebig.forecast.compare(a, make_input(samples=128), samples=64, seed=1).ratio, 1.0)
    with pytest.raises(ConflictError, match="share no year"):
        liebig.forecast.compare(make_input(until=2026), make_input(start=2030))


def test_far_off_value_is_noted() -> None:
    result = liebig.forecast(samples=16, pin={"power.campus_w": 10})
    assert any("is the unit right" in n for n in result.notes)


@pytest.mark.parametrize("facts", ["2026", "epoch-2024"])
def test_the_lowest_stave_is_the_limit_that_binds(facts: str) -> None:
    result = liebig.forecast(facts=facts, samples=1024)
    for year in result.years:
        staves = result.headroom(year)
        assert min(staves, key=staves.__getitem__) == result.binding_limit(year)


def test_no_future_is_empty() -> None:
    """A quarter of a million simulations reach far into the tails: every ceiling stays above zero."""
    result = liebig.forecast(samples=262_144)
    assert np.all(result.minimum > 0)
    for values in result.ceilings.values():
        assert np.all(values > 0)


def test_a_flag_is_not_a_number() -> None:
    with pytest.raises(InputError, match=r"seed: expected a whole number \(got True\)"):
        liebig.forecast(seed=True)


def test_a_name_that_no_limit_reads_is_noted(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text(
        "id,name,p50,unit,source,as_of,licence,grade\npower.smr_ww,reactors,1e9,W,own count,2026,own,measured\n",
        encoding="utf-8",
    )
    notes = liebig.forecast(facts_files=[table], samples=64, until=2026).notes
    assert any("power.smr_ww" in n and "did you mean 'power.smr_w'" in n for n in notes), notes


def test_what_a_user_adds_leaves_all_other_draws_alone(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text(
        "id,name,p10,p50,p90,unit,source,as_of,licence,grade\n"
        "power.my_own,mine,1e9,2e9,4e9,W,own count,2026,own,measured\n",
        encoding="utf-8",
    )
    base = liebig.forecast(samples=256, until=2030)
    for options in ({"facts_files": [table]}, {"set": {"power.fusion_w": "1 W..2 W"}}):
        other = liebig.forecast(samples=256, until=2030, **options)
        assert np.allclose(base.minimum, other.minimum, rtol=1e-6)


def test_options_replace_what_a_scenario_states(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        'levers = ["fp4-training@2028"]\nsamples = 64\nuntil = 2026\n[set]\n"run.duration_s" = "100 d"\n'
        '[add]\n"power.smr" = "1 GW from 2026"\n',
        encoding="utf-8",
    )
    inputs = liebig.forecast(
        path, pin={"duration": "200 d"}, levers=["fp4-training@2030"], add={"power.smr_w": "2 GW from 2026"}
    ).inputs
    assert (dict(inputs.set), dict(inputs.pin)) == ({}, {"duration": "200 d"})
    assert inputs.levers == ("fp4-training@2030",)
    assert dict(inputs.add) == {"power.smr_w": "2 GW from 2026"}


def test_a_year_is_a_whole_number() -> None:
    with pytest.raises(InputError, match=r"2030\.5"):
        liebig.forecast.rank_levers(2030.5, samples=64)
    with pytest.raises(InputError, match="path of a TOML file"):
        liebig.forecast(5)


def test_a_forecast_says_how_old_its_data_are() -> None:
    told = data_until(liebig.forecast(samples=64))
    assert told.startswith("Data to 2026-10; more than a year older: ")
    assert "data.text_tokens (2024-06)" in told
    assert "power.facility_w" not in told
    assert data_until(liebig.forecast(samples=64, facts="epoch-2024")).startswith("Data to 2")
