"""The step as a picture in time: what each stage of a pipeline does when, and where a stage's time goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liebig.charts import WIDTH, altair, finish
from liebig.palette import KINDS, PARTS, WHITE
from liebig.plan.result import TrainingPlan
from liebig.step.pipeline import SCHEDULES, possible
from liebig.step.play import Span, StageTimes, schedule_spans

__all__ = ["Shown", "shown_spans", "timeline_chart"]

#: Stages and micro-batches that a picture shows at most.
MOST_STAGES, MOST_MICRO = 16, 32


#: What of a step comes after the pipeline has drained, or lies between steps.
_AFTER = ("data", "optimizer", "stragglers")


@dataclass(frozen=True)
class Shown:
    """Pieces of work of a step in time, for the stages and micro-batches that a picture has room for."""

    spans: tuple[Span, ...]
    stages: int
    micro_batches: int
    whole: bool


def shown_spans(plan: TrainingPlan, most_stages: int = MOST_STAGES, most_micro: int = MOST_MICRO) -> Shown:
    """What each rank of the pipeline does when, by the schedule of the plan.

    Shown in whole, the last piece ends with the step: passes are as long as on the mean rank, with the waiting of
    unequal stages and the sends in them, and what comes after the pipeline stands at the end.  Where steps overlap,
    each rank's pieces end one step after its first one began.  A picture of fewer stages or micro-batches than the
    plan has shows how it works, not how long it takes.
    """
    lay = plan.layout_dict()
    stages, chunks = min(lay["pp"], most_stages), lay["vpp"]
    which = int(plan.layout.schedule)
    micro = lay["n_micro"]
    if stages < lay["pp"] or micro > most_micro:  # as many as the schedule can run with
        micro = next(m for m in range(min(micro, most_micro), 0, -1) if possible(which, stages, m, chunks))
    whole = (stages, micro) == (lay["pp"], lay["n_micro"])
    scale = plan.step_s[1] / float(plan.breakdown.total)
    after = scale * sum(float(np.asarray(getattr(plan.breakdown, name))) for name in _AFTER)
    spans = schedule_spans(which, stages, micro, chunks, [StageTimes(*plan.rank_s)])
    if whole:
        overlaps = SCHEDULES[which].overlaps_steps
        begins = [min(s.start_s for s in spans if s.stage == i) if overlaps else 0.0 for i in range(stages)]
        drawn = max(s.end_s - begins[s.stage] for s in spans)
        stretch = (plan.step_s[1] - after) / drawn
        spans = [replace(s, start_s=stretch * s.start_s, end_s=stretch * s.end_s) for s in spans]
        ends = [stretch * start + plan.step_s[1] for start in begins]
        spans += [Span(i, "update", 0, 0, end - after, end) for i, end in enumerate(ends)]
    return Shown(tuple(spans), stages, micro, whole)


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
        "part:N", scale=alt.Scale(domain=order, range=[PARTS[p] for p in order]),
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
    layout, shown = plan.layout_dict(), shown_spans(plan)
    rows = [
        {"stage": s.stage, "kind": s.kind, "start": s.start_s * 1e3, "end": s.end_s * 1e3, "micro": s.micro_batch}
        for s in shown.spans
    ]
    words = f"pipeline, {SCHEDULES[int(plan.layout.schedule)].title}"
    if layout["vpp"] > 1:
        words += f", {layout['vpp']} chunks of layers on each stage"
    cut = []
    if shown.stages < layout["pp"]:
        cut.append(f"{shown.stages} of {layout['pp']} stages")
    if shown.micro_batches < layout["n_micro"]:
        cut.append(f"{shown.micro_batches} of {layout['n_micro']} micro-batches")
    if SCHEDULES[int(plan.layout.schedule)].overlaps_steps:
        words += ", whose ranks go on with the next step one by one"
    words += (f" ({', '.join(cut)} shown)" if cut else "") + ", ms"
    kinds = [k for k in KINDS if any(r["kind"] == k for r in rows)]
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(stroke=WHITE, strokeWidth=0.4)
        .encode(
            x=alt.X("start:Q", title=words, scale=alt.Scale(nice=False)),
            x2="end:Q",
            y=alt.Y("stage:O", title="stage"),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=kinds, range=[KINDS[k] for k in kinds]),
                legend=alt.Legend(title=None, orient="bottom", symbolType="square"),
            ),
            opacity=alt.condition("datum.micro % 2 == 0", alt.value(1.0), alt.value(0.72)),
            tooltip=["stage:O", "kind:N", "micro:O"],
        )
        .properties(width=WIDTH, height=18 * shown.stages)
    )
