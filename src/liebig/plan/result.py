"""The answer of a plan: the layout, where its step goes, what fills memory, and what the run takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from liebig.cluster.chip import Chip
from liebig.plan.goodput import Goodput
from liebig.plan.inputs import TrainingInput
from liebig.plan.run import Run
from liebig.plan.words import money
from liebig.quantities import format_interval, format_quantity
from liebig.site.place import Site
from liebig.step.layout import RECOMPUTE, Layouts
from liebig.step.memory import Memory, by_stage
from liebig.step.pipeline import SCHEDULE_NAMES
from liebig.step.search import Found
from liebig.step.software import Software
from liebig.step.time import Breakdown
from liebig.tables import Table
from liebig.transformer.architecture import Architecture
from liebig.transformer.arithmetic import FLOP_CONVENTIONS, flops_per_token
from liebig.uncertainty import Interval

__all__ = ["TrainingPlan", "layout_dict", "words_of"]


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
        "schedule": SCHEDULE_NAMES[int(lay.schedule)],
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
    if layout["schedule"] != SCHEDULE_NAMES[0]:
        shown.append(layout["schedule"])
    if layout["offload"]:
        shown.append("optimizer on the host")
    return ", ".join(shown)


@dataclass(frozen=True)
class TrainingPlan:
    """The best layout, where its step goes, and what the whole run takes; p10, p50, p90 in that order.

    ``rank_s`` are seconds of a rank of the pipeline on one micro-batch: forward pass, gradients of inputs, gradients of
    weights.
    """

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
    rank_s: tuple[float, float, float]
    memory: Memory
    step_s: Interval
    goodput: Goodput
    run: Run
    found: Found | None
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> float:
        """Optimizer steps of the run."""
        return self.tokens / (self.batch * self.given.seq_len)

    @property
    def tokens_per_s_per_chip(self) -> float:
        """Tokens that a chip trains on in a second of a median step."""
        return self.batch * self.given.seq_len / (self.step_s.p50 * self.given.chips)

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
        scale = self.step_s.p50 / float(self.breakdown.total)
        rows = []
        for f in fields(Breakdown):
            seconds = float(np.asarray(getattr(self.breakdown, f.name))) * scale
            rows.append({"part": f.name, "seconds": seconds, "share": seconds / self.step_s.p50})
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
        rows = [{"quantity": "step_s", **self.step_s.to_dict()}]
        rows += [{"quantity": k, **v} for k, v in self.run.to_dict().items() if isinstance(v, dict)]
        return Table.from_rows(rows)

    def summary(self) -> str:
        """How long, how much, where the time goes and what fills the memory."""
        run = self.run
        days, step = (format_interval(values, write=".3g") for values in (run.days, self.step_s))
        usd = format_interval(run.usd, write=lambda amount: money(amount).removeprefix("USD "))
        rows = sorted(self.breakdown_table().rows(), key=lambda r: -r["seconds"])
        losses = [r for r in rows if r["part"] not in ("matmul", "attention", "memory", "head", "recompute")]
        worst = losses[0]
        full = float(self.memory.total) / self.chip.memory_bytes
        return (
            f"{self.model.name} on {self.given.chips:,} {self.chip.name}: {days} days for "
            f"{format_quantity(self.tokens, 'tokens')}, USD {usd}, "
            f"{format_quantity(run.site_power_w.p50, 'W')} and {run.energy_mwh.p50:,.3g} MWh. Best layout: "
            f"{self.layout_words()}; a step takes {step} s at {100 * self.utilisation():.0f} % MFU. "
            f"Beyond computing, most time goes to {worst['part']} ({100 * worst['share']:.0f} %); memory is "
            f"{100 * full:.0f} % full."
        )

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
            "step_s": self.step_s.to_dict(),
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
            "notes": list(self.notes),
        }
