"""Inequality and dependency: who hosts, owns and sells the world's AI chips."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liebig.access.owners import Coverage, coverage, owned_h100e, sold_h100e
from liebig.access.places import all_countries, find_place
from liebig.access.result import number
from liebig.errors import InputError
from liebig.tables import Table

__all__ = ["Concentration", "Dependency", "Inequality", "dependency", "gini", "inequality", "lorenz"]


def lorenz(amounts: Sequence[float], people: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Lorenz curve over groups of people, poorest per person first: (share of people, share of the amount).

    >>> lorenz([0.0, 1.0], [1.0, 1.0])
    ((0.0, 0.0), (0.5, 0.0), (1.0, 1.0))
    """
    order = sorted(zip(amounts, people, strict=True), key=lambda pair: pair[0] / pair[1])
    total, everyone = sum(amounts), sum(people)
    heads = itertools.accumulate((p / everyone for _, p in order), initial=0.0)
    parts = itertools.accumulate((a / total for a, _ in order), initial=0.0)
    return tuple(zip(heads, parts, strict=True))


def gini(points: Sequence[tuple[float, float]]) -> float:
    """Gini coefficient of a Lorenz curve: 0 all equal, 1 one person has all.

    >>> gini(lorenz([1.0, 1.0], [1.0, 1.0])), gini(lorenz([0.0, 1.0], [1.0, 1.0]))
    (0.0, 0.5)
    """
    area = sum((x1 - x0) * (y0 + y1) for (x0, y0), (x1, y1) in itertools.pairwise(points))
    return 1.0 - area


@dataclass(frozen=True)
class Concentration:
    """Chips by country at one level: Lorenz curve, Gini over the world's people, share of the first two."""

    level: str
    h100e: Mapping[str, float]
    lorenz: tuple[tuple[float, float], ...]
    gini: float
    top2: tuple[str, ...]
    top2_share: float
    coverage: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "level": self.level,
            "gini": self.gini,
            "top2": list(self.top2),
            "top2_share": self.top2_share,
            "coverage": self.coverage,
            "lorenz": [list(point) for point in self.lorenz],
            "h100e": dict(self.h100e),
        }


@dataclass(frozen=True)
class Inequality:
    """How unequal chips are: on whose soil (hosted), whose property (owned), from whose makers (vendor)."""

    levels: tuple[Concentration, ...]
    coverage: Coverage

    def level(self, name: str) -> Concentration:
        """One of ``hosted``, ``owned`` and ``vendor``."""
        return {c.level: c for c in self.levels}[name]

    def table(self) -> Table:
        """One row for each country that appears at any level: chips, and chips per million people."""
        people = {c.iso3: (c.name, c.population) for c in all_countries()}
        codes = sorted({code for level in self.levels for code, value in level.h100e.items() if value > 0})
        rows = []
        for code in codes:
            name, population = people[code]
            cells: dict[str, Any] = {"iso3": code, "name": name}
            for level in self.levels:
                amount = level.h100e.get(code, 0.0)
                cells[f"{level.level}_h100e"] = amount
                cells[f"{level.level}_per_million"] = number(1e6 * amount / population)
            rows.append(cells)
        return Table.from_rows(sorted(rows, key=lambda r: -r["hosted_h100e"]))

    def summary(self) -> str:
        """The answer in plain words, with what the figures see."""
        parts = [
            f"{c.level} chips: Gini {c.gini:.2f}, {' and '.join(c.top2)} {'has' if len(c.top2) == 1 else 'have'} "
            f"{100 * c.top2_share:.0f}%"
            for c in self.levels
        ]
        text = "; ".join(parts)
        return text[0].upper() + text[1:] + f". Note: {self.coverage.hosted_note()}; {self.coverage.owned_note()}."

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        levels = {c.level: c.to_dict() for c in self.levels}
        return {"summary": self.summary(), "coverage": self.coverage.to_dict(), "levels": levels}


def inequality() -> Inequality:
    """Lorenz curves, Gini coefficients and the first two countries, for hosted, owned and sold chips.

    >>> inequality().level("hosted").top2
    ('United States', 'China')
    """
    seen = coverage()
    hosted = {c.iso3: c.located_h100e for c in all_countries()}
    levels = (
        _concentration("hosted", hosted, seen.hosted_note()),
        _concentration("owned", owned_h100e(), seen.owned_note()),
        _concentration("vendor", sold_h100e(), "by the seat of the maker; Chinese makers are not counted"),
    )
    return Inequality(levels, seen)


def _concentration(level: str, h100e: Mapping[str, float], note: str) -> Concentration:
    countries = all_countries()
    amounts = [h100e.get(c.iso3, 0.0) for c in countries]
    points = lorenz(amounts, [c.population for c in countries])
    first = [pair for pair in sorted(zip(amounts, countries, strict=True), key=lambda p: -p[0])[:2] if pair[0] > 0]
    share = sum(a for a, _ in first) / sum(amounts)
    return Concentration(level, dict(h100e), points, gini(points), tuple(c.name for _, c in first), share, note)


@dataclass(frozen=True)
class Dependency:
    """Shares of the world's chips of a place on three levels, beside its share of world product.

    ``dependence`` is 1 less share over share of product, at least 0: the part of a use of chips in proportion to
    its product that would have to come from abroad at that level.
    """

    name: str
    gdp_share: float
    shares: Mapping[str, float]
    dependence: Mapping[str, float]
    coverage: Coverage

    def table(self) -> Table:
        """One row for each level."""
        return Table.from_rows(
            {"level": level, "share_of_world": share, "dependence": self.dependence[level]}
            for level, share in self.shares.items()
        )

    def summary(self) -> str:
        """The answer in plain words."""
        parts = ", ".join(f"{level} {100 * v:.0f}%" for level, v in self.dependence.items())
        return f"{self.name} depends on others for chips: {parts}. Note: {self.coverage.hosted_note()}."

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "summary": self.summary(),
            "name": self.name,
            "share_of_world_gdp": self.gdp_share,
            "shares": dict(self.shares),
            "dependence": dict(self.dependence),
            "coverage": self.coverage.to_dict(),
        }


def dependency(country: str) -> Dependency:
    """How far a country or club depends on others' territory, owners and chip vendors.

    Raises:
        UnknownNameError: no such country or club.
        InputError: its product is not known.

    >>> round(dependency("Brazil").dependence["vendor"], 2), dependency("US").dependence["vendor"]
    (1.0, 0.0)
    """
    place, unequal = find_place(country), inequality()
    if not place.gdp_usd > 0:
        raise InputError(f"{place.name}: its gross domestic product is not known, so dependency cannot be told")
    world = sum(c.gdp_usd or 0.0 for c in all_countries())
    part = place.gdp_usd / world
    names = {"hosted": "territory", "owned": "owner", "vendor": "vendor"}
    shares = {
        names[c.level]: sum(c.h100e.get(m.iso3, 0.0) for m in place.members) / sum(c.h100e.values())
        for c in unequal.levels
    }
    dependence = {k: max(0.0, 1.0 - v / part) for k, v in shares.items()}
    return Dependency(place.name, part, shares, dependence, unequal.coverage)
