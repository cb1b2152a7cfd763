"""One change of one parameter from a year on, as levers and scenarios make it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Change", "Op", "apply_change", "pieces", "ramps_between"]

Array = NDArray[np.float64]
Op = Literal["mul", "add", "set", "max", "growth"]
#: A change that builds up faster than this, in years, is a step.
_STEP_YR = 1e-6


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

    @property
    def is_step(self) -> bool:
        """True when the whole effect holds at once, and does not grow."""
        return self.op != "growth" and self.ramp_yr <= _STEP_YR

    @property
    def full_year(self) -> float:
        """Year from which on the whole effect holds."""
        return self.from_year if self.is_step else self.from_year + self.ramp_yr

    @property
    def states_amount(self) -> bool:
        """True when the effect is an amount in the parameter's unit, not a factor."""
        return self.op in ("set", "add", "max")


def apply_change(value: Array, change: Change, years: Array, scale: Array | float = 1.0) -> Array:
    """``value`` with a change in ``years``.

    Args:
        value: ``(1, n)`` or ``(len(years), n)``.
        change: the change.
        years: ``(years,)``.
        scale: factor on an amount that the change states.
    """
    elapsed = years[:, None] - change.from_year
    active = elapsed >= 0.0
    if not active.any():
        return value
    weight = active.astype(float) if change.is_step else np.clip(elapsed / max(change.ramp_yr, _STEP_YR), 0.0, 1.0)
    effect = change.effect[None, :]
    if change.op == "growth":
        return value * effect ** np.maximum(elapsed, 0.0)
    if change.op == "mul":
        if weight.min() == 1.0:
            return value * effect
        return value * np.where(weight == 1.0, effect, np.where(weight == 0.0, 1.0, effect**weight))
    effect = effect * scale
    if change.op == "add":
        return value + weight * effect
    if change.op == "max":
        effect = np.maximum(value, effect)
    return value + weight * (effect - value)


def pieces(changes: Iterable[Change], since: float, years: Array, per_year: int) -> Array:
    """Edges between which every change is either constant or ramps, ``(edges,)``, rising.

    They hold ``since``, all ``years``, the years in which a change begins and is complete, and, where one builds up,
    ``per_year`` parts of each year.

    >>> pieces([Change("x", "set", np.array([1.0]), 2027.0, 1.0)], 2026.0, np.array([2030.0]), 2)
    array([2026. , 2027. , 2027.5, 2028. , 2030. ])
    """
    low, high = min(since, float(years.min())), max(since, float(years.max()))
    edges = [since, *years.tolist()]
    for change in changes:
        edges += [change.from_year, change.full_year]
        if not change.is_step:
            first, last = max(change.from_year, low), high if change.op == "growth" else min(change.full_year, high)
            edges += (np.arange(np.floor(first * per_year), np.ceil(last * per_year) + 1.0) / per_year).tolist()
    found = np.unique(np.array(edges))
    return found[(found >= low) & (found <= high)]


def ramps_between(changes: Iterable[Change], left: Array, right: Array) -> NDArray[np.bool_]:
    """Whether any change builds up between ``left`` and ``right``, ``(pieces,)`` each."""
    found = np.zeros(len(left), dtype=bool)
    for change in changes:
        if not change.is_step:
            found |= (right > change.from_year) & ((left < change.full_year) | (change.op == "growth"))
    return found
