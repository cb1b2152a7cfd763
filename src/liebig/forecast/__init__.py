"""Forecast: how far AI can scale, year by year, which limit binds, and what lifts it.

>>> import liebig
>>> result = liebig.forecast(facts="epoch-2024", until=2030, samples=1024)
>>> result.binding_limit(2030)
'power'

The package itself can be called; :func:`run` is the same function by name.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from liebig.errors import InputError
from liebig.forecast.compare import Comparison, compare_inputs
from liebig.forecast.inputs import ForecastInput, make_input, merge_inputs, read_scenario
from liebig.forecast.levers import find_package, measure_rebound, rank
from liebig.forecast.reach import Reach
from liebig.forecast.reach import find_reach as reach_of
from liebig.forecast.result import Forecast
from liebig.forecast.sensitivity import Sensitivity, Switched, SwitchEffect, run_sensitivity, run_switches
from liebig.forecast.simulate import run_forecast
from liebig.levers import Package, Ranking, Rebound

__all__ = [
    "Comparison",
    "Forecast",
    "ForecastInput",
    "Reach",
    "Sensitivity",
    "SwitchEffect",
    "Switched",
    "best_package",
    "compare",
    "compare_switches",
    "find_sensitivity",
    "make_inputs",
    "rank_levers",
    "reach",
    "read_scenario",
    "rebound",
    "run",
]

Scenario = str | Path | ForecastInput
Progress = Callable[[float], None]


def make_inputs(scenario: Scenario | None, options: dict[str, Any]) -> ForecastInput:
    """The input that a scenario and options on top of it describe."""
    options = dict(options)
    if scenario is None:
        return make_input(**options)
    if isinstance(scenario, (str, Path)):
        scenario = read_scenario(scenario)
    if not isinstance(scenario, ForecastInput):
        raise InputError(f"scenario = {scenario!r}: expected the path of a TOML file, or a ForecastInput")
    if not options:
        return scenario
    return merge_inputs(scenario, make_input(**options))


def run(scenario: Scenario | None = None, /, *, progress: Progress | None = None, **options: Any) -> Forecast:
    """Forecast the ceilings of all limits, their minimum and what binds.

    Args:
        scenario: a TOML file, or an input made before; options come on top.
        progress: called with the share done, 0 to 1.
        options: fields of :class:`ForecastInput`, e.g. ``facts``, ``set``, ``pin``, ``levers``.

    Raises:
        InputError: an option cannot be used.

    >>> run(pin={"duration": "100 d"}, samples=256, until=2030).years[-1]
    2030
    """
    return run_forecast(make_inputs(scenario, options), progress=progress)


def compare(a: Scenario, b: Scenario, **options: Any) -> Comparison:
    """Two scenarios in the same sampled futures.

    Args:
        a, b: TOML files or inputs.
        options: ``samples`` and ``seed``, for both.
    """
    return compare_inputs(make_inputs(a, dict(options)), make_inputs(b, dict(options)))


def rank_levers(
    year: int = 2030, scenario: Scenario | None = None, /, *, progress: Progress | None = None, **options: Any
) -> Ranking:
    """All levers by their effect on the minimum of a year.

    >>> rank_levers(2030, samples=256).effects[0].ratio > 1
    True
    """
    return rank(make_inputs(scenario, options), year, progress=progress)


def best_package(
    size: int,
    year: int = 2030,
    scenario: Scenario | None = None,
    /,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Package:
    """The package of ``size`` levers that lifts the minimum of a year most."""
    return find_package(make_inputs(scenario, options), size, year, progress=progress)


def reach(
    *flop: str | float, scenario: Scenario | None = None, progress: Progress | None = None, **options: Any
) -> Reach:
    """When runs of so many FLOP can be made and are expected, and how likely by each year.

    Args:
        flop: sizes of runs, as numbers or texts.
        scenario: a TOML file, or an input made before; options come on top.
        progress: called with the share done, 0 to 1.
        options: fields of :class:`ForecastInput`.

    >>> reach(1e27, 1e29, samples=512).of[1].expected_by[2030] < 0.6
    True
    """
    return reach_of(make_inputs(scenario, options), flop, progress)


def rebound(
    year: int = 2030, scenario: Scenario | None = None, /, *, elasticity: float | None = None, **options: Any
) -> Rebound:
    """Use of electricity before, after without and after with rebound, for efficiency levers."""
    return measure_rebound(make_inputs(scenario, options), year, elasticity)


def find_sensitivity(
    year: int = 2030,
    scenario: Scenario | None = None,
    /,
    *,
    independent: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Sensitivity:
    """Tornado and total-order Sobol indices of the minimum in a year.

    >>> find_sensitivity(2030, samples=256).tornado[0].swing > 1
    True
    """
    return run_sensitivity(make_inputs(scenario, options), year, independent=independent, progress=progress)


def compare_switches(
    years: tuple[int, ...] = (2030, 2035, 2040), scenario: Scenario | None = None, /, **options: Any
) -> Switched:
    """Every structural switch by itself: ratio of the median minimum with it to that without.

    >>> compare_switches((2030,), samples=256).effects[0].ratio[2030] < 1
    True
    """
    return run_switches(make_inputs(scenario, options), years)


class _CallableModule(types.ModuleType):
    """Lets ``liebig.forecast(...)`` run a forecast while ``liebig.forecast`` stays a package."""

    def __call__(self, *args: Any, **options: Any) -> Forecast:
        return run(*args, **options)


sys.modules[__name__].__class__ = _CallableModule
