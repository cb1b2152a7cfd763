"""A plan of a training run: model, recipe, machine and place to time, memory, money and energy, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.cluster.chip import Chip
from liebig.plan.goodput import Goodput, goodput
from liebig.plan.inputs import Setup, TrainingInput, make_training_input, setup_of
from liebig.plan.layout import RECOMPUTE, SCHEDULES, Layouts
from liebig.plan.memory import Memory, by_stage, memory
from liebig.plan.run import Run, Triple, whole_run
from liebig.plan.search import Found, constants_of, search
from liebig.plan.software import Software
from liebig.plan.spread import FEATURES, Spread
from liebig.plan.step import Breakdown, assemble, parts
from liebig.site.place import Site
from liebig.tables import Table
from liebig.transformer.architecture import Architecture
from liebig.transformer.arithmetic import FLOP_CONVENTIONS, flops_per_token

__all__ = ["SearchResult", "TrainingPlan", "layout_dict", "plan_of", "plan_training", "search_found", "search_training"]

Progress = Callable[[float], None]


def layout_dict(lay: Layouts) -> dict[str, Any]:
    """Sizes of one layout as whole numbers and words.

    >>> layout_dict(Layouts.of(tp=8, pp=4, dp=2, n_micro=16))["recompute"]
    'none'
    """
    names = ("tp", "pp", "vpp", "cp", "dp", "ep", "micro_batch", "n_micro", "zero")
    return {
        **{k: round(float(getattr(lay, k))) for k in names},
        "recompute": RECOMPUTE[min(2, math.ceil(float(lay.recompute)))],
        "recompute_share": min(1.0, max(0.0, float(lay.recompute) - 1.0)) if lay.recompute > 1 else None,
        "sequence_parallel": bool(lay.sequence_parallel > 0),
        "schedule": SCHEDULES[int(lay.schedule)],
        "offload": bool(lay.offload > 0),
    }


def words_of(layout: dict[str, Any]) -> str:
    """A layout in a line.

    >>> words_of(layout_dict(Layouts.of(tp=8, dp=2, n_micro=16)))
    'tp 8, dp 2, micro-batch 1 × 16, zero 1, recompute none'
    """
    shown = [f"{k} {layout[k]}" for k in ("tp", "pp", "vpp", "cp", "ep") if layout[k] > 1]
    shown += [
        f"dp {layout['dp']}",
        f"micro-batch {layout['micro_batch']} × {layout['n_micro']}",
        f"zero {layout['zero']}",
        f"recompute {layout['recompute']}",
    ]
    if (layout["recompute_share"] or 1.0) < 1.0:
        shown[-1] += f" on {100 * layout['recompute_share']:.0f} % of layers"
    if layout["schedule"] != "1f1b":
        shown.append(layout["schedule"])
    if layout["offload"]:
        shown.append("optimizer on the host")
    return ", ".join(shown)


def _triple(values: Triple) -> dict[str, float]:
    return dict(zip(("p10", "p50", "p90"), values, strict=True))


@dataclass(frozen=True)
class TrainingPlan:
    """The best layout, where its step goes, and what the whole run takes; p10, p50, p90 in that order."""

    given: TrainingInput
    model: Architecture
    chip: Chip
    software: Software
    precision: str
    batch: int
    tokens: float
    site: Site
    layout: Layouts
    breakdown: Breakdown
    memory: Memory
    step_s: Triple
    goodput: Goodput
    run: Run
    found: Found | None

    @property
    def steps(self) -> float:
        """Optimizer steps of the run."""
        return self.tokens / (self.batch * self.given.seq_len)

    @property
    def tokens_per_s_per_chip(self) -> float:
        """Tokens that a chip trains on in a second of a median step."""
        return self.batch * self.given.seq_len / (self.step_s[1] * self.given.chips)

    @property
    def training_flop(self) -> float:
        """FLOP of the whole run, attention causal and of the experts that are used."""
        return float(flops_per_token(self.model.shape, self.given.seq_len)) * self.tokens

    def utilisation(self, convention: str = "model") -> float:
        """Share of the chip's peak at the step's precision that a convention counts (MFU or HFU)."""
        flops = float(flops_per_token(self.model.shape, self.given.seq_len, convention))
        return flops * self.tokens_per_s_per_chip / self.chip.peak(self.precision)

    def breakdown_table(self) -> Table:
        """Where the step goes: part, seconds, share; the seconds sum to the median step."""
        scale = self.step_s[1] / float(self.breakdown.total)
        rows = []
        for f in fields(Breakdown):
            seconds = float(np.asarray(getattr(self.breakdown, f.name))) * scale
            rows.append({"part": f.name, "seconds": seconds, "share": seconds / self.step_s[1]})
        return Table.from_rows(rows)

    def memory_table(self) -> Table:
        """What fills the fullest chip: use, bytes."""
        return Table.from_rows([{"use": f.name, "bytes": float(getattr(self.memory, f.name))} for f in fields(Memory)])

    def stage_memory(self) -> Table:
        """Bytes on a chip of each stage of the pipeline: stage, weights and states, activations, logits, buffers."""
        return Table.from_rows(
            by_stage(self.model.shape, self.layout, float(self.given.seq_len), self.software, self.precision)
        )

    def layout_dict(self) -> dict[str, Any]:
        """Sizes of the layout as whole numbers and words."""
        return layout_dict(self.layout)

    def layout_words(self) -> str:
        """The layout in a line."""
        return words_of(self.layout_dict())

    def table(self) -> Table:
        """What the run takes, tidy: quantity, p10, p50, p90."""
        rows = [{"quantity": "step_s", **_triple(self.step_s)}]
        rows += [{"quantity": k, **v} for k, v in self.run.to_dict().items() if isinstance(v, dict)]
        return Table.from_rows(rows)

    def summary(self) -> str:
        """The answer in a sentence or two."""
        from liebig.plan.words import summary_of

        return summary_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "summary": self.summary(),
            "model": {
                "name": self.model.name,
                "parameters": self.model.parameters,
                "active_parameters": self.model.active_parameters,
            },
            "chip": self.chip.name,
            "chips": self.given.chips,
            "software": self.software.name,
            "precision": self.precision,
            "site": self.site.model_dump(),
            "seq_len": self.given.seq_len,
            "batch": self.batch,
            "tokens": self.tokens,
            "steps": self.steps,
            "training_flop": self.training_flop,
            "layout": self.layout_dict(),
            "step_s": _triple(self.step_s),
            "tokens_per_s_per_chip": self.tokens_per_s_per_chip,
            "mfu": {c: self.utilisation(c) for c in FLOP_CONVENTIONS if c != "lora"},
            "breakdown": self.breakdown_table().rows(),
            "memory": self.memory_table().rows(),
            "memory_by_stage": self.stage_memory().rows(),
            "memory_total_bytes": float(self.memory.total),
            "memory_at_hand_bytes": self.chip.memory_bytes,
            "goodput": self.goodput.to_dict(),
            "run": self.run.to_dict(),
            "layouts_considered": None if self.found is None else self.found.considered,
        }


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
    spread = Spread.from_dict(setup.calibration.spread)
    log_time = np.atleast_1d(math.log(total) + whole)
    p10, p50, p90 = (float(x[0]) for x in spread.interval(log_time, _situation(setup)))
    steps = setup.tokens / (setup.batch * given.seq_len)
    lost = goodput(given.chips, setup.model.parameters, given.failures_per_chip_day)
    shares = {f.name: float(np.asarray(getattr(breakdown, f.name))) / total for f in fields(Breakdown)}
    run = whole_run(given, setup.chip, setup.site, (p10, p50, p90), steps, lost, shares)
    need = memory(shape, lay, length, setup.software, setup.precision)
    return TrainingPlan(
        given, setup.model, setup.chip, setup.software, setup.precision, setup.batch, setup.tokens, setup.site, lay,
        breakdown, need, (p10, p50, p90), lost, run, found,
    )  # fmt: skip


def _situation(setup: Setup) -> NDArray[np.float64]:
    """How far the machine, the software and the model lie from what was calibrated on."""
    known = setup.calibration.known
    family = setup.chip.family or setup.chip.name
    row = [
        1.0,
        float(not known("chip", setup.chip.name)),
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
