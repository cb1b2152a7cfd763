"""Fit the constants of the step to published measurements, and what chips and software differ in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.cluster.kernels import has_table
from liebig.evidence.training.table import Table
from liebig.step.calibration import BLOCKS, LABELS, Calibration
from liebig.step.constants import Constants
from liebig.step.time import assemble

__all__ = ["fit", "predict_log", "weights_of"]

Array = NDArray[np.float64]

#: Constant -> standard deviation of its prior, around the default of ``Constants``.
SPREAD: dict[str, float] = {
    "matmul": 0.05,
    "sustained": 0.1,
    "attention": 0.2,
    "attention_backward": 0.15,
    "stream": 0.2,
    "launch": 0.3,
    "launch_moe": 0.4,
    "launch_group": 0.03,
    "launch_backward": 0.3,
    "loss": 0.3,
    "scores": 0.15,
    "tensor": 0.2,
    "inner": 0.2,
    "overlap_tp": 0.2,
    "expert": 0.4,
    "outer": 0.25,
    "slowdown": 0.1,
    "overlap_dp": 0.2,
    "send_exposed": 0.3,
    "optimizer": 0.2,
    "fixed": 0.3,
    "straggle": 0.002,
}
#: Error of a single row that is due to nothing in the model, in logarithms.
NOISE = 0.06
#: Errors beyond this many times ``NOISE`` count linearly.
HUBER = 4.0


class _Problem:
    """The residuals of a table and their derivatives with respect to constants and effects."""

    def __init__(self, table: Table, start: Constants, blocks: tuple[str, ...]) -> None:
        self.table = table
        self.names = tuple(SPREAD)
        self.start = np.array([getattr(start, n) for n in self.names])
        self.sd = np.array([SPREAD[n] for n in self.names])
        self.blocks = blocks
        self.levels: dict[str, NDArray[np.str_]] = {}
        self.width: dict[str, Array] = {}
        self.place: dict[str, NDArray[np.intp]] = {}
        self.offset: dict[str, int] = {}
        n = len(self.names)
        for name in blocks:
            self.levels[name], self.place[name] = np.unique(table.labels(BLOCKS[name].label), return_inverse=True)
            self.width[name] = _widths(table, name, self.place[name], self.levels[name].size)
            self.offset[name] = n
            n += self.levels[name].size
        self.size = n
        self.log_measured = np.log(table.measured_s)
        self.log_scale = np.log(table.scale)

    def effect(self, z: Array, name: str) -> Array:
        at = self.offset[name]
        return z[at : at + self.levels[name].size] * self.width[name]

    def constants(self, z: Array) -> Array:
        return np.maximum(self.start + z[: len(self.names)] * self.sd, 0.0)

    def _log_time(self, base: Array, sizes: Mapping[str, Array]) -> Array:
        values: dict[str, Any] = dict(zip(self.names, base, strict=True))
        whole: Any = 0.0
        for name, size in sizes.items():
            for constant in BLOCKS[name].acts_on:
                values[constant] = values[constant] * np.exp(size)
            if not BLOCKS[name].acts_on:
                whole = whole + size
        return np.log(assemble(self.table.parts, Constants(**values)).total) + self.log_scale + whole

    def error(self, z: Array) -> Array:
        sizes = {n: self.effect(z, n)[self.place[n]] for n in self.blocks}
        return self._log_time(self.constants(z), sizes) - self.log_measured

    def derivative(self, z: Array, error: Array) -> Array:
        """Shape (rows, size); the levels of one block touch different rows and share an evaluation."""
        step = 1e-4
        out = np.zeros((error.size, self.size))
        base = self.constants(z)
        sizes = {n: self.effect(z, n)[self.place[n]] for n in self.blocks}
        for i in range(len(self.names)):
            moved = base.copy()
            moved[i] += step * self.sd[i]
            out[:, i] = (self._log_time(moved, sizes) - self.log_measured - error) / step
        rows = np.arange(error.size)
        for name in self.blocks:
            if BLOCKS[name].acts_on:
                changed = {**sizes, name: sizes[name] + step * self.width[name][self.place[name]]}
                slope = (self._log_time(base, changed) - self.log_measured - error) / step
            else:
                slope = self.width[name][self.place[name]]
            out[rows, self.offset[name] + self.place[name]] = slope
        return out


def _widths(table: Table, name: str, place: NDArray[np.intp], size: int) -> Array:
    """Standard deviation of the prior of each level; chips without a table of measured kernels differ by more."""
    out = np.full(size, BLOCKS[name].spread)
    if BLOCKS[name].label in ("family", "chip", "precision"):
        for i, case in zip(place, table.cases, strict=True):
            assert case.chip is not None
            if not has_table(case.chip):
                out[i] = 2.0 * BLOCKS[name].spread
    return out


def weights_of(table: Table) -> Array:
    """Repeats of one configuration share one weight, and many of one source count less than as many sources."""
    pairs = list(zip(table.labels("source"), table.labels("group"), strict=True))
    repeats = Counter(pairs)
    configurations = Counter(source for source, _ in repeats)
    return np.array([repeats[p] ** -0.5 * configurations[p[0]] ** -0.25 for p in pairs])


def fit(
    table: Table, start: Calibration | None = None, blocks: tuple[str, ...] = tuple(BLOCKS), rounds: int = 30
) -> Calibration:
    """Constants and effects by a damped Gauss-Newton iteration on robust errors with normal priors.

    Args:
        table: measured cases.
        start: where the iteration begins; priors stay where they are.
        blocks: kinds of effects to fit.
        rounds: most iterations.
    """
    problem = _Problem(table, Constants(), blocks)
    z = _starting_point(problem, start)
    weight = weights_of(table) / NOISE
    error = problem.error(z)
    damping, cost = 1e-3, _cost(error, weight, z)
    for _ in range(rounds):
        slope = problem.derivative(z, error)
        robust = weight * np.sqrt(np.minimum(1.0, HUBER * NOISE / np.maximum(np.abs(error), 1e-12)))
        scaled = slope * robust[:, None]
        normal = scaled.T @ scaled + np.eye(problem.size)
        gradient = scaled.T @ (error * robust) + z
        improved = False
        for _ in range(8):
            trial = z - np.linalg.solve(normal + damping * np.diag(np.diag(normal)), gradient)
            trial_error = problem.error(trial)
            trial_cost = _cost(trial_error, weight, trial)
            if trial_cost < cost:
                improved = True
                break
            damping *= 6.0
        if not improved:
            break
        gain = cost - trial_cost
        z, error, cost, damping = trial, trial_error, trial_cost, max(damping / 5.0, 1e-6)
        if gain < 1e-4 * cost:
            break
    constants = Constants(**dict(zip(problem.names, (float(v) for v in problem.constants(z)), strict=True)))
    effects = {
        name: dict(
            zip((str(v) for v in problem.levels[name]), (float(v) for v in problem.effect(z, name)), strict=True)
        )
        for name in blocks
    }
    return Calibration(constants, effects)


def _cost(error: Array, weight: Array, z: Array) -> float:
    edge = HUBER * NOISE
    size = np.abs(error)
    each = np.where(size <= edge, size**2, 2.0 * edge * size - edge**2)
    return float(weight**2 @ each + z @ z)


def _starting_point(problem: _Problem, start: Calibration | None) -> Array:
    z = np.zeros(problem.size)
    if start is None:
        return z
    z[: len(problem.names)] = (
        np.array([getattr(start.constants, n) for n in problem.names]) - problem.start
    ) / problem.sd
    for name in problem.blocks:
        known = start.effects.get(name, {})
        at = problem.offset[name]
        z[at : at + problem.levels[name].size] = [known.get(str(v), 0.0) for v in problem.levels[name]] / problem.width[
            name
        ]
    return z


def predict_log(calibration: Calibration, table: Table) -> Array:
    """Logarithm of the seconds of each case, in the unit it was measured in."""
    labels = {kind: table.labels(kind) for kind in LABELS}
    constants, whole = calibration.apply(labels)
    return np.log(assemble(table.parts, constants).total) + np.log(table.scale) + whole
