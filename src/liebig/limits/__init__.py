"""The limits: parameters x years -> ceiling, the largest feasible run in FLOP.

Each module holds one limit as pure functions of a :class:`~liebig.limits.state.State`, an array of years and a
:class:`~liebig.limits.common.Structure`; :data:`~liebig.limits.registry.LIMITS` lists them.  :func:`ceilings` evaluates
several; :func:`touched` tells which limits a change of parameters can move.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from liebig.limits.common import Structure
from liebig.limits.registry import LIMITS, Limit
from liebig.limits.state import Change, State, join_states

__all__ = ["LIMITS", "Change", "Limit", "State", "Structure", "ceilings", "join_states", "touched"]

Array = NDArray[np.float64]


def ceilings(p: State, years: Array, structure: Structure, limits: Iterable[str] | None = None) -> dict[str, Array]:
    """Ceiling of each limit, FLOP, limit -> array broadcastable to ``(len(years), n)``."""
    return {name: LIMITS[name].ceiling(p, years, structure) for name in limits or structure.limits}


def touched(parameters: Iterable[str]) -> tuple[str, ...]:
    """Limits that read any of ``parameters``.

    >>> touched(["data.quality"])
    ('data',)
    """
    wanted = set(parameters)
    return tuple(limit.name for limit in LIMITS.values() if limit.reads & wanted)
