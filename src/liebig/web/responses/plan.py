"""Answers about a training run."""

from __future__ import annotations

from liebig.web.responses.common import Answer, Limit, Number, Quantiles

__all__ = [
    "Goodput",
    "Headroom",
    "HeadroomLever",
    "Layout",
    "LayoutRow",
    "MemoryUse",
    "Part",
    "PlanAnswer",
    "PlannedModel",
    "RunAmounts",
    "SiteFigures",
    "Span",
    "StageMemory",
    "TrainingPlan",
]


class PlannedModel(Answer):
    """The model that is trained."""

    name: str
    parameters: float
    active_parameters: float


class SiteFigures(Answer):
    """The place of the machines."""

    name: str
    pue: float
    wue_l_per_kwh: float
    carbon_g_per_kwh: float
    water_l_per_kwh: float
    price_usd_per_kwh: float
    power_w: float | None


class LayoutSizes(Answer):
    """Sizes of a layout: tensor, pipeline, virtual stages, context, data, expert; batches; sharding; recomputation."""

    tp: int
    pp: int
    vpp: int
    cp: int
    dp: int
    ep: int
    micro_batch: int
    n_micro: int
    zero: int
    recompute: str
    recompute_share: float | None


class Layout(LayoutSizes):
    """The layout of a plan."""

    sequence_parallel: bool
    schedule: str
    offload: bool


class LayoutRow(LayoutSizes):
    """One of the best layouts."""

    step_s: float
    memory_bytes: float


class Part(Answer):
    """A part of a step."""

    part: str
    seconds: float
    share: float


class MemoryUse(Answer):
    """What fills the fullest chip."""

    use: str
    bytes: float


class StageMemory(Answer):
    """Bytes on a chip of one stage of the pipeline."""

    stage: int
    states: float
    activations: float
    logits: float
    buffers: float


class Goodput(Quantiles):
    """Share of wall time that trains."""

    mean_time_to_interruption_s: Number
    checkpoint_s: float
    checkpoint_every_s: Number


class RunAmounts(Answer):
    """What the run takes."""

    days: Quantiles
    chip_hours: Quantiles
    chip_power_w: Quantiles
    site_power_w: Quantiles
    energy_mwh: Quantiles
    usd: Quantiles
    usd_per_chip_hour: Quantiles
    electricity_usd: Quantiles
    tco2e: Quantiles
    water_m3: Quantiles
    price_note: str


class TrainingPlan(Answer):
    """The best layout, where its step goes, and what the run takes."""

    summary: str
    model: PlannedModel
    chip: str
    chips: int
    software: str
    precision: str
    site: SiteFigures
    seq_len: int
    batch: int
    tokens: float
    steps: float
    training_flop: float
    layout: Layout
    step_s: Quantiles
    tokens_per_s_per_chip: float
    mfu: dict[str, float]
    """Share of the chip's peak, by convention of counting FLOP."""
    breakdown: list[Part]
    memory: list[MemoryUse]
    memory_by_stage: list[StageMemory]
    memory_total_bytes: float
    memory_at_hand_bytes: float
    goodput: Goodput
    run: RunAmounts
    layouts_considered: int | None
    notes: list[str]
    """What the plan takes from elsewhere, such as kernels of another family of chips."""


class Span(Answer):
    """One piece of work of one stage, seconds from the start of the step."""

    stage: int
    kind: str
    micro_batch: int
    chunk: int
    start_s: float
    end_s: float


class HeadroomLever(Answer):
    """A lever and its factor on the largest feasible run."""

    lever: str
    ratio: Number


class Headroom(Answer):
    """Ceiling over plan; below 1 a limit forbids the plan."""

    date: str
    """When the ceilings are taken: the plan's date, or the forecast's first or last day for one outside it."""
    plan_date: str
    year: int
    flop: float
    limits: dict[Limit, Quantiles]
    minimum: Quantiles
    first_limit: Limit
    share_of_simulations_within_all_limits: float
    site: Number
    """Power of the place over that of the plan; null where the place states none."""
    levers: list[HeadroomLever]
    notes: list[str]


class PlanAnswer(Answer):
    """A training run: plan, timeline of a step, best layouts, headroom to every limit."""

    plan: TrainingPlan
    timeline: list[Span]
    """Empty where the step has too many pieces to draw."""
    layouts: list[LayoutRow]
    headroom: Headroom
