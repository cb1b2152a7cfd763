"""What the answer depends on: tornado, total-order Sobol indices, structural switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog, load_catalog
from liebig.dates import calendar_year, start_of
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.switches import switches
from liebig.forecast.unused import SENSITIVITY, scenario_notes
from liebig.forecast.world import World, build_world
from liebig.levers.rank import minimum_of, spread
from liebig.levers.vectors import lever_changes
from liebig.limits import State, ceilings, touched
from liebig.tables import Table
from liebig.uncertainty import quantile, sobol_blocks, transform
from liebig.uncertainty.sobol_indices import jansen_total

__all__ = [
    "Sensitivity", "SwitchEffect", "Switched", "TornadoBar", "TotalIndex", "run_sensitivity", "run_switches",
]  # fmt: skip

Array = NDArray[np.float64]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class TornadoBar:
    """One parameter pinned at its p10 and at its p90: the median of the minimum, FLOP."""

    parameter: str
    name: str
    at_p10: float
    at_p90: float
    low_flop: float
    high_flop: float
    grade: str

    @property
    def swing(self) -> float:
        """Larger over smaller median of the minimum."""
        return max(self.low_flop, self.high_flop) / min(self.low_flop, self.high_flop)


@dataclass(frozen=True)
class TotalIndex:
    """Share of the variance of log10 of the minimum that a parameter, or a correlated group, takes part in."""

    parameters: tuple[str, ...]
    value: float
    p10: float
    p90: float


@dataclass(frozen=True)
class Sensitivity:
    """Tornado and Sobol indices of the minimum in one year, the largest first; ``notes`` are on the scenario."""

    year: int
    median_flop: float
    tornado: tuple[TornadoBar, ...]
    indices: tuple[TotalIndex, ...]
    independent: bool
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        """One row for each parameter of the tornado, with the index of its group."""
        group = {n: g for g in self.indices for n in g.parameters}
        return Table.from_rows(
            {
                "year": self.year,
                "parameter": bar.parameter,
                "at_p10": bar.at_p10,
                "at_p90": bar.at_p90,
                "minimum_at_p10_flop": bar.low_flop,
                "minimum_at_p90_flop": bar.high_flop,
                "swing": bar.swing,
                "total_index": group[bar.parameter].value if bar.parameter in group else None,
                "index_shared_with": " ".join(n for n in group[bar.parameter].parameters if n != bar.parameter)
                if bar.parameter in group
                else "",
                "grade": bar.grade,
            }
            for bar in self.tornado
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "year": self.year,
            "median_minimum_flop": self.median_flop,
            "tornado": [
                {
                    "parameter": b.parameter,
                    "name": b.name,
                    "at_p10": b.at_p10,
                    "at_p90": b.at_p90,
                    "minimum_at_p10_flop": b.low_flop,
                    "minimum_at_p90_flop": b.high_flop,
                    "swing": b.swing,
                    "grade": b.grade,
                }
                for b in self.tornado
            ],
            "total_sobol_indices": [
                {"parameters": list(i.parameters), "value": i.value, "p10": i.p10, "p90": i.p90} for i in self.indices
            ],
            "correlations_kept": not self.independent,
            "notes": list(self.notes),
        }


def run_sensitivity(
    inputs: ForecastInput,
    year: int = 2030,
    *,
    independent: bool = False,
    catalog: Catalog | None = None,
    progress: Progress | None = None,
) -> Sensitivity:
    """Tornado and total-order Sobol indices of the minimum in a year.

    Args:
        inputs: the scenario; ``samples`` futures for the tornado and for each index.
        year: a year of the parameter set.
        independent: drop the correlations, so that each parameter has an index of its own;
            otherwise a correlated group has one index, because its members do not vary alone.
        catalog: facts; default the built-in ones with the scenario's files.
        progress: called with the share done, 0 to 1.

    Raises:
        RangeError: the parameter set does not cover the year.
    """
    catalog = load_catalog(inputs.facts_files) if catalog is None else catalog
    if independent:
        inputs = inputs.model_copy(update={"switches": (*inputs.switches, "no-correlations")})
    world = build_world(inputs, catalog)
    world.check_year(year)
    bench = _TwoSamples(world, start_of(year), inputs.samples, inputs.seed)
    units = _units(world)
    names = [n for unit in units for n in unit if n in world.joint.marginals]
    steps = len(names) + len(units)
    bars, indices = [], []
    for i, name in enumerate(names):
        bars.append(_bar(bench, world, name))
        if progress:
            progress((i + 1) / steps)
    f_a = np.log10(bench.lowest_a)
    for i, unit in enumerate(units):
        estimate, low, high = jansen_total(f_a, np.log10(bench.mixed(unit)), seed=inputs.seed)
        indices.append(TotalIndex(unit, estimate, low, high))
        if progress:
            progress((len(names) + i + 1) / steps)
    bars.sort(key=lambda b: -b.swing)
    indices.sort(key=lambda s: -s.value)
    return Sensitivity(
        calendar_year(year), float(np.median(bench.lowest_a)), tuple(bars), tuple(indices), independent,
        scenario_notes(world, [start_of(year)], SENSITIVITY),
    )  # fmt: skip


def _units(world: World) -> list[tuple[str, ...]]:
    """What varies by itself: correlated groups, single parameters, levers; only what a limit reads."""
    groups = [group for group, _ in world.joint.groups]
    grouped = {n for group in groups for n in group}
    single = [(n,) for n, m in world.joint.marginals.items() if not m.is_point and n not in grouped]
    in_use = set(world.structure.limits)
    units = [u for u in (*groups, *single) if in_use & set(touched(u))]
    return units + [(f"lever:{lever.id}",) for lever in world.levers if lever.effects]


class _TwoSamples:
    """Two independent samples A and B of a world in one year, and the minimum with parts of A taken from B."""

    def __init__(self, world: World, year: float, samples: int, seed: int) -> None:
        self.world = world
        self.years = np.array([year])
        self.samples = samples
        d = world.dimensions
        extra = [f"{half} {name}" for half in "ab" for name in world.extra]
        u = np.concatenate(list(sobol_blocks(2 * d, samples, seed, extra=extra)), axis=1)
        middle = 2 * d + len(world.extra)
        self.u_a, self.u_b = (np.concatenate(part) for part in ((u[:d], u[2 * d : middle]), (u[d : 2 * d], u[middle:])))
        self.b = transform(world.joint, self.u_b)
        self.state = world.state(self.u_a)
        self.base = self._ceilings(self.state, world.structure.limits)
        self.lowest_a = minimum_of(list(self.base.values()))

    def _ceilings(self, state: State, limits: Sequence[str]) -> dict[str, Array]:
        found = ceilings(state, self.years, self.world.structure, limits) if limits else {}
        return {n: spread(v, self.samples) for n, v in found.items()}

    def lowest_with(self, values: dict[str, Array]) -> Array:
        """Minimum with some parameters replaced, recomputing only the limits that read them."""
        state = State({**self.state.values, **values}, self.state.at_year, self.state.changes)
        limits = [n for n in touched(values) if n in self.base]
        return minimum_of(list({**self.base, **self._ceilings(state, limits)}.values()))

    def mixed(self, unit: tuple[str, ...]) -> Array:
        """Minimum at A with one unit taken from B."""
        if unit[0].startswith("lever:"):
            return self._mixed_lever(unit[0].removeprefix("lever:"))
        return self.lowest_with({n: self.b[n] for n in unit})

    def _mixed_lever(self, name: str) -> Array:
        changes = self.world.changes_without_levers(self.state.values)
        for lever in self.world.levers:
            source = self.u_b if lever.id == name else self.u_a
            changes += lever_changes(lever, source[self.world.lever_dimension[lever.id]])
        state = State(self.state.values, self.state.at_year, tuple(changes))
        return minimum_of(list(self._ceilings(state, self.world.structure.limits).values()))


def _bar(bench: _TwoSamples, world: World, name: str) -> TornadoBar:
    low, high = (float(v) for v in quantile(world.joint.marginals[name], np.array([0.1, 0.9])))
    at = [float(np.median(bench.lowest_with({name: np.array([v])}))) for v in (low, high)]
    row = world.parameters[name]
    return TornadoBar(name, row.name, low, high, at[0], at[1], row.grade)


@dataclass(frozen=True)
class SwitchEffect:
    """A structural switch: ratio of the median minimum with it to that without, by year."""

    switch: str
    description: str
    ratio: dict[int, float]
    binding: dict[int, str]


@dataclass(frozen=True)
class Switched:
    """Every switch by itself, the one that lowers the minimum of the first year most first."""

    years: tuple[int, ...]
    effects: tuple[SwitchEffect, ...]
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        """One row for each switch."""
        return Table.from_rows(
            {"switch": e.switch, "description": e.description}
            | {f"ratio_{y}": e.ratio[y] for y in self.years}
            | {f"binding_{y}": e.binding[y] for y in self.years}
            for e in self.effects
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "years": list(self.years),
            "unit": "ratio of the median minimum with the switch to that without",
            "switches": self.table().rows(),
            "notes": list(self.notes),
        }


def run_switches(
    inputs: ForecastInput,
    years: Sequence[int] = (2030, 2035, 2040),
    catalog: Catalog | None = None,
    progress: Progress | None = None,
) -> Switched:
    """Every switch by itself against the scenario: structure matters more than any one number.

    Raises:
        RangeError: a year that the parameter set does not cover.
    """
    catalog = load_catalog(inputs.facts_files) if catalog is None else catalog
    base_world = build_world(inputs, catalog)
    for year in years:
        base_world.check_year(year)
    base, _ = _medians(base_world, years, inputs)
    out = []
    todo = {n: s for n, s in switches().items() if n not in inputs.switches}
    for i, (name, switch) in enumerate(todo.items()):
        world = build_world(inputs.model_copy(update={"switches": (*inputs.switches, name)}), catalog)
        found, binding = _medians(world, years, inputs)
        ratios = {y: f / b for y, f, b in zip(years, found, base, strict=True)}
        out.append(SwitchEffect(name, switch.description, ratios, dict(zip(years, binding, strict=True))))
        if progress:
            progress((i + 1) / len(todo))
    out.sort(key=lambda e: e.ratio[years[0]])
    return Switched(tuple(years), tuple(out), scenario_notes(base_world, sorted(years), SENSITIVITY))


def _medians(world: World, years: Sequence[int], inputs: ForecastInput) -> tuple[list[float], list[str]]:
    """Median of the minimum (or minimum of medians, when the switch says so) and what binds, by year."""
    u = np.concatenate(list(sobol_blocks(world.dimensions, inputs.samples, inputs.seed, extra=world.extra)), axis=1)
    state = world.state(u)
    of_medians = any(s.min_of_medians for s in world.switches)
    medians, binding = [], []
    for year in years:
        found = ceilings(state, np.array([start_of(year)]), world.structure)
        rows = {n: spread(v, inputs.samples) for n, v in found.items()}
        lowest = minimum_of(list(rows.values()))
        middle = {n: float(np.median(v)) for n, v in rows.items()}
        medians.append(min(middle.values()) if of_medians else float(np.median(lowest)))
        binding.append(max(rows, key=lambda n: float(np.mean(rows[n] <= lowest))))
    return medians, binding
