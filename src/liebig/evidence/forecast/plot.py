"""Pictures of refitted trends (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from liebig.charts import altair, finish, power_axis, save
from liebig.evidence.forecast.trends import Trend
from liebig.palette import BLUE, VERMILION

__all__ = ["draw_trends"]


def draw_trends(trends: Sequence[Trend], path: Path) -> None:
    """Draw points and fitted lines, one panel for each trend."""
    alt = altair()
    panels = []
    for t in trends:
        points = [{"year": y, "value": float(np.log10(v)), "name": n} for y, v, n in t.points]
        years = np.array([p[0] for p in t.points])
        logs = np.log10([p[1] for p in t.points])
        slope = np.log10(t.fit.growth)
        level = float(logs.mean() - slope * years.mean())
        ends = [{"year": float(y), "value": level + slope * float(y)} for y in (years.min(), years.max())]
        low, high = float(logs.min()), float(logs.max())
        x = alt.X("year:Q", axis=alt.Axis(format="d", title=None), scale=alt.Scale(zero=False))
        y = alt.Y(
            "value:Q",
            scale=alt.Scale(domain=[low - 0.2, high + 0.2], zero=False),
            axis=power_axis(alt, low, high, t.unit),
        )
        panels.append(
            alt.layer(
                alt.Chart(alt.Data(values=points))
                .mark_point(filled=True, size=22, color=BLUE, opacity=0.6)
                .encode(x=x, y=y, tooltip=["name:N"]),
                alt.Chart(alt.Data(values=ends)).mark_line(color=VERMILION, strokeWidth=2).encode(x=x, y=y),
            ).properties(
                width=300,
                height=190,
                title=alt.TitleParams(
                    f"{t.name}: ×{t.fit.growth:.2f} per year ({t.fit.p5:.2f}–{t.fit.p95:.2f})", fontSize=12
                ),
            )
        )
    save(finish(alt.concat(*panels, columns=min(3, len(panels)))), path)
