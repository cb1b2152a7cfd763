"""The step as a picture in time: what each stage of a pipeline does when, and where a stage's time goes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from liebig.charts import WIDTH, altair, finish
from liebig.step.time import Breakdown

if TYPE_CHECKING:
    from liebig.plan.result import TrainingPlan

__all__ = ["PART_COLOURS", "Span", "schedule_spans", "split_of", "timeline_chart"]

#: One colour for each part of a step (Okabe-Ito and shades of it).
PART_COLOURS = {
    "matmul": "#0072B2", "attention": "#56B4E9", "memory": "#7FB8DC", "head": "#004D7A", "recompute": "#8A6BBE",
    "launch": "#CC79A7", "tensor": "#E69F00", "context": "#F0C05A", "expert": "#B87F00", "sharding": "#D98C3F",
    "bubble": "#BBBBBB", "sends": "#D55E00", "data": "#B24700", "optimizer": "#009E73", "stragglers": "#888888",
}  # fmt: skip
#: Stages and micro-batches that a picture shows at most.
MOST_STAGES, MOST_MICRO = 16, 32


@dataclass(frozen=True)
class Span:
    """One piece of work of one stage, seconds from the start of the step."""

    stage: int
    kind: str
    micro_batch: int
    start_s: float
    end_s: float


def schedule_spans(stages: int, micro_batches: int, forward_s: float, backward_s: float) -> list[Span]:
    """When each stage works on which micro-batch in a one-forward-one-backward schedule.

    Each stage first takes in as many micro-batches as there are stages after it, then alternates.

    >>> spans = schedule_spans(2, 2, 1.0, 2.0)
    >>> max(s.end_s for s in spans)
    9.0
    >>> sum(s.end_s - s.start_s for s in spans if s.stage == 0)
    6.0
    """
    order: list[list[tuple[str, int]]] = []
    for stage in range(stages):
        ahead = min(stages - stage, micro_batches)
        jobs = [("forward", m) for m in range(ahead)]
        for m in range(micro_batches):
            jobs.append(("backward", m))
            if ahead + m < micro_batches:
                jobs.append(("forward", ahead + m))
        order.append(jobs)
    done: dict[tuple[int, str, int], float] = {}
    free, place, spans = [0.0] * stages, [0] * stages, []
    left = sum(len(jobs) for jobs in order)
    while left:
        for stage in range(stages):
            while place[stage] < len(order[stage]):
                kind, m = order[stage][place[stage]]
                before = _before(stage, stages, kind, m)
                if before is not None and before not in done:
                    break
                start = max(free[stage], done[before] if before is not None else 0.0)
                end = start + (forward_s if kind == "forward" else backward_s)
                spans.append(Span(stage, kind, m, start, end))
                done[stage, kind, m] = free[stage] = end
                place[stage] += 1
                left -= 1
    return spans


def _before(stage: int, stages: int, kind: str, m: int) -> tuple[int, str, int] | None:
    """The work that must be done before."""
    if kind == "forward":
        return (stage - 1, "forward", m) if stage else None
    return (stage + 1, "backward", m) if stage < stages - 1 else (stage, "forward", m)


def split_of(breakdown: Breakdown, micro_batches: float) -> tuple[float, float]:
    """Seconds of a forward and a backward pass of one micro-batch on one stage."""
    parts = {f.name: float(np.asarray(getattr(breakdown, f.name))) for f in fields(Breakdown)}
    once = ("bubble", "sends", "data", "optimizer", "stragglers", "recompute")
    work = sum(v for k, v in parts.items() if k not in once)
    return work / 3.0 / micro_batches, (2.0 * work / 3.0 + parts["recompute"]) / micro_batches


def timeline_chart(plan: TrainingPlan) -> Any:
    """The chart of a step: its parts as one bar, and its pipeline over time.

    Raises:
        MissingExtraError: pictures need the extra ``plot``.
    """
    alt = altair()
    rows = [r for r in plan.breakdown_table().rows() if r["share"] >= 0.001]
    order = [r["part"] for r in rows]
    start = 0.0
    for row in rows:
        label = f"{row['part']} {100 * row['share']:.0f} %"
        row.update(start=start * 1e3, end=(start + row["seconds"]) * 1e3, label=label)
        start += row["seconds"]
    colour = alt.Color(
        "part:N", scale=alt.Scale(domain=order, range=[PART_COLOURS[p] for p in order]),
        legend=alt.Legend(title=None, orient="bottom", columns=5, symbolType="square"),
    )  # fmt: skip
    bar = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(height=34)
        .encode(
            x=alt.X("start:Q", title="where the step goes, ms", scale=alt.Scale(nice=False)),
            x2="end:Q",
            color=colour,
            tooltip=["label:N"],
        )
        .properties(width=WIDTH, height=44)
    )
    biggest = max(rows, key=lambda r: r["seconds"])
    title = alt.TitleParams(
        f"A step takes {plan.step_s[1]:.3g} s; {100 * biggest['share']:.0f} % of it is {biggest['part']}",
        subtitle=f"{plan.model.name} on {plan.given.chips:,} {plan.chip.name}, {plan.layout_words()}",
    )
    panels = [bar]
    if plan.layout_dict()["pp"] > 1:
        panels.append(_pipeline(alt, plan))
    return finish(alt.vconcat(*panels, spacing=24).resolve_scale(color="independent").properties(title=title))


def _pipeline(alt: Any, plan: TrainingPlan) -> Any:
    layout = plan.layout_dict()
    stages, micro = min(layout["pp"], MOST_STAGES), min(layout["n_micro"], MOST_MICRO)
    forward, backward = split_of(plan.breakdown, layout["n_micro"])
    spans = [
        {"stage": s.stage, "kind": s.kind, "start": s.start_s * 1e3, "end": s.end_s * 1e3, "micro": s.micro_batch}
        for s in schedule_spans(stages, micro, forward, backward)
    ]
    cut = []
    if stages < layout["pp"]:
        cut.append(f"{stages} of {layout['pp']} stages")
    if micro < layout["n_micro"]:
        cut.append(f"{micro} of {layout['n_micro']} micro-batches")
    words = "pipeline, one forward, one backward" + (f" ({', '.join(cut)} shown)" if cut else "") + ", ms"
    return (
        alt.Chart(alt.Data(values=spans))
        .mark_bar(stroke="white", strokeWidth=0.4)
        .encode(
            x=alt.X("start:Q", title=words, scale=alt.Scale(nice=False)),
            x2="end:Q",
            y=alt.Y("stage:O", title="stage"),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["forward", "backward"], range=["#56B4E9", "#0072B2"]),
                legend=alt.Legend(title=None, orient="bottom", symbolType="square"),
            ),
            opacity=alt.condition("datum.micro % 2 == 0", alt.value(1.0), alt.value(0.72)),
            tooltip=["stage:O", "kind:N", "micro:O"],
        )
        .properties(width=WIDTH, height=18 * stages)
    )
