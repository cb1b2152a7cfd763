"""Fit the constants of the step to published measurements, and keep what chips and software differ in.

A prediction is ``log t = log t(parts, constants) + effects``.  Effects of a chip, a family, a
precision, a framework and a source are drawn towards nothing by a prior each, so a label that
was seen once moves little and one that was never seen not at all.  The effect of a source takes up
what its rows share (its cluster, its way of timing) and is left out of predictions.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.cluster.kernels import has_table
from liebig.errors import InputError
from liebig.files import write_whole
from liebig.plan.constants import Constants
from liebig.plan.step import Parts, assemble
from liebig.plan.table import Table

__all__ = ["BLOCKS", "Calibration", "fit", "load_calibration"]

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


@dataclass(frozen=True)
class Block:
    """A kind of label and the constants that its effect multiplies (none: the whole step)."""

    label: str
    acts_on: tuple[str, ...]
    spread: float


BLOCKS: dict[str, Block] = {
    "software": Block("software", (), 0.06),
    "software launch": Block("software", ("launch", "launch_moe"), 0.3),
    "software memory": Block("software", ("stream",), 0.25),
    "software network": Block("software", ("outer",), 0.35),
    "family": Block("family", ("matmul", "sustained"), 0.08),
    "chip": Block("chip", ("matmul", "sustained"), 0.06),
    "precision": Block("precision", ("matmul", "sustained"), 0.06),
    "chip step": Block("chip", (), 0.04),
    "attention": Block("attention", ("attention",), 0.15),
    "source": Block("source", (), 0.08),
}
#: Error of a single row that is due to nothing in the model, in logarithms.
NOISE = 0.06
#: Errors beyond this many times ``NOISE`` count linearly.
HUBER = 4.0


@dataclass(frozen=True)
class Calibration:
    """Constants and effects; ``spread`` holds quantiles of errors on left-out sources by situation.

    ``cluster`` is the logarithm that every step of the user's own cluster takes longer by.
    """

    constants: Constants = field(default_factory=Constants)
    effects: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    spread: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    cluster: float = 0.0

    def known(self, label: str, value: str) -> bool:
        """True when the calibration has seen the label."""
        return any(value in self.effects.get(n, {}) for n, b in BLOCKS.items() if b.label == label)

    def apply(self, labels: Mapping[str, Any]) -> tuple[Constants, Array]:
        """Constants with the effects of the labels, and the logarithm that the whole step is off by.

        Args:
            labels: kind -> one label, or an array of labels of shape ``(n,)``.
        """
        changed: dict[str, Any] = {f.name: getattr(self.constants, f.name) for f in fields(Constants)}
        whole: Any = self.cluster
        for name, block in BLOCKS.items():
            if name == "source" or block.label not in labels:
                continue
            effect = self.effects.get(name, {})
            value = np.asarray(labels[block.label])
            size = np.vectorize(lambda v, e=effect: e.get(str(v), 0.0), otypes=[float])(value)
            for constant in block.acts_on:
                changed[constant] = changed[constant] * np.exp(size)
            if not block.acts_on:
                whole = whole + size
        return Constants(**changed), np.asarray(whole, dtype=np.float64)

    def save(self, path: str | Path) -> None:
        """Write the calibration as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        content = {
            "format": 1,
            "note": self.note,
            "cluster": round(self.cluster, 6),
            "constants": {f.name: round(float(getattr(self.constants, f.name)), 6) for f in fields(Constants)},
            "effects": {n: {k: round(v, 5) for k, v in e.items()} for n, e in self.effects.items()},
            "spread": self.spread,
        }
        write_whole(path, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def load_calibration(path: str | Path) -> Calibration:
    """Read a calibration.

    Raises:
        InputError: the file is not one.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        names = {f.name for f in fields(Constants)}
        numbers = {k: float(v) for k, v in content["constants"].items() if k in names}
        effects = {str(n): {str(k): float(v) for k, v in e.items()} for n, e in content["effects"].items()}
        found = Calibration(
            replace(Constants(), **numbers), effects, content.get("spread", {}), content.get("note", ""),
            float(content.get("cluster", 0.0)),
        )  # fmt: skip
        if not all(math.isfinite(v) for v in [found.cluster, *vars(found.constants).values()]):
            raise ValueError
        return found
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: not a calibration; write one with: liebig calibrate --runs FILE") from None


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
    labels = {kind: table.labels(kind) for kind in ("software", "chip", "family", "precision", "attention")}
    constants, whole = calibration.apply(labels)
    return np.log(_total(table.parts, constants)) + np.log(table.scale) + whole


def _total(parts: Parts, constants: Constants) -> Array:
    return assemble(parts, constants).total
