"""The answer about a training run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from liebig.web.requests import PlanRequest
from liebig.web.responses import PlanAnswer

__all__ = ["plan"]

#: Pieces of the timeline of a step that are sent.
MOST_SPANS = 4000
_SIZES = ("tp", "pp", "vpp", "cp", "ep", "dp", "micro_batch", "n_micro", "zero", "recompute", "recompute_share")


def plan(body: PlanRequest) -> PlanAnswer:
    """A training run: the plan, its timeline, the best layouts, and its headroom to every ceiling."""
    from liebig.plan import plan_training
    from liebig.plan.headroom import headroom_of
    from liebig.plan.result import layout_dict
    from liebig.plan.timeline import shown_spans

    found = plan_training(body.training())
    layout = found.layout_dict()
    count = 3 * int(layout["pp"]) * int(layout["n_micro"]) * int(layout["vpp"])
    spans = shown_spans(found, int(layout["pp"]), int(layout["n_micro"])).spans if count <= MOST_SPANS else ()
    rows: list[dict[str, Any]] = []
    if found.found is not None:
        best = found.found
        for i in range(min(len(best.step_s), 12)):
            sizes = {k: v for k, v in layout_dict(best.layouts.take(i)).items() if k in _SIZES}
            rows.append({**sizes, "step_s": float(best.step_s[i]), "memory_bytes": float(best.memory_bytes[i])})
    return PlanAnswer.model_validate(
        {
            "plan": found.to_dict(), "timeline": [asdict(s) for s in spans], "layouts": rows,
            "headroom": headroom_of(found).to_dict(),
        }
    )  # fmt: skip
