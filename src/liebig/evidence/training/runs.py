"""Whole published runs: chip-hours and energy predicted from model, tokens and machine alone; search finds the layout.

A run's table has the columns of ``runs.csv`` in ``docs/reference/runs-format.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from liebig.catalog import plan_number
from liebig.cluster.borrowed import borrowed_words
from liebig.cores import usable_cores
from liebig.errors import LiebigError
from liebig.evidence.training.run_factors import factors_of
from liebig.evidence.training.run_rows import RunCase, run_case_of
from liebig.plan.inputs import Setup, make_training_input, setup_of
from liebig.plan.train import plan_of, search_found
from liebig.site.power import chip_power_w, server_power_w
from liebig.step.calibration import Calibration, builtin_calibration
from liebig.transformer.arithmetic import flops_per_token
from liebig.uncertainty import Interval

__all__ = ["RunScored", "score_runs", "summary_of", "validate_runs"]

HOURS = 3600.0


@dataclass(frozen=True)
class RunScored:
    """One quantity of one run: predicted, with interval, and as published."""

    row_id: str
    source: str
    quality: str
    quantity: str
    predicted: float | None = None
    p10: float | None = None
    p90: float | None = None
    measured: float | None = None
    constant_mfu: float | None = None
    layout: str = ""
    reason: str = ""
    assumed: tuple[str, ...] = ()
    borrowed: str = ""

    @property
    def error(self) -> float | None:
        """Relative error, 0.1 when predicted to take 10 % too much."""
        return self.predicted / self.measured - 1.0 if self.predicted and self.measured else None

    @property
    def error_of_constant_mfu(self) -> float | None:
        """Relative error of the baseline."""
        return self.constant_mfu / self.measured - 1.0 if self.constant_mfu and self.measured else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **vars(self),
            "assumed": list(self.assumed),
            "error": self.error,
            "reason": self.reason or None,
            "borrowed": self.borrowed or None,
        }


def _setup(case: RunCase, calibration: Calibration) -> tuple[Any, Setup]:
    assert case.model is not None
    assert case.chip is not None
    assert case.software is not None
    given = make_training_input(
        model={k: v for k, v in case.model.model_dump().items() if v is not None}, chip=case.chip.name,
        chips=case.chips, seq_len=case.length, tokens=case.tokens, precision=case.precision,
        software=case.software.name,
    )  # fmt: skip
    return given, setup_of(given).model_copy(update={"calibration": calibration})


def _predict(case: RunCase, calibration: Calibration) -> tuple[dict[str, Any] | None, str]:
    """Chip-hours, watts and layout of a run by the best layout, or the reason why there is none."""
    try:
        given, setup = _setup(case, calibration)
        plan = plan_of(given, setup, search_found(given, setup, 1))
    except LiebigError as error:
        return None, str(error).splitlines()[0]
    assert case.chip is not None
    shares = {r["part"]: r["share"] for r in plan.breakdown_table().rows()}
    busy = {k: v * plan.goodput.p50 for k, v in shares.items()}
    watts = float(chip_power_w(case.chip, busy))
    hours = plan.steps * plan.step_s.p50 / HOURS * given.chips / plan.goodput.p50
    ideal = float(flops_per_token(setup.model.shape, given.seq_len)) * case.tokens / case.chip.peak(case.precision)
    return {
        # of what nobody told of a run, half is taken as in the best layout and half as usual for its machine
        "hours": math.sqrt(hours * ideal / HOURS), "ideal_hours": ideal / HOURS, "chip_w": watts,
        "server_w": float(server_power_w(case.chip, watts)), "layout": plan.layout_words(),
    }, ""  # fmt: skip


def _job(job: tuple[RunCase, Calibration]) -> tuple[dict[str, Any] | None, str]:
    return _predict(*job)


def score_runs(
    rows: Sequence[Mapping[str, str]],
    calibration: Calibration | None = None,
    factor: Interval | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[RunScored]:
    """Predict chip-hours and energy of every run, each source with what the other sources took beyond the best layout.

    Args:
        rows: of a table in the documented format.
        calibration: to use instead of the built-in one.
        factor: p10, p50 and p90 of chip-hours over those of the best layout; from the other sources when left out.
        workers: processes; default one per core.
        progress: called with the share that is done.
    """
    cases = [run_case_of(row, i) for i, row in enumerate(rows, start=1)]
    calibration = calibration or builtin_calibration()
    able = [c for c in cases if not c.reason]
    if not able:
        return [RunScored(c.row_id, c.source, c.quality, "chip_hours", reason=c.reason) for c in cases]
    found: dict[str, tuple[dict[str, Any] | None, str]] = {}
    jobs = [(c, calibration) for c in able]
    workers = workers or usable_cores()
    if workers == 1 or len(jobs) < 4:
        results: Iterable[Any] = map(_job, jobs)
        _gather(able, results, found, progress)
    else:
        with ProcessPoolExecutor(workers) as pool:
            _gather(able, pool.map(_job, jobs), found, progress)
    factors = {c.row_id: factor for c in able} if factor else factors_of(cases, found, "hours")
    plain = factors_of(cases, found, "ideal_hours")
    return [s for c in cases for s in _scored(c, found, factors, plain)]


def _gather(able: Sequence[RunCase], results: Iterable[Any], found: dict[str, Any], progress: Any) -> None:
    for i, (case, result) in enumerate(zip(able, results, strict=True), start=1):
        found[case.row_id] = result
        if progress is not None:
            progress(i / len(able))


def summary_of(scored: Sequence[RunScored]) -> dict[str, dict[str, Any]]:
    """Median errors and coverage for each quantity, all rows and those that are no aggregator's."""
    out: dict[str, dict[str, Any]] = {}
    for quantity in dict.fromkeys(s.quantity for s in scored):
        rows = [s for s in scored if s.quantity == quantity]
        known = [s for s in rows if s.error is not None]
        base = [abs(s.error_of_constant_mfu) for s in known if s.error_of_constant_mfu is not None]
        own = [abs(s.error) for s in known if s.error is not None and s.quality != "aggregator"]
        inside = [s.p10 <= s.measured <= s.p90 for s in known if s.p10 and s.p90 and s.measured]
        errors = [s.error for s in known if s.error is not None]
        out[quantity] = {
            "rows": len(rows),
            "predicted": sum(s.predicted is not None for s in rows),
            "scored": len(known),
            "median_error": _median([abs(e) for e in errors]),
            "median_error_of_primary_sources": _median(own),
            "median_error_of_constant_mfu": _median(base),
            "bias": _median(errors),
            "coverage": float(np.mean(inside)) if inside else None,
        }
    return out


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def validate_runs(workers: int | None = None, progress: Callable[[float], None] | None = None) -> list[RunScored]:
    """Score the published runs that ship with the package, leaving each source out in turn."""
    from liebig.evidence.training.published import builtin_rows

    return score_runs(builtin_rows("runs"), workers=workers, progress=progress)


