"""Seconds of traffic on a network with round numbers (``plain``), worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from liebig.cluster.fabric import Fabric
from liebig.step.layout import Layouts
from liebig.step.traffic import Traffic, traffic
from liebig.transformer.shape import Shape
from pins.plain import CHIP, DENSE, FABRIC, FRAMEWORK, SPARSE, inside


def _traffic(
    s: Shape = DENSE, length: float = 1024.0, fabric: Fabric = FABRIC, software: Any = FRAMEWORK, **sizes: Any
) -> Traffic:
    return traffic(CHIP, fabric, s, Layouts.of(**sizes), length, software)


def _across(size: float, ranks: int, near: int) -> float:
    """A ring of gathers over domains: as many links of 85 % of 50 GB/s as the group has chips in a domain, 5 µs for
    each step between domains and 7 µs to start.
    """
    return (ranks - 1) / ranks * size / (near * 42.5e9) + (ranks / near - 1) * 5e-6 + 7e-6


def test_tensor_ranks_add_up_activations_twice_a_layer() -> None:
    """2·1,024·256 = 524,288 bytes; an all-reduce is a scatter and a gather, and there are two of them."""
    assert _traffic(tp=np.array([1.0, 2.0, 8.0])).tensor == pytest.approx(
        [0.0, 4 * inside(524_288, 2), 4 * inside(524_288, 8)]
    )
    assert _traffic(tp=2, micro_batch=2).tensor == pytest.approx(4 * inside(1_048_576, 2))
    assert _traffic(tp=2, cp=4).tensor == pytest.approx(4 * inside(131_072, 2))


def test_tensor_ranks_in_a_square_gather_along_its_sides() -> None:
    """64 ranks: 8 gathers of 2·524,288 / 8 = 131,072 bytes among 8, of which ⌊√8⌋ = 2 share a domain: the links
    between domains take (7/8)·131,072 / 85e9 + 3·5e-6 + 7e-6 = 23.35 µs, those inside 12.05 µs at the same time.
    """
    assert _traffic(tp=64).tensor == pytest.approx(8 * _across(131_072, 8, 2))
    assert 8 * _across(131_072, 8, 2) == pytest.approx(8 * 23.3493e-6, rel=1e-4)
    # in a domain of a hundred all eight lie in it
    whole = Fabric(domain=100, inner_bandwidth=400e9, outer_bandwidth=50e9)
    assert _traffic(tp=64, fabric=whole).tensor == pytest.approx(8 * inside(131_072, 8))
    assert _traffic(tp=np.array([16.0, 64.0]), fabric=whole).tensor == pytest.approx(
        [4 * inside(524_288, 16), 8 * inside(131_072, 8)]
    )


def test_context_ranks_gather_keys_and_values() -> None:
    """4 bytes for each of 4,096 tokens and 2 heads of 64: 4·4,096·128 = 2,097,152, halved by two tensor ranks.

    Tensor ranks lie between context ranks, so of four with a tensor size of 4 two share a domain of eight.
    """
    assert _traffic(length=4096.0, cp=4).context == pytest.approx(inside(2_097_152, 4))
    assert _traffic(length=4096.0, cp=4, tp=2).context == pytest.approx(inside(1_048_576, 4))
    assert _traffic(length=4096.0, cp=2, tp=2).context == pytest.approx(inside(1_048_576, 2))
    assert _traffic(length=4096.0, cp=2, tp=2, micro_batch=3).context == pytest.approx(inside(3 * 1_048_576, 2))
    crossing = _traffic(length=4096.0, cp=4, tp=4)
    assert crossing.context == pytest.approx(_across(524_288, 4, 2))
    assert (crossing.context_crosses, crossing.tensor_crosses) == (1.0, 0.0)
    # latent attention sends all heads: 4·4,096·4·64
    latent = Shape.of(n_layers=1, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, mla=1)
    assert _traffic(latent, 4096.0, cp=4).context == pytest.approx(inside(4_194_304, 4))


def test_tokens_go_to_their_experts_and_back() -> None:
    """2·1,024 tokens·2 experts·256 = 1,048,576 bytes, twice; each tensor rank sends its share of the tokens."""
    assert _traffic(SPARSE, ep=np.array([1.0, 4.0]), dp=8).expert == pytest.approx([0.0, 2 * inside(1_048_576, 4)])
    assert _traffic(SPARSE, ep=4, tp=2, dp=4).expert == pytest.approx(2 * inside(524_288, 4))
    assert _traffic(SPARSE, ep=4, tp=2, etp=2, dp=4).expert == pytest.approx(2 * inside(1_048_576, 4))
    assert _traffic(DENSE, ep=4, dp=8).expert == 0.0
    some = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, n_experts=8, top_k=2, moe_ffn=128,
                    n_dense_layers=1)  # fmt: skip
    assert _traffic(some, ep=4, dp=8).expert == pytest.approx(0.75 * 2 * inside(1_048_576, 4))


def test_tokens_that_cross_once_to_each_domain() -> None:
    """16 expert ranks in two domains: every copy crosses, 1/2 of 1,048,576 bytes over one link of 42.5 GB/s; sent
    once, two copies meet (1 - (1/2)²) = 3/4 of a domain instead of 2·1/2 = 1. One step and the start take 12 µs.
    """
    plain = _traffic(SPARSE, ep=16, dp=16)
    assert plain.expert == pytest.approx(2 * (1_048_576 / 2 / 42.5e9 + 12e-6))
    assert plain.expert_crosses == 1.0
    once = FRAMEWORK.model_copy(update={"sends_once": True})
    assert _traffic(SPARSE, ep=16, dp=16, software=once).expert == pytest.approx(
        2 * (0.75 * 1_048_576 / 2 / 42.5e9 + 12e-6)
    )


def test_sharded_weights_are_gathered_and_gradients_scattered_layer_by_layer() -> None:
    """A layer's 589,824 weights are 1,179,648 bytes; its gradients of 4 bytes 2,359,296; nothing with a pipeline."""
    found = _traffic(zero=3, dp=8)
    assert found.gather == pytest.approx(inside(1_179_648, 8))
    assert found.scatter == pytest.approx(inside(2_359_296, 8))
    assert _traffic(zero=3, dp=8, tp=2).gather == pytest.approx(_across(589_824, 8, 4))
    for sizes in ({"zero": 1, "dp": 8}, {"zero": 3, "dp": 8, "pp": 2}):
        assert _traffic(**sizes).gather == _traffic(**sizes).scatter == 0.0
    # spread over four chips of the eight
    assert _traffic(zero=3, dp=8, shard=4).gather == pytest.approx(inside(1_179_648, 4))


