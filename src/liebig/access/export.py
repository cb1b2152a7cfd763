"""Scenarios of export control: what part of the world's new AI chips a country may get in a year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.access.places import Place, find_place
from liebig.catalog import load_catalog
from liebig.catalog.rows import CountryRow, ExportRow
from liebig.errors import InputError, LiebigError, ScenarioError, UnknownNameError
from liebig.toml_files import read_toml_file
from liebig.uncertainty import Interval

__all__ = ["GROUPS", "ExportScenario", "Rule", "export_scenarios", "find_scenario", "share_draws"]

Array = NDArray[np.float64]
#: Groups that a rule may name besides countries and clubs, from the most to the least special.
GROUPS = ("home", "ally", "open", "licence", "deny", "tier-0", "tier-1", "tier-2", "tier-3", "all")
_KEYS = {"title", "base", "rule"}
_RULE_KEYS = ("countries", "share", "from", "until")


@dataclass(frozen=True)
class Rule:
    """``who`` may get ``share`` (p10, p50, p90) of a year's production from ``from_year`` to ``until_year``."""

    who: str
    share: Interval
    from_year: int | None = None
    until_year: int | None = None

    def holds(self, year: int) -> bool:
        """True in the years of the rule."""
        return (self.from_year or 0) <= year <= (self.until_year or 9999)


@dataclass(frozen=True)
class ExportScenario:
    """Rules; the most special one that holds counts: country, then group, then all; later ones before earlier."""

    name: str
    title: str
    rules: tuple[Rule, ...]

    def share(self, row: CountryRow, year: int) -> Interval:
        """Part of the world's production that a country may get in a year; p10, p50, p90.

        >>> from liebig.access.places import find_place
        >>> find_scenario("none").share(find_place("China").members[0], 2030)
        Interval(p10=1.0, p50=1.0, p90=1.0)
        """
        for names in ((row.iso3,), (row.export_group, f"tier-{row.diffusion_tier}"), ("all",)):
            for rule in reversed(self.rules):
                if rule.who in names and rule.holds(year):
                    return rule.share
        return Interval.exactly(1.0)


def export_scenarios() -> dict[str, ExportScenario]:
    """Built-in scenarios by name."""
    rows: dict[str, list[ExportRow]] = {}
    for row in load_catalog().rows("export_scenarios", ExportRow):
        rows.setdefault(row.scenario, []).append(row)
    return {
        name: ExportScenario(
            name,
            group[0].title,
            tuple(Rule(r.who, r.share, r.from_year, r.until_year) for r in group),
        )
        for name, group in rows.items()
    }


def find_scenario(name: str) -> ExportScenario:
    """A built-in scenario by name, or a user's file (TOML).

    Raises:
        UnknownNameError: no such scenario.
        ScenarioError: the file cannot be read or understood; all its problems are listed.
    """
    known = export_scenarios()
    if name in known:
        return known[name]
    if name.lower().endswith(".toml"):
        return _read(Path(name), known)
    raise UnknownNameError("export scenario", name, [*known, "a file that ends in .toml"])


def _read(path: Path, known: Mapping[str, ExportScenario]) -> ExportScenario:
    content = read_toml_file(path, "export rules", error=ScenarioError)
    problems = [f"unknown key {key!r}; expected title, base and [[rule]]" for key in content if key not in _KEYS]
    base = content.get("base", "none")
    if not isinstance(base, str) or base not in known:
        problems.append(str(UnknownNameError("export scenario", str(base), known)))
    entries = content.get("rule", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(e, dict) for e in entries):
        problems.append("no [[rule]]; expected at least one, with countries = ['China'], share = 0.05, from = 2027")
        entries = []
    rules: list[Rule] = []
    for i, entry in enumerate(entries, start=1):
        found, wrong = _rules(entry)
        rules += found
        problems += [f"rule {i}: {problem}" for problem in wrong]
    if problems:
        raise ScenarioError(f"{path.name}: " + "; ".join(problems))
    return ExportScenario(path.stem, str(content.get("title", path.stem)), (*known[base].rules, *rules))


def _rules(entry: Mapping[str, Any]) -> tuple[list[Rule], list[str]]:
    problems = [f"unknown key {key!r}; expected {', '.join(_RULE_KEYS)}" for key in entry if key not in _RULE_KEYS]
    named = entry.get("countries")
    names = [named] if isinstance(named, str) else named
    who: list[str] = []
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        problems.append("countries is missing; name countries, clubs, export groups or all")
        names = []
    for name in names:
        if name in GROUPS:
            who.append(name)
            continue
        try:
            who += [m.iso3 for m in find_place(name).members]
        except LiebigError as error:
            problems.append(str(error))
    share = _share(entry.get("share"))
    if share is None:
        wanted = "expected 0 to 1, or three rising numbers [p10, p50, p90]"
        problems.append(f"share = {entry.get('share')!r}: {wanted}")
    for key in ("from", "until"):
        year = entry.get(key)
        if year is not None and (isinstance(year, bool) or not isinstance(year, int) or not 2000 <= year <= 2060):
            problems.append(f"{key} = {year!r}: expected a year between 2000 and 2060")
    first, last = entry.get("from"), entry.get("until")
    if isinstance(first, int) and isinstance(last, int) and first > last:
        problems.append(f"from = {first} is after until = {last}")
    if problems or share is None:
        return [], problems
    return [Rule(w, share, first, last) for w in who], []


def _share(value: Any) -> Interval | None:
    values = [value] * 3 if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    if not isinstance(values, list) or len(values) != 3:
        return None
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v <= 1 for v in values):
        return None
    low, middle, high = (float(v) for v in values)
    return Interval(low, middle, high) if low <= middle <= high else None


def share_draws(scenario: ExportScenario, places: Sequence[Place], year: int, u: Array) -> Array:
    """Share of the world's production in each future, ``(places, n)``; members of a club add up, at most to 1.

    One draw of how strictly a scenario is applied serves all countries.
    """
    rows = {m.iso3: m for place in places for m in place.members}
    cache: dict[Interval, Array] = {}
    by_code: dict[str, Array] = {}
    for code, row in rows.items():
        share = scenario.share(row, year)
        if share not in cache:
            cache[share] = share.at(u)
        by_code[code] = cache[share]
    out = [np.minimum(np.sum([by_code[m.iso3] for m in place.members], axis=0), 1.0) for place in places]
    if not out:
        raise InputError("no country is named")
    return np.array(out)
