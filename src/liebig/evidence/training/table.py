"""Many cases as arrays: the parts of their steps, what was measured, and what they have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from liebig.cluster.chip import Chip
from liebig.cluster.fabric import fabric_of
from liebig.evidence.training.complete import complete
from liebig.evidence.training.rows import Case
from liebig.plan.goodput import goodput
from liebig.step.calibration import LABELS, labels_of
from liebig.step.layout import Layouts
from liebig.step.parts import Parts, parts
from liebig.step.software import Software
from liebig.transformer.shape import stack

__all__ = ["Table", "table_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Cases in one order, with arrays of shape ``(n,)``.

    ``scale`` turns the seconds of the step that was computed into those of the step that was
    measured, where only a rate was published and the batch had to be assumed.
    """

    cases: tuple[Case, ...]
    layouts: tuple[Layouts, ...]
    parts: Parts
    measured_s: Array
    scale: Array

    def __len__(self) -> int:
        return len(self.cases)

    def labels(self, kind: str) -> NDArray[np.str_]:
        """What each case has of one kind: software, chip, family, precision, attention or source."""
        return np.array([_label(c, kind) for c in self.cases])

    def take(self, index: NDArray[np.intp]) -> Table:
        """The cases at the given places."""
        return Table(
            tuple(self.cases[i] for i in index),
            tuple(self.layouts[i] for i in index),
            self.parts.take(index),
            self.measured_s[index],
            self.scale[index],
        )


def _label(case: Case, kind: str) -> str:
    assert case.chip is not None
    assert case.software is not None
    if kind in LABELS:
        return labels_of(case.chip, case.software, case.precision)[kind]
    return case.source if kind == "source" else case.group


def table_of(cases: Iterable[Case]) -> Table:
    """Arrays of all cases that can be predicted; the others are left out.

    Raises:
        ValueError: none can.
    """
    usable = [c for c in cases if not c.reason]
    if not usable:
        raise ValueError("no case can be predicted")
    groups: dict[tuple[Chip, Software, str, float | None], list[int]] = {}
    for i, case in enumerate(usable):
        network = None if math.isnan(case.outer_bandwidth) else case.outer_bandwidth
        assert case.chip is not None
        assert case.software is not None
        groups.setdefault((case.chip, case.software, case.precision, network), []).append(i)
    order: list[int] = []
    layouts: list[Layouts] = []
    pieces: list[Parts] = []
    for (machine, software, precision, network), members in groups.items():
        chosen = [usable[i] for i in members]
        each = [complete(c) for c in chosen]
        lay = Layouts(*(np.array([float(getattr(x, f.name)) for x in each]) for f in fields(Layouts)))
        shape = stack([c.model.shape for c in chosen if c.model is not None])
        length = np.array([float(c.length) for c in chosen])
        trained = np.array([0.0 if c.task == "lora" else 1.0 for c in chosen])
        found = parts(machine, fabric_of(machine, network), software, precision, shape, lay, length, trained)
        pieces.append(found.spread((len(members),)))
        order += members
        layouts += each
    cases_in_order = tuple(usable[i] for i in order)
    batch = np.array([float(x.batch) for x in layouts])
    scale = np.array([1.0 if c.batch else c.chips / b for c, b in zip(cases_in_order, batch, strict=True)])
    scale = scale * np.array([_beyond_the_step(c) for c in cases_in_order])
    measured = np.array([c.measured_s for c in cases_in_order])
    return Table(cases_in_order, tuple(layouts), Parts.join(pieces), measured, scale)


def _beyond_the_step(case: Case) -> float:
    """Wall time over time of steps, for rows whose rate is that of a whole run with its restarts and evaluations."""
    if not case.full_run or case.model is None:
        return 1.0
    return 1.0 / goodput(case.chips, case.model.parameters).p50
