"""Does a configuration fit?  The estimate against configurations that fitted or ran out of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liebig.evidence.training.complete import complete
from liebig.evidence.training.rows import Case, case_of
from liebig.step.memory import memory

__all__ = ["MemoryScore", "MemoryVerdict", "score_memory"]


@dataclass(frozen=True)
class MemoryVerdict:
    """One row: bytes needed and at hand, and whether the verdict agrees with what happened."""

    row_id: str
    model: str
    needed_bytes: float | None
    at_hand_bytes: float | None
    outcome: str
    measured_bytes: float | None = None
    reason: str = ""

    @property
    def fits(self) -> bool | None:
        """The verdict."""
        if self.needed_bytes is None or self.at_hand_bytes is None:
            return None
        return self.needed_bytes <= self.at_hand_bytes

    @property
    def correct(self) -> bool | None:
        """True when the verdict is what happened; None where nothing can be said."""
        if self.outcome not in ("ok", "oom"):
            return None
        return self.fits is not None and self.fits == (self.outcome == "ok")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "row_id": self.row_id,
            "model": self.model,
            "needed_gb": None if self.needed_bytes is None else self.needed_bytes / 1e9,
            "at_hand_gb": None if self.at_hand_bytes is None else self.at_hand_bytes / 1e9,
            "fits": self.fits,
            "outcome": self.outcome or None,
            "correct": self.correct,
            "measured_gb": None if self.measured_bytes is None else self.measured_bytes / 1e9,
            "reason": self.reason or None,
        }


@dataclass(frozen=True)
class MemoryScore:
    """Verdicts and what they sum up to."""

    verdicts: tuple[MemoryVerdict, ...]

    def summary(self) -> dict[str, float]:
        """Share of right verdicts, of failures called fits, and of fits called failures."""
        known = [v for v in self.verdicts if v.correct is not None]
        failed = [v for v in known if v.outcome == "oom"]
        fitted = [v for v in known if v.outcome == "ok"]
        return {
            "rows": len(known),
            "correct": _share([bool(v.correct) for v in known]),
            "failures_called_fits": _share([bool(v.fits) for v in failed]),
            "fits_called_failures": _share([not v.fits for v in fitted]),
        }


def _share(hits: list[bool]) -> float:
    return sum(hits) / len(hits) if hits else float("nan")


def score_memory(rows: Sequence[Mapping[str, str]]) -> MemoryScore:
    """The verdict for each row of a table with an ``outcome`` of ok, oom or error."""
    return MemoryScore(tuple(_verdict(case_of(r, n)) for n, r in enumerate(rows, start=1)))


def _verdict(case: Case) -> MemoryVerdict:
    outcome = str(case.row.get("outcome") or "").strip().lower()
    if case.reason or case.model is None or case.chip is None or case.software is None:
        return MemoryVerdict(case.row_id, str(case.row.get("model") or ""), None, None, outcome, reason=case.reason)
    need = memory(case.model.shape, complete(case), float(case.length), case.software, case.precision)
    measured = case.memory_gb * 1e9 if case.memory_gb > 0 else None
    return MemoryVerdict(case.row_id, case.model.name, float(need.total), case.chip.memory_bytes, outcome, measured)
