"""Predict a table of published or own runs row by row, and compare with what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liebig.cluster.borrowed import borrowed_words
from liebig.errors import LiebigError
from liebig.evidence.training.fit import fit, predict_log
from liebig.evidence.training.published import builtin_cases
from liebig.evidence.training.rows import Case, case_of
from liebig.evidence.training.table import table_of
from liebig.evidence.training.validate import features_of, scorable
from liebig.step.calibration import Calibration, builtin_calibration
from liebig.step.spread import Spread
from liebig.uncertainty import Interval

__all__ = ["Scored", "out_of_sample_calibration", "score_rows"]


@dataclass(frozen=True)
class Scored:
    """One row: the prediction in the quantity that was measured, or why there is none."""

    row_id: str
    source: str
    quantity: str = ""
    predicted: float | None = None
    p10: float | None = None
    p90: float | None = None
    measured: float | None = None
    iter_time_s: float | None = None
    reason: str = ""
    assumed: tuple[str, ...] = ()
    borrowed: str = ""

    @property
    def error(self) -> float | None:
        """Relative error of the time of a step: 0.1 when predicted to take 10 % too long."""
        if not self.predicted or not self.measured:
            return None
        ratio = self.predicted / self.measured
        return ratio - 1.0 if self.quantity == "iter_time_s" else 1.0 / ratio - 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values; ``error`` is null where nothing was measured."""
        return {
            "row_id": self.row_id,
            "source": self.source,
            "quantity": self.quantity or None,
            "predicted": self.predicted,
            "p10": self.p10,
            "p90": self.p90,
            "measured": self.measured,
            "error": self.error,
            "predicted_iter_time_s": self.iter_time_s,
            "assumed": list(self.assumed),
            "borrowed": self.borrowed or None,
            "reason": self.reason or None,
        }


def out_of_sample_calibration(cases: Iterable[Case]) -> Calibration:
    """The built-in calibration, fitted again without any source that the cases come from."""
    sources = {c.source for c in cases}
    known = scorable(builtin_cases())
    rest = [c for c in known if c.source not in sources]
    if len(rest) == len(known):
        return builtin_calibration()
    return replace(fit(table_of(rest), builtin_calibration()), spread=builtin_calibration().spread)


def score_rows(rows: Sequence[Mapping[str, str]], calibration: Calibration | None = None) -> list[Scored]:
    """Predict each row purely out of sample.

    Args:
        rows: of a table in the documented format.
        calibration: to use instead of the built-in one without the sources of the rows.
    """
    cases = [case_of(row, number) for number, row in enumerate(rows, start=1)]
    if calibration is None:
        calibration = out_of_sample_calibration(cases)
    predictable, failed = _split(cases)
    out: dict[int, Scored] = {i: Scored(c.row_id, c.source, reason=r) for i, (c, r) in failed.items()}
    if predictable:
        table = table_of([c for _, c in predictable])
        log_time = predict_log(calibration, table)
        spread = Spread.from_dict(calibration.spread)
        p10, _, p90 = spread.interval(log_time, features_of(table, calibration))
        place = {id(c): i for i, c in predictable}
        for k, case in enumerate(table.cases):
            seconds = Interval(float(p10[k]), float(np.exp(log_time[k])), float(p90[k]))
            out[place[id(case)]] = _in_measured_quantity(case, seconds)
    return [out[i] for i in range(len(cases))]


def _split(cases: Sequence[Case]) -> tuple[list[tuple[int, Case]], dict[int, tuple[Case, str]]]:
    good: list[tuple[int, Case]] = []
    bad: dict[int, tuple[Case, str]] = {}
    for i, case in enumerate(cases):
        if case.reason:
            bad[i] = (case, case.reason)
            continue
        try:
            table_of([case])
        except (LiebigError, ValueError, ArithmeticError) as error:
            bad[i] = (case, str(error))
            continue
        good.append((i, case))
    return good, bad


def _in_measured_quantity(case: Case, seconds: Interval) -> Scored:
    """Seconds of a step as what the row holds: seconds, tokens per second, TFLOP/s or MFU."""
    row = case.row
    if not math.isfinite(seconds.p50):
        return Scored(case.row_id, case.source, reason="the prediction is not finite; check the sizes of the row")

    def scored(quantity: str, value: Interval, measured: float | None, step: float | None) -> Scored:
        low, middle, high = value
        words = borrowed_words(case.chip, case.precision) if case.chip else ""
        return Scored(case.row_id, case.source, quantity, middle, low, high, measured, step, "", case.assumed, words)

    if case.batch or any(str(row.get(k) or "").strip() for k in ("iter_time_s", "step_time_s")):
        return scored("iter_time_s", seconds, case.measured_s if case.measured_s > 0 else None, seconds.p50)
    for name in ("tokens_per_s_per_chip", "tflops_per_chip", "mfu"):
        if str(row.get(name) or "").strip():
            measured = float(row[name])
            amount = measured * case.measured_s  # what one step of the assumed batch amounts to
            return scored(name, seconds.inverse().scaled(amount), measured, None)
    tokens = float(case.length)  # of one sequence per chip, for which the seconds stand
    return scored("tokens_per_s_per_chip", seconds.inverse().scaled(tokens), None, None)
