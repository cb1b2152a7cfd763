"""Power of a chip and of its server, from what the chip does with its time.

Chips that multiply matrices run at their power limit; memory traffic, waiting for the network and idling
take less.  The shares stand in the table ``plan_numbers``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.catalog import plan_number
from liebig.cluster.chip import Chip
from liebig.cluster.families import family_of
from liebig.errors import RangeError, UnknownNameError

__all__ = ["ACTIVITIES", "chip_power_w", "rated_power_w", "server_power_w"]

Array = NDArray[np.float64]
#: What a chip does, as in the breakdown of a step; "lost" is time without training.
ACTIVITIES = (
    "matmul", "attention", "memory", "head", "recompute", "launch", "tensor", "context", "expert", "sharding",
    "bubble", "sends", "data", "optimizer", "stragglers", "lost",
)  # fmt: skip


def rated_power_w(chip: Chip) -> float:
    """Thermal design power of a chip, or a guess from its speed.

    >>> from liebig.cluster import chip
    >>> rated_power_w(chip("H100-SXM"))
    700.0
    """
    if chip.tdp_w:
        return chip.tdp_w
    if family_of(chip).kind == "cpu":
        return plan_number("power.processor_w").p50
    return plan_number("power.watts_per_flop_per_s").p50 * chip.peak_bf16


def chip_power_w(chip: Chip, shares: Mapping[str, ArrayLike]) -> Array:
    """Watts of one chip, on average over a time.

    Args:
        chip: the accelerator.
        shares: activity (one of ``ACTIVITIES``) -> share of the time; what is missing to 1 is idle.

    Raises:
        UnknownNameError: no such activity.

    >>> from liebig.cluster import chip
    >>> float(chip_power_w(chip("H100-SXM"), {"matmul": 0.7, "memory": 0.1, "tensor": 0.2}).round())
    596.0
    """
    level: Array = np.asarray(0.0)
    used: Array = np.asarray(0.0)
    for activity, share in shares.items():
        if activity not in ACTIVITIES:
            raise UnknownNameError("activity", activity, ACTIVITIES)
        part = np.asarray(share, dtype=np.float64)
        if np.any(part < 0.0):
            raise RangeError(f"share of {activity} is {share!r}; expected none below 0")
        level, used = level + part * plan_number(f"power.{activity}").p50, used + part
    return rated_power_w(chip) * (level + np.maximum(1.0 - used, 0.0) * plan_number("power.lost").p50)


def server_power_w(chip: Chip, chip_w: ArrayLike) -> Array:
    """Watts of a server and its part of the network per chip.

    >>> from liebig.cluster import chip
    >>> float(server_power_w(chip("H100-SXM"), 600.0).round())
    1002.0
    """
    rated = rated_power_w(chip)
    rest = plan_number("power.overhead_share").p50 * rated
    if chip.system_w and chip.system_w > rated:
        rest = plan_number("power.server_load").p50 * (chip.system_w - rated)
    return (np.asarray(chip_w, dtype=np.float64) + rest) * (1.0 + plan_number("power.network_share").p50)
