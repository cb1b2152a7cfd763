"""What the limits are computed from: sampled parameters, and how levers and scenarios change them over the years.

A parameter is read through one of these, so that whatever changes from a year on is seen:

============ ==========================================================================================
``at``       its value in given years
``dated``    a level at its own date: what was counted then does not change later
``integral`` a rate added up from a date to given years
``ln_growth`` ln of the growth between a date and given years, at a yearly factor
``path``     a level that grows by a yearly factor from its date on
``grown``    the same with any growth
============ ==========================================================================================

Shapes: a parameter is ``(1,)`` (a point) or ``(n,)`` (one value per simulation).  Asked for in
given years, it is ``(1, n)``, ``(years, n)`` or ``(.., 1)``, whatever is enough: the limits rely on
broadcasting and never loop over simulations.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from liebig.errors import UnknownNameError
from liebig.limits.change import Change, apply_change, pieces, ramps_between

__all__ = ["Change", "State", "join_states"]

Array = NDArray[np.float64]
#: Nodes of the quadrature over a year, or a part of one, in which a rate ramps.
_NODES = 16
#: Parts of a year in which a ramp is taken as constant where only the integral at constant parameters is known.
_MONTHS = 12


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
        """The same simulations with further changes."""
        return replace(self, changes=(*self.changes, *changes))

    def without_changes(self, *names: str) -> State:
        """The same simulations without the changes of ``names``, or without any."""
        return replace(self, changes=tuple(c for c in self.changes if names and c.parameter not in names))

    def at(self, name: str, years: Array) -> Array:
        """Value of ``name`` in ``years`` with all changes, broadcastable to ``(len(years), n)``."""
        value = self[name][None, :]
        for change in self.changes:
            if change.parameter == name:
                value = apply_change(value, change, years)
        return value

    def dated(self, name: str, of: str | None = None) -> Array:
        """Value of ``name`` at its own date, or at the date of ``of``, with the changes that hold by then, ``(1, n)``.

        For what was counted once, such as the chips in service: a change from a later year on does not reach it.
        """
        return self.at(name, np.array([self.year_of(of or name)]))

    def integral(
        self,
        names: Sequence[str],
        total: Callable[..., Array],
        since: float,
        years: Array,
        rate: Callable[..., Array] | None = None,
    ) -> Array:
        """A rate added up from ``since`` to each of ``years`` (backwards before it), ``(len(years), n)``.

        Where a parameter changes, each stretch counts with the parameters of its time: exactly between steps, and
        within ramps by Gauss quadrature over ``rate``, or month by month where no ``rate`` is given.

        Args:
            names: parameters that the rate depends on.
            total: ``(*values, elapsed) -> integral`` from ``since`` over ``elapsed`` years at constant parameters.
            since: year in which the integral is zero.
            years: ``(years,)``.
            rate: ``(*values, elapsed) -> rate``, the derivative of ``total``.

        >>> s = State({"x": np.array([1.0])}, changes=(Change("x", "set", np.array([3.0]), 2028.0),))
        >>> s.integral(["x"], lambda x, t: x * t, 2026.0, np.array([2025.0, 2027.0, 2029.0])).ravel()
        array([-1.,  1.,  5.])
        """
        changes = self.changes_of(names)
        if not changes:
            return total(*(self[n][None, :] for n in names), years[:, None] - since)
        edges = pieces(changes, since, years, _MONTHS if rate is None else 1)
        left, right = edges[:-1], edges[1:]
        middle = [self.at(n, 0.5 * (left + right)) for n in names]
        parts = total(*middle, (right - since)[:, None]) - total(*middle, (left - since)[:, None])
        if rate is not None:
            nodes, weights = _gauss()
            for i in np.flatnonzero(ramps_between(changes, left, right)):
                times = left[i] + (right[i] - left[i]) * nodes
                found = rate(*(self.at(n, times) for n in names), (times - since)[:, None])
                parts[i] = (right[i] - left[i]) * np.sum(weights[:, None] * found, axis=0)
        summed = np.concatenate([np.zeros((1, parts.shape[1])), np.cumsum(parts, axis=0)])
        return summed[np.searchsorted(edges, years)] - summed[np.searchsorted(edges, since)]

    def ln_growth(self, factor: str, since: float, years: Array) -> Array:
        """Ln of the growth from ``since`` to ``years`` at the yearly ``factor``, ``(len(years), n)``."""
        return self.integral([factor], lambda g, t: np.log(g) * t, since, years, lambda g, t: np.log(g))

    def path(self, level: str, factor: str, years: Array, *, falling: bool = False) -> Array:
        """``level * factor ** (year - year the level holds in)``, shape ``(len(years), n)``.

        With ``falling`` the level is divided by the factor instead.
        """
        date = self.year_of(level)
        if falling:
            return self.grown(level, lambda t: -self.ln_growth(factor, date, t), years)
        return self.grown(level, lambda t: self.ln_growth(factor, date, t), years)

    def grown(self, level: str, curve: Callable[[Array], Array], years: Array) -> Array:
        """A level times its growth since its date, ``(len(years), n)``.

        Args:
            level: name of a dated parameter.
            curve: years -> ln of the growth since the level's date.
            years: ``(years,)``.
        """
        return self.rebased(level, curve, years) * np.exp(curve(years))

    def rebased(self, level: str, curve: Callable[[Array], Array], years: Array, date: float | None = None) -> Array:
        """The level before growth, such that an amount stated from a year on holds in that year.

        ``set``, ``add`` and ``max`` state the amount of the year in which their whole effect holds; from there it
        grows as the level does.  Stated from a year before the level's date, it is the amount of that date.

        Args:
            level: name of a parameter.
            curve: years -> ln of the growth since the level's date.
            years: ``(years,)``.
            date: year in which the level holds, where the parameter states none.
        """
        value = self[level][None, :]
        date = self.year_of(level) if date is None else date
        for change in self.changes:
            if change.parameter != level:
                continue
            scale: Array | float = 1.0
            if change.states_amount and change.full_year > date:
                scale = np.exp(-curve(np.array([change.full_year])))
            value = apply_change(value, change, years, scale)
        return value


@functools.cache
def _gauss() -> tuple[Array, Array]:
    """Nodes and weights of Gauss-Legendre quadrature between 0 and 1."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def join_states(parts: Sequence[State], names: Sequence[str]) -> State:
    """Simulations that were drawn in blocks as one state, of ``names`` alone.

    >>> blocks = [State({"x": np.array([1.0, 2.0])}), State({"x": np.array([3.0])})]
    >>> join_states(blocks, ["x"])["x"]
    array([1., 2., 3.])
    """

    def joined(arrays: list[Array]) -> Array:
        return arrays[0] if len(arrays) == 1 or all(a.size == 1 for a in arrays) else np.concatenate(arrays)

    wanted = [part.changes_of(names) for part in parts]
    changes = tuple(replace(same[0], effect=joined([c.effect for c in same])) for same in zip(*wanted, strict=True))
    values = {name: joined([part[name] for part in parts]) for name in names}
    return State(values, parts[0].at_year, changes)
