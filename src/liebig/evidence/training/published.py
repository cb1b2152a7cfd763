"""The published runs that ship with liebig."""

from __future__ import annotations

import csv
import functools
from importlib import resources

from liebig.evidence.training.rows import Case, read_cases

__all__ = ["builtin_cases", "builtin_rows"]

#: What all rows of the single-node sweep share.
_VTRAIN = {
    "source_id": "vtrain_single",
    "source_quality": "primary",
    "model": "vtrain-sweep",
    "gated_mlp": "0",
    "vocab": "50257",
    "chip": "A100-SXM-80GB",
    "precision": "fp16",
    "recompute": "none",
    "seq_parallel": "0",
    "vpp": "1",
    "zero_stage": "0",
    "framework": "Megatron-DeepSpeed",
    "date": "2022",
    "arch": "dense",
}


def _table(name: str) -> list[dict[str, str]]:
    text = resources.files("liebig.catalog").joinpath("measured", f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@functools.cache
def builtin_rows(name: str) -> tuple[dict[str, str], ...]:
    """Rows of a shipped table: step_time, vtrain_single, memory_fit, runs or reliability.

    >>> len(builtin_rows("vtrain_single"))
    1440
    """
    rows = _table(name)
    if name == "vtrain_single":
        for number, row in enumerate(rows, start=1):
            row.update(_VTRAIN, row_id=f"vtrain-{number:04d}", ffn=str(4 * int(row["hidden"])))
            row["iter_time_s"] = repr(float(row.pop("iter_time_ms")) / 1e3)
    return tuple(rows)


@functools.cache
def builtin_cases(*names: str) -> tuple[Case, ...]:
    """Cases of shipped tables; by default all measured steps."""
    rows = [row for name in names or ("step_time", "vtrain_single") for row in builtin_rows(name)]
    return tuple(read_cases(rows))
