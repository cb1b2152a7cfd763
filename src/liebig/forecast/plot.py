"""Pictures of forecasts, drawn with Vega-Lite through altair (extra ``plot``).

One colour per limit everywhere (Okabe-Ito, safe for colour-blind readers), lines labelled at their
ends, uncertainty as bands, the title says the finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from liebig.charts import WIDTH, altair, check_plotting, finish, power_axis, save
from liebig.limits import LIMITS
from liebig.palette import BLACK, BLUE, GREY, INK, SKY_BLUE, SOFT, VERMILION
from liebig.quantities import format_factor, format_scientific

if TYPE_CHECKING:
    from liebig.forecast.compare import Comparison
    from liebig.forecast.result import Forecast
    from liebig.forecast.sensitivity import Sensitivity
    from liebig.levers.rank import Ranking

__all__ = [
    "EXPECTED_COLOUR",
    "check_plotting",
    "draw_comparison",
    "draw_forecast",
    "draw_ranking",
    "draw_tornado",
    "forecast_chart",
]

#: The expected run, on a light ground.
EXPECTED_COLOUR = BLACK


def _log(value: float) -> float:
    return float(np.log10(value))


def forecast_chart(result: Forecast) -> Any:
    """The chart of a forecast: ceilings, minimum with bands, expected run, and binding probability."""
    alt = altair()
    year = 2030 if 2030 in result.years else result.years[-1]
    binds = result.binding_limit(year)
    share = 100 * float(result.binding[binds][result.at(year)])
    middle = format_scientific(float(result.minimum[result.at(year)][2]))
    title = f"{LIMITS[binds].title} binds most often in {year}: {share:.0f} % of futures; ceiling {middle} FLOP"
    return finish(
        alt.vconcat(_ceiling_layers(alt, result), _binding_area(alt, result), spacing=18)
        .resolve_scale(x="shared")
        .properties(
            title=alt.TitleParams(
                title,
                subtitle=[
                    "Largest feasible training run by limit (medians); band: minimum of all limits, p10–p90 and "
                    "p25–p75; black: expected run",
                ],
            )
        )
    )


def _ceiling_layers(alt: Any, result: Forecast) -> Any:
    bands: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    paths: list[dict[str, Any]] = []
    for i, year in enumerate(result.years):
        low, quarter, middle, three, high = (_log(v) for v in result.minimum[i])
        bands.append({"year": year, "p10": low, "p25": quarter, "p50": middle, "p75": three, "p90": high})
        for limit in result.limits:
            value = float(result.ceilings[limit][i][2])
            if np.isfinite(value):
                lines.append({"year": year, "limit": limit, "value": _log(value)})
        lines.append({"year": year, "limit": "expected", "value": _log(float(result.expected[i][2]))})
        paths += [{"year": year, "future": j, "value": _log(v)} for j, v in enumerate(result.paths[i]) if j < 12]
    last = [row for row in lines if row["year"] == result.years[-1]]
    ends = _spread_labels(last, 0.035 * (max(r["value"] for r in lines) - min(r["value"] for r in lines)))
    top = max(max(r["value"] for r in lines), max(b["p90"] for b in bands))
    bottom = min(min(r["value"] for r in lines), min(b["p10"] for b in bands))
    scale = alt.Scale(domain=[bottom - 0.2, top + 0.2], zero=False)
    axis = power_axis(alt, bottom, top, "FLOP")
    y, y10, y25, y50 = (alt.Y(f"{n}:Q", scale=scale, axis=axis) for n in ("value", "p10", "p25", "p50"))
    x = alt.X("year:Q", axis=alt.Axis(format="d", title=None, tickMinStep=1), scale=alt.Scale(nice=False))
    colours = {**{name: limit.colour for name, limit in LIMITS.items()}, "expected": EXPECTED_COLOUR}
    colour = alt.Color("limit:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    area = alt.Chart(alt.Data(values=bands)).mark_area(color=GREY)
    layers = [
        area.mark_area(color=GREY, opacity=0.18).encode(x=x, y=y10, y2="p90:Q"),
        area.mark_area(color=GREY, opacity=0.22).encode(x=x, y=y25, y2="p75:Q"),
        alt.Chart(alt.Data(values=paths))
        .mark_line(color=GREY, opacity=0.35, strokeWidth=0.6)
        .encode(x=x, y=y, detail="future:N"),
        alt.Chart(alt.Data(values=bands)).mark_line(color=GREY, strokeWidth=2.5).encode(x=x, y=y50),
        alt.Chart(alt.Data(values=lines))
        .mark_line(strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=colour,
            strokeDash=alt.condition("datum.limit === 'expected'", alt.value([5, 3]), alt.value([1, 0])),
        ),
        alt.Chart(alt.Data(values=ends))
        .mark_text(align="left", dx=6, fontSize=12, fontWeight=600)
        .encode(x=x, y=y, text="label:N", color=colour),
    ]
    if len(result.years) == 1:
        layers.append(alt.Chart(alt.Data(values=lines)).mark_point(filled=True, size=60).encode(x=x, y=y, color=colour))
    return alt.layer(*layers).properties(width=WIDTH, height=360)


def _spread_labels(rows: Sequence[Mapping[str, Any]], gap: float) -> list[dict[str, Any]]:
    """Labels at the ends of lines, pushed apart where they would overlap."""
    out: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda r: float(r["value"])):
        value = float(row["value"])
        if out and value < out[-1]["value"] + gap:
            value = out[-1]["value"] + gap
        out.append({**row, "value": value, "label": row["limit"]})
    return out


def _binding_area(alt: Any, result: Forecast) -> Any:
    rows = [
        {"year": year, "limit": limit, "share": float(result.binding[limit][i]), "order": k}
        for i, year in enumerate(result.years)
        for k, limit in enumerate(result.limits)
    ]
    domain = list(result.limits)
    mark = {"opacity": 0.9}
    chart = alt.Chart(alt.Data(values=rows))
    base = chart.mark_area(**mark) if len(result.years) > 1 else chart.mark_bar(size=40, **mark)
    return base.encode(
        x=alt.X("year:Q", axis=alt.Axis(format="d", title=None, tickMinStep=1), scale=alt.Scale(nice=False)),
        y=alt.Y(
            "share:Q",
            stack="zero",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", title="binds", tickCount=4),
        ),
        color=alt.Color(
            "limit:N",
            scale=alt.Scale(domain=domain, range=[LIMITS[n].colour for n in domain]),
            legend=alt.Legend(title=None, orient="bottom", symbolType="square"),
        ),
        order="order:Q",
    ).properties(width=WIDTH, height=110)


def draw_forecast(result: Forecast, path: Path) -> None:
    """Draw a forecast to a file."""
    save(forecast_chart(result), path)


def draw_comparison(comparison: Comparison, path: Path) -> None:
    """Draw the minima of two scenarios with their bands."""
    alt = altair()
    one, two = comparison.names
    rows: list[dict[str, Any]] = []
    for name, forecast in ((one, comparison.a), (two, comparison.b)):
        for i, year in enumerate(forecast.years):
            low, _, middle, _, high = (_log(v) for v in forecast.minimum[i])
            rows.append({"year": year, "scenario": name, "p10": low, "value": middle, "p90": high})
    low, high = min(r["p10"] for r in rows), max(r["p90"] for r in rows)
    x = alt.X("year:Q", axis=alt.Axis(format="d", title=None, tickMinStep=1), scale=alt.Scale(nice=False))
    scale, axis = alt.Scale(domain=[low, high], zero=False), power_axis(alt, low, high, "FLOP")
    y, y10 = (alt.Y(f"{n}:Q", scale=scale, axis=axis) for n in ("value", "p10"))
    colour = alt.Color(
        "scenario:N",
        scale=alt.Scale(domain=[one, two], range=[SOFT, BLUE]),
        legend=alt.Legend(title=None, orient="bottom"),
    )
    base = alt.Chart(alt.Data(values=rows))
    year = 2030 if 2030 in comparison.years else comparison.years[-1]
    ratio = float(comparison.table()["ratio_of_medians"][comparison.years.index(year)])
    chart = alt.layer(
        base.mark_area(opacity=0.18).encode(x=x, y=y10, y2="p90:Q", color=colour),
        base.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour),
    ).properties(
        width=WIDTH,
        height=340,
        title=alt.TitleParams(
            f"{two} lifts the ceiling of {year} {format_factor(ratio)} over {one}"
            if ratio >= 1
            else f"{two} lowers the ceiling of {year} to {format_factor(ratio)} of {one}",
            subtitle="minimum of all limits, p50 and p10–p90",
        ),
    )
    save(finish(chart), path)


def draw_ranking(ranking: Ranking, path: Path, top: int = 20) -> None:
    """Draw the largest effects on the minimum, with their intervals over futures."""
    alt = altair()
    effects = sorted(ranking.effects, key=lambda e: -abs(np.log(max(e.ratio, 1e-9))))[:top]
    effects.sort(key=lambda e: -e.ratio)
    rows = [
        {
            "lever": e.lever.row.name,
            "ratio": e.ratio,
            "low": max(e.paired.p10, 1e-2),
            "high": min(e.paired.p90, 1e2),
            "sign": e.ratio >= 1,
        }
        for e in effects
    ]
    order = [r["lever"] for r in rows]
    y = alt.Y("lever:N", sort=order, axis=alt.Axis(title=None, labelLimit=320, grid=False))
    scale = alt.Scale(type="log")
    colour = alt.Color("sign:N", scale=alt.Scale(domain=[True, False], range=[BLUE, VERMILION]), legend=None)
    best = next((e for e in effects if not e.lever.row.members), effects[0])
    base = alt.Chart(alt.Data(values=rows))
    chart = alt.layer(
        alt.Chart(alt.Data(values=[{"one": 1}])).mark_rule(color=GREY).encode(x="one:Q"),
        base.mark_rule(strokeWidth=2, opacity=0.5).encode(
            y=y,
            x=alt.X("low:Q", scale=scale, title="×, minimum with the lever over that without"),
            x2="high:Q",
            color=colour,
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(y=y, x=alt.X("ratio:Q", scale=scale), color=colour),
    ).properties(
        width=WIDTH - 240,
        height=22 * len(rows),
        title=alt.TitleParams(
            f"{best.lever.row.name} lifts the minimum of {ranking.year} most of all single levers: "
            f"{format_factor(best.ratio)}",
            subtitle="points: ratio of medians; lines: p10–p90 of the ratio over futures",
        ),
    )
    save(finish(chart), path)


def draw_tornado(result: Sensitivity, path: Path, top: int = 16) -> None:
    """Draw the tornado of a year."""
    alt = altair()
    rows: list[dict[str, Any]] = [
        {"parameter": b.parameter, "low": _log(b.low_flop), "high": _log(b.high_flop)} for b in result.tornado[:top]
    ]
    low, high = min(min(r["low"], r["high"]) for r in rows), max(max(r["low"], r["high"]) for r in rows)
    y = alt.Y("parameter:N", sort=[r["parameter"] for r in rows], axis=alt.Axis(title=None, labelLimit=300, grid=False))
    base = alt.Chart(alt.Data(values=rows))
    x = alt.X(
        "low:Q",
        scale=alt.Scale(domain=[low - 0.05, high + 0.05], zero=False),
        title="log10 of the median minimum, FLOP",
    )
    middle = alt.Chart(alt.Data(values=[{"m": _log(result.median_flop)}])).mark_rule(color=GREY).encode(x="m:Q")
    first = result.tornado[0]
    chart = alt.layer(
        base.mark_bar(height=11, color=SKY_BLUE).encode(y=y, x=x, x2="high:Q"),
        base.mark_point(filled=True, color=INK, size=45).encode(y=y, x="low:Q"),
        middle,
    ).properties(
        width=WIDTH - 220,
        height=22 * len(rows),
        title=alt.TitleParams(
            f"{first.name} moves the minimum of {result.year} most: ×{first.swing:.1f} between its p10 and p90",
            subtitle="bars: median of the minimum with the parameter pinned at p10 (point) and p90",
        ),
    )
    save(finish(chart), path)
