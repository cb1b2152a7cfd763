"""The picture of a budget: expected loss against the size of the model, and what other budgets would reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from liebig.charts import WIDTH, altair, finish
from liebig.palette import BLUE, GREEN, GREY, ORANGE, SOFT, VERMILION
from liebig.plan.loss import loss, optimal
from liebig.quantities import format_quantity

if TYPE_CHECKING:
    from liebig.plan.budget import Budget

__all__ = ["budget_chart"]


def budget_chart(result: Budget) -> Any:
    """Loss over parameters for this budget, and for a quarter and four times the computing.

    Raises:
        MissingExtraError: pictures need the extra ``plot``.
    """
    alt = altair()
    law = result.given.law
    rows = [{"size": r["parameters"], "loss": r["loss"], "budget": "this budget"} for r in result.frontier]
    best = {"size": result.parameters, "loss": result.loss[1], "low": result.loss[0], "high": result.loss[2]}
    frontier = []
    used = 6.0 * result.parameters * result.tokens[1]
    for factor in (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0):
        n, d = optimal(factor * used, law)
        frontier.append({"size": n, "loss": float(loss(law, n, d)), "label": f"×{factor:g}"})
    for factor in (0.25, 4.0):
        rows += [
            {
                "size": r["parameters"],
                "loss": float(loss(law, r["parameters"], factor * r["tokens"])),
                "budget": f"×{factor:g}",
            }
            for r in result.frontier
        ]
    lowest = min(r["loss"] for r in rows) - 0.01
    highest = sorted(r["loss"] for r in rows if r["budget"] == "this budget")[-1] + 0.02
    x = alt.X("size:Q", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~s"), title="parameters")
    y = alt.Y("loss:Q", scale=alt.Scale(domain=[lowest, highest], clamp=True), title="expected loss, nats per token")
    colour = alt.Color(
        "budget:N",
        scale=alt.Scale(domain=["×0.25", "this budget", "×4"], range=[ORANGE, BLUE, GREEN]),
        legend=alt.Legend(title=None, orient="bottom"),
    )
    base = alt.Chart(alt.Data(values=rows))
    chart = alt.layer(
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        alt.Chart(alt.Data(values=frontier)).mark_line(color=GREY, strokeDash=[4, 3]).encode(x=x, y=y),
        alt.Chart(alt.Data(values=frontier)).mark_text(dy=14, fontSize=11, color=SOFT).encode(x=x, y=y, text="label:N"),
        alt.Chart(alt.Data(values=[best]))
        .mark_rule(color=VERMILION, strokeWidth=2)
        .encode(x=x, y="low:Q", y2="high:Q"),
        alt.Chart(alt.Data(values=[best]))
        .mark_point(filled=True, size=90, color=VERMILION, opacity=1)
        .encode(x=x, y=y),
    ).properties(
        width=WIDTH,
        height=340,
        title=alt.TitleParams(
            f"{format_quantity(result.parameters, 'parameters', 3)} on {result.tokens[1] / 1e12:.3g}T tokens are best; "
            f"{result.binds} {'bind' if ' and ' in result.binds or result.binds.endswith('s') else 'binds'}",
            subtitle="dashed: best loss with more or less computing; bar: p10–p90",
        ),
    )
    return finish(chart)
