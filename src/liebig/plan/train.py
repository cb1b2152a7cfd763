"""A plan of a training run: model, recipe, machine and place to time, memory, money and energy, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.dates import calendar_year, decimal_year
from liebig.plan.goodput import goodput
from liebig.plan.inputs import Setup, TrainingInput, make_training_input, setup_of
from liebig.plan.result import TrainingPlan, layout_dict
from liebig.plan.run import simulate_run
from liebig.step.layout import Layouts
from liebig.step.memory import memory
from liebig.step.parts import parts
from liebig.step.search import Found, constants_of, search
from liebig.step.spread import FEATURES, Spread
from liebig.step.time import Breakdown, assemble, stage_times
from liebig.transformer.arithmetic import flops_per_token
from liebig.uncertainty import Interval

__all__ = ["SearchResult", "plan_of", "plan_training", "search_found", "search_training"]

Progress = Callable[[float], None]


def plan_training(given: TrainingInput | None = None, progress: Progress | None = None, **options: Any) -> TrainingPlan:
    """Plan a run; sizes of the layout that are not given are searched for.

    Args:
        given: the input, or None to make one from the options.
        progress: called with the share of the search that is done.
        options: fields of ``TrainingInput``.

    Raises:
        InputError: something given cannot be; all problems of the input are named.

    >>> plan = plan_training(model="Llama2-7B", chips=64, batch=256, seq_len=4096, tp=1, pp=1)
    >>> 0.25 < plan.utilisation() < 0.65
    True
    """
    given = make_training_input(**options) if given is None else given
    setup = setup_of(given)
    return plan_of(given, setup, search_found(given, setup, 20, progress))


def search_found(given: TrainingInput, setup: Setup, keep: int, progress: Progress | None = None) -> Found:
    """The fastest layouts of an input that has been looked up."""
    return search(
        setup.model, setup.chip, setup.fabric, setup.software, setup.precision, given.chips, setup.batch, given.seq_len,
        setup.calibration, setup.space, keep=keep, progress=progress,
    )  # fmt: skip


def plan_of(given: TrainingInput, setup: Setup, found: Found, which: int = 0) -> TrainingPlan:
    """The plan of one of the layouts that a search found."""
    lay = found.layouts.take(which)
    length = float(given.seq_len)
    shape = setup.model.shape
    constants, whole = constants_of(setup.calibration, setup.chip, setup.software, setup.precision)
    pieces = parts(setup.chip, setup.fabric, setup.software, setup.precision, shape, lay, length)
    breakdown = assemble(pieces, constants)
    total = float(breakdown.total)
    forward, backward, weights = (float(x) for x in stage_times(pieces, constants))
    spread = Spread.from_dict(setup.calibration.spread)
    log_time = np.atleast_1d(math.log(total) + whole)
    step_s = Interval(*(float(x[0]) for x in spread.interval(log_time, _situation(setup))))
    steps = setup.tokens / (setup.batch * given.seq_len)
    lost = goodput(given.chips, setup.model.parameters, given.failures_per_chip_day)
    shares = {f.name: float(np.asarray(getattr(breakdown, f.name))) / total for f in fields(Breakdown)}
    run = simulate_run(given, setup.chip, setup.site, step_s, steps, lost, shares)
    need = memory(shape, lay, length, setup.software, setup.precision)
    return TrainingPlan(
        given, setup.model, setup.chip, setup.software, setup.precision, setup.batch, setup.tokens, setup.site, lay,
        breakdown, (forward, backward, weights), need, step_s, lost, run, found,
        (*setup.notes, *_network_notes(given, setup, lay, total), *_unremarked(given, setup, lay, steps)),
    )  # fmt: skip


def _network_notes(given: TrainingInput, setup: Setup, lay: Layouts, step_s: float) -> list[str]:
    """Sentences on stated options of the network without which a step of a layout takes as long."""
    notes = []
    constants, _ = constants_of(setup.calibration, setup.chip, setup.software, setup.precision)
    for name in ("network_gbit", "topology", "taper", "domain"):
        if getattr(given, name) is None:
            continue
        usual = setup_of(given.model_copy(update={name: None})).fabric
        leaves = {"taper_above": usual.taper_above}  # says nothing by itself
        if usual == setup.fabric.model_copy(update=leaves):  # what is usual was stated
            continue
        pieces = parts(setup.chip, usual, setup.software, setup.precision, setup.model.shape, lay, float(given.seq_len))
        if float(assemble(pieces, constants).total) == step_s:
            notes.append(f"{name} {getattr(given, name)} changes nothing for this layout: a step takes as long without")
    return notes


def _unremarked(given: TrainingInput, setup: Setup, lay: Layouts, steps: float) -> list[str]:
    """Sentences on a run that can be planned and not be meant."""
    notes = []
    released = setup.chip.release
    if released and decimal_year(given.date) < calendar_year(released):
        notes.append(f"{setup.chip.name} was released in {calendar_year(released)}, after the run ({given.date})")
    if steps < 1.0:
        notes.append(
            f"{setup.tokens:,.0f} tokens are less than one step, which takes {setup.batch * given.seq_len:,}; "
            "give more tokens or a smaller batch"
        )
    if given.schedule != "1f1b" and float(lay.pp) == 1.0:
        notes.append(f"schedule {given.schedule} changes nothing without a pipeline; give pp of 2 or more")
    return notes


def _situation(setup: Setup) -> NDArray[np.float64]:
    """How far the machine, the software and the model lie from what was calibrated on."""
    known = setup.calibration.known
    family = setup.chip.family or setup.chip.base_name
    row = [
        1.0,
        float(not known("chip", setup.chip.table_name)),
        float(not known("family", family)),
        float(not known("software", setup.software.name)),
        0.0,
        float(setup.model.is_moe),
        0.0,
    ]
    assert len(row) == len(FEATURES)
    return np.array([row])


@dataclass(frozen=True)
class SearchResult:
    """Layouts of one model and machine, fastest first."""

    given: TrainingInput
    setup: Setup
    found: Found

    def rows(self) -> list[dict[str, Any]]:
        """One record per layout with its sizes, seconds, MFU and bytes; ``border`` marks the Pareto front."""
        setup, chips = self.setup, self.given.chips
        flops = float(flops_per_token(setup.model.shape, self.given.seq_len)) * setup.batch * self.given.seq_len
        border = set(self.found.pareto().tolist())
        out = []
        for i in range(self.found.layouts.size):
            seconds = float(self.found.step_s[i])
            out.append(
                {
                    "chips": chips,
                    **layout_dict(self.found.layouts.take(i)),
                    "step_s": seconds,
                    "mfu": flops / (seconds * chips * setup.chip.peak(setup.precision)),
                    "memory_bytes": float(self.found.memory_bytes[i]),
                    "border": i in border,
                }
            )
        return out

    def plan(self, which: int = 0) -> TrainingPlan:
        """The plan of a layout."""
        return plan_of(self.given, self.setup, self.found, which)


def search_training(keep: int = 100, progress: Progress | None = None, **options: Any) -> SearchResult:
    """All layouts of a run, the best first; options as for ``plan_training``.

    >>> result = search_training(model="Llama2-7B", chips=16, batch=64, seq_len=4096)
    >>> result.found.considered > 20
    True
    """
    given = make_training_input(**options)
    setup = setup_of(given)
    return SearchResult(given, setup, search_found(given, setup, keep, progress))
