"""A transformer model, from the catalogue, from a ``config.json`` on disk, or from a few numbers."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from liebig.catalog import load_catalog
from liebig.catalog.training_rows import ArchitectureRow
from liebig.dates import calendar_year
from liebig.errors import InputError, RangeError, UnknownNameError
from liebig.reading import is_file, made
from liebig.transformer.arithmetic import active_parameters, parameters
from liebig.transformer.huggingface import read_config
from liebig.transformer.shape import Shape

__all__ = [
    "Architecture",
    "architecture",
    "architecture_from_fields",
    "architecture_names",
    "architecture_of_size",
    "published_year",
    "sparse_of_size",
]

Count = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[int, Field(ge=1, le=10**9)]


class Architecture(BaseModel):
    """Dimensions of one model; what is left out follows from what is given.

    >>> a = Architecture(n_layers=32, hidden=4096, vocab=32000, ffn=11008, gated_mlp=True)
    >>> a.n_heads, a.head_dim, round(a.parameters / 1e9, 2)
    (32, 128, 6.74)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "custom"
    n_layers: Positive
    hidden: Positive
    vocab: Positive = 32_000
    n_heads: Count = 0
    n_kv_heads: Count = 0
    head_dim: Count = 0
    ffn: Count = 0
    gated_mlp: bool = True
    tied_embeddings: bool = False
    learned_positions: Count = 0
    n_experts: Count = 0
    top_k: Count = 0
    moe_ffn: Count = 0
    shared_ffn: Count = 0
    n_dense_layers: Count = 0
    moe_every: Positive = 1
    mla: bool = False
    q_lora_rank: Count = 0
    kv_lora_rank: Count = 0
    qk_nope_head_dim: Count = 0
    qk_rope_head_dim: Count = 0
    v_head_dim: Count = 0
    window: Count = 0
    full_attention_every: Count = 1
    attention_bias: bool = False
    relative_positions: bool = False
    max_seq_len: Count = 0

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        try:
            return _filled({k: v for k, v in given.items() if v is not None})
        except (TypeError, ValueError, OverflowError):
            return given  # left as it is, for the check of each field to report

    @model_validator(mode="after")
    def _consistent(self) -> Architecture:
        problems = []
        if self.n_heads % self.n_kv_heads:
            problems.append(f"n_heads {self.n_heads} is not a multiple of n_kv_heads {self.n_kv_heads}")
        if self.n_experts and not 1 <= self.top_k <= self.n_experts:
            problems.append(f"top_k {self.top_k} must lie between 1 and n_experts {self.n_experts}")
        if self.n_dense_layers > self.n_layers:
            problems.append(f"n_dense_layers {self.n_dense_layers} exceeds n_layers {self.n_layers}")
        if self.mla and not (self.kv_lora_rank and self.qk_nope_head_dim and self.v_head_dim):
            problems.append("latent attention needs kv_lora_rank, qk_nope_head_dim and v_head_dim")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @functools.cached_property
    def shape(self) -> Shape:
        """The dimensions as floats, for the arithmetic."""
        numbers = {k: np.float64(getattr(self, k)) for k in type(self).model_fields if k not in ("name", "max_seq_len")}
        return Shape(**numbers)  # type: ignore[arg-type]

    @property
    def parameters(self) -> float:
        """All weights."""
        return float(parameters(self.shape))

    @property
    def active_parameters(self) -> float:
        """Weights that one token passes through."""
        return float(active_parameters(self.shape))

    @property
    def is_moe(self) -> bool:
        """True for a mixture of experts."""
        return self.n_experts > 0


