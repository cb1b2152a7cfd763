"""Work of one transformer layer on one chip for one micro-batch: matrix products, attention, memory traffic.

All functions take arrays over layouts (or over published runs) and one chip.  Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import constant
from liebig.cluster.attention import attention_efficiency
from liebig.cluster.chip import Chip
from liebig.cluster.families import is_systolic
from liebig.cluster.kernels import batched_time, gemm_time, stream_time
from liebig.step.layout import Layouts
from liebig.step.software import Software
from liebig.transformer.arithmetic import attention_context, attention_parameters, expert_parameters, mlp_parameters
from liebig.transformer.shape import Shape

__all__ = ["Products", "Work", "activation_width", "blend", "layer_work", "products"]

Array = NDArray[np.float64]
#: Precisions whose activations take four bytes.
WIDE = ("fp32", "tf32")
NARROW = ("fp8", "fp8-block", "mxfp8", "int8", "mxfp4", "nvfp4")


@dataclass(frozen=True)
class Products:
    """Seconds of matrix products with weights: forward, gradient of the input, gradient of the weights."""

    forward: Array
    backward: Array
    weights: Array

    def __add__(self, other: Products) -> Products:
        return Products(self.forward + other.forward, self.backward + other.backward, self.weights + other.weights)

    def where(self, here: Any, other: Products) -> Products:
        """Itself where a condition holds, the other elsewhere."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(Products))
        return Products(*(np.where(here, a, b) for a, b in pairs))


@dataclass(frozen=True)
class Work:
    """Seconds of one layer and micro-batch by kind; ``ideal`` is a forward pass at the peak."""

    matmul_forward: Array
    matmul_backward: Array
    matmul_weights: Array
    attention_forward: Array
    attention_backward: Array
    stream_forward: Array
    stream_backward: Array
    scores_forward: Array
    scores_backward: Array
    ideal: Array


def activation_width(precision: str) -> float:
    """Bytes of one activation.

    >>> activation_width("fp32"), activation_width("fp8")
    (4.0, 2.0)
    """
    return 4.0 if precision in WIDE else 2.0


def blend(a: Work, b: Work, share: Array) -> Work:
    """The mean of two kinds of layers, ``share`` of them of the second kind."""
    return Work(*((1.0 - share) * getattr(a, f.name) + share * getattr(b, f.name) for f in fields(Work)))


def products(chip: Chip, precision: str, m: Array, n: Array, k: Array, weights: Array | float = 1.0) -> Products:
    """A product of ``m`` rows with an (k, n) matrix of weights, and its two gradients.

    Args:
        chip: the accelerator.
        precision: of the operands.
        m: rows, the tokens.
        n: columns of the result.
        k: depth.
        weights: 0 where the weights are frozen and need no gradient.
    """
    return Products(
        gemm_time(chip, precision, m, n, k),
        gemm_time(chip, precision, m, k, n),
        weights * gemm_time(chip, precision, k, n, m),
    )


def _mlp(
    chip: Chip, precision: str, s: Shape, rows: Array, width: Array, weights: Array | float, side: Array | float = 1.0
) -> Products:
    return products(chip, precision, rows, (1.0 + s.gated_mlp) * width, s.hidden / side, weights) + products(
        chip, precision, rows, s.hidden / side, width, weights
    )


def _projections(chip: Chip, precision: str, s: Shape, lay: Layouts, tokens: Array, weights: Array | float) -> Products:
    """The matrix products of attention with weights."""
    t, hidden = lay.tp / lay.side, s.hidden / lay.side
    q = s.n_heads * s.head_dim
    kv = np.maximum(s.n_kv_heads, t) * s.head_dim  # fewer key-value heads than ranks: each rank holds one
    plain = products(chip, precision, tokens, (q + 2.0 * kv) / t, hidden, weights) + products(
        chip, precision, tokens, hidden, q / t, weights
    )
    if not np.any(s.mla > 0):
        return plain
    key = s.qk_nope_head_dim + s.qk_rope_head_dim
    low = np.where(s.q_lora_rank > 0, s.q_lora_rank, hidden)
    compressed = s.q_lora_rank + s.kv_lora_rank + s.qk_rope_head_dim
    expanded = s.n_heads * (s.qk_nope_head_dim + s.v_head_dim) / t
    latent = (
        products(chip, precision, tokens, s.n_heads * key / t, low, weights)
        + products(chip, precision, tokens, compressed, hidden, weights)
        + products(chip, precision, tokens, expanded, s.kv_lora_rank, weights)
        + products(chip, precision, tokens, hidden, s.n_heads * s.v_head_dim / t, weights)
    )
    return latent.where(s.mla > 0, plain)


def _experts(chip: Chip, precision: str, s: Shape, lay: Layouts, tokens: Array, weights: Array | float) -> Products:
    """Routed and shared experts; every expert of a chip multiplies its share of the tokens."""
    routed = tokens * lay.etp / lay.tp * np.maximum(s.top_k, 1.0)  # each rank of a tensor group routes its share
    experts = np.maximum(s.n_experts / lay.ep, 1.0)
    width = np.maximum(s.moe_ffn, 1.0) / lay.etp
    one = _mlp(chip, precision, s, np.maximum(routed / experts, 1.0), width, weights)
    # a grouped kernel takes as long as its experts one by one: timed from 64 to 8,192 rows each, within a fifth
    slower = constant("step.grouped_on_arrays") if is_systolic(chip) else 1.0
    grouped = Products(*(slower * experts * getattr(one, f.name) for f in fields(Products)))
    shared = _mlp(chip, precision, s, tokens, np.maximum(s.shared_ffn, 1.0) / lay.tp, weights)
    return (grouped + shared).where(s.shared_ffn > 0, grouped)


