"""The map: every measure for every country, and what each measure sees."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from liebig.access.find import find_access
from liebig.access.inputs import DEFAULT_SCENARIO
from liebig.access.owners import coverage
from liebig.access.places import all_countries
from liebig.access.result import Access, PlaceAccess, number
from liebig.tables import Table

__all__ = ["Measure", "country_table", "map_table", "measures"]

_OPEN = "countries without a figure are left blank"


@dataclass(frozen=True)
class Measure:
    """A measure of the map: how it is called, its unit, what it sees, and how it is read off a place."""

    id: str
    title: str
    unit: str
    coverage: str
    of: Callable[[PlaceAccess], float | str | None]


def _per_million(h100e: float, population: float) -> float | None:
    return number(1e6 * h100e / population)


@functools.cache
def _measures() -> tuple[Measure, ...]:
    seen, owned = coverage().hosted_note(), coverage().owned_note()
    own = "supply of the place alone, median over futures; " + _OPEN
    law = "share allowed by law and practice under the scenario; the share is a judgement"
    return (
        Measure("ratio", "Liebig ratio: lowest supply over need", "x", own, lambda p: number(p.ratio.p50)),
        Measure("can_host", "Futures in which it can host the need", "fraction", own, lambda p: number(p.can_host)),
        Measure("limit", "Scarcest limit", "", own, lambda p: p.limit or None),
        Measure("slack", "Second scarcest over scarcest", "x", own, lambda p: number(p.slack.p50)),
        Measure("power_ratio", "Power: supply over need", "x", own, lambda p: number(p.ratios["power"].p50)),
        Measure("capital_ratio", "Capital: supply over need", "x", own, lambda p: number(p.ratios["capital"].p50)),
        Measure("chips_ratio", "Chips: supply over need", "x", law, lambda p: number(p.ratios["chips"].p50)),
        Measure("chips_share", "Share of new chips it may get", "fraction", law, lambda p: number(p.chips_share.p50)),
        Measure(
            "growth_years",
            "Years of its growth of electricity",
            "yr",
            "mean growth of five years to 2022-2024 (Ember); blank where demand does not grow",
            lambda p: number(p.growth_years.p50),
        ),
        Measure("headroom_twh", "Past peak of electricity over now", "TWh", _OPEN, lambda p: number(p.headroom_twh)),
        Measure(
            "demand_share", "Need over a year's electricity", "fraction", _OPEN, lambda p: number(p.demand_share.p50)
        ),
        Measure(
            "gdp_share",
            "Cost over a year's product",
            "fraction",
            "product of the last year known (World Bank), mostly 2024; " + _OPEN,
            lambda p: number(p.gdp_share.p50),
        ),
        Measure("carbon_g_per_kwh", "Carbon of its grid", "g/kWh", _OPEN, lambda p: number(p.carbon_g_per_kwh)),
        Measure("carbon_mt_per_yr", "Carbon of the need", "Mt/yr", _OPEN, lambda p: number(p.carbon_mt_per_yr.p50)),
        Measure(
            "hosted_per_million",
            "Chips located, per million people",
            "H100e",
            seen,
            lambda p: _per_million(p.located_h100e, p.population),
        ),
        Measure(
            "owned_per_million",
            "Chips owned, per million people",
            "H100e",
            owned,
            lambda p: _per_million(p.owned_h100e, p.population),
        ),
        Measure("hosted_h100e", "Chips located", "H100e", seen, lambda p: number(p.located_h100e)),
        Measure("owned_h100e", "Chips owned", "H100e", owned, lambda p: number(p.owned_h100e)),
    )


def measures() -> list[dict[str, str]]:
    """Measures of the map: ``id``, ``title``, ``unit`` and ``coverage``, what the figures see and what a gap means.

    >>> measures()[0]["id"]
    'ratio'
    """
    return [{"id": m.id, "title": m.title, "unit": m.unit, "coverage": m.coverage} for m in _measures()]


def country_table(
    year: int = 2030, scenario: str = DEFAULT_SCENARIO, need: str = "1GW", *, samples: int = 1024, seed: int = 0
) -> Table:
    """One row for each country, ``iso3``, ``iso2``, ``name`` and all :func:`measures`; None where not known.

    Raises:
        InputError: the year, scenario or need cannot be used.

    >>> table = country_table(2030, samples=256)
    >>> len(table["iso3"]) > 190
    True
    """
    return map_table(find_access(year=year, scenario=scenario, need=need, samples=samples, seed=seed))


def map_table(found: Access) -> Table:
    """The rows of :func:`country_table` from an answer for countries."""
    codes = {c.iso3: c.iso2 for c in all_countries()}
    rows: list[dict[str, Any]] = []
    for place in found.places:
        cells: dict[str, Any] = {"iso3": place.code, "iso2": codes[place.code], "name": place.name}
        cells.update({m.id: m.of(place) for m in _measures()})
        rows.append(cells)
    return Table.from_rows(rows)
