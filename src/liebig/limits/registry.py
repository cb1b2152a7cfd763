"""The limits: one row each, from which everything else that depends on the list of limits follows.

A new limit is a file beside this one with ``PARAMETERS`` and ``ceiling``, a row here, and its parameters in the
catalogue.  Command line, pictures, switches and rankings read the rows when asked, and show them in this order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.limits import capital, chips, data, latency, power, water
from liebig.limits.common import Structure
from liebig.limits.state import State
from liebig.palette import BLUE, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILION

__all__ = ["LIMITS", "Limit"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Limit:
    """One limit.

    Args:
        name: as in tables, options and files.
        title: at the start of a sentence or above a picture.
        ceiling: parameters, years, structure -> largest feasible run, FLOP, broadcastable to ``(len(years), n)``.
        reads: parameters that ``ceiling`` may read; a lever is measured on the limits that read what it moves.
        colour: in the terminal, in pictures and on the page; ``palette.SERIES`` has some that no limit has.
        compute: the ceiling is in operations that chips do, which a gain in effective FLOP stretches; a ceiling in
            tokens or in time is not.
        switch: name of the structural switch that leaves the limit out.
        without: what that switch says.
    """

    name: str
    title: str
    ceiling: Callable[[State, Array, Structure], Array]
    reads: frozenset[str]
    colour: str
    compute: bool
    switch: str
    without: str


_ROWS = (
    Limit(
        "power", "Power", power.ceiling, frozenset(power.PARAMETERS), ORANGE,
        compute=True, switch="no-power", without="power is no object",
    ),
    Limit(
        "chips", "Chips", chips.ceiling, frozenset(chips.PARAMETERS), BLUE,
        compute=True, switch="no-chips", without="chips are no object",
    ),
    Limit(
        "data", "Data", data.ceiling, frozenset(data.PARAMETERS), GREEN,
        compute=False, switch="unlimited-data", without="data never run out (e.g. reinforcement learning)",
    ),
    Limit(
        "latency", "Latency", latency.ceiling, frozenset(latency.PARAMETERS), PURPLE,
        compute=False, switch="no-latency", without="no latency wall",
    ),
    Limit(
        "capital", "Capital", capital.ceiling, frozenset(capital.PARAMETERS), VERMILION,
        compute=True, switch="no-capital", without="money is no object",
    ),
    Limit(
        "water", "Water", water.ceiling, frozenset(water.PARAMETERS), SKY_BLUE,
        compute=True, switch="no-water", without="water is no object",
    ),
)  # fmt: skip
#: Limit -> its row, in the order in which limits are shown.
LIMITS: dict[str, Limit] = {row.name: row for row in _ROWS}
