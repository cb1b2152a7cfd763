"""The picture of an assessment: quality against the share of calls to the strong model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from liebig.charts import altair, finish, save
from liebig.palette import BLUE, GREEN, GREY, ORANGE
from liebig.route.learn.assess import Assessment

__all__ = ["draw_curves"]


def draw_curves(found: Assessment, path: str | Path) -> None:
    """Draw the curves of all routers to an SVG, PNG or HTML file.

    Raises:
        MissingExtraError: the extra ``plot`` is not installed.
    """
    alt = altair()
    rows: list[dict[str, Any]] = []
    for name, curve in found.curves.items():
        step = max(1, len(curve.share) // 200)
        kept = sorted({*range(0, len(curve.share), step), len(curve.share) - 1})
        rows += [{"router": name, "calls": 100 * curve.share[i], "quality": curve.quality[i]} for i in kept]
    first = next(iter(found.curves.values()))
    goal = 0.95 * first.strong
    order = list(found.curves)
    line = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(clip=True)
        .encode(
            x=alt.X("calls:Q", title=f"calls to {found.strong}, %", scale=alt.Scale(domain=[0, 100])),
            y=alt.Y("quality:Q", title="quality", scale=alt.Scale(zero=False)),
            color=alt.Color(
                "router:N", sort=order, title="",
                scale=alt.Scale(domain=order, range=[BLUE, GREY, ORANGE, GREEN][: len(order)]),
            ),
            strokeDash=alt.StrokeDash("router:N", sort=order, title=""),
        )
    )  # fmt: skip
    rule = alt.Chart(alt.Data(values=[{"y": goal}])).mark_rule(strokeDash=[2, 2]).encode(y="y:Q")
    spared = 100 * (1 - first.share_for_quality(0.95))
    title = f"{order[0]} spares {spared:.0f} % of the calls to {found.strong} at 95 % of its quality"
    save(finish((rule + line).properties(width=560, height=320, title=title)), Path(path))
