"""Work of a layer and of the head on a chip with round speeds (``plain``), worked out by hand.

The sequence has 1,024 tokens, the micro-batch one sequence, unless a test says otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from liebig.catalog import constant
from liebig.cluster.chip import Chip
from liebig.step.head import HeadWork, head_work
from liebig.step.layer import Products, Work, activation_width, blend, layer_work, products
from liebig.step.layout import Layouts
from liebig.transformer.shape import Shape
from pins.plain import CHIP, DENSE, EAGER, FABRIC, FRAMEWORK, SPARSE, inside, table


def _work(s: Shape = DENSE, software: Any = FRAMEWORK, precision: str = "bf16", **sizes: Any) -> Work:
    sparse = bool(np.any(s.n_experts > 0))
    return layer_work(CHIP, precision, s, Layouts.of(**sizes), 1024.0, software, sparse)


def test_products_are_the_forward_pass_and_its_two_gradients() -> None:
    """Each of the three products has its own speed: (64, 128, 256) forward, (64, 256, 128) for the gradient of the
    input, (256, 128, 64) for that of the weights; each is 2·64·128·256 = 4,194,304 FLOP.
    """
    speeds = {(64, 128, 256): 1e12, (64, 256, 128): 2e12, (256, 128, 64): 4e12}
    timed = table(lambda m, n, k: speeds.get((m, n, k), 8e12), (64, 128, 256))
    machine = Chip(
        name="uneven", peak_bf16=8e12, memory_bytes=1e11, memory_bandwidth=1e15, matmul_measured={"bf16": timed}
    )
    m, n, k = (np.array(float(x)) for x in (64, 128, 256))
    found = products(machine, "bf16", m, n, k)
    assert found.forward == pytest.approx(4.194304e-6, rel=1e-5)  # the edge of a table is met to some 1e-6
    assert found.backward == pytest.approx(2.097152e-6, rel=1e-5)
    assert found.weights == pytest.approx(1.048576e-6, rel=1e-5)
    assert products(machine, "bf16", m, n, k, 0.0).weights == 0.0


def test_products_add_up_and_are_chosen_by_place() -> None:
    one, two = (Products(*(np.array([x, 2 * x, 3 * x]) for x in (y, 10 * y, 100 * y))) for y in (1.0, 5.0))
    both = one + two
    assert both.forward.tolist() == [6.0, 12.0, 18.0]
    assert both.backward.tolist() == [60.0, 120.0, 180.0]
    assert both.weights.tolist() == [600.0, 1200.0, 1800.0]
    chosen = one.where(np.array([True, False, True]), two)
    assert chosen.forward.tolist() == [1.0, 10.0, 3.0]
    assert chosen.weights.tolist() == [100.0, 1000.0, 300.0]


def test_activations_have_the_width_of_their_precision() -> None:
    """Four bytes in single precision, else two, as what is narrower is narrow in products only."""
    assert [activation_width(p) for p in ("fp32", "tf32", "fp16", "bf16", "fp8", "nvfp4")] == [4, 4, 2, 2, 2, 2]


def test_a_blend_is_the_mean_of_two_kinds_of_layers() -> None:
    """A quarter of layers that take 5 s among layers that take 1 s: 0.75·1 + 0.25·5 = 2 s."""
    one, five = (Work(*(np.array(x) for _ in range(10))) for x in (1.0, 5.0))
    found = blend(one, five, np.array(0.25))
    assert found.matmul_forward == found.ideal == found.scores_backward == 2.0


def test_products_of_a_dense_layer() -> None:
    """2·1,024 FLOP for each of 196,608 + 393,216 = 589,824 weights are 1,207,959,552; at the peak of 1e12 as well.

    Two tensor ranks halve all; of four, each needs a key-value head of its own, though there are but two:
    256·(64 + 2·64) + 64·256 = 65,536 weights of attention and 98,304 of the MLP are 335,544,320 FLOP.
    """
    for passes in ("forward", "backward", "weights"):
        assert getattr(_work(), f"matmul_{passes}") == pytest.approx(1.207959552e-3)
        found = getattr(_work(tp=np.array([2.0, 4.0])), f"matmul_{passes}")
        assert found == pytest.approx([0.603979776e-3, 0.33554432e-3])
    assert _work().ideal == pytest.approx(1.207959552e-3)
    assert _work(tp=2, micro_batch=6, cp=3).ideal == pytest.approx(2 * 0.603979776e-3)


def test_frozen_weights_need_no_gradient() -> None:
    """No third product and no sums of gradients: 4,864 numbers of two bytes for each of 1,024 tokens."""
    found = layer_work(CHIP, "bf16", DENSE, Layouts.of(), 1024.0, FRAMEWORK, False, 0.0)
    assert found.matmul_weights == 0.0
    assert found.matmul_backward == pytest.approx(1.207959552e-3)
    assert found.stream_backward == pytest.approx(constant("step.stream_backward") * 2 * 1024 * 4864 / 1e12)


def test_a_plain_mlp_has_two_matrices() -> None:
    """256·512·2 = 262,144 weights and 196,608 of attention: 2·1,024·458,752 = 939,524,096 FLOP."""
    plain = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, ffn=512)
    assert _work(plain).matmul_forward == pytest.approx(0.939524096e-3)


def test_weights_cut_in_two_dimensions() -> None:
    """64 ranks are a square of 8 by 8, each side cuts: attention has 64·(8·64 + 2·64) + 512·64 = 73,728 weights on a
    rank (64 heads of 64, 8 key-value heads), the MLP of 1,024 columns 64·256 + 128·64 = 24,576.
    """
    wide = Shape.of(n_layers=1, hidden=512, n_heads=64, n_kv_heads=8, head_dim=64, ffn=1024, gated_mlp=1)
    assert _work(wide, tp=64).matmul_forward == pytest.approx(2 * 1024 * (73_728 + 24_576) / 1e12)


def test_latent_attention_has_five_products() -> None:
    """Down to ranks of 96 and 128 with 32 numbers of position: 256·(96 + 128 + 32) weights; queries of 4 heads of
    32 + 32 numbers: 96·256; keys of 32 and values of 64 numbers: 128·4·(32 + 64); out: 4·64·256; MLP as above.

    Without a rank of queries they come from all 256 numbers.
    """
    latent = {"qk_nope_head_dim": 32, "qk_rope_head_dim": 32, "v_head_dim": 64, "kv_lora_rank": 128, "mla": 1}
    sizes = {"n_layers": 1, "hidden": 256, "n_heads": 4, "n_kv_heads": 4, "ffn": 512, "gated_mlp": 1, **latent}
    rest = 256 * (128 + 32) + 128 * 4 * (32 + 64) + 4 * 64 * 256 + 393_216
    ranked = Shape.of(q_lora_rank=96, **sizes)
    assert _work(ranked).matmul_forward == pytest.approx(2 * 1024 * (96 * 256 + 256 * 96 + rest) / 1e12)
    assert _work(Shape.of(**sizes)).matmul_forward == pytest.approx(2 * 1024 * (256 * 256 + rest) / 1e12)
    # of two tensor ranks each compresses all and has half of the heads
    halves = 48 * 256 + 256 * 96 + 256 * (128 + 32) + (128 * 4 * (32 + 64) + 4 * 64 * 256 + 393_216) / 2
    assert _work(ranked, tp=2).matmul_forward == pytest.approx(2 * 1024 * halves / 1e12)


def test_experts_multiply_their_share_of_the_tokens() -> None:
    """2,048 routed tokens on 8 experts: 8·(2·256·98,304) FLOP; shared 2·1,024·49,152; attention 2·1,024·196,608.

    With two tensor ranks and two expert ranks each routes half of the tokens to half of the experts.
    """
    assert _work(SPARSE).matmul_forward == pytest.approx(905_969_664 / 1e12)
    assert _work(SPARSE).ideal == pytest.approx(905_969_664 / 1e12)
    half = _work(SPARSE, tp=2, ep=2)
    assert half.matmul_forward == pytest.approx((4 * 2 * 256 * 98_304 + 1024 * 49_152 + 1024 * 196_608) / 1e12)
    assert half.ideal == pytest.approx(452_984_832 / 1e12)
    # cut by tensor ranks instead: all tokens, half of each expert
    cut = _work(SPARSE, tp=2, etp=2)
    assert cut.matmul_forward == pytest.approx((8 * 2 * 256 * 49_152 + 1024 * 49_152 + 1024 * 196_608) / 1e12)
    alone = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, gated_mlp=1, n_experts=8, top_k=2,
                     moe_ffn=128)  # fmt: skip
    assert _work(alone).matmul_forward == pytest.approx((905_969_664 - 2 * 1024 * 49_152) / 1e12)


def test_experts_are_as_fast_as_their_rows() -> None:
    """2,048 routed tokens on 8 experts are 256 rows each, on the 4 of one of two ranks 512, on 2 of four 1,024; with
    256 rows products run at 1e12 FLOP/s, with 512 at 2e12 and with 1,024 or more at 4e12.
    """
    timed = table(lambda m, n, k: {256: 1e12, 512: 2e12, 1024: 4e12}[m], (256, 512, 1024))
    machine = Chip(
        name="rows", peak_bf16=8e12, memory_bytes=1e11, memory_bandwidth=1e15, matmul_measured={"bf16": timed}
    )
    alone = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, gated_mlp=1, n_experts=8, top_k=2,
                     moe_ffn=128)  # fmt: skip

    def seconds(**sizes: Any) -> float:
        return float(layer_work(machine, "bf16", alone, Layouts.of(**sizes), 1024.0, FRAMEWORK, True).matmul_forward)

    rest = 2 * 1024 * 196_608 / 4e12  # attention of 1,024 tokens
    assert seconds() - rest == pytest.approx(8 * 2 * 256 * 98_304 / 1e12, rel=1e-5)
    assert seconds(ep=2) - rest == pytest.approx(4 * 2 * 512 * 98_304 / 2e12, rel=1e-5)
    assert seconds(ep=4) - rest == pytest.approx(2 * 2 * 1024 * 98_304 / 4e12, rel=1e-5)
    # more ranks than experts: each has one, and what all ranks route to it
    assert seconds(ep=16) - rest == pytest.approx(2 * 2048 * 98_304 / 4e12, rel=1e-5)


def test_grouped_products_are_slower_on_systolic_arrays() -> None:
    """On a TPU whose memory takes no time: experts take ``step.grouped_on_arrays`` as long, at 0.9 of the peak."""
    tpu = Chip(name="array", vendor="Google", peak_bf16=1e12, memory_bytes=1e11, memory_bandwidth=1e30)
    alone = Shape.of(n_layers=1, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, gated_mlp=1, n_experts=8, top_k=2,
                     moe_ffn=128)  # fmt: skip
    found = layer_work(tpu, "bf16", alone, Layouts.of(), 1024.0, FRAMEWORK, True)
    experts = constant("step.grouped_on_arrays") * 8 * 2 * 256 * 98_304
    assert found.matmul_forward == pytest.approx((experts + 2 * 1024 * 196_608) / 0.9e12)


def test_fused_attention() -> None:
    """4·1,024 queries·4 heads·64·512 keys (half of the square) = 536,870,912 FLOP at 5e11 per second; 5/2 backward.

    Windows of 256 on half of the layers: the mean of 512 and 256 - 256²/2,048 = 224 keys is 368.
    """
    found = _work()
    assert found.attention_forward == pytest.approx(1.073741824e-3)
    assert found.attention_backward == pytest.approx(2.68435456e-3)
    assert found.scores_forward == found.scores_backward == 0.0
    local = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, window=256, full_attention_every=2)
    assert _work(local).attention_forward == pytest.approx(1.073741824e-3 * 368 / 512)
    assert _work(micro_batch=2, tp=2, cp=4).attention_forward == pytest.approx(1.073741824e-3 / 4)


def test_fused_attention_of_two_widths() -> None:
    """Latent attention multiplies keys of 32 + 32 and values of 96 numbers: 80 on average, next to 64 above."""
    s = Shape.of(n_layers=1, hidden=256, n_heads=4, n_kv_heads=4, qk_nope_head_dim=32, qk_rope_head_dim=32,
                 v_head_dim=96, kv_lora_rank=128, mla=1)  # fmt: skip
    assert _work(s).attention_forward == pytest.approx(1.073741824e-3 * 80 / 64)


def test_attention_whose_scores_go_through_memory() -> None:
    """Two products of (4,096, 64) with (64, 1,024), the whole square: 1,073,741,824 FLOP; twice that backward.

    27 bytes for each of 4,096·1,024 scores forward, ``step.scores_backward`` as many backward; with windows as above
    the rows have (1,024 + 256) / 2 = 640 scores.
    """
    found = _work(software=EAGER)
    assert found.attention_forward == pytest.approx(1.073741824e-3)
    assert found.attention_backward == pytest.approx(2.147483648e-3)
    assert found.scores_forward == pytest.approx(27 * 4096 * 1024 / 1e12)
    assert found.scores_backward == pytest.approx(constant("step.scores_backward") * 27 * 4096 * 1024 / 1e12)
    local = Shape.of(n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, window=256, full_attention_every=2)
    assert _work(local, EAGER).attention_forward == pytest.approx(1.073741824e-3 * 640 / 1024)
    assert _work(local, EAGER).scores_forward == pytest.approx(27 * 4096 * 640 / 1e12)


def _numbers(precision: str = "bf16", s: Shape = DENSE, **sizes: Any) -> float:
    """Numbers that element-wise kernels move for each token of 1,024, from the time of two bytes each at 1e12 B/s."""
    return float(_work(s, FRAMEWORK, precision, **sizes).stream_forward) * 1e12 / 2 / 1024


def test_numbers_moved_outside_of_products() -> None:
    """10·256 + 2·(256 + 128) + 3·512 = 4,864; with two tensor ranks half of it, but the norms' 2,560 stay where the
    sequence is not cut. Experts: 2,560 + 768 + 3·(2·128 + 64), to and fro 4·2·256, scores of the router 4·8 = 6,368.
    In eight bits 1.5·(2·256 + 256 + 512) = 1,920 more.
    """
    assert _numbers() == pytest.approx(4864)
    assert _numbers(tp=2) == pytest.approx(2432)
    assert _numbers(tp=2, sequence_parallel=0) == pytest.approx(3712)
    assert _numbers("fp8") == pytest.approx(6784)
    assert _numbers("fp8", tp=2) == pytest.approx(3392)
    assert _numbers(s=SPARSE) == pytest.approx(6368)
    assert _numbers(s=SPARSE, tp=2, ep=2) == pytest.approx(1280 + 384 + 480 + 1024 + 16)
    assert float(_work(precision="fp32").stream_forward) == pytest.approx(4 * 1024 * 4864 / 1e12)
    slower = FRAMEWORK.model_copy(update={"stream_passes": 1.5})
    assert float(_work(software=slower).stream_forward) == pytest.approx(1.5 * 2 * 1024 * 4864 / 1e12)


def test_memory_traffic_of_the_backward_pass() -> None:
    """``step.stream_backward`` as many bytes, and 8 bytes to add up the gradient of each of 589,824 weights.

    A chip with experts adds up those of all it holds: 196,608 + 8·98,304 + 49,152 = 1,032,192; of four expert ranks
    each holds two; tensor ranks of experts halve theirs.
    """
    back = constant("step.stream_backward")
    assert _work().stream_backward == pytest.approx((back * 9_961_472 + 8 * 589_824) / 1e12)
    moved = 2 * 1024 * 6368
    assert _work(SPARSE).stream_backward == pytest.approx((back * moved + 8 * 1_032_192) / 1e12)
    assert _work(SPARSE, ep=4).stream_backward == pytest.approx(
        (back * moved + 8 * (196_608 + 2 * 98_304 + 49_152)) / 1e12
    )
    moved = 2 * 1024 * (1280 + 384 + 480 + 1024 + 16)
    assert _work(SPARSE, tp=2, etp=2).stream_backward == pytest.approx((back * moved + 8 * 1_032_192 / 2) / 1e12)


def _head(software: Any = FRAMEWORK, weights: float = 1.0, precision: str = "bf16", **sizes: Any) -> HeadWork:
    return head_work(CHIP, FABRIC, DENSE, Layouts.of(**sizes), 1024.0, software, weights, precision)


def test_the_output_head_is_a_product_and_two_gradients() -> None:
    """3·2·1,024 tokens·1,024 columns·256 = 1,610,612,736 FLOP; half of it with two tensor ranks, 2/3 where frozen."""
    assert _head().matmul == pytest.approx(1.610612736e-3)
    assert _head().ideal == pytest.approx(1.610612736e-3)
    assert _head(tp=2).ideal == pytest.approx(0.805306368e-3)
    assert _head(tp=2, micro_batch=3, cp=3).matmul == pytest.approx(0.805306368e-3)
    assert _head(weights=0.0).matmul == pytest.approx(2 / 3 * 1.610612736e-3)
    assert _head(weights=0.0).ideal == pytest.approx(2 / 3 * 1.610612736e-3)
    # not narrower than two bytes, and wide where the model is: an eighth of the peak in single precision
    assert _head(precision="fp8").ideal == pytest.approx(1.610612736e-3)
    assert _head(precision="fp32").ideal == pytest.approx(8 * 1.610612736e-3)


def test_the_embedding_is_read_and_its_gradient_written() -> None:
    """``step.embedding_passes`` numbers of two bytes for each token and width, 2 + 8 bytes for each of 262,144 weights.

    Two tensor ranks halve both; without sequence parallelism each still moves every token.
    """
    passes = constant("step.embedding_passes")
    assert _head().embedding == pytest.approx((passes * 2 * 1024 * 256 + 10 * 262_144) / 1e12)
    assert _head(tp=2).embedding == pytest.approx((passes * 1024 * 256 + 10 * 131_072) / 1e12)
    whole = _head(tp=2, sequence_parallel=0).embedding
    assert whole == pytest.approx((passes * 2 * 1024 * 256 + 10 * 131_072) / 1e12)
    assert _head(weights=0.0).embedding == pytest.approx(passes * 2 * 1024 * 256 / 1e12)
    wide = _head(precision="fp32").embedding
    assert wide == pytest.approx((passes * 4 * 1024 * 256 + 10 * 262_144) / 1e12)
    assert _head(micro_batch=2).embedding == pytest.approx((passes * 4 * 1024 * 256 + 10 * 262_144) / 1e12)


def test_the_loss_reads_its_logits_gathered_or_in_shards() -> None:
    """40 bytes for each of 1,024·1,024 logits, or of half of them on two ranks; gathered they are 2 MiB and whole."""
    assert _head().loss == pytest.approx(40 * 1024 * 1024 / 1e12)
    assert _head(tp=2).loss == pytest.approx(20 * 1024 * 1024 / 1e12)
    assert _head(tp=2).gather == 0.0
    whole = FRAMEWORK.model_copy(update={"vocab_parallel": False})
    assert _head(whole, tp=2).loss == pytest.approx(40 * 1024 * 1024 / 1e12)
    assert _head(whole, tp=2).gather == pytest.approx(inside(2 * 1024 * 1024, 2))
