"""How gains of efficiency change access, and what rebound takes back.

training  compute for a fixed capability halves every ``effective.algorithmic_halving_months``
serving   parameters for a fixed capability halve every ``effective.density_doubling_months`` (densing law), not
continued for longer than four years after 2024
rebound   a gain g in serving multiplies demand by g ** e, so total use by g ** (e - 1) (Jevons)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.access.export import find_scenario
from liebig.access.inputs import DEFAULT_SCENARIO, check_year, make_access_input
from liebig.access.need import SampledWorld, frontier_flop, need_of_run, parse_need, sample_world
from liebig.access.places import find_places
from liebig.access.supply import find_ratios
from liebig.dates import start_of
from liebig.errors import InputError, RangeError
from liebig.forecast.progress import DENSITY_YEARS, EFFECTIVE_YEAR, algorithm_gain, density_gain
from liebig.levers.rebound import rebound_use
from liebig.quantities import format_interval
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Efficiency", "EfficiencyYear", "efficiency_access"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EfficiencyYear:
    """One year; intervals are p10, p50 and p90.

    ``training_gain`` and ``serving_gain``: how much less compute and parameters the capability takes than in the
    first year; ``hosts``: countries that can train it; ``hosts_without``: if its compute stayed the same;
    ``use_without`` and ``use_with``: electricity for serving it over that of the first year, without and with rebound.
    """

    year: int
    training_gain: Interval
    serving_gain: Interval
    hosts: int
    hosts_without: int
    use_without: Interval
    use_with: Interval
    more: float

    def row(self) -> dict[str, Any]:
        """One line of the table."""
        cells: dict[str, Any] = {"year": self.year, "hosts": self.hosts, "hosts_without_gain": self.hosts_without}
        for name in ("training_gain", "serving_gain", "use_without", "use_with"):
            cells.update(getattr(self, name).columns(name))
        cells["probability_use_rises"] = self.more
        return cells


@dataclass(frozen=True)
class Efficiency:
    """Access to a fixed capability over the years."""

    need: str
    scenario: str
    years: tuple[EfficiencyYear, ...]

    def table(self) -> Table:
        """One row for each year."""
        return Table.from_rows(y.row() for y in self.years)

    def summary(self) -> str:
        """The answer in plain words."""
        first, last = self.years[0], self.years[-1]
        use = format_interval(last.use_with, write=".2g")
        return (
            f"{first.hosts} countries can train {self.need} of {first.year} by their own means in {first.year}; in "
            f"{last.year} {last.hosts} can train what is as capable, {last.hosts_without} without better algorithms. "
            f"Serving takes {last.serving_gain.p50:.2g} times fewer parameters by then (densing law); with rebound "
            f"its use of electricity is {use} times that of {first.year}, and rises in "
            f"{100 * last.more:.0f}% of futures."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"summary": self.summary(), "need": self.need, "scenario": self.scenario, "years": self.table().rows()}


def efficiency_access(
    need: str = "frontier",
    start: int = 2026,
    until: int = 2030,
    scenario: str = DEFAULT_SCENARIO,
    *,
    samples: int = 1024,
    seed: int = 0,
) -> Efficiency:
    """How many countries can train a fixed capability as algorithms improve, and what rebound does to its use.

    Args:
        need: a run: ``"1e27 FLOP"``, or ``"frontier"`` for the frontier run of the first year.
        start, until: years.
        scenario: export control.
        samples, seed: futures.

    Raises:
        InputError: the need is no run, or an option cannot be used.

    >>> first, last = efficiency_access("1e27 FLOP", 2026, 2027, samples=256).years
    >>> last.hosts >= last.hosts_without
    True
    """
    wanted = parse_need(need)
    if wanted.kind not in ("FLOP", "frontier"):
        raise InputError(f"need = {need!r} is a site; expected a run, e.g. '1e27 FLOP' or 'frontier'")
    given = make_access_input(scenario=scenario, year=start, samples=samples, seed=seed)
    if check_year(start) >= check_year(until):
        raise RangeError(f"start = {start} is not before until = {until}; give a later last year")
    sampled, rules, places = sample_world(given.samples, given.seed), find_scenario(scenario), find_places(())
    n = sampled.samples
    flop = np.full(n, wanted.amount) if wanted.kind == "FLOP" else frontier_flop(sampled, wanted.year or start)

    def hosts(year: int, size: Array) -> int:
        found = find_ratios(places, need_of_run(need, year, size, sampled), rules, sampled).lowest
        known = ~np.isnan(found).any(axis=1)
        return int(np.sum(np.median(found[known], axis=1) >= 1.0))

    out = []
    for year in range(start, until + 1):
        training, serving = gains(sampled, start, year)
        elasticity = sampled.state.at("demand.elasticity", np.array([start_of(year)]))
        without, after = rebound_use(np.ones(n), serving, np.broadcast_to(elasticity, (1, n))[0])
        both = (hosts(year, flop / training), hosts(year, flop))
        more = float(np.mean(after > 1.0 + 1e-9))
        gain, use = (Interval.of(training), Interval.of(serving)), (Interval.of(without), Interval.of(after))
        out.append(EfficiencyYear(year, *gain, *both, *use, more))
    return Efficiency("the frontier run" if wanted.kind == "frontier" else need, rules.name, tuple(out))


def gains(sampled: SampledWorld, start: int, year: int) -> tuple[Array, Array]:
    """(gain of training, gain of serving) between two years for the same capability, ``(n,)`` each."""
    p, n = sampled.state, sampled.samples
    last = EFFECTIVE_YEAR + DENSITY_YEARS
    training = algorithm_gain(p, np.array([start_of(year)]), start_of(start))
    serving = density_gain(p, np.array([min(start_of(year), last)]), min(start_of(start), last))
    return np.broadcast_to(training, (1, n))[0], np.broadcast_to(serving, (1, n))[0]
