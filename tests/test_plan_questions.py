"""How far a run scales, what a budget buys, how a plan stands to the limits, and many plans at once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liebig.errors import ConflictError, InputError, RangeError, UnknownNameError
from liebig.forecast import make_inputs
from liebig.forecast.result import interval_of
from liebig.forecast.simulate import run_forecast
from liebig.plan import (
    budget_search,
    find_budget,
    find_scale,
    find_sweep,
    find_walls,
    headroom_of,
    plan_training,
    tasks_of,
    timeline_chart,
)
from liebig.plan import scale as scale_module
from liebig.plan import sweep as sweep_module
from liebig.plan.budget import make_budget_input
from liebig.plan.budget_chart import budget_chart
from liebig.plan.inputs import make_training_input, setup_of
from liebig.plan.loss import loss, optimal
from liebig.plan.multi_site import SiteLink, exchange_s
from liebig.plan.scale import make_scale_input
from liebig.plan.scale_chart import scale_chart
from liebig.step.pipeline import SCHEDULE_NAMES, fewest
from steady import refusing_port

# ── scale ───────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def scale():
    return find_scale(smallest=1e24, largest=1e32, per_decade=1)


def test_utilisation_falls_with_the_size_of_a_run_and_then_there_is_none(scale) -> None:
    used = [r["utilisation"] for r in scale.rows]
    known = [u for u in used if u is not None]
    assert len(used) == 9
    assert known == sorted(known, reverse=True)
    assert used[0] > 0.35
    assert used[-1] is None or used[-1] < 0.1
    assert all(r["chips"] is None or r["days"] <= 90.0 for r in scale.rows)
    assert scale.wall.knee_flop < scale.wall.wall_flop


def test_pipelines_have_as_many_micro_batches_as_their_schedule_needs(scale) -> None:
    for row in (r for r in scale.rows if r["chips"] is not None):
        which = SCHEDULE_NAMES.index(row["schedule"])
        assert row["n_micro"] >= float(fewest(which, row["pp"], row["vpp"]))
    shape = scale_module._shape(70e9, scale.given)
    lay = scale_module._layouts(np.geomspace(8, 1e6, 9), shape, 512.0)
    assert np.all(lay.n_micro >= fewest(lay.schedule, lay.pp, lay.vpp))
    assert np.any(lay.vpp > 1)
    assert np.any(lay.n_micro < lay.pp)


def test_sizes_follow_the_scaling_law(scale) -> None:
    for r in scale.rows:
        assert 6.0 * r["parameters"] * r["tokens"] == pytest.approx(r["flop"], rel=1e-6)
    n, d = optimal(5.88e23, "besiroglu")
    assert d / n == pytest.approx(20, rel=0.15)  # Besiroglu 2024: the refit agrees with 20 tokens per parameter
    n, d = optimal(1e25, "ratio", 40.0)
    assert d / n == pytest.approx(40.0)


@pytest.mark.slow
def test_what_moves_the_wall() -> None:
    base, bandwidth, latency, batch, longer = find_walls(
        make_scale_input(), ["bandwidth × 10", "latency ÷ 10", "batch × 4", "twice as long"]
    )
    assert bandwidth.knee_flop > 3 * base.knee_flop
    assert latency.wall_flop > 1.5 * base.wall_flop
    assert batch.wall_flop > 5 * base.wall_flop
    assert 2.5 < longer.wall_flop / base.wall_flop < 7  # the closed form gives 2 to the power 2.2: 4.6


def test_sites_far_apart_train_worse_unless_they_exchange_seldom() -> None:
    def used(**options: object) -> float:
        given = make_scale_input(**options)
        return scale_module._row(given, scale_module._machine(given), 1e26)["utilisation"] or 0.0

    alone = used()
    near, far = (used(sites=4, distance_km=km, site_tbit=1.0) for km in (50.0, 10_000.0))
    seldom = used(sites=4, distance_km=10_000.0, site_tbit=1.0, inner_steps=500)
    assert alone >= near >= far
    assert seldom > far
    link = SiteLink(sites=4, distance_km=1000.0, bandwidth=1e12, inner_steps=1)
    assert exchange_s(link, 1e12) > exchange_s(SiteLink(4, 1000.0, 1e12, 100), 1e12) * 50
    assert exchange_s(SiteLink(1, 1000.0, 1e12, 1), 1e12) == 0.0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"smallest": 1e30, "largest": 1e25}, "is not above"),
        ({"days": -1}, "days"),
        ({"chip": "H100", "fit": "kaplan"}, "fit"),
        ({"sites": 0}, "sites"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_scales(options: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        find_scale(**options)


# ── budget ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def five_million():
    return find_budget(usd=5e6, power_w=2e6, days=90)


def test_a_budget_is_kept_and_one_binds(five_million) -> None:
    b = five_million
    assert b.usd <= 5e6 * 1.001
    assert b.power_w <= 2e6 * 1.001
    assert b.days <= 90.001
    assert b.binds
    named = b.binds.split(" and ")
    assert all(b.headroom[n] == pytest.approx(min(b.headroom.values()), rel=0.04) for n in named)
    assert max(b.headroom[n] for n in named) < 1.1
    assert "bind" in b.summary()


def test_the_model_is_the_best_of_the_frontier(five_million) -> None:
    b = five_million
    losses = [r["loss"] for r in b.frontier]
    assert b.loss[1] == min(losses)
    best = losses.index(min(losses))
    assert 0 < best < len(losses) - 1  # neither the smallest nor the largest that was tried
    assert b.loss[0] <= b.loss[1] <= b.loss[2]
    assert b.tokens[0] <= b.tokens[1] <= b.tokens[2]
    assert b.loss[1] == pytest.approx(float(loss("besiroglu", b.parameters, b.tokens[1])))
    assert 3 < b.tokens[1] / b.parameters < 100


@pytest.mark.slow
def test_more_money_gives_less_loss_and_every_subset_works() -> None:
    small, large = (find_budget(usd=u, days=60) for u in (1e6, 1e7))
    assert large.loss[1] < small.loss[1]
    assert large.parameters > small.parameters
    for options in ({"usd": 2e6}, {"power_w": 1e6, "days": 30}, {"chips": 256, "days": 30}, {"usd": 1e6, "chips": 512}):
        assert find_budget(**options).plan.step_s[1] > 0
    assert find_budget(power_w=1e5, days=30).binds in ("power", "power and days")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "nothing limits the run"),
        ({"days": 30}, "nothing limits the run"),
        ({"usd": -5}, "usd"),
        ({"usd": 1.0, "days": 90}, "does not pay for one H100-SXM"),
        ({"usd": 1e6, "chip": "H1000"}, "unknown chip"),
        ({"usd": 1e6, "law": "kaplan"}, "law"),
    ],
)
def test_wrong_budgets(options: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        find_budget(**options)
    if told == "nothing limits the run":
        with pytest.raises(InputError, match=told):
            make_budget_input(**options)


# ── headroom ────────────────────────────────────────────────────────────────


def test_llama_3_and_its_successor_of_ten_times_the_computing() -> None:
    llama = plan_training(model="Llama3.1-405B", chips=16_384, batch=2048, tokens=15.6e12, date="2026")
    over = headroom_of(llama, samples=256)
    assert over.flop == pytest.approx(3.8e25, rel=0.1)  # the paper's own count
    assert set(over.limits) == {"power", "chips", "data", "latency", "capital", "water"}
    assert over.minimum[0] <= over.minimum[1] <= over.minimum[2]
    assert over.limits[over.first][1] == min(v[1] for v in over.limits.values())
    assert over.within > 0.99
    assert len(over.levers) > 0
    bigger = plan_training(model="1.28T", chips=160_000, batch=20_000, tokens=49e12, date="2026", tp=8, pp=20, cp=1)
    next_one = headroom_of(bigger, samples=256, levers=False)
    assert next_one.flop == pytest.approx(10 * over.flop, rel=0.15)
    assert next_one.minimum[1] == pytest.approx(over.minimum[1] * over.flop / next_one.flop, rel=1e-6)
    assert next_one.within <= over.within
    assert over.first in over.sentence()


def test_a_run_beyond_the_ceiling() -> None:
    huge = plan_training(model="10T", chips=131_072, batch=16_384, tokens=4e16, tp=8, cp=1, date="2026")
    assert headroom_of(huge, samples=256, levers=False).within < 0.1


def _dated(date: str, **options):
    plan = plan_training(model="Llama2-7B", chips=64, batch=256, seq_len=4096, tp=1, pp=1, date=date)
    return headroom_of(plan, samples=256, levers=False, **options)


def test_a_plan_is_held_against_the_ceilings_of_its_date() -> None:
    """A plan of August is not one of the next January, and one of March not one of the last."""
    dates = ["2026-01-01", "2026-03", "2026", "2026-08", "2026-12-31", "2027-01-01"]
    found = [_dated(date) for date in dates]
    for limit in ("power", "chips", "capital"):
        heights = [over.limits[limit].p50 for over in found]
        assert heights == sorted(set(heights)), "more is feasible later, and every date has its own ceiling"
    forecast = run_forecast(make_inputs(None, {"samples": 256}))
    for over, year in ((found[0], 2026), (found[-1], 2027)):
        i = forecast.at(year)
        for limit, interval in over.limits.items():
            assert interval.scaled(over.flop) == pytest.approx(interval_of(forecast.ceilings[limit][i]), rel=1e-9)
        assert over.minimum.scaled(over.flop) == pytest.approx(interval_of(forecast.minimum[i]), rel=1e-9)
    assert [over.to_dict()["year"] for over in found] == [2026] * 5 + [2027]
    assert found[3].sentence().startswith("In the middle of 2026-08 the plan is within")
    assert found[-1].sentence().startswith("On 2027-01-01 the plan is within")


def test_a_plan_from_before_the_forecast_is_held_against_its_first_day() -> None:
    past, first = _dated("2024-05"), _dated("2025-01-01")
    assert (past.date, past.plan_date, past.limits) == ("2025-01-01", "2024-05", first.limits)
    assert "On 2025-01-01, where the forecast begins, the plan is" in past.sentence()
    assert past.to_dict()["date"] == "2025-01-01"
    said = "the plan is of 2024-05, before the forecast's first day: its headroom is that of 2025-01-01"
    assert past.to_dict()["notes"] == [said]
    assert first.notes == ()


@pytest.mark.parametrize("date", ["2040", "2040-01-02", "2045-12-31"])
def test_a_plan_from_after_the_forecast_is_held_against_its_last_day(date: str) -> None:
    """The middle of 2040 lies after the forecast's last day, and the plan must not be lost for that."""
    late, last = _dated(date), _dated("2040-01-01")
    assert (late.date, late.plan_date, late.limits) == ("2040-01-01", date, last.limits)
    assert "On 2040-01-01, where the forecast ends, the plan is" in late.sentence()
    said = f"the plan is of {date}, after the forecast's last day: its headroom is that of 2040-01-01"
    assert late.to_dict()["notes"] == [said]
    assert last.notes == ()


