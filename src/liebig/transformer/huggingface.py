"""Read the dimensions of a model from the ``config.json`` of Hugging Face's transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from liebig.errors import InputError
from liebig.reading import is_folder, read_json

__all__ = ["fields_of_config", "read_config"]

#: Our field -> the names that configurations use for it, in the order they are looked for.
NAMES: dict[str, tuple[str, ...]] = {
    "n_layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "n_heads": ("num_attention_heads", "n_head", "n_heads"),
    "n_kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"),
    "head_dim": ("head_dim", "attention_head_dim", "kv_channels"),
    "ffn": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "d_inner"),
    "vocab": ("padded_vocab_size", "vocab_size"),
    "n_experts": ("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"),
    "top_k": ("num_experts_per_tok", "moe_topk", "moe_top_k", "num_experts_per_token", "experts_per_token"),
    "moe_ffn": ("moe_intermediate_size", "expert_ffn_hidden_size"),
    "n_dense_layers": ("first_k_dense_replace",),
    "moe_every": ("decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq"),
    "q_lora_rank": ("q_lora_rank",),
    "kv_lora_rank": ("kv_lora_rank",),
    "qk_nope_head_dim": ("qk_nope_head_dim",),
    "qk_rope_head_dim": ("qk_rope_head_dim",),
    "v_head_dim": ("v_head_dim",),
    "max_seq_len": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
}
#: Families with a plain MLP of two matrices.
PLAIN_MLP = {
    "gpt2",
    "gpt_neo",
    "gpt_neox",
    "gptj",
    "opt",
    "bloom",
    "falcon",
    "mpt",
    "gpt_bigcode",
    "starcoder2",
    "codegen",
    "phi",
    "nemotron",
    "persimmon",
    "stablelm_epoch",
    "RefinedWeb",
    "RefinedWebModel",
}
LEARNED_POSITIONS = {"gpt2", "gpt_neo", "opt", "gpt_bigcode", "biogpt"}
TIED_BY_DEFAULT = {
    "gpt2",
    "gpt_neo",
    "opt",
    "bloom",
    "mpt",
    "gpt_bigcode",
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3_text",
    "falcon",
    "cohere",
    "cohere2",
}
#: Families of models that this arithmetic does not describe.
OTHER = ("mamba", "rwkv", "retnet", "vit", "resnet", "convnext", "clip", "unet", "whisper", "wav2vec", "bert",
         "t5", "bart", "roberta", "electra", "deberta", "albert", "jamba", "hyena", "diffusion", "swin", "deit",
         "detr")  # fmt: skip
#: Keys of configurations whose layers are not all alike, or not transformer layers.
UNLIKE = ("hybrid_override_pattern", "block_configs", "mamba_d_state", "mamba_num_heads", "ssm_state_size",
          "layers_block_type", "ssm_cfg")  # fmt: skip
LINEAR_BLOCK = 128
ENCODER_DECODER = {"t5", "mt5", "bart", "pegasus", "marian", "m2m_100"}


def read_config(path: str | Path) -> dict[str, Any]:
    """Dimensions from a ``config.json``, or from a folder that holds one.

    Raises:
        InputError: no such file, not JSON, or not a transformer that generates text.
    """
    path = Path(path)
    if is_folder(path):
        path = path / "config.json"
    content = read_json(path, "a config.json")
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected an object with model_type, hidden_size ..., got {type(content).__name__}")
    name = path.parent.name if path.name == "config.json" and path.parent.name else path.stem
    return fields_of_config(content, name, str(path))


def fields_of_config(config: dict[str, Any], name: str = "model", where: str | None = None) -> dict[str, Any]:
    """Fields of an ``Architecture`` from a configuration that is already read.

    Args:
        config: what the file holds.
        name: of the model, where the configuration does not tell.
        where: what errors name; otherwise the name.

    Raises:
        InputError: not the configuration of a transformer that generates text.

    >>> fields_of_config({"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64,
    ...                   "num_attention_heads": 4, "intermediate_size": 172, "vocab_size": 1000})["ffn"]
    172
    """
    where = where or name
    for inner in ("text_config", "language_config", "llm_config"):
        if isinstance(config.get(inner), dict):
            config = {**{k: v for k, v in config.items() if k == "tie_word_embeddings"}, **config[inner]}
    kind = str(config.get("model_type", ""))
    _refuse_others(config, kind, where)
    out: dict[str, Any] = {"name": str(config.get("_name_or_path") or name).rsplit("/", 1)[-1] or name}
    for ours, theirs in NAMES.items():
        value = next((config[t] for t in theirs if config.get(t) is not None), None)
        if isinstance(value, list):
            value = max((_integer(v, ours, where) for v in value), default=None)
        if value is not None:
            out[ours] = _integer(value, ours, where)
    missing = [f"{k} ({' or '.join(NAMES[k])})" for k in ("n_layers", "hidden", "n_heads", "vocab") if k not in out]
    if missing:
        raise InputError(
            f"{where}: not the configuration of a transformer that generates text: no {', no '.join(missing)}"
        )
    _details(out, config, kind)
    return out


def _integer(value: Any, what: str, name: str) -> int:
    """A whole number that a model could have.

    Raises:
        InputError: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 10**9:
        shown = repr(value)
        raise InputError(f"{name}: {what} is {shown[:40]}; expected a whole number up to a billion")
    return value


