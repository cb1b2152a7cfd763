"""Parameters, FLOP and bytes of transformers against published counts and arithmetic done by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liebig.catalog import load_catalog
from liebig.catalog.training_rows import ArchitectureRow
from liebig.errors import InputError, RangeError, UnknownNameError
from liebig.step.layout import Layouts
from liebig.step.memory import layer_activations
from liebig.step.software import software
from liebig.transformer import (
    FLOP_CONVENTIONS,
    Architecture,
    Shape,
    architecture,
    architecture_names,
    architecture_of_size,
    flops_per_token,
    parameters,
    stack,
)
from liebig.transformer.architecture import architecture_from_fields, published_year, sparse_of_size
from liebig.transformer.arithmetic import (
    activation_bytes,
    active_parameters,
    attention_context,
    attention_flops,
    attention_parameters,
    kv_cache_bytes_per_token,
    matmul_flops,
)
from liebig.transformer.huggingface import fields_of_config
from liebig.transformer.summary import summarise

ROWS = {r.name: r for r in load_catalog().rows("architectures", ArchitectureRow)}

#: Published totals from which the dimensions differ by more than 2 %: by how much at most, and why.
OTHER_TOTALS = {
    "Levanter-GPT2-1.4B": (0.03, "rounded"),
    "GPT3-40B": (0.03, "rounded"),
    "Megatron-GPT-1.7B": (0.03, "rounded: the formula of the paper gives 1.65 billion"),
    "Alpa-GPT-15B": (0.03, "rounded"),
    "Megatron-Core-1.7B": (0.03, "rounded"),
    "MaxText-128B": (0.03, "a name, from before the defaults of February 2024"),
    "MaxText-256B": (0.03, "a name, from before the defaults of February 2024"),
    "MaxText-512B": (0.03, "a name, from before the defaults of February 2024"),
    "MaxText-1024B": (0.03, "a name, from before the defaults of February 2024"),
    "OPT-350M": (0.08, "embeddings of half the width"),
    "NeMo-BERT-4B": (0.04, "rounded"),
    "NeMo-BERT-20B": (0.10, "rounded"),
    "GLaM-64B-64E": (0.04, "rounded; the active count agrees"),
    "Qwen3.5-27B": (0.03, "gated delta nets written as attention"),
    "MiMo-7B": (0.09, "rounded"),
    "Primus-MoE-515B": (0.03, "a name"),
    "Primus-MoE-1T": (0.04, "a name"),
    "Primus-MoE-2T": (0.03, "a name"),
    "Primus-MoE-4T": (0.03, "a name"),
    "ERNIE-4.5-21B-A3B": (0.04, "rounded down"),
    "Ling-flash-2.0": (0.03, "rounded"),
    "Nemotron-3-22B": (0.04, "rounded"),
    "SantaCoder-1.1B": (0.03, "rounded"),
}
#: The same for active parameters.
OTHER_ACTIVE = {
    "Qwen3-Next-80B-A3B": (0.32, "published without embeddings; delta nets written as attention"),
    "Qwen3.5-35B-A3B": (0.18, "published without embeddings; delta nets written as attention"),
    "Qwen3.5-397B-A17B": (0.03, "published without embeddings; delta nets written as attention"),
    "DeepSeek-V2-Lite-16B": (0.11, "published without the input embedding"),
    "Moonlight-16B-A3B": (0.03, "rounded"),
    "Kimi-K2-1T": (0.03, "rounded"),
    "GLM-4.5-Air": (0.12, "published without embeddings"),
    "GLM-4.5": (0.06, "published without embeddings"),
    "GLM-5": (0.03, "rounded"),
    "MiniMax-M2.5": (0.11, "published without embeddings"),
    "GPT-OSS-20B": (0.17, "published without the input embedding"),
    "GPT-OSS-120B": (0.12, "published without the input embedding"),
    "ERNIE-4.5-21B-A3B": (0.12, "rounded down"),
    "Ling-mini-2.0": (0.03, "published without embeddings"),
    "Ling-1T": (0.03, "rounded"),
}

#: Counts from papers and model cards, written here once more: all, active, and how exactly they are printed.
PUBLISHED = {
    "GPT2-1.5B": (1.558e9, 1.558e9, 0.002),
    "GPT3-175B": (175e9, 175e9, 0.01),
    "OPT-175B": (175e9, 175e9, 0.01),
    "BLOOM-176B": (176.247e9, 176.247e9, 0.001),
    "MT-NLG-530B": (530e9, 530e9, 0.01),
    "PaLM-540B": (540.35e9, 540.35e9, 0.001),
    "Chinchilla-70B": (70e9, 70e9, 0.01),
    "Llama2-7B": (6.738e9, 6.738e9, 0.001),
    "Llama2-70B": (68.98e9, 68.98e9, 0.001),
    "Llama3.1-8B": (8.03e9, 8.03e9, 0.001),
    "Llama3.1-405B": (405.9e9, 405.9e9, 0.002),
    "Mistral-7B": (7.24e9, 7.24e9, 0.002),
    "Mixtral-8x7B": (46.7e9, 12.9e9, 0.005),
    "Mixtral-8x22B": (140.6e9, 39.1e9, 0.005),
    "DBRX-132B": (132e9, 36e9, 0.015),
    "Grok-1-314B": (314e9, 84e9, 0.01),
    "Qwen2.5-72B": (72.7e9, 72.7e9, 0.005),
    "Qwen3-30B-A3B": (30.5e9, 3.3e9, 0.02),
    "Qwen3-235B-A22B": (235e9, 22e9, 0.015),
    "DeepSeek-V2-236B": (236e9, 21e9, 0.02),
    "DeepSeek-V3-671B": (671e9, 37e9, 0.02),
    "Gemma2-27B": (27.2e9, 27.2e9, 0.005),
    "Llama4-Maverick-17B-128E": (400e9, 17e9, 0.015),
    "Nemotron-4-340B": (341e9, 341e9, 0.005),
}


# ---- the catalogue


def test_the_catalogue_has_at_least_forty_architectures_dense_and_sparse() -> None:
    names = architecture_names()
    assert len(names) == len(ROWS) >= 40
    assert len(set(names)) == len(names)
    assert sum(architecture(n).is_moe for n in names) >= 10
    assert sum(architecture(n).mla for n in names) >= 3
    assert sum(architecture(n).window > 0 for n in names) >= 3


@pytest.mark.parametrize("name", ROWS)
def test_an_architecture_of_the_catalogue_has_its_published_count(name: str) -> None:
    row, model = ROWS[name], architecture(name)
    assert model.name == name
    assert 1e6 < model.active_parameters <= model.parameters
    assert model.is_moe == (row.arch == "moe") == (model.active_parameters < model.parameters)
    assert model.n_heads % model.n_kv_heads == 0
    for computed, published, others in (
        (model.parameters, row.params, OTHER_TOTALS),
        (model.active_parameters, row.active_params, OTHER_ACTIVE),
    ):
        if published is not None:
            off = abs(computed / published - 1.0)
            if name in others:
                # an entry that is no longer needed must go
                assert 0.02 < off < others[name][0], others[name][1]
            else:
                assert off <= 0.02


def test_nearly_all_rows_have_a_published_count() -> None:
    assert sum(r.params is None for r in ROWS.values()) <= 5
    assert {*OTHER_TOTALS, *OTHER_ACTIVE} <= set(ROWS)
    assert len(OTHER_TOTALS) < 0.1 * len(ROWS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_well_known_models_have_the_counts_of_their_papers(name: str) -> None:
    total, active, tolerance = PUBLISHED[name]
    model = architecture(name)
    assert model.parameters == pytest.approx(total, rel=tolerance)
    assert model.active_parameters == pytest.approx(active, rel=tolerance)


def test_every_alias_leads_to_a_model_of_the_catalogue() -> None:
    for row in ROWS.values():
        for alias in row.aliases.split(";"):
            if alias.strip():
                assert architecture(alias.strip()).name in ROWS, alias


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("llama-3.1-405b", "Llama3.1-405B"),
        ("LLAMA 3.1 405B", "Llama3.1-405B"),
        ("mixtral 8x7b", "Mixtral-8x7B"),
        ("gpt2-xl", "GPT2-1.5B"),
        ("deepseek_v3_671b", "DeepSeek-V3-671B"),
        ("  GPT3-1.3B ", "GPT3-1.3B"),
        ("gpt3-13b", "GPT3-13B"),  # the point tells it from 1.3B
    ],
)
def test_names_may_be_spelled_freely(written: str, name: str) -> None:
    assert architecture(written).name == name


@pytest.mark.parametrize(
    ("written", "near"), [("Lama3-70B", "Llama3-70B"), ("mixtrl-8x7b", "Mixtral-8x7B"), ("GPT3-175", "GPT3-175B")]
)
def test_an_unknown_model_lists_the_nearest_names(written: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean") as told:
        architecture(written)
    assert repr(written) in str(told.value)
    assert repr(near) in str(told.value)


@pytest.mark.parametrize("written", ["", "nan", "inf", "-7B", "no such model at all"])
def test_what_is_neither_a_name_nor_a_size_is_refused(written: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown model"):
        architecture(written)


@pytest.mark.parametrize(("written", "error"), [("9x", InputError), ("0B", RangeError), ("1e30", RangeError)])
def test_an_impossible_size_is_refused(written: str, error: type[InputError]) -> None:
    with pytest.raises(error, match=r"expected"):
        architecture(written)


@pytest.mark.parametrize(("written", "size"), [("70B", 70e9), ("1.5T", 1.5e12), ("350M", 350e6), ("7e9", 7e9)])
def test_a_size_stands_for_a_dense_model_of_it(written: str, size: float) -> None:
    model = architecture(written)
    assert model.parameters == pytest.approx(size, rel=0.02)
    assert not model.is_moe


def test_the_year_of_publication_is_known_for_the_catalogue_only() -> None:
    assert published_year("gpt2-xl") == 2019
    assert published_year("llama-3.1-405b") == 2024
    assert published_year("70B") is None


# ---- parameters by hand

TINY = Architecture(n_layers=2, hidden=8, n_heads=2, n_kv_heads=2, head_dim=4, ffn=32, gated_mlp=False, vocab=10)
#: Embedding and head, four square matrices and two of the MLP in each layer, and norms with weights only.
TINY_N = 2 * 10 * 8 + 2 * (4 * 8 * 8 + 2 * 8 * 32) + (2 * 2 + 1) * 8


def test_parameters_of_a_tiny_model_counted_by_hand() -> None:
    assert TINY.parameters == TINY.active_parameters == TINY_N == 1736
    tied = Architecture(**{**TINY.model_dump(), "tied_embeddings": True})
    assert tied.parameters == 1736 - 80
    gated = Architecture(**{**TINY.model_dump(), "gated_mlp": True})
    assert gated.parameters == 1736 + 2 * 8 * 32
    learned = Architecture(**{**TINY.model_dump(), "learned_positions": 16})
    assert learned.parameters == 1736 + 16 * 8
    biased = Architecture(**{**TINY.model_dump(), "attention_bias": True})
    # a bias for each output of the four projections, and one beside each weight of a norm
    assert biased.parameters == 1736 + 2 * 4 * 8 + 5 * 8


def test_grouped_queries_share_keys_and_values() -> None:
    grouped = Architecture(**{**TINY.model_dump(), "n_kv_heads": 1})
    assert float(attention_parameters(grouped.shape)) == 8 * 8 + 2 * 8 * 4 + 8 * 8
    assert float(kv_cache_bytes_per_token(grouped.shape)) == 2 * (2 * 4) * 2
    assert float(kv_cache_bytes_per_token(TINY.shape)) == 2 * float(kv_cache_bytes_per_token(grouped.shape))


def test_experts_of_a_tiny_mixture_counted_by_hand() -> None:
    sparse = Architecture(
        n_layers=3, hidden=8, n_heads=2, head_dim=4, ffn=20, vocab=10, n_experts=4, top_k=2, moe_ffn=6, shared_ffn=5,
        n_dense_layers=1,
    )  # fmt: skip
    attention, expert, dense, shared, router = 4 * 64, 3 * 8 * 6, 3 * 8 * 20, 3 * 8 * 5, 8 * 4
    common = 160 + 3 * attention + dense + 2 * (shared + router) + 7 * 8
    assert sparse.parameters == common + 2 * 4 * expert
    assert sparse.active_parameters == common + 2 * 2 * expert
    # norms and the look-up of the input embedding multiply nothing
    assert float(matmul_flops(sparse.shape)) == 2 * (common + 2 * 2 * expert - 7 * 8 - 80)


def test_every_second_layer_may_be_sparse() -> None:
    every = {k: Architecture(n_layers=6, hidden=64, n_experts=4, top_k=1, moe_every=k).shape for k in (1, 2, 4)}
    assert [float(s.n_moe_layers) for s in every.values()] == [6, 3, 2]


def test_latent_attention_of_deepseek_v3_counted_by_hand() -> None:
    s = architecture("DeepSeek-V3-671B").shape
    queries = 7168 * 1536 + 1536 * 128 * (128 + 64)
    keys_and_values = 7168 * (512 + 64) + 512 * 128 * (128 + 128)
    assert float(attention_parameters(s)) == queries + keys_and_values + 128 * 128 * 7168
    assert float(kv_cache_bytes_per_token(s)) == 61 * (512 + 64) * 2
    assert float(attention_flops(s, 4096)) == 4 * 128 * ((128 + 64 + 128) / 2) * 2048 * 61


# ---- FLOP by hand


@pytest.mark.parametrize(
    ("convention", "flop"),
    [
        ("6n", 6 * TINY_N),
        ("6n-active", 6 * TINY_N),
        # two operations for each weight that multiplies, and scores and values over 16 tokens, or half of them
        ("model", 3 * (2 * (2 * 768 + 80) + 2 * 4 * 8 * 16 // 2)),
        ("model-noncausal", 3 * (2 * (2 * 768 + 80) + 2 * 4 * 8 * 16)),
        ("hardware-full", 4 * (2 * (2 * 768 + 80) + 2 * 4 * 8 * 16)),
        ("lora", 2 * (2 * (2 * 768 + 80) + 2 * 4 * 8 * 16 // 2)),
        ("palm", 6 * TINY_N + 12 * 2 * 2 * 4 * 16),
        ("megatron", 72 * 2 * 64 + 12 * 2 * 8 * 16 + 6 * 10 * 8),
        ("megatron-hardware", 96 * 2 * 64 + 16 * 2 * 8 * 16 + 6 * 10 * 8),
    ],
)
def test_flop_of_a_tiny_model_by_hand(convention: str, flop: int) -> None:
    assert float(flops_per_token(TINY.shape, 16, convention)) == pytest.approx(flop, rel=1e-12)


def test_every_convention_is_counted_by_hand_above() -> None:
    (mark,) = test_flop_of_a_tiny_model_by_hand.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == set(FLOP_CONVENTIONS)


@given(
    st.integers(1, 100),
    st.integers(1, 64),
    st.sampled_from([64, 80, 128]),
    st.integers(1, 300_000),
    st.integers(1, 10**6),
)
def test_megatrons_formula_is_the_model_counted_over_the_whole_square(
    layers: int, heads: int, width: int, vocab: int, length: int
) -> None:
    """Narayanan 2021 counts just the products that a GPT with an MLP of four widths has."""
    hidden = heads * width
    gpt = Architecture(
        n_layers=layers, hidden=hidden, n_heads=heads, head_dim=width, ffn=4 * hidden, gated_mlp=False, vocab=vocab
    )
    counted = float(flops_per_token(gpt.shape, length, "model-noncausal"))
    assert counted == pytest.approx(float(flops_per_token(gpt.shape, length, "megatron")), rel=1e-12)
    # recomputation repeats the forward pass of the layers, not of the head
    twice = float(flops_per_token(gpt.shape, length, "megatron-hardware"))
    assert twice == pytest.approx(counted / 3 * 4 - 2 * vocab * hidden, rel=1e-12)


def test_gpt3_needs_the_flop_that_its_paper_gives() -> None:
    """3.14e23 for 300 billion tokens (Brown 2020, table D.1), which is 6 N D."""
    gpt3 = architecture("GPT3-175B")
    assert 300e9 * float(flops_per_token(gpt3.shape, 2048, "6n")) == pytest.approx(3.14e23, rel=0.01)


def test_llama_405b_needs_the_flop_that_its_paper_gives() -> None:
    """3.8e25 for 15.6 trillion tokens (Llama 3, section 3.2.1)."""
    model = architecture("Llama3.1-405B")
    assert 15.6e12 * float(flops_per_token(model.shape, 8192, "6n")) == pytest.approx(3.8e25, rel=0.01)


@given(st.integers(1, 5000), st.integers(1, 8000))
def test_the_context_is_the_mean_over_the_queries(length: int, window: int) -> None:
    """A query sees what came before it and half of itself, up to the window."""
    seen = np.arange(length) + 0.5
    exact = float(np.mean(np.minimum(seen, min(window, length))))
    assert float(attention_context(length, window)) == pytest.approx(exact, abs=0.5)
    assert float(attention_context(length)) == pytest.approx(float(np.mean(seen)), rel=1e-12)
    assert float(attention_context(length, window, causal=False)) == min(length, window)


def test_local_layers_look_back_over_their_window() -> None:
    local = Architecture(n_layers=12, hidden=512, n_heads=4, head_dim=128, window=1024, full_attention_every=6)
    full, part = 2, 10
    keys = full * 32768 / 2 + part * (1024 - 1024**2 / (2 * 32768))
    assert float(attention_flops(local.shape, 32768)) == pytest.approx(4 * 512 * keys, rel=1e-12)
    # no layer sees beyond a window that is longer than the sequence
    plain = Architecture(n_layers=12, hidden=512, n_heads=4, head_dim=128)
    assert float(attention_flops(local.shape, 512)) == float(attention_flops(plain.shape, 512))


@given(st.sampled_from(architecture_names()), st.floats(1, 1e7), st.floats(1, 8))
def test_conventions_are_in_order_whatever_the_model(name: str, length: float, longer: float) -> None:
    s = architecture(name).shape
    count = {c: float(flops_per_token(s, length, c)) for c in FLOP_CONVENTIONS}
    assert 0 < count["lora"] < count["model"] < count["model-noncausal"] < count["hardware-full"]
    assert count["model"] == pytest.approx(1.5 * count["lora"], rel=1e-12)
    assert count["hardware-full"] == pytest.approx(count["model-noncausal"] * 4 / 3, rel=1e-12)
    assert count["6n-active"] <= count["6n"]
    assert float(flops_per_token(s, length * longer)) >= count["model"]


def test_many_models_at_once_are_each_by_itself() -> None:
    models = [architecture(n) for n in ("GPT3-175B", "Mixtral-8x7B", "DeepSeek-V3-671B", "Gemma3-27B", "BLOOM-176B")]
    many = stack([m.shape for m in models])
    assert parameters(many) == pytest.approx([m.parameters for m in models], rel=1e-15)
    assert active_parameters(many) == pytest.approx([m.active_parameters for m in models], rel=1e-15)
    for convention in FLOP_CONVENTIONS:
        alone = [float(flops_per_token(m.shape, 4096, convention)) for m in models]
        assert flops_per_token(many, 4096, convention) == pytest.approx(alone, rel=1e-15)
    for kind in ("none", "selective", "full"):
        alone = [float(activation_bytes(m.shape, 4096, 2, kind)) for m in models]
        assert activation_bytes(many, 4096, 2, kind) == pytest.approx(alone, rel=1e-15)
    assert float(parameters(many.take(3))) == models[3].parameters
    with pytest.raises(ValueError, match="no shape"):
        stack([])


def test_an_unknown_convention_lists_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="megatron"):
        flops_per_token(TINY.shape, 16, "megatrn")
    with pytest.raises(UnknownNameError, match="none, selective, full"):
        activation_bytes(TINY.shape, 16, 1, "some of it")


# ---- activations


@given(st.integers(1, 8), st.integers(1, 64), st.integers(1, 100), st.integers(1, 100_000))
def test_activations_of_a_gpt_are_those_of_korthikanti(b: int, heads: int, layers: int, s: int) -> None:
    """``s·b·h·(34 + 5·a·s/h)`` for a layer on one chip (arXiv:2205.05198, equation 1).

    Of the 34, two are masks of dropout, which this arithmetic leaves out; a third mask is in the term of the
    scores, which fused attention does not keep.
    """
    h = 64 * heads
    gpt = Architecture(n_layers=layers, hidden=h, n_heads=heads, head_dim=64, ffn=4 * h, gated_mlp=False)
    assert float(activation_bytes(gpt.shape, s, b)) == s * b * h * (34 - 2) * layers
    # only the input of each layer stays, in two bytes
    assert float(activation_bytes(gpt.shape, s, b, "full")) == 2 * s * b * h * layers
    assert float(activation_bytes(gpt.shape, s, b, "selective")) <= float(activation_bytes(gpt.shape, s, b))


@pytest.mark.parametrize("name", ["Llama3.1-70B", "GPT3-175B", "Mixtral-8x7B", "DeepSeek-V3"])
@pytest.mark.parametrize(("kind", "place"), [("none", 0), ("selective", 1), ("full", 2)])
def test_activations_of_a_model_are_those_of_its_step(name: str, kind: str, place: int) -> None:
    """``plan model`` and ``plan train`` say the same of a chip that holds the whole model."""
    shape = architecture(name).shape
    layouts = Layouts.of(micro_batch=2.0, sequence_parallel=0.0)
    of_a_layer = layer_activations(shape, layouts, 4096.0, software("modern"))[place]
    whole = float(of_a_layer) * float(shape.n_layers)
    assert float(activation_bytes(shape, 4096, 2, kind)) == pytest.approx(whole, rel=1e-12)


def test_activations_of_a_gated_model_with_grouped_queries_by_hand() -> None:
    """Llama: norms and residual as before, an eighth of keys and values, gate and up and their product."""
    s = architecture("Llama2-70B").shape
    attention = 4 * 64 * 128 + 4 * 8 * 128
    assert float(activation_bytes(s, 4096)) == 4096 * 80 * (8 * 8192 + attention + 6 * 28672)


@given(st.sampled_from(architecture_names()), st.integers(1, 2**20), st.integers(1, 64))
def test_activations_grow_with_tokens_and_shrink_with_recomputation(name: str, length: int, sequences: int) -> None:
    s = architecture(name).shape
    one = float(activation_bytes(s, length))
    assert float(activation_bytes(s, length, sequences)) == pytest.approx(sequences * one, rel=1e-12)
    assert 0 < float(activation_bytes(s, length, 1, "full")) < 0.3 * one


def test_the_summary_has_finite_numbers_for_every_kind_of_model() -> None:
    for name in ("GPT3-175B", "Mixtral-8x7B", "DeepSeek-V3-671B", "Gemma3-27B"):
        rows = summarise(architecture(name), 4096, 2)
        values = {r["quantity"]: r["value"] for r in rows}
        assert len(values) == len(rows)
        assert all(math.isfinite(v) and v > 0 for v in values.values())
        assert values["parameters"] == architecture(name).parameters
        assert values["FLOP per token written"] > values["FLOP per token read"]


# ---- configurations of Hugging Face

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "hidden_act": "silu", "tie_word_embeddings": False, "max_position_embeddings": 131072, "rope_theta": 500000.0,
}  # fmt: skip
CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "llama with grouped queries": (LLAMA, "Llama3.1-8B"),
    "mixtral": (
        {
            "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2,
            "vocab_size": 32000, "hidden_act": "silu", "sliding_window": None, "tie_word_embeddings": False,
        },
        "Mixtral-8x7B",
    ),
    "deepseek_v3": (
        {
            "model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432, "num_hidden_layers": 61,
            "num_attention_heads": 128, "num_key_value_heads": 128, "vocab_size": 129280, "q_lora_rank": 1536,
            "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
            "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8, "moe_intermediate_size": 2048,
            "first_k_dense_replace": 3, "moe_layer_freq": 1, "hidden_act": "silu", "tie_word_embeddings": False,
            "num_nextn_predict_layers": 1, "quantization_config": {"quant_method": "fp8"},
        },
        "DeepSeek-V3-671B",
    ),
    "qwen3_moe": (
        {
            "model_type": "qwen3_moe", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 94,
            "num_attention_heads": 64, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128,
            "num_experts_per_tok": 8, "moe_intermediate_size": 1536, "decoder_sparse_step": 1, "mlp_only_layers": [],
            "vocab_size": 151936, "sliding_window": None, "use_sliding_window": False, "tie_word_embeddings": False,
        },
        "Qwen3-235B-A22B",
    ),
    "gemma3 with sliding windows": (
        {
            "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
            "text_config": {
                "model_type": "gemma3_text", "hidden_size": 5376, "intermediate_size": 21504, "num_hidden_layers": 62,
                "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128, "sliding_window": 1024,
                "sliding_window_pattern": 6, "vocab_size": 262208, "hidden_activation": "gelu_pytorch_tanh",
            },
            "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 1152, "num_hidden_layers": 27},
        },
        "Gemma3-27B",
    ),
    "gpt2": (
        {
            "model_type": "gpt2", "n_embd": 1600, "n_layer": 48, "n_head": 25, "n_positions": 1024, "n_ctx": 1024,
            "n_inner": None, "vocab_size": 50257, "activation_function": "gelu_new",
        },
        "GPT2-1.5B",
    ),
}  # fmt: skip


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write a configuration into a folder of a telling name."""

    def _write(content: Any) -> Path:
        folder = tmp_path / "some-model"
        folder.mkdir(exist_ok=True)
        path = folder / "config.json"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return _write


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_configuration_gives_the_model_of_the_catalogue(kind: str, write: Callable[[Any], Path]) -> None:
    config, name = CONFIGS[kind]
    path = write(config)
    read, known = architecture(path), architecture(name)
    assert read.name == "some-model"
    assert read.parameters == pytest.approx(known.parameters, rel=1e-3)
    assert read.active_parameters == pytest.approx(known.active_parameters, rel=1e-3)
    for length in (2048, 65536):
        assert float(flops_per_token(read.shape, length)) == pytest.approx(
            float(flops_per_token(known.shape, length)), rel=1e-3
        )
    assert float(kv_cache_bytes_per_token(read.shape)) == float(kv_cache_bytes_per_token(known.shape))
    assert architecture(path.parent) == read  # the folder stands for the file


