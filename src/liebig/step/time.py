"""One optimizer step: from the work of layers and the traffic between chips to seconds.

``parts`` computes what does not depend on calibration, ``assemble`` turns it into a breakdown of the
step with a set of ``Constants``.  Both take arrays over layouts, for one chip, fabric and software.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import plan_number
from liebig.cluster.chip import Chip
from liebig.cluster.fabric import Fabric
from liebig.cluster.kernels import stream_time
from liebig.cluster.throttling import throttling
from liebig.step.constants import Constants
from liebig.step.head import ends_work
from liebig.step.layer import blend, layer_work
from liebig.step.layout import Layouts
from liebig.step.memory import stage_parameters
from liebig.step.software import Software
from liebig.step.traffic import traffic
from liebig.transformer.shape import Shape

__all__ = ["Breakdown", "Parts", "assemble", "parts"]

Array = NDArray[np.float64]
#: Kernels of embedding, head and loss, forward and backward, next to those of a layer's forward pass.
HEAD_LAUNCHES = 1.3


@dataclass(frozen=True)
class Parts:
    """Seconds of one layer and micro-batch, of the ends of the model, of what happens once a step; and sizes."""

    matmul_f: Array
    matmul_b: Array
    matmul_w: Array
    attention_f: Array
    attention_b: Array
    stream_f: Array
    stream_b: Array
    scores_f: Array
    scores_b: Array
    ideal: Array
    embedding: Array
    head_matmul: Array
    head_loss: Array
    head_gather: Array
    head_ideal: Array
    head_launch: Array
    launch: Array
    launch_moe: Array
    tp: Array
    cp: Array
    ep: Array
    gather: Array
    scatter: Array
    send: Array
    reduce: Array
    reduce_share: Array
    tp_crosses: Array
    cp_crosses: Array
    ep_crosses: Array
    shard_crosses: Array
    reduce_crosses: Array
    network: Array
    optimizer: Array
    once: Array
    layers: Array
    tp_size: Array
    pp: Array
    vpp: Array
    n_micro: Array
    recompute: Array
    recompute_share: Array
    recompute_light: Array
    schedule: Array
    chips: Array
    weights: Array
    throttles: Array
    fused: Array
    regather: Array
    overlap_tp: Array
    overlap_dp: Array
    overlap_gather: Array
    overlap_ep: Array

    @staticmethod
    def join(many: list[Parts]) -> Parts:
        """One after the other."""
        return Parts(*(np.concatenate([getattr(p, f.name) for p in many]) for f in fields(Parts)))

    def spread(self, shape: tuple[int, ...]) -> Parts:
        """The same with every field of the given shape."""
        return Parts(*(np.broadcast_to(getattr(self, f.name), shape).copy() for f in fields(Parts)))

    def take(self, index: Any) -> Parts:
        """The layouts at the given places."""
        return Parts(*(getattr(self, f.name)[index] for f in fields(Parts)))


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
    ends = ends_work(chip, fabric, s, lay, length, software, weights, precision)
    sent = traffic(chip, fabric, s, lay, length, software)
    dense_p, expert_p, embedding_p = stage_parameters(s, lay)
    split = np.where(lay.zero >= 1, np.maximum(lay.shard, 1.0), 1.0)
    optimizer = stream_time(chip, weights * 34.0 * (dense_p + expert_p + embedding_p) / split)
    host = 1.0 if chip.launch_s is None else chip.launch_s / plan_number("launch.kernel_s").p50
    values = {
        "matmul_f": work.matmul_forward, "matmul_b": work.matmul_backward, "matmul_w": work.matmul_weights,
        "attention_f": work.attention_forward, "attention_b": work.attention_backward,
        "stream_f": work.stream_forward, "stream_b": work.stream_backward,
        "scores_f": work.scores_forward, "scores_b": work.scores_backward, "ideal": work.ideal,
        "embedding": ends.embedding, "head_matmul": ends.matmul, "head_loss": ends.loss, "head_gather": ends.gather,
        "head_ideal": ends.ideal,
        "head_launch": HEAD_LAUNCHES * software.launch_s * host, "launch": (1.0 - sparse) * software.launch_s * host,
        "launch_moe": sparse * software.launch_moe_s * host, "tp": sent.tensor, "cp": sent.context, "ep": sent.expert,
        "gather": sent.gather, "scatter": sent.scatter, "send": sent.send, "reduce": sent.reduce,
        "reduce_share": np.where(lay.zero >= 3, 1.0, software.gradient_bytes / (software.gradient_bytes + 2.0)),
        "tp_crosses": sent.tensor_crosses, "cp_crosses": sent.context_crosses, "ep_crosses": sent.expert_crosses,
        "shard_crosses": sent.shard_crosses, "reduce_crosses": sent.reduce_crosses,
        "network": 1.0 / software.network_share, "optimizer": optimizer,
        "once": software.step_s, "layers": s.n_layers, "tp_size": lay.tp,
        "pp": lay.pp, "vpp": lay.vpp, "n_micro": lay.n_micro, "recompute": lay.recompute,
        "recompute_share": software.recompute_share, "recompute_light": float(software.recompute_light),
        "schedule": lay.schedule, "chips": lay.chips, "weights": weights,
        "throttles": throttling(chip), "fused": software.fused_attention,
        "regather": lay.regather * lay.sequence_parallel,
        "overlap_tp": np.where(lay.overlap_tp >= 0, lay.overlap_tp, software.overlap_tp),
        "overlap_dp": np.where(lay.overlap_dp >= 0, lay.overlap_dp, software.overlap_dp),
        "overlap_gather": np.where(lay.overlap_dp >= 0, lay.overlap_dp, software.overlap_gather),
        "overlap_ep": software.overlap_ep,
    }  # fmt: skip
    return Parts(**{k: np.asarray(v, dtype=np.float64) for k, v in values.items()})


@dataclass(frozen=True)
class Breakdown:
    """Where the time of a step goes; the fields sum to ``total``."""

    matmul: Array
    attention: Array
    memory: Array
    launch: Array
    recompute: Array
    head: Array
    tensor: Array
    context: Array
    expert: Array
    sharding: Array
    bubble: Array
    sends: Array
    data: Array
    optimizer: Array
    stragglers: Array

    @property
    def total(self) -> Array:
        """Seconds of the step."""
        total: Array = np.asarray(0.0)
        for f in fields(self):
            total = total + getattr(self, f.name)
        return total


def _larger(a: Array, b: Array, sharp: float = 6.0) -> Array:
    """A smooth maximum: two things that run at once hinder each other when they take about as long."""
    high = np.maximum(np.maximum(a, b), 1e-12)
    return high * ((a / high) ** sharp + (b / high) ** sharp) ** (1.0 / sharp)


def _beyond(time: Array, window: Array) -> Array:
    """What of a transfer does not hide in a window."""
    return np.maximum(time - window, 0.0) + 0.03 * np.minimum(time, window)


@dataclass(frozen=True)
class _Layer:
    """Seconds of one layer and micro-batch, calibrated."""

    matmul: Array
    attention: Array
    memory: Array
    launch: Array
    redo: Array
    tensor: Array
    context: Array
    expert: Array
    sharding: Array
    backward: Array
    weight_gradients: Array

    @property
    def kept(self) -> Array:
        """All but what is computed again."""
        return (
            self.matmul
            + self.attention
            + self.memory
            + self.launch
            + self.tensor
            + self.context
            + self.expert
            + self.sharding
        )


def _layer(p: Parts, c: Constants) -> _Layer:
    pass_f = p.matmul_f + p.stream_f + p.scores_f + p.attention_f
    pass_b = p.matmul_b + p.matmul_w + p.stream_b + p.scores_b + p.attention_b
    busy = (2.0 + p.weights) * p.ideal / np.maximum(pass_f + pass_b, 1e-12)
    hot = c.sustained * p.throttles * busy / 0.6  # a chip that is kept busy lowers its clock
    matmul_f = p.matmul_f * c.matmul + p.ideal * hot
    matmul_w = p.matmul_w * c.matmul + p.weights * p.ideal * hot
    matmul_b = p.matmul_b * c.matmul + p.ideal * hot + matmul_w
    attention_f = p.attention_f * np.where(p.fused > 0, c.attention, c.matmul) + p.scores_f * c.scores
    attention_b = p.attention_b * np.where(p.fused > 0, c.attention * c.attention_backward, c.matmul)
    attention_b = attention_b + p.scores_b * c.scores
    memory_f, memory_b = p.stream_f * c.stream, p.stream_b * c.stream
    kernels_f, kernels_b = matmul_f + attention_f + memory_f, matmul_b + attention_b + memory_b
    launch = (p.launch * c.launch + p.launch_moe * c.launch_moe) * (1.0 + c.launch_group * np.log2(p.tp_size))
    again = np.clip(p.recompute - 1.0, 0.0, 1.0) * p.recompute_share
    selective = np.where((p.recompute >= 1) & (p.fused <= 0), 1.0 - again, 0.0)
    outer = c.outer * p.network
    tensor = p.tp * np.where(p.tp_crosses > 0, outer, c.tensor) * (1.0 - p.overlap_tp * c.overlap_tp)
    context = 2.5 * _beyond(p.cp * np.where(p.cp_crosses > 0, outer, c.inner), attention_f + attention_b)
    expert = p.ep * c.expert * np.where(p.ep_crosses > 0, outer, c.inner) * (1.0 - p.overlap_ep)
    # a processor that launches late hides what chips send each other meanwhile
    forward = _larger(kernels_f + tensor, launch)
    # half of what is gathered again for the gradients of weights hides behind those of inputs
    tensor_b = tensor * (1.0 + 0.25 * p.regather)
    backward = _larger(kernels_b + tensor_b, launch * c.launch_backward)
    # norms and the activation function, which read and write about all that element-wise kernels do
    light = p.recompute_light * np.where(p.recompute >= 1, 1.0 - again, 0.0)
    redo = again * (forward + expert) + selective * attention_f + light * memory_f
    busy_time = forward + backward + redo + context + 2.0 * expert
    gathers = (2.0 * p.gather + p.scatter) * np.where(p.shard_crosses > 0, outer, c.inner)
    hindered = busy_time + c.slowdown * np.minimum(gathers, busy_time)
    sharding = np.where(gathers > 0, _larger(hindered, gathers) - busy_time, 0.0)
    return _Layer(
        matmul_f + matmul_b, attention_f + attention_b, memory_f + memory_b,
        np.maximum(forward - kernels_f - tensor, 0.0) + np.maximum(backward - kernels_b - tensor_b, 0.0), redo,
        tensor + tensor_b, context, 2.0 * expert,
        sharding, backward + redo, matmul_w,
    )  # fmt: skip


def _stages(p: Parts, layer: _Layer, head: Array, embedding: Array) -> tuple[Array, Array]:
    """Seconds of a micro-batch on the slowest stage, and on all stages together.

    Where the layers do not divide evenly, the last stage holds the fewest, as it has the head to compute too.
    """
    full = layer.kept + layer.redo
    chunk = np.ceil(p.layers / (p.pp * p.vpp)) * p.vpp
    fewest = np.maximum(p.layers - chunk * (p.pp - 1.0), np.minimum(chunk - 1.0, p.layers / p.pp))
    last = np.where(p.pp > 1, np.minimum(fewest, chunk), p.layers) * full + head
    slowest = np.where(p.pp > 1, np.maximum(chunk * full + embedding, last), last + embedding)
    return slowest, p.layers * full + head + embedding


def assemble(p: Parts, c: Constants) -> Breakdown:
    """The breakdown of a step from its parts.

    With stages that take ``t_i`` for a micro-batch, forward and backward, ``m`` micro-batches take
    ``Σ t_i + (m − 1)·max t_i`` (one forward, one backward); interleaving divides what comes before the steady
    state by the number of chunks, zero-bubble schedules fill it with gradients of weights.
    """
    layer = _layer(p, c)
    head = (
        p.head_matmul * c.matmul
        + p.head_ideal * c.sustained * p.throttles
        + p.head_loss * c.stream * c.loss
        + p.head_gather * c.tensor
    )
    embedding = p.embedding * c.stream
    head = _larger(head + embedding, p.head_launch * c.launch) - embedding
    slowest, together = _stages(p, layer, head, embedding)
    mean = together / p.pp
    fill = np.maximum(together - slowest, 0.0) / p.vpp
    spare = (p.pp - 1.0) * p.layers / p.pp * layer.weight_gradients
    fill = np.where(p.schedule == 1, np.maximum(fill - 2.0 * spare, 0.05 * fill), fill)
    fill = np.where(p.schedule == 2, np.maximum(0.5 * fill - 1.5 * spare, 0.05 * fill), fill)
    bubble = fill + p.n_micro * (slowest - mean)
    outer = c.outer * p.network
    sends = np.where(p.pp > 1, 2.0 * (p.n_micro * p.vpp + p.pp) * p.send * outer * c.send_exposed, 0.0)
    data = p.reduce * np.where(p.reduce_crosses > 0, outer, c.inner)
    # gradients are reduced behind the last backward pass (the first stage ends last and waits for nobody),
    # weights are gathered behind the first forward pass
    last = p.overlap_dp * c.overlap_dp * p.layers / p.pp * layer.backward
    first = p.overlap_gather * c.overlap_dp * p.layers / p.pp * (layer.kept + layer.redo - layer.backward)
    reduced, gathered = p.reduce_share * data, (1.0 - p.reduce_share) * data
    data = np.where(p.overlap_dp > 0, _beyond(reduced, last), reduced)
    data = data + np.where(p.overlap_gather > 0, _beyond(gathered, first), gathered)
    optimizer = p.optimizer * c.optimizer + p.once * c.fixed
    whole = p.n_micro * slowest + fill + sends + data + optimizer
    n = p.n_micro * p.layers / p.pp
    return Breakdown(
        matmul=n * layer.matmul,
        attention=n * layer.attention,
        memory=n * layer.memory,
        launch=n * layer.launch,
        recompute=n * layer.redo,
        head=p.n_micro * (head + embedding) / p.pp,
        tensor=n * layer.tensor,
        context=n * layer.context,
        expert=n * layer.expert,
        sharding=n * layer.sharding,
        bubble=bubble,
        sends=sends,
        data=data,
        optimizer=optimizer,
        stragglers=c.straggle * np.where(p.throttles > 0, 1.0, 0.3) * np.log2(np.maximum(p.chips / 8.0, 1.0)) * whole,
    )
