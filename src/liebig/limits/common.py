"""Factors that several limits share; sampled once, so that all limits see the same future."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liebig.limits.state import State

__all__ = ["FLOP_PARAMETERS", "Structure", "flop_per_h100e", "parameters_of_flop", "precision_gain", "survival"]

Array = NDArray[np.float64]

#: Parameters that :func:`flop_per_h100e` reads.
FLOP_PARAMETERS = (
    "run.duration_s",
    "run.peak_flop_per_s",
    "run.precision_gain",
    "run.low_precision_year",
    "run.utilisation",
    "run.training_fraction",
)


@dataclass(frozen=True)
class Structure:
    """Which limits are in use, and which equations where more than one is defensible.

    ``supply`` is how national AI power is built (``growth``: Epoch 2024; ``portfolio``: sources
    with lead times); ``latency`` reads Epoch's table ``literal`` or ``calibrated``, or takes the wall
    that the planner finds (``mechanism``).
    """

    limits: tuple[str, ...]
    supply: Literal["growth", "portfolio"] = "portfolio"
    latency: Literal["calibrated", "literal", "mechanism"] = "calibrated"
    single_campus: bool = False
    inter_site_bandwidth: bool = True
    multimodal: bool = True
    repetition_decay: bool = True
    retirement: bool = True


def precision_gain(p: State, years: Array) -> Array:
    """What formats below 8 bits bring over 8: nothing before the year in which the largest runs use them.

    The change takes a year.

    >>> from liebig.limits.state import State
    >>> s = State({"run.precision_gain": np.array([1.8]), "run.low_precision_year": np.array([2028.5])})
    >>> precision_gain(s, np.array([2028.0, 2029.0, 2030.0]))[:, 0].tolist()
    [1.0, 1.4, 1.8]
    """
    begun = np.clip(years[:, None] - p.at("run.low_precision_year", years), 0.0, 1.0)
    return 1.0 + (p.at("run.precision_gain", years) - 1.0) * begun


def flop_per_h100e(p: State, years: Array) -> Array:
    """FLOP that one H100-equivalent contributes to a run.

    ``peak * precision gain * MFU * duration * share of the compute that trains``

    Source: J. Sevilla et al., "Can AI scaling continue through 2030?", Epoch AI, 2024.

    >>> from liebig.limits.state import State
    >>> one = {"peak_flop_per_s": 2e15, "precision_gain": 1.0, "utilisation": 0.375, "duration_s": 1e7}
    >>> one |= {"training_fraction": 1.0, "low_precision_year": 2028.0}
    >>> s = State({f"run.{k}": np.array([v]) for k, v in one.items()})
    >>> float(flop_per_h100e(s, np.array([2030.0]))[0, 0])
    7.5e+21
    """
    return (
        p.at("run.peak_flop_per_s", years)
        * precision_gain(p, years)
        * np.minimum(p.at("run.utilisation", years), 1.0)
        * p.at("run.duration_s", years)
        * p.at("run.training_fraction", years)
    )


def parameters_of_flop(flop: Array, tokens_per_parameter: Array) -> Array:
    """Parameters of the compute-optimal model of a run: ``C = 6 N D``, ``D = k N``.

    >>> float(parameters_of_flop(np.array(1.2e26), np.array(20.0)))
    1000000000000.0
    """
    return np.sqrt(flop / (6.0 * tokens_per_parameter))


def survival(age_yr: Array, life_yr: Array) -> Array:
    """Share of chips of an age still in service: retirement spread evenly over 0.5 to 1.5 lives.

    >>> survival(np.array([2.0, 6.0, 12.0]), np.array([6.0]))
    array([1. , 0.5, 0. ])
    """
    return np.clip(1.5 - age_yr / life_yr, 0.0, 1.0)
