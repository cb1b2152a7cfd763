"""What an export control costs a country, in years.

    stock(t) = what it owns + sum over years of imports + domestic chips, those out of service taken off
    imports  = world production * share; the share under the scenario is at most that without control

The delay is how much later the stock under the scenario reaches what it would have been without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.access.draws import draw, uniform
from liebig.access.export import find_scenario, share_draws
from liebig.access.inputs import DEFAULT_SCENARIO, LAST_YEAR, check_year, make_access_input
from liebig.access.need import SampledWorld, sample_world
from liebig.access.owners import owned_h100e
from liebig.access.places import Place, all_countries, find_place
from liebig.errors import InputError, RangeError
from liebig.limits.chips import annual_production, surviving
from liebig.quantities import format_interval
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Embargo", "embargo_cost"]

Array = NDArray[np.float64]
FIRST = 2026


@dataclass(frozen=True)
class Embargo:
    """Years that a scenario costs a country: ``delay_yr`` p10, p50, p90; beyond the horizon it is cut off.

    ``with_h100e`` and ``without_h100e`` map years to the stock under the scenario and without control;
    ``beyond`` is the share of futures in which the stock is not reached before the horizon ends.
    """

    country: str
    scenario: str
    year: int
    horizon: int
    delay_yr: Interval
    beyond: float
    with_h100e: dict[int, Interval]
    without_h100e: dict[int, Interval]

    def table(self) -> Table:
        """One row for each year: stock with and without the control, H100e."""
        rows = []
        for year, values in self.with_h100e.items():
            cells: dict[str, Any] = {"year": year}
            for name, found in (("with", values), ("without", self.without_h100e[year])):
                cells.update(found.columns(f"{name}_h100e"))
            rows.append(cells)
        return Table.from_rows(rows)

    def summary(self) -> str:
        """The answer in plain words."""
        most = self.horizon - self.year
        delay = format_interval(self.delay_yr, write=lambda v: f"{v:.1f}" if v < most - 1e-6 else f"over {most}")
        part = self.with_h100e[self.year].p50 / self.without_h100e[self.year].p50
        return (
            f"Under {self.scenario} {self.country} has {100 * part:.0f}% of the chips in {self.year} that it would "
            f"have without control: {delay} years later. In {100 * self.beyond:.0f}% of "
            f"futures it does not get there before {self.horizon}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "summary": self.summary(),
            "country": self.country,
            "scenario": self.scenario,
            "year": self.year,
            "delay_yr": self.delay_yr.to_dict(),
            "beyond_horizon_probability": self.beyond,
            "stock": self.table().rows(),
        }


def embargo_cost(
    country: str = "CHN", scenario: str = DEFAULT_SCENARIO, year: int = 2030, *, samples: int = 2048, seed: int = 0
) -> Embargo:
    """Years by which a scenario of export control delays a country's stock of AI chips.

    Without control China buys ``access.china_free_share`` of the world's new chips, other countries in proportion to
    their product. Domestic chips are counted for China alone, and are the same in both cases.

    Raises:
        InputError: the country, scenario or year cannot be used.

    >>> embargo_cost("Germany", samples=256).delay_yr
    Interval(p10=0.0, p50=0.0, p90=0.0)
    """
    given = make_access_input(countries=(country,), scenario=scenario, year=year, samples=samples, seed=seed)
    if check_year(given.year) < FIRST + 1 or given.year > LAST_YEAR - 1:
        raise RangeError(f"year = {year} is out of range; expected {FIRST + 1} to {LAST_YEAR - 1}")
    place, sampled = find_place(country), sample_world(given.samples, given.seed)
    if not place.gdp_usd > 0:
        raise InputError(f"{place.name}: its gross domestic product is not known, so what it would buy cannot be told")
    ends = np.arange(FIRST, LAST_YEAR + 1, dtype=float)
    made = np.broadcast_to(annual_production(sampled.state, ends[:-1]), (len(ends) - 1, given.samples))
    free = _free_share(place, sampled)
    rules = find_scenario(scenario)
    u = uniform("export", given.samples, given.seed)
    allowed = np.array([np.minimum(share_draws(rules, [place], int(y), u)[0], free) for y in ends[:-1]])
    without = _stock(place, made * free, ends, sampled)
    with_control = _stock(place, made * allowed, ends, sampled)
    target = without[given.year - FIRST]
    reached = _first_year(with_control, ends, target)
    return Embargo(
        country=place.name,
        scenario=rules.name,
        year=given.year,
        horizon=LAST_YEAR,
        delay_yr=Interval.of(np.maximum(np.minimum(reached, LAST_YEAR) - given.year, 0.0)),
        beyond=float(np.mean(~np.isfinite(reached))),
        with_h100e={int(y): Interval.of(with_control[i]) for i, y in enumerate(ends)},
        without_h100e={int(y): Interval.of(without[i]) for i, y in enumerate(ends)},
    )


def _free_share(place: Place, sampled: SampledWorld) -> Array:
    china = draw("china_free_share", sampled.samples, sampled.seed)
    product = {c.iso3: c.gdp_usd or 0.0 for c in all_countries()}
    factor = sum(product[m.iso3] for m in place.members) / product["CHN"]
    return np.minimum(china * factor, 1.0)


def _stock(place: Place, imports: Array, ends: Array, sampled: SampledWorld) -> Array:
    """Chips in service at the start of each year, H100e, ``(years, n)``."""
    n, seed = sampled.samples, sampled.seed
    added = imports
    if any(m.iso3 == "CHN" for m in place.members):
        growth = draw("china_domestic_growth", n, seed)[None, :] ** (ends[:-1, None] - FIRST)
        added = imports + draw("china_domestic_h100e_per_yr", n, seed)[None, :] * growth
    owned = sum(owned_h100e().get(m.iso3, 0.0) for m in place.members)
    life = np.broadcast_to(sampled.state.at("chips.life_yr", ends), (len(ends), n))
    return owned + surviving(added, ends[:-1], ends, life)


def _first_year(stock: Array, ends: Array, target: Array) -> Array:
    """When each future's stock first reaches the target, by straight lines between years; infinite if never."""
    enough = stock >= target[None, :] * (1.0 - 1e-12)
    first = np.argmax(enough, axis=0)
    before = np.maximum(first - 1, 0)
    columns = np.arange(stock.shape[1])
    low, high = stock[before, columns], stock[first, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high > low, (target - low) / (high - low), 0.0)
    year = np.where(first > 0, ends[before] + np.clip(part, 0.0, 1.0), ends[0])
    return np.where(enough.any(axis=0), year, np.inf)
