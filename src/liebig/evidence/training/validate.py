"""Errors of predicted steps against published ones, with each source left out of the calibration in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.cluster.borrowed import borrowed_by_rows, borrowed_words
from liebig.cores import usable_cores
from liebig.evidence.training.fit import fit, predict_log, weights_of
from liebig.evidence.training.rows import Case
from liebig.evidence.training.spread import fit_spread
from liebig.evidence.training.table import Table, table_of
from liebig.step.calibration import Calibration
from liebig.step.spread import FEATURES, Spread
from liebig.transformer.arithmetic import flops_per_token

__all__ = ["Group", "Validation", "features_of", "scorable", "validate_training"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Errors of one source, chip, precision or size."""

    name: str
    rows: int
    error: float
    bias: float
    coverage: float
    constant_mfu: float
    constant_mfu_fitted: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Validation:
    """Predictions of rows whose source (or chip) was not used, and what they sum up to."""

    table: Table
    log_time: Array
    p10: Array
    p50: Array
    p90: Array
    baseline: Array
    baseline_fitted: Array
    left_out: str

    @property
    def error(self) -> Array:
        """Relative error of each row, 0.1 for 10 % too long."""
        return np.exp(self.log_time) / self.table.measured_s - 1.0

    @property
    def inside(self) -> NDArray[np.bool_]:
        """True where the measured time lies in the 80 % interval."""
        return (self.table.measured_s >= self.p10) & (self.table.measured_s <= self.p90)

    def notes(self) -> tuple[str, ...]:
        """Chips whose predictions rest on timings of other families, with how many rows each."""
        return borrowed_by_rows(borrowed_words(c.chip, c.precision) for c in self.table.cases if c.chip)

    def groups(self, kind: str = "source") -> list[Group]:
        """Errors by source, chip, precision, software or size of the model; largest group first."""
        names = _sizes(self.table) if kind == "size" else self.table.labels(kind)
        found = []
        for name in sorted(set(names)):
            at = names == name
            found.append(
                Group(
                    str(name),
                    int(at.sum()),
                    float(np.mean(np.abs(self.error[at]))),
                    float(np.median(self.error[at])),
                    float(np.mean(self.inside[at])),
                    float(np.mean(np.abs(self.baseline[at] / self.table.measured_s[at] - 1.0))),
                    float(np.mean(np.abs(self.baseline_fitted[at] / self.table.measured_s[at] - 1.0))),
                )
            )
        return sorted(found, key=lambda g: -g.rows)

    def regrets(self, least: int = 4) -> list[dict[str, Any]]:
        """For each sweep of layouts: how much slower the layout ranked first is than the best measured one.

        A sweep is the rows of a source with the same model, chips, batch, length and kernels.

        Args:
            least: layouts that a sweep has at least.
        """
        sweeps: dict[tuple[Any, ...], list[int]] = {}
        for i, c in enumerate(self.table.cases):
            if c.model is not None and c.chip is not None and c.software is not None and c.batch:
                key = (
                    c.source, c.model.name, c.model.n_layers, c.model.hidden, c.chip.name, c.chips, c.batch, c.length,
                    c.precision, c.software.attention, c.software.stream_passes, c.software.name,
                )  # fmt: skip
                sweeps.setdefault(key, []).append(i)
        out = []
        for key, rows in sweeps.items():
            at = np.array(rows)
            layouts = {str(self.table.layouts[i]) for i in rows}
            if len(layouts) < least:
                continue
            measured = self.table.measured_s[at]
            first = int(np.argmin(self.p50[at]))
            out.append(
                {
                    "source": key[0], "model": key[1], "layers": key[2], "hidden": key[3], "chips": key[5],
                    "layouts": len(layouts), "regret": float(measured[first] / measured.min() - 1.0),
                }
            )  # fmt: skip
        return out

    def summary(self) -> dict[str, float]:
        """Median and mean over sources, coverage and bias with every source weighted as in the fit."""
        groups = self.groups("source")
        weights = weights_of(self.table)
        return {
            "sources": len(groups),
            "rows": len(self.table),
            "median_error_over_sources": float(np.median([g.error for g in groups])),
            "mean_error_over_sources": float(np.mean([g.error for g in groups])),
            "median_constant_mfu_over_sources": float(np.median([g.constant_mfu for g in groups])),
            "coverage": float(np.average(self.inside, weights=weights)),
            "coverage_of_rows": float(np.mean(self.inside)),
            "bias": float(np.average(np.expm1(self.log_time - np.log(self.table.measured_s)), weights=weights)),
        }


def _sizes(table: Table) -> NDArray[np.str_]:
    edges = ((1e9, "below 1B"), (1e10, "1B to 10B"), (1e11, "10B to 100B"), (math.inf, "above 100B"))
    return np.array([next(t for e, t in edges if c.model is not None and c.model.parameters < e) for c in table.cases])


def scorable(cases: Iterable[Case]) -> list[Case]:
    """Cases with a measurement, without those whose source contradicts itself."""
    return [c for c in cases if not c.reason and c.measured_s > 0 and c.quality != "primary_doubtful"]


