"""Memory of one chip: weights, gradients, optimizer states, activations, buffers; arrays over layouts.

Activations follow Korthikanti 2022 (arXiv:2205.05198), taken apart by tensor so that grouped
queries, gated MLPs, experts and fused attention have their own sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.step.layout import Layouts
from liebig.step.pipeline import held, weight_copies
from liebig.step.software import Software
from liebig.transformer.arithmetic import attention_parameters, expert_parameters, mlp_parameters
from liebig.transformer.shape import Shape

__all__ = ["Memory", "by_stage", "memory", "stage_parameters"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Memory:
    """Bytes on the fullest chip of a layout, by use."""

    weights: Array
    gradients: Array
    optimizer: Array
    activations: Array
    logits: Array
    buffers: Array

    @property
    def total(self) -> Array:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits + self.buffers


def stage_parameters(s: Shape, lay: Layouts) -> tuple[Array, Array, Array]:
    """Parameters of the first stage on one rank: (shared by all data ranks, of experts, embedding)."""
    per_stage = np.ceil(s.n_layers / lay.pp)
    sparse = s.n_moe_layers / s.n_layers
    dense = attention_parameters(s) + (1.0 - sparse) * mlp_parameters(s)
    dense = dense + sparse * s.hidden * (s.shared_ffn * (2.0 + s.gated_mlp) + s.n_experts)
    experts = sparse * s.n_experts * expert_parameters(s) / (lay.ep * lay.etp)
    ends = np.where(lay.pp > 1, 1.0, 2.0 - s.tied_embeddings)
    embedding = s.vocab * s.hidden * ends / lay.tp
    return per_stage * dense / lay.tp, per_stage * experts, embedding


def layer_activations(
    s: Shape, lay: Layouts, length: Array | float, software: Software, precision: str = "bf16"
) -> tuple[Array, Array, Array]:
    """Bytes kept of one layer and micro-batch: (everything, with selective recomputation, its input alone).

    Per token, as in Korthikanti et al. 2022, arXiv:2205.05198, section 4.1, with b bytes for what a product reads (2,
    or 1 in eight bits): outside the tensor-parallel part the inputs of two norms (4 per width), what the two first
    products read (2 b), and what dropout and norms keep; inside it queries (2) and the output of attention that a
    product reads (b), keys and values (4), and of the MLP the results of its first products (2 each) and what the last
    one reads (b).  An expert layer keeps what its sorted tokens are (4 per expert and width).
    """
    tokens = lay.micro_batch * length / lay.cp
    spread = np.where(lay.sequence_parallel > 0, lay.tp, 1.0)
    q = s.n_heads * np.where(s.mla > 0, s.qk_nope_head_dim + s.qk_rope_head_dim, s.head_dim)
    kv = np.where(s.mla > 0, s.n_heads * (s.qk_nope_head_dim + s.v_head_dim) / 2.0, s.n_kv_heads * s.head_dim)
    sparse = s.n_moe_layers / s.n_layers
    # what a product in eight bits reads is kept in eight bits
    width = 2.0 if precision in ("bf16", "fp16", "fp32", "tf32") else 1.0
    per_ffn = 2.0 * (1.0 + s.gated_mlp) + width
    mlp = (1.0 - sparse) * per_ffn * s.ffn + sparse * (
        per_ffn * (s.shared_ffn + s.top_k * s.moe_ffn) + 4.0 * s.top_k * s.hidden
    )
    outside = (4.0 + 2.0 * width + software.dropout_bytes + software.norm_bytes) * s.hidden / spread
    # what was gathered for the two products is kept whole unless it is gathered again
    outside = outside + (1.0 - lay.regather) * 2.0 * width * s.hidden * (1.0 - 1.0 / spread)
    inside = ((2.0 + width) * q + 4.0 * kv + mlp) / lay.tp
    scores = 0.0 if software.fused_attention else software.kept_score_bytes * s.n_heads * length / lay.tp
    # activations of four bytes
    wide = 2.0 if precision in ("fp32", "tf32") else 1.0
    kept, scores = wide * tokens * (outside + inside), wide * scores
    unscored = kept
    if software.recompute_light:  # norms and the activation function are computed again from what they read
        products = (1.0 - sparse) * s.ffn + sparse * (s.shared_ffn + s.top_k * s.moe_ffn)
        unscored = kept - wide * width * tokens * (2.0 * s.hidden / spread + products / lay.tp)
    return kept + tokens * scores, unscored, 2.0 * wide * tokens * s.hidden / spread


def memory(
    s: Shape,
    lay: Layouts,
    length: Array | float,
    software: Software,
    precision: str = "bf16",
    trained: Array | float = 1.0,
) -> Memory:
    """Bytes by use on the fullest chip: the first stage holds most activations, the last one the logits.

    Args:
        s: models.
        lay: layouts.
        length: tokens of a sequence.
        software: fused attention keeps no scores; bytes of a gradient, of a logit, of the context.
        precision: of the matrix products, which decides how wide their inputs are kept.
        trained: share of the weights that have gradients and optimizer states (near 0 for LoRA).
    """
    dense, experts, embedding = stage_parameters(s, lay)
    own = dense + embedding
    expert_copies = np.maximum(lay.dp * lay.cp * lay.tp / (lay.ep * lay.etp), 1.0)
    spread = np.maximum(lay.shard, 1.0)
    spread_experts = np.minimum(expert_copies, spread)

    def bytes_of(each: float, from_stage: float) -> Array:
        split = lay.zero >= from_stage
        return each * (own / np.where(split, spread, 1.0) + experts / np.where(split, spread_experts, 1.0))

    copies = weight_copies(lay.schedule, lay.pp)
    kept, working = _kept(s, lay, length, software, precision)
    first, last = (_activations(s, lay, software, kept, working, rank) for rank in (0.0, lay.pp - 1.0))
    logits = _logits(s, lay, length, software)
    # ranks with two copies of the weights hold both ends of the model
    both_ends = copies > 1
    at_end = (last + logits > first) | both_ends | (lay.pp <= 1)
    full_gradients = (lay.zero >= 3) & ~lay.gathers_by_layer
    whole, split = (bytes_of(software.gradient_memory, stage) for stage in (np.inf, 2))
    gradients = np.where(full_gradients, whole, split)
    return Memory(
        weights=copies * (bytes_of(2.0, 3) + _gathered(s, lay, dense, experts, embedding)),
        gradients=trained * copies * gradients,
        optimizer=np.where(lay.offload > 0, 0.0, trained) * np.where(lay.zero >= 1, 1.0, copies) * bytes_of(12.0, 1),
        activations=np.where(at_end, last, first),
        logits=np.where(at_end, logits, 0.0),
        buffers=np.full(np.shape(first), software.context_bytes),
    )


def _gathered(s: Shape, lay: Layouts, dense: Array, experts: Array, embedding: Array) -> Array:
    """Bytes of weights gathered from shards: two layers and the embedding at a time, or all of a pipeline's stage."""
    layers = np.ceil(s.n_layers / lay.pp)
    two_layers = 2.0 * (2.0 * (dense + experts) / layers + embedding)
    stage = 2.0 * (dense + experts + embedding)
    return np.where(lay.zero >= 3, np.where(lay.gathers_by_layer, two_layers, stage), 0.0)