def test_details_of_configurations_are_read(write: Callable[[Any], Path]) -> None:
    llama, mixtral, deepseek, qwen, gemma, gpt2 = (architecture(write(config)) for config, _ in CONFIGS.values())
    assert (llama.n_heads, llama.n_kv_heads, llama.head_dim) == (32, 8, 128)
    assert (mixtral.n_experts, mixtral.top_k, mixtral.moe_ffn, mixtral.shared_ffn) == (8, 2, 14336, 0)
    assert (deepseek.mla, deepseek.shared_ffn, deepseek.n_dense_layers) == (True, 2048, 3)
    assert (qwen.head_dim, qwen.window) == (128, 0)
    assert (gemma.window, gemma.full_attention_every, gemma.tied_embeddings) == (1024, 6, True)
    assert (gpt2.gated_mlp, gpt2.learned_positions, gpt2.ffn) == (False, 1024, 6400)
    assert gpt2.tied_embeddings
    assert gpt2.attention_bias


def test_shared_experts_of_qwen2_moe_have_a_width_of_their_own(write: Callable[[Any], Path]) -> None:
    config = {
        "model_type": "qwen2_moe", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24,
        "num_attention_heads": 16, "num_key_value_heads": 16, "num_experts": 60, "num_experts_per_tok": 4,
        "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "vocab_size": 151936,
    }  # fmt: skip
    model = architecture(write(config))
    assert model.shared_ffn == 5632
    assert model.parameters == pytest.approx(14.3e9, rel=0.01)  # as its model card says
    assert model.active_parameters == pytest.approx(2.7e9, rel=0.01)


