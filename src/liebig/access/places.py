"""Countries and clubs of countries: found by name, code or membership, and added up."""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from liebig.catalog import load_catalog
from liebig.catalog.rows import CountryRow
from liebig.errors import InputError, UnknownNameError, nearest_names

__all__ = ["CLUBS", "Place", "all_countries", "club_members", "find_place", "find_places"]

#: Continents by their code: name, as in the table of countries.
CONTINENTS: Mapping[str, str] = {
    "AFRICA": "Africa",
    "ASIA": "Asia",
    "EUROPE": "Europe",
    "NORTH-AMERICA": "North America",
    "OCEANIA": "Oceania",
    "SOUTH-AMERICA": "South America",
}
#: Clubs by their code: full name.
CLUBS: Mapping[str, str] = {
    "EU": "European Union",
    "AU": "African Union",
    "G7": "Group of Seven",
    "G20": "Group of Twenty (its countries)",
    "OECD": "OECD",
    "ASEAN": "ASEAN",
    "BRICS": "BRICS",
    "GCC": "Gulf Cooperation Council",
    "MERCOSUR": "Mercosur",
    "NORDICS": "Nordic countries",
    **CONTINENTS,
    "WORLD": "World",
}


@dataclass(frozen=True)
class Place:
    """A country, or several that act together; sums over the members whose value is known.

    Amounts are NaN where no member's value is known.
    """

    code: str
    name: str
    members: tuple[CountryRow, ...]

    @property
    def population(self) -> float:
        """People."""
        return math.fsum(m.population for m in self.members)

    @property
    def gdp_usd(self) -> float:
        """Gross domestic product, US dollars per year."""
        return _sum(m.gdp_usd for m in self.members)

    @property
    def electricity_twh(self) -> float:
        """Demand of the last year known, TWh."""
        return _sum(m.electricity_twh for m in self.members)

    @property
    def growth_twh_per_yr(self) -> float:
        """Mean growth over five years of the members that grow, TWh per year."""
        return _sum(None if m.growth_twh_per_yr is None else max(m.growth_twh_per_yr, 0.0) for m in self.members)

    @property
    def best_year_twh(self) -> float:
        """Largest growth of one of the last ten years, TWh."""
        return _sum(None if m.best_year_twh is None else max(m.best_year_twh, 0.0) for m in self.members)

    @property
    def headroom_twh(self) -> float:
        """Demand of the past peak over that of the last year, TWh."""
        return _sum(
            None if m.peak_twh is None or m.electricity_twh is None else max(m.peak_twh - m.electricity_twh, 0.0)
            for m in self.members
        )

    @property
    def electricity_year(self) -> int | None:
        """Year of the oldest of the members' figures of electricity."""
        return min((m.electricity_year for m in self.members if m.electricity_year is not None), default=None)

    @property
    def carbon_g_per_kwh(self) -> float:
        """Greenhouse gases of its electricity, gCO2e per kWh, weighted by demand."""
        known = [(m.carbon_g_per_kwh, m.electricity_twh) for m in self.members]
        pairs = [(c, e) for c, e in known if c is not None and e is not None and e > 0]
        total = math.fsum(e for _, e in pairs)
        return math.fsum(c * e for c, e in pairs) / total if total else math.nan

    @property
    def located_h100e(self) -> float:
        """Chips in located clusters, H100e; a floor, and 0 means none located."""
        return math.fsum(m.located_h100e for m in self.members)

    @property
    def missing(self) -> tuple[str, ...]:
        """Sentences on what the figures are a sum of, and on those that are not known."""
        out = []
        if len(self.members) > 1:
            out.append(f"the sum of {len(self.members)} places, as if they shared one grid, one purse and all chips")
        for what, field in (("electricity", "electricity_twh"), ("gross domestic product", "gdp_usd")):
            names = [m.name for m in self.members if getattr(m, field) is None]
            if names:
                out.append(f"{what} not known: {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}")
        return tuple(out)


