"""The border of time, memory and chips among layouts, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from liebig.charts import WIDTH, altair, finish
from liebig.palette import SERIES

__all__ = ["mark_pareto", "pareto_chart"]


def mark_pareto(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows, fastest first, with ``border`` true where no other is as good in step, memory and chips and better in one.

    >>> rows = [{"step_s": 1.0, "memory_bytes": 9.0, "chips": 8}, {"step_s": 2.0, "memory_bytes": 9.0, "chips": 8}]
    >>> [r["border"] for r in mark_pareto(rows)]
    [True, False]
    """
    found = sorted((dict(r) for r in rows), key=lambda r: (r["step_s"], r["memory_bytes"], r["chips"]))
    values = np.array([[r["step_s"], r["memory_bytes"], r["chips"]] for r in found], dtype=np.float64)
    for i, row in enumerate(found):
        no_worse = np.all(values <= values[i], axis=1)
        better = np.any(values < values[i], axis=1)
        row["border"] = not bool(np.any(no_worse & better))
    return found


def pareto_chart(rows: Sequence[dict[str, Any]], model: str, chip: str) -> Any:
    """Step over memory, one point a layout, the border as a line for each number of chips.

    Raises:
        MissingExtraError: pictures need the extra ``plot``.
    """
    alt = altair()
    values = [
        {"step": r["step_s"], "memory": r["memory_bytes"] / 1e9, "chips": f"{r['chips']:,}", "border": r["border"]}
        for r in rows
    ]
    best = min(rows, key=lambda r: r["step_s"])
    base = alt.Chart(alt.Data(values=values))
    x = alt.X("memory:Q", title="memory of the fullest chip, GB", scale=alt.Scale(zero=False))
    y = alt.Y("step:Q", title="seconds of a step", scale=alt.Scale(type="log", nice=False))
    colour = alt.Color("chips:N", scale=alt.Scale(range=SERIES))
    chart = alt.layer(
        base.mark_circle(size=26, opacity=0.35).encode(x=x, y=y, color=colour),
        base.transform_filter("datum.border").mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        base.transform_filter("datum.border")
        .mark_point(filled=True, size=60, opacity=1)
        .encode(x=x, y=y, color=colour),
    ).properties(
        width=WIDTH,
        height=360,
        title=alt.TitleParams(
            f"The fastest layout takes {best['step_s']:.3g} s and {best['memory_bytes'] / 1e9:.0f} GB",
            subtitle=f"{model} on {chip}; large points: none is faster, leaner and on fewer chips",
        ),
    )
    return finish(chart)
