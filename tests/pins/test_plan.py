"""Goodput and the sums of a run, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liebig.catalog import plan_number
from liebig.cluster.chip import chip
from liebig.plan.goodput import Goodput, goodput
from liebig.plan.inputs import make_training_input
from liebig.plan.run import Run, draw, simulate_run
from liebig.site.money import embodied_kgco2e
from liebig.site.place import Site


def test_young_s_interval_between_checkpoints() -> None:
    """√(2 δ M) (J. W. Young 1974): a cluster that is interrupted each 20,000 s and takes 100 s for a checkpoint writes
    one each 2,000 s. It loses 100/2,000 to checkpoints and (1,000 + R)/20,000 to work done again and restarts.
    """
    size = plan_number("goodput.checkpoint_bytes").p50
    speed = plan_number("goodput.checkpoint_bytes_per_s").p50
    chips = 100
    g = goodput(chips, 100.0 * speed * chips / size, 86_400.0 / (20_000.0 * chips))
    assert (g.checkpoint_s, g.mtti_s, g.interval_s) == pytest.approx((100.0, 20_000.0, 2_000.0))
    restart, other = plan_number("goodput.restart_s").p50, plan_number("goodput.other_share").p50
    assert g.p50 == pytest.approx((1 - other) / (1 + 0.05 + 0.05 + restart / 20_000))


def test_the_interval_of_goodput() -> None:
    """The worst case has most failures, the longest restart and most other losses; the best the fewest."""
    g = goodput(1000, 1e9)
    assert g.checkpoint_s == 1.0  # never below a second
    for end, other_end, value in (("p90", "p90", g.p10), ("p10", "p10", g.p90)):
        rate = getattr(plan_number("goodput.failures_per_chip_day"), end)
        mtti = 86_400.0 / (rate * 1000)
        every = math.sqrt(2 * mtti)
        restart = getattr(plan_number("goodput.restart_s"), end)
        other = getattr(plan_number("goodput.other_share"), other_end)
        assert value == pytest.approx((1 - other) / (1 + 1 / every + (every / 2 + restart) / mtti))


def test_without_failures_only_other_losses_stay() -> None:
    g = goodput(1000, 1e9, 0.0)
    assert (g.mtti_s, g.interval_s) == (math.inf, math.inf)
    assert g.p50 == pytest.approx(1 - plan_number("goodput.other_share").p50)


def test_draws_are_log_normal_on_either_side() -> None:
    """Half a step of p90 below and above: 2·√(1/2) and 2·√(8/2); at u of a standard normal of ±1.2816 / 2."""
    low, high = draw((1.0, 2.0, 8.0), np.array([0.260838, 0.739162]))
    assert (low, high) == pytest.approx((2 / math.sqrt(2), 2 * 2), rel=1e-4)


def _run(share: float, place: Site) -> Run:
    """A thousand chips, 36,000 steps of 1 s, half of it products and half of it waiting, at 2 USD an hour."""
    given = make_training_input(model="Llama2-7B", chips=1000, usd_per_chip_hour=2.0)
    lost = Goodput(share, share, share, math.inf, 1.0, math.inf)
    shares = {"matmul": 0.5, "bubble": 0.5}
    return simulate_run(given, chip("H100-SXM"), place, (1.0, 1.0, 1.0), 36_000.0, lost, shares)


def test_a_run_by_hand() -> None:
    """36,000 s at a goodput of 0.8 are 45,000 s, 12.5 h: 12,500 chip-hours, 25,000 USD, 0.5208 days."""
    run = _run(0.8, Site(pue=1.0))
    assert run.days == pytest.approx([45_000 / 86_400] * 3)
    assert run.chip_hours == pytest.approx([12_500] * 3)
    assert run.usd == pytest.approx([25_000] * 3)
    assert run.usd_per_chip_hour == (2.0, 2.0, 2.0)


def test_lost_time_takes_the_power_of_an_idle_chip() -> None:
    """At a goodput of 0.8 a chip multiplies 0.4 of the time, waits 0.4 and is lost 0.2; of 700 W rated."""
    level = {a: plan_number(f"power.{a}").p50 for a in ("matmul", "bubble", "lost")}
    watts = 700 * (0.4 * level["matmul"] + 0.4 * level["bubble"] + 0.2 * level["lost"])
    found = _run(0.8, Site(pue=1.0)).chip_power_w
    error = plan_number("power.model_error")
    assert found == pytest.approx([watts * e for e in (error.p10, error.p50, error.p90)], rel=2e-3)


def test_energy_carbon_water_and_electricity_of_a_run() -> None:
    """12.5 h of a server at its median power, 1,000 of them, at a PUE of 1.2: energy, and 500 g, 0.1 USD and 1.5 + 3 L
    for each kWh (water on site counts the servers' energy alone).
    """
    place = Site(pue=1.2, carbon_g_per_kwh=500.0, price_usd_per_kwh=0.1, wue_l_per_kwh=1.5, water_l_per_kwh=3.0)
    run = _run(0.8, place)
    site_w = run.site_power_w[1]
    kwh = site_w / 1e3 * 12.5
    assert run.energy_mwh[1] == pytest.approx(kwh / 1e3)
    assert run.electricity_usd[1] == pytest.approx(kwh * 0.1)
    assert run.water_m3[1] == pytest.approx((kwh * 3.0 + kwh / 1.2 * 1.5) / 1e3)
    plain = _run(0.8, place.model_copy(update={"carbon_g_per_kwh": 0.0}))
    assert run.tco2e[1] - plain.tco2e[1] == pytest.approx(kwh * 500 / 1e6)
    # 12,500 of the hours of a life of some years fall to the run
    made = plan_number("money.years").p50 * 8766
    assert plain.tco2e[1] == pytest.approx(12_500 / made * embodied_kgco2e(chip("H100-SXM")) / 1e3)
