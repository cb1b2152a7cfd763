"""From an input to a world that can be sampled: parameters, dependence, structure, levers."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog, load_catalog, resolve
from liebig.catalog.rows import ParameterRow
from liebig.errors import ConflictError, DistributionError, InputError, RangeError
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.switches import Switch, apply_switches
from liebig.levers.vectors import Lever, lever_changes, resolve_levers
from liebig.limits import LIMITS, Change, State, Structure
from liebig.quantities import format_quantity, parse_quantity
from liebig.uncertainty import (
    CorrelationWarning,
    Joint,
    Marginal,
    make_joint,
    make_marginal,
    parse_marginal,
    point,
    quantile,
    transform,
)

__all__ = ["World", "build_world", "parameter_marginal"]

Array = NDArray[np.float64]
_FROM = re.compile(
    r"^(?P<value>.+?)\s+from\s+(?P<year>\d{4}(?:\.\d+)?)(?:\s+over\s+(?P<ramp>\d+(?:\.\d+)?)\s*(?:yr|y|years?)?)?$"
)
_QUANTILE = re.compile(r"^p(\d{1,2}(?:\.\d+)?)$")
#: Beyond this, in the model's unit, squares and products would overflow.
_LARGEST = 1e60
#: A growth factor beyond this per year would overflow within the horizon.
_FASTEST = 1e3
#: Changes before this year are slips of the pen: no parameter set begins before it.
_FIRST_CHANGE = 2020


@dataclass(frozen=True)
class World:
    """Everything that is needed to sample futures and evaluate the limits in them."""

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

    def check_year(self, year: float) -> None:
        """Refuse a year that the parameter set does not cover, or that is no whole number.

        Raises:
            RangeError: so it is.
        """
        if not isinstance(year, (int, np.integer)) or not self.first_year <= year <= self.last_year:
            raise RangeError(
                f"year = {year!r} is out of range; the parameter set {self.facts} covers {self.first_year} to "
                f"{self.last_year}"
            )

    def state(self, u: Array, *, with_levers: bool = True) -> State:
        """Parameters in each future, for uniform points of shape ``(dimensions, n)``."""
        changes = list(self.scheduled)
        if with_levers:
            for lever in self.levers:
                changes.extend(lever_changes(lever, u[self.lever_dimension[lever.id]]))
        return State(transform(self.joint, u), self.at_year, tuple(changes))


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
    scheduled = _state_parameters(inputs, rows, marginals, notes)
    for change in scheduled:
        _check_start(change.parameter, change.from_year, int(about["last_year"]))
    structure = Structure(
        limits=tuple(about.get("limits", LIMITS)),
        supply=about["supply"],
        latency=about["latency"],
        repetition_decay=about["repetition_decay"],
        retirement=about["retirement"],
    )
    structure, switches = apply_switches(inputs.switches, structure)
    if any(s.observed_allocation for s in switches):
        factor = np.array([float(rows["run.observed_allocation_factor"].p50 or 0.0)])
        scheduled += [Change(name, "mul", factor) for name in ("run.share", "capital.run_share")]
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
        scheduled=tuple(scheduled),
        levers=levers,
        lever_dimension=dimension,
        precision=str(about["precision"]),
        extra=extra,
        notes=tuple(notes),
        stated=frozenset(resolve(n, rows) for n in (*inputs.set, *inputs.pin, *inputs.add)),
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


@functools.lru_cache(maxsize=2048)
def parameter_marginal(row: ParameterRow) -> Marginal:
    """The distribution that a row of the catalogue states, in the row's unit."""
    levels, values = row.quantiles
    return make_marginal(row.family, levels, values, row.lower, row.upper)


def _state_parameters(
    inputs: ForecastInput,
    rows: Mapping[str, ParameterRow],
    marginals: dict[str, Marginal],
    notes: list[str],
) -> list[Change]:
    """Apply ``set``, ``pin`` and ``add``; returns what changes with the years."""
    touched: dict[str, str] = {}
    scheduled: list[Change] = []
    for how, table in (("set", inputs.set), ("pin", inputs.pin)):
        for written, text in table.items():
            name = resolve(written, rows)
            if name in touched:
                raise ConflictError(f"{name} is given twice ({touched[name]} and {how} {written}={text}); give it once")
            touched[name] = f"{how} {written}={table[written]}"
            row = rows[name]
            match = _FROM.match(text) if isinstance(text, str) else None
            if match and how == "set":
                scheduled.append(_schedule(row, "set", match))
                continue
            before = marginals[name]
            marginals[name] = _stated(row, text, before, how)
            _warn_if_far(row, marginals[name], before, notes)
    added: dict[str, str] = {}
    for written, text in inputs.add.items():
        name = resolve(written, rows)
        match = _FROM.match(str(text).strip())
        if not match:
            raise InputError(f"add {written} = {text!r}: expected 'AMOUNT from YEAR', e.g. '10 GW from 2032'")
        if name in added:
            raise ConflictError(f"add {written} and add {added[name]} both add to {name}; give one of them")
        added[name] = written
        scheduled.append(_schedule(rows[name], "add", match, marginals[name]))
    return scheduled


