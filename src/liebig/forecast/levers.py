"""Levers measured on a forecast: the bench of a year, ranking, packages and rebound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from liebig.catalog import Catalog, load_catalog
from liebig.dates import start_of
from liebig.errors import RangeError
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.simulate import sample_state
from liebig.forecast.unused import PACKAGE, RANKING, REBOUND, scenario_notes
from liebig.forecast.world import World, build_world
from liebig.levers import (
    Bench,
    Lever,
    Package,
    Ranking,
    Rebound,
    best_package,
    get_lever,
    make_bench,
    rank_levers,
    rebound,
)
from liebig.quantities import format_factor

__all__ = [
    "bench_in_world", "bench_of", "find_package", "lever_sentence", "measure_lever", "measure_rebound", "rank",
    "rank_in_world",
]  # fmt: skip

Progress = Callable[[float], None]


def bench_of(
    inputs: ForecastInput, year: int, catalog: Catalog | None = None
) -> tuple[World, tuple[Bench, list[Lever]]]:
    """The world of a scenario; the futures of a year in it, and the levers that can still be applied.

    Args:
        inputs: the scenario.
        year: a year of the parameter set.
        catalog: facts; default the built-in ones with the scenario's files.

    Raises:
        RangeError: the parameter set does not cover the year.
    """
    world = build_world(inputs, load_catalog(inputs.facts_files) if catalog is None else catalog)
    world.check_year(year)
    return world, bench_in_world(world, start_of(year), inputs.samples)


def bench_in_world(world: World, when: float, samples: int) -> tuple[Bench, list[Lever]]:
    """The futures of a checked world at a moment, and the levers that can still be applied.

    Args:
        world: what to sample.
        when: a year with decimals that the parameter set covers.
        samples: futures.
    """
    taken = {lever.id for lever in world.levers}
    levers = [get_lever(world.catalog, name) for name in world.catalog.levers() if name not in taken]
    state, u = sample_state(world, samples, world.inputs.seed)
    draws = {lever.id: u[world.lever_dimension[lever.id]] for lever in levers}
    return make_bench(state, when, world.structure, draws, samples), levers


def rank(
    inputs: ForecastInput, year: int = 2030, catalog: Catalog | None = None, progress: Progress | None = None
) -> Ranking:
    """Rank all levers by their effect on the minimum of a year."""
    world, (bench, levers) = bench_of(inputs, year, catalog)
    found = rank_levers(bench, levers, progress)
    return replace(found, notes=scenario_notes(world, [start_of(year)], RANKING))


def measure_lever(inputs: ForecastInput, name: str, year: int = 2030, catalog: Catalog | None = None) -> Ranking:
    """One lever in place of all, by its effect on the minimum of a year.

    Args:
        inputs: the scenario.
        name: the lever.
        year: in which the minimum is looked at.
        catalog: facts; default the built-in ones with the scenario's files.

    Raises:
        UnknownNameError: no such lever.
        RangeError: the parameter set does not cover the year.
    """
    world, (bench, _) = bench_of(inputs, year, catalog)
    found = rank_levers(bench, [get_lever(world.catalog, name)])
    return replace(found, notes=scenario_notes(world, [start_of(year)], RANKING))


def rank_in_world(world: World, when: float, samples: int) -> Ranking:
    """Rank all levers in a world and at a moment (a year with decimals) that have been checked."""
    return rank_levers(*bench_in_world(world, when, samples))


def lever_sentence(world: World, year: int, most_samples: int = 2048) -> str:
    """Which single lever lifts the minimum of a year most, in a sentence.

    Args:
        world: the world of a forecast.
        year: in which the minimum is looked at.
        most_samples: simulations that are ranked with, at most.
    """
    world.check_year(year)
    effects = rank_in_world(world, start_of(year), min(world.inputs.samples, most_samples)).effects
    best = next((e for e in effects if e.ratio > 1.005 and not e.lever.row.members), None)
    if best is None:
        return f"No single lever lifts the minimum of {year}."
    return f"The lever that lifts the minimum most: {best.lever.row.name} ({format_factor(best.ratio)})."


def find_package(
    inputs: ForecastInput,
    size: int,
    year: int = 2030,
    catalog: Catalog | None = None,
    progress: Progress | None = None,
) -> Package:
    """The best package of ``size`` levers in a year."""
    world, (bench, levers) = bench_of(inputs, year, catalog)
    found = best_package(bench, levers, size, progress)
    return replace(found, notes=scenario_notes(world, [start_of(year)], PACKAGE))


def measure_rebound(
    inputs: ForecastInput, year: int = 2030, elasticity: float | None = None, catalog: Catalog | None = None
) -> Rebound:
    """Rebound of the efficiency levers in a year, with the parameter's elasticity or a given one.

    Raises:
        RangeError: an elasticity outside 0 to 5.
    """
    if elasticity is not None and not 0.0 <= elasticity <= 5.0:
        raise RangeError(f"elasticity = {elasticity:g} is out of range; expected 0 to 5 (1.2 is usual)")
    world, (bench, levers) = bench_of(inputs, year, catalog)
    found = rebound(bench, levers, None if elasticity is None else np.array([elasticity]))
    return replace(found, notes=scenario_notes(world, [start_of(year)], REBOUND))
