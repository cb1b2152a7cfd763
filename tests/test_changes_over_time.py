"""What changes from a year on: growth is added up piece by piece, and what is accepted is used or said not to be."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import liebig
from liebig.catalog import load_catalog
from liebig.catalog.rows import ParameterRow
from liebig.errors import InputError
from liebig.evidence.forecast import check_chip_model
from liebig.forecast.inputs import make_input
from liebig.forecast.progress import algorithm_gain, density_gain, density_known, effective_growth, trend_flop
from liebig.forecast.simulate import evaluate
from liebig.forecast.stated import parameter_marginal
from liebig.forecast.unused import unused_inputs
from liebig.forecast.world import World, build_world
from liebig.limits import LIMITS, Change, State, capital, chips, cooling, growth, join_states, power
from liebig.limits import data as data_limit
from liebig.limits.change import pieces
from liebig.uncertainty import quantile, sobol_blocks

YEARS = np.arange(2024.0, 2041.0)
FACTS = ("2026", "epoch-2024")


@functools.cache
def _world(facts: str) -> tuple[World, State]:
    world = build_world(make_input(facts=facts), load_catalog())
    return world, world.state(next(sobol_blocks(world.dimensions, 32, 5)))


def _point(**values: float) -> State:
    """One simulation; levels hold in 2026."""
    named = {name.replace("__", "."): np.array([value]) for name, value in values.items()}
    return State(named, dict.fromkeys(named, 2026.0))


def _set(name: str, value: float, year: float, ramp: float = 0.0) -> Change:
    return Change(name, "set", np.array([value]), year, ramp)


# ---- every parameter of every set: used, or said not to be


def _plausible(row: ParameterRow) -> float:
    """Another value of a parameter, within its bounds."""
    middle = float(quantile(parameter_marginal(row), np.array([0.5]))[0])
    if middle == 0.0:
        return {"W": 1e10, "W/yr": 1e9, "fraction": 0.05, "x": 0.05}.get(row.unit, 1e6)
    return middle * (0.9 if row.upper is not None or row.unit == "fraction" else 1.1)


PARAMETERS = [
    (facts, name) for facts in FACTS for name, row in load_catalog().parameters(facts).items() if row.role == "model"
]


def _outputs(world: World) -> list[np.ndarray]:
    years = np.arange(world.first_year, world.last_year + 1, dtype=float)
    found = evaluate(world, years, 128, 0)  # the simulations that notes look at
    by_year = [np.array([f(i) for i in range(len(years))]) for f in (found.trend, found.algorithm_gain)]
    by_year.append(np.array([found.density_gain(i) for i in np.flatnonzero(density_known(years))]))
    return [found.ceilings, found.compute_gain, found.precision_gain, *found.runs.values(), *by_year]


@functools.cache
def _base(facts: str) -> list[np.ndarray]:
    return _outputs(_world(facts)[0])


def _same(one: list[np.ndarray], two: list[np.ndarray]) -> bool:
    return all(np.allclose(a, b, rtol=1e-6, atol=0.0, equal_nan=True) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(("facts", "name"), PARAMETERS)
def test_a_parameter_from_a_year_on_changes_an_answer_or_a_note_says_why_not(facts: str, name: str) -> None:
    row = load_catalog().parameters(facts)[name]
    stated = {name: f"{_plausible(row)!r} from 2029"}
    world = build_world(make_input(facts=facts, set=stated), load_catalog())
    assert [c.parameter for c in world.scheduled] == [name]
    changed = not _same(_base(facts), _outputs(world))
    notes = [n for n in unused_inputs(world, range(2025, world.last_year + 1)) if n.startswith(f"{name} from 2029")]
    assert changed or notes, f"{name}: changes nothing from 2029 on, and no note says so"
    refuted = changed and [n for n in notes if "of futures only" not in n]
    assert not refuted, f"{name}: changes answers, and a note says that it does not"


def _core(**options: Any) -> dict[str, Any]:
    """What a forecast of 2030 answers, of the simulations that notes look at."""
    found = liebig.forecast(samples=128, seed=0, start=2030, until=2030, **options).to_dict()
    return {key: found[key] for key in ("summary", "limits", "years", "crossing", "median_of_minimum", "notes")}


@functools.cache
def _plain_core(facts: str) -> dict[str, Any]:
    return _core(facts=facts)


#: Other dates of a change that may be too late for 2030; with 2030 itself they are many cases.
LATE = ("2030 over 5 yr", "2029-06")


def _close(one: Any, two: Any) -> bool:
    """Whether two parts of an answer are the same but for rounding."""
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(_close(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(_close, one, two))
    return bool(one == two or (isinstance(one, float) and one == pytest.approx(two, rel=1e-6)))


@pytest.mark.parametrize("when", ["2030", *(pytest.param(w, marks=pytest.mark.slow) for w in LATE)])
@pytest.mark.parametrize(("facts", "name"), PARAMETERS)
def test_a_change_late_for_the_year_shown_changes_it_or_a_note_says_so(facts: str, name: str, when: str) -> None:
    """What is stated from 2030 on may act only in the years after, which nobody has asked for."""
    value = _plausible(load_catalog().parameters(facts)[name])
    plain, core = _plain_core(facts), _core(facts=facts, set={name: f"{value!r} from {when}"})
    same = {key: _close(core[key], plain[key]) for key in plain.keys() - {"notes"}}
    notes = [n for n in core["notes"] if n.startswith(f"{name} from 20")]
    if not notes:
        assert not all(same.values()), f"{name} from {when}: changes nothing in 2030, and no note says so"
    elif "of futures only" not in notes[0]:
        assert same["years"], f"{name} from {when}: changes 2030, and a note says that it does not"
        assert same["crossing"] or notes[0].endswith("only the crossing of trend and lowest ceiling")


@pytest.mark.parametrize("name", ["power.nuclear_lead_yr", "chips.performance_growth", "power.campus_w"])
def test_rankings_and_sensitivity_say_what_acts_only_after_their_year(name: str) -> None:
    value = _plausible(load_catalog().parameters("2026")[name])
    options = {"samples": 64, "set": {name: f"{value!r} from 2030 over 5 yr"}}
    for ask in (liebig.forecast.rank_levers, liebig.forecast.find_sensitivity):
        note = f"{name} from 2030 changes nothing in the years shown (2030)"
        assert note in ask(2030, **options).notes
        assert not any(n.startswith(name) for n in ask(2036, **options).notes)


def test_a_value_for_all_years_that_acts_only_after_those_shown_is_said() -> None:
    (note,) = liebig.forecast(samples=64, pin={"power.nuclear_new_w_per_yr": "1 GW/yr"}, start=2025, until=2027).notes
    assert "stated by the scenario, changes nothing in the years shown (2025 to 2027)" in note


def test_a_lever_that_builds_up_after_the_years_shown_is_said() -> None:
    (note,) = liebig.forecast(samples=64, levers=["smr@2030"], until=2030).notes
    assert note.startswith("smr from 2030 changes nothing in the years shown (2025 to 2030)")


@pytest.mark.parametrize(("facts", "name"), [case for case in PARAMETERS if case[1].endswith("growth")])
def test_a_growth_that_is_read_at_all_is_read_from_a_year_on(facts: str, name: str) -> None:
    """The fault that was: 24 parameters had no effect from a year on, though they had one for all years."""
    value = _plausible(load_catalog().parameters(facts)[name])
    plain = build_world(make_input(facts=facts, pin={name: value}), load_catalog())
    later = build_world(make_input(facts=facts, set={name: f"{value!r} from 2029"}), load_catalog())
    if name in ("power.ai_growth_past", "chips.stock_growth_past"):
        return  # growth before 2026
    # pinning takes the spread away: compare with the pinned median, whose change is of the value alone
    assert _same(_base(facts), _outputs(plain)) == _same(_base(facts), _outputs(later)), name


@pytest.mark.parametrize(("facts", "name"), PARAMETERS[::7])
def test_from_before_the_first_year_is_in_all_years(facts: str, name: str) -> None:
    value = _plausible(load_catalog().parameters(facts)[name])
    plain, early = (
        build_world(make_input(facts=facts, **{how: {name: text}}), load_catalog())
        for how, text in (("pin", value), ("set", f"{value!r} from 2022"))
    )
    assert not early.scheduled
    assert early.stated == plain.stated == {name}
    assert _same(_outputs(plain), _outputs(early))


#: What levers do to these does not reach what was measured or designed before.
REFERENCES = ("power.facility_w", "cooling.closed_loop_now_share", "cooling.closed_loop_share", "cooling.sea_share")


@pytest.mark.parametrize(("facts", "name"), PARAMETERS)
def test_a_change_before_everything_is_another_value(facts: str, name: str) -> None:
    """For the limits themselves: piece by piece over one piece is the closed form."""
    world, state = _world(facts)
    value = _plausible(load_catalog().parameters(facts)[name])
    changed = state.with_changes([_set(name, value, 2001.0)])
    plain = State({**state.values, name: np.array([value])}, state.at_year)
    for limit in LIMITS.values():
        if name in limit.reads and name not in REFERENCES:
            one, two = (limit.ceiling(s, YEARS[1:], world.structure) for s in (changed, plain))
            assert np.allclose(one, two, rtol=1e-11), (name, limit.name)
    for f in (trend_flop, algorithm_gain, density_gain):
        assert np.allclose(f(changed, YEARS), f(plain, YEARS), rtol=1e-11)


# ---- the integral itself


CHANGES = st.lists(
    st.builds(
        lambda op, effect, year, ramp: Change("g", op, np.array([effect, 1.0 + 0.5 * (effect - 1.0)]), year, ramp),
        st.sampled_from(["mul", "add", "set", "growth"]),
        st.floats(0.8, 1.6),
        st.floats(2021.0, 2035.0),
        st.sampled_from([0.0, 0.0, 0.4, 3.0, 12.0]),
    ).map(lambda c: c if c.op != "growth" else Change("g", "growth", 1.0 + 0.05 * (c.effect - 1.0), c.from_year)),
    max_size=3,
)


def _numeric(p: State, rate: Callable[[State, np.ndarray], np.ndarray], since: float, year: float) -> np.ndarray:
    """The integral by the midpoint rule on a fine grid between the years in which anything begins or ends."""
    edges = pieces(p.changes, since, np.array([year]), 1)
    sign = 1.0 if year >= since else -1.0
    total = np.zeros(2)
    for left, right in itertools.pairwise(edges):
        middle = left + (right - left) * (np.arange(800) + 0.5) / 800
        total += np.broadcast_to(rate(p, middle), (800, 2)).mean(axis=0) * (right - left)
    return sign * total


@given(CHANGES, st.floats(2022.0, 2032.0), st.floats(2021.0, 2040.0))
def test_growth_that_changes_is_the_integral_of_its_logarithm(changes: list[Change], since: float, year: float) -> None:
    p = State({"g": np.array([1.3, 1.05])}, changes=tuple(changes))
    got = p.ln_growth("g", since, np.array([year]))[0]
    assert got == pytest.approx(_numeric(p, lambda q, t: np.log(q.at("g", t)), since, year), rel=1e-5, abs=1e-6)


@given(CHANGES, st.floats(2022.0, 2032.0), st.floats(2021.0, 2040.0), st.floats(1.0, 8.0))
def test_decaying_growth_that_changes_is_the_integral_of_its_rate(
    changes: list[Change], since: float, year: float, tau: float
) -> None:
    p = State({"g": np.array([1.7, 1.2]), "end": np.array([1.05]), "tau": np.array([tau])}, changes=tuple(changes))
    names = ("g", "end", "tau")

    def rate(q: State, t: np.ndarray) -> np.ndarray:
        return growth.decaying_rate(*(q.at(n, t) for n in names), t[:, None] - since)

    got = growth.ln_decaying_growth(p, names, since, np.array([year]))[0]
    assert got == pytest.approx(_numeric(p, rate, since, year), rel=1e-5, abs=1e-6)


@given(CHANGES, st.lists(st.floats(2021.0, 2040.0), min_size=2, max_size=5))
def test_growth_adds_up_and_a_year_alone_is_the_year_in_a_row(changes: list[Change], years: list[float]) -> None:
    p = State({"g": np.array([1.3, 1.05])}, changes=tuple(changes))
    there = np.array(years)
    row = np.broadcast_to(p.ln_growth("g", 2026.0, there), (len(years), 2))
    for i, year in enumerate(years):
        alone = p.ln_growth("g", 2026.0, np.array([year]))[0]
        assert row[i] == pytest.approx(alone, abs=1e-11)
        back = p.ln_growth("g", year, np.array([2026.0]))[0]
        assert back == pytest.approx(-alone, abs=1e-11)
    first, last = (np.array([y]) for y in (years[0], years[-1]))
    both = p.ln_growth("g", 2026.0, first) + p.ln_growth("g", years[0], last)
    assert both == pytest.approx(p.ln_growth("g", 2026.0, last), abs=1e-11)


def test_a_step_of_growth_by_hand() -> None:
    p = _point(level=100.0, g=1.5).with_changes([_set("g", 1.2, 2028.0)])
    got = p.path("level", "g", np.array([2025.0, 2026.0, 2028.0, 2031.0]))[:, 0]
    assert got == pytest.approx([100 / 1.5, 100, 225, 225 * 1.2**3], rel=1e-13)
    falling = p.path("level", "g", np.array([2031.0]), falling=True)[0, 0]
    assert falling == pytest.approx(100 / (1.5**2 * 1.2**3), rel=1e-13)


def test_a_step_before_the_date_reaches_back() -> None:
    p = _point(level=100.0, g=1.5).with_changes([_set("g", 1.2, 2024.0)])
    got = p.path("level", "g", np.array([2022.0, 2024.0, 2026.0]))[:, 0]
    assert got == pytest.approx([100 / 1.44 / 2.25, 100 / 1.44, 100], rel=1e-13)


def test_ramps_of_growth_by_hand() -> None:
    """A set value moves evenly: the mean of its logarithm is that of the identric mean; a factor, the geometric."""
    a, b = 1.3, 1.9
    mean = (b * math.log(b) - a * math.log(a)) / (b - a) - 1.0
    p = _point(g=a).with_changes([_set("g", b, 2027.0, 3.0)])
    got = p.ln_growth("g", 2026.0, np.array([2027.0, 2030.0, 2031.0]))[:, 0]
    assert got == pytest.approx([math.log(a), math.log(a) + 3 * mean, math.log(a) + 3 * mean + math.log(b)], abs=1e-13)
    p = _point(g=a).with_changes([Change("g", "mul", np.array([1.2]), 2027.0, 3.0)])
    got = p.ln_growth("g", 2027.0, np.array([2030.0]))[0, 0]
    assert got == pytest.approx(3 * math.log(a) + 1.5 * math.log(1.2), abs=1e-13)
    p = _point(g=a).with_changes([Change("g", "growth", np.array([1.02]), 2027.0)])
    got = p.ln_growth("g", 2026.0, np.array([2031.0]))[0, 0]
    assert got == pytest.approx(5 * math.log(a) + 8 * math.log(1.02), abs=1e-13)


@given(st.sampled_from(["set", "mul", "add"]), st.floats(1.05, 1.9), st.floats(2025.0, 2034.0), st.floats(0.0, 6.0))
def test_levels_do_not_jump_when_growth_changes(op: str, effect: float, year: float, ramp: float) -> None:
    p = _point(level=1.0, g=1.4).with_changes([Change("g", op, np.array([effect]), year, ramp)])  # type: ignore[arg-type]
    for edge in (year, year + ramp):
        before, after = p.path("level", "g", np.array([edge - 1e-7, edge + 1e-7]))[:, 0]
        assert after == pytest.approx(before, rel=1e-6)


def test_a_short_ramp_is_nearly_a_step() -> None:
    step = _point(g=1.4).with_changes([_set("g", 1.9, 2028.0)])
    ramp = _point(g=1.4).with_changes([_set("g", 1.9, 2028.0, 1e-3)])
    year = np.array([2033.0])
    assert ramp.ln_growth("g", 2026.0, year) == pytest.approx(step.ln_growth("g", 2026.0, year), abs=1e-3)


# ---- levels that are stated from a year on


def test_a_level_holds_in_the_year_it_is_stated_for_and_grows_from_there() -> None:
    p = _point(level=100.0, g=1.5).with_changes([_set("level", 80.0, 2028.0)])
    got = p.path("level", "g", np.array([2026.0, 2027.99, 2028.0, 2030.0]))[:, 0]
    assert got == pytest.approx([100, 100 * 1.5**1.99, 80, 180])
    p = _point(level=100.0, g=1.5).with_changes([Change("level", "add", np.array([20.0]), 2027.0, 1.0)])
    got = p.path("level", "g", np.array([2027.0, 2028.0, 2029.0]))[:, 0]
    assert got == pytest.approx([150, 225 + 20, 337.5 + 30])
    least = _point(level=100.0, g=1.5).with_changes([Change("level", "max", np.array([300.0]), 2028.0)])
    assert least.path("level", "g", np.array([2027.0, 2028.0, 2029.0]))[:, 0] == pytest.approx([150, 300, 450])


def test_a_level_stated_from_before_its_date_is_that_of_its_date() -> None:
    p = _point(level=100.0, g=1.5).with_changes([_set("level", 80.0, 2023.0)])
    assert p.path("level", "g", np.array([2026.0, 2027.0]))[:, 0] == pytest.approx([80, 120])


def test_factors_on_a_level_do_not_depend_on_its_growth() -> None:
    p = _point(level=100.0, g=1.5).with_changes([Change("level", "mul", np.array([2.0]), 2028.0)])
    assert p.path("level", "g", np.array([2027.0, 2028.0]))[:, 0] == pytest.approx([150, 450])


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("power.facility_w", lambda p, y: power.facility_w_per_h100e(p, y) / cooling.facility_factor(p, y)),
        (
            "capital.capex_usd",  # without the share of world product that caps it in some futures
            lambda p, y: capital.capex_usd(p.with_changes([_set("capital.world_product_share", 1.0, 2020.0)]), y),
        ),
        ("capital.usd_per_h100e", capital.usd_per_h100e),
        (
            "trend.line_flop",
            lambda p, y: trend_flop(p.with_changes([_set("trend.flop", 1.0, 2020.0)]), y) / p["trend.level_factor"],
        ),
    ],
)
def test_levels_of_the_model_hold_in_the_year_they_are_stated_for(name: str, read: Callable[..., np.ndarray]) -> None:
    _, state = _world("2026")
    value = 0.9 * float(np.median(read(state, np.array([2030.0]))))
    later = state.with_changes([_set(name, value, 2030.0)])
    assert read(later, np.array([2030.0])) == pytest.approx(np.full((1, 32), value), rel=1e-9)
    ratio = read(later, np.array([2032.0])) / value
    usual = read(state, np.array([2032.0])) / read(state, np.array([2030.0]))
    assert ratio == pytest.approx(usual, rel=1e-9)


def test_what_was_counted_once_does_not_change_later() -> None:
    world, state = _world("2026")
    for name, limit in (("chips.stock_h100e", "chips"), ("capital.firm_h100e", "capital"), ("power.ai_w", "power")):
        later = state.with_changes([Change(name, "mul", np.array([3.0]), 2029.0)])
        assert np.array_equal(
            LIMITS[limit].ceiling(later, YEARS[1:], world.structure),
            LIMITS[limit].ceiling(state, YEARS[1:], world.structure),
        )


def test_tokens_stated_from_a_year_on_are_the_tokens_of_that_year() -> None:
    world, state = _world("2026")
    at = np.array([2029.0, 2030.0, 2031.0])
    free = data_limit.effective_tokens(state, at, world.structure)
    factor = state["data.quality"] * data_limit.epochs_worth(state["data.epochs"], state["data.repetition_constant"])
    for name, per_unit in (("data.text_tokens", 1.0), ("data.images", state["data.tokens_per_image"])):
        more = state.with_changes([Change(name, "add", np.array([1e14]), 2030.0)])
        gain = data_limit.effective_tokens(more, at, world.structure) - free
        assert gain[0] == pytest.approx(np.zeros(32), abs=1e6)
        assert gain[1] == pytest.approx(1e14 * per_unit * factor, rel=1e-9)
        assert gain[2] == pytest.approx(1e14 * per_unit * factor * state["data.growth"], rel=1e-9)


# ---- rates that are added up


def test_yearly_additions_count_from_the_year_they_are_stated_for() -> None:
    p = _point(
        power__ai_w=1e10, power__grid_under_way_w_per_yr=1e9, power__grid_lead_yr=2.0, power__grid_new_w_per_yr=4e9,
        power__grid_max_w=1e12, power__grid_w=0.0, power__buildout=1.0, power__additions_growth=1.0,
    ).with_changes([_set("power.grid_new_w_per_yr", 20e9, 2032.0)])  # fmt: skip
    got = power.source_w(p, "grid", np.array([2028.0, 2032.0, 2033.0, 2035.0]))[:, 0]
    assert got == pytest.approx([2e9, 18e9, 38e9, 78e9])
    ramp = p.without_changes().with_changes([Change("power.buildout", "mul", np.array([3.0]), 2030.0, 2.0)])
    got = power.source_w(ramp, "grid", np.array([2030.0, 2032.0, 2033.0]))[:, 0]
    # 3 ** (t / 2) from 2030 to 2032: its integral is 2 (3 - 1) / ln 3
    assert got == pytest.approx([10e9, 10e9 + 4e9 * 4 / math.log(3), 10e9 + 4e9 * (4 / math.log(3) + 3)], rel=1e-4)


def test_tools_bought_a_year_count_from_then_on() -> None:
    _, state = _world("2026")
    at = np.array([2030.0, 2031.0, 2034.0])
    more = state.with_changes([Change("chips.euv_tools_per_yr", "add", np.array([100.0]), 2031.0)])
    gain = chips.production_caps(more, at)["lithography"] / chips.production_caps(state, at)["lithography"]
    tools = state["chips.euv_tools"] + state["chips.euv_tools_per_yr"] * (at[:, None] - 2026.0)
    assert gain == pytest.approx(1.0 + np.array([[0.0], [0.0], [300.0]]) / tools, rel=1e-9)


def test_a_cap_stated_from_a_year_on_leaves_the_years_before() -> None:
    """A cap of zero means that none is stated: it must not stop all production until the year it is stated for."""
    world, state = _world("epoch-2024")
    later = state.with_changes([_set("chips.packaging_wafers_per_month", 1e5, 2030.0)])
    at = np.arange(2024.0, 2031.0)
    caps = chips.production_caps(later, at)["packaging"]
    assert np.all(np.isinf(caps[:-1]))
    assert np.all(np.isfinite(caps[-1]))
    stock = chips.stock_h100e(later, at, world.structure)
    assert np.array_equal(stock[:-1], chips.stock_h100e(state, at, world.structure)[:-1])


def test_a_longer_life_keeps_chips_from_then_on() -> None:
    world, state = _world("2026")
    later = state.with_changes([Change("chips.life_yr", "mul", np.array([1.5]), 2033.0)])
    at = np.array([2030.0, 2032.0, 2033.0, 2036.0])
    ratio = chips.stock_h100e(later, at, world.structure) / chips.stock_h100e(state, at, world.structure)
    assert np.array_equal(ratio[:2], np.ones((2, 32)))
    assert np.all(ratio[2:] > 1.0)


def test_trend_and_algorithms_piece_by_piece() -> None:
    p = _point(
        trend__flop=1.0, trend__line_flop=1e27, trend__level_factor=1.0, trend__growth=4.0,
        effective__algorithmic_halving_months=12.0,
        effective__density_doubling_months=6.0,
    ).with_changes(
        [
            _set("trend.growth", 2.0, 2028.0),
            _set("effective.algorithmic_halving_months", 6.0, 2027.0),
            _set("effective.density_doubling_months", 12.0, 2025.0),
        ]
    )  # fmt: skip
    assert trend_flop(p, np.array([2028.0, 2030.0]))[:, 0] == pytest.approx([16e27, 64e27])
    assert algorithm_gain(p, np.array([2024.0, 2027.0, 2029.0]))[:, 0] == pytest.approx([1, 8, 128])
    assert density_gain(p, np.array([2026.0]))[0, 0] == pytest.approx(2**3)
    assert effective_growth(p, 2027.0)[0] == pytest.approx([math.log(4) + 2 * math.log(2)])
    assert effective_growth(p, 2028.0)[0] == pytest.approx([math.log(2) + 2 * math.log(2)])


def test_faster_chips_from_2027_by_hand() -> None:
    """What was reported: the answer did not move. Two years of 1.9 instead of 1.44 before a cap binds."""
    _, state = _world("epoch-2024")
    free = {**state.values, "chips.wafers_per_month": np.array([1e9]), "chips.performance_growth": np.array([1.44])}
    p = State(free, state.at_year)
    later = p.with_changes([_set("chips.performance_growth", 1.9, 2027.0)])
    at = np.array([2025.5, 2026.5, 2028.5])
    plan = chips.annual_production(later, at - 0.5) / chips.annual_production(p, at - 0.5)
    assert plan[0] == pytest.approx(np.ones(32))
    assert plan[1] == pytest.approx(np.ones(32))
    within = [1 + g**2 / 24 * (1 + g**2 / 80) for g in (np.log(p["chips.growth_initial"] * x) for x in (1.9, 1.44))]
    assert plan[2] == pytest.approx((1.9 / 1.44) ** 1.5 * within[0] / within[1], rel=1e-9)


# ---- through the forecast and what reads it


def test_a_forecast_with_faster_chips_from_2027_is_another() -> None:
    free = liebig.forecast(samples=256)
    later = liebig.forecast(samples=256, set={"chips.performance_growth": "1.9 from 2027"})
    always = liebig.forecast(samples=256, pin={"chips.performance_growth": 1.9})
    i, j = free.at(2027), free.at(2030)
    assert later.ceilings["chips"][: i + 1] == pytest.approx(free.ceilings["chips"][: i + 1], rel=1e-12)
    assert free.ceilings["chips"][j, 2] < later.ceilings["chips"][j, 2] < always.ceilings["chips"][j, 2]
    assert not later.notes


def test_blocks_of_simulations_keep_their_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    import liebig.forecast.simulate as engine

    inputs = make_input(
        set={"trend.growth": "3 from 2028"}, levers=["routing", "smr"], samples=150, pin={"trend.level_factor": 1.0}
    )
    world = build_world(inputs, load_catalog())
    years = np.arange(2025.0, 2041.0)
    whole = evaluate(world, years, 150, 0)
    monkeypatch.setattr(engine, "sobol_blocks", lambda d, n, s, extra: sobol_blocks(d, n, s, block=64, extra=extra))
    parts = evaluate(world, years, 150, 0)
    for i in range(len(years)):
        assert parts.trend(i) == pytest.approx(whole.trend(i), rel=1e-12)
        assert parts.algorithm_gain(i) == pytest.approx(whole.algorithm_gain(i), rel=1e-12)


def test_joined_blocks_hold_the_effects_of_each() -> None:
    later = Change("y", "set", np.array([2.0]))
    blocks = [
        State({"x": np.array(v), "y": np.array([1.0])}, changes=(Change("x", "mul", np.array(e)), later))
        for v, e in (([1.0, 2.0], [3.0, 4.0]), ([5.0], [6.0]))
    ]
    whole = join_states(blocks, ["x", "y"])
    assert whole.at("x", np.array([2030.0]))[0] == pytest.approx([3, 8, 30])
    assert whole.at("y", np.array([2030.0])).shape == (1, 1)


def test_rankings_and_sensitivity_follow() -> None:
    options = {"samples": 256, "set": {"data.growth": "1.5 from 2027"}, "switches": ["no-power", "no-capital"]}
    plain = {**options, "set": {}}
    one, two = (liebig.forecast.rank_levers(2032, **o) for o in (options, plain))
    assert one.minimum[1] > 1.05 * two.minimum[1]
    one_s, two_s = (liebig.forecast.find_sensitivity(2032, **o) for o in (options, plain))
    assert one_s.median_flop > 1.05 * two_s.median_flop


def test_the_check_of_the_chip_model_reads_no_change() -> None:
    assert [c.year for c in check_chip_model(samples=256)] == [2025, 2026]


def test_the_observed_allocation_is_a_parameter_like_others() -> None:
    free, third = (liebig.forecast(samples=64, switches=s) for s in ([], ["observed-allocation"]))
    half = liebig.forecast(samples=64, switches=["observed-allocation"], pin={"observed_allocation_factor": 0.5})
    i = free.at(2030)
    for result, factor in ((third, 1 / 3), (half, 0.5)):
        assert result.ceilings["chips"][i] == pytest.approx(factor * free.ceilings["chips"][i])


# ---- notes


def test_what_changes_nothing_is_said() -> None:
    notes = liebig.forecast(
        samples=64,
        pin={"latency.batch_tokens_literal": 1e7, "run.share": 0.2},
        set={"chips.stock_h100e": "40M H100e from 2030"},
        levers=["fpga", "diloco@2038"],
        switches=["latency-mechanism", "no-retirement"],
        until=2036,
    ).notes
    assert len(notes) == 5
    for start in (
        "latency.batch_tokens_literal, stated by the scenario, changes no answer of this forecast; none of the",
        "chips.stock_h100e from 2030 changes no answer of this forecast; it is what was counted in 2026",
        "fpga: no effect found in the evidence",
        "diloco from 2038: after 2036",
        "switch latency-mechanism: already so in the set 2026",
    ):
        assert sum(n.startswith(start) for n in notes) == 1, start


def test_a_guard_that_does_not_bind_is_said_and_one_that_binds_is_not() -> None:
    assert any("power.grid_max_w" in n for n in liebig.forecast(samples=64, pin={"power.grid_max_w": "900 GW"}).notes)
    assert not liebig.forecast(samples=64, pin={"power.wind_max_w": "1 GW"}).notes
    assert not liebig.forecast(samples=64, add={"power.smr": "10 GW from 2032"}).notes
    after = liebig.forecast(samples=64, add={"power.smr": "10 GW from 2032"}, until=2030).notes
    assert after == ("power.smr_w from 2032: after 2030, the last year shown",)


def test_a_lever_on_limits_that_are_not_in_use_is_said() -> None:
    notes = liebig.forecast(samples=64, facts="epoch-2024", levers=["closed-loop-cooling"]).notes
    assert not any("closed-loop" in n for n in notes)  # it costs power
    notes = liebig.forecast(samples=64, levers=["shallower-models"], switches=["no-latency"]).notes
    assert notes == ("shallower-models: none of the limits in use reads what it moves, so applying it changes nothing",)


def test_both_sides_of_a_comparison_have_their_notes() -> None:
    compared = liebig.forecast.compare(
        make_input(samples=64), make_input(samples=64, pin={"demand.inference_share": 0.4}), samples=64
    )
    assert not compared.a.notes
    assert any("demand.inference_share" in n for n in compared.b.notes)


def test_a_pin_has_no_first_year() -> None:
    with pytest.raises(InputError, match="use set for a value from a year on"):
        liebig.forecast(samples=64, pin={"run.share": "0.2 from 2030"})


def test_a_negative_exponent_can_be_stated() -> None:
    result = liebig.forecast(samples=64, pin={"latency.wall_latency_exponent": -0.4})
    assert not np.array_equal(result.ceilings["latency"], liebig.forecast(samples=64).ceilings["latency"])
