"""What a scenario states that changes no answer: said in a note, so that nothing accepted is silently ignored.

It is computed, not listed: a few simulations are evaluated with and without what was stated.  What counts as an answer
depends on the question: the trend matters for a forecast, not for the minimum of a year.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import load_catalog
from liebig.errors import ConflictError
from liebig.forecast.inputs import make_input
from liebig.forecast.progress import PROGRESS_PARAMETERS, algorithm_gain, density_gain, trend_flop
from liebig.forecast.run_at_ceiling import describe_run
from liebig.forecast.stated import parameter_marginal
from liebig.forecast.switches import apply_switches
from liebig.forecast.world import World, build_world, set_structure
from liebig.limits import LIMITS, State, Structure, ceilings, touched
from liebig.limits.power import ai_power_w
from liebig.uncertainty import quantile, sobol_blocks

__all__ = [
    "FORECAST", "HEADROOM", "PACKAGE", "RANKING", "REBOUND", "SENSITIVITY", "Question", "scenario_notes",
    "unused_inputs",
]  # fmt: skip

Array = NDArray[np.float64]
#: Simulations that are looked at; enough to meet what matters in one of fifty.
_FEW = 128
#: Relative change of an answer that counts as none.
_NOISE = 1e-6
#: Any run will do to see whether what it takes depends on a parameter.
_RUN_FLOP = 1e28


@dataclass(frozen=True)
class Question:
    """What is asked of a world.

    Args:
        name: how notes call it.
        answers: all that it computes from a state and years with a structure, besides the ceilings, before anything
            is reduced.
        reads: parameters that it reads besides those of the limits, and that a lever may move.
    """

    name: str
    answers: Callable[[State, Array, Structure], list[Array]]
    reads: frozenset[str] = frozenset()


def _runs_and_trends(p: State, years: Array, structure: Structure) -> list[Array]:
    runs = describe_run(p, years, np.full((len(years), _FEW), _RUN_FLOP))
    factors = [p.at(n, years) for n in ("effective.compute_gain", "run.precision_gain")]
    return [*runs.values(), *factors, *(f(p, years) for f in (trend_flop, algorithm_gain, density_gain))]


def _nothing_else(p: State, years: Array, structure: Structure) -> list[Array]:
    return []


def _effective_gain(p: State, years: Array, structure: Structure) -> list[Array]:
    return [p.at("effective.compute_gain", years)]


def _electricity(p: State, years: Array, structure: Structure) -> list[Array]:
    return [ai_power_w(p, years, structure), p.at("demand.elasticity", years)]


FORECAST = Question("this forecast", _runs_and_trends, frozenset({*PROGRESS_PARAMETERS, "effective.compute_gain"}))
SENSITIVITY = Question("this sensitivity", _nothing_else)
RANKING = Question("this ranking", _effective_gain, frozenset({"effective.compute_gain"}))
PACKAGE = Question("this package", _nothing_else)
HEADROOM = Question("this headroom", _nothing_else)
REBOUND = Question("this rebound", _electricity)


def scenario_notes(world: World, until: int, question: Question = FORECAST) -> tuple[str, ...]:
    """What the user should know of a scenario besides the answer: remarks on its values, and what changes nothing.

    Args:
        world: the world of the scenario.
        until: last year that the question looks at.
        question: whose answers are looked at.
    """
    return (*world.notes, *unused_inputs(world, until, question))


def unused_inputs(world: World, until: int, question: Question = FORECAST) -> tuple[str, ...]:
    """A sentence for each parameter, lever or switch of the scenario that changes no answer.

    Args:
        world: the world of the scenario.
        until: last year shown.
        question: whose answers are looked at.
    """
    return (
        *_parameters(world, question),
        *_changes(world, until, question),
        *_levers(world, until, question),
        *_switches(world),
    )


def _parameters(world: World, question: Question) -> list[str]:
    out = []
    for name in sorted(world.stated):
        if _matters(world.facts, world.structure, name, question):
            continue
        state = _few_of(world)
        usual = quantile(parameter_marginal(world.parameters[name]), (np.arange(_FEW) + 0.5) / _FEW)
        other = State({**state.values, name: usual}, state.at_year, state.changes)
        if not _differ(state, other, world, name, question):
            why = _why(world, name, question)
            out.append(f"{name}, stated by the scenario, changes no answer of {question.name}{why}")
    return out


def _changes(world: World, until: int, question: Question) -> list[str]:
    out = []
    for change in world.scheduled:
        name, year = change.parameter, change.from_year
        if year > until:
            out.append(f"{name} from {year:g}: after {until}, the last year shown")
            continue
        state = _few_of(world)
        other = State(state.values, state.at_year, tuple(c for c in state.changes if c is not change))
        if not _differ(state, other, world, name, question):
            why = _why(world, name, question, year)
            out.append(f"{name} from {year:g} changes no answer of {question.name}{why}")
    return out


def _why(world: World, name: str, question: Question, year: float = -np.inf) -> str:
    if name not in _read(world.facts, world.structure, question):
        return "; none of the equations in use reads it"
    date = world.at_year.get(name, np.inf)
    return f"; it is what was counted in {date:g}" if date <= year else ""


def _levers(world: World, until: int, question: Question) -> list[str]:
    read = {name for limit in world.structure.limits for name in LIMITS[limit].reads} | question.reads
    out = []
    for lever in world.levers:
        if lever.row.in_base:
            continue  # said already
        if not lever.acting:
            out.append(f"{lever.id}: no effect found in the evidence, so applying it changes nothing")
        elif lever.start > until:
            out.append(f"{lever.id} from {lever.start:g}: after {until}, the last year shown")
        elif not read & set(lever.parameters):
            out.append(f"{lever.id}: none of the limits in use reads what it moves, so applying it changes nothing")
    return out


def _switches(world: World) -> list[str]:
    """Switches without which the structure would be the same, because the set of parameters has it so already."""
    base = set_structure(world.catalog, world.facts)
    out = []
    for name, switch in zip(world.inputs.switches, world.switches, strict=True):
        rest = tuple(n for n in world.inputs.switches if n != name)
        if switch.of_structure and _structure(rest, base) == world.structure:
            out.append(f"switch {name}: already so in the set {world.facts}, so it changes nothing")
    return out


def _structure(names: tuple[str, ...], base: Structure) -> Structure | None:
    try:
        return apply_switches(names, base)[0]
    except ConflictError:  # no limit would be left
        return None


def _differ(state: State, other: State, world: World, name: str, question: Question) -> bool:
    years = _years(world)
    pairs = zip(*(_answers(s, years, world.structure, name, question) for s in (state, other)), strict=True)
    return not all(np.allclose(a, b, rtol=_NOISE, atol=0.0, equal_nan=True) for a, b in pairs)


def _answers(p: State, years: Array, structure: Structure, name: str, question: Question) -> list[Array]:
    """All that a question computes from ``name``, before it is reduced."""
    limits = [limit for limit in touched([name]) if limit in structure.limits]
    found = ceilings(p, years, structure, limits) if limits else {}
    return [*found.values(), *question.answers(p, years, structure)]


def _years(world: World) -> Array:
    return np.arange(world.first_year, world.last_year + 1, dtype=float)


def _few_of(world: World) -> State:
    return world.state(next(sobol_blocks(world.dimensions, _FEW, 0, extra=world.extra)))


@functools.lru_cache(maxsize=8)
def _builtin(facts: str) -> tuple[World, State]:
    world = build_world(make_input(facts=facts), load_catalog())
    return world, _few_of(world)


@functools.lru_cache(maxsize=64)
def _read(facts: str, structure: Structure, question: Question) -> frozenset[str]:
    """Parameters that a question reads with this structure."""
    world, state = _builtin(facts)
    seen = _Seen(state.values)
    for limit in structure.limits:
        _answers(State(seen, state.at_year), _years(world), structure, next(iter(LIMITS[limit].reads)), question)
    return frozenset(seen.read)


class _Seen(dict[str, Array]):
    """Values that remember which of them were read."""

    def __init__(self, values: Mapping[str, Array]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Array:
        self.read.add(name)
        return super().__getitem__(name)


@functools.lru_cache(maxsize=1024)
def _matters(facts: str, structure: Structure, name: str, question: Question) -> bool:
    """True when answers of the built-in set move with the parameter: then what is stated of it is not looked at."""
    world, state = _builtin(facts)
    if name not in state.values:
        return False
    years = _years(world)
    base = _answers(state, years, structure, name, question)
    for factor in (0.8, 1.25):
        moved = State({**state.values, name: state[name] * factor}, state.at_year)
        pairs = zip(base, _answers(moved, years, structure, name, question), strict=True)
        if not all(np.allclose(a, b, rtol=_NOISE, atol=0.0, equal_nan=True) for a, b in pairs):
            return True
    return False
