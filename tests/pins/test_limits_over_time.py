"""Parameters that change from a year on, worked out by hand; levels hold in 2026 (``parameters``)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from liebig.limits import LIMITS, Change, State, Structure, capital, chips, join_states, power
from liebig.limits import data as data_limit
from liebig.limits.change import pieces, ramps_between
from liebig.limits.growth import decaying_growth, decaying_rate, ln_decaying_growth
from pins.parameters import change, state

PLAIN = Structure(tuple(LIMITS), retirement=False)


def _years(*years: float) -> Any:
    return np.array(years)


def _level(*changes: Change, growth: float = 2.0) -> State:
    """100 in 2026 that doubles each year, and a rate of 1."""
    values = {"level": np.array([100.0]), "growth": np.array([growth]), "rate": np.array([1.0])}
    return State(values, {"level": 2026.0}, changes)


# ---- what is added up


def test_a_rate_that_steps() -> None:
    """1 a year, 3 from 2028 on: 2 by 2028, 5 by 2029; 1 less a year before."""
    s = _level(change("rate", "set", 3.0, 2028.0))
    got = s.integral(["rate"], lambda r, t: r * t, 2026.0, _years(2025.0, 2026.0, 2028.0, 2029.0))
    assert got[:, 0] == pytest.approx([-1, 0, 2, 5])
    # before the date it is added up backwards, with the rates of its time
    early = _level(change("rate", "set", 3.0, 2024.0))
    assert early.integral(["rate"], lambda r, t: r * t, 2026.0, _years(2023.0, 2027.0))[:, 0] == pytest.approx([-7, 3])


def test_a_rate_that_ramps() -> None:
    """From 1 to 3 between 2028 and 2030: 2 + (1 + 2)/2 by 2029, 2 + 4 by 2030, 9 by 2031; exact with the rate, and
    month by month.
    """
    s = _level(change("rate", "set", 3.0, 2028.0, 2.0))
    for rate in (lambda r, t: r + 0.0 * t, None):
        got = s.integral(["rate"], lambda r, t: r * t, 2026.0, _years(2029.0, 2030.0, 2031.0), rate)
        assert got[:, 0] == pytest.approx([3.5, 6, 9])
    # a rate that grows by e a year from 2028 on adds up to e - 1 in the year after
    s = _level(change("rate", "growth", math.e, 2028.0))
    got = s.integral(["rate"], lambda r, t: r * t, 2026.0, _years(2028.0, 2029.0), lambda r, t: r + 0.0 * t)
    assert got[:, 0] == pytest.approx([2, 2 + math.e - 1])
    monthly = s.integral(["rate"], lambda r, t: r * t, 2026.0, _years(2029.0))
    assert monthly[0, 0] == pytest.approx(2 + math.e - 1, rel=1e-3)
    assert monthly[0, 0] != pytest.approx(2 + math.e - 1, rel=1e-6)  # the middle of a month stands for it


def test_edges_between_changes() -> None:
    """The date, the years asked for, the beginning and the end of a ramp, and its parts; within the years alone."""
    step, ramp = change("x", "set", 1.0, 2027.5), change("x", "set", 1.0, 2028.25, 1.0)
    assert pieces([step], 2026.0, _years(2030.0, 2028.0), 1).tolist() == [2026, 2027.5, 2028, 2030]
    assert pieces([ramp], 2026.0, _years(2030.0), 1).tolist() == [2026, 2028, 2028.25, 2029, 2029.25, 2030]
    assert pieces([ramp], 2026.0, _years(2028.5), 2).tolist() == [2026, 2028, 2028.25, 2028.5]
    assert pieces([step, ramp], 2026.0, _years(2020.0, 2027.0), 1).tolist() == [2020, 2026, 2027]
    grows = change("x", "growth", 2.0, 2028.0)
    assert pieces([grows], 2026.0, _years(2030.0), 1).tolist() == [2026, 2028, 2029, 2030]
    left, right = _years(2026.0, 2028.0, 2028.25, 2029.25), _years(2028.0, 2028.25, 2029.25, 2030.0)
    assert ramps_between([step, ramp], left, right).tolist() == [False, False, True, False]
    assert ramps_between([grows], _years(2026.0, 2028.0), _years(2028.0, 2029.0)).tolist() == [False, True]


def test_when_a_change_is_complete() -> None:
    step, ramp, grows = (
        change("x", "mul", 2.0, 2028.0),
        change("x", "set", 2.0, 2028.0, 3.0),
        change("x", "growth", 2.0),
    )
    assert (step.is_step, ramp.is_step, grows.is_step) == (True, False, False)
    assert (step.full_year, ramp.full_year) == (2028.0, 2031.0)
    assert (step.states_amount, ramp.states_amount, grows.states_amount) == (False, True, False)


# ---- levels that grow


def test_a_growth_factor_that_changes() -> None:
    """Doubling until 2028, then by 1.5: 400 in 2028, 600 in 2029; falling, 25 and 100/6."""
    s = _level(change("growth", "set", 1.5, 2028.0))
    assert s.path("level", "growth", _years(2027.0, 2028.0, 2029.0))[:, 0] == pytest.approx([200, 400, 600])
    assert s.path("level", "growth", _years(2028.0, 2029.0), falling=True)[:, 0] == pytest.approx([25, 100 / 6])
    assert s.ln_growth("growth", 2026.0, _years(2029.0))[0, 0] == pytest.approx(math.log(6))
    # from 2 to 8 between 2027 and 2029 on the logarithmic scale: ln 2, and then 2 ln 2 a year on average
    s = _level(change("growth", "mul", 4.0, 2027.0, 2.0))
    assert s.ln_growth("growth", 2026.0, _years(2029.0))[0, 0] == pytest.approx((1 + 4) * math.log(2))


def test_an_amount_that_is_stated_from_a_year_on() -> None:
    """50 in 2028 is 100 a year later; 50 more in 2028, where there are 400, 900 in 2029; at least 1,000; twice."""
    years = _years(2027.0, 2028.0, 2029.0)
    for op, effect, values in (
        ("set", 50.0, [200, 50, 100]), ("add", 50.0, [200, 450, 900]), ("max", 1000.0, [200, 1000, 2000]),
        ("max", 300.0, [200, 400, 800]), ("mul", 2.0, [200, 800, 1600]),
    ):  # fmt: skip
        s = _level(change("level", op, effect, 2028.0))
        assert s.path("level", "growth", years)[:, 0] == pytest.approx(values), op
    # stated from the level's date on, from a year before it, or always: the amount of that date
    for year in (2026.0, 2020.0, -np.inf):
        s = _level(change("level", "set", 50.0, year))
        assert s.path("level", "growth", _years(2026.0, 2028.0))[:, 0] == pytest.approx([50, 200])


def test_an_amount_that_builds_up() -> None:
    """80 in 2029, over two years: next to 100 before growth they are 10, half way 55, times 4 in 2028."""
    s = _level(change("level", "set", 80.0, 2027.0, 2.0))
    assert s.path("level", "growth", _years(2027.0, 2028.0, 2029.0))[:, 0] == pytest.approx([200, 220, 80])


def test_a_level_that_is_counted_once() -> None:
    """A change from a later year on does not reach what was counted in 2026; one from then on does."""
    s = _level(change("level", "mul", 3.0, 2027.0), change("level", "mul", 2.0, 2026.0))
    assert s.dated("level").tolist() == [[200.0]]
    s = _level(change("rate", "set", 5.0, 2026.0))
    assert s.dated("rate", of="level").tolist() == [[5.0]]


def test_a_level_before_its_growth() -> None:
    """50 from 2028 on are 50/4 before two years of doubling; with another date 50/2."""
    s = _level(change("level", "set", 50.0, 2028.0))

    def curve(date: float) -> Any:
        return lambda t: s.ln_growth("growth", date, t)

    years = _years(2027.0, 2028.0)
    assert s.rebased("level", curve(2026.0), years)[:, 0] == pytest.approx([100, 12.5])
    assert s.rebased("level", curve(2027.0), years, 2027.0)[:, 0] == pytest.approx([100, 25])
    assert s.grown("level", curve(2026.0), years)[:, 0] == pytest.approx([200, 50])


def test_growth_that_decays() -> None:
    """From e² to e with a time of two years: g = 1 + exp(-t/2); by t it adds up to t + 2·(1 - exp(-t/2))."""
    two, one, tau = np.array(math.e**2), np.array(math.e), np.array(2.0)
    t = np.array([-1.0, 0.0, 2.0])
    assert decaying_growth(two, one, tau, t) == pytest.approx([-2, 0, 2 + 2 * (1 - 1 / math.e)])
    assert decaying_rate(two, one, tau, t) == pytest.approx([2, 2, 1 + 1 / math.e])
    s = state([change("chips.growth_long_run", "set", math.e**2, 2028.0)], chips__growth_initial=math.e**2,
              chips__growth_long_run=math.e)  # fmt: skip
    names = ("chips.growth_initial", "chips.growth_long_run", "chips.growth_decay_yr")
    got = ln_decaying_growth(s, names, 2026.0, _years(2028.0, 2029.0))[:, 0]
    assert got == pytest.approx([2 + 2 * (1 - 1 / math.e), 4 + 2 * (1 - 1 / math.e)])


def test_simulations_in_blocks() -> None:
    """Values and effects of blocks one after the other; points stay points."""

    def block(*x: float) -> State:
        return State({"x": np.array(x), "y": np.array([7.0]), "z": np.array([8.0])}, {"y": 2026.0},
                     (Change("x", "mul", np.array(x)), Change("z", "mul", np.array([1.0]))))  # fmt: skip

    both = join_states([block(1.0, 2.0), block(3.0)], ["x", "y"])
    assert (both["x"].tolist(), both["y"].tolist(), set(both.values)) == ([1, 2, 3], [7], {"x", "y"})
    assert [c.effect.tolist() for c in both.changes] == [[1, 2, 3]]
    assert both.year_of("y") == 2026.0
    assert join_states([block(1.0, 2.0)], ["z"])["z"].tolist() == [8.0]


# ---- limits whose parameters change


def test_caps_that_are_stated_from_a_year_on() -> None:
    """1,000 wafers a month from 2028 on: no cap before; then 12·1,000·10 chips, growing as units do."""
    s = state([change("chips.packaging_wafers_per_month", "set", 1000.0, 2028.0)], chips__growth_initial=1.5,
              chips__growth_long_run=1.5)  # fmt: skip
    got = chips.production_caps(s, _years(2027.0, 2028.0, 2029.0))["packaging"][:, 0]
    assert got.tolist() == [np.inf, pytest.approx(120_000), pytest.approx(180_000)]
    slow = state([change("chips.foundry_capex_growth", "set", 1.2, 2028.0)], chips__wafers_per_month=1000.0,
                 chips__foundry_capex_growth=1.4, chips__volume_per_capex=0.5)  # fmt: skip
    got = chips.production_caps(slow, _years(2029.0))["wafers"][0, 0]
    assert got == pytest.approx(12_000 * 1.2**2 * 1.1 * 25)
    faster = state([change("chips.performance_growth", "set", 2.0, 2027.0)], chips__wafers_per_month=1000.0)
    assert chips.production_caps(faster, _years(2029.0))["wafers"][0, 0] == pytest.approx(12_000 * 25 * 4)
    tools = state([change("chips.euv_tools_per_yr", "set", 5.0, 2028.0)], chips__euv_tools=10.0)
    got = chips.production_caps(tools, _years(2030.0))["lithography"][0, 0]
    assert got == pytest.approx((10 + 5 * 2) * 0.5e9 / 1000)


def test_production_whose_growth_changes() -> None:
    """2 times as many units a year from 2028 on: 1e6·2^0.5 in the middle of 2028, sinh(g/2)/(g/2) of it in the year."""
    s = state([change("chips.growth_initial", "set", 2.0, 2028.0), change("chips.growth_long_run", "set", 2.0, 2028.0)])
    half = math.log(2) / 2
    got = chips.annual_production(s, _years(2027.0, 2028.0))[:, 0]
    assert got == pytest.approx([1e6, 1e6 * math.sqrt(2) * math.sinh(half) / half], rel=1e-5)


def test_lives_that_become_longer() -> None:
    """Chips of a year's age in 2026 are 4 years old in 2029: of a life of 4 years half stay, of 8 all."""
    structure = Structure(tuple(LIMITS))
    none = {"chips__production_h100e_per_yr": 0.0}
    years = _years(2029.0, 2030.0)
    s = state([change("chips.life_yr", "set", 8.0, 2030.0)], **none)
    assert chips.stock_h100e(s, years, structure)[:, 0] == pytest.approx([0.5e6, 1e6 * (1.5 - 5 / 8)])
    made = chips.surviving(np.array([[100.0]]), _years(2026.0), years, np.array([[4.0], [8.0]]))
    assert made[:, 0] == pytest.approx([100 * (1.5 - 2.5 / 4), 100.0])


