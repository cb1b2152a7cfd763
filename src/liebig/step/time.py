"""One optimizer step: from the work of layers and the traffic between chips to seconds.

``parts.parts`` computes what does not depend on calibration, ``assemble`` turns it into a breakdown of the step with a
set of ``Constants``.  Both take arrays over layouts, for one chip, fabric and software.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import constant
from liebig.step.constants import Constants
from liebig.step.head import HeadWork
from liebig.step.parts import Parts, Sizes
from liebig.step.pipeline import idle_s, weight_copies

__all__ = ["Breakdown", "assemble", "stage_times"]

Array = NDArray[np.float64]
#: Share of time at the peak for which ``Constants.sustained`` is meant: a chip that is kept busy lowers its clock.
SUSTAINED_AT = 0.6
#: Chips among which none is thought to be slower: ``Constants.straggle`` counts doublings beyond a server of eight.
SERVER = 8.0


@dataclass(frozen=True)
class Breakdown:
    """Where the time of a step goes, seconds; the fields sum to ``total``."""

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


def _larger(a: Array, b: Array) -> Array:
    """A smooth maximum: two things that run at once hinder each other when they take about as long."""
    sharp = constant("step.overlap_sharpness")
    high = np.maximum(np.maximum(a, b), 1e-12)
    return high * ((a / high) ** sharp + (b / high) ** sharp) ** (1.0 / sharp)


def _beyond(time: Array, window: Array) -> Array:
    """What of a transfer does not hide in a window."""
    return np.maximum(time - window, 0.0) + constant("step.hidden_leak") * np.minimum(time, window)


@dataclass(frozen=True)
class _Kernels:
    """Seconds of a layer's kernels in one pass over a micro-batch, calibrated."""

    matmul: Array
    attention: Array
    memory: Array

    @property
    def total(self) -> Array:
        """All of them."""
        return self.matmul + self.attention + self.memory


def _kernels(p: Parts, c: Constants) -> tuple[_Kernels, _Kernels, Array]:
    """Kernels of the forward pass and of the backward pass, and what of the latter are gradients of weights."""
    work, fused, trained = p.layer, p.traits.fused > 0, p.sizes.trained
    hot = c.sustained * p.traits.throttles * _busy_share(p) / SUSTAINED_AT
    weights = work.matmul_weights * c.matmul + trained * work.ideal * hot
    forward = _Kernels(
        matmul=work.matmul_forward * c.matmul + work.ideal * hot,
        attention=work.attention_forward * np.where(fused, c.attention, c.matmul) + work.scores_forward * c.scores,
        memory=work.stream_forward * c.stream,
    )
    again = np.where(fused, c.attention * c.attention_backward, c.matmul)
    backward = _Kernels(
        matmul=work.matmul_backward * c.matmul + work.ideal * hot + weights,
        attention=work.attention_backward * again + work.scores_backward * c.scores,
        memory=work.stream_backward * c.stream,
    )
    return forward, backward, weights


def _busy_share(p: Parts) -> Array:
    """Share of a layer's time in which the chip multiplies at its peak."""
    w = p.layer
    forward = w.matmul_forward + w.stream_forward + w.scores_forward + w.attention_forward
    backward = w.matmul_backward + w.matmul_weights + w.stream_backward + w.scores_backward + w.attention_backward
    return (2.0 + p.sizes.trained) * w.ideal / np.maximum(forward + backward, 1e-12)


@dataclass(frozen=True)
class _Layer:
    """Seconds of one layer and micro-batch, forward and backward, calibrated.

    ``forward`` is the forward pass with its exchanges, ``weights`` the gradients of weights; ``backward`` is what of
    the backward pass exchanges of other ranks can hide behind, with what is computed again.
    """

    matmul: Array
    attention: Array
    memory: Array
    launch: Array
    recompute: Array
    tensor: Array
    context: Array
    expert: Array
    sharding: Array
    forward: Array
    backward: Array
    weights: Array

    @property
    def total(self) -> Array:
        """All of both passes."""
        once = self.matmul + self.attention + self.memory + self.launch
        return once + self.tensor + self.context + self.expert + self.sharding + self.recompute