def _schedule(row: ParameterRow, op: str, match: re.Match[str], before: Marginal | None = None) -> Change:
    amount = _quantity(row, match["value"])
    _check_size(row, amount)
    if float(match["year"]) < _FIRST_CHANGE:
        raise RangeError(f"{row.id} from {match['year']}: give a year of the forecast")
    if op == "set":
        _check_value(row, amount)
    elif before is not None:
        # what is added must leave the parameter within its bounds in every future, or nearly so
        for level in (0.001, 0.999):
            _check_value(row, float(quantile(before, np.array([level]))[0]) + amount, at_bound=True)
    return Change(
        row.id,
        "set" if op == "set" else "add",
        np.array([amount]),
        float(match["year"]),
        float(match["ramp"] or 0.0),
    )


def _stated(row: ParameterRow, text: str | float, before: Marginal, how: str) -> Marginal:
    if how == "pin":
        level = _QUANTILE.match(text.strip()) if isinstance(text, str) else None
        value = float(quantile(before, np.array([float(level[1]) / 100.0]))[0]) if level else _quantity(row, text)
        _check_value(row, value)
        return point(value)
    bounds = _support(row)
    try:
        stated = parse_marginal(text, lambda t: parse_quantity(t, row.unit), *bounds)
    except InputError as error:
        unit = f" (numbers in {row.unit})" if isinstance(error, DistributionError) else ""
        raise type(error)(f"{row.id} = {text!r}: {error}{unit}") from None
    for value in stated.values:
        _check_value(row, value)
    return stated


def _quantity(row: ParameterRow, text: str | float) -> float:
    try:
        return parse_quantity(text, row.unit)
    except InputError as error:
        raise type(error)(f"{row.id}: {error}") from None


def _support(row: ParameterRow) -> tuple[float | None, float | None]:
    upper = 1.0 if row.upper is None and row.unit == "fraction" else row.upper
    return (0.0 if row.lower is None and row.upper is None else row.lower), upper


def _check_value(row: ParameterRow, value: float, *, at_bound: bool = False) -> None:
    """Refuse a value outside the support; a bound belongs to it only where the row is a point on purpose."""
    lower, upper = _support(row)
    at_bound = at_bound or (row.lower is not None and (row.family == "point" or row.unit in ("x/yr", "x")))
    low_ok = lower is None or value > lower or (value == lower and at_bound)
    if row.unit == "x/yr":
        low_ok, lower, upper, at_bound = value > 0.0, 0.0, _FASTEST, False
    _check_size(row, value)
    if not low_ok or (upper is not None and value > upper) or not np.isfinite(value):
        low, high = (format_quantity(b, row.unit, 3) if b is not None else "any" for b in (lower, upper))
        low = low if at_bound or lower is None else f"above {low}"
        raise RangeError(
            f"{row.id} = {format_quantity(value, row.unit, 3)} is out of range; expected {low} to {high} ({row.name})"
        )


def _check_size(row: ParameterRow, value: float) -> None:
    if abs(value) > _LARGEST:
        raise RangeError(f"{row.id} = {value:.1e} {row.unit} is too large to compute with; expected below {_LARGEST:g}")


def _warn_if_far(row: ParameterRow, now: Marginal, before: Marginal, notes: list[str]) -> None:
    middle = float(quantile(now, np.array([0.5]))[0])
    usual = float(quantile(before, np.array([0.5]))[0])
    if usual > 0 and middle > 0 and not 1e-3 < middle / usual < 1e3:
        notes.append(
            f"{row.id} = {format_quantity(middle, row.unit, 3)} is {middle / usual:.0e} times the built-in "
            f"{format_quantity(usual, row.unit, 3)}; is the unit right? (a bare number is in {row.unit!r})"
        )
