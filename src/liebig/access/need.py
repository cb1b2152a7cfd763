"""What is needed: a site of so much power, so many chips, a run of so many FLOP, or the frontier run of a year."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.access.draws import draw
from liebig.catalog import load_catalog, plan_number
from liebig.dates import start_of
from liebig.errors import InputError, RangeError, UnitError
from liebig.forecast.inputs import make_input
from liebig.forecast.progress import trend_flop
from liebig.forecast.run_at_ceiling import describe_run
from liebig.forecast.simulate import sample_state
from liebig.forecast.world import World, build_world
from liebig.limits import State, ceilings, cooling
from liebig.limits.capital import usd_per_h100e
from liebig.limits.power import facility_w_per_h100e
from liebig.quantities import parse_quantity
from liebig.uncertainty import Interval

__all__ = [
    "Need",
    "NeedText",
    "SampledWorld",
    "find_need",
    "frontier_flop",
    "need_of_run",
    "parse_need",
    "sample_world",
    "usd_per_w",
]

Array = NDArray[np.float64]
HOURS_PER_YEAR = 8766.0
#: Largest power of a site whose water grant is counted once, W.
SITE_W = 1e9
_FRONTIER = re.compile(r"^(?:a |the )?frontier(?:[ -]run)?(?:(?: in|[ @-]| of)? ?(\d{4}))?$")
#: unit -> (smallest, largest, in words)
_BOUNDS = {
    "W": (1e4, 1e13, "10 kW to 10 TW"),
    "H100e": (1.0, 1e11, "1 to 1e11 H100e"),
    "FLOP": (1e18, 1e35, "1e18 to 1e35 FLOP"),
}


@dataclass(frozen=True)
class NeedText:
    """A need as it was written: kind (``W``, ``H100e``, ``FLOP``, ``frontier``), amount, and the year it names.

    A power may say how many chips it feeds.
    """

    kind: str
    amount: float = 0.0
    year: int | None = None
    h100e: float | None = None


def parse_need(text: str) -> NeedText:
    """Read a need.

    >>> parse_need("1GW").amount, parse_need("a frontier run in 2030").year, parse_need("3M H100e").kind
    (1000000000.0, 2030, 'H100e')
    >>> parse_need("102 kW with 64 H100e").h100e
    64.0

    Raises:
        InputError: it is no power, number of chips, FLOP or frontier run.
        RangeError: it is not above zero, or absurd.
    """
    power, together, chips = text.partition(" with ")
    if together:
        parts = parse_need(power), parse_need(chips)
        if [p.kind for p in parts] != ["W", "H100e"]:
            raise InputError(
                f"need = {text!r} is not understood; expected a power with chips, as '102 kW with 64 H100e'"
            )
        return NeedText("W", parts[0].amount, h100e=parts[1].amount)
    match = _FRONTIER.match(text.strip().lower())
    if match:
        return NeedText("frontier", year=int(match[1]) if match[1] else None)
    for unit, (least, most, words) in _BOUNDS.items():
        try:
            amount = parse_quantity(text, unit)
        except UnitError:
            continue
        if re.fullmatch(r"[-+\d.,_eE ]+", text.strip()):
            raise InputError(f"need = {text!r} has no unit; write e.g. '1 GW', '3M H100e' or '1e28 FLOP'")
        if not least <= amount <= most:
            raise RangeError(f"need = {text!r} is out of range; expected {words}")
        return NeedText(unit, amount)
    raise InputError(
        f"need = {text!r} is not understood; expected a power ('1 GW'), chips ('3M H100e'), "
        "a run ('1e28 FLOP') or 'frontier'"
    )


@dataclass(frozen=True)
class SampledWorld:
    """Sampled parameters of the forecast, and the seed from which the numbers of access are drawn."""

    world: World
    state: State
    samples: int
    seed: int


def sample_world(samples: int, seed: int) -> SampledWorld:
    """Sample the parameters of the set 2026."""
    world = build_world(make_input(facts="2026"), load_catalog())
    return SampledWorld(world, sample_state(world, samples, seed)[0], samples, seed)


@dataclass(frozen=True)
class Need:
    """What a site or run takes in each future, ``(n,)``: power, chips, money, electricity, water, sites."""

    text: str
    year: int
    power_w: Array
    h100e: Array
    capital_usd: Array
    energy_twh_per_yr: Array
    water_m3_per_day: Array

    def quantities(self) -> dict[str, Interval]:
        """p10, p50 and p90 of each quantity."""
        names = ("power_w", "h100e", "capital_usd", "energy_twh_per_yr", "water_m3_per_day")
        return {name: Interval.of(getattr(self, name)) for name in names}

    def to_dict(self) -> dict[str, object]:
        """Plain values."""
        return {"need": self.text, "year": self.year, **{k: v.to_dict() for k, v in self.quantities().items()}}


def find_need(text: str, year: int, sampled: SampledWorld) -> Need:
    """Power, chips, money, electricity per year and water of a need in a year.

    A power is turned into chips by the facility power per H100e of sites that open in the year, unless it says which
    it feeds, and into money by the observed cost of a campus (``access.campus_usd_per_w``), moved along the falls of
    USD and W per H100e.  A run is described as the forecast describes the run at its ceiling.
    """
    wanted = parse_need(text)
    n = sampled.samples
    if wanted.kind == "FLOP":
        return need_of_run(text, year, np.full(n, wanted.amount), sampled)
    if wanted.kind == "frontier":
        return need_of_run(text, year, frontier_flop(sampled, year), sampled)
    opening = np.array([start_of(year)])  # such a site is new
    watts = _flat(facility_w_per_h100e(sampled.state, opening) * sampled.state.at("power.new_site_factor", opening), n)
    power = np.full(n, wanted.amount) if wanted.kind == "W" else wanted.amount * watts
    chips = power / watts if wanted.h100e is None else np.full(n, wanted.h100e)
    return _need(text, year, power, chips, power * usd_per_w(sampled, year), sampled)


def need_of_run(text: str, year: int, flop: Array, sampled: SampledWorld) -> Need:
    """The need of a run of so many FLOP in each future, ``(n,)``."""
    run = describe_run(sampled.state, np.array([start_of(year)]), flop[None, :])
    power, chips, capital = (_flat(run[k], sampled.samples) for k in ("power_w", "h100e", "capital_usd"))
    return _need(text, year, power, chips, capital, sampled)


def _need(text: str, year: int, power: Array, chips: Array, capital: Array, sampled: SampledWorld) -> Need:
    energy = power * draw("load", sampled.samples, sampled.seed) * HOURS_PER_YEAR / 1e12
    litres = _flat(cooling.water_l_per_kwh(sampled.state, np.array([start_of(year)])), sampled.samples)
    return Need(text, year, power, chips, capital, energy, energy * 1e9 / 365.25 * litres / 1e3)


def frontier_flop(sampled: SampledWorld, year: int) -> Array:
    """Largest run expected in a year: the trend, or the lowest ceiling where that is less, FLOP, ``(n,)``."""
    p, n, years = sampled.state, sampled.samples, np.array([start_of(year)])
    lowest = np.min([_flat(c, n) for c in ceilings(p, years, sampled.world.structure).values()], axis=0)
    return np.minimum(_flat(trend_flop(p, years), n), lowest)


def usd_per_w(sampled: SampledWorld, year: int) -> Array:
    """Cost of building a campus in a year, USD per W, ``(n,)``."""
    p, n = sampled.state, sampled.samples
    years = np.array([start_of(year), start_of(plan_number("access.campus_usd_per_w").year)])
    path = np.broadcast_to(usd_per_h100e(p, years) / facility_w_per_h100e(p, years), (2, n))
    return draw("campus_usd_per_w", n, sampled.seed) * path[0] / path[1]


def _flat(value: Array, n: int) -> Array:
    return np.broadcast_to(value, (1, n))[0]