def test_what_a_headroom_does_not_depend_on_is_said() -> None:
    options = {"set": {"demand.elasticity": 1.4, "campus": "9 GW from 2028"}}
    assert [note.split()[0].rstrip(":,") for note in _dated("2026", **options).notes] == [
        "demand.elasticity", "power.campus_w",
    ]  # fmt: skip


@pytest.mark.parametrize("date", ["2009", "2046", "9999"])
def test_a_date_without_prices_is_refused_before_layouts_are_searched(
    date: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liebig.plan.train.search", None)
    for terms in ({}, {"terms": "owned"}, {"usd_per_chip_hour": 2.0}):
        with pytest.raises(RangeError, match=f"date {date}: expected between 2010 and 2045"):
            plan_training(model="7B", chips=8, batch=8, date=date, **terms)


@pytest.mark.parametrize("terms", ["owned", "spot", "3-year"])
def test_a_price_and_terms_of_paying_are_not_both_taken(terms: str) -> None:
    both = {"terms": terms, "usd_per_chip_hour": 3.0}
    said = f"terms = '{terms}' and usd_per_chip_hour = 3 both say what a chip costs"
    for ask in (
        lambda: plan_training(model="7B", chips=8, batch=8, **both),
        lambda: find_budget(chips=8, days=10, **both),
        lambda: setup_of(make_training_input(model="7B", **both)),
    ):
        with pytest.raises(ConflictError, match=said):
            ask()


def test_a_price_of_nothing_is_refused() -> None:
    for ask in (plan_training, find_budget):
        with pytest.raises(InputError, match="usd_per_chip_hour"):
            ask(chips=8, usd_per_chip_hour=0)


def test_headroom_reports_the_lowest_median_where_the_forecast_does() -> None:
    over = _dated("2027-01-01", switches=["min-of-medians"])
    assert over.minimum.p50 == min(v.p50 for v in over.limits.values())


# ── many plans ──────────────────────────────────────────────────────────────


def _tasks(**options: object):
    return tasks_of(
        ["7B", "Llama2-13B"], ["H100-SXM", "A100-SXM-80GB"], [8, 64], ["france", "us-average"], seq_len=2048, **options
    )


def test_a_sweep_is_what_each_plan_says() -> None:
    rows = find_sweep(_tasks(), workers=1).rows()
    assert len(rows) == 2 * 2 * 2 * 2
    row = next(r for r in rows if r["model"] == "Llama2-13B" and r["chips"] == 64 and r["site"] == "france")
    alone = plan_training(model="Llama2-13B", chip=row["chip"], chips=64, site="france", seq_len=2048)
    assert row["usd"] == pytest.approx(alone.run.usd[1])
    assert row["tco2e_p90"] == pytest.approx(alone.run.tco2e[2])
    assert row["layout"] == alone.layout_words()


@pytest.mark.slow
def test_processes_and_a_dask_cluster_of_two_workers_give_the_same(tmp_path: Path, port_of_dask: None) -> None:
    pytest.importorskip("distributed")
    alone = find_sweep(_tasks(), workers=1)
    assert find_sweep(_tasks(), workers=2).rows() == alone.rows()
    seen: list[float] = []
    out = tmp_path / "sweep.jsonl"
    clustered = find_sweep(_tasks(), on="dask", workers=2, out=out, progress=seen.append)
    assert clustered.rows() == alone.rows()
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(out.read_text().splitlines()) == len(_tasks())


def test_the_address_of_a_running_scheduler_does_as_well() -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", scheduler_kwargs=sweep_module.NO_DASHBOARD
    ) as cluster:
        found = find_sweep(_tasks()[:2], on=cluster.scheduler_address)
    assert found.rows() == find_sweep(_tasks()[:2], workers=1).rows()