def test_layers_listed_by_kind_tell_how_many_look_back_over_everything(write: Callable[[Any], Path]) -> None:
    kinds = ["sliding_attention", "full_attention"] * 16
    model = architecture(write({**LLAMA, "model_type": "gpt_oss", "sliding_window": 128, "layer_types": kinds}))
    assert (model.window, model.full_attention_every) == (128, 2)
    assert float(model.shape.n_full_layers) == 16
    local = architecture(write({**LLAMA, "model_type": "mistral", "sliding_window": 4096}))
    assert (local.window, local.full_attention_every) == (4096, 0)
    unused = architecture(write({**LLAMA, "sliding_window": 4096, "use_sliding_window": False}))
    assert unused.window == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"model_type": "llama", ', "not valid JSON"),
        ("", "is empty"),
        (b"\xff\xfe{}", "is not UTF-8 text"),
        ("[" * 100_000, "not valid JSON"),
        ("[1, 2]", "expected an object with model_type, hidden_size"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_by_its_path(
    content: Any, told: str, write: Callable[[Any], Path]
) -> None:
    path = write(content)
    with pytest.raises(InputError, match=told) as error:
        architecture(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"^/no/such/folder/config\.json: no such file; expected a config\.json$"):
        architecture("/no/such/folder/config.json")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"model_type": "resnet", "hidden_sizes": [256, 512], "depths": [3, 4]}, "resnet.*not a transformer that gen"),
        (
            {"model_type": "vit", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12},
            "vit.*not a transformer that generates text",
        ),
        ({**LLAMA, "model_type": "bert"}, "bert.*not a transformer that generates text"),
        ({**LLAMA, "model_type": "distilbert"}, "distilbert.*not a transformer that generates text"),
        ({"model_type": "mamba2", "hidden_size": 2560, "num_hidden_layers": 64}, "mamba2.*not a transformer"),
        ({"model_type": "t5", "d_model": 512, "is_encoder_decoder": True}, "encoder and a decoder"),
        ({**LLAMA, "hybrid_override_pattern": "M-M*"}, "hybrid_override_pattern.*differ from each other"),
        ({}, "no n_layers .*num_hidden_layers.*no hidden .*hidden_size.*no n_heads .*no vocab .*vocab_size"),
        ({k: v for k, v in LLAMA.items() if k != "vocab_size"}, r"no vocab \(padded_vocab_size or vocab_size\)"),
        ({k: v for k, v in LLAMA.items() if k != "hidden_size"}, r"no hidden \(hidden_size or n_embd or d_model\)"),
        ({**LLAMA, "num_hidden_layers": "32"}, "n_layers is '32'; expected a whole number"),
        ({**LLAMA, "num_hidden_layers": True}, "n_layers is True; expected a whole number"),
        ({**LLAMA, "hidden_size": 4096.5}, "hidden is 4096.5; expected a whole number"),
        ({**LLAMA, "vocab_size": float("nan")}, "vocab is nan; expected a whole number"),
    ],
)
def test_what_is_not_a_text_model_is_refused_with_what_was_expected(
    config: dict[str, Any], told: str, write: Callable[[Any], Path]
) -> None:
    with pytest.raises(InputError, match=told) as error:
        architecture(write(config))
    assert "some-model" in str(error.value)  # the folder tells models apart; the file is always config.json


