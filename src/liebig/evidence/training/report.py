"""Reports of a validation as one HTML file: the finding, predicted against measured, and tables by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from liebig.charts import altair, finish, to_svg
from liebig.evidence.training.memory_verdicts import MemoryScore
from liebig.evidence.training.runs import RunScored, summary_of
from liebig.evidence.training.score import Scored
from liebig.evidence.training.validate import Group, Validation
from liebig.palette import GREY, INK, RULE, SERIES, SOFT

__all__ = ["agreement_chart", "memory_report", "runs_report", "scored_report", "validation_report"]

_STYLE = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: {INK} }}
table {{ border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }}
td, th {{ padding: .2em .7em; text-align: right; border-bottom: 1px solid {RULE} }}
td:first-child, th:first-child {{ text-align: left }}
svg {{ max-width: 100%; height: auto }}
.note {{ color: {SOFT} }}
"""


def _page(title: str, parts: Sequence[str]) -> str:
    head = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
    )
    return f"{head}<body><h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body></html>\n"


def agreement_chart(points: Sequence[Mapping[str, Any]], title: str, unit: str, colour: str) -> Any:
    """Predicted over measured on logarithmic axes; records with ``measured``, ``predicted`` and a column for colour."""
    alt = altair()
    values = [dict(p) for p in points if p["measured"] > 0 and p["predicted"] > 0]
    ends = [
        min(min(p["measured"], p["predicted"]) for p in values),
        max(max(p["measured"], p["predicted"]) for p in values),
    ]
    scale = alt.Scale(type="log", domain=[0.8 * ends[0], 1.25 * ends[1]], nice=False)
    axis = alt.Axis(format="~g", tickCount=6)
    line = alt.Chart(alt.Data(values=[{"v": e} for e in ends])).mark_line(color=GREY)
    dots = alt.Chart(alt.Data(values=values)).mark_circle(size=22, opacity=0.55)
    chart = alt.layer(
        line.encode(x=alt.X("v:Q", scale=scale), y=alt.Y("v:Q", scale=scale)),
        dots.encode(
            x=alt.X("measured:Q", scale=scale, axis=axis, title=f"measured, {unit}"),
            y=alt.Y("predicted:Q", scale=scale, axis=axis, title=f"predicted, {unit}"),
            color=alt.Color(f"{colour}:N", scale=alt.Scale(range=SERIES), legend=alt.Legend(title=colour)),
        ),
    ).properties(width=560, height=560, title=title)
    return finish(chart)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"


def _percent(value: float, sign: str = "", digits: int = 1) -> str:
    return f"{100 * value:{sign}.{digits}f} %"


def _group_row(g: Group) -> list[str]:
    return [
        g.name, str(g.rows), _percent(g.error), _percent(g.bias, "+"), _percent(g.coverage, digits=0),
        _percent(g.constant_mfu, digits=0), _percent(g.constant_mfu_fitted),
    ]  # fmt: skip


def validation_report(result: Validation) -> str:
    """A page with errors by source, chip, precision, size and software, and predicted against measured.

    Raises:
        MissingExtraError: pictures need the extra ``plot``.
    """
    summary = result.summary()
    words = (
        f"<p>{summary['rows']:.0f} rows of {summary['sources']:.0f} sources, each {escape(result.left_out)} predicted "
        f"by a calibration without it. Median error over sources "
        f"{_percent(summary['median_error_over_sources'])}, bias {_percent(summary['bias'], '+')}; the 80 % interval "
        f"holds {_percent(summary['coverage'], digits=0)}.</p><p class='note'>Error: mean absolute error of the time "
        "of a step. Constant MFU: one per family and precision, from the other sources; own MFU: the same, "
        "fitted to the very rows it is scored on.</p>"
    )
    points = [
        {"measured": float(m), "predicted": float(p), "chip": str(c)}
        for m, p, c in zip(result.table.measured_s, result.p50, result.table.labels("chip"), strict=True)
    ]
    title = f"Steps are predicted within {_percent(float(np.median(np.abs(result.error))))} (median row)"
    parts = [words, to_svg(agreement_chart(points, title, "seconds per step", "chip"))]
    head = ("rows", "error", "bias", "in 80 %", "constant MFU", "own MFU")
    parts += [
        f"<h2>By {kind}</h2>" + _table((kind, *head), [_group_row(g) for g in result.groups(kind)])
        for kind in ("source", "chip", "precision", "size", "software")
    ]
    sweeps = [
        [r["source"], r["model"], str(r["chips"]), str(r["layouts"]), _percent(r["regret"])] for r in result.regrets()
    ]
    parts.append("<h2>Sweeps of layouts</h2><p>How much slower the layout ranked first is than the best measured.</p>")
    parts.append(_table(("source", "model", "chips", "layouts", "regret"), sweeps))
    return _page("Steps of training runs, predicted and measured", parts)


