"""Sample futures, evaluate the limits in each, and reduce them to a forecast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog, load_catalog
from liebig.errors import RangeError
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.progress import PROGRESS_PARAMETERS
from liebig.forecast.reduce import reduce_simulations
from liebig.forecast.result import Forecast
from liebig.forecast.run_at_ceiling import QUANTITIES, describe_run
from liebig.forecast.simulations import Simulations
from liebig.forecast.unused import scenario_notes
from liebig.forecast.world import World, build_world
from liebig.limits import State, ceilings, join_states
from liebig.limits.common import precision_gain
from liebig.uncertainty import sobol_blocks

__all__ = ["evaluate", "forecast_world", "run_forecast", "sample_state", "shown_years"]

Array = NDArray[np.float64]
Progress = Callable[[float], None]


def evaluate(world: World, years: Array, samples: int, seed: int, progress: Progress | None = None) -> Simulations:
    """Evaluate the limits of a world in ``samples`` simulations.

    Args:
        world: what to sample.
        years: ``(years,)``, rising.
        samples, seed: scrambled Sobol points.
        progress: called with the share done, 0 to 1.
    """
    limits = world.structure.limits
    shape = (len(years), samples)
    out = Simulations(
        years=years,
        limits=limits,
        ceilings=np.empty((len(limits), *shape)),
        progress=State({}),
        compute_gain=np.empty(shape, dtype=np.float32),
        precision_gain=np.empty(shape, dtype=np.float32),
        runs={name: np.empty(shape, dtype=np.float32) for name in QUANTITIES},
    )
    done, blocks = 0, list[State]()
    for u in sobol_blocks(world.dimensions, samples, seed, extra=world.extra):
        state = world.state(u)
        part = slice(done, done + u.shape[1])
        found = ceilings(state, years, world.structure)
        for i, limit in enumerate(limits):
            out.ceilings[i, :, part] = found[limit]
        lowest = out.ceilings[:, :, part].min(axis=0)
        for name, values in describe_run(state, years, lowest).items():
            out.runs[name][:, part] = values
        blocks.append(join_states([state], PROGRESS_PARAMETERS))
        out.compute_gain[:, part] = state.at("effective.compute_gain", years)
        out.precision_gain[:, part] = precision_gain(state, years)
        done += u.shape[1]
        if progress:
            progress(done / samples)
    out.progress = join_states(blocks, PROGRESS_PARAMETERS)
    return out


def sample_state(world: World, samples: int, seed: int) -> tuple[State, Array]:
    """All parameters of ``samples`` simulations at once, and the uniform points behind them."""
    blocks = list(sobol_blocks(world.dimensions, samples, seed, extra=world.extra))
    u = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
    return world.state(u), u


def run_forecast(inputs: ForecastInput, catalog: Catalog | None = None, progress: Progress | None = None) -> Forecast:
    """Run a forecast.

    Raises:
        InputError: something in the input cannot be used.
    """
    catalog = load_catalog(inputs.facts_files) if catalog is None else catalog
    return forecast_world(build_world(inputs, catalog), progress)


def forecast_world(world: World, progress: Progress | None = None) -> Forecast:
    """The forecast of a world that has been checked."""
    inputs = world.inputs
    start, until = shown_years(inputs, world)
    years = np.arange(world.first_year, world.last_year + 1, dtype=float)
    simulations = evaluate(world, years, inputs.samples, inputs.seed, progress)
    return reduce_simulations(world, simulations, start, until, scenario_notes(world, range(start, until + 1)))


def shown_years(inputs: ForecastInput, world: World) -> tuple[int, int]:
    """First and last year to show.

    Raises:
        RangeError: outside the years that the parameter set is good for.
    """
    start = max(2025, world.first_year) if inputs.start is None else inputs.start
    until = world.last_year if inputs.until is None else inputs.until
    one = inputs.start is not None and inputs.start == inputs.until
    for name, year in (("year", start),) if one else (("start", start), ("until", until)):
        world.check_year(year, name)
    if start > until:
        raise RangeError(f"start = {start} is after until = {until}; give a start that is not later")
    return start, until