def features_of(table: Table, calibration: Calibration) -> Array:
    """Situations of cases as seen from a calibration, shape ``(n, 7)``."""
    seen = {kind: set(_seen(calibration, kind)) for kind in ("chip", "family", "software")}
    rows = []
    for case in table.cases:
        assert case.chip is not None
        assert case.software is not None
        assert case.model is not None
        open_layout = (
            (not case.tp or not case.pp) + (not case.micro_batch) + (case.recompute < 0) + 2 * bool(case.assumed)
        )
        rows.append(
            [
                1.0,
                float(case.chip.name not in seen["chip"]),
                float((case.chip.family or case.chip.name) not in seen["family"]),
                float(case.software.name not in seen["software"]),
                min(open_layout, 3) / 3.0,
                float(case.model.is_moe),
                float(case.measured_s < 0.5 and bool(case.batch)),
            ]
        )
    assert len(FEATURES) == len(rows[0])
    return np.array(rows)


def _seen(calibration: Calibration, kind: str) -> Iterable[str]:
    return calibration.effects.get(kind, {})


def _one(job: tuple[Table, Calibration, NDArray[np.intp], NDArray[np.intp]]) -> tuple[Array, Array]:
    table, start, used, left = job
    calibration = fit(table.take(used), start)
    rest = table.take(left)
    return predict_log(calibration, rest), features_of(rest, calibration)


def validate_training(
    cases: Sequence[Case],
    leave_out: str = "source",
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Validation:
    """Predict each source (or chip) with a calibration on all the others.

    The interval of a source comes from the errors of the other left-out sources, so that nothing
    about a source enters its own interval.

    Args:
        cases: measured cases.
        leave_out: "source" or "chip".
        workers: processes; default one per core.
        progress: called with the share that is done.
    """
    table = table_of(scorable(cases))
    names = table.labels(leave_out)
    groups = sorted(set(names))
    start = fit(table)
    log_time, features = np.zeros(len(table)), np.zeros((len(table), len(FEATURES)))
    jobs = [(table, start, np.flatnonzero(names != g), np.flatnonzero(names == g)) for g in groups]
    workers = workers or usable_cores()
    if workers == 1 or len(jobs) < 4:
        results: Iterable[tuple[Array, Array]] = map(_one, jobs)
        done = _collect(jobs, results, log_time, features, progress)
    else:
        with ProcessPoolExecutor(workers) as pool:
            done = _collect(jobs, pool.map(_one, jobs), log_time, features, progress)
    assert done == len(jobs)
    p10, p50, p90 = (np.zeros(len(table)) for _ in range(3))
    error = log_time - np.log(table.measured_s)
    weights = weights_of(table)
    for group in groups:
        at, rest = names == group, names != group
        spread = fit_spread(error[rest], features[rest], weights[rest])
        p10[at], p50[at], p90[at] = spread.interval(log_time[at], features[at])
    return Validation(
        table, log_time, p10, p50, p90, _constant_mfu(table, names), _constant_mfu(table, None), leave_out
    )


def _collect(
    jobs: Sequence[Any],
    results: Iterable[tuple[Array, Array]],
    log_time: Array,
    features: Array,
    progress: Callable[[float], None] | None,
) -> int:
    done = 0
    for (_, _, _, left), (time, feature) in zip(jobs, results, strict=True):
        log_time[left], features[left] = time, feature
        done += 1
        if progress is not None:
            progress(done / len(jobs))
    return done


def spread_of(validation: Validation, calibration_features: Array) -> Spread:
    """The spread that a calibration on everything carries with it."""
    error = validation.log_time - np.log(validation.table.measured_s)
    return fit_spread(error, calibration_features, weights_of(validation.table))


def left_out_features(validation: Validation) -> Array:
    """Situations of the rows of a validation, each as seen from the calibration without its group."""
    names = validation.table.labels(validation.left_out)
    out = np.zeros((len(names), len(FEATURES)))
    for group in set(names):
        at = names == group
        rest = validation.table.take(np.flatnonzero(~at))
        known = Calibration(
            effects={
                kind: dict.fromkeys((str(v) for v in rest.labels(kind)), 0.0) for kind in ("chip", "family", "software")
            }
        )
        out[at] = features_of(validation.table.take(np.flatnonzero(at)), known)
    return out


def _constant_mfu(table: Table, names: NDArray[np.str_] | None) -> Array:
    """Seconds by one MFU per chip and precision: from the other groups, or (names None) from the source's own rows."""
    flops = np.array(
        [float(flops_per_token(c.model.shape, c.length, "model-noncausal")) for c in table.cases if c.model]
    )
    peak = np.array([c.chip.peak(c.precision) for c in table.cases if c.chip])
    chips = np.array([float(c.chips) for c in table.cases])
    tokens = np.array([float(c.length) * (c.batch or c.chips) for c in table.cases])
    ideal = flops * tokens / (peak * chips)
    share = ideal / table.measured_s
    kinds = table.labels("precision")
    weights = weights_of(table)
    out = np.zeros(len(table))
    groups = table.labels("source") if names is None else names
    for group in sorted(set(groups)):
        at = groups == group
        for kind in sorted(set(kinds[at])):
            here = at & (kinds == kind)
            if names is None:
                mfu = np.median(share[here])
            else:
                same = ~at & (kinds == kind)
                pool = same if same.any() else ~at
                mfu = np.exp(np.average(np.log(share[pool]), weights=weights[pool]))
            out[here] = ideal[here] / mfu
    return out
