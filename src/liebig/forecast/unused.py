"""What a scenario states that changes no answer: said in a note, so that nothing accepted is silently ignored.

It is computed, not listed: a few simulations are evaluated with and without what was stated.  What counts as an answer
depends on the question: the trend matters for a forecast, not for the minimum of a year, and what acts only after the
years that are shown matters for none of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import load_catalog
from liebig.errors import ConflictError
from liebig.forecast.crossing import crossing_years
from liebig.forecast.inputs import make_input
from liebig.forecast.progress import PROGRESS_PARAMETERS, algorithm_gain, density_gain, density_known, trend_flop
from liebig.forecast.run_at_ceiling import describe_run
from liebig.forecast.stated import parameter_marginal
from liebig.forecast.switches import apply_switches
from liebig.forecast.world import World, build_world, set_structure
from liebig.limits import LIMITS, State, Structure, ceilings, touched
from liebig.limits.common import precision_gain
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
#: What moves answers in fewer simulations may leave p10 to p90 as they are: a fifth of simulations lie beyond these.
_RARE = 0.2
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
        crossing: whether it looks for the crossing of trend and lowest ceiling, in all years of the world.
    """

    name: str
    answers: Callable[[State, Array, Structure], list[Array]]
    reads: frozenset[str] = frozenset()
    crossing: bool = False


def _runs_and_trends(p: State, years: Array, structure: Structure) -> list[Array]:
    runs = describe_run(p, years, np.full((len(years), _FEW), _RUN_FLOP))
    factors = [p.at("effective.compute_gain", years), precision_gain(p, years)]
    density = np.where(density_known(years)[:, None], density_gain(p, years), np.inf)
    return [*runs.values(), *factors, trend_flop(p, years), algorithm_gain(p, years), density]


def _nothing_else(p: State, years: Array, structure: Structure) -> list[Array]:
    return []


def _effective_gain(p: State, years: Array, structure: Structure) -> list[Array]:
    return [p.at("effective.compute_gain", years)]


def _electricity(p: State, years: Array, structure: Structure) -> list[Array]:
    return [ai_power_w(p, years, structure), p.at("demand.elasticity", years)]


FORECAST = Question(
    "this forecast", _runs_and_trends, frozenset({*PROGRESS_PARAMETERS, "effective.compute_gain"}), True
)
SENSITIVITY = Question("this sensitivity", _nothing_else)
RANKING = Question("this ranking", _effective_gain, frozenset({"effective.compute_gain"}))
PACKAGE = Question("this package", _nothing_else)
HEADROOM = Question("this headroom", _nothing_else)
REBOUND = Question("this rebound", _electricity)


def scenario_notes(world: World, years: Sequence[float], question: Question = FORECAST) -> tuple[str, ...]:
    """What the user should know of a scenario besides the answer: remarks on its values, and what changes nothing.

    Args:
        world: the world of the scenario.
        years: moments that the question shows, rising, as years with decimals.
        question: whose answers are looked at.
    """
    return (*world.notes, *unused_inputs(world, years, question))


def unused_inputs(world: World, years: Sequence[float], question: Question = FORECAST) -> tuple[str, ...]:
    """A sentence for each parameter, lever or switch of the scenario that changes no answer in the years shown.

    Args:
        world: the world of the scenario.
        years: moments that the question shows, rising, as years with decimals.
        question: whose answers are looked at.
    """
    shown = np.array(years, dtype=float)
    return (
        *_parameters(world, shown, question),
        *_changes(world, shown, question),
        *_levers(world, shown, question),
        *_switches(world),
    )


def _parameters(world: World, shown: Array, question: Question) -> list[str]:
    out = []
    for name in sorted(world.stated):
        if _matters(world.facts, world.structure, name, question, tuple(shown.tolist())):
            continue
        state = _few_of(world)
        usual = quantile(parameter_marginal(world.parameters[name]), (np.arange(_FEW) + 0.5) / _FEW)
        other = State({**state.values, name: usual}, state.at_year, state.changes)
        little = _little(state, other, world, [name], question, shown)
        if little:
            why = _why(world, name, question) if little.never else ""
            out.append(f"{name}, stated by the scenario, {little.words}{why}")
    return out


def _changes(world: World, shown: Array, question: Question) -> list[str]:
    out = []
    for change in world.scheduled:
        name, year = change.parameter, change.from_year
        if year > shown[-1]:
            out.append(f"{name} from {year:g}: after {shown[-1]:g}, the last year shown")
            continue
        state = _few_of(world)
        other = State(state.values, state.at_year, tuple(c for c in state.changes if c is not change))
        little = _little(state, other, world, [name], question, shown)
        if little:
            why = _why(world, name, question, year) if little.never else ""
            out.append(f"{name} from {year:g} {little.words}{why}")
    return out