def _refuse_others(config: dict[str, Any], kind: str, name: str) -> None:
    named = config.get("architectures")
    if named is not None and not isinstance(named, (list, str)):
        raise InputError(f"{name}: architectures is {named!r}; expected a list of names of classes")
    classes = " ".join(str(a) for a in named) if isinstance(named, list) else named or ""
    if config.get("is_encoder_decoder") or kind in ENCODER_DECODER:
        raise InputError(f"{name}: {kind or classes} has an encoder and a decoder; only decoders are described here")
    odd = [k for k in UNLIKE if config.get(k)]
    if odd:
        raise InputError(
            f"{name}: {odd[0]} tells of layers that differ from each other or have no attention; not described here"
        )
    if any(kind.startswith(o) or kind.endswith(o) for o in OTHER):
        raise InputError(f"{name}: model_type {kind!r} is not a transformer that generates text")


def _details(out: dict[str, Any], config: dict[str, Any], kind: str) -> None:
    """What one number of the configuration does not tell."""
    act = str(config.get("hidden_act") or config.get("activation_function") or config.get("hidden_activation") or "")
    gated = kind not in PLAIN_MLP and not (kind == "" and act.startswith("gelu"))
    out["gated_mlp"] = gated
    out["tied_embeddings"] = bool(config.get("tie_word_embeddings", kind in TIED_BY_DEFAULT))
    if kind in LEARNED_POSITIONS:
        out["learned_positions"] = out.get("max_seq_len", 0)
    if kind in ("gpt2", "gpt_neo", "gptj", "opt", "bloom", "gpt_neox", "gpt_bigcode", "qwen2", "qwen2_moe"):
        out["attention_bias"] = True
    if config.get("multi_query") and "n_kv_heads" not in out:
        out["n_kv_heads"] = 1
    name, ratio = out["name"], config.get("expansion_ratio")
    if "ffn" not in out and ratio is not None:
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 < ratio < 1000:
            raise InputError(f"{name}: expansion_ratio is {ratio!r}; expected a number between 0 and 1,000")
        out["ffn"] = int(ratio * out["hidden"])
    if isinstance(config.get("attn_config"), dict) and config["attn_config"].get("kv_n_heads"):
        out["n_kv_heads"] = _integer(config["attn_config"]["kv_n_heads"], "n_kv_heads", name)
    if isinstance(config.get("ffn_config"), dict):
        inner = config["ffn_config"]
        out.update(
            {
                k: _integer(inner[t], k, name)
                for k, t in (("n_experts", "moe_num_experts"), ("top_k", "moe_top_k"), ("moe_ffn", "ffn_hidden_size"))
                if inner.get(t)
            }
        )
    if out.get("kv_lora_rank"):
        out["mla"] = True
        out.pop("head_dim", None)
    if out.get("n_experts", 0) > 1:
        _experts(out, config, kind)
    else:
        for k in ("n_experts", "top_k", "moe_ffn", "n_dense_layers", "moe_every"):
            out.pop(k, None)
    _window(out, config, kind)


def _experts(out: dict[str, Any], config: dict[str, Any], kind: str) -> None:
    out.setdefault("moe_ffn", out.get("ffn", 0))
    out.setdefault("top_k", 1)
    width = config.get("shared_expert_intermediate_size")
    if not isinstance(width, int):
        shared = config.get("n_shared_experts") or config.get("num_shared_experts") or 0
        width = _integer(shared, "n_shared_experts", out["name"]) * out["moe_ffn"]
    if kind.startswith("llama4"):
        width = out["moe_ffn"]
        out["ffn"] = _integer(config.get("intermediate_size_mlp") or out.get("ffn", 0), "ffn", out["name"])
    out["shared_ffn"] = width
    if not out.get("moe_every"):
        out.pop("moe_every", None)


def _window(out: dict[str, Any], config: dict[str, Any], kind: str) -> None:
    kinds = config.get("layer_types")
    if isinstance(kinds, list) and any("linear" in str(k) for k in kinds):
        full = sum("full" in str(k) for k in kinds)
        # linear attention costs about as much as looking back over one block
        out.update(window=LINEAR_BLOCK, full_attention_every=round(len(kinds) / full) if full else 0)
        return
    window = config.get("sliding_window")
    if not isinstance(window, int) or window <= 0 or config.get("use_sliding_window") is False:
        return
    out["window"] = window
    if isinstance(kinds, list) and kinds:
        full = sum("full" in str(k) for k in kinds)
        out["full_attention_every"] = round(len(kinds) / full) if full else 0
    elif isinstance(config.get("sliding_window_pattern"), int):
        out["full_attention_every"] = config["sliding_window_pattern"]
    else:
        out["full_attention_every"] = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "gpt_oss": 2}.get(kind, 0)
