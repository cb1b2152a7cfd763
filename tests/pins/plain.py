"""A chip, a network, a framework and a model with round numbers, so that times can be worked out by hand.

On ``CHIP`` every product of matrices runs at 1e12 FLOP/s, fused attention at 5e11 FLOP/s and memory at 1e12 B/s.
On ``FABRIC`` a collective of ``s`` bytes among ``n`` chips of one domain of eight takes
``(n - 1) / n · (s + 4e6) / 300e9`` seconds (twice that for an all-reduce): three quarters of a link of 400 GB/s, half
of it at 4 MB.
"""

from __future__ import annotations

from collections.abc import Callable

from liebig.cluster.chip import AttentionTable, Chip, MatmulTable
from liebig.cluster.fabric import Fabric
from liebig.step.software import Software
from liebig.transformer.shape import Shape

__all__ = ["CHIP", "DENSE", "EAGER", "FABRIC", "FRAMEWORK", "SPARSE", "inside", "table"]


def table(speed: Callable[[int, int, int], float], edges: tuple[int, ...] = (64, 128)) -> MatmulTable:
    """Speeds of products with the given edges."""
    speeds = tuple(tuple(tuple(speed(m, n, k) for k in edges) for n in edges) for m in edges)
    return MatmulTable(m=edges, n=edges, k=edges, flop_per_s=speeds)


CHIP = Chip(
    name="plain", peak_bf16=1e12, memory_bytes=1e11, memory_bandwidth=1e12,
    matmul_measured={"bf16": table(lambda m, n, k: 1e12)},
    attention_measured={"bf16": AttentionTable(lengths=(1024,), flop_per_s=(5e11,))},
)  # fmt: skip
FABRIC = Fabric(domain=8, inner_bandwidth=400e9, outer_bandwidth=50e9)
FRAMEWORK = Software(
    name="plain", attention="flash3", launch_s=1e-3, launch_moe_s=3e-3, step_s=0.02, overlap_dp=0.9, overlap_gather=0.7,
    gradient_bytes=4.0, gradient_memory=4.0, accumulate_bytes=8.0, loss_bytes=40.0, logit_bytes=12.0,
    context_bytes=1e9, fragmentation=1.25, split_sends=False,
)  # fmt: skip
EAGER = FRAMEWORK.model_copy(update={"attention": "eager"})
#: 4 layers of width 256: attention has 196,608 weights (256·(256 + 2·128) + 256·256), the MLP 393,216 (256·512·3).
DENSE = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, ffn=512, gated_mlp=1, vocab=1024)
#: The same with 8 experts, 2 of them used, of 98,304 weights (256·128·3), and a shared one of 49,152 (256·64·3).
SPARSE = Shape.of(
    n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, gated_mlp=1, vocab=1024, n_experts=8, top_k=2,
    moe_ffn=128, shared_ffn=64,
)  # fmt: skip


def inside(size: float, ranks: int) -> float:
    """Seconds of a gather or a scatter among chips of one domain."""
    return (ranks - 1) / ranks * (size + 4e6) / 300e9
