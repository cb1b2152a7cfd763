"""Answers about countries and clubs of countries."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from liebig.web.responses.common import Answer, Limit, Number, Quantiles

__all__ = [
    "AccessAnswer",
    "Club",
    "Concentration",
    "Coverage",
    "InequalityAnswer",
    "MapRow",
    "Measure",
    "Place",
]


class Measure(Answer):
    """A measure of the map."""

    id: str
    title: str
    unit: str
    coverage: str
    """What the figures see and what a gap means."""


class MapRow(Answer):
    """A country on the map."""

    iso3: str
    iso2: str
    name: str
    values: dict[str, float | str | None]
    """By measure: a number, the name of a limit, or null where there is no figure."""


class Place(Answer):
    """A country or club held against the need."""

    code: str
    name: str
    members: list[str]
    limit: Limit | None
    second_limit: Limit | None
    can_host_probability: float | None
    ratio: Quantiles
    """Lowest supply over need."""
    ratios: dict[Limit, Quantiles]
    lacks: dict[Limit, float | None]
    """Limits that do not suffice: how many times the supply would have to be; null: none would be enough."""
    binding_probability: dict[Limit, float]
    growth_years: Quantiles
    best_growth_years: Quantiles
    headroom_ratio: Quantiles
    demand_share: Quantiles
    gdp_share: Quantiles
    chips_share: Quantiles
    carbon_mt_per_yr: Quantiles
    slack: Quantiles
    population: Number
    gdp_usd: Number
    electricity_twh: Number
    growth_twh_per_yr: Number
    headroom_twh: Number
    carbon_g_per_kwh: Number
    located_h100e: Number
    owned_h100e: Number
    notes: list[str]


class Club(Answer):
    """What countries can host together, and what each could alone."""

    summary: str
    need: str
    year: int
    gain_over_best_member: float | None
    together: Place
    members: list[Place]


class AccessAnswer(Answer):
    """The map's rows for all countries; for named ones or clubs also their answers in full."""

    rows: list[MapRow]
    measures: list[Measure]
    summary: str
    places: list[Place]
    """The countries and clubs that were named."""
    club: Club | None
    """All of them together, where there is more than one."""


class Coverage(Answer):
    """How much the figures of chips see."""

    located_share_of_owned: float
    attributed_share_of_owned: float
    hosted: str
    owned: str


class Concentration(Answer):
    """Chips by country at one level."""

    level: str
    """hosted, owned or vendor."""
    gini: float
    top2: list[str]
    top2_share: float
    coverage: str
    lorenz: list[Annotated[tuple[float, float], Field(strict=False)]]
    """Points of the Lorenz curve: share of people, share of compute."""
    h100e: dict[str, float]


class InequalityAnswer(Answer):
    """How unequally chips are spread."""

    summary: str
    coverage: Coverage
    levels: dict[str, Concentration]