@dataclass(frozen=True)
class _Little:
    """That two states have the same answers in the years shown, but perhaps in a few simulations.

    Args:
        words: so in words.
        never: whether the answers are the same in all years of the world.
    """

    words: str
    never: bool = False


def _little(
    state: State, other: State, world: World, names: Sequence[str], question: Question, shown: Array
) -> _Little | None:
    """What two states that differ in ``names`` have in common; None where their answers differ in the years shown."""
    share = _moved(state, other, world, names, question, shown)
    span = f"{shown[0]:g}" if len(shown) == 1 else f"{shown[0]:g} to {shown[-1]:g}"
    if share:
        words = f"changes answers of the years shown ({span}) in {max(share, 0.01):.0%} of futures only"
        return _Little(words.replace("%", " %")) if share < _RARE else None
    if not _moved(state, other, world, names, question, _years(world)):
        return _Little(f"changes no answer of {question.name}", never=True)
    crosses = question.crossing and not _alike(*(_crossing(s, world) for s in (state, other))).all()
    more = ", only the crossing of trend and lowest ceiling" if crosses else ""
    return _Little(f"changes nothing in the years shown ({span}){more}")


def _crossing(p: State, world: World) -> Array:
    years = _years(world)
    lowest = np.min(list(np.broadcast_arrays(*ceilings(p, years, world.structure).values())), axis=0)
    return crossing_years(years, np.broadcast_to(trend_flop(p, years), (len(years), _FEW)), lowest)


def _why(world: World, name: str, question: Question, year: float = -np.inf) -> str:
    if name not in _read(world.facts, world.structure, question):
        return "; none of the equations in use reads it"
    date = world.at_year.get(name, np.inf)
    return f"; it is what was counted in {date:g}" if date <= year else ""


def _levers(world: World, shown: Array, question: Question) -> list[str]:
    read = {name for limit in world.structure.limits for name in LIMITS[limit].reads} | question.reads
    out = []
    for lever in world.levers:
        if lever.row.in_base:
            continue  # said already
        if not lever.acting:
            out.append(f"{lever.id}: no effect found in the evidence, so applying it changes nothing")
        elif lever.start > shown[-1]:
            out.append(f"{lever.id} from {lever.start:g}: after {shown[-1]:g}, the last year shown")
        elif not read & set(lever.parameters):
            out.append(f"{lever.id}: none of the limits in use reads what it moves, so applying it changes nothing")
        else:
            rest = replace(world, levers=tuple(other for other in world.levers if other is not lever))
            little = _little(_few_of(world), _few_of(rest), world, list(lever.parameters), question, shown)
            out += [f"{lever.id} from {lever.start:g} {little.words}"] if little else []
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


def _moved(state: State, other: State, world: World, names: Sequence[str], question: Question, years: Array) -> float:
    """Share of simulations in which the answer that differs most often differs."""
    pairs = zip(*(_answers(s, years, world.structure, names, question) for s in (state, other)), strict=True)
    return max((1.0 - float(_alike(a, b).mean(axis=-1).min()) for a, b in pairs), default=0.0)


def _alike(one: Array, two: Array) -> NDArray[np.bool_]:
    return np.isclose(one, two, rtol=_NOISE, atol=0.0, equal_nan=True)


def _answers(p: State, years: Array, structure: Structure, names: Iterable[str], question: Question) -> list[Array]:
    """All that a question computes from ``names``, before it is reduced."""
    limits = [limit for limit in touched(names) if limit in structure.limits]
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
        _answers(State(seen, state.at_year), _years(world), structure, LIMITS[limit].reads, question)
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
def _matters(facts: str, structure: Structure, name: str, question: Question, shown: tuple[float, ...]) -> bool:
    """True when answers of the built-in set move with the parameter: then what is stated of it is not looked at."""
    _, state = _builtin(facts)
    if name not in state.values:
        return False
    years = np.array(shown)
    base = _answers(state, years, structure, [name], question)
    for factor in (0.8, 1.25):
        moved = State({**state.values, name: state[name] * factor}, state.at_year)
        pairs = zip(base, _answers(moved, years, structure, [name], question), strict=True)
        if not all(_alike(a, b).all() for a, b in pairs):
            return True
    return False
