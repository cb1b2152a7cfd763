"""A whole run: from the time of a step to days, chip-hours, money, energy, carbon and water, each with an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from liebig.catalog import plan_number
from liebig.cluster.chip import Chip
from liebig.dates import decimal_year
from liebig.plan.goodput import Goodput
from liebig.plan.inputs import TrainingInput
from liebig.quantities import counted
from liebig.site.footprint import footprint
from liebig.site.money import embodied_kgco2e, owned_usd_per_chip_hour, rental_usd_per_chip_hour
from liebig.site.place import Site
from liebig.site.power import chip_power_w, server_power_w
from liebig.uncertainty import Interval, sobol_blocks

__all__ = ["Run", "draw", "simulate_run"]

Array = NDArray[np.float64]
SAMPLES = 1024
HOURS_PER_YEAR = 8766.0


@dataclass(frozen=True)
class Run:
    """p10, p50 and p90 of what a run takes."""

    days: Interval
    chip_hours: Interval
    chip_power_w: Interval
    site_power_w: Interval
    energy_mwh: Interval
    usd: Interval
    usd_per_chip_hour: Interval
    electricity_usd: Interval
    tco2e: Interval
    water_m3: Interval
    price_note: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        amounts = {name: value.to_dict() for name, value in vars(self).items() if isinstance(value, Interval)}
        return {**amounts, "price_note": self.price_note}


def draw(interval: Interval, u: Array) -> Array:
    """Values at probabilities ``u`` of a distribution through p10, p50 and p90, log-normal on either side.

    >>> [float(x) for x in draw(Interval(1.0, 2.0, 3.0), np.array([0.1, 0.5, 0.9])).round(6)]
    [1.0, 2.0, 3.0]
    """
    low, middle, high = (max(v, 1e-300) for v in interval)
    z = ndtri(u) / ndtri(0.9)
    return middle * np.exp(np.where(z < 0, -z * math.log(low / middle), z * math.log(high / middle)))


def _price(given: TrainingInput, machine: Chip, place: Site, server_w: float) -> tuple[Interval, str]:
    """US dollars per chip and hour with electricity, and where the price comes from."""
    if given.usd_per_chip_hour is not None:
        return Interval.exactly(given.usd_per_chip_hour), "as given"
    if given.terms == "owned":
        middle = owned_usd_per_chip_hour(machine, decimal_year(given.date), server_w, place, given.owned)
        off = plan_number("money.owned_error")
        return Interval(off.p10 * middle, middle, off.p90 * middle), "owned: capital, building, upkeep and electricity"
    found = rental_usd_per_chip_hour(machine, given.date, "" if given.terms == "reserved" else given.terms)
    basis = f" ({counted(found.basis, 'price')})" if found.basis else ""
    return found.interval, f"rented: {found.note}{basis}"


def simulate_run(
    given: TrainingInput,
    machine: Chip,
    place: Site,
    step_s: Interval,
    steps: float,
    lost: Goodput,
    shares: Mapping[str, float],
    samples: int = SAMPLES,
) -> Run:
    """What a run takes, over sampled futures of step time, goodput, power and price.

    Args:
        given: number of chips, date and terms of payment.
        machine: the accelerator.
        place: where it runs.
        step_s: p10, p50, p90 of a step.
        steps: optimizer steps.
        lost: goodput.
        shares: activity -> share of the step, for the power.
        samples: futures.
    """
    power = server_power_w(machine, chip_power_w(machine, shares))
    price, note = _price(given, machine, place, float(power))
    uncertain = {
        "step": step_s, "goodput": lost.share, "power": plan_number("power.model_error").interval, "price": price,
    }  # fmt: skip
    u = np.concatenate(list(sobol_blocks(len(uncertain), samples, seed=0)), axis=1)
    drawn = {name: draw(interval, u[i]) for i, (name, interval) in enumerate(uncertain.items())}
    share = np.clip(drawn["goodput"], 1e-3, 1.0)
    seconds = steps * drawn["step"] / share
    busy = {name: part * share for name, part in shares.items()}
    chip_w = chip_power_w(machine, busy) * drawn["power"]
    server_w = server_power_w(machine, chip_w)
    energy_j = server_w * given.chips * seconds
    hours = seconds / 3600.0 * given.chips
    life_hours = HOURS_PER_YEAR * plan_number("money.years").p50
    one = footprint(1.0, place)
    embodied = hours / life_hours * embodied_kgco2e(machine) * 1e3
    return Run(
        days=Interval.of(seconds / 86_400.0),
        chip_hours=Interval.of(hours),
        chip_power_w=Interval.of(chip_w),
        site_power_w=Interval.of(server_w * given.chips * place.pue),
        energy_mwh=Interval.of(energy_j * place.pue / 3.6e9),
        usd=Interval.of(hours * drawn["price"]),
        usd_per_chip_hour=price,
        electricity_usd=Interval.of(energy_j * place.pue / 3.6e6 * place.price_usd_per_kwh),
        tco2e=Interval.of((energy_j * one.operational_gco2e + embodied) / 1e6),
        water_m3=Interval.of(energy_j * one.water_l / 1e3),
        price_note=note,
    )
