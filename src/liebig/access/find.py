"""Who can host it: every figure of access for countries and clubs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.access.export import ExportScenario, find_scenario
from liebig.access.inputs import AccessInput, check_year, make_access_input
from liebig.access.need import Need, SampledWorld, find_need, parse_need, sample_world
from liebig.access.owners import coverage, owned_h100e
from liebig.access.places import Place, find_places
from liebig.access.result import Access, PlaceAccess
from liebig.access.supply import ACCESS_LIMITS, Ratios, find_ratios
from liebig.errors import ConflictError
from liebig.uncertainty import Interval

__all__ = ["Question", "ask", "describe_places", "find_access"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """A checked input with what it stands for."""

    given: AccessInput
    places: tuple[Place, ...]
    scenario: ExportScenario
    sampled: SampledWorld
    need: Need


def ask(given: AccessInput) -> Question:
    """Check an input, sample the futures and describe the need.

    Raises:
        InputError: a country, need, year or scenario cannot be used.
    """
    wanted = parse_need(given.need)
    year = given.year
    if wanted.year is not None:
        if "year" in given.model_fields_set and year != wanted.year:
            raise ConflictError(f"need = {given.need!r} and year = {year} name two years; give one of them")
        year = wanted.year
    check_year(year)
    places, scenario = find_places(given.countries), find_scenario(given.scenario)
    sampled = sample_world(given.samples, given.seed)
    return Question(given, places, scenario, sampled, find_need(given.need, year, sampled))


def find_access(given: AccessInput | None = None, **options: Any) -> Access:
    """What each country or club would need, can supply, and lacks.

    Args:
        given: the question, or None to make it from the options.
        options: fields of ``AccessInput``, on top of ``given``.

    Raises:
        InputError: a country, need, year or scenario cannot be used.

    >>> kenya = find_access(countries=("Kenya",), need="1 GW", year=2026, samples=256).places[0]
    >>> round(kenya.growth_years.p50), round(100 * kenya.gdp_share.p50)
    (18, 26)
    """
    question = ask(make_access_input(given, **options))
    ratios = find_ratios(question.places, question.need, question.scenario, question.sampled)
    return Access(
        given=question.given,
        year=question.need.year,
        need=question.need.quantities(),
        scenario=question.scenario.name,
        scenario_title=question.scenario.title,
        places=describe_places(question.places, question.need, ratios),
        coverage=coverage(),
    )


def describe_places(places: Sequence[Place], need: Need, ratios: Ratios) -> tuple[PlaceAccess, ...]:
    """Every figure of each place."""
    binding, lowest, slack = ratios.binding(), ratios.lowest, ratios.slack
    owned = owned_h100e()
    out = []
    for i, place in enumerate(places):
        known = not bool(np.isnan(lowest[i]).any())
        energy = need.energy_twh_per_yr
        out.append(
            PlaceAccess(
                code=place.code,
                name=place.name,
                members=tuple(m.iso3 for m in place.members),
                population=place.population,
                gdp_usd=place.gdp_usd,
                electricity_twh=place.electricity_twh,
                growth_twh_per_yr=place.growth_twh_per_yr,
                headroom_twh=place.headroom_twh,
                growth_years=_over(energy, place.growth_twh_per_yr),
                best_growth_years=_over(energy, place.best_year_twh),
                headroom_ratio=Interval.of(place.headroom_twh / energy),
                demand_share=_over(energy, place.electricity_twh),
                gdp_share=_over(need.capital_usd, place.gdp_usd),
                chips_share=Interval.of(ratios.chips_share[i]),
                carbon_g_per_kwh=place.carbon_g_per_kwh,
                carbon_mt_per_yr=Interval.of(energy * place.carbon_g_per_kwh * 1e-3),
                ratios={limit: Interval.of(ratios.by_limit[limit][i]) for limit in ACCESS_LIMITS},
                ratio=Interval.of(lowest[i]),
                can_host=float(np.mean(lowest[i] >= 1.0)) if known else float("nan"),
                binding=binding[i] if known else {},
                slack=Interval.of(slack[i]),
                located_h100e=place.located_h100e,
                owned_h100e=sum(owned.get(m.iso3, 0.0) for m in place.members),
                notes=place.missing,
            )
        )
    return tuple(out)


def _over(amount: Array, supply: float) -> Interval:
    """Amount over supply; infinite where nothing is supplied, not a number where it is not known."""
    if np.isnan(supply):
        return Interval.unknown()
    return Interval.of(amount / supply) if supply > 0 else Interval.exactly(float("inf"))