def _activations(s: Shape, lay: Layouts, software: Software, kept: Array, working: Array, rank: Array | float) -> Array:
    """Bytes of activations on a rank of a pipeline: what its layers keep of the micro-batches in flight."""
    layers = np.ceil(s.n_layers / lay.pp)
    flying = held(lay.schedule, rank, lay.pp, lay.n_micro, lay.vpp)
    return software.fragmentation * (layers * flying * kept + working)


def _kept(s: Shape, lay: Layouts, length: Array | float, software: Software, precision: str) -> tuple[Array, Array]:
    """Bytes that a layer keeps of one micro-batch, and bytes of the layer that is computed again at the moment."""
    everything, unscored, entry = layer_activations(s, lay, length, software, precision)
    again = np.clip(lay.recompute - 1.0, 0.0, 1.0)
    kept = (1.0 - again) * np.where(lay.recompute < 1, everything, unscored) + again * entry
    light = np.where((lay.recompute >= 1) & software.recompute_light, everything - unscored, 0.0)
    return kept, np.where(again > 0, everything, light)


def _logits(s: Shape, lay: Layouts, length: Array | float, software: Software) -> Array:
    tokens = lay.micro_batch * length / lay.cp
    return software.logit_bytes * tokens * s.vocab / np.where(software.vocab_parallel, lay.tp, 1.0)


def by_stage(
    s: Shape, lay: Layouts, length: float, software: Software, precision: str = "bf16", trained: float = 1.0
) -> list[dict[str, float]]:
    """Bytes on a chip of each stage of one layout's pipeline: states, activations, logits, buffers.

    Stages nearer the start hold more micro-batches in flight; the last one holds the logits.

    >>> from liebig.transformer import architecture
    >>> from liebig.step.software import software
    >>> lay = Layouts.of(tp=8, pp=4, n_micro=8)
    >>> rows = by_stage(architecture("Llama2-70B").shape, lay, 4096, software("modern"))
    >>> rows[0]["activations"] > rows[3]["activations"], rows[0]["logits"], rows[3]["logits"] > 0
    (True, 0.0, True)
    """
    whole = memory(s, lay, length, software, precision, trained)
    states = float(whole.weights + whole.gradients + whole.optimizer)
    stages = round(float(lay.pp))
    kept, working = _kept(s, lay, length, software, precision)
    ends = {stages - 1} | ({0} if float(weight_copies(lay.schedule, lay.pp)) > 1 else set())
    return [
        {
            "stage": i,
            "states": states,
            "activations": float(_activations(s, lay, software, kept, working, float(i))),
            "logits": float(_logits(s, lay, length, software)) if i in ends else 0.0,
            "buffers": software.context_bytes,
        }
        for i in range(stages)
    ]
