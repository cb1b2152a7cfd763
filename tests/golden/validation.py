"""Validation: headline scores against published measurements of steps, memory and whole runs."""

from __future__ import annotations

import functools
from typing import Any

from golden.parts import flat
from liebig.evidence.training import (
    Validation,
    builtin_cases,
    builtin_rows,
    score_memory,
    score_runs,
    validate_training,
)
from liebig.evidence.training.runs import summary_of

__all__ = ["memory_verdicts", "sources_left_out", "validation"]


def memory_verdicts() -> dict[str, Any]:
    """Does it fit: share of right verdicts, and the wrong ones."""
    score = score_memory(builtin_rows("memory_fit"))
    out = flat("memory", {"all": score.summary()})
    by_model: dict[str, list[bool]] = {}
    for verdict in score.verdicts:
        if verdict.correct is not None:
            by_model.setdefault(verdict.model, []).append(verdict.correct)
    for model, hits in by_model.items():
        out |= {f"memory/{model}/rows": len(hits), f"memory/{model}/correct": sum(hits)}
    return out


@functools.cache
def sources_left_out() -> Validation:
    """Every source predicted by a calibration on the others; computed once for all tests that judge it."""
    return validate_training(builtin_cases(), workers=1)


def validation() -> dict[str, Any]:
    """Steps, each source predicted by a calibration on the others, and whole runs."""
    found = sources_left_out()
    out = flat("training", {"all": found.summary()})
    for group in found.groups("source"):
        name = f"training/{group.name}"
        out |= {f"{name}/rows": group.rows, f"{name}/error": group.error, f"{name}/bias": group.bias}
        out[f"{name}/coverage"] = group.coverage
    return out | flat("runs", summary_of(score_runs(builtin_rows("runs"))))