def test_sources_that_are_sped_up() -> None:
    """1 GW a year under way, 3 GW a year from 2028 on, decided or not: 2 GW by 2028, 8 GW by 2030."""
    s = state([change("power.wind_under_way_w_per_yr", "set", 3e9, 2028.0)], power__wind_lead_yr=9.0,
              power__wind_under_way_w_per_yr=1e9)  # fmt: skip
    assert power.source_w(s, "wind", _years(2028.0, 2030.0))[:, 0] == pytest.approx([2e9, 8e9])


def test_national_power_whose_growth_changes() -> None:
    """Data centres of 2 GW grow by 1.5, half of them not for AI by 1.2 and from 2027 on by 1.4: 2 years on
    4.5 - 1.2·1.4 GW.
    """
    s = state([change("power.non_ai_growth", "set", 1.4, 2027.0)], power__dc_growth=1.5, power__non_ai_growth=1.2)
    got = power.ai_power_w(s, _years(2028.0), Structure(tuple(LIMITS), supply="growth"))
    assert got == pytest.approx(np.array([[4.5e9 - 1.68e9]]))
    campus = state([change("power.campus_growth", "set", 3.0, 2029.0)], power__campus_growth=2.0)
    assert power.campus_w(campus, _years(2030.0)) == pytest.approx(np.array([[6e8]]))