def test_a_configuration_under_a_name_of_its_own_is_refused_by_that_name(tmp_path: Path) -> None:
    path = tmp_path / "seven-billion.json"
    path.write_text(json.dumps({"model_type": "llama"}), encoding="utf-8")
    with pytest.raises(InputError, match="no n_layers") as error:
        architecture(path)
    assert "seven-billion" in str(error.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"num_hidden_layers": -1}, "n_layers: .*greater than or equal to 1.*got -1"),
        ({"num_hidden_layers": 0}, "n_layers: .*greater than or equal to 1.*got 0"),
        ({"num_key_value_heads": 5}, "n_heads 32 is not a multiple of n_kv_heads 5"),
        ({"num_experts": 4, "num_experts_per_tok": 8}, "top_k 8 must lie between 1 and n_experts 4"),
        ({"vocab_size": 10**12}, "vocab is 1000000000000; expected a whole number up to a billion"),
    ],
)
def test_impossible_numbers_of_a_configuration_are_refused(
    change: dict[str, Any], told: str, write: Callable[[Any], Path]
) -> None:
    with pytest.raises(InputError, match=told) as error:
        architecture(write({**LLAMA, **change}))
    assert "config.json" in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"architectures": 5},
        {"num_experts": ["many", 8]},
        {"num_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": "two"},
        {"attn_config": {"kv_n_heads": "eight"}},
        {"ffn_config": {"moe_num_experts": "eight"}},
        {"intermediate_size": None, "expansion_ratio": float("nan")},
        {"intermediate_size": None, "hidden_size": 10**400},
    ],
    ids=["classes", "list of experts", "shared experts", "attention", "experts", "ratio", "width"],
)
def test_values_of_the_wrong_type_deep_in_a_configuration_are_refused(
    change: dict[str, Any], write: Callable[[Any], Path]
) -> None:
    with pytest.raises(InputError):
        architecture(write({**LLAMA, **change}))


