"""What the limits are computed from: sampled parameters, and how levers change them over the years.

Shapes: a parameter is ``(1,)`` (a point) or ``(n,)`` (one value per future).  Asked for in
given years, it is ``(1, n)``, ``(years, n)`` or ``(.., 1)``, whatever is enough: the limits rely on
broadcasting and never loop over futures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liebig.errors import UnknownNameError

__all__ = ["Change", "Op", "State"]

Array = NDArray[np.float64]
Op = Literal["mul", "add", "set", "max", "growth"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one parameter from a year on.

    ``effect`` has shape ``(1,)`` or ``(n,)``.  With ``ramp_yr`` the effect builds up evenly
    (on the logarithmic scale for ``mul``) over that many years after ``from_year``.

    ======== =========================================================
    mul      value * effect
    add      value + effect
    set      effect
    max      the larger of value and effect
    growth   value * effect ** (years since from_year)
    ======== =========================================================
    """

    parameter: str
    op: Op
    effect: Array
    from_year: float = -np.inf
    ramp_yr: float = 0.0


@dataclass(frozen=True)
class State:
    """Sampled parameters, the years their levels hold in, and changes over time.

    Args:
        values: parameter id -> ``(1,)`` or ``(n,)``.
        at_year: parameter id -> year in which a level holds.
        changes: applied in order, per parameter.

    >>> s = State({"run.share": np.array([0.2])}, changes=(Change("run.share", "mul", np.array([2.0]), 2030.0),))
    >>> s.at("run.share", np.array([2029.0, 2030.0])).ravel()
    array([0.2, 0.4])
    """

    values: Mapping[str, Array]
    at_year: Mapping[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def __getitem__(self, name: str) -> Array:
        """The value before any change, ``(1,)`` or ``(n,)``."""
        try:
            return self.values[name]
        except KeyError:
            raise UnknownNameError("parameter", name, self.values, see="liebig facts list parameters") from None

    def year_of(self, name: str) -> float:
        """Year in which the level ``name`` holds."""
        try:
            return self.at_year[name]
        except KeyError:
            raise UnknownNameError("dated parameter", name, self.at_year) from None

    def changes_of(self, names: Iterable[str]) -> tuple[Change, ...]:
        """Changes that touch any of ``names``."""
        wanted = set(names)
        return tuple(c for c in self.changes if c.parameter in wanted)

    def with_changes(self, changes: Iterable[Change]) -> State:
        """The same futures with further changes."""
        return replace(self, changes=(*self.changes, *changes))

    def without_changes(self) -> State:
        """The same futures as if no lever were pulled."""
        return replace(self, changes=())

    def at(self, name: str, years: Array) -> Array:
        """Value of ``name`` in ``years`` with all changes, broadcastable to ``(len(years), n)``."""
        value = self[name][None, :]
        for change in self.changes:
            if change.parameter == name:
                value = _apply(value, change, years)
        return value

    def path(self, level: str, growth: str, years: Array, *, falling: bool = False) -> Array:
        """``level * growth ** (year - year the level holds in)``, shape ``(len(years), n)``.

        With ``falling`` the level is divided by the growth instead.  Changes of the level apply
        to the product; a growth factor is taken without changes (levers change levels, with op
        ``growth`` where they bend a trend).
        """
        elapsed = years[:, None] - self.year_of(level)
        rate = -np.log(self[growth]) if falling else np.log(self[growth])
        value = self[level][None, :] * np.exp(rate[None, :] * elapsed)
        for change in self.changes:
            if change.parameter == level:
                value = _apply(value, change, years)
        return value


def _apply(value: Array, change: Change, years: Array) -> Array:
    elapsed = years[:, None] - change.from_year
    active = elapsed >= 0.0
    if not active.any():
        return value
    if change.ramp_yr > 1e-6:
        weight = np.clip(elapsed / change.ramp_yr, 0.0, 1.0)
    else:
        weight = active.astype(float)
    effect = change.effect[None, :]
    if change.op == "mul":
        if weight.min() == 1.0:
            return value * effect
        return value * np.where(weight == 1.0, effect, np.where(weight == 0.0, 1.0, effect**weight))
    if change.op == "add":
        return value + weight * effect
    if change.op == "growth":
        return value * effect ** np.maximum(elapsed, 0.0)
    if change.op == "max":
        effect = np.maximum(value, effect)
    return value + weight * (effect - value)
