"""What a step is made of, before calibration: times of layer, head, traffic and host; traits and sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.catalog import constant, plan_number
from liebig.cluster.chip import Chip
from liebig.cluster.fabric import Fabric
from liebig.cluster.kernels import stream_time
from liebig.cluster.throttling import throttling
from liebig.step.arrays import broadcast, joined, mapped, taken
from liebig.step.head import HeadWork, head_work
from liebig.step.layer import Work, blend, layer_work
from liebig.step.layout import Layouts
from liebig.step.memory import stage_parameters
from liebig.step.software import Software
from liebig.step.traffic import Traffic, traffic
from liebig.transformer.shape import Shape

__all__ = ["HostTimes", "Parts", "Sizes", "Traits", "Update", "parts"]

Array = NDArray[np.float64]
#: Bytes that Adam in mixed precision reads and writes per parameter: the gradient (4), the master weight and two
#: moments both ways (24), the weight in two bytes (2), and the gradient set to zero (4).
OPTIMIZER_BYTES = 4.0 + 24.0 + 2.0 + 4.0


def number(value: ArrayLike) -> Array:
    """Any number or array as an array of floats."""
    return np.asarray(value, dtype=np.float64)


@dataclass(frozen=True)
class HostTimes:
    """Seconds of the host: launching the kernels of the head and of a layer by kind, and what it does once a step."""

    head: Array
    layer: Array
    expert_layer: Array
    step: Array


@dataclass(frozen=True)
class Update:
    """Seconds of the optimizer, and the share of the exchange between data ranks that is of gradients."""

    optimizer: Array
    gradient_share: Array


@dataclass(frozen=True)
class Traits:
    """What a framework does, as numbers: shares that overlap or are computed again, 0 or 1 for what it has or lacks.

    ``network`` is the time on the network next to one that is used well, ``throttles`` how far the chip's multipliers
    at full speed would exceed its power.
    """

    network: Array
    fused: Array
    recompute_share: Array
    recompute_light: Array
    throttles: Array
    overlap_tp: Array
    overlap_dp: Array
    overlap_gather: Array
    overlap_ep: Array


@dataclass(frozen=True)
class Sizes:
    """Sizes of model and layout that the sums of a step need; ``trained`` is 0 where weights are frozen."""

    layers: Array
    chips: Array
    tp: Array
    pp: Array
    vpp: Array
    n_micro: Array
    recompute: Array
    regather: Array
    schedule: Array
    trained: Array


@dataclass(frozen=True)
class Parts:
    """Seconds of one layer and micro-batch, of the head, of traffic, of what happens once a step; traits and sizes."""

    layer: Work
    head: HeadWork
    traffic: Traffic
    host: HostTimes
    update: Update
    traits: Traits
    sizes: Sizes

    @staticmethod
    def join(many: list[Parts]) -> Parts:
        """One after the other."""
        return joined(many)

    def spread(self, shape: tuple[int, ...]) -> Parts:
        """The same with every field of the given shape."""
        return broadcast(self, shape)

    def take(self, index: Any) -> Parts:
        """The layouts at the given places."""
        return taken(self, index)


def parts(
    chip: Chip,
    fabric: Fabric,
    software: Software,
    precision: str,
    s: Shape,
    lay: Layouts,
    length: Array | float,
    weights: Array | float = 1.0,
) -> Parts:
    """Times of the pieces of a step, before calibration, in shapes that broadcast to that of the layouts.

    Args:
        chip: the accelerator.
        fabric: how chips are wired.
        software: what the framework fuses and overlaps.
        precision: of the matrix products of layers.
        s: models.
        lay: layouts.
        length: tokens of a sequence.
        weights: 1, or 0 where weights are frozen (LoRA).
    """
    sparse = s.n_moe_layers / s.n_layers
    work = layer_work(chip, precision, s, lay, length, software, False, weights)
    if np.any(sparse > 0):
        work = blend(work, layer_work(chip, precision, s, lay, length, software, True, weights), sparse)
    found = Parts(
        layer=work,
        head=head_work(chip, fabric, s, lay, length, software, weights, precision),
        traffic=traffic(chip, fabric, s, lay, length, software),
        host=_host_times(chip, software, sparse),
        update=_update(chip, software, s, lay, weights),
        traits=_traits(chip, software, lay),
        sizes=_sizes(s, lay, weights),
    )
    return mapped(found, number)


def _host_times(chip: Chip, software: Software, sparse: Array) -> HostTimes:
    host = 1.0 if chip.launch_s is None else chip.launch_s / plan_number("launch.kernel_s").p50
    return HostTimes(
        head=number(constant("step.head_launches") * software.launch_s * host),
        layer=(1.0 - sparse) * software.launch_s * host,
        expert_layer=sparse * software.launch_moe_s * host,
        step=number(software.step_s),
    )


def _update(chip: Chip, software: Software, s: Shape, lay: Layouts, weights: Array | float) -> Update:
    split = np.where(lay.zero >= 1, np.maximum(lay.shard, 1.0), 1.0)
    return Update(
        optimizer=stream_time(chip, weights * OPTIMIZER_BYTES * sum(stage_parameters(s, lay)) / split),
        gradient_share=np.where(lay.gathers_by_layer, 1.0, software.gradient_bytes / (software.gradient_bytes + 2.0)),
    )


def _traits(chip: Chip, software: Software, lay: Layouts) -> Traits:
    """A layout's own overlap counts before that of the framework."""
    return Traits(
        network=number(1.0 / software.network_share),
        fused=number(software.fused_attention),
        recompute_share=number(software.recompute_share),
        recompute_light=number(software.recompute_light),
        throttles=number(throttling(chip)),
        overlap_tp=np.where(lay.overlap_tp >= 0, lay.overlap_tp, software.overlap_tp),
        overlap_dp=np.where(lay.overlap_dp >= 0, lay.overlap_dp, software.overlap_dp),
        overlap_gather=np.where(lay.overlap_dp >= 0, lay.overlap_dp, software.overlap_gather),
        overlap_ep=number(software.overlap_ep),
    )


def _sizes(s: Shape, lay: Layouts, weights: Array | float) -> Sizes:
    return Sizes(
        layers=s.n_layers,
        chips=lay.chips,
        tp=lay.tp,
        pp=lay.pp,
        vpp=lay.vpp,
        n_micro=lay.n_micro,
        recompute=lay.recompute,
        regather=lay.regather * lay.sequence_parallel,
        schedule=lay.schedule,
        trained=number(weights),
    )
