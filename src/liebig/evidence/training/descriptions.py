"""What the words of a published run mean: recomputation, sharding, schedule, network, and how FLOP were counted."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping

from liebig.catalog import load_catalog
from liebig.catalog.training_rows import NetworkRow
from liebig.step.pipeline import SCHEDULE_NAMES
from liebig.step.software import Software

__all__ = ["convention_of", "flag_of", "network_of", "recompute_of", "schedule_of", "sharding_of"]

Row = Mapping[str, str]


def _text(row: Row, *names: str) -> str:
    return " ".join(str(row.get(k) or "") for k in names)


@functools.cache
def _networks() -> tuple[tuple[re.Pattern[str], float], ...]:
    rows = load_catalog().table("networks")
    return tuple((re.compile(r.match), r.gbit_per_chip * 1e9 / 8.0) for r in rows if isinstance(r, NetworkRow))


def network_of(row: Row, chips_per_node: int) -> float:
    """Bytes per second and chip between nodes, when the description states it or names a known cluster.

    >>> network_of({"framework": "x (8xHDR200 IB per node)"}, 8)
    25000000000.0
    >>> network_of({"notes": "4x100Gb RoCE per node"}, 8)
    6250000000.0
    >>> network_of({"framework": "MaxText on GCP A3 (GPUDirect-TCPX)"}, 8)
    12500000000.0
    >>> network_of({}, 8)
    nan
    """
    text = _text(row, "host_networking", "framework", "notes")
    many = re.search(r"(\d+)\s*[x×]\s*(?:HDR|NDR|EDR|CX\d)?\s*(\d{2,3})\s*(?:Gb|G\b|IB|\b)", text)
    if many and int(many.group(2)) in (25, 50, 100, 200, 400, 800):
        return int(many.group(1)) * int(many.group(2)) / 8.0 * 1e9 / chips_per_node
    whole = re.search(r"(\d{2,4})\s*Gb(?:ps|/s|it/s)[^.;,]{0,30}per node", text)
    if whole:
        return int(whole.group(1)) / 8.0 * 1e9 / chips_per_node
    lower = text.lower()
    return next((rate for pattern, rate in _networks() if pattern.search(lower)), math.nan)


def flag_of(text: str | None) -> int:
    """1 or 0 for yes or no, −1 when nothing is said.

    >>> flag_of("1"), flag_of("False"), flag_of("")
    (1, 0, -1)
    """
    t = str(text or "").strip().lower()
    return -1 if not t else int(t in ("1", "true", "yes", "1.0"))


def recompute_of(text: str) -> float:
    """Share of recomputation as in ``Layouts.recompute``; −1 when nothing is said.

    >>> [recompute_of(t) for t in ("", "none", "selective", "full", "minimal", "qkv_proj_offloaded")]
    [-1.0, 0.0, 1.0, 2.0, 1.1, 1.6]
    """
    t = text.lower().strip()
    if not t or t.startswith(("unknown", "per recipe", "see ", "not stated")):
        return -1.0
    if "full" in t or t.startswith("yes"):
        return 2.0
    if t.startswith(("none", "no ", "off", "false")):
        return 0.0
    if t.startswith("minimal"):
        return 1.1
    if any(mark in t for mark in ("custom", "save_", "offload", "except")):
        return 1.6
    return 1.0


def sharding_of(row: Row, stage: int, software: Software, chips: int) -> tuple[int, int]:
    """ZeRO stage and the chips one copy is spread over (0: the data-parallel group).

    Args:
        row: the description.
        stage: ZeRO stage as stated, −1 when not.
        software: frameworks of fully sharded training shard weights where nothing is said.
        chips: of the run.

    >>> from liebig.step.software import software
    >>> fsdp = software("fsdp")
    >>> sharding_of({"fsdp": "HSDP"}, -1, fsdp, 64), sharding_of({"fsdp": "FSDP256"}, -1, fsdp, 512)
    ((3, 8), (3, 256))
    >>> sharding_of({"fsdp": "FSDP1"}, -1, fsdp, 64), sharding_of({"notes": "zero1 group=8"}, 1, fsdp, 64)
    ((0, 0), (1, 8))
    """
    text = _text(row, "fsdp").lower()
    if "ddp" in text:
        return 1, 0
    group = re.search(r"zero-?(\d) group[ =]*(\d+)", _text(row, "notes").lower())
    if group:
        return int(group.group(1)), min(int(group.group(2)), chips)
    found = re.search(r"fsdp[_ =]*(?:parallelism)?[= ]*(\d+)|(\d+)-way fsdp", text)
    size = int(next(g for g in found.groups() if g)) if found else 0
    if size == 1 and "transpose" not in text:
        return 0, 0
    if "fsdp" in text or "full_shard" in text or "zero-3" in text:
        stage = 3
    if "shard_grad_op" in text or "zero-2" in text:
        stage = 2
    if "hybrid" in text or "hsdp" in text:
        size = size or 8
    if stage < 0 and software.kind in ("fsdp", "xla"):
        stage = 3
    return stage, min(size, chips) if size > 1 else 0


def schedule_of(row: Row) -> int:
    """Index of ``SCHEDULES``, one forward, one backward where nothing is said.

    >>> names = ("1f1b", "zbv", "ZB-2p", "dualpipe", "v-min")
    >>> [SCHEDULE_NAMES[schedule_of({"notes": f"pipeline schedule: {n}"})] for n in names]
    ['1f1b', 'zb-1p', 'zb-2p', 'dualpipe', '1f1b']
    """
    text = _text(row, "schedule", "pipeline_schedule", "notes", "framework").lower()
    if "dualpipe" in text:
        return SCHEDULE_NAMES.index("dualpipe")
    if re.search(r"\bzb-?(2p|h2)", text):
        return SCHEDULE_NAMES.index("zb-2p")
    if re.search(r"\bzb(1p|b|v|-|h)|zero[- ]bubble|v-half", text):
        return SCHEDULE_NAMES.index("zb-1p")
    if "gpipe" in text:
        return SCHEDULE_NAMES.index("gpipe")
    return SCHEDULE_NAMES.index("1f1b")


def convention_of(row: Row) -> str:
    """The key of ``FLOP_CONVENTIONS`` that a row's ``flops_formula`` describes.

    >>> convention_of({"flops_formula": "72*B*s*L*h^2*(...)"}), convention_of({"task": "lora"})
    ('megatron', 'lora')
    """
    text = str(row.get("flops_formula") or "").lower()
    task = str(row.get("task") or "")
    if task == "lora":
        return "lora"
    if "hardware" in text and "96" in text:
        return "megatron-hardware"
    if "hardware" in text:
        return "hardware-full"
    if "72" in text or "megatron model" in text:
        return "megatron"
    if "6n" in text or "palm" in text or "6*n" in text:
        return "palm"
    if "halved" in text and "non-causal" not in text:
        return "model"
    if "nemo" in text or "maxtext" in text or "non-causal" in text:
        return "model-noncausal"
    return "palm"