def test_stages_send_activations() -> None:
    """524,288 bytes at 300 GB/s and 2 µs inside a domain, at 42.5 GB/s and 5 µs across; tensor ranks that have the
    sequence in pieces, or that split their sends, each send their part.
    """
    assert _traffic(pp=2).send == pytest.approx(524_288 / 300e9 + 2e-6)
    assert _traffic(pp=2, dp=8).send == pytest.approx(524_288 / 42.5e9 + 5e-6)
    assert _traffic(pp=2, dp=4).send == pytest.approx(524_288 / 300e9 + 2e-6)
    assert _traffic(pp=2, tp=4, cp=2).send == pytest.approx(65_536 / 42.5e9 + 5e-6)
    assert _traffic(pp=2, tp=4).send == pytest.approx(131_072 / 300e9 + 2e-6)
    assert _traffic(pp=2, tp=4, sequence_parallel=0).send == pytest.approx(524_288 / 300e9 + 2e-6)
    assert _traffic(pp=2, tp=4, sequence_parallel=0, split_sends=1).send == pytest.approx(131_072 / 300e9 + 2e-6)
    splits = FRAMEWORK.model_copy(update={"split_sends": True})
    assert _traffic(pp=2, tp=4, sequence_parallel=0, software=splits).send == pytest.approx(131_072 / 300e9 + 2e-6)
    plain = _traffic(pp=2, tp=4, sequence_parallel=0, split_sends=0, software=splits)
    assert plain.send == pytest.approx(524_288 / 300e9 + 2e-6)


def test_data_ranks_scatter_gradients_and_gather_weights_once_a_step() -> None:
    """2,359,296 weights of four layers and 2·262,144 of embedding and head: 4 bytes scattered, 2 gathered of each.

    A pipeline of two halves the layers and leaves the embedding alone on the first stage.
    """
    own = 2_359_296 + 2 * 262_144
    assert _traffic(dp=8).reduce == pytest.approx(inside(4 * own, 8) + inside(2 * own, 8))
    own = 2_359_296 / 2 + 262_144
    assert _traffic(dp=4, pp=2).reduce == pytest.approx(inside(4 * own, 4) + inside(2 * own, 4))
    half = FRAMEWORK.model_copy(update={"gradient_bytes": 2.0})
    assert _traffic(dp=4, pp=2, software=half).reduce == pytest.approx(2 * inside(2 * own, 4))
    # two context ranks and two data ranks are one group of four; two tensor ranks halve its bytes
    own = 2_359_296 / 2 + 2 * 262_144 / 2
    assert _traffic(dp=2, cp=2, tp=2).reduce == pytest.approx(inside(4 * own, 4) + inside(2 * own, 4))
    assert _traffic(dp=1).reduce == 0.0


def test_data_ranks_of_experts_are_fewer() -> None:
    """8 data ranks, 4 expert ranks: 2 copies of an expert, four places apart. Shared weights 196,608 + 49,152 and
    256·8 of the router in four layers, 524,288 of embedding and head; 4·2 experts of 98,304 on a chip.
    """
    own = 4 * (196_608 + 49_152 + 2_048) + 524_288
    experts = 4 * 2 * 98_304
    found = _traffic(SPARSE, dp=8, ep=4)
    shared = inside(4 * own, 8) + inside(2 * own, 8)
    assert found.reduce == pytest.approx(shared + inside(4 * experts, 2) + inside(2 * experts, 2))
    # two tensor ranks that cut experts too leave two copies; of four data ranks
    own = 2 * (196_608 + 49_152 + 2_048) + 262_144
    experts = 4 * 4 * 98_304 / 2
    found = _traffic(SPARSE, dp=4, tp=2, ep=2, etp=2)
    shared = inside(4 * own, 4) + inside(2 * own, 4)
    assert found.reduce == pytest.approx(shared + inside(4 * experts, 2) + inside(2 * experts, 2))


