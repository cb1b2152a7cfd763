"""How far a chip's multipliers at full speed would exceed its rated power."""

from __future__ import annotations

import math

from liebig.catalog import constant, plan_number
from liebig.cluster.chip import Chip
from liebig.cluster.chip import chip as find
from liebig.cluster.families import family_of, is_systolic

__all__ = ["REFERENCE", "throttling"]

#: The chip whose excess over its rated power counts as 1.
REFERENCE = "H100-SXM"


def throttling(chip: Chip) -> float:
    """How far a chip's multipliers at full speed would exceed its rated power: 1 for an H100, 0 where they do not.

    ``(energy per FLOP · peak / (rated − idle) − 1)``, over that of an H100, and at most ``throttling.most``.
    Kernels are timed alone and cool; a training step keeps a chip busy for seconds, and the clock falls until
    the power is met.

    >>> from liebig.cluster import chip
    >>> throttling(chip("GB300-NVL72")) < throttling(chip("GB200-NVL72")) < throttling(chip("B200-SXM"))
    True
    """
    if is_systolic(chip) or chip.measured:
        return 0.0
    if not family_of(chip).generation or not chip.tdp_w:
        return 1.0
    reference = find(REFERENCE)
    return min(max(_demand(chip) - 1.0, 0.0) / (_demand(reference) - 1.0), constant("throttling.most"))


def _demand(chip: Chip) -> float:
    energy = plan_number(f"power.joules_per_flop_{family_of(chip).generation}").p50
    assert chip.tdp_w is not None
    # the same units multiply both types: a larger peak of one alone speeds up no product of the other, and must not
    # slow its clock
    peak = min(chip.peak_bf16, chip.peak_fp16 or math.inf)
    return energy * peak / ((1.0 - constant("throttling.idle_share")) * chip.tdp_w)
