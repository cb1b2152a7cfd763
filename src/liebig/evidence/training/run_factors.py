"""What published runs took beyond a prediction, learned from the runs of other sources."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import plan_number
from liebig.evidence.training.run_rows import RunCase
from liebig.uncertainty import Interval
from liebig.uncertainty.quantiles import weighted_quantile

__all__ = ["factors_of"]

Array = NDArray[np.float64]
#: Scatter of runs, and how far effects of vendor, chip and software are expected to reach, in logarithms.
NOISE, PRIOR = 0.3, 0.15


def factors_of(
    cases: Sequence[RunCase], found: Mapping[str, tuple[dict[str, Any] | None, str]], what: str
) -> dict[str, Interval]:
    """p10, p50 and p90 of published over predicted chip-hours, for each run from the runs of the other sources.

    Effects of vendor, chip and software are drawn to zero; runs of an aggregator have many owners, so that
    each counts as a source of its own.
    """
    able = [c for c in cases if found.get(c.row_id, (None, ""))[0] is not None]
    known = [c for c in able if c.chip_hours > _numbers(found, c)["ideal_hours"]]
    sources = [_owner(c) for c in known]
    logs = np.array([math.log(c.chip_hours / _numbers(found, c)[what]) for c in known])
    labels = [_labels(c) for c in known]
    weights = np.array([1.0 / math.sqrt(sources.count(s)) for s in sources])
    middles = np.array([_effect(lab, labels, logs, weights, [s != o for o in sources]) for lab, s in
                        zip(labels, sources, strict=True)])  # fmt: skip
    left = logs - middles
    out: dict[str, Interval] = {}
    for case in able:
        rest = np.array([o != _owner(case) for o in sources], dtype=bool)
        if not rest.any():
            out[case.row_id] = plan_number("runs.unknown_factor").interval
            continue
        middle = _effect(_labels(case), labels, logs, weights, rest)
        low, high = (weighted_quantile(left[rest], weights[rest], q) for q in (0.1, 0.9))
        out[case.row_id] = Interval(math.exp(middle + low), math.exp(middle), math.exp(middle + high))
    return out


def _numbers(found: Mapping[str, tuple[dict[str, Any] | None, str]], case: RunCase) -> dict[str, Any]:
    numbers = found[case.row_id][0]
    assert numbers is not None
    return numbers


def _owner(case: RunCase) -> str:
    return case.row_id if case.source == "epoch_csv" else case.source


def _labels(case: RunCase) -> tuple[str, str, str, str]:
    assert case.chip is not None
    assert case.software is not None
    assert case.model is not None
    kind = "experts" if case.model.is_moe else "dense"
    return case.chip.family or case.chip.name, case.chip.name, case.software.name, kind


def _effect(
    wanted: tuple[str, ...],
    labels: Sequence[tuple[str, ...]],
    logs: Array,
    weights: Array,
    rest: Sequence[bool] | Array,
) -> float:
    """Expected logarithm for labels: a mean and effects of labels with a normal prior (ridge)."""
    use = [int(i) for i in np.flatnonzero(rest)]
    if not use:
        return 0.0
    names = sorted({(k, lab[k]) for i in use for lab in [labels[i]] for k in range(len(lab))})
    design = np.array([[1.0, *(float(labels[i][k] == v) for k, v in names)] for i in use])
    prior = np.diag([1e-3, *([(NOISE / PRIOR) ** 2] * len(names))])
    scaled = design * weights[use][:, None]
    solved = np.linalg.solve(design.T @ scaled + prior, scaled.T @ _winsorised(logs[use]))
    return float(solved @ np.array([1.0, *(float(wanted[k] == v) for k, v in names)]))


def _winsorised(logs: Array) -> Array:
    """Logarithms with outliers drawn in, for a few published hours are of something else altogether."""
    middle = np.median(logs)
    width = 2.5 * np.median(np.abs(logs - middle))
    return np.clip(logs, middle - width, middle + width)
