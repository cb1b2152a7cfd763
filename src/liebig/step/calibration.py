"""What a calibration is: constants of the step, effects of chips, precisions and software, and how wide intervals are.

A prediction is ``log t = log t(parts, constants) + effects``.  Effects were drawn towards nothing by a prior each, so a
label that was seen once moves little and one that was never seen not at all.  The effect of a source takes up what its
rows share (its cluster, its way of timing) and is left out of predictions.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.cluster.chip import Chip
from liebig.errors import InputError
from liebig.files import write_atomic
from liebig.reading import read_json
from liebig.step.constants import Constants
from liebig.step.software import Software

__all__ = ["BLOCKS", "LABELS", "Block", "Calibration", "builtin_calibration", "labels_of", "load_calibration"]

Array = NDArray[np.float64]
#: Kinds of labels that predictions read effects of.
LABELS = ("software", "chip", "family", "precision", "attention")


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


def labels_of(chip: Chip, software: Software, precision: str) -> dict[str, str]:
    """What a machine, a framework and a precision are called in a calibration, by kind of label.

    >>> from liebig.cluster import chip
    >>> from liebig.step.software import software
    >>> labels_of(chip("A100-SXM-80GB"), software("modern"), "fp16")["precision"]
    'A100 bf16'
    """
    wide = "bf16" if precision in ("bf16", "fp16") else precision
    family = chip.family or chip.base_name
    return {
        "software": software.name, "chip": chip.base_name, "family": family, "precision": f"{family} {wide}",
        "attention": f"{family} {software.attention}",
    }  # fmt: skip


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
        write_atomic(path, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def load_calibration(path: str | Path) -> Calibration:
    """Read a calibration.

    Raises:
        InputError: the file is not one.
    """
    content = read_json(path, "a calibration (JSON); write one with: liebig calibrate --runs FILE")
    try:
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
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: not a calibration; write one with: liebig calibrate --runs FILE") from None


@functools.cache
def builtin_calibration() -> Calibration:
    """The calibration on all published steps, written by ``tools/calibrate_builtin.py``."""
    path = resources.files("liebig.catalog").joinpath("measured", "calibration.json")
    with resources.as_file(path) as file:
        return load_calibration(file)
