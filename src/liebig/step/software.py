"""Training software as a plan sees it: what it fuses, what it overlaps, how long it takes to launch work."""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from liebig.catalog import constant, load_catalog
from liebig.catalog.training_rows import SoftwareRow
from liebig.cluster.chip import Chip
from liebig.errors import UnknownNameError

__all__ = ["Software", "software", "software_names", "software_of"]

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Software(BaseModel):
    """A framework of one generation; the columns are described in the table ``software``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["megatron", "fsdp", "xla", "neuron"] = "megatron"
    attention: Literal["eager", "fused-softmax", "flash1", "flash2", "cudnn8", "flash3"] = "flash2"
    launch_s: Amount = 0.4e-3
    launch_moe_s: Amount = 2.0e-3
    step_s: Amount = 0.01
    stream_passes: Amount = 1.0
    overlap_tp: Share = 0.0
    overlap_dp: Share = 0.9
    overlap_gather: Share = 0.9
    overlap_ep: Share = 0.0
    gradient_bytes: Amount = 4.0
    gradient_memory: Amount = 4.0
    recompute_share: Share = 1.0
    recompute_light: bool = False
    accumulate_bytes: Amount = 8.0
    loss_bytes: Amount = 40.0
    network_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    dropout_bytes: Amount = 0.0
    norm_bytes: Amount = 0.0
    kept_score_bytes: Amount = 5.0
    logit_bytes: Amount = 12.0
    vocab_parallel: bool = True
    sends_once: bool = False
    split_sends: bool = True
    context_bytes: Amount = 4.0e9
    fragmentation: Annotated[float, Field(ge=1)] = 1.08
    interleaved: bool = False

    @property
    def fused_attention(self) -> bool:
        """True when scores never reach the memory."""
        return self.attention.startswith(("flash", "cudnn"))

    def attention_share(self, chip: Chip) -> float:
        """Speed of this generation of fused attention next to the best measured on the chip.

        FlashAttention 2 does not use what Hopper and Blackwell added (``attention.*`` in the table ``constants``).
        Where the share falls, at ``attention.newer_flop_per_s``, the speed does not: a kernel runs as on the largest
        older chip until the smaller share of a larger peak is more.
        """
        if self.attention not in ("flash1", "flash2", "cudnn8"):
            return 1.0
        threshold = constant("attention.newer_flop_per_s")
        old, new = (constant(f"attention.{self.attention}_{chips}") for chips in ("older", "newer"))
        return old if chip.peak_bf16 <= threshold else max(new, old * threshold / chip.peak_bf16)

    @property
    def score_bytes(self) -> float:
        """Bytes moved per attention score in a forward pass, beyond what the products themselves move."""
        if self.attention == "eager":
            return constant("attention.eager_score_bytes")
        return constant("attention.fused_softmax_score_bytes") if self.attention == "fused-softmax" else 0.0


@functools.cache
def _profiles() -> tuple[tuple[SoftwareRow, Software], ...]:
    out = []
    for row in load_catalog().table("software"):
        assert isinstance(row, SoftwareRow)
        values: dict[str, Any] = {k: getattr(row, k) for k in Software.model_fields}
        out.append((row, Software(**values)))
    return tuple(out)


def software_names() -> tuple[str, ...]:
    """Names of the built-in profiles."""
    return tuple(s.name for _, s in _profiles())


def software(name: str) -> Software:
    """A profile by its name.

    Raises:
        UnknownNameError: no such profile.

    >>> software("megatron-core").interleaved
    True
    """
    known = {s.name: s for _, s in _profiles()}
    if name not in known:
        raise UnknownNameError("software", name, known)
    return known[name]


def software_of(framework: str, year: int = 2025, chip: str = "", notes: str = "") -> Software:
    """The profile that a published description of a framework fits best.

    >>> software_of("NeMo/Megatron-Bridge 26.02", 2026, "GB200-NVL72").name
    'nemo-26'
    """
    text = framework.lower()
    found = re.search(r"\b(2\d)\.(\d\d)\b", text)
    release = f"{found.group(1)}.{found.group(2)}" if found else ""
    for row, profile in _profiles():
        if row.match and not re.search(row.match, text):
            continue
        if row.chips and not re.fullmatch(row.chips, chip):
            continue
        if (row.from_year and year < row.from_year) or (row.to_year and year > row.to_year):
            continue
        if (row.from_release or row.to_release) and not release:
            continue
        if (row.from_release and release < row.from_release) or (row.to_release and release > row.to_release):
            continue
        return _with_kernel(profile, f"{text} {notes.lower()}")
    return software("modern")


def _with_kernel(profile: Software, text: str) -> Software:
    """The profile with the attention kernel that a description names."""
    changed: dict[str, Any] = {}
    if "without te" in text:
        changed = {"attention": "fused-softmax"}
    elif "kernel=torch" in text:
        changed = {"attention": "eager", "kept_score_bytes": constant("attention.torch_kept_bytes")}
    elif "kernel=fused" in text:
        changed = {"attention": "fused-softmax"}
    elif "kernel=flash_attentionv1" in text or re.search(r"kernel=flash_attention(\s|$)", text):
        changed = {"attention": "flash1"}
    if "dispatcher a2a" in text:
        changed |= {"sends_once": False}
    elif "deepep" in text:
        changed |= {"sends_once": True}
    if "tp-comm-overlap" in text:
        changed |= {"overlap_tp": max(profile.overlap_tp, constant("software.stated_overlap"))}
    if "1f1b overlap" in text:
        changed |= {"overlap_ep": constant("software.stated_overlap")}
    if "rms kernel" in text:
        changed |= {"stream_passes": 1.0, "norm_bytes": 0.0}
    return profile.model_copy(update=changed)