def test_hybrid_sharding_reduces_what_is_left_over_its_groups() -> None:
    """Fully sharded over 4 of 8 chips: two groups, each chip reduces 4·2,883,584 / 4 bytes with one of the other."""
    own = 2_359_296 + 2 * 262_144
    outer = 2 * own / 2 / 42.5e9 + 2 * 5e-6 + 7e-6  # one step, counted twice for an all-reduce
    assert _traffic(dp=8, zero=3, shard=4).reduce == pytest.approx(outer)
    assert _traffic(dp=8, zero=3).reduce == 0.0


def test_groups_that_leave_a_domain() -> None:
    """Eight chips a domain; neighbours are tensor ranks, then context, expert and data ranks, then stages."""
    found = _traffic(SPARSE, tp=2, cp=2, dp=4, ep=4, shard=4)
    crosses = (found.tensor_crosses, found.context_crosses, found.expert_crosses, found.shard_crosses)
    assert crosses == (0.0, 0.0, 0.0, 0.0)
    assert found.reduce_crosses == 1.0  # 8 data and context ranks, two places apart
    assert _traffic(tp=16).tensor_crosses == 1.0
    assert _traffic(tp=4, dp=4).shard_crosses == 1.0
    assert _traffic(SPARSE, tp=4, etp=4, ep=4, dp=4).expert_crosses == 1.0
    assert _traffic(SPARSE, tp=4, ep=8, dp=4).expert_crosses == 0.0


def test_groups_that_were_placed() -> None:
    """Place 8 puts no group inside a domain; 1, 2 and 4 more the tensor ranks, the stages, the data ranks."""
    kept = {place: _traffic(tp=2, dp=2, pp=2, place=place) for place in (0, 8, 9, 10, 12)}
    assert [float(kept[p].tensor_crosses) for p in kept] == [0.0, 1.0, 0.0, 1.0, 1.0]
    assert [float(kept[p].reduce_crosses) for p in kept] == [0.0, 1.0, 1.0, 1.0, 0.0]
    near, far = 262_144 / 300e9 + 2e-6, 262_144 / 42.5e9 + 5e-6
    assert [float(kept[p].send) for p in kept] == pytest.approx([near, far, far, near, far])
    mixed = _traffic(tp=2, dp=2, pp=2, place=np.array([0.0, 8.0, 12.0]))
    assert mixed.reduce_crosses.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "within", "beyond"),
    [
        ("tensor", {"tp": 256}, {"tp": 1024}),
        ("context", {"tp": 4, "cp": 64}, {"tp": 4, "cp": 128}),
        ("expert", {"tp": 64, "etp": 64, "ep": 4, "dp": 4}, {"tp": 128, "etp": 128, "ep": 4, "dp": 4}),
        ("gather", {"tp": 4, "dp": 64, "zero": 3}, {"tp": 4, "dp": 128, "zero": 3}),
        ("scatter", {"tp": 4, "dp": 64, "zero": 3}, {"tp": 4, "dp": 128, "zero": 3}),
        ("send", {"tp": 4, "dp": 32, "pp": 2}, {"tp": 4, "dp": 64, "pp": 2}),
        ("reduce", {"tp": 4, "dp": 64}, {"tp": 4, "dp": 128}),
        ("reduce", {"tp": 4, "dp": 64, "ep": 4}, {"tp": 4, "dp": 128, "ep": 4}),
        ("reduce", {"tp": 4, "dp": 64, "zero": 3, "shard": 8}, {"tp": 4, "dp": 128, "zero": 3, "shard": 8}),
        ("reduce", {"tp": 4, "dp": 32, "place": 8 + 1}, {"tp": 4, "dp": 64, "place": 8 + 1}),
    ],
)
def test_groups_cross_the_leaves_of_a_tree_by_the_chips_that_they_span(
    name: str, within: dict[str, Any], beyond: dict[str, Any]
) -> None:
    """Leaves of 256 chips: 64 ranks with 4 tensor ranks each span 256, 128 span 512, though they are fewer than 256;
    64 that were placed in as many domains of 8 span 512, and a stage and the next one span both.
    """
    wide = FABRIC.model_copy(update={"outer_bandwidth": 1e6, "outer_latency_s": 0.0, "start_latency_s": 0.0})
    tree = wide.model_copy(update={"outer_kind": "fat-tree", "taper": 0.25, "taper_above": 256})
    fly = wide.model_copy(update={"outer_kind": "dragonfly"})
    shape = SPARSE if "ep" in within else DENSE
    for sizes, slower in ((within, (1, 1)), (beyond, (4, 2))):
        plain, tapered, left = (getattr(_traffic(shape, fabric=f, **sizes), name) for f in (wide, tree, fly))
        assert plain > 0
        assert (tapered / plain, left / plain) == pytest.approx(slower)
