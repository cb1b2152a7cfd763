"""A calibration from a user's own runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liebig.errors import InputError
from liebig.evidence.training.fit import fit, predict_log, weights_of
from liebig.evidence.training.published import builtin_cases
from liebig.evidence.training.rows import case_of
from liebig.evidence.training.table import Table, table_of
from liebig.evidence.training.validate import scorable
from liebig.quantities import counted
from liebig.step.calibration import Calibration, builtin_calibration
from liebig.step.spread import FEATURES, Spread
from liebig.uncertainty.quantiles import weighted_quantile

__all__ = ["Calibrated", "calibrate_to"]
#: Fewer own runs than this keep the intervals of the published ones.
ENOUGH = 8


@dataclass(frozen=True)
class Calibrated:
    """A calibration with the errors on the user's runs before and after."""

    calibration: Calibration
    rows: int
    refused: tuple[str, ...]
    before: float
    after: float
    cross_validated: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the calibration itself."""
        return {
            "rows": self.rows,
            "refused": list(self.refused),
            "error_before": self.before,
            "error_after": self.after,
            "error_cross_validated": self.cross_validated,
        }

    def text(self) -> str:
        """A sentence or two."""
        held = (
            f"{100 * self.cross_validated:.1f} % on runs held back in turn" if self.cross_validated is not None else ""
        )
        held = held or "nothing to hold back, so no error on runs that were not fitted to; give two or more"
        lines = [
            f"{counted(self.rows, 'run')}: mean absolute error of the step {100 * self.before:.1f} % before, "
            f"{100 * self.after:.1f} % after; {held}"
        ]
        return "\n".join([*lines, *(f"not used: {r}" for r in self.refused)])


def calibrate_to(rows: Sequence[Mapping[str, str]], only: bool = False) -> Calibrated:
    """Fit constants and effects to own runs, together with the published ones unless ``only``.

    The effect of the user's source is kept as a part of every prediction, because plans made with
    this calibration are for the same cluster.

    Raises:
        InputError: no row can be used; says why for each.
    """
    cases = [replace(case_of(r, n), source="own") for n, r in enumerate(rows, start=1)]
    refused = tuple(
        f"{c.row_id}: {c.reason or 'nothing was measured'}" for c in cases if c.reason or not c.measured_s > 0
    )
    usable = scorable(cases)
    if not usable:
        raise InputError("no run can be used: " + "; ".join(refused[:5]))
    own = table_of(usable)
    before = _error(builtin_calibration(), own, 0.0)
    published = [] if only else scorable(builtin_cases())
    calibration = fit(table_of([*published, *usable]), builtin_calibration())
    shift = _shift(calibration, own)
    held = _held_back(own, published, calibration) if len(own) >= 2 else None
    spread = dict(calibration.spread) or dict(builtin_calibration().spread)
    if held is not None and len(own) >= ENOUGH:
        low, high = (weighted_quantile(held, np.ones(len(held)), q) for q in (0.1, 0.9))
        spread = Spread((0.0, *(0.0 for _ in FEATURES[1:])), min(low, 0.0), max(high, 0.0)).to_dict()
    done = replace(calibration, spread=spread, note=f"fitted to {len(own)} own runs", cluster=shift)
    cross = None if held is None else float(np.mean(np.abs(np.expm1(held))))
    return Calibrated(done, len(own), refused, before, _error(done, own, 0.0), cross)


def _shift(calibration: Calibration, table: Table) -> float:
    error = predict_log(calibration, table) - np.log(table.measured_s)
    return -float(np.average(error, weights=weights_of(table)))


def _error(calibration: Calibration, table: Table, shift: float) -> float:
    return float(np.mean(np.abs(np.expm1(predict_log(calibration, table) + shift - np.log(table.measured_s)))))


def _held_back(own: Table, published: Sequence[Any], start: Calibration) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Errors of own runs, each fifth held back in turn."""
    folds = min(5, len(own))
    place = np.arange(len(own)) % folds
    out = np.zeros(len(own))
    for k in range(folds):
        keep = own.take(np.flatnonzero(place != k))
        rest = own.take(np.flatnonzero(place == k))
        part = fit(table_of([*published, *keep.cases]), start, rounds=10)
        out[place == k] = predict_log(part, rest) + _shift(part, keep) - np.log(rest.measured_s)
    return out
