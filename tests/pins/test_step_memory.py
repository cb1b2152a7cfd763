"""Bytes on a chip, worked out by hand for a small model (``plain``) of 4 layers, width 256 and sequences of 1,024."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from liebig.step.layout import Layouts
from liebig.step.memory import Memory, by_stage, layer_activations, memory, stage_parameters
from liebig.step.pipeline import SCHEDULE_NAMES
from liebig.transformer.shape import Shape
from pins.plain import DENSE, EAGER, FRAMEWORK, SPARSE

LIGHT = FRAMEWORK.model_copy(update={"recompute_light": True})


def test_parameters_of_a_stage() -> None:
    """589,824 in a layer, 2·262,144 of embedding and head, which are apart with a pipeline and one where tied."""
    assert [float(x) for x in stage_parameters(DENSE, Layouts.of())] == [2_359_296, 0, 524_288]
    assert [float(x) for x in stage_parameters(DENSE, Layouts.of(pp=2))] == [1_179_648, 0, 262_144]
    assert [float(x) for x in stage_parameters(DENSE, Layouts.of(pp=3, tp=2))] == [589_824, 0, 131_072]
    tied = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, ffn=512, gated_mlp=1, vocab=1024,
                    tied_embeddings=1)  # fmt: skip
    assert float(stage_parameters(tied, Layouts.of())[2]) == 262_144


def test_parameters_of_a_stage_with_experts() -> None:
    """Shared by data ranks: attention, the shared expert of 49,152 and 256·8 of the router; 8 experts of 98,304."""
    dense, experts, _ = stage_parameters(SPARSE, Layouts.of())
    assert (float(dense), float(experts)) == (4 * (196_608 + 49_152 + 2_048), 4 * 8 * 98_304)
    dense, experts, _ = stage_parameters(SPARSE, Layouts.of(tp=2, etp=2, ep=4))
    assert (float(dense), float(experts)) == (2 * (196_608 + 49_152 + 2_048), 4 * 98_304)
    # one layer of four is dense: it has an MLP of 393,216
    mixed = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, ffn=512, gated_mlp=1, n_experts=8,
                     top_k=2, moe_ffn=128, n_dense_layers=1)  # fmt: skip
    dense, experts, _ = stage_parameters(mixed, Layouts.of())
    assert (float(dense), float(experts)) == (4 * 196_608 + 393_216 + 3 * 2_048, 3 * 8 * 98_304)


def _per_token(
    s: Shape = DENSE, software: Any = FRAMEWORK, precision: str = "bf16", **sizes: Any
) -> tuple[float, float, float]:
    """Bytes of a layer for each token: all, without scores or light parts, its input."""
    every, unscored, entry = layer_activations(s, Layouts.of(**sizes), 1024.0, software, precision)
    return float(every) / 1024, float(unscored) / 1024, float(entry) / 1024


def test_activations_of_a_layer() -> None:
    """Outside of tensor parallelism (4 + 2·2)·256 = 2,048 bytes; inside 4·256 of queries and the output, 4·128 of keys
    and values, 6·512 of the MLP = 4,608. Its input has 2·256.
    """
    assert _per_token() == (6656, 6656, 512)
    assert _per_token(tp=2) == (3328, 3328, 256)
    assert _per_token(tp=2, sequence_parallel=0) == (2048 + 2304, 2048 + 2304, 512)
    assert _per_token(micro_batch=6, cp=2) == (3 * 6656, 3 * 6656, 3 * 512)


def test_what_is_gathered_is_kept_whole_unless_it_is_gathered_again() -> None:
    """With two ranks the other half of what two products read, 2·2·256·(1 - 1/2) = 512 bytes more."""
    assert _per_token(tp=2, regather=0) == (3840, 3840, 256)


def test_activations_in_other_precisions() -> None:
    """Eight bits: what products read has one byte: (4 + 2)·256, 3·256 + 4·128 and 5·512; four bytes double all."""
    assert _per_token(precision="fp8") == (1536 + 768 + 512 + 2560, 5376, 512)
    assert _per_token(precision="fp32") == (2 * 6656, 2 * 6656, 1024)
    assert _per_token(precision="tf32")[0] == 2 * 6656
    assert _per_token(precision="fp16")[0] == 6656


def test_scores_that_are_kept() -> None:
    """5 bytes for each of 4 heads and 1,024 keys a token; tensor ranks share the heads; doubled in four bytes."""
    assert _per_token(software=EAGER) == (6656 + 20_480, 6656, 512)
    assert _per_token(software=EAGER, tp=2)[0] == 3328 + 10_240
    assert _per_token(software=EAGER, precision="fp32")[0] == 2 * (6656 + 20_480)


def test_what_light_recomputation_frees() -> None:
    """The inputs of products after norms and the activation function: 2·(2·256 + 512) bytes a token."""
    assert _per_token(software=LIGHT) == (6656, 6656 - 2048, 512)
    assert _per_token(software=LIGHT, tp=2) == (3328, 3328 - 1024, 256)
    assert _per_token(software=LIGHT, tp=2, sequence_parallel=0)[1] == 4352 - 2 * (512 + 256)
    assert _per_token(software=LIGHT, precision="fp8")[1] == 5376 - 1024
    assert _per_token(software=LIGHT, precision="fp32")[1] == 2 * (6656 - 2048)


def test_what_dropout_and_norms_keep() -> None:
    """2 and 4 bytes for each of 256 numbers, outside of tensor parallelism."""
    more = FRAMEWORK.model_copy(update={"dropout_bytes": 2.0, "norm_bytes": 4.0})
    assert _per_token(software=more)[0] == 6656 + 6 * 256
    assert _per_token(software=more, tp=2)[0] == 3328 + 3 * 256


def test_activations_of_experts() -> None:
    """6·(64 + 2·128) of the experts and 4·2·256 of the sorted tokens in place of 6·512 of the MLP."""
    assert _per_token(SPARSE)[0] == 2048 + 1024 + 512 + 1920 + 2048
    assert _per_token(SPARSE, tp=2)[0] == (2048 + 1024 + 512 + 1920 + 2048) / 2
    assert _per_token(SPARSE, LIGHT)[1] == 7552 - 2 * (512 + 64 + 256)
    # two of the four layers dense: half of each
    mixed = replace(SPARSE, n_dense_layers=np.asarray(2.0), ffn=np.asarray(512.0))
    assert _per_token(mixed)[0] == 2048 + 1024 + 512 + 6 * 512 / 2 + (1920 + 2048) / 2


def test_activations_of_latent_attention() -> None:
    """Queries of 4·(32 + 32) numbers, keys and values 4·(32 + 96)/2: 4·256 + 4·256 bytes; MLP 6·512, outside 2,048."""
    s = Shape.of(n_layers=1, hidden=256, n_heads=4, n_kv_heads=4, ffn=512, gated_mlp=1, qk_nope_head_dim=32,
                 qk_rope_head_dim=32, v_head_dim=96, kv_lora_rank=128, mla=1)  # fmt: skip
    assert _per_token(s)[0] == 2048 + 1024 + 1024 + 3072


def _memory(
    s: Shape = DENSE, software: Any = FRAMEWORK, precision: str = "bf16", trained: float = 1.0, **sizes: Any
) -> Memory:
    return memory(s, Layouts.of(**sizes), 1024.0, software, precision, trained)


@pytest.mark.parametrize(
    ("zero", "weights", "gradients", "optimizer"),
    [
        (0, 2.0, 4.0, 12.0),
        (1, 2.0, 4.0, 12.0 / 8),
        (2, 2.0, 4.0 / 8, 12.0 / 8),
    ],
)
def test_states_of_a_dense_model(zero: int, weights: float, gradients: float, optimizer: float) -> None:
    """2, 4 and 12 bytes for each of 2,883,584 parameters, each spread over 8 chips from a stage of ZeRO on."""
    found = _memory(dp=8, zero=zero)
    n = 2_883_584
    assert (found.weights, found.gradients, found.optimizer) == pytest.approx(
        (weights * n, gradients * n, optimizer * n)
    )


def test_states_of_a_fully_sharded_model() -> None:
    """An eighth of all, and two layers of 589,824 and embedding and head gathered at a time, in two bytes."""
    found = _memory(dp=8, zero=3)
    assert found.weights == pytest.approx(2 * 2_883_584 / 8 + 2 * (2 * 589_824 + 524_288))
    assert found.gradients == pytest.approx(4 * 2_883_584 / 8)
    assert found.optimizer == pytest.approx(12 * 2_883_584 / 8)
    # a stage of a pipeline keeps what it gathered, and its gradients whole
    found = _memory(dp=4, zero=3, pp=2)
    own = 2 * 589_824 + 262_144
    assert found.weights == pytest.approx(2 * own / 4 + 2 * own)
    assert found.gradients == pytest.approx(4 * own)
    assert found.optimizer == pytest.approx(12 * own / 4)


def test_states_of_experts_are_spread_over_their_copies() -> None:
    """8 data ranks with 4 expert ranks: experts have 2 copies, the rest 8."""
    own, experts = 4 * (196_608 + 49_152 + 2_048) + 524_288, 4 * 2 * 98_304
    assert _memory(SPARSE, dp=8, ep=4).optimizer == pytest.approx(12 * (own / 8 + experts / 2))
    assert _memory(SPARSE, dp=4, cp=2, ep=4).optimizer == pytest.approx(12 * (own / 8 + experts / 2))
    found = _memory(SPARSE, dp=8, ep=4, zero=3)
    layer = (own - 524_288 + experts) / 4
    assert found.weights == pytest.approx(2 * (own / 8 + experts / 2) + 2 * (2 * layer + 524_288))
    assert _memory(SPARSE, dp=8, ep=4, zero=1, shard=4).optimizer == pytest.approx(12 * (own / 4 + experts / 2))
    assert _memory(SPARSE, dp=8, ep=2, zero=1, shard=2).optimizer == pytest.approx(12 * (own / 2 + experts))


def test_frozen_weights_and_states_in_the_host() -> None:
    found = _memory(dp=1, zero=0, trained=0.01)
    assert (found.gradients, found.optimizer) == pytest.approx((0.04 * 2_883_584, 0.12 * 2_883_584))
    assert _memory(offload=1).optimizer == 0.0


def test_two_copies_of_the_weights() -> None:
    """DualPipe keeps weights and gradients twice; sharded optimizer states are shared by twice as many ranks."""
    own = 2 * 589_824 + 262_144
    sizes = {"pp": 2, "dp": 4, "n_micro": 8, "schedule": SCHEDULE_NAMES.index("dualpipe")}
    found = _memory(**sizes)
    assert (found.weights, found.gradients) == pytest.approx((2 * 2 * own, 2 * 4 * own))
    assert found.optimizer == pytest.approx(12 * own / 4)
    assert _memory(zero=0, **sizes).optimizer == pytest.approx(2 * 12 * own)


def test_activations_of_the_fullest_rank() -> None:
    """Four layers of 6,656 bytes and 1,024 tokens, times 1.25 for fragments; of two stages the first holds two
    micro-batches of its two layers, of four the first four of its one.
    """
    layer = 6656 * 1024
    assert _memory().activations == pytest.approx(1.25 * 4 * layer)
    assert _memory(n_micro=8, pp=np.array([1, 2, 4])).activations == pytest.approx(1.25 * 4 * layer)
    assert _memory(n_micro=1, pp=2).activations == pytest.approx(1.25 * 2 * layer)
    # the last stage holds one micro-batch and the logits: where these are more, it is the fullest
    few = FRAMEWORK.model_copy(update={"logit_bytes": 1.0})
    assert _memory(n_micro=8, pp=2, software=few).logits == 0.0
    many = FRAMEWORK.model_copy(update={"logit_bytes": 100.0})
    found = _memory(n_micro=8, pp=2, software=many)
    assert (found.activations, found.logits) == pytest.approx((1.25 * 2 * layer, 100 * 1024 * 1024))


def test_recomputation() -> None:
    """Full keeps the input of each layer, 512 bytes a token, and all of the one that is computed again; half of the
    layers, half of each; light ones what light parts leave, and the light parts of one.
    """
    assert _memory(recompute=2).activations == pytest.approx(1.25 * 1024 * (4 * 512 + 6656))
    assert _memory(recompute=1.5).activations == pytest.approx(1.25 * 1024 * (2 * 512 + 2 * 6656 + 6656))
    assert _memory(recompute=1).activations == pytest.approx(1.25 * 1024 * 4 * 6656)
    assert _memory(recompute=1, software=LIGHT).activations == pytest.approx(1.25 * 1024 * (4 * 4608 + 2048))
    assert _memory(recompute=0, software=LIGHT).activations == pytest.approx(1.25 * 1024 * 4 * 6656)
    assert _memory(recompute=1.5, software=LIGHT).activations == pytest.approx(
        1.25 * 1024 * (2 * 512 + 2 * 4608 + 6656)
    )
    assert _memory(recompute=1, software=EAGER).activations == pytest.approx(1.25 * 1024 * 4 * 6656)


def test_logits_and_buffers() -> None:
    """12 bytes for each of 1,024 tokens and words, in shards on two ranks unless the loss needs all; 1 GB of context.

    The total is the sum of six.
    """
    found = _memory(zero=0)
    assert (found.logits, found.buffers) == pytest.approx((12 * 1024 * 1024, 1e9))
    assert _memory(tp=2).logits == pytest.approx(6 * 1024 * 1024)
    whole = FRAMEWORK.model_copy(update={"vocab_parallel": False})
    assert _memory(tp=2, micro_batch=3, cp=2, software=whole).logits == pytest.approx(18 * 1024 * 1024)
    assert found.total == pytest.approx(18 * 2_883_584 + 1.25 * 4 * 6656 * 1024 + 12 * 1024 * 1024 + 1e9)


def test_stages_one_by_one() -> None:
    """1F1B of two stages: 2 and 1 micro-batches of two layers, logits on the last. DualPipe: 3 on both, both ends."""
    layer, logits = 1.25 * 2 * 6656 * 1024, 12 * 1024 * 1024
    rows = by_stage(DENSE, Layouts.of(pp=2, n_micro=8, zero=0), 1024.0, FRAMEWORK)
    states = 18 * (2 * 589_824 + 262_144)
    assert [r["stage"] for r in rows] == [0, 1]
    assert [r["states"] for r in rows] == pytest.approx([states, states])
    assert [r["activations"] for r in rows] == pytest.approx([2 * layer, layer])
    assert [r["logits"] for r in rows] == [0.0, logits]
    assert [r["buffers"] for r in rows] == [1e9, 1e9]
    dual = Layouts.of(pp=2, n_micro=8, schedule=SCHEDULE_NAMES.index("dualpipe"))
    rows = by_stage(DENSE, dual, 1024.0, FRAMEWORK)
    assert [r["activations"] for r in rows] == pytest.approx([3 * layer, 3 * layer])
    assert [r["logits"] for r in rows] == [logits, logits]
    assert memory(DENSE, dual, 1024.0, FRAMEWORK).logits == logits
