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
from liebig.plan.goodput import Goodput
from liebig.plan.inputs import TrainingInput
from liebig.site.footprint import footprint
from liebig.site.money import embodied_kgco2e, owned_usd_per_chip_hour, rental_usd_per_chip_hour, year_of
from liebig.site.place import Site
from liebig.site.power import chip_power_w, server_power_w
from liebig.uncertainty import sobol_blocks

__all__ = ["Run", "Triple", "draw", "whole_run"]

Array = NDArray[np.float64]
#: p10, p50, p90.
Triple = tuple[float, float, float]
SAMPLES = 1024
HOURS_PER_YEAR = 8766.0


@dataclass(frozen=True)
class Run:
    """p10, p50 and p90 of what a run takes."""

    days: Triple
    chip_hours: Triple
    chip_power_w: Triple
    site_power_w: Triple
    energy_mwh: Triple
    usd: Triple
    usd_per_chip_hour: Triple
    electricity_usd: Triple
    tco2e: Triple
    water_m3: Triple
    price_note: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        out: dict[str, Any] = {
            k: dict(zip(("p10", "p50", "p90"), v, strict=True)) for k, v in vars(self).items() if k != "price_note"
        }
        out["price_note"] = self.price_note
        return out


def draw(triple: Triple, u: Array) -> Array:
    """Values at probabilities ``u`` of a distribution through p10, p50 and p90, log-normal on either side.

    >>> [float(x) for x in draw((1.0, 2.0, 3.0), np.array([0.1, 0.5, 0.9])).round(6)]
    [1.0, 2.0, 3.0]
    """
    low, middle, high = (max(v, 1e-300) for v in triple)
    z = ndtri(u) / ndtri(0.9)
    return middle * np.exp(np.where(z < 0, -z * math.log(low / middle), z * math.log(high / middle)))


def _triple(values: Array) -> Triple:
    low, middle, high = (float(v) for v in np.quantile(values, (0.1, 0.5, 0.9)))
    return low, middle, high


def _number(name: str) -> Triple:
    row = plan_number(name)
    return row.p10, row.p50, row.p90


def _price(given: TrainingInput, machine: Chip, place: Site, server_w: float) -> tuple[Triple, str]:
    """US dollars per chip and hour with electricity, and where the price comes from."""
    if given.usd_per_chip_hour is not None:
        price = given.usd_per_chip_hour
        return (price, price, price), "as given"
    if given.terms == "owned":
        middle = owned_usd_per_chip_hour(machine, year_of(given.date), server_w, place, given.owned)
        low, _, high = _number("money.owned_error")
        return (low * middle, middle, high * middle), "owned: capital, building, upkeep and electricity"
    found = rental_usd_per_chip_hour(machine, given.date, "" if given.terms == "reserved" else given.terms)
    return (found.p10, found.p50, found.p90), f"rented: {found.note} ({found.basis})"


def whole_run(
    given: TrainingInput,
    machine: Chip,
    place: Site,
    step_s: Triple,
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
    triples = {
        "step": step_s,
        "goodput": (lost.p10, lost.p50, lost.p90),
        "power": _number("power.model_error"),
        "price": price,
    }
    u = np.concatenate(list(sobol_blocks(len(triples), samples, seed=0)), axis=1)
    drawn = {name: draw(triple, u[i]) for i, (name, triple) in enumerate(triples.items())}
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
        days=_triple(seconds / 86_400.0),
        chip_hours=_triple(hours),
        chip_power_w=_triple(chip_w),
        site_power_w=_triple(server_w * given.chips * place.pue),
        energy_mwh=_triple(energy_j * place.pue / 3.6e9),
        usd=_triple(hours * drawn["price"]),
        usd_per_chip_hour=price,
        electricity_usd=_triple(energy_j * place.pue / 3.6e6 * place.price_usd_per_kwh),
        tco2e=_triple((energy_j * one.operational_gco2e + embodied) / 1e6),
        water_m3=_triple(energy_j * one.water_l / 1e3),
        price_note=note,
    )