def _scored_row(s: Scored) -> list[str]:
    if s.predicted is None:
        return [s.row_id, "–", "–", "", "", "", s.reason]
    band = "" if s.p10 is None or s.p90 is None else f"{s.p10:.4g}–{s.p90:.4g}"
    measured = "" if s.measured is None else f"{s.measured:.4g}"
    error = "" if s.error is None else _percent(s.error, "+")
    return [s.row_id, s.quantity, f"{s.predicted:.4g}", band, measured, error, ""]


def scored_report(scored: Sequence[Scored]) -> str:
    """A page with every row of a scored table.

    Raises:
        MissingExtraError: pictures need the extra ``plot``.
    """
    points = [
        {"measured": s.measured, "predicted": s.predicted, "source": s.source or s.quantity}
        for s in scored
        if s.predicted and s.measured
    ]
    parts = []
    if points:
        errors = [abs(s.error) for s in scored if s.error is not None]
        title = f"{len(errors)} rows predicted within {_percent(float(np.mean(errors)))} on average"
        parts.append(to_svg(agreement_chart(points, title, "as stated", "source")))
    head = ("row", "quantity", "predicted", "p10–p90", "measured", "error", "reason")
    return _page("Rows predicted out of sample", [*parts, _table(head, [_scored_row(s) for s in scored])])


def runs_report(scored: Sequence[RunScored]) -> str:
    """A page with every published run, chip-hours and energy.

    Raises:
        MissingExtraError: pictures need the extra ``plot``.
    """
    parts = [
        "<p>Chip-hours from model, tokens and machine alone, the layout searched for; each source predicted with "
        "what the runs of the others took. Energy is predicted at the published chip-hours, and only energies that "
        "were measured are scored.</p>"
    ]
    for quantity, found in summary_of(scored).items():
        rows = [s for s in scored if s.quantity == quantity and s.error is not None]
        if not rows:
            continue
        points = [
            {"measured": s.measured, "predicted": s.predicted, "source": "aggregator" if s.quality == "aggregator"
             else s.source} for s in rows
        ]  # fmt: skip
        title = f"{len(rows)} runs: {quantity} predicted within {_percent(found['median_error'], digits=0)} (median)"
        parts.append(to_svg(agreement_chart(points, title, quantity.replace("_", " "), "source")))
    head = ("run", "quantity", "predicted", "p10–p90", "published", "error", "constant MFU", "layout, or why not")
    parts.append(_table(head, [_run_row(s) for s in scored]))
    return _page("Whole training runs, predicted and published", parts)


def _run_row(s: RunScored) -> list[str]:
    if s.predicted is None:
        return [s.row_id, s.quantity, "–", "", "", "", "", s.reason]
    errors = ["" if v is None else _percent(v, "+", 0) for v in (s.error, s.error_of_constant_mfu)]
    measured = "" if s.measured is None else f"{s.measured:,.4g}"
    return [
        s.row_id, s.quantity, f"{s.predicted:,.4g}", f"{s.p10:,.3g}–{s.p90:,.3g}", measured, *errors, s.layout,
    ]  # fmt: skip


def memory_report(score: MemoryScore) -> str:
    """A page with the verdict on every configuration, and needed against used memory where that was measured.

    Raises:
        MissingExtraError: pictures need the extra ``plot``.
    """
    found = score.summary()
    parts = [
        f"<p>{found['rows']:.0f} configurations that fitted or ran out of memory: {_percent(found['correct'])} of the "
        f"verdicts are right, {_percent(found['failures_called_fits'])} of the failures are called fits and "
        f"{_percent(found['fits_called_failures'])} of the fits failures.</p>"
    ]
    points = [
        {"measured": v.measured_bytes / 1e9, "predicted": v.needed_bytes / 1e9, "model": v.model}
        for v in score.verdicts
        if v.measured_bytes and v.needed_bytes
    ]
    if points:
        ratio = float(np.median([abs(p["predicted"] / p["measured"] - 1.0) for p in points]))  # type: ignore[operator]
        title = f"Memory of {len(points)} configurations is predicted within {_percent(ratio)} (median)"
        parts.append(to_svg(agreement_chart(points, title, "GB per chip", "model")))
    head = ("row", "model", "needed, GB", "at hand, GB", "verdict", "what happened", "")
    rows = []
    for v in score.verdicts:
        sizes = ["–" if b is None else f"{b / 1e9:.1f}" for b in (v.needed_bytes, v.at_hand_bytes)]
        verdict = v.reason if v.fits is None else "fits" if v.fits else "too large"
        rows.append([v.row_id, v.model, *sizes, verdict, v.outcome, "" if v.correct is not False else "wrong"])
    parts.append(_table(head, rows))
    return _page("Memory of training configurations, verdict and outcome", parts)
