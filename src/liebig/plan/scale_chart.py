"""The picture of a scale: utilisation against the size of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from liebig.charts import WIDTH, altair, finish, power_axis
from liebig.palette import GREY, PURPLE
from liebig.quantities import format_scientific as sci

if TYPE_CHECKING:
    from liebig.plan.scale import Scale

__all__ = ["scale_chart"]


def scale_chart(result: Scale) -> Any:
    """Utilisation over FLOP, with the knee and the wall.

    Raises:
        MissingExtraError: pictures need the extra ``plot``.
    """
    alt = altair()
    rows = [
        {"flop": float(np.log10(r["flop"])), "used": r["utilisation"]}
        for r in result.rows
        if r["utilisation"] is not None
    ]
    low, high = float(np.log10(result.given.smallest)), float(np.log10(result.given.largest))
    marks = [
        {"flop": float(np.log10(f)), "label": label}
        for f, label in ((result.wall.knee_flop, "half of the best"), (result.wall.wall_flop, "latency wall"))
        if low <= np.log10(f) <= high
    ]
    scale = alt.Scale(domain=[low, high], nice=False)
    x = alt.X("flop:Q", scale=scale, axis=power_axis(alt, low, high, "FLOP of the run"))
    y = alt.Y("used:Q", axis=alt.Axis(format="%"), title="utilisation of the peak", scale=alt.Scale(domainMin=0))
    base = alt.Chart(alt.Data(values=rows))
    layers = [
        base.mark_line(color=PURPLE, strokeWidth=2.5).encode(x=x, y=y),
        base.mark_point(filled=True, color=PURPLE, size=40).encode(x=x, y=y),
    ]
    if marks:
        rule = alt.Chart(alt.Data(values=marks))
        layers += [
            rule.mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=x),
            rule.mark_text(align="left", dx=5, dy=-150, fontSize=12).encode(x=x, text="label:N"),
        ]
    knee, wall = sci(result.wall.knee_flop), sci(result.wall.wall_flop)
    chart = alt.layer(*layers).properties(width=WIDTH, height=330, title=alt.TitleParams(
        f"Utilisation halves at {knee} FLOP; latency ends training at {wall}",
        subtitle=f"{result.given.chip}, {result.given.precision}, {result.given.days:g} days, compute-optimal models",
    ))  # fmt: skip
    return finish(chart)