def _layer(p: Parts, c: Constants) -> _Layer:
    sent, outer = p.traffic, c.outer * p.traits.network
    forward_k, backward_k, weights = _kernels(p, c)
    attention = forward_k.attention + backward_k.attention
    launch = p.host.layer * c.launch + p.host.expert_layer * c.launch_moe
    launch = launch * (1.0 + c.launch_group * np.log2(p.sizes.tp))
    tensor = sent.tensor * np.where(sent.tensor_crosses > 0, outer, c.tensor)
    tensor = tensor * (1.0 - p.traits.overlap_tp * c.overlap_tp)
    context = _beyond(sent.context * np.where(sent.context_crosses > 0, outer, c.inner), attention)
    passes = constant("step.context_backward")
    expert = sent.expert * c.expert * np.where(sent.expert_crosses > 0, outer, c.inner) * (1.0 - p.traits.overlap_ep)
    # a processor that launches late hides what chips send each other meanwhile
    forward = _larger(forward_k.total + tensor, launch)
    # each of the two exchanges is a gather and a scatter; the gather is done once more for the gradients of weights,
    # and half of it hides behind those of inputs
    tensor_b = tensor * (1.0 + 0.5 * 0.5 * p.sizes.regather)
    backward = _larger(backward_k.total + tensor_b, launch * c.launch_backward)
    recompute = _recomputed(p, forward_k, forward + expert)
    busy = forward + backward + recompute + passes * context + 2.0 * expert
    sharding = _sharding(p, c, busy)
    late = np.maximum(forward - forward_k.total - tensor, 0.0) + np.maximum(backward - backward_k.total - tensor_b, 0.0)
    return _Layer(
        matmul=forward_k.matmul + backward_k.matmul,
        attention=attention,
        memory=forward_k.memory + backward_k.memory,
        launch=late,
        recompute=recompute,
        tensor=tensor + tensor_b,
        context=passes * context,
        expert=2.0 * expert,
        sharding=sharding,
        forward=forward + context + expert + sharding / 3.0,  # one of two gathers and a scatter
        backward=backward + recompute,
        weights=weights,
    )


def _recomputed(p: Parts, forward: _Kernels, full_pass: Array) -> Array:
    """Seconds of what is computed again: layers in full, else scores that were not kept, norms and activations."""
    again = np.clip(p.sizes.recompute - 1.0, 0.0, 1.0) * p.traits.recompute_share
    rest = np.where(p.sizes.recompute >= 1, 1.0 - again, 0.0)
    scores = np.where(p.traits.fused <= 0, rest, 0.0) * forward.attention
    # norms and the activation function read and write about all that element-wise kernels do
    return again * full_pass + scores + p.traits.recompute_light * rest * forward.memory


def _sharding(p: Parts, c: Constants, busy: Array) -> Array:
    """Seconds by which gathering a layer's weights twice and scattering its gradients lengthen the layer."""
    sent = p.traffic
    gathers = 2.0 * sent.gather + sent.scatter
    gathers = gathers * np.where(sent.shard_crosses > 0, c.outer * p.traits.network, c.inner)
    hindered = busy + c.slowdown * np.minimum(gathers, busy)
    return np.where(gathers > 0, _larger(hindered, gathers) - busy, 0.0)


def _head(p: Parts, c: Constants) -> tuple[Array, Array]:
    """Seconds of a micro-batch for output head and loss, and for the embedding."""
    work: HeadWork = p.head
    head = work.matmul * c.matmul + work.ideal * c.sustained * p.traits.throttles
    head = head + work.loss * c.stream * c.loss + work.gather * c.tensor
    embedding = work.embedding * c.stream
    return _larger(head + embedding, p.host.head * c.launch) - embedding, embedding


def _stages(s: Sizes, layer: Array, head: Array, embedding: Array) -> tuple[Array, Array]:
    """Seconds of a micro-batch on the slowest rank, and on all ranks together.

    Where the layers do not divide evenly, the last stage holds the fewest, as it has the head to compute too.  Ranks
    that hold two copies of the weights take turns at both ends of the model.
    """
    chunk = np.ceil(s.layers / (s.pp * s.vpp)) * s.vpp
    fewest = np.maximum(s.layers - chunk * (s.pp - 1.0), np.minimum(chunk - 1.0, s.layers / s.pp))
    last = np.where(s.pp > 1, np.minimum(fewest, chunk), s.layers) * layer + head
    first = chunk * layer + embedding
    longest = np.where(weight_copies(s.schedule, s.pp) > 1, (first + last) / 2.0, np.maximum(first, last))
    slowest = np.where(s.pp > 1, longest, last + embedding)
    return slowest, s.layers * layer + head + embedding


