"""Two scenarios side by side, in the same sampled futures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from liebig.catalog import load_catalog, resolve
from liebig.errors import ConflictError
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.reduce import reduce_simulations
from liebig.forecast.result import Forecast, interval_of
from liebig.forecast.simulate import evaluate, shown_years
from liebig.forecast.unused import scenario_notes
from liebig.forecast.world import World, build_world
from liebig.limits import LIMITS
from liebig.quantities import format_factor, format_scientific
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Comparison", "compare_inputs"]


@dataclass(frozen=True)
class Comparison:
    """Forecasts ``a`` and ``b``, and for each common year the ratio ``b / a`` of their minima in the same future."""

    a: Forecast
    b: Forecast
    years: tuple[int, ...]
    ratio: tuple[Interval, ...]
    differences: tuple[tuple[str, str, str], ...]

    @property
    def names(self) -> tuple[str, str]:
        """Titles of the two scenarios."""
        return self.a.inputs.title or "A", self.b.inputs.title or "B"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on both scenarios, each after the title of its own."""
        pairs = zip(self.names, (self.a, self.b), strict=True)
        return tuple(f"{name}: {note}" for name, found in pairs for note in found.notes)

    def summary(self, year: int | None = None) -> str:
        """The comparison in one sentence."""
        if year is None:
            year = 2030 if 2030 in self.years else self.years[-1]
        i, j, k = self.years.index(year), self.a.at(year), self.b.at(year)
        one, two = self.names
        low, middle, high = map(format_factor, self.ratio[i])
        first, second = (format_scientific(float(f.minimum[n][2])) for f, n in ((self.a, j), (self.b, k)))
        medians = float(self.b.minimum[k][2]) / float(self.a.minimum[j][2])
        first_binds, second_binds = self.a.binding_limit(year), self.b.binding_limit(year)
        return (
            f"In {year} the largest feasible run is {first} FLOP in {one} and {second} FLOP in {two}: "
            f"{format_factor(medians)} (in the same future {middle}, 80 %: {low} – {high}). "
            f"{LIMITS[first_binds].title} binds most often in {one}, {second_binds} in {two}."
        )

    def table(self) -> Table:
        """One row for each year."""
        rows = []
        for i, year in enumerate(self.years):
            j, k = self.a.at(year), self.b.at(year)
            one, two = interval_of(self.a.minimum[j]), interval_of(self.b.minimum[k])
            rows.append(
                {
                    "year": year,
                    **one.columns("a"),
                    **two.columns("b"),
                    "ratio_of_medians": two.p50 / one.p50,
                    **self.ratio[i].columns("ratio"),
                    "a_binding": self.a.binding_limit(year),
                    "b_binding": self.b.binding_limit(year),
                }
            )
        return Table.from_rows(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "summary": self.summary(),
            "unit": "FLOP; ratio is b / a in the same future",
            "differences": [{"option": o, "a": x, "b": y} for o, x, y in self.differences],
            "crossing": {"a": self.a.crossing.to_dict(), "b": self.b.crossing.to_dict()},
            "years": self.table().rows(),
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
            "notes": list(self.notes),
        }


def compare_inputs(a: ForecastInput, b: ForecastInput) -> Comparison:
    """Run both and pair them future by future.

    Raises:
        ConflictError: they differ in samples or seed, so that futures do not pair, or share no year.
    """
    if (a.samples, a.seed) != (b.samples, b.seed):
        raise ConflictError(
            f"the scenarios differ in samples or seed ({a.samples}, {a.seed} and {b.samples}, {b.seed}); "
            "give --samples and --seed, which hold for both"
        )
    forecasts, simulations, worlds = [], [], []
    for inputs in (a, b):
        world = build_world(inputs, load_catalog(inputs.facts_files))
        worlds.append(world)
        start, until = shown_years(inputs, world)
        years = np.arange(world.first_year, world.last_year + 1, dtype=float)
        simulations.append(evaluate(world, years, inputs.samples, inputs.seed))
        notes = scenario_notes(world, range(start, until + 1))
        forecasts.append(reduce_simulations(world, simulations[-1], start, until, notes))
    common = tuple(y for y in forecasts[0].years if y in forecasts[1].years)
    if not common:
        raise ConflictError("the scenarios share no year; give them overlapping start and until")
    ratio = []
    for year in common:
        one, two = (s.minimum(int(year - s.years[0])) for s in simulations)
        ratio.append(Interval.of(two / one))
    return Comparison(forecasts[0], forecasts[1], common, tuple(ratio), _differences(*worlds))


def _differences(a: World, b: World) -> tuple[tuple[str, str, str], ...]:
    one, two = _in_full(a), _in_full(b)
    out: list[tuple[str, str, str]] = []
    for key in one:
        if key == "title" or one[key] == two[key]:
            continue
        if isinstance(one[key], dict):
            names = sorted({*one[key], *two[key]})
            out.extend(
                (f"{key} {n}", str(one[key].get(n, "–")), str(two[key].get(n, "–")))
                for n in names
                if one[key].get(n) != two[key].get(n)
            )
        else:
            out.append((key, _text(one[key]), _text(two[key])))
    return tuple(out)


def _in_full(world: World) -> dict[str, Any]:
    """The inputs with the full names of parameters, so that short and full forms of one name are the same."""
    out = world.inputs.model_dump(mode="json")
    for how in ("set", "pin", "add"):
        out[how] = {resolve(name, world.parameters): text for name, text in out[how].items()}
    return out


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)
