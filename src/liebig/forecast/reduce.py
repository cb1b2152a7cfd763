"""From simulations to the answer of a forecast: quantiles, binding probabilities, the crossing, the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.forecast.crossing import find_crossing
from liebig.forecast.progress import density_known
from liebig.forecast.result import LEVELS, Forecast
from liebig.forecast.run_at_ceiling import QUANTITIES
from liebig.forecast.simulations import Simulations
from liebig.forecast.words import parameter_records, summary_sentences
from liebig.forecast.world import World
from liebig.uncertainty import quantile, quantiles

__all__ = ["reduce_simulations"]

Array = NDArray[np.float64]
_SHOWN_PATHS = 24


def reduce_simulations(
    world: World, simulations: Simulations, start: int, until: int, notes: Sequence[str] = ()
) -> Forecast:
    """Quantiles and probabilities over all simulations, for the years shown.

    Args:
        world: what was sampled.
        simulations: all years of the parameter set.
        start, until: first and last year to show.
        notes: sentences for the user.
    """
    years = tuple(range(start, until + 1))
    index = [int(y - simulations.years[0]) for y in years]
    of_medians = any(s.min_of_medians for s in world.switches)
    columns: dict[str, Any] = {
        n: [] for n in ("minimum", "expected", "trend", "effective_minimum", "effective_expected", "density_gain")
    }
    ceilings: dict[str, list[Array]] = {limit: [] for limit in simulations.limits}
    binding: dict[str, list[float]] = {limit: [] for limit in simulations.limits}
    barrel_flop: dict[str, list[float]] = {limit: [] for limit in simulations.limits}
    for i in index:
        lowest = simulations.minimum(i)
        _add_binding(binding, simulations, i, lowest)
        _add_barrel(barrel_flop, binding, simulations, i, lowest)
        for j, limit in enumerate(simulations.limits):
            ceilings[limit].append(_levels(simulations.ceilings[j, i]))
        trend = simulations.trend(i)
        minimum = _levels(lowest)
        if of_medians:
            minimum = np.min([ceilings[limit][-1] for limit in simulations.limits], axis=0)
        progress = simulations.algorithm_gain(i)
        effective = simulations.effective_minimum(i)
        columns["minimum"].append(minimum)
        columns["trend"].append(_levels(trend))
        columns["expected"].append(_levels(np.minimum(trend, lowest)))
        columns["effective_minimum"].append(_levels(effective * progress))
        expected = np.minimum(trend * simulations.compute_gain[i], effective)
        columns["effective_expected"].append(_levels(expected * progress))
        known = density_known(simulations.years[i : i + 1])[0]
        columns["density_gain"].append(_levels(simulations.density_gain(i)) if known else np.full(len(LEVELS), np.inf))
    shown = np.array(index)
    run = float(quantile(world.joint.marginals["trend.flop"], np.array([0.5]))[0])
    arrays: dict[str, Any] = {k: np.array(v) for k, v in columns.items()}
    found = Forecast(
        inputs=world.inputs,
        years=years,
        limits=simulations.limits,
        ceilings={k: np.array(v) for k, v in ceilings.items()},
        binding={k: np.array(v) for k, v in binding.items()},
        barrel_flop={k: np.array(v) for k, v in barrel_flop.items()},
        crossing=find_crossing(simulations),
        runs={n: np.array([_levels(simulations.runs[n][i]) for i in index]) for n in QUANTITIES},
        low_precision_share=(simulations.precision_gain[shown] > 1.01).mean(axis=1),
        precision_gain=np.array([_levels(simulations.precision_gain[i]) for i in index]),
        precision=world.precision,
        median_of_minimum=not of_medians,
        paths=simulations.ceilings[:, shown, :_SHOWN_PATHS].min(axis=0),
        notes=tuple(notes),
        facts=world.facts,
        present_year=world.at_year["trend.flop"],
        present_flop=run,
        parameters=tuple(parameter_records(world)),
        yardsticks=world.catalog.yardsticks(),
        **arrays,
    )
    return replace(found, summaries={year: summary_sentences(found, year) for year in years})


def _levels(values: NDArray[Any]) -> Array:
    """Quantiles at :data:`LEVELS` over the last axis, in double precision."""
    if values.strides[-1] == 0:  # a broadcast point
        return np.repeat(float(values[0]), len(LEVELS))
    return quantiles(values, LEVELS)


def _add_binding(binding: dict[str, list[float]], simulations: Simulations, i: int, lowest: Array) -> None:
    """Share of simulations in which each limit is the lowest; ties are split evenly."""
    ties = np.zeros(lowest.shape)
    equal = []
    for j in range(len(simulations.limits)):
        same = simulations.ceilings[j, i] == lowest
        equal.append(same)
        ties += same
    for limit, same in zip(simulations.limits, equal, strict=True):
        binding[limit].append(float(np.sum(same / ties) / len(lowest)))


def _add_barrel(
    barrel_flop: dict[str, list[float]],
    binding: dict[str, list[float]],
    simulations: Simulations,
    i: int,
    lowest: Array,
) -> None:
    """Median ceiling of each limit over the simulations in which the most frequent one binds."""
    most = max(range(len(simulations.limits)), key=lambda j: binding[simulations.limits[j]][-1])
    where = simulations.ceilings[most, i] == lowest
    for j, limit in enumerate(simulations.limits):
        barrel_flop[limit].append(float(np.median(simulations.ceilings[j, i][where])))