def _attention(
    chip: Chip, s: Shape, lay: Layouts, length: Array | float, software: Software
) -> tuple[Array, Array, Array, Array]:
    """Scores and values: seconds forward and backward, and bytes moved when scores go through memory."""
    width = np.where(s.mla > 0, (s.qk_nope_head_dim + s.qk_rope_head_dim + s.v_head_dim) / 2.0, s.head_dim)
    queries = lay.micro_batch * length / lay.cp
    heads = s.n_heads / lay.tp
    local = 1.0 - s.n_full_layers / s.n_layers
    keys = (1.0 - local) * attention_context(length) + local * attention_context(length, s.window)
    square = (1.0 - local) * length + local * np.where(s.window > 0, np.minimum(s.window, length), length)
    if software.fused_attention:
        flops = 4.0 * queries * heads * width * keys
        reached = attention_efficiency(chip, width, length) * software.attention_share(chip)
        forward = flops / (chip.peak("bf16") * reached)
        # five products next to two: scores again, then gradients of values, of scores, of queries and of keys
        return forward, 5.0 / 2.0 * forward, np.zeros_like(forward), np.zeros_like(forward)
    # one batched kernel for all heads fills the chip as one tall product would
    rows = queries * heads
    forward = batched_time(chip, rows, square, width) + batched_time(chip, rows, width, square)
    back = constant("step.scores_backward") * software.score_bytes * rows * square
    return forward, 2.0 * forward, software.score_bytes * rows * square, back


def _elementwise(s: Shape, lay: Layouts, software: Software, precision: str, sparse: bool) -> Array:
    """Numbers read or written per token outside the products in a forward pass, on one rank.

    Two norms read and write a width each and two sums read two and write one: 4 + 6 widths.  Rotations read and write
    queries and keys; the activation function reads one number per column (two when gated) and writes one.
    Experts: tokens are sorted to them and back, each read and written; four passes make the scores of the router.  In a
    narrow type, what products read is read in two bytes and written in one, scaled: 1.5 numbers of two bytes.
    """
    spread = np.where(lay.sequence_parallel > 0, lay.tp, 1.0)
    q = s.n_heads * s.head_dim
    kv = s.n_kv_heads * s.head_dim
    inner = s.top_k * s.moe_ffn + s.shared_ffn if sparse else s.ffn
    passes = 10.0 * s.hidden / spread + 2.0 * (q + kv) / lay.tp + (2.0 + s.gated_mlp) * inner / lay.tp
    if sparse:
        passes = passes + 4.0 * s.top_k * s.hidden / lay.tp + 4.0 * s.n_experts / spread
    if precision in NARROW:
        # activations are read, scaled and written again in the narrow type, both ways round
        passes = passes + 1.5 * (2.0 * s.hidden / spread + (q + inner) / lay.tp)
    return passes * software.stream_passes


def layer_work(
    chip: Chip,
    precision: str,
    s: Shape,
    lay: Layouts,
    length: Array | float,
    software: Software,
    sparse: bool,
    weights: Array | float = 1.0,
) -> Work:
    """Work of one layer for one micro-batch on one chip.

    Args:
        chip: the accelerator.
        precision: of the matrix products with weights; attention stays in bfloat16.
        s: models.
        lay: layouts.
        length: tokens of a sequence.
        software: says which kernels are fused.
        sparse: a mixture of experts in place of the dense MLP.
        weights: 1 when gradients of the weights are computed, 0 for frozen ones (LoRA).
    """
    tokens = lay.micro_batch * length / lay.cp
    if sparse:
        mlp = _experts(chip, precision, s, lay, tokens, weights)
        kept = (
            s.n_experts / lay.ep * expert_parameters(s) / lay.etp
            + s.hidden * s.shared_ffn * (2.0 + s.gated_mlp) / lay.tp
        )
        used = s.top_k * expert_parameters(s) / lay.tp + s.hidden * s.shared_ffn * (2.0 + s.gated_mlp) / lay.tp
    else:
        mlp = _mlp(chip, precision, s, tokens, np.maximum(s.ffn, 1.0) / lay.tp * lay.side, weights, lay.side)
        kept = used = mlp_parameters(s) / lay.tp
    matmul = _projections(chip, precision, s, lay, tokens, weights) + mlp
    attention_f, attention_b, score_f, score_b = _attention(chip, s, lay, length, software)
    stream_f = activation_width(precision) * tokens * _elementwise(s, lay, software, precision, sparse)
    # gradients of weights are added up over micro-batches
    accumulate = weights * software.accumulate_bytes * (attention_parameters(s) / lay.tp + kept)
    return Work(
        matmul.forward,
        matmul.backward,
        matmul.weights,
        attention_f,
        attention_b,
        stream_time(chip, stream_f),
        stream_time(chip, constant("step.stream_backward") * stream_f + accumulate),
        stream_time(chip, score_f),
        stream_time(chip, score_b),
        2.0 * tokens * (attention_parameters(s) / lay.tp + used) / chip.peak(precision),
    )