def _sum(values: Iterable[float | None]) -> float:
    known = [v for v in values if v is not None]
    return math.fsum(known) if known else math.nan


@functools.cache
def all_countries() -> tuple[CountryRow, ...]:
    """All countries and territories of the catalogue, by code."""
    return tuple(sorted(load_catalog().rows("countries", CountryRow), key=lambda row: row.iso3))


def _plain(text: str) -> str:
    flat = unicodedata.normalize("NFKD", text)
    flat = "".join(c for c in flat if not unicodedata.combining(c)).casefold().replace("&", "and")
    return " ".join("".join(c if c.isalnum() else " " for c in flat).split()).removeprefix("the ")


@functools.cache
def _index() -> dict[str, CountryRow]:
    out: dict[str, CountryRow] = {}
    for row in all_countries():
        for text in (row.iso3, row.iso2, row.name, *row.aliases.split(";")):
            if text.strip():
                out.setdefault(_plain(text), row)
    return out


def club_members(code: str) -> tuple[CountryRow, ...]:
    """Members of a club, by its code.

    >>> len(club_members("EU")), {row.continent for row in club_members("AFRICA")}
    (27, {'Africa'})
    """
    if code in CONTINENTS:
        return tuple(row for row in all_countries() if row.continent == CONTINENTS[code])
    return tuple(row for row in all_countries() if code == "WORLD" or code in row.clubs.split())


@functools.cache
def _clubs() -> dict[str, str]:
    return {_plain(text): code for code, name in CLUBS.items() for text in (code, name, name.partition(" (")[0])}


def find_place(text: str) -> Place:
    """A country by name, ISO2 or ISO3, a club, or several joined by ``+``.

    ``AU`` is the African Union; Australia is ``AUS``.

    >>> find_place("brazil").code, find_place("Brazil+AR").name
    ('BRA', 'Brazil + Argentina')
    >>> find_place("African Union").code
    'AU'

    Raises:
        InputError: nothing is named, or a place twice.
        UnknownNameError: no country or club is called so.
    """
    parts = [p.strip() for p in text.split("+")]
    if not all(parts):
        raise InputError(f"{text!r}: expected a country, a club or several joined by +, e.g. 'Brazil+Argentina'")
    found = [_one(part) for part in parts]
    if len(found) == 1:
        return found[0]
    codes = [p.code for p in found]
    for place in found:
        if codes.count(place.code) > 1:
            raise InputError(f"{text!r}: {place.name} is named {codes.count(place.code)} times; name it once")
    members: dict[str, CountryRow] = {m.iso3: m for place in found for m in place.members}
    return Place("+".join(codes), " + ".join(p.name for p in found), tuple(members.values()))


def _one(text: str) -> Place:
    name = _plain(text)
    if name in _clubs():
        code = _clubs()[name]
        return Place(code, CLUBS[code], club_members(code))
    row = _index().get(name)
    if row is None:
        names = [*(r.name for r in all_countries()), *CLUBS]
        if not nearest_names(text, names):  # a code or another spelling that is close
            aliases = {key: r.name for key, r in _index().items() if len(key) > 3}
            near = nearest_names(name, list(aliases))
            names = [*dict.fromkeys(aliases[n] for n in near), *names]
        raise UnknownNameError("country or club", text, names, see="liebig facts list countries")
    return Place(row.iso3, row.name, (row,))


def find_places(texts: Sequence[str]) -> tuple[Place, ...]:
    """Places by name; all countries where none is named.

    Raises:
        InputError: one of them cannot be found, or is named twice.
    """
    if not texts:
        return tuple(Place(row.iso3, row.name, (row,)) for row in all_countries())
    places = [find_place(text) for text in texts]
    seen: dict[str, str] = {}
    for place, text in zip(places, texts, strict=True):
        if place.code in seen:
            raise InputError(f"{text!r} and {seen[place.code]!r} are the same; name each country or club once")
        seen[place.code] = text
    return tuple(places)
