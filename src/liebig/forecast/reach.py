"""When, and how likely, a run of so many FLOP can be made, and is expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liebig.catalog import load_catalog
from liebig.dates import month_of
from liebig.errors import InputError, RangeError, UnitError
from liebig.forecast.crossing import crossing_years, date_quantiles
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.simulate import evaluate
from liebig.forecast.simulations import Simulations
from liebig.forecast.unused import scenario_notes
from liebig.forecast.world import build_world
from liebig.quantities import format_quantity, parse_quantity
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Reach", "ReachOf", "find_reach", "parse_flop"]

#: Runs that may be asked for, FLOP.
_LEAST, _MOST = 1e18, 1e40


@dataclass(frozen=True)
class ReachOf:
    """One size of run.

    Args:
        flop: of the run.
        feasible, expected: date (year with decimals) from which it can be made, and is expected; infinite for a
            quantile that lies beyond the last year.
        feasible_by, expected_by: share of simulations by the first of January of each year.
    """

    flop: float
    feasible: Interval
    expected: Interval
    feasible_by: dict[int, float]
    expected_by: dict[int, float]

    def sentence(self, last: int) -> str:
        """The answer in words."""
        size = format_quantity(self.flop, "FLOP", 3)
        year = min(2030, last)
        return (
            f"A run of {size}: feasible {_dates(self.feasible, last)}, expected {_dates(self.expected, last)}. "
            f"By 1 January {year} it is feasible in {100 * self.feasible_by[year]:.0f} % of futures and expected in "
            f"{100 * self.expected_by[year]:.0f} %."
        )


@dataclass(frozen=True)
class Reach:
    """Sizes of runs, and when each is within reach."""

    inputs: ForecastInput
    years: tuple[int, ...]
    of: tuple[ReachOf, ...]
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """One sentence for each size."""
        return "\n".join(one.sentence(self.years[-1]) for one in self.of)

    def table(self) -> Table:
        """Tidy: one row for each size and year."""
        return Table.from_rows(
            {"flop": one.flop, "year": y, "feasible": one.feasible_by[y], "expected": one.expected_by[y]}
            for one in self.of
            for y in self.years
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values; None for a date beyond the last year."""
        return {
            "summary": self.summary(),
            "inputs": self.inputs.model_dump(mode="json"),
            "year_convention": "a year means its first of January",
            "runs": [
                {
                    "flop": one.flop,
                    "feasible_from": one.feasible.to_dict(),
                    "expected_from": one.expected.to_dict(),
                    "share_feasible_by": {str(y): round(p, 6) for y, p in one.feasible_by.items()},
                    "share_expected_by": {str(y): round(p, 6) for y, p in one.expected_by.items()},
                }
                for one in self.of
            ],
            "notes": list(self.notes),
        }


def parse_flop(text: str | float) -> float:
    """The size of a run.

    >>> parse_flop("1e28"), parse_flop("3e27 FLOP")
    (1e+28, 3e+27)

    Raises:
        InputError: it is no number of FLOP.
        RangeError: it lies outside 1e18 to 1e40 FLOP.
    """
    try:
        flop = float(text)
    except ValueError:
        try:
            flop = parse_quantity(str(text), "FLOP")
        except UnitError:
            raise InputError(f"{text!r} is no size of a run; expected FLOP, e.g. 1e28 or '1e28 FLOP'") from None
    if not _LEAST <= flop <= _MOST:
        raise RangeError(f"{text!r} is out of range; expected 1e18 to 1e40 FLOP")
    return flop


def find_reach(
    inputs: ForecastInput, sizes: Sequence[str | float], progress: Callable[[float], None] | None = None
) -> Reach:
    """When runs of these sizes can be made (lowest ceiling) and are expected (trend, held by the ceilings).

    Args:
        inputs: the scenario.
        sizes: FLOP, as numbers or texts.
        progress: called with the share done.

    Raises:
        InputError: a size cannot be read, or the scenario cannot be used.

    >>> from liebig.forecast.inputs import make_input
    >>> one, = find_reach(make_input(samples=512), ["1e28"]).of
    >>> 2025 < one.feasible.p50 < one.expected.p50 < 2032
    True
    """
    flops = [parse_flop(size) for size in sizes]
    world = build_world(inputs, load_catalog(inputs.facts_files))
    shown = tuple(range(world.first_year, world.last_year + 1))
    years = np.array(shown, dtype=float)
    simulations = evaluate(world, years, inputs.samples, inputs.seed, progress)
    found = tuple(_reach(simulations, flop, shown) for flop in flops)
    return Reach(inputs, shown, found, scenario_notes(world, shown))


def _reach(simulations: Simulations, flop: float, shown: tuple[int, ...]) -> ReachOf:
    years = simulations.years
    lowest = [simulations.minimum(i) for i in range(len(years))]
    expected = [np.minimum(simulations.trend(i), low) for i, low in enumerate(lowest)]
    target = [np.full(simulations.samples, flop)] * len(years)
    dates = [crossing_years(years, found, target) for found in (lowest, expected)]
    by = [{y: float(np.mean(date <= t)) for y, t in zip(shown, years, strict=True)} for date in dates]
    return ReachOf(flop, date_quantiles(dates[0]), date_quantiles(dates[1]), *by)


def _date(year: float, last: int) -> str:
    if not math.isfinite(year):
        return f"after {last}"
    if year <= 2025.0:
        return "before 2025"
    return month_of(year)


def _dates(interval: Interval, last: int) -> str:
    low, middle, high = (_date(x, last) for x in (interval.p10, interval.p50, interval.p90))
    return middle if low == middle == high else f"{middle} ({low} to {high})"