KEYS = st.sampled_from(
    [
        "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
        "intermediate_size", "head_dim", "num_experts", "num_experts_per_tok", "sliding_window", "layer_types",
        "tie_word_embeddings", "kv_lora_rank", "text_config", "max_position_embeddings",
    ]
)  # fmt: skip
VALUES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats() | st.text(max_size=8)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_configuration_with_odd_values_is_read_or_refused_with_a_message(odd: dict[str, Any]) -> None:
    try:
        model = architecture_from_fields(fields_of_config({**LLAMA, **odd}))
    except InputError as error:
        assert len(str(error)) > 10
    else:
        assert model.parameters > 0
        assert math.isfinite(float(flops_per_token(model.shape, 4096)))


# ---- from fields


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n_heads": 6, "n_kv_heads": 4}, ["n_heads 6 is not a multiple of n_kv_heads 4"]),
        ({"n_layers": 0}, ["n_layers", "greater than or equal to 1", "got 0"]),
        ({"n_experts": 4, "top_k": 8}, ["top_k 8 must lie between 1 and n_experts 4"]),
        ({"n_experts": 4, "top_k": 0}, ["top_k 0 must lie between 1 and n_experts 4"]),
        ({"n_experts": 4, "top_k": 1, "n_dense_layers": 5}, ["n_dense_layers 5 exceeds n_layers 4"]),
        ({"mla": True}, ["latent attention needs kv_lora_rank, qk_nope_head_dim and v_head_dim"]),
        ({"ffn": -1}, ["ffn", "greater than or equal to 0", "got -1"]),
        ({"n_layers": -2, "hidden": -5, "vocab": 0}, ["n_layers", "hidden", "vocab", "got -2", "got -5", "got 0"]),
        ({"n_layers": 10**10, "depth": 3}, ["n_layers", "less than or equal to", "unknown name 'depth'"]),
        ({"hidden": 3.5, "n_layers": "many"}, ["hidden", "got 3.5", "n_layers", "got 'many'"]),
        ({"hidden": float("nan")}, ["hidden", "got nan"]),
        ({"n_layers": None, "hidden": None}, ["n_layers is missing", "hidden is missing"]),
    ],
)
def test_impossible_dimensions_are_refused_with_all_problems_named(change: dict[str, Any], told: list[str]) -> None:
    fields = {"n_layers": 4, "hidden": 64, "vocab": 100}
    assert architecture_from_fields(fields).parameters > 0
    with pytest.raises(InputError) as error:
        architecture_from_fields({**fields, **change}, "my model")
    message = str(error.value)
    assert message.startswith("my model: ")
    for words in told:
        assert words in message


