"""The numbers of a transformer that its arithmetic needs, for one model or for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shape", "stack"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """Dimensions as floats or as arrays of one shape ``(n,)``; what a model does not have is 0.

    ``mla`` marks multi-head latent attention; ``window`` is 0 for full attention, and
    ``full_attention_every`` = k means that one layer of k looks back over the whole sequence
    (1: all layers, 0: none).
    """

    n_layers: Array
    hidden: Array
    n_heads: Array
    n_kv_heads: Array
    head_dim: Array
    ffn: Array
    gated_mlp: Array
    vocab: Array
    tied_embeddings: Array
    learned_positions: Array
    n_experts: Array
    top_k: Array
    moe_ffn: Array
    shared_ffn: Array
    n_dense_layers: Array
    moe_every: Array
    mla: Array
    q_lora_rank: Array
    kv_lora_rank: Array
    qk_nope_head_dim: Array
    qk_rope_head_dim: Array
    v_head_dim: Array
    window: Array
    full_attention_every: Array
    attention_bias: Array
    relative_positions: Array

    @classmethod
    def of(cls, **given: Any) -> Shape:
        """Dimensions from those that matter; what is left out is absent (0), every layer looks back over everything.

        >>> float(Shape.of(n_layers=2, hidden=64).n_moe_layers)
        0.0
        """
        values: dict[str, Any] = dict.fromkeys((f.name for f in fields(cls)), 0.0)
        values.update(moe_every=1.0, full_attention_every=1.0)
        values.update(given)
        return cls(**{k: np.asarray(v, dtype=np.float64) for k, v in values.items()})

    def take(self, index: Any) -> Shape:
        """The models at the given places of an array of models."""
        return Shape(*(np.asarray(getattr(self, f.name))[index] for f in fields(self)))

    @property
    def n_moe_layers(self) -> Array:
        """Layers whose MLP is a mixture of experts."""
        sparse = np.ceil((self.n_layers - self.n_dense_layers) / np.maximum(self.moe_every, 1.0))
        return np.where(self.n_experts > 0, sparse, 0.0)

    @property
    def n_full_layers(self) -> Array:
        """Layers whose attention looks back over the whole sequence."""
        every = self.full_attention_every
        some = np.where(every > 0, np.floor(self.n_layers / np.maximum(every, 1.0)), 0.0)
        return np.where(self.window > 0, some, self.n_layers)


def stack(shapes: Iterable[Shape] | Sequence[Shape]) -> Shape:
    """One ``Shape`` of arrays from many of single models.

    Raises:
        ValueError: there is none.
    """
    many = list(shapes)
    if not many:
        raise ValueError("no shape to stack")
    return Shape(*(np.array([float(getattr(s, f.name)) for s in many]) for f in fields(Shape)))