def _filled(out: dict[str, Any]) -> dict[str, Any]:
    hidden = int(out.get("hidden", 0))
    heads = int(out.get("n_heads", 0) or 0)
    width = int(out.get("head_dim", 0) or 0)
    if hidden and not heads:
        heads = max(1, round(hidden / (width or (128 if hidden >= 1024 else 64))))
    if heads and not width and hidden:
        width = max(1, hidden // heads)
    out.update(n_heads=heads, head_dim=width, n_kv_heads=int(out.get("n_kv_heads", 0) or 0) or heads)
    sparse = int(out.get("n_experts", 0) or 0) > 0
    if hidden and not out.get("ffn") and not sparse:
        out["ffn"] = 256 * math.ceil(8 * hidden / 3 / 256) if out.get("gated_mlp", True) else 4 * hidden
    if sparse and not out.get("moe_ffn"):
        out["moe_ffn"] = out.get("ffn") or 4 * hidden
    return out


def _from_row(row: ArchitectureRow) -> Architecture:
    same = set(Architecture.model_fields) & set(ArchitectureRow.model_fields)
    values = {k: getattr(row, k) for k in same}
    values.update(
        learned_positions=row.max_seq_len if row.position == "learned" else 0,
        mla=row.attention == "mla",
        relative_positions=row.position == "relative",
        window=row.sliding_window,
        moe_every=row.moe_every or 1,
        full_attention_every=1 if row.full_attention_every is None else row.full_attention_every,
    )
    return Architecture(**values)


@functools.cache
def _catalogue() -> dict[str, Architecture]:
    rows = load_catalog().table("architectures")
    return {row.name: _from_row(row) for row in rows if isinstance(row, ArchitectureRow)}


@functools.cache
def _spellings() -> dict[str, str]:
    """Plain spelling -> name; names come before aliases."""
    rows = [r for r in load_catalog().table("architectures") if isinstance(r, ArchitectureRow)]
    out = {_plain(row.name): row.name for row in rows}
    for row in rows:
        for alias in row.aliases.split(";"):
            if _plain(alias):
                out.setdefault(_plain(alias), row.name)
    return out


def published_year(name: str) -> int | None:
    """Year in which a model of the catalogue was published, None for others.

    >>> published_year("Llama2-7B")
    2023
    """
    dates = {r.name: r.as_of for r in load_catalog().table("architectures") if isinstance(r, ArchitectureRow)}
    found = dates.get(_spellings().get(_plain(name), ""))
    return None if found is None else calendar_year(found)


def architecture_names() -> tuple[str, ...]:
    """Names of the built-in architectures."""
    return tuple(_catalogue())


def _plain(name: str) -> str:
    """Letters and digits in lower case, and points between digits: 1.3B is not 13B."""
    return re.sub(r"(?<!\d)\.|\.(?!\d)|[^a-z0-9.]", "", name.lower())


def architecture(name: str | Path) -> Architecture:
    """A model by its name, by the path of a Hugging Face ``config.json``, or by its size ("70B").

    Raises:
        UnknownNameError: no such model; lists the nearest names.
        InputError: the file is not the configuration of a transformer that generates text.

    >>> architecture("llama-3.1-405b").hidden
    16384
    """
    text = str(name).strip()
    path = Path(text)
    if path.suffix == ".json" or is_file(path / "config.json"):
        return architecture_from_fields(read_config(path), text)
    known = _catalogue()
    if text in known:
        return known[text]
    if _plain(text) in _spellings():
        return known[_spellings()[_plain(text)]]
    if text[:1].isdigit() or text[:1] == ".":
        return architecture_of_size(_size(text))
    raise UnknownNameError("model", text, known)


def _size(text: str) -> float:
    units = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
    head, tail = text[:-1], text[-1:].lower()
    try:
        return float(head) * units[tail] if tail in units else float(text)
    except ValueError:
        raise InputError(f"{text!r}: expected a model's name, a config.json, or a size such as 70B") from None


def architecture_from_fields(fields: dict[str, Any], where: str = "model") -> Architecture:
    """A model from a mapping of field names to numbers.

    Raises:
        InputError: a field is missing, unknown or impossible; all problems are named.
    """
    return made(Architecture, fields, where)


def architecture_of_size(n_parameters: float, vocab: int = 128_256, name: str = "") -> Architecture:
    """A dense model of about the given number of parameters, with today's usual proportions.

    Width is near 128 times depth at any size, as in GPT-3 175B and Llama 3.1 405B, with grouped-query
    attention of up to 8 key-value heads and a gated MLP of about 3.5 widths.  Depth and width are such that
    usual tensor and pipeline sizes divide them; the MLP takes up what that leaves.

    Raises:
        RangeError: fewer than a million parameters or more than 1e18.

    >>> a = architecture_of_size(70e9)
    >>> a.n_layers, a.hidden, a.ffn, round(a.parameters / 1e9)
    (80, 8192, 28416, 70)
    """
    if not 1e6 <= n_parameters <= 1e18:
        raise RangeError(f"{n_parameters:g} parameters: expected between 1e6 and 1e18")
    vocab = min(vocab, max(256, 256 * int(n_parameters / 2e3 / 256)))
    middle = (128.0 * n_parameters / 12.0) ** (1.0 / 3.0)
    found: list[tuple[float, int, int, int]] = []
    for hidden in _widths(middle):
        heads = hidden // 128
        attention = 2 * hidden * hidden + 2 * hidden * 128 * _key_value_heads(heads)
        for depth in _depths(hidden / 128.0):
            left = (n_parameters - 2.0 * vocab * hidden) / depth - attention
            ffn = max(64, 64 * round(left / (3.0 * hidden) / 64.0))
            off = abs(math.log(ffn / (3.5 * hidden))) + 0.5 * abs(math.log(128.0 * depth / hidden))
            found.append((off, hidden, depth, ffn))
    _, hidden, depth, ffn = min(found)
    return Architecture(
        name=name or f"dense-{n_parameters / 1e9:.3g}B", n_layers=depth, hidden=hidden, n_heads=hidden // 128,
        head_dim=128, n_kv_heads=_key_value_heads(hidden // 128), ffn=ffn, vocab=vocab,
    )  # fmt: skip


def _key_value_heads(heads: int) -> int:
    return max(g for g in range(1, 9) if heads % g == 0)


def _widths(middle: float) -> list[int]:
    """Round widths within a factor of 1.6 of one."""
    unit = 128
    while unit * 8 < middle:
        unit *= 2
    return [unit * i for i in range(max(1, int(middle / 1.6 / unit)), int(1.6 * middle / unit) + 2)]


def _depths(middle: float) -> list[int]:
    """Depths near one that have many divisors."""
    steps = ((8, 1), (16, 2), (64, 4), (128, 8), (256, 16))
    unit = next((unit for below, unit in steps if middle < below), 32)
    return sorted({max(1, unit * (int(middle / unit) + i)) for i in (-1, 0, 1, 2)})


def sparse_of_size(total: float, active: float, vocab: int = 151_936, name: str = "") -> Architecture:
    """A mixture of experts of about the given number of parameters, all and active.

    Widths grow with the square root of the active parameters, as from OLMoE (1.3e9, 2048) through Qwen3 (3.3e9,
    2048 and 22e9, 4096) to DeepSeek-V3 (37e9, 7168); 128 experts of which 8 are used, as in Qwen3 and many models
    since, or more or fewer where the sizes ask for it.

    Raises:
        RangeError: more active parameters than all, or sizes that no model has.

    >>> a = sparse_of_size(235e9, 22e9)
    >>> round(a.parameters / 1e9), round(a.active_parameters / 1e9), a.n_experts
    (235, 22, 128)
    """
    if not 1e6 <= active <= total <= 1e16:
        raise RangeError(f"{active:g} active of {total:g} parameters: expected 1e6 to 1e16, and no more than all")
    if active > 0.9 * total:
        return architecture_of_size(total, vocab, name)
    vocab = min(vocab, max(256, 256 * int(active / 8e3 / 256)))
    found = [
        (_miss(a, total, active) + 0.01 * place, place, a)
        for place, (experts, used) in enumerate(EXPERTS)
        for a in _with_experts(total, active, vocab, name, experts, used)
    ]
    return min(found, key=lambda f: f[:2])[2] if found else architecture_of_size(active, vocab, name)


#: Experts and how many of them a token uses, in the order of preference.
EXPERTS = (
    (128, 8), (256, 8), (384, 8), (512, 8), (512, 10), (64, 8), (64, 4), (32, 4), (256, 4), (512, 4), (16, 2),
    (8, 2), (512, 2),
)  # fmt: skip


def _with_experts(total: float, active: float, vocab: int, name: str, experts: int, used: int) -> list[Architecture]:
    """Models of all widths whose experts take up what both sizes leave."""
    out = []
    for hidden in _sparse_widths(active):
        depth = max(1, round(hidden / 128 * 1.5))
        heads, idle = hidden // 128, total - active
        attention = 2 * hidden * hidden + 2 * hidden * 512
        rest = active - depth * (attention + experts * hidden) - 2 * vocab * hidden
        if rest <= 0:
            break
        width = idle / (depth * (experts - used) * 3 * hidden)
        shared = rest / (depth * 3 * hidden) - used * width
        if width < 16 or shared < -0.3 * used * width or max(width, shared) > 1e9:  # no field is wider
            continue
        out.append(
            Architecture(
                name=name or f"moe-{total / 1e9:.3g}B-A{active / 1e9:.3g}B", n_layers=depth, hidden=hidden,
                n_heads=heads, head_dim=128, n_kv_heads=max(g for g in range(1, 5) if heads % g == 0), vocab=vocab,
                n_experts=experts, top_k=used, moe_ffn=max(1, round(width)), shared_ffn=max(0, round(shared)),
            )
        )  # fmt: skip
    return out


def _sparse_widths(active: float) -> list[int]:
    """Widths up to the one whose attention alone has the active parameters."""
    most = (128.0 * active / 1.5 / 2.0) ** (1.0 / 3.0)
    unit = 128
    while unit * 64 < most:
        unit *= 2
    return [unit * i for i in range(1, int(most / unit) + 2)]


def _miss(a: Architecture, total: float, active: float) -> float:
    """How far a model is from the sizes asked for, and from the shapes that published ones have."""
    usual = 2048.0 * math.sqrt(active / 3e9)
    return (
        abs(math.log(a.parameters / total))
        + abs(math.log(a.active_parameters / active))
        + 0.03 * abs(math.log(a.hidden / usual))
        + 0.03 * max(0.0, abs(math.log(2.5 * a.moe_ffn / a.hidden)) - 0.7)  # experts are 0.2 to 0.8 of the width
        + 1e-3 * a.shared_ffn / a.hidden
    )
