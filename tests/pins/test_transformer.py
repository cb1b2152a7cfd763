"""Arithmetic of transformers, worked out by hand for a model of a few numbers.

``TINY``: two layers of width 8, 4 heads of 2 that share 2 key-value heads, an MLP of 12, 10 words.
Attention has 8·(8 + 2·4) + 8·8 = 192 weights; an MLP 8·12·2 = 192, or 288 when gated.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liebig.errors import InputError, RangeError, UnknownNameError
from liebig.transformer.architecture import (
    Architecture,
    architecture,
    architecture_from_fields,
    architecture_names,
    architecture_of_size,
    published_year,
    sparse_of_size,
)
from liebig.transformer.arithmetic import (
    activation_bytes,
    active_parameters,
    attention_context,
    attention_flops,
    attention_parameters,
    embedding_parameters,
    expert_parameters,
    flops_per_token,
    kv_cache_bytes_per_token,
    matmul_flops,
    mlp_parameters,
    parameters,
)
from liebig.transformer.huggingface import fields_of_config, read_config
from liebig.transformer.shape import Shape, stack
from liebig.transformer.summary import summarise

SIZES = {"n_layers": 2, "hidden": 8, "n_heads": 4, "n_kv_heads": 2, "head_dim": 2, "ffn": 12, "vocab": 10}
#: Three layers, the first dense; five experts of 6, two of them used, and a shared one of 4.
MIXTURE = SIZES | {
    "n_layers": 3, "n_dense_layers": 1, "n_experts": 5, "top_k": 2, "moe_ffn": 6, "shared_ffn": 4, "gated_mlp": 1,
}  # fmt: skip
#: Keys of 3 + 1, values of 5, ranks of 6 for queries and 7 for keys and values.
LATENT = SIZES | {
    "mla": 1, "q_lora_rank": 6, "kv_lora_rank": 7, "qk_nope_head_dim": 3, "qk_rope_head_dim": 1, "v_head_dim": 5,
}  # fmt: skip


def _shape(sizes: dict[str, Any] = SIZES, **changes: Any) -> Shape:
    return Shape.of(**(sizes | changes))


def test_weights_of_attention() -> None:
    """Biases: 8 + 2·4 + 8; a projection of positions: 8·8."""
    assert attention_parameters(_shape()) == 192
    assert attention_parameters(_shape(attention_bias=1)) == 192 + 24
    assert attention_parameters(_shape(relative_positions=1)) == 192 + 64
    assert attention_parameters(_shape(n_kv_heads=np.array([1, 4]))).tolist() == [160, 256]


def test_weights_of_latent_attention() -> None:
    """Queries 8·6 + 6·4·4; down 8·(7 + 1); up 7·4·(3 + 5); out 4·5·8. Without a rank, queries 8·4·4."""
    assert attention_parameters(_shape(LATENT)) == 48 + 96 + 64 + 224 + 160
    assert attention_parameters(_shape(LATENT, q_lora_rank=0)) == 128 + 64 + 224 + 160


def test_weights_of_mlps_experts_and_embeddings() -> None:
    assert mlp_parameters(_shape()) == 192
    assert mlp_parameters(_shape(gated_mlp=1)) == 288
    assert expert_parameters(_shape(MIXTURE)) == 8 * 6 * 3
    assert embedding_parameters(_shape()) == 160
    assert embedding_parameters(_shape(tied_embeddings=1, learned_positions=16)) == 80 + 128


def test_all_weights() -> None:
    """2·(192 + 192) in layers, 160 of embeddings, norms of 8: two a layer and one, with biases twice that."""
    assert parameters(_shape()) == active_parameters(_shape()) == 768 + 160 + 40
    assert parameters(_shape(attention_bias=1)) == 768 + 48 + 160 + 80


def test_all_weights_of_a_mixture() -> None:
    """Attention 3·192, a dense MLP of 288, two layers of 5·144, shared 96 and router 40; 160 and 7·8 besides.

    Three experts of a layer are idle.
    """
    assert parameters(_shape(MIXTURE)) == 576 + 288 + 2 * (720 + 96 + 40) + 160 + 56
    assert active_parameters(_shape(MIXTURE)) == 576 + 288 + 2 * (288 + 96 + 40) + 160 + 56
    assert active_parameters(_shape(MIXTURE, top_k=6)) == parameters(_shape(MIXTURE))


def test_operations_of_products() -> None:
    """Two for each weight that multiplies: layers and head, not the look-up of the embedding."""
    assert matmul_flops(_shape()) == 2 * (768 + 80)
    assert matmul_flops(_shape(MIXTURE)) == 2 * (576 + 288 + 2 * (288 + 96 + 40) + 80)
    assert matmul_flops(_shape(tied_embeddings=1)) == 2 * (768 + 80)


def test_keys_that_a_query_meets() -> None:
    """Half of a causal sequence; with a window of w tokens w - w²/2n; all of it otherwise."""
    assert attention_context(100) == 50
    assert attention_context(100, np.array([20, 200])).tolist() == [18, 50]
    assert attention_context(100, np.array([0, 20, 200]), causal=False).tolist() == [100, 20, 100]


def test_operations_of_attention() -> None:
    """4·4 heads·2 numbers·50 keys in each of two layers; half of the layers with a window of 20; latent widths
    (3 + 1 + 5)/2.
    """
    assert attention_flops(_shape(), 100) == 4 * 4 * 2 * 50 * 2
    assert attention_flops(_shape(), 100, causal=False) == 4 * 4 * 2 * 100 * 2
    local = _shape(window=20, full_attention_every=2)
    assert attention_flops(local, 100) == 4 * 4 * 2 * (50 + 18)
    assert attention_flops(local, 100, causal=False) == 4 * 4 * 2 * (100 + 20)
    assert attention_flops(_shape(LATENT), 100) == 4 * 4 * 4.5 * 50 * 2


@pytest.mark.parametrize(
    ("convention", "flop"),
    [
        ("model", 3 * (1696 + 3200)),
        ("model-noncausal", 3 * (1696 + 6400)),
        ("6n", 6 * 968),
        ("6n-active", 6 * 968),
        ("palm", 6 * 968 + 12 * 2 * 4 * 2 * 100),
        ("megatron", 72 * 2 * 64 * (1 + 100 / 48 + 10 / 192)),
        ("megatron-hardware", 96 * 2 * 64 * (1 + 100 / 48 + 10 / 256)),
        ("hardware-full", 4 * (1696 + 6400)),
        ("lora", 2 * (1696 + 3200)),
    ],
)
def test_operations_of_a_trained_token(convention: str, flop: float) -> None:
    """From 1,696 of products and 3,200 of causal attention over 100 tokens; 968 weights."""
    assert flops_per_token(_shape(), 100, convention) == pytest.approx(flop)


def test_conventions_count_experts_that_are_used() -> None:
    """576 + 288 + 848 + 216 = 1,928 weights of 2,792."""
    assert flops_per_token(_shape(MIXTURE), 100, "6n") == 6 * 2792
    assert flops_per_token(_shape(MIXTURE), 100, "6n-active") == 6 * 1928
    assert flops_per_token(_shape(MIXTURE), 100, "palm") == 6 * 1928 + 12 * 3 * 4 * 2 * 100


def test_activations_of_a_micro_batch() -> None:
    """8·8 + 4·8 + 4·4 + 4·12 = 160 bytes a token and layer; full recomputation keeps 2·8; gated MLPs 6·12.

    Selective recomputation drops 4·8 of the norms and 2·12 of the activation function.
    """
    assert activation_bytes(_shape(), 100) == 100 * 2 * 160
    assert activation_bytes(_shape(), 100, 3, "selective") == 300 * 2 * 104
    assert activation_bytes(_shape(), 100, 3, "full") == 300 * 2 * 16
    assert activation_bytes(_shape(gated_mlp=1), 100) == 100 * 2 * 184
    with pytest.raises(UnknownNameError, match="full"):
        activation_bytes(_shape(), 100, recompute="ful")


def test_activations_of_a_mixture_and_of_latent_attention() -> None:
    """Experts: 6·(4 + 2·6) and 4·2·8 of sorted tokens in two of three layers; the dense one 6·12.

    Latent: queries of 4·4 numbers, keys and values 4·(3 + 5)/2 = 16.
    """
    assert activation_bytes(_shape(MIXTURE), 100) == pytest.approx(100 * (3 * 112 + 72 + 2 * (96 + 64)))
    assert activation_bytes(_shape(LATENT), 100) == 100 * 2 * (64 + 64 + 64 + 48)


def test_the_cache_of_a_token() -> None:
    """Keys and values of two heads of two, two bytes each, in two layers; latent: 7 + 1 numbers."""
    assert kv_cache_bytes_per_token(_shape()) == 2 * 8 * 2
    assert kv_cache_bytes_per_token(_shape(), 1.0) == 2 * 8
    assert kv_cache_bytes_per_token(_shape(LATENT)) == 2 * 8 * 2


def test_layers_of_each_kind() -> None:
    """Every second of five layers after the first is sparse: 4/2; every third of seven: ⌈7/3⌉; windows: ⌊7/3⌋ full."""
    assert _shape(n_layers=5, n_dense_layers=1, n_experts=4, moe_every=2).n_moe_layers == 2
    assert _shape(n_layers=7, n_experts=4, moe_every=3).n_moe_layers == 3
    assert _shape(n_layers=7, moe_every=3).n_moe_layers == 0
    assert _shape(n_layers=7, window=9, full_attention_every=3).n_full_layers == 2
    assert _shape(n_layers=7, window=9, full_attention_every=0).n_full_layers == 0
    assert _shape(n_layers=7, window=0, full_attention_every=3).n_full_layers == 7
    assert _shape(n_layers=7, window=9).n_full_layers == 7  # unless it is told, all


def test_shapes_stacked_and_taken() -> None:
    both = stack([_shape(), _shape(hidden=16)])
    assert both.hidden.tolist() == [8, 16]
    assert parameters(both).tolist() == [968, 2 * (16 * 16 + 64 * 2 + 2 * 16 * 12) + 320 + 80]
    assert both.take(1).hidden == 16
    assert both.take([1, 0]).ffn.tolist() == [12, 12]
    with pytest.raises(ValueError, match="no shape to stack"):
        stack([])


def test_the_rows_of_a_summary() -> None:
    model = Architecture(gated_mlp=False, **SIZES)
    rows = {r["quantity"]: r["value"] for r in summarise(model, 100.0, 3.0)}
    assert rows["parameters"] == rows["active parameters"] == 968
    assert rows["FLOP per trained token, model"] == 3 * (1696 + 3200)
    assert rows["FLOP per token read"] == 1696 + 3200
    assert rows["FLOP per token written"] == 1696 + 6400
    assert rows["weights in two bytes"] == rows["weights read per token written"] == 1936
    assert rows["cache per token of context"] == 32
    assert rows["states in training"] == 18 * 968
    assert [rows[f"activations of a micro-batch, recompute {k}"] for k in ("none", "selective", "full")] == [
        300 * 2 * 160, 300 * 2 * 104, 300 * 2 * 16,
    ]  # fmt: skip
    mixture = {r["quantity"]: r for r in summarise(Architecture(**{**MIXTURE, "gated_mlp": True}))}
    assert mixture["weights read per token written"]["value"] == 2 * 1928
    assert mixture["states in training"]["unit"] == "B"


# ---- models from a few numbers


@pytest.mark.parametrize(
    ("given", "heads", "width", "ffn"),
    [
        ({"hidden": 4096}, 32, 128, 11_008),  # 256·⌈8·4,096/3/256⌉, as in Llama 7B
        ({"hidden": 1024}, 8, 128, 2816),
        ({"hidden": 1023}, 16, 63, 2816),  # 1,023/64 heads
        ({"hidden": 512, "gated_mlp": False}, 8, 64, 2048),
        ({"hidden": 512, "head_dim": 32}, 16, 32, 1536),
        ({"hidden": 512, "n_heads": 4}, 4, 128, 1536),
        ({"hidden": 40}, 1, 40, 256),
    ],
)
def test_what_is_left_out_follows(given: dict[str, Any], heads: int, width: int, ffn: int) -> None:
    a = Architecture(n_layers=2, **given)
    assert (a.n_heads, a.n_kv_heads, a.head_dim, a.ffn) == (heads, heads, width, ffn)
    assert (a.vocab, a.is_moe) == (32_000, False)


def test_experts_take_the_width_of_the_mlp() -> None:
    assert Architecture(n_layers=2, hidden=512, n_experts=4, top_k=1).moe_ffn == 2048
    assert Architecture(n_layers=2, hidden=512, n_experts=1, top_k=1).moe_ffn == 2048
    a = Architecture(n_layers=2, hidden=512, n_experts=4, top_k=1, ffn=700)
    assert (a.moe_ffn, a.ffn, a.is_moe) == (700, 700, True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n_heads": 4, "n_kv_heads": 3}, "n_heads 4 is not a multiple of n_kv_heads 3"),
        ({"n_experts": 4, "top_k": 0}, "top_k 0 must lie between 1 and n_experts 4"),
        ({"n_experts": 4, "top_k": 5}, "top_k 5 must lie between 1 and n_experts 4"),
        ({"n_dense_layers": 3}, "n_dense_layers 3 exceeds n_layers 2"),
        ({"mla": True, "kv_lora_rank": 4, "qk_nope_head_dim": 4}, "latent attention needs"),
        ({"mla": True, "kv_lora_rank": 4, "v_head_dim": 4}, "latent attention needs"),
        ({"mla": True, "qk_nope_head_dim": 4, "v_head_dim": 4}, "latent attention needs"),
        ({"hidden": 0}, r"hidden: .* \(got 0\)"),
        ({"hidden": None}, "hidden is missing"),
    ],
)
def test_impossible_models(change: dict[str, Any], told: str) -> None:
    fine = {"n_layers": 2, "hidden": 512}
    assert architecture_from_fields(fine).n_layers == 2
    assert architecture_from_fields(fine | {"n_experts": 4, "top_k": 4, "n_dense_layers": 2}).top_k == 4
    with pytest.raises(InputError, match=f"^mine: .*{told}"):
        architecture_from_fields(fine | change, "mine")


def test_models_by_name() -> None:
    """A point between digits counts, other signs do not."""
    assert architecture("llama 3.1 405b") is architecture("Llama3.1-405B")
    assert architecture("GPT3-1.3B").name != architecture("GPT3-13B").name
    assert published_year("llama2 7b") == 2023
    assert published_year("nobody's") is None
    assert set(architecture_names()) >= {"Llama2-7B", "DeepSeek-V3-671B"}
    deep = architecture("DeepSeek-V3-671B")
    assert (deep.mla, deep.n_dense_layers, deep.learned_positions) == (True, 3, 0)
    assert architecture("GPT2-1.5B").learned_positions == 1024


@pytest.mark.parametrize(
    ("text", "size"), [("70B", 70e9), ("1.5t", 1.5e12), ("125M", 125e6), ("5000k", 5e6), (".5B", 5e8), ("7000000", 7e6)]
)
def test_models_by_size(text: str, size: float) -> None:
    assert architecture(text) == architecture_of_size(size)
    assert architecture(text).parameters == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize("text", ["7x", "7..0B", "1e"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="expected a model's name"):
        architecture(text)


@pytest.mark.parametrize(
    ("size", "layers", "hidden", "ffn", "kv", "vocab"),
    [
        (1e6, 1, 256, 768, 2, 256),
        (3e6, 2, 256, 1216, 2, 1280),
        (125e6, 5, 768, 1472, 6, 62_464),
        (1.5e9, 16, 2048, 7872, 8, 128_256),
        (8e9, 32, 4096, 14_272, 8, 128_256),
        (70e9, 80, 8192, 28_416, 8, 128_256),
        (405e9, 128, 16_384, 52_096, 8, 128_256),
        (1e13, 352, 49_152, 158_976, 8, 128_256),
    ],
)
def test_dense_models_of_a_size(size: float, layers: int, hidden: int, ffn: int, kv: int, vocab: int) -> None:
    """As published ones: Llama 3.1 has 32 layers of 4,096 and 14,336, 80 of 8,192 and 28,672, 126 of 16,384 and 53,248.

    The MLP takes up, in steps of 64, what embeddings and attention leave; words are at most one for 2,000 parameters,
    in steps of 256.
    """
    a = architecture_of_size(size)
    assert (a.n_layers, a.hidden, a.ffn, a.n_kv_heads, a.vocab) == (layers, hidden, ffn, kv, vocab)
    assert (a.head_dim, a.n_heads) == (128, hidden // 128)
    left = (size - 2 * vocab * hidden) / layers - 2 * hidden * (hidden + 128 * kv)
    assert a.ffn == 64 * round(left / (3 * hidden) / 64)


@pytest.mark.parametrize(
    ("total", "active", "layers", "hidden", "experts", "width", "shared"),
    [
        (7e9, 1.3e9, 18, 1536, 128, 573, 4057),  # below 1.2 billion active there are fewer words
        (30.5e9, 3.3e9, 24, 2048, 128, 1537, 4112),
        (235e9, 22e9, 66, 5632, 128, 1592, 1321),
        (671e9, 37e9, 84, 7168, 256, 1415, 2750),
        (1e12, 32e9, 78, 6656, 384, 1653, 1117),
        (8.378e12, 8.378e11, 240, 20_480, 128, 4261, 8267),
        (1e13, 3e11, 180, 15_360, 384, 3110, 15),
    ],
)
def test_sparse_models_of_a_size(
    total: float, active: float, layers: int, hidden: int, experts: int, width: int, shared: int
) -> None:
    """Eight experts of a token; three layers for two widths of 128. What is idle are the other experts, and a shared
    one takes up what attention with 4 key-value heads, the router, embeddings and eight experts leave of the active.
    """
    a = sparse_of_size(total, active)
    assert (a.n_layers, a.hidden, a.n_experts, a.top_k) == (layers, hidden, experts, 8)
    assert (a.moe_ffn, a.shared_ffn, a.n_kv_heads, a.vocab) == (width, shared, 4, 151_936)
    assert a.n_layers == round(1.5 * hidden / 128)
    each = (total - active) / (layers * (experts - 8) * 3 * hidden)
    assert a.moe_ffn == round(each)
    rest = active - layers * (2 * hidden * (hidden + 512) + experts * hidden) - 2 * 151_936 * hidden
    assert a.shared_ffn == round(rest / (layers * 3 * hidden) - 8 * each)
    assert a.name == f"moe-{total / 1e9:.3g}B-A{active / 1e9:.3g}B"


@pytest.mark.parametrize(("active", "unit"), [(1.3e9, 128), (8.378e11, 1024), (7.683e12, 2048)])
def test_widths_of_sparse_models_are_round(active: float, unit: int) -> None:
    """Attention has 2·h² weights in each of 1.5·h/128 layers: all of the active ones at h = (128/3·active)^(1/3),
    3,814, 32,941 or 68,951. Widths are the multiples of 128 times a power of two, such that at most 64 are no wider.
    """
    widest = (128 / 3 * active) ** (1 / 3)
    assert unit == 128 * 2 ** max(0, math.ceil(math.log2(widest / 64 / 128)))
    for total in (2 * active, 10 * active, 15 * active):
        hidden = sparse_of_size(total, active).hidden
        assert hidden % unit == 0
        assert hidden < widest


def test_words_and_names_of_a_size() -> None:
    """A small mixture has a word for 8,000 active parameters, in steps of 256: 2,304 of 20 million."""
    small = sparse_of_size(1e8, 2e7)
    assert (small.vocab, small.hidden, small.n_layers, small.moe_ffn, small.shared_ffn) == (2304, 512, 6, 72, 610)
    assert sparse_of_size(1e8, 2e7, 1000, "mine").vocab == 1000
    assert sparse_of_size(1e8, 2e7, 1000, "mine").name == architecture_of_size(1e8, name="mine").name == "mine"
    assert architecture_of_size(70e9).name == "dense-70B"
    assert architecture_of_size(70e9, 32_000).vocab == 32_000


@pytest.mark.parametrize(
    ("total", "active", "experts", "used"),
    [(1e8, 6.5e7, 128, 8), (1e8, 4.3e6, 256, 8), (1e8, 3.3e6, 384, 8), (1e8, 2.8e6, 512, 8), (1e8, 2.1e6, 512, 10),
     (1e8, 1.4e6, 512, 4), (1.4e8, 1.1e6, 512, 2)],
)  # fmt: skip
def test_sparser_models_have_more_experts(total: float, active: float, experts: int, used: int) -> None:
    a = sparse_of_size(total, active)
    assert (a.n_experts, a.top_k) == (experts, used)


def test_sizes_near_the_preferred_shape() -> None:
    """28 layers of 2,560 lie as far from 128 columns a layer as 20 of 3,072 do: at 3.09e9 the deeper wins by a hair;
    at 96 million a width of 640, 1.6 times below the cube root of 128/12 of the size, is still looked at.
    """
    assert (architecture_of_size(3.09e9).n_layers, architecture_of_size(3.09e9).hidden) == (28, 2560)
    assert (architecture_of_size(9.61e7).n_layers, architecture_of_size(9.61e7).hidden) == (6, 640)


@pytest.mark.parametrize(("total", "active"), [(2.9e15, 2.5e15), (5.4e15, 2.6e15), (1e16, 3.2e15)])
def test_the_largest_mixtures_are_models_too(total: float, active: float) -> None:
    """No field of a model may be wider than a billion: shapes that are, are not tried."""
    a = sparse_of_size(total, active)
    assert max(a.moe_ffn, a.shared_ffn, a.ffn) <= 1e9


def test_sizes_out_of_range() -> None:
    assert architecture_of_size(1e18).parameters == pytest.approx(1e18, rel=0.02)
    for size in (0.99e6, 1.01e18):
        with pytest.raises(RangeError, match="expected between 1e6 and 1e18"):
            architecture_of_size(size)
    for total, active in ((1e9, 2e9), (1e9, 0.99e6), (1.01e16, 1e9)):
        with pytest.raises(RangeError, match="expected 1e6 to 1e16"):
            sparse_of_size(total, active)
    # nearly all of it active: a dense model
    assert not sparse_of_size(1e9, 0.91e9).is_moe
    assert not sparse_of_size(1e9, 1e9).is_moe
    assert sparse_of_size(1e10, 0.89e10).is_moe
    assert sparse_of_size(1e10, 9e9).is_moe  # nine tenths are not yet nearly all


# ---- configurations of Hugging Face

LLAMA = {
    "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 100,
    "intermediate_size": 172, "num_key_value_heads": 2, "max_position_embeddings": 512,
}  # fmt: skip


def _config(**changes: Any) -> dict[str, Any]:
    return fields_of_config({k: v for k, v in (LLAMA | changes).items() if v is not None})


def test_a_configuration_of_llama() -> None:
    assert _config() == {
        "name": "model", "n_layers": 2, "hidden": 64, "n_heads": 4, "n_kv_heads": 2, "ffn": 172, "vocab": 100,
        "max_seq_len": 512, "gated_mlp": True, "tied_embeddings": False,
    }  # fmt: skip
    assert _config(_name_or_path="meta/Llama-tiny")["name"] == "Llama-tiny"
    nested = {"model_type": "llava", "text_config": LLAMA, "tie_word_embeddings": True}
    assert fields_of_config(nested)["tied_embeddings"] is True
    assert _config(vocab_size=100, padded_vocab_size=128)["vocab"] == 128
    assert _config(intermediate_size=[100, 172, 90])["ffn"] == 172


def test_details_of_a_family() -> None:
    gpt = _config(model_type="gpt2", intermediate_size=None, n_inner=256)
    assert (gpt["gated_mlp"], gpt["tied_embeddings"], gpt["learned_positions"], gpt["attention_bias"]) == (
        False, True, 512, True,
    )  # fmt: skip
    assert gpt["ffn"] == 256
    assert _config(model_type="gpt2", max_position_embeddings=None, n_positions=None)["learned_positions"] == 0
    for name in ("hidden_act", "activation_function", "hidden_activation"):
        assert _config(model_type="", **{name: "gelu_new"})["gated_mlp"] is False, name
        assert _config(model_type="", **{name: "silu"})["gated_mlp"] is True, name
    # of several names the first counts
    both = {"model_type": "", "hidden_act": None, "activation_function": "silu", "hidden_activation": "gelu"}
    assert _config(**both)["gated_mlp"] is True
    assert _config(**both | {"hidden_act": "gelu"})["gated_mlp"] is False
    assert _config(model_type="")["gated_mlp"] is True
    assert _config(num_key_value_heads=None, multi_query=True)["n_kv_heads"] == 1
    assert _config(multi_query=True)["n_kv_heads"] == 2
    assert _config(model_type="mpt", intermediate_size=None, expansion_ratio=4)["ffn"] == 256
    assert _config(attn_config={"kv_n_heads": 1})["n_kv_heads"] == 1
    for ratio in (0, 1000, True, "4"):
        with pytest.raises(InputError, match="expansion_ratio"):
            _config(intermediate_size=None, expansion_ratio=ratio)
    assert _config(intermediate_size=None, expansion_ratio=999)["ffn"] == 999 * 64


def test_experts_of_a_configuration() -> None:
    """A shared expert has a width of its own, or that of as many routed ones."""
    moe = {"num_local_experts": 8, "num_experts_per_tok": 2}
    found = _config(**moe)
    assert (found["n_experts"], found["top_k"], found["moe_ffn"], found["shared_ffn"]) == (8, 2, 172, 0)
    assert _config(**moe, moe_intermediate_size=30, n_shared_experts=2)["shared_ffn"] == 60
    assert _config(**moe, moe_intermediate_size=30, shared_expert_intermediate_size=50)["shared_ffn"] == 50
    assert _config(num_local_experts=8)["top_k"] == 1
    assert "n_experts" not in _config(num_local_experts=1, num_experts_per_tok=1)
    assert _config(**moe, decoder_sparse_step=2, first_k_dense_replace=1)["moe_every"] == 2
    assert "moe_every" not in _config(**moe, decoder_sparse_step=0)
    four = _config(**moe, model_type="llama4_text", intermediate_size_mlp=200)
    assert (four["ffn"], four["moe_ffn"], four["shared_ffn"]) == (200, 172, 172)
    dbrx = _config(ffn_config={"moe_num_experts": 16, "moe_top_k": 4, "ffn_hidden_size": 90})
    assert (dbrx["n_experts"], dbrx["top_k"], dbrx["moe_ffn"]) == (16, 4, 90)
    latent = _config(kv_lora_rank=16, qk_nope_head_dim=8, v_head_dim=8, head_dim=16)
    assert latent["mla"] is True
    assert "head_dim" not in latent


def test_windows_of_a_configuration() -> None:
    assert "window" not in _config(sliding_window=0)
    assert "window" not in _config(sliding_window=128, use_sliding_window=False)
    assert (_config(sliding_window=128)["window"], _config(sliding_window=128)["full_attention_every"]) == (128, 0)
    assert _config(sliding_window=128, sliding_window_pattern=6)["full_attention_every"] == 6
    assert _config(model_type="gemma2", sliding_window=128)["full_attention_every"] == 2
    kinds = ["sliding", "full_attention", "sliding", "full_attention"]
    assert _config(sliding_window=128, layer_types=kinds)["full_attention_every"] == 2
    assert _config(sliding_window=128, layer_types=["sliding"])["full_attention_every"] == 0
    linear = _config(layer_types=["linear_attention"] * 3 + ["full_attention"])
    assert (linear["window"], linear["full_attention_every"]) == (128, 4)
    assert _config(layer_types=["linear_attention"])["full_attention_every"] == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hidden_size": None, "vocab_size": None}, r"no hidden \(hidden_size or .*no vocab"),
        ({"num_hidden_layers": "2"}, "n_layers is '2'; expected a whole number"),
        ({"num_hidden_layers": True}, "n_layers is True"),
        ({"num_hidden_layers": 10**9 + 1}, "n_layers is 1000000001"),
        ({"is_encoder_decoder": True}, "llama has an encoder and a decoder"),
        ({"model_type": "mt5"}, "mt5 has an encoder and a decoder"),
        ({"model_type": "mamba2"}, "'mamba2' is not a transformer"),
        ({"model_type": "distilbert"}, "'distilbert' is not a transformer"),
        ({"block_configs": [1]}, "block_configs tells of layers"),
        ({"architectures": 3}, "architectures is 3; expected a list"),
    ],
)
def test_configurations_that_are_refused(change: dict[str, Any], told: str) -> None:
    assert _config(num_hidden_layers=10**9)["n_layers"] == 10**9
    with pytest.raises(InputError, match=told):
        _config(**change)


def test_configurations_in_files(tmp_path: Path) -> None:
    """Named by the folder of a config.json, else by the file."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA))
    (folder / "other.json").write_text(json.dumps(LLAMA))
    assert read_config(folder)["name"] == read_config(folder / "config.json")["name"] == "tiny"
    assert read_config(folder / "other.json")["name"] == "other"
    assert architecture(folder).hidden == architecture(str(folder / "other.json")).hidden == 64
    for text, told in (("{", "not valid JSON"), ("[]", "expected an object"), ("\udcff", "is not UTF-8 text")):
        (folder / "other.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(InputError, match=told):
            read_config(folder / "other.json")
    with pytest.raises(InputError, match="no such file"):
        read_config(tmp_path)
