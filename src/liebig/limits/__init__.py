"""The six limits: parameters x years -> ceiling, the largest feasible run in FLOP.

Each module holds one limit as pure functions of a :class:`~liebig.limits.state.State`, an array
of years and a :class:`~liebig.limits.common.Structure`.  :func:`ceilings` evaluates several;
:func:`touched` tells which limits a change of parameters can move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from liebig.limits import capital, chips, data, latency, power, water
from liebig.limits.common import Structure
from liebig.limits.state import Change, State

__all__ = ["LIMIT_FUNCTIONS", "LIMIT_PARAMETERS", "Change", "State", "Structure", "ceilings", "touched"]

Array = NDArray[np.float64]
LIMIT_FUNCTIONS: Mapping[str, Callable[[State, Array, Structure], Array]] = {
    "power": power.ceiling,
    "chips": chips.ceiling,
    "data": data.ceiling,
    "latency": latency.ceiling,
    "capital": capital.ceiling,
    "water": water.ceiling,
}
LIMIT_PARAMETERS: Mapping[str, frozenset[str]] = {
    "power": frozenset(power.PARAMETERS),
    "chips": frozenset(chips.PARAMETERS),
    "data": frozenset(data.PARAMETERS),
    "latency": frozenset(latency.PARAMETERS),
    "capital": frozenset(capital.PARAMETERS),
    "water": frozenset(water.PARAMETERS),
}


def ceilings(p: State, years: Array, structure: Structure, limits: Iterable[str] | None = None) -> dict[str, Array]:
    """Ceiling of each limit, FLOP, limit -> array broadcastable to ``(len(years), n)``."""
    return {name: LIMIT_FUNCTIONS[name](p, years, structure) for name in limits or structure.limits}


def touched(parameters: Iterable[str]) -> tuple[str, ...]:
    """Limits that read any of ``parameters``.

    >>> touched(["data.quality"])
    ('data',)
    """
    wanted = set(parameters)
    return tuple(name for name, reads in LIMIT_PARAMETERS.items() if reads & wanted)
