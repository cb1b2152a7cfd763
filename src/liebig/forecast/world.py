"""From an input to a world that can be sampled: parameters, dependence, structure, levers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog, load_catalog
from liebig.catalog.rows import ParameterRow
from liebig.errors import RangeError
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.stated import parameter_marginal, state_parameters
from liebig.forecast.switches import Switch, apply_switches
from liebig.levers.vectors import Lever, lever_changes, resolve_levers
from liebig.limits import LIMITS, Change, State, Structure
from liebig.uncertainty import CorrelationWarning, Joint, Marginal, make_joint, transform

__all__ = ["World", "build_world", "set_structure"]

Array = NDArray[np.float64]
_ALLOCATION = ("run.share", "capital.run_share")


@dataclass(frozen=True)
class World:
    """Everything that is needed to sample simulations and evaluate the limits in them.

    ``stated`` are the parameters whose distribution the scenario states, ``scheduled`` what it changes from a year on.
    """

    inputs: ForecastInput
    catalog: Catalog
    facts: str
    first_year: int
    last_year: int
    parameters: Mapping[str, ParameterRow]
    joint: Joint
    at_year: Mapping[str, float]
    structure: Structure
    switches: tuple[Switch, ...]
    scheduled: tuple[Change, ...]
    levers: tuple[Lever, ...]
    lever_dimension: Mapping[str, int]
    precision: str
    extra: tuple[str, ...]
    notes: tuple[str, ...]
    stated: frozenset[str]

    @property
    def dimensions(self) -> int:
        """Sobol dimensions: one for each uncertain parameter and each lever of the built-in facts.

        All count, whether pinned, applied or not: the scrambling depends on the number of dimensions,
        and the same seed must give the same futures with and without a lever or a table of the user.
        """
        return self.joint.size - len(self.extra)

    def check_year(self, year: float, name: str = "year") -> None:
        """Refuse a year that the parameter set does not cover, or that is no whole number.

        Args:
            year: what is looked at.
            name: how the option is called.

        Raises:
            RangeError: so it is.
        """
        if not isinstance(year, (int, np.integer)) or not self.first_year <= year <= self.last_year:
            raise RangeError(
                f"{name} = {year!r} is out of range; the parameter set {self.facts} covers {self.first_year} to "
                f"{self.last_year}"
            )

    def state(self, u: Array, *, with_levers: bool = True) -> State:
        """Parameters in each future, for uniform points of shape ``(dimensions, n)``."""
        values = transform(self.joint, u)
        changes = self.changes_without_levers(values)
        if with_levers:
            for lever in self.levers:
                changes += lever_changes(lever, u[self.lever_dimension[lever.id]])
        return State(values, self.at_year, tuple(changes))

    def changes_without_levers(self, values: Mapping[str, Array]) -> list[Change]:
        """What the scenario changes from a year on, and what its switches change, given the sampled parameters."""
        changes = list(self.scheduled)
        changes += [Change(name, "mul", values["run.observed_allocation_factor"]) for name in self.allocation]
        return changes

    @property
    def allocation(self) -> tuple[str, ...]:
        """Shares that a switch multiplies by the allocation observed."""
        return _ALLOCATION if any(s.observed_allocation for s in self.switches) else ()


def build_world(inputs: ForecastInput, catalog: Catalog) -> World:
    """Resolve names, units, levers and switches.

    Raises:
        InputError: anything the user wrote that cannot be used, each with its own message.
    """
    facts = catalog.check_set(inputs.facts)
    about = catalog.sets[facts]
    rows = {i: r for i, r in catalog.parameters(facts).items() if r.role == "model"}
    marginals = {i: parameter_marginal(r) for i, r in rows.items()}
    builtin = load_catalog()
    notes = _unread_names(rows, builtin.parameters(facts))
    stated = state_parameters(inputs, rows, marginals, notes, int(about["first_year"]))
    for change in stated.changes:
        _check_start(change.parameter, change.from_year, int(about["last_year"]))
    structure, switches = apply_switches(inputs.switches, set_structure(catalog, facts))
    levers = resolve_levers(inputs.levers, catalog)
    spearman = catalog.correlations(facts) if all(s.correlations for s in switches) else {}
    fixed, extra = _dimensions(marginals, catalog, builtin, facts)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CorrelationWarning)
        joint = make_joint(marginals, spearman, (*fixed, *extra))
    notes += [str(w.message) for w in caught]
    dimension = {name: joint.dimensions[f"lever {name}"] for name in catalog.levers()}
    last_year = int(about["last_year"])
    for lever in levers:
        _check_start(f"lever {lever.id}", lever.start, last_year)
        if lever.start < lever.row.available_from:
            notes.append(f"{lever.id} from {lever.start:g}: its facts say not before {lever.row.available_from:g}")
        if lever.row.in_base:
            notes.append(f"{lever.id} is already in the base: applying it changes nothing")
    return World(
        inputs=inputs,
        catalog=catalog,
        facts=facts,
        first_year=int(about["first_year"]),
        last_year=last_year,
        parameters=rows,
        joint=joint,
        at_year={i: float(r.at_year) for i, r in rows.items() if r.at_year is not None},
        structure=structure,
        switches=switches,
        scheduled=stated.changes,
        levers=levers,
        lever_dimension=dimension,
        precision=str(about["precision"]),
        extra=extra,
        notes=tuple(notes),
        stated=stated.names,
    )


def set_structure(catalog: Catalog, facts: str) -> Structure:
    """Limits and equations that a parameter set is made for, before any switch."""
    about = catalog.sets[catalog.check_set(facts)]
    return Structure(
        limits=tuple(about.get("limits", LIMITS)),
        supply=about["supply"],
        latency=about["latency"],
        repetition_decay=about["repetition_decay"],
        retirement=about["retirement"],
    )


def _dimensions(
    marginals: Mapping[str, Marginal], catalog: Catalog, builtin: Catalog, facts: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names of the Sobol dimensions, names of what a user added): the first do not depend on the user."""
    model = [r for r in builtin.parameters(facts).values() if r.role == "model"]
    fixed = [r.id for r in model if r.family != "point"] + [f"lever {name}" for name in builtin.levers()]
    wanted = [n for n, m in marginals.items() if not m.is_point] + [f"lever {name}" for name in catalog.levers()]
    return tuple(fixed), tuple(n for n in wanted if n not in set(fixed))


def _unread_names(rows: Mapping[str, ParameterRow], known: Mapping[str, ParameterRow]) -> list[str]:
    """A user's table may hold more than the model reads; a name that is only misspelled should be seen."""
    out = []
    for name in rows.keys() - known.keys():
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        out.append(f"{name}: no limit reads a parameter of this name, so it changes nothing{hint}")
    for name, row in rows.items():
        unknown = [limit for limit in row.limit.split() if limit not in LIMITS]
        if unknown:
            out.append(f"{name}: its row names no limit {' '.join(unknown)!r}; there are {', '.join(LIMITS)}")
    return sorted(out)


def _check_start(what: str, year: float, last_year: int) -> None:
    if year > last_year:
        raise RangeError(f"{what} from {year:g}: the forecast ends in {last_year}; give an earlier year")
