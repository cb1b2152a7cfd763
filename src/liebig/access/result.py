"""The answer: figures of each place, a table, and a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liebig.access.inputs import AccessInput
from liebig.access.need import parse_need
from liebig.access.owners import Coverage
from liebig.errors import UnknownNameError
from liebig.quantities import format_interval
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Access", "PlaceAccess", "number", "percent", "times"]

_INTERVALS = (
    "growth_years",
    "best_growth_years",
    "headroom_ratio",
    "demand_share",
    "gdp_share",
    "chips_share",
    "carbon_mt_per_yr",
    "slack",
)
_PLAIN = (
    "population",
    "gdp_usd",
    "electricity_twh",
    "growth_twh_per_yr",
    "headroom_twh",
    "carbon_g_per_kwh",
    "located_h100e",
    "owned_h100e",
)
#: Ratios up to this are shown with digits; beyond, there is plenty.
_PLENTY = 1e4


@dataclass(frozen=True)
class PlaceAccess:
    """Figures of one country or club; intervals are p10, p50 and p90, NaN where a figure is not known.

    ``growth_years``: years of its mean growth of electricity that the need takes; ``best_growth_years``: of its best
    year; ``headroom_ratio``: demand of the past peak beyond that of now, over the need; ``demand_share`` and
    ``gdp_share``: need over a year's demand and product; ``chips_share``: part of the world's new chips it may get;
    ``ratios``: supply over need by limit; ``ratio``: the lowest of them; ``can_host``: share of futures in which it
    is 1 or more; ``slack``: second lowest over lowest.
    """

    code: str
    name: str
    members: tuple[str, ...]
    population: float
    gdp_usd: float
    electricity_twh: float
    growth_twh_per_yr: float
    headroom_twh: float
    growth_years: Interval
    best_growth_years: Interval
    headroom_ratio: Interval
    demand_share: Interval
    gdp_share: Interval
    chips_share: Interval
    carbon_g_per_kwh: float
    carbon_mt_per_yr: Interval
    ratios: Mapping[str, Interval]
    ratio: Interval
    can_host: float
    binding: Mapping[str, float]
    slack: Interval
    located_h100e: float
    owned_h100e: float
    notes: tuple[str, ...]

    @property
    def limit(self) -> str:
        """The limit that is lowest in most futures; empty where a figure is not known."""
        return max(self.binding, key=lambda name: self.binding[name]) if self.binding else ""

    @property
    def second(self) -> str:
        """The second scarcest limit, by medians."""
        rest = {k: v.p50 for k, v in self.ratios.items() if k != self.limit}
        return min(rest, key=lambda name: rest[name]) if self.binding else ""

    @property
    def lacks(self) -> dict[str, float]:
        """Limits that do not suffice, by medians: how many times the supply would have to be."""
        short = {k: v.p50 for k, v in self.ratios.items() if v.p50 < 1}
        return {k: 1.0 / v if v > 0 else math.inf for k, v in sorted(short.items(), key=lambda item: item[1])}

    def row(self) -> dict[str, Any]:
        """One line of the table; cells without a value are None."""
        cells: dict[str, Any] = {"code": self.code, "name": self.name, "limit": self.limit or None}
        cells["can_host"] = number(self.can_host)
        for name, values in (("ratio", self.ratio), *((f"{k}_ratio", v) for k, v in self.ratios.items())):
            cells.update(values.columns(name))
        cells["second_limit"] = self.second or None
        for name in _INTERVALS:
            cells.update(getattr(self, name).columns(name))
        cells.update({name: number(getattr(self, name)) for name in _PLAIN})
        return cells

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "code": self.code,
            "name": self.name,
            "members": list(self.members),
            "limit": self.limit or None,
            "second_limit": self.second or None,
            "can_host_probability": number(self.can_host),
            "ratio": self.ratio.to_dict(),
            "ratios": {k: v.to_dict() for k, v in self.ratios.items()},
            "lacks": {k: number(v) for k, v in self.lacks.items()},
            "binding_probability": dict(self.binding),
            **{name: getattr(self, name).to_dict() for name in _INTERVALS},
            **{name: number(getattr(self, name)) for name in _PLAIN},
            "notes": list(self.notes),
        }

    def sentence(self, what: str, year: int) -> str:
        """The answer for this place in plain words."""
        if not self.binding:
            return f"{self.name}: {'; '.join(self.notes) or 'figures are missing'}."
        able = "can host" if self.ratio.p50 >= 1 else "cannot host"
        lines = [
            f"{self.name} {able} {what} in {year} by its own means: {self.limit} is scarcest, supply over need "
            f"{times(self.ratio)}; {100 * self.can_host:.0f} % of futures suffice.",
            f"It would take {_years(self.growth_years)}, {percent(self.demand_share)} of its demand and "
            f"{percent(self.gdp_share)} of a year's product.",
        ]
        if math.isfinite(self.slack.p50):
            lines.append(f"The second scarcest limit leaves {self.slack.p50:.2g} times as much.")
        if self.lacks:
            short = ", ".join(f"{v:.2g} times the {k}" for k, v in self.lacks.items() if math.isfinite(v))
            lines.append(f"It would need {short or 'chips that export control denies it'}.")
        return " ".join(lines)


def number(value: float) -> float | None:
    """A float with 12 significant digits, or None where it is not finite."""
    return float(f"{value:.12g}") if math.isfinite(value) else None


def times(values: Interval) -> str:
    """``×1.2 (×0.5–×3)``.

    >>> times(Interval(0.5, 1.234, 3.0))
    '×1.2 (×0.5–×3)'
    """
    return format_interval(values, write=_factor)


def _factor(value: float) -> str:
    return f"×{value:.2g}" if value < 100 else f"×{value:.0f}" if value < _PLENTY else "plenty"


def percent(values: Interval) -> str:
    """``1.5% (1.3%–1.8%)``."""
    if not math.isfinite(values.p50):
        return "an unknown share" if math.isnan(values.p50) else "all"
    return format_interval(values, "fraction")


def _years(values: Interval) -> str:
    """Years of growth, in words.

    >>> _years(Interval(0.3, 0.39, 0.41))
    '0.39 (0.3–0.41) years of the growth of its electricity'
    """
    if math.isnan(values.p50):
        return "an unknown number of years of the growth of its electricity"
    if math.isinf(values.p50):
        return "the place of other uses of electricity, since its demand does not grow"
    return f"{format_interval(values, write='.2g')} years of the growth of its electricity"


@dataclass(frozen=True)
class Access:
    """Result of :func:`liebig.access.find_access`."""

    given: AccessInput
    year: int
    need: Mapping[str, Interval]
    scenario: str
    scenario_title: str
    places: tuple[PlaceAccess, ...]
    coverage: Coverage

    def place(self, code: str) -> PlaceAccess:
        """One place by its code or name.

        Raises:
            UnknownNameError: it was not asked for.
        """
        for place in self.places:
            if code in (place.code, place.name):
                return place
        raise UnknownNameError("place in this answer", code, [p.name for p in self.places])

    @property
    def hosts(self) -> tuple[PlaceAccess, ...]:
        """Places whose median ratio is 1 or more, most able first."""
        able = [p for p in self.places if p.ratio.p50 >= 1]
        return tuple(sorted(able, key=lambda p: -p.ratio.p50))

    def table(self) -> Table:
        """One row for each place, most able first."""
        order = sorted(self.places, key=lambda p: (math.isnan(p.ratio.p50), -p.ratio.p50 if p.binding else 0.0, p.name))
        return Table.from_rows(p.row() for p in order)

    def what(self) -> str:
        """The need in words, with its power, chips and cost."""
        need = self.need
        name = self.given.need if "frontier" not in self.given.need.lower() else "the frontier run"
        text = parse_need(self.given.need)
        power = "" if text.kind == "W" else f"{format_interval(need['power_w'], 'W')}, "
        chips = "" if text.h100e is not None else f"{format_interval(need['h100e'], 'H100e')}, "
        return f"{name} ({power}{chips}{format_interval(need['capital_usd'], 'USD')})"

    def summary(self) -> str:
        """The answer in plain words."""
        if len(self.places) <= 3:
            return "\n".join(p.sentence(self.what(), self.year) for p in self.places)
        known = [p for p in self.places if p.binding]
        able = self.hosts
        counts = {limit: sum(p.limit == limit for p in known) for limit in known[0].ratios} if known else {}
        scarce = ", ".join(f"{limit} in {n}" for limit, n in sorted(counts.items(), key=lambda c: -c[1]) if n)
        names = ", ".join(p.name for p in able[:8]) + (" ..." if len(able) > 8 else "")
        head = f"{len(able)} of {len(known)} places can host {self.what()} in {self.year} by their own means"
        return f"{head}{': ' + names if able else ''}. Scarcest is {scarce}."

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "summary": self.summary(),
            "year": self.year,
            "inputs": self.given.model_dump(mode="json"),
            "need": {k: v.to_dict() for k, v in self.need.items()},
            "scenario": {"name": self.scenario, "title": self.scenario_title},
            "coverage": self.coverage.to_dict(),
            "places": [p.to_dict() for p in self.places],
        }
