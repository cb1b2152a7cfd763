"""Back-tests use only what was known, and say what they missed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from liebig.catalog import Catalog, load_catalog
from liebig.errors import RangeError
from liebig.evidence.forecast import backtest_chips, backtest_runs, check_chip_model
from liebig.evidence.forecast.backtest import METHODS, _failures, make_case, run_history
from liebig.evidence.forecast.chip_backtest import quarterly_supply
from liebig.evidence.forecast.record_trend import STOOD_ON, fit_record_trend
from liebig.forecast.inputs import make_input
from liebig.forecast.progress import trend_flop
from liebig.forecast.simulate import sample_state
from liebig.forecast.world import build_world


@pytest.fixture(scope="module")
def runs():
    return backtest_runs()


def test_what_comes_later_cannot_change_a_forecast(runs, catalog: Catalog) -> None:
    """Models published from 2021 on are made a thousand times larger: forecasts made by 2021 stay the same."""
    models = tuple(
        m.model_copy(update={"training_flop": m.training_flop * 1e3})
        if m.training_flop and m.published >= "2021"
        else m
        for m in catalog.models()
    )
    other = backtest_runs(catalog=dataclasses.replace(catalog, overlays={"models": models}))
    before = [c for c in runs.cases if int(c.origin) <= 2021]
    after = [c for c in other.cases if int(c.origin) <= 2021]
    assert len(before) == len(after) > 50
    for a, b in zip(before, after, strict=True):
        assert a.predicted == b.predicted
    assert any(a.truth != b.truth for a, b in zip(before, after, strict=True))


def test_every_year_is_stood_in(runs) -> None:
    assert {int(c.origin) for c in runs.cases} == set(range(2015, 2026))
    assert {c.ahead for c in runs.cases} == {1, 2, 3}
    assert {c.method for c in runs.cases} == set(METHODS)


def test_scores_add_up(runs) -> None:
    for score in runs.scores:
        cases = [c for c in runs.cases if c.method == score.method]
        assert score.n == len(cases)
        assert score.coverage == pytest.approx(np.mean([c.predicted.p10 <= c.truth <= c.predicted.p90 for c in cases]))
        assert score.bias == pytest.approx(np.mean([c.predicted.p50 - c.truth for c in cases]))


def test_the_trend_beats_the_baselines_and_its_interval_holds(runs) -> None:
    """Both baselines have intervals; a point would have its absolute error for a score."""
    by = {s.method: s for s in runs.scores}
    for other in ("random-walk", "naive-growth", "naive-constant"):
        assert by["trend"].crps < by[other].crps
        assert by["trend"].mae < by[other].mae
        assert by[other].width > 0.5
    assert by["trend"].coverage >= 0.8
    assert by["trend"].mae == pytest.approx(
        np.mean([abs(c.predicted.p50 - c.truth) for c in runs.cases if c.method == "trend"])
    )


def test_what_is_scored_is_what_is_forecast(catalog: Catalog) -> None:
    """The parameters of the set 2026 are those that the scored method finds, and its draws are the forecast's."""
    past = run_history(catalog).before(STOOD_ON)
    fitted = fit_record_trend(past.years, past.log_flop, STOOD_ON)
    row = catalog.parameters("2026")
    assert row["trend.line_flop"].p50 == pytest.approx(fitted.line_flop, rel=1e-3)
    assert row["trend.line_flop"].at_year == STOOD_ON
    assert (row["trend.growth"].p10, row["trend.growth"].p50, row["trend.growth"].p90) == pytest.approx(
        fitted.growth, rel=1e-3
    )
    assert (row["trend.level_factor"].p10, row["trend.level_factor"].p90) == pytest.approx(
        fitted.level_factor, rel=1e-3
    )
    assert row["trend.flop"].p50 == pytest.approx(fitted.record_flop)
    world = build_world(make_input(facts="2026"), catalog)
    state = sample_state(world, 8192, 0)[0]
    for ahead in (1, 2, 3):
        scored = 10 ** METHODS["trend"][0](past, STOOD_ON, ahead, np.random.default_rng(0))
        shown = trend_flop(state, np.array([STOOD_ON + ahead]))[0]
        assert np.quantile(shown, (0.1, 0.5, 0.9)) == pytest.approx(np.quantile(scored, (0.1, 0.5, 0.9)), rel=0.1)


def test_misses_are_named() -> None:
    """The worst horizon of each origin; baselines are not named."""
    low, high = (make_case("x", "trend", "2019", h, np.linspace(20.0, 21.0, 11), t) for h, t in ((1, 22.0), (2, 18.0)))
    held = make_case("x", "trend", "2020", 1, np.linspace(20.0, 21.0, 11), 20.5)
    naive = make_case("x", "naive-growth", "2019", 1, np.array([20.0]), 22.0)
    assert [c.covered for c in (low, high, held, naive)] == [False, False, True, False]
    (told,) = _failures([low, high, held, naive])
    assert told.startswith("trend, standing in 2019: too high by a factor of 316.2 for 2 ahead")


def test_the_truth_is_the_record(catalog: Catalog, runs) -> None:
    history = run_history(catalog)
    case = next(c for c in runs.cases if c.origin == "2020" and c.ahead == 1)
    known = [m.training_flop for m in catalog.models() if m.training_flop and m.published < "2021"]
    assert 10**case.truth <= max(known) * 1.0001
    assert history.record(2021.0) == case.truth


def test_no_year_to_compare() -> None:
    with pytest.raises(RangeError, match="no back-test from 2039 to 2040"):
        backtest_runs(2039, 2040)


def test_quarterly_counts_are_those_published() -> None:
    """Million H100e per year, limits.md section 3; the quarters of 2025."""
    quarters, flow = quarterly_supply(load_catalog(), complete=False)
    year = {y: sum(f for q, f in zip(quarters, flow, strict=True) if q.startswith(y)) / 1e6 for y in ("2023", "2024")}
    assert year["2023"] == pytest.approx(1.29, abs=0.006)
    assert year["2024"] == pytest.approx(4.91, abs=0.006)
    last = [f / 1e6 for q, f in zip(quarters, flow, strict=True) if q.startswith("2025")]
    assert last == pytest.approx([2.44, 2.79, 3.57, 4.37], abs=0.006)


def test_the_chip_model_of_2024_against_the_count() -> None:
    """limits.md section 4: 7.3 / 12.7 / 28.9 million, counted 19.7 million, the 78th percentile."""
    check = check_chip_model()[1]
    assert check.year == 2026
    assert list(check.stock.scaled(1e-6)) == pytest.approx([7.3, 12.7, 28.9], rel=0.03)
    assert check.counted / 1e6 == pytest.approx(19.67, abs=0.05)
    assert check.percentile == pytest.approx(0.78, abs=0.02)


def test_chips_by_quarter() -> None:
    found = backtest_chips()
    by = {s.method: s for s in found.scores}
    assert by["random-walk"].crps < by["naive-growth"].crps
    assert 0.6 < by["random-walk"].coverage <= 1
    assert found.caveats