def stage_times(p: Parts, c: Constants) -> tuple[Array, Array, Array]:
    """Seconds of a rank on one micro-batch, the mean over ranks: forward, gradients of inputs, gradients of weights."""
    layer = _layer(p, c)
    _, together = _stages(p.sizes, layer.total, *_head(p, c))
    return _split(layer, together / p.sizes.pp)


def _split(layer: _Layer, mean: Array) -> tuple[Array, Array, Array]:
    """The head is split as a layer is."""
    forward, weights = layer.forward / layer.total, layer.weights / layer.total
    return forward * mean, (1.0 - forward - weights) * mean, weights * mean


def _idle(s: Sizes, layer: _Layer, slowest: Array, together: Array) -> Array:
    """Seconds of a step in which ranks wait for the pipeline to fill and to drain.

    Stages that take ``t_i`` wait ``Σ t_i − max t_i`` where equal ones would wait ``(p − 1) t``.
    """
    mean = together / s.pp
    idle = idle_s(s.schedule, s.pp, s.n_micro, s.vpp, *_split(layer, mean))
    equal = (s.pp - 1.0) * mean
    return np.where(s.pp > 1, idle * np.maximum(together - slowest, 0.0) / np.where(equal > 0, equal, 1.0), 0.0)


def _data(p: Parts, c: Constants, layer: _Layer) -> Array:
    """Seconds of the exchange between data ranks that do not hide behind computation.

    Gradients are reduced behind the last backward pass (the first stage ends last and waits for nobody), weights are
    gathered behind the first forward pass.
    """
    s, traits = p.sizes, p.traits
    time = p.traffic.reduce * np.where(p.traffic.reduce_crosses > 0, c.outer * traits.network, c.inner)
    time = time * weight_copies(s.schedule, s.pp)
    per_stage = c.overlap_dp * s.layers / s.pp
    last = traits.overlap_dp * per_stage * layer.backward
    first = traits.overlap_gather * per_stage * (layer.total - layer.backward)
    reduced, gathered = p.update.gradient_share * time, (1.0 - p.update.gradient_share) * time
    out = np.where(traits.overlap_dp > 0, _beyond(reduced, last), reduced)
    return out + np.where(traits.overlap_gather > 0, _beyond(gathered, first), gathered)


def assemble(p: Parts, c: Constants) -> Breakdown:
    """The breakdown of a step from its parts.

    With stages that take ``t_i`` for a micro-batch, forward and backward, ``m`` micro-batches take ``m·max t_i`` and
    the idle time of the schedule (``pipeline``); sends between stages, the exchange between data ranks, the optimizer
    and stragglers come on top.
    """
    s, layer = p.sizes, _layer(p, c)
    head, embedding = _head(p, c)
    slowest, together = _stages(s, layer.total, head, embedding)
    idle = _idle(s, layer, slowest, together)
    sends = 2.0 * (s.n_micro * s.vpp + s.pp) * p.traffic.send * c.outer * p.traits.network * c.send_exposed
    sends = np.where(s.pp > 1, sends, 0.0)
    data = _data(p, c, layer)
    optimizer = p.update.optimizer * c.optimizer + p.host.step * c.fixed
    steady = s.n_micro * slowest + idle + sends + data + optimizer
    doublings = np.log2(np.maximum(s.chips / SERVER, 1.0))
    waits = np.where(p.traits.throttles > 0, 1.0, constant("step.straggle_unthrottled"))
    n = s.n_micro * s.layers / s.pp
    return Breakdown(
        matmul=n * layer.matmul,
        attention=n * layer.attention,
        memory=n * layer.memory,
        launch=n * layer.launch,
        recompute=n * layer.recompute,
        head=s.n_micro * (head + embedding) / s.pp,
        tensor=n * layer.tensor,
        context=n * layer.context,
        expert=n * layer.expert,
        sharding=n * layer.sharding,
        bubble=idle + s.n_micro * (slowest - together / s.pp),
        sends=sends,
        data=data,
        optimizer=optimizer,
        stragglers=c.straggle * waits * doublings * steady,
    )