def test_a_sweep_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "sweep.jsonl"
    whole = find_sweep(_tasks(), workers=1, out=out)
    lines = out.read_text().splitlines(keepends=True)
    out.write_text("".join(lines[:3]) + lines[3][: len(lines[3]) // 2])  # the machine went down while writing
    again = find_sweep(_tasks(), workers=1, out=out)
    assert again.resumed == 3
    assert again.rows() == whole.rows()
    assert find_sweep(_tasks(), workers=1, out=out).resumed == len(_tasks())


def test_what_is_not_possible_has_its_reason_and_stops_nothing() -> None:
    sweep = find_sweep(tasks_of(["7B", "Llama3.1-405B"], ["H100-SXM"], [8], ["france"], batch=8), workers=1)
    able, unable = sweep.rows()
    assert able["reason"] is None
    assert "fits on 8 H100-SXM in none of" in unable["reason"]
    assert sweep.best("days") == able
    assert sweep.table().to_csv().count("\n") == 3


def test_wrong_sweeps(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Llama2"):
        tasks_of(["Lama2-7B"], ["H100-SXM"], [8], ["france"])
    with pytest.raises(UnknownNameError, match="H100"):
        tasks_of(["7B"], ["H101"], [8], ["france"])
    with pytest.raises(InputError, match="at least one site"):
        tasks_of(["7B"], ["H100-SXM"], [8], [])
    with pytest.raises(InputError, match="chips"):
        tasks_of(["7B"], ["H100-SXM"], [-8], ["france"])
    with pytest.raises(InputError, match="expected 'local', 'dask'"):
        find_sweep(_tasks(), on="slurm")
    other = tmp_path / "notes.jsonl"
    other.write_text("dear diary\n")
    with pytest.raises(InputError, match="not a file of a sweep"):
        find_sweep(_tasks(), out=other)
    assert other.read_text() == "dear diary\n"


def test_no_scheduler_where_one_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(sweep_module, "CONNECT_S", 0.2)
    with refusing_port() as nobody, pytest.raises(InputError, match="no Dask scheduler answers there"):
        find_sweep(_tasks()[:1], on=f"tcp://127.0.0.1:{nobody}")


# ── pictures ────────────────────────────────────────────────────────────────


def test_pictures_say_what_they_show(scale, five_million) -> None:
    plan = plan_training(model="Llama2-70B", chips=64, batch=256, seq_len=4096, pp=4, tp=8)
    for chart, words in (
        (timeline_chart(plan), "A step takes"),
        (scale_chart(scale), "FLOP"),
        (budget_chart(five_million), "parameters"),
    ):
        spec = json.dumps(chart.to_dict())
        assert words in spec
        assert "title" in spec


#: All numbers are tried with the slow tests; the one that once found nothing always.
CHIPS = (1, 2, 7, 24, 123_456, 1_000_000, 10_000_000)


@pytest.mark.parametrize("chips", [97_024, *(pytest.param(n, marks=pytest.mark.slow) for n in CHIPS)])
def test_every_number_of_chips_buys_a_model(chips: int) -> None:
    """Some layout can use some of them, whatever their divisors; what is left idle is said."""
    found = find_budget(chips=chips, usd_per_chip_hour=2.0)
    assert 1 <= found.chips <= chips
    assert found.parameters > 1e9
    assert (found.binds == "batch size") == (found.idle_chips > 0)
    assert ("chips more" in found.summary()) == (found.idle_chips > 0)


@pytest.mark.parametrize(
    "power_w", [2e8, *(pytest.param(w, marks=pytest.mark.slow) for w in (2e3, 1e5, 1e8, 1e9, 2e10))]
)
def test_every_power_buys_a_model(power_w: float) -> None:
    found = find_budget(power_w=power_w, days=365, usd_per_chip_hour=2.0)
    assert found.power_w <= power_w
    assert found.loss[1] < 2.2


@pytest.mark.parametrize("chips", [1, 2, 3, 5, 7])
def test_fewer_chips_than_a_server_has_are_all_used(chips: int) -> None:
    found = find_budget(chips=chips, usd_per_chip_hour=2.0)
    assert (found.chips, found.idle_chips, found.binds) == (chips, 0, "chips and days")


LARGER = [
    pytest.param("chips", (3, 40_960, 97_024, 131_072), None, id="chips"),
    pytest.param("chips", (1, 3, 7, 24, 1000, 16_384, 40_960, 97_024, 10**7), 30, marks=pytest.mark.slow, id="month"),
    pytest.param("power_w", (2e3, 1e5, 5e7, 2e8, 2e10), None, marks=pytest.mark.slow, id="power"),
    pytest.param("usd", (1e4, 3e5, 5e6, 2e8, 1e10), None, marks=pytest.mark.slow, id="money"),
    pytest.param("usd", (1e4, 3e5, 5e6, 2e8, 1e10), 30, marks=pytest.mark.slow, id="money-and-month"),
]


@pytest.mark.parametrize(("budget", "amounts", "days"), LARGER)
def test_a_larger_budget_never_buys_a_worse_model(budget: str, amounts: tuple[float, ...], days: float | None) -> None:
    limits: list[dict[str, Any]] = [{budget: x, "days": days or 90, "usd_per_chip_hour": 2.0} for x in amounts]
    losses = [find_budget(**given).loss[1] for given in limits]
    for less, more in itertools.pairwise(losses):
        assert more <= less * (1 + 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [{"days": 90}, {"chips": 896}, {"chips": 10**7}, {"power_w": 2e7}, {"days": 90, "chips": 1000}], ids=str
)
def test_a_limit_that_is_not_reached_changes_nothing(more: dict[str, Any]) -> None:
    """A run takes 90 days at most unless days are given, whatever else is."""
    assert find_budget(usd=5e6, **more).loss.p50 == find_budget(usd=5e6).loss.p50


@pytest.mark.slow
@pytest.mark.parametrize("usd", [2e4, 1e7])
def test_more_days_never_buy_a_worse_model(usd: float) -> None:
    """Also where money pays for few servers: what whole servers leave buys more of them for less time."""
    found = [find_budget(usd=usd, days=days, usd_per_chip_hour=2.98) for days in (5, 10, 20, 45, 80)]
    for less, more in itertools.pairwise(found):
        assert more.loss[1] <= less.loss[1] * (1 + 1e-4)
    for one in found:
        assert one.usd <= usd * (1 + 1e-9)
        assert ("money" in one.binds) == (one.usd > 0.9 * usd)


def test_money_for_one_chip_and_less_time() -> None:
    found = find_budget(usd=100, days=30, usd_per_chip_hour=2.0)
    assert (found.chips, found.binds, found.idle_chips) == (1, "money", 0)
    assert found.days == pytest.approx(100 / 48)
    with pytest.raises(InputError, match="does not pay for one H100-SXM for a day"):
        find_budget(usd=40, days=30, usd_per_chip_hour=2.0)


def test_what_is_left_idle_is_no_used_up_budget() -> None:
    found = find_budget(chips=131_072, power_w=1e9, usd_per_chip_hour=2.0)
    assert found.idle_chips == 131_072 - found.chips > 0
    assert found.headroom["chips"] == pytest.approx(131_072 / found.chips)
    assert found.headroom["power"] > 2
    assert found.binds == "batch size"


@given(st.integers(1, 10**8))
def test_numbers_of_chips_that_are_tried(most: int) -> None:
    """Coarse numbers come within a third of each other down to one, fine ones within a seventh, none twice."""
    coarse = [most, *budget_search._coarse_below(most)]
    assert coarse[-1] == 1
    assert all(1 < a / b <= 2 for a, b in itertools.pairwise(coarse))
    assert all(a / b <= 4 / 3 for a, b in itertools.pairwise(coarse[1:]) if b >= 4)
    fine = budget_search._between(most, most)
    assert all(most / 2 < n < most for n in fine)
    assert len(set(fine)) == len(fine)


@pytest.mark.parametrize(
    "ask", [lambda p: find_budget(chips=64, precision=p), lambda p: find_scale(precision=p)], ids=["budget", "scale"]
)
def test_precisions_are_those_of_the_chip(ask: Callable[[str], object]) -> None:
    with pytest.raises(InputError, match=r"H100-SXM does not compute in it; choose one of .*fp8"):
        ask("fp4")
    with pytest.raises(InputError, match="bf17"):
        ask("bf17")
    with pytest.raises(UnknownNameError, match="fp8x"):
        ask("fp8x")


def test_a_budget_reads_a_precision_as_plans_do() -> None:
    assert find_budget(chips=64, days=10, precision="FP8", usd_per_chip_hour=2.0).plan.precision == "fp8"


@pytest.mark.slow
def test_options_of_a_scale_that_change_nothing_are_said() -> None:
    sweep: dict[str, Any] = {"smallest": 1e24, "largest": 1e25, "per_decade": 1}
    plain = find_scale(**sweep)
    for options, words in (
        ({"inner_steps": 500, "site_tbit": 0.001}, "site_tbit, inner_steps: nothing is exchanged between sites"),
        ({"tokens_per_parameter": 500.0}, "tokens_per_parameter: the law besiroglu says how many tokens"),
    ):
        found = find_scale(**sweep, **options)
        assert found.rows == plain.rows
        assert words in found.notes[-1]
    assert not plain.notes
    assert not find_scale(**sweep, fit="ratio", tokens_per_parameter=30.0, sites=2, inner_steps=500).notes