def test_all_problems_between_fields_are_named() -> None:
    with pytest.raises(InputError) as error:
        architecture_from_fields(
            {"n_layers": 4, "hidden": 64, "n_heads": 6, "n_kv_heads": 4, "n_experts": 4, "top_k": 8}
        )
    assert "n_kv_heads 4" in str(error.value)
    assert "top_k 8" in str(error.value)


@pytest.mark.parametrize("hidden", [math.inf, 10**400], ids=["infinite", "400 digits"])
def test_an_infinite_width_is_refused(hidden: float) -> None:
    with pytest.raises(InputError, match="hidden"):
        architecture_from_fields({"n_layers": 4, "hidden": hidden})


@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.integers(1, 32),
    st.sampled_from([32, 64, 128]),
    st.integers(1, 300_000),
)
def test_what_is_left_out_follows_from_what_is_given(
    layers: int, heads: int, groups: int, width: int, vocab: int
) -> None:
    given = Architecture(n_layers=layers, hidden=heads * groups * width, n_heads=heads * groups, n_kv_heads=heads)
    assert given.head_dim == width
    assert given.ffn % 256 == 0
    assert abs(given.ffn - 8 * given.hidden / 3) <= 256
    plain = Architecture(n_layers=layers, hidden=given.hidden, gated_mlp=False, vocab=vocab)
    assert plain.ffn == 4 * plain.hidden
    assert plain.n_kv_heads == plain.n_heads
    assert plain.parameters > vocab * plain.hidden


