"""What chips send each other in a step: tensor, context, expert and data parallelism, and pipelines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.cluster.chip import Chip
from liebig.cluster.collectives import collective_time, send_time
from liebig.cluster.fabric import Fabric
from liebig.step.layout import INSIDE, Layouts
from liebig.step.memory import stage_parameters
from liebig.step.pipeline import weight_copies
from liebig.step.software import Software
from liebig.transformer.shape import Shape

__all__ = ["Traffic", "traffic"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """Seconds of collectives; those of layers are for one layer and micro-batch, forward only.

    ``*_crosses`` is 1 where a group is larger than a scale-up domain.
    """

    tensor: Array
    context: Array
    expert: Array
    gather: Array
    scatter: Array
    send: Array
    reduce: Array
    tensor_crosses: Array
    context_crosses: Array
    expert_crosses: Array
    shard_crosses: Array
    reduce_crosses: Array


def _near(fabric: Fabric, stride: Array | float, size: Array, place: Array, group: str = "") -> Array:
    """Chips of a group that share a scale-up domain, when its members lie a stride apart or were placed there."""
    natural = np.clip(np.floor(fabric.domain / np.asarray(stride)), 1.0, size)
    if not group or not np.any(place > 0):
        return natural
    inside = (place.astype(np.int64) & INSIDE[group]) > 0
    return np.where(place > 0, np.where(inside, size, 1.0), natural)


def _span(fabric: Fabric, stride: Array | float, size: Array, near: Array | float) -> Array:
    """Chips from the first of a group to its last: a stride for each, or the domains over which it was placed."""
    return np.maximum(stride * size, fabric.domain * size / near)


def _two_dimensional(chip: Chip, fabric: Fabric, hidden: Array, lay: Layouts) -> Array:
    """Seconds of tensor traffic of a layer's forward pass when each matrix of weights is cut in rows and columns.

    Inputs are gathered along one side of the square of ranks and outputs summed along the other: sixteen
    widths of activations per token for the four products of a layer, each divided by the side.
    """
    side = np.sqrt(lay.tp)
    near = np.clip(np.floor(np.sqrt(fabric.domain)), 1.0, side)
    return 8.0 * collective_time(chip, fabric, "all-gather", 2.0 * hidden / side, side, near, span=lay.tp)


def _stage_near(fabric: Fabric, lay: Layouts) -> NDArray[np.bool_]:
    """True where neighbouring stages share a scale-up domain."""
    natural = fabric.domain >= lay.tp * lay.dp * lay.cp * 2.0
    return np.where(lay.place > 0, (lay.place.astype(np.int64) & INSIDE["pp"]) > 0, natural)


def _data_parallel(chip: Chip, fabric: Fabric, s: Shape, lay: Layouts, software: Software) -> tuple[Array, Array]:
    """Seconds of gradients and weights once a step, and the chips of a group within a domain."""
    dense, experts, embedding = stage_parameters(s, lay)
    own = dense + embedding
    group = lay.dp * lay.cp
    near = _near(fabric, lay.tp, group, lay.place, "dp")
    zero3 = lay.gathers_by_layer
    copies = np.maximum(group * lay.tp / (lay.ep * lay.etp), 1.0)
    expert_near = _near(fabric, lay.ep * lay.etp, copies, lay.place)
    span = _span(fabric, lay.tp, group, near)
    expert_span = _span(fabric, lay.ep * lay.etp, copies, expert_near)
    # a rank at the other end of the pipeline holds the same stages
    ranks = weight_copies(lay.schedule, lay.pp)
    group, copies = group * ranks, copies * ranks
    written = software.gradient_bytes
    sync = (
        collective_time(chip, fabric, "reduce-scatter", written * own, group, near, span=span)
        + collective_time(chip, fabric, "all-gather", 2.0 * own, group, near, span=span)
        + collective_time(chip, fabric, "reduce-scatter", written * experts, copies, expert_near, span=expert_span)
        + collective_time(chip, fabric, "all-gather", 2.0 * experts, copies, expert_near, span=expert_span)
    )
    # hybrid sharding reduces what is left over the other groups
    outer = np.where(zero3, np.maximum(group / np.maximum(lay.shard, 1.0), 1.0), 1.0)
    rest = written * (own + experts) / np.maximum(lay.shard, 1.0)
    among = collective_time(chip, fabric, "all-reduce", rest, outer, 1.0, span=span)
    return np.where(zero3, among, sync), near


def traffic(chip: Chip, fabric: Fabric, s: Shape, lay: Layouts, length: Array | float, software: Software) -> Traffic:
    """Seconds of every kind of traffic, before overlap.

    Args:
        chip: gives measured bandwidths within a domain.
        fabric: how chips are wired.
        s: models.
        lay: layouts; tensor ranks are neighbours, then context, expert and data ranks, then stages.
        length: tokens of a sequence.
        software: bytes of a gradient on the network.
    """
    tokens = lay.micro_batch * length / lay.cp
    hidden = 2.0 * tokens * s.hidden
    tp_near = _near(fabric, 1.0, lay.tp, lay.place, "tp")
    tensor = 2.0 * collective_time(
        chip, fabric, "all-reduce", hidden, lay.tp, tp_near, span=_span(fabric, 1.0, lay.tp, tp_near)
    )
    if np.any(lay.tp > 16):
        tensor = np.where(lay.tp > 16, _two_dimensional(chip, fabric, hidden, lay), tensor)
    kv = np.where(s.mla > 0, s.n_heads * s.head_dim, s.n_kv_heads * s.head_dim)
    cp_near = _near(fabric, lay.tp, lay.cp, lay.place)
    keys = 4.0 * tokens * kv / lay.tp * lay.cp
    cp_span = _span(fabric, lay.tp, lay.cp, cp_near)
    context = collective_time(chip, fabric, "all-gather", keys, lay.cp, cp_near, span=cp_span)
    routed = 2.0 * tokens * lay.etp / lay.tp * s.top_k * s.hidden
    ep_near = _near(fabric, lay.etp, lay.ep, lay.place)
    sparse = s.n_moe_layers / s.n_layers
    copies = s.top_k if software.sends_once else 0.0
    ep_span = _span(fabric, lay.etp, lay.ep, ep_near)
    expert = 2.0 * sparse * collective_time(chip, fabric, "all-to-all", routed, lay.ep, ep_near, copies, ep_span)
    dense_p, expert_p, _ = stage_parameters(s, lay)
    layer_bytes = 2.0 * (dense_p + expert_p) / np.ceil(s.n_layers / lay.pp)
    shard_near = _near(fabric, lay.tp, lay.shard, lay.place, "dp")
    shard_span = _span(fabric, lay.tp, lay.shard, shard_near)
    sharded = np.where(lay.gathers_by_layer, lay.shard, 1.0)
    grads = layer_bytes * software.gradient_bytes / 2.0
    reduce, dp_near = _data_parallel(chip, fabric, s, lay, software)
    group = lay.dp * lay.cp
    split = np.where(lay.split_sends >= 0, lay.split_sends > 0, software.split_sends)
    spread = np.where((lay.sequence_parallel > 0) | split, lay.tp, 1.0)
    return Traffic(
        tensor,
        context,
        expert,
        collective_time(chip, fabric, "all-gather", layer_bytes, sharded, shard_near, span=shard_span),
        collective_time(chip, fabric, "reduce-scatter", grads, sharded, shard_near, span=shard_span),
        send_time(fabric, hidden / spread, _stage_near(fabric, lay), 2.0 * lay.tp * group),
        reduce,
        *(
            np.asarray(x, dtype=np.float64)
            for x in (
                lay.tp > tp_near,
                lay.cp > cp_near,
                lay.ep > ep_near,
                lay.shard > shard_near,
                group > dp_near,
            )
        ),
    )
