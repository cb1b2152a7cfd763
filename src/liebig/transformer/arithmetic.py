"""Parameters and FLOP of a transformer from its dimensions; every function takes one model or an array of them.

Conventions: a multiply and an add are two operations; lengths are in tokens; "forward" is one
pass over one token unless a function says otherwise.  Layer norms and biases are counted as
parameters where the architecture has them and ignored as operations (below 0.1 %).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.errors import UnknownNameError
from liebig.transformer.shape import Shape

__all__ = [
    "FLOP_CONVENTIONS",
    "activation_bytes",
    "active_parameters",
    "attention_context",
    "attention_flops",
    "attention_parameters",
    "embedding_parameters",
    "expert_parameters",
    "flops_per_token",
    "kv_cache_bytes_per_token",
    "matmul_flops",
    "mlp_parameters",
    "parameters",
]

Array = NDArray[np.float64]


def attention_parameters(s: Shape) -> Array:
    """Weights of the attention of one layer, projections included.

    Grouped-query attention shares key and value heads; latent attention (DeepSeek-V2,
    arXiv:2405.04434, section 2.1) projects through low ranks.

    >>> from liebig.transformer import architecture
    >>> float(attention_parameters(architecture("Llama3.1-405B").shape)) / 1e6
    570.425344
    """
    q = s.n_heads * s.head_dim
    kv = s.n_kv_heads * s.head_dim
    plain = s.hidden * (q + 2.0 * kv) + q * s.hidden + s.attention_bias * (q + 2.0 * kv + s.hidden)
    plain = plain + s.relative_positions * s.hidden * q  # Transformer-XL projects positions to keys
    key = s.qk_nope_head_dim + s.qk_rope_head_dim
    queries = np.where(
        s.q_lora_rank > 0,
        s.hidden * s.q_lora_rank + s.q_lora_rank * s.n_heads * key,
        s.hidden * s.n_heads * key,
    )
    latent = (
        queries
        + s.hidden * (s.kv_lora_rank + s.qk_rope_head_dim)
        + s.kv_lora_rank * s.n_heads * (s.qk_nope_head_dim + s.v_head_dim)
        + s.n_heads * s.v_head_dim * s.hidden
    )
    return np.where(s.mla > 0, latent, plain)


def mlp_parameters(s: Shape) -> Array:
    """Weights of the dense MLP of one layer: three matrices when gated, two otherwise."""
    return s.hidden * s.ffn * (2.0 + s.gated_mlp)


def expert_parameters(s: Shape) -> Array:
    """Weights of one routed expert."""
    return s.hidden * s.moe_ffn * (2.0 + s.gated_mlp)


def embedding_parameters(s: Shape) -> Array:
    """Weights of the input embedding, the output head (unless tied) and learned positions."""
    return s.vocab * s.hidden * (2.0 - s.tied_embeddings) + s.learned_positions * s.hidden


def _shared_and_router(s: Shape) -> Array:
    return s.hidden * s.shared_ffn * (2.0 + s.gated_mlp) + s.hidden * s.n_experts


def _norms(s: Shape) -> Array:
    return (2.0 * s.n_layers + 1.0) * s.hidden * (1.0 + s.attention_bias)


def parameters(s: Shape) -> Array:
    """All weights of the model.

    >>> from liebig.transformer import architecture
    >>> round(float(parameters(architecture("Llama3.1-405B").shape)) / 1e9, 2)
    405.85
    """
    moe = s.n_moe_layers
    layers = (
        s.n_layers * attention_parameters(s)
        + (s.n_layers - moe) * mlp_parameters(s)
        + moe * (s.n_experts * expert_parameters(s) + _shared_and_router(s))
    )
    return layers + embedding_parameters(s) + _norms(s)


def active_parameters(s: Shape) -> Array:
    """Weights that one token passes through: of the routed experts only the chosen ones.

    >>> from liebig.transformer import architecture
    >>> round(float(active_parameters(architecture("Mixtral-8x7B").shape)) / 1e9, 1)
    12.9
    """
    idle = s.n_moe_layers * np.maximum(s.n_experts - s.top_k, 0.0) * expert_parameters(s)
    return parameters(s) - idle


def matmul_flops(s: Shape) -> Array:
    """Forward FLOP of one token in the matrix multiplications with weights, output head included."""
    moe = s.n_moe_layers
    layers = (
        s.n_layers * attention_parameters(s)
        + (s.n_layers - moe) * mlp_parameters(s)
        + moe * (s.top_k * expert_parameters(s) + _shared_and_router(s))
    )
    return 2.0 * (layers + s.vocab * s.hidden)


def attention_context(length: ArrayLike, window: ArrayLike = 0.0, causal: bool = True) -> Array:
    """Keys that a query meets on average in a sequence.

    Args:
        length: tokens of the sequence.
        window: sliding window in tokens; 0 for none.
        causal: False counts the whole square, as many published MFU do.

    >>> float(attention_context(4096)), float(attention_context(4096, window=1024))
    (2048.0, 896.0)
    """
    n = np.asarray(length, dtype=np.float64)
    w = np.where(np.asarray(window) > 0, np.minimum(window, n), n)
    if not causal:
        return np.asarray(w, dtype=np.float64)
    return np.asarray(w - w * w / (2.0 * n), dtype=np.float64)


def attention_flops(s: Shape, length: ArrayLike, causal: bool = True) -> Array:
    """Forward FLOP of one token in scores and weighted values, over all layers.

    ``4 · heads · width · context`` for each layer; a causal kernel skips half of the square.
    """
    width = np.where(s.mla > 0, (s.qk_nope_head_dim + s.qk_rope_head_dim + s.v_head_dim) / 2.0, s.head_dim)
    full = s.n_full_layers
    keys = full * attention_context(length, 0.0, causal) + (s.n_layers - full) * attention_context(
        length, s.window, causal
    )
    return 4.0 * s.n_heads * width * keys


#: Ways to count the FLOP of one trained token that publications use, by name.
FLOP_CONVENTIONS: dict[str, str] = {
    "model": "what the model needs: 3 forward passes, causal attention, experts that are used (MFU)",
    "model-noncausal": (
        "as model, with the whole square of the attention (Megatron, NeMo before 25.11, MaxText before 2025)"
    ),
    "6n": "6 × all parameters",
    "6n-active": "6 × parameters that a token passes through",
    "palm": "6 × active parameters + 12 × layers × heads × width × length (PaLM, nanoGPT, llm-foundry)",
    "megatron": "72·L·h²·(1 + s/6h + V/12Lh) (Narayanan 2021 without recomputation)",
    "megatron-hardware": "96·L·h²·(1 + s/6h + V/16Lh) (Narayanan 2021, eq. 3: full recomputation, HFU)",
    "hardware-full": "model-noncausal with the forward pass computed twice (HFU, full recomputation)",
    "lora": "frozen weights: two thirds of model, as no weight gradient is computed",
}


def flops_per_token(s: Shape, length: ArrayLike, convention: str = "model") -> Array:
    """FLOP that a convention counts for one trained token.

    Args:
        s: one model or an array of models.
        length: sequence in tokens.
        convention: a key of ``FLOP_CONVENTIONS``.

    Raises:
        UnknownNameError: no such convention.

    >>> from liebig.transformer import architecture
    >>> s = architecture("GPT3-175B").shape
    >>> [round(float(flops_per_token(s, 2048, c)) / 1e12, 3) for c in ("6n", "model", "megatron", "megatron-hardware")]
    [1.048, 1.062, 1.076, 1.434]
    """
    if convention not in FLOP_CONVENTIONS:
        raise UnknownNameError("FLOP convention", convention, FLOP_CONVENTIONS)
    n = np.asarray(length, dtype=np.float64)
    square = s.n_layers * s.hidden**2
    counts: dict[str, Any] = {
        "model": lambda: 3.0 * (matmul_flops(s) + attention_flops(s, n)),
        "model-noncausal": lambda: 3.0 * (matmul_flops(s) + attention_flops(s, n, causal=False)),
        "6n": lambda: 6.0 * parameters(s),
        "6n-active": lambda: 6.0 * active_parameters(s),
        "palm": lambda: 6.0 * active_parameters(s) + 12.0 * s.n_layers * s.n_heads * s.head_dim * n,
        "megatron": lambda: 72.0 * square * (1.0 + n / (6.0 * s.hidden) + s.vocab / (12.0 * s.n_layers * s.hidden)),
        "megatron-hardware": lambda: (
            96.0 * square * (1.0 + n / (6.0 * s.hidden) + s.vocab / (16.0 * s.n_layers * s.hidden))
        ),
        "hardware-full": lambda: 4.0 * (matmul_flops(s) + attention_flops(s, n, causal=False)),
        "lora": lambda: 2.0 * (matmul_flops(s) + attention_flops(s, n)),
    }
    return np.asarray(counts[convention](), dtype=np.float64)


def activation_bytes(s: Shape, length: ArrayLike, sequences: ArrayLike = 1.0, recompute: str = "none") -> Array:
    """Bytes of activations that a chip which holds the whole model keeps of a micro-batch.

    Per token and layer ``10 h`` for norms, inputs of products and the residual, queries, keys and values, and what
    the MLP keeps; as Korthikanti 2022 (arXiv:2205.05198) without dropout, taken apart by tensor.  With selective
    recomputation norms and the activation function are computed again from what they read (scores are never kept, as
    attention is fused); with full recomputation only the input of a layer stays.

    Raises:
        UnknownNameError: another kind of recomputation.

    >>> from liebig.transformer import architecture
    >>> s = architecture("GPT3-175B").shape
    >>> float(activation_bytes(s, 2048, 1, "full") / (2048 * 12288 * 96))
    2.0
    """
    if recompute not in ("none", "selective", "full"):
        raise UnknownNameError("recomputation", recompute, ("none", "selective", "full"))
    tokens = np.asarray(length, dtype=np.float64) * np.asarray(sequences, dtype=np.float64)
    if recompute == "full":
        return np.asarray(2.0 * tokens * s.hidden * s.n_layers)
    q = s.n_heads * np.where(s.mla > 0, s.qk_nope_head_dim + s.qk_rope_head_dim, s.head_dim)
    kv = np.where(s.mla > 0, s.n_heads * (s.qk_nope_head_dim + s.v_head_dim) / 2.0, s.n_kv_heads * s.head_dim)
    per_ffn = 2.0 * (1.0 + s.gated_mlp) + 2.0
    sparse = s.n_moe_layers / s.n_layers
    routed = per_ffn * (s.shared_ffn + s.top_k * s.moe_ffn) + 4.0 * s.top_k * s.hidden
    mlp = (1.0 - sparse) * per_ffn * s.ffn + sparse * routed
    kept = 8.0 * s.hidden + 4.0 * q + 4.0 * kv + mlp
    if recompute == "selective":
        kept = kept - 4.0 * s.hidden - 2.0 * ((1.0 - sparse) * s.ffn + sparse * (s.shared_ffn + s.top_k * s.moe_ffn))
    return np.asarray(tokens * s.n_layers * kept)


def kv_cache_bytes_per_token(s: Shape, bytes_per_value: float = 2.0) -> Array:
    """Bytes that one token of context occupies while a model answers, over all layers.

    Latent attention keeps the compressed key-value and the rotary key of each layer.

    >>> from liebig.transformer import architecture
    >>> float(kv_cache_bytes_per_token(architecture("Llama3.1-70B").shape))
    327680.0
    """
    plain = 2.0 * s.n_kv_heads * s.head_dim
    latent = s.kv_lora_rank + s.qk_rope_head_dim
    return s.n_layers * np.where(s.mla > 0, latent, plain) * bytes_per_value