def test_an_architecture_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TINY.hidden = 16  # type: ignore[misc]


def test_a_shape_of_few_numbers_has_nothing_else() -> None:
    s = Shape.of(n_layers=2, hidden=64, n_heads=1, n_kv_heads=1, head_dim=64)
    assert float(parameters(s)) == 2 * 4 * 64 * 64 + 5 * 64
    assert float(s.n_full_layers) == 2


# ---- from a size


@given(st.floats(7.0, 15.0))
def test_a_dense_model_of_a_size_has_that_size_and_usual_proportions(exponent: float) -> None:
    size = 10.0**exponent
    model = architecture_of_size(size)
    assert model.parameters == pytest.approx(size, rel=0.05)
    assert model.active_parameters == model.parameters
    assert model.n_heads * model.head_dim == model.hidden
    assert model.n_heads % model.n_kv_heads == 0
    assert 1 <= model.n_kv_heads <= 8
    assert model.hidden % 128 == 0
    assert model.ffn % 64 == 0
    if size > 1e9:
        assert 60 < model.hidden / model.n_layers < 250
        assert 2 < model.ffn / model.hidden < 6


@given(st.floats(7.5, 14.5), st.floats(1.2, 30.0))
def test_a_larger_size_is_a_larger_model(exponent: float, factor: float) -> None:
    small, large = architecture_of_size(10.0**exponent), architecture_of_size(factor * 10.0**exponent)
    assert large.parameters > small.parameters
    assert large.hidden**2 * large.n_layers > 0.8 * small.hidden**2 * small.n_layers


