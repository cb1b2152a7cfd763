"""What a scenario states of parameters: new distributions, pinned values, and changes from a year on."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from liebig.catalog import resolve
from liebig.catalog.rows import ParameterRow
from liebig.errors import ConflictError, DistributionError, InputError, RangeError, shown
from liebig.forecast.clause import Clause, parse_clause
from liebig.forecast.inputs import ForecastInput
from liebig.limits import Change
from liebig.quantities import format_quantity, parse_quantity
from liebig.uncertainty import Marginal, make_marginal, parse_marginal, point, quantile

__all__ = ["Stated", "parameter_marginal", "state_parameters"]

_QUANTILE = re.compile(r"^p(\d{1,2}(?:\.\d+)?)$")
#: Beyond this, in the model's unit, squares and products would overflow.
_LARGEST = 1e60
#: A growth factor beyond this per year would overflow within the horizon.
_FASTEST = 1e3


@functools.lru_cache(maxsize=2048)
def parameter_marginal(row: ParameterRow) -> Marginal:
    """The distribution that a row of the catalogue states, in the row's unit."""
    levels, values = row.quantiles
    return make_marginal(row.family, levels, values, row.lower, row.upper)


@dataclass(frozen=True)
class Stated:
    """What a scenario states: ``names`` of parameters with a value or distribution for all years, and later changes."""

    names: frozenset[str]
    changes: tuple[Change, ...]


def state_parameters(
    inputs: ForecastInput,
    rows: Mapping[str, ParameterRow],
    marginals: dict[str, Marginal],
    notes: list[str],
    first_year: int,
) -> Stated:
    """Apply ``set``, ``pin`` and ``add`` of a scenario.

    Args:
        inputs: the scenario.
        rows: parameters of the set.
        marginals: parameter -> distribution; what is stated for all years takes its place.
        notes: sentences for the user are appended.
        first_year: of the parameter set: a value that holds from then on, or earlier, holds in all years.

    Raises:
        InputError: something stated cannot be used.
    """
    given: dict[str, str] = {}
    names: set[str] = set()
    changes: list[Change] = []
    for how, table in (("set", inputs.set), ("pin", inputs.pin)):
        for written, text in table.items():
            name = resolve(written, rows)
            if name in given:
                raise ConflictError(f"{name} is given twice ({given[name]} and {how} {written}={text}); give it once")
            given[name] = f"{how} {written}={text}"
            row, before = rows[name], marginals[name]
            clause = _clause(given[name], text)
            if clause is None:
                marginals[name] = _stated(row, text, before, how)
                names.add(name)
                _warn_if_far(row, marginals[name], before, notes)
                continue
            if how == "pin":
                raise InputError(f"{given[name]}: a pin holds in all years; use set for a value from a year on")
            value = _one(row, _stated(row, clause.value, before, how), text)
            _warn_if_far(row, value, before, notes)
            change = _change(row, "set", value, clause)
            if change.full_year > first_year:
                changes.append(change)
            else:
                marginals[name] = value
                names.add(name)
    return Stated(frozenset(names), (*changes, *_additions(inputs, rows, marginals, notes)))


def _additions(
    inputs: ForecastInput, rows: Mapping[str, ParameterRow], marginals: Mapping[str, Marginal], notes: list[str]
) -> list[Change]:
    added: dict[str, str] = {}
    changes = []
    for written, text in inputs.add.items():
        name = resolve(written, rows)
        clause = _clause(f"add {written}={text}", text)
        if clause is None:
            raise InputError(f"add {written} = {shown(text)}: expected 'AMOUNT from YEAR', e.g. '10 GW from 2032'")
        if name in added:
            raise ConflictError(f"add {written} and add {added[name]} both add to {name}; give one of them")
        added[name] = written
        row, before = rows[name], marginals[name]
        amount = _one(row, _read(row, clause.value, (None, None)), text)
        _check_size(row, amount.values[0])
        # what is added must leave the parameter within its bounds in every future, or nearly so
        for level in (0.001, 0.999):
            _check_value(row, float(quantile(before, np.array([level]))[0]) + amount.values[0], at_bound=True)
        _warn_if_far(row, amount, before, notes)
        changes.append(_change(row, "add", amount, clause))
    return changes


def _clause(where: str, text: str | float) -> Clause | None:
    try:
        return parse_clause(text)
    except InputError as error:
        raise type(error)(f"{shown(where, 100)[1:-1]}: {error}") from None


def _one(row: ParameterRow, stated: Marginal, text: object) -> Marginal:
    """What is stated from a year on, which must be one number."""
    if not stated.is_point:
        raise InputError(
            f"{row.id} = {shown(text)}: a change from a year on takes one value, not a distribution; "
            f"write e.g. '{format_quantity(float(quantile(stated, np.array([0.5]))[0]), row.unit, 3)} from 2030'"
        )
    return stated


def _change(row: ParameterRow, op: Literal["set", "add"], amount: Marginal, clause: Clause) -> Change:
    return Change(row.id, op, np.array(amount.values), clause.from_year, clause.ramp_yr)


def _stated(row: ParameterRow, text: str | float, before: Marginal, how: str) -> Marginal:
    if how == "pin":
        level = _QUANTILE.match(text.strip()) if isinstance(text, str) else None
        value = float(quantile(before, np.array([float(level[1]) / 100.0]))[0]) if level else _quantity(row, text)
        _check_value(row, value)
        return point(value)
    stated = _read(row, text, _support(row))
    for value in stated.values:
        _check_value(row, value)
    return stated


def _read(row: ParameterRow, text: str | float, bounds: tuple[float | None, float | None]) -> Marginal:
    """A value or distribution as a user writes it, within bounds of its support."""
    try:
        return parse_marginal(text, lambda t: parse_quantity(t, row.unit), *bounds)
    except InputError as error:
        unit = f" (numbers in {row.unit})" if isinstance(error, DistributionError) else ""
        raise type(error)(f"{row.id} = {shown(text)}: {error}{unit}") from None


def _quantity(row: ParameterRow, text: str | float) -> float:
    try:
        return parse_quantity(text, row.unit)
    except InputError as error:
        raise type(error)(f"{row.id}: {error}") from None


def _support(row: ParameterRow) -> tuple[float | None, float | None]:
    upper = 1.0 if row.upper is None and row.unit == "fraction" else row.upper
    positive = row.lower is None and row.upper is None and min(row.quantiles[1]) >= 0.0
    return (0.0 if positive else row.lower), upper


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