def _scored(
    case: RunCase,
    found: Mapping[str, tuple[dict[str, Any] | None, str]],
    factors: Mapping[str, Interval],
    plain: Mapping[str, Interval],
) -> list[RunScored]:
    head = (case.row_id, case.source, case.quality)
    numbers, why = found.get(case.row_id, (None, case.reason))
    out = []
    if numbers is None:
        out.append(RunScored(*head, "chip_hours", reason=why, assumed=case.assumed))
    elif 0 < case.chip_hours < numbers["ideal_hours"]:
        why = (
            f"its FLOP take {numbers['ideal_hours']:.3g} chip-hours at full speed, more than the {case.chip_hours:.3g}"
        )
        out.append(RunScored(*head, "chip_hours", reason=f"{why} published", assumed=case.assumed))
    else:
        low, middle, high = factors[case.row_id].scaled(numbers["hours"])
        out.append(
            RunScored(
                *head, "chip_hours", middle, low, high,
                case.chip_hours if case.chip_hours > 0 else None, numbers["ideal_hours"] * plain[case.row_id].p50,
                numbers["layout"], "", case.assumed, borrowed_words(case.chip, case.precision) if case.chip else "",
            )
        )  # fmt: skip
    if case.energy_mwh > 0:
        out.append(_energy(case, numbers))
    return out


def _energy(case: RunCase, numbers: dict[str, Any] | None) -> RunScored:
    """Energy at the published chip-hours: chips alone, or servers, with the site's PUE where the scope holds it."""
    from liebig.plan.budget_search import TYPICAL_SHARES

    head = (case.row_id, case.source, case.quality, "energy_mwh")
    if case.chip is None or not case.chip_hours > 0:
        return RunScored(*head, reason=case.reason or "no chip-hours are given", assumed=case.assumed)
    chip_w = float(chip_power_w(case.chip, TYPICAL_SHARES)) if numbers is None else numbers["chip_w"]
    scope = case.energy_scope.lower()
    alone = "gpu" in scope and "system" not in scope
    watts = chip_w if alone else float(server_power_w(case.chip, chip_w))
    pue = case.pue if "pue" in scope and case.pue > 1 else 1.0
    mwh = watts * pue * case.chip_hours / 1e6
    off = plan_number("power.run_error").interval.scaled(mwh)
    return RunScored(*head, mwh, off.p10, off.p90, case.energy_mwh, None, "", "", case.assumed)