@pytest.mark.parametrize("size", [0.0, -7e9, 9e5, 2e18, math.nan, math.inf])
def test_sizes_out_of_range_are_refused(size: float) -> None:
    with pytest.raises(RangeError, match="expected between 1e6 and 1e18"):
        architecture_of_size(size)


def test_the_vocabulary_and_name_of_a_size_may_be_given() -> None:
    model = architecture_of_size(7e9, vocab=32_000, name="mine")
    assert (model.vocab, model.name) == (32_000, "mine")
    assert model.parameters == pytest.approx(7e9, rel=0.02)


@given(st.floats(10.0, 12.3), st.floats(0.08, 0.89))
def test_a_sparse_model_of_a_size_has_both_counts(exponent: float, share: float) -> None:
    total = 10.0**exponent
    model = sparse_of_size(total, share * total)
    assert model.is_moe
    assert model.parameters == pytest.approx(total, rel=0.05)
    assert model.active_parameters == pytest.approx(share * total, rel=0.05)
    assert model.n_heads * model.head_dim == model.hidden
    assert model.n_heads % model.n_kv_heads == 0


@pytest.mark.parametrize(("total", "active"), [(671e9, 37e9), (1e12, 32e9), (400e9, 17e9), (120e9, 5.1e9), (1e9, 1e8)])
def test_very_sparse_models_have_both_counts_too(total: float, active: float) -> None:
    model = sparse_of_size(total, active)
    assert model.parameters == pytest.approx(total, rel=0.05)
    assert model.active_parameters == pytest.approx(active, rel=0.05)


def test_a_model_that_uses_nearly_all_of_itself_is_dense() -> None:
    model = sparse_of_size(70e9, 69e9)
    assert not model.is_moe
    assert model.parameters == pytest.approx(70e9, rel=0.02)


@pytest.mark.parametrize(("total", "active"), [(1e9, 2e9), (1e9, 1e5), (math.nan, 1e9), (1e9, math.nan), (-1e9, 1e7)])
def test_impossible_sparse_sizes_are_refused(total: float, active: float) -> None:
    with pytest.raises(RangeError, match="no more than all"):
        sparse_of_size(total, active)
