"""What a model amounts to, in rows: parameters, FLOP by convention, bytes in training and inference."""

from __future__ import annotations

from typing import Any

from liebig.transformer.architecture import Architecture
from liebig.transformer.arithmetic import (
    FLOP_CONVENTIONS,
    activation_bytes,
    attention_flops,
    flops_per_token,
    kv_cache_bytes_per_token,
    matmul_flops,
)

__all__ = ["summarise"]


def summarise(model: Architecture, length: float = 8192.0, sequences: float = 1.0) -> list[dict[str, Any]]:
    """Records of quantity, value, unit and note.

    Args:
        model: the model.
        length: tokens of a sequence.
        sequences: of a micro-batch, for the activations.

    >>> from liebig.transformer import architecture
    >>> rows = {r["quantity"]: r["value"] for r in summarise(architecture("Llama2-7B"), 4096)}
    >>> round(rows["parameters"] / 1e9, 2), round(rows["FLOP per trained token, 6n"] / 1e10, 2)
    (6.74, 4.04)
    """
    s = model.shape
    rows: list[dict[str, Any]] = []

    def add(quantity: str, value: float, unit: str, note: str = "") -> None:
        rows.append({"quantity": quantity, "value": float(value), "unit": unit, "note": note})

    add("parameters", model.parameters, "parameters")
    add("active parameters", model.active_parameters, "parameters", "that one token passes through")
    for name, words in FLOP_CONVENTIONS.items():
        add(f"FLOP per trained token, {name}", float(flops_per_token(s, length, name)), "FLOP", words)
    forward = float(matmul_flops(s) + attention_flops(s, length))
    add("FLOP per token read", forward, "FLOP", "a forward pass over a prompt of this length, causal")
    decode = float(matmul_flops(s) + 2.0 * attention_flops(s, length))
    add("FLOP per token written", decode, "FLOP", "one more token after a context of this length")
    add("weights in two bytes", 2.0 * model.parameters, "B")
    add("weights read per token written", 2.0 * model.active_parameters, "B", "batch of one, two bytes a weight")
    add("cache per token of context", float(kv_cache_bytes_per_token(s)), "B", "two bytes a number, all layers")
    add("states in training", 18.0 * model.parameters, "B", "weights 2, gradients 4, master weights and moments 12")
    for kind in ("none", "selective", "full"):
        value = float(activation_bytes(s, length, sequences, kind))
        add(f"activations of a micro-batch, recompute {kind}", value, "B", "fused attention, one chip holds all")
    return rows
