"""Latency limit: a run cannot take its sequential steps faster than signals travel.

    T   = t_L * L * D / B                      time for D / B steps through L layers
    t_L = ops * (kernel + base + 2 (3 intra + inter * max(0, log2(G / 8))))
    G   = sqrt(chips * b_min / B)              chips across which one layer is split
    L   = L0 (N / N_L)^aL,   B = B0 (N / N_B)^aB,   D = 20 N,   C = 120 N^2,
    chips = C / (T * FLOP/s per H100e)

Solved for N by Newton steps on ln N; near the wall C grows as T^2.2.

Epoch's published interval is met only when the batch is the point 60M tokens and its growth is
anchored at N_B = 1.6e13 parameters, a value that the article does not state (structure
``calibrated``).  Reading the article's table literally (batch as a distribution, anchored at
the size of GPT-4, chips that speed up) gives ceilings 23 times as high (``literal``).

The structure ``mechanism`` takes the wall from the planner instead: ``liebig plan scale`` searches layouts of
growing runs with measured collectives, and ``tools/derive_wall.py`` fits

    C = C0 (T / T0)^eT (batch factor)^eB (latency factor)^eL

to the largest run for which any number of chips finishes in time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from liebig.limits.common import Structure, precision_gain
from liebig.limits.state import State

__all__ = ["PARAMETERS", "ceiling"]

Array = NDArray[np.float64]

PARAMETERS = (
    "run.duration_s",
    "run.peak_flop_per_s",
    "run.precision_gain",
    "run.low_precision_year",
    "run.utilisation",
    "chips.performance_growth",
    "latency.batch_tokens",
    "latency.batch_tokens_literal",
    "latency.batch_exponent",
    "latency.batch_anchor_parameters",
    "latency.batch_anchor_parameters_literal",
    "latency.layers",
    "latency.layer_anchor_parameters",
    "latency.layer_exponent",
    "latency.operations_per_layer",
    "latency.kernel_s",
    "latency.base_s",
    "latency.intra_node_s",
    "latency.inter_node_s",
    "latency.chips_per_node",
    "latency.tokens_per_chip",
    "latency.wall_flop_mechanism",
    "latency.wall_duration_s",
    "latency.wall_duration_exponent",
    "latency.wall_batch_tokens",
    "latency.wall_batch_anchor",
    "latency.wall_batch_exponent",
    "latency.wall_latency_exponent",
    "latency.wall_layers_s",
    "data.tokens_per_parameter",
)
_NEWTON_STEPS = 10
_LN2 = math.log(2.0)
#: Logarithm of the nodes across which a layer is split near the wall: a thousand.
_LN_NODES = math.log(1024.0)


def ceiling(p: State, years: Array, structure: Structure) -> Array:
    """Largest run whose sequential steps fit into its duration, FLOP, broadcastable to ``(len(years), n)``.

    Source: the latency section of Sevilla et al., Epoch AI, 2024; E. Erdil & D. Schneider-Joseph,
    "Data movement limits to frontier model training", 2024, arXiv:2411.01137.
    """
    if structure.latency == "mechanism":
        return _planned(p, years)
    duration = p.at("run.duration_s", years)
    per_chip = (
        p.at("run.peak_flop_per_s", years) * precision_gain(p, years) * np.minimum(p.at("run.utilisation", years), 1.0)
    )
    if structure.latency == "literal":
        batch0 = p.at("latency.batch_tokens_literal", years)
        batch_anchor = p.at("latency.batch_anchor_parameters_literal", years)
        since = p.year_of("chips.performance_growth")
        per_chip = per_chip * np.exp(p.ln_growth("chips.performance_growth", since, years))
    else:
        batch0 = p.at("latency.batch_tokens", years)
        batch_anchor = p.at("latency.batch_anchor_parameters", years)
    a_batch, a_layer = p.at("latency.batch_exponent", years), p.at("latency.layer_exponent", years)
    ratio = p.at("data.tokens_per_parameter", years)

    # ln of (tokens per step) and of (layers) at N = 1, and of the FLOP of a run at N = 1
    ln_batch = np.log(batch0) - a_batch * np.log(batch_anchor)
    ln_layers = np.log(p.at("latency.layers", years)) - a_layer * np.log(p.at("latency.layer_anchor_parameters", years))
    ln_flop = np.log(6.0 * ratio)

    fixed, slope = _latency_per_layer(p, years)
    # ln G = half of (2 - aB) ln N + ln_group
    ln_group = 0.5 * (ln_flop + np.log(p.at("latency.tokens_per_chip", years)) - np.log(duration * per_chip) - ln_batch)
    ln_group = ln_group - np.log(p.at("latency.chips_per_node", years))
    group_slope = 0.5 * (2.0 - a_batch)
    exponent = 1.0 + a_layer - a_batch
    target = np.log(duration) + ln_batch - ln_layers - np.log(ratio)

    # a layer that fits into a node has no groups: its time is fixed, and N follows at once
    within = (target - np.log(fixed)) / exponent
    # beyond, the time of a layer is concave in ln N: Newton closes in on N from below and must not fall back within
    leaves = -ln_group / group_slope
    ln_n = np.maximum((target - np.log(fixed + 10.0 * slope)) / exponent, leaves)
    for _ in range(_NEWTON_STEPS):
        per_layer = fixed + slope * (ln_group + group_slope * ln_n)
        value = np.log(per_layer) + exponent * ln_n - target
        ln_n = np.maximum(ln_n - value / (exponent + slope * group_slope / per_layer), leaves)
    ln_n = np.where(within <= leaves, within, ln_n)
    return np.exp(ln_flop + 2.0 * ln_n)


def _planned(p: State, years: Array) -> Array:
    """The wall that the planner finds, moved by duration, batch and latencies as it moves there.

    The seconds per layer and the number of layers both multiply the time that more chips do not shorten.
    """
    duration = p.at("run.duration_s", years) / p.at("latency.wall_duration_s", years)
    batch = p.at("latency.wall_batch_tokens", years) / p.at("latency.wall_batch_anchor", years)
    fixed, slope = _latency_per_layer(p, years)
    slow = p.at("latency.layers", years) * (fixed + _LN_NODES * slope) / p.at("latency.wall_layers_s", years)
    return (
        p.at("latency.wall_flop_mechanism", years)
        * duration ** p.at("latency.wall_duration_exponent", years)
        * batch ** p.at("latency.wall_batch_exponent", years)
        * slow ** p.at("latency.wall_latency_exponent", years)
    )


def _latency_per_layer(p: State, years: Array) -> tuple[Array, Array]:
    """Seconds per layer and step: the fixed part, and the part per ln(nodes)."""
    ops = p.at("latency.operations_per_layer", years)
    fixed = p.at("latency.kernel_s", years) + p.at("latency.base_s", years)
    fixed = fixed + 6.0 * p.at("latency.intra_node_s", years)
    return ops * fixed, ops * 2.0 * p.at("latency.inter_node_s", years) / _LN2