def test_data_stated_from_a_year_on() -> None:
    """2e13 tokens in 2028 of a stock that doubles: 4e13 a year later; images of 2028 count as 10 tokens each."""
    s = state([change("data.text_tokens", "set", 2e13, 2028.0)], data__growth=2.0)
    assert data_limit.effective_tokens(s, _years(2027.0, 2029.0), PLAIN)[:, 0] == pytest.approx([2e13, 4e13])
    s = state([change("data.images", "add", 1e12, 2028.0), change("data.video_s", "add", 1e12, 2028.0),
               change("data.audio_s", "add", 2e12, 2028.0)], data__growth=2.0)  # fmt: skip
    assert data_limit.effective_tokens(s, _years(2028.0), PLAIN)[:, 0] == pytest.approx([4e13 + 1e13 + 1e13 + 1e13])


def test_spending_whose_growth_changes() -> None:
    """100 billion USD that double a year, from 2028 on by 1.5: 600 billion in 2029."""
    names = ("capital.capex_growth", "capital.capex_growth_long_run")
    s = state(
        [change(n, "set", 1.5, 2028.0) for n in names], capital__capex_growth=2.0, capital__capex_growth_long_run=2.0
    )
    assert capital.capex_usd(s, _years(2029.0)) == pytest.approx(np.array([[6e11]]))
