"""Fill the tables in README.md and docs/ and draw the pictures from the built-in data.

A table stands between ``<!-- table: NAME -->`` and ``<!-- /table -->``.  Run ``python tools/fill_pages.py`` after
a change of model or facts; with ``--check`` nothing is written, and pages that are out of date are named.
"""

from __future__ import annotations

import functools
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import liebig
from liebig import charts
from liebig.catalog import GRADES, ParameterRow, load_catalog
from liebig.evidence.forecast import backtest_chips, backtest_runs, fit_trends, reproduce
from liebig.evidence.forecast.plot import draw_trends
from liebig.evidence.training import (
    Validation,
    builtin_cases,
    builtin_rows,
    score_memory,
    validate_runs,
    validate_training,
)
from liebig.evidence.training.report import agreement_chart
from liebig.evidence.training.runs import summary_of
from liebig.forecast import compare_switches, find_sensitivity, rank_levers
from liebig.forecast.plot import draw_forecast, draw_ranking, draw_tornado
from liebig.forecast.result import interval_of
from liebig.limits import LIMITS
from liebig.plan import find_scale, plan_training, timeline_chart
from liebig.plan.scale_chart import scale_chart
from liebig.quantities import format_interval, format_quantity, format_scientific

ROOT = Path(__file__).parents[1]
YEARS = (2026, 2028, 2030, 2035, 2040)
_MARK = re.compile(r"(<!-- table: ([a-z0-9-]+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def rows_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in row) + " |" for row in rows]
    return "\n" + "\n".join(lines) + "\n\n"


def results() -> str:
    result = liebig.forecast()
    rows = []
    for year in YEARS:
        i = result.at(year)
        binds = result.binding_limit(year)
        rows.append(
            [
                str(year),
                format_interval(interval_of(result.minimum[i]), "FLOP"),
                format_scientific(float(result.expected[i][2])),
                f"{binds}, {100 * float(result.binding[binds][i]):.0f} %",
                format_quantity(float(result.runs["power_w"][i][2]), "W"),
            ]
        )
    head = ["year", "largest feasible run", "expected run", "binds in most futures", "power of a run at the ceiling"]
    return rows_of(head, rows) + f"The trend of the largest runs meets the ceiling in {result.crossing.text()}.\n\n"


def reproduction() -> str:
    rows = [
        [r.name, *(format_interval(v, r.unit) for v in (r.here, r.reference, r.published)), f"×{r.worst:.2f}"]
        for r in reproduce()
    ]
    return rows_of(["quantity of 2030", "here", "re-implementation", "published", "worst factor"], rows)


def scores(which: Callable[[], liebig.forecast.BackTest]) -> str:
    test = which()
    rows = [
        [
            s.method,
            str(s.n),
            f"{100 * s.coverage:.0f} %",
            f"{s.crps:.2f}",
            f"{s.mae:.2f}",
            f"{s.bias:+.2f}",
            s.description,
        ]
        for s in test.scores
    ]
    table = rows_of(["method", "n", "in the 80 % interval", "CRPS", "MAE", "bias", ""], rows)
    misses = "".join(f"- {line}\n" for line in test.failures) or "- Every outcome lay in the interval.\n"
    caveats = "".join(f"- {line}\n" for line in test.caveats)
    return f"{table}Where it fails:\n\n{misses}\nCaveats:\n\n{caveats}\n"


def switches() -> str:
    effects = compare_switches().effects
    rows = [[e.switch, e.description, *(f"×{e.ratio[y]:.2f}" for y in (2030, 2035, 2040))] for e in effects]
    return rows_of(["switch", "what it does", "2030", "2035", "2040"], rows)


def trends() -> str:
    rows = [
        [
            t.name,
            f"{t.window[0]:g}–{t.window[1]:g}",
            str(t.fit.n),
            f"×{t.fit.growth:.2f} ({t.fit.p5:.2f}–{t.fit.p95:.2f})",
            "" if t.published is None else f"×{t.published[1]:g} ({t.published[0]:g}–{t.published[2]:g})",
        ]
        for t in fit_trends(())
    ]
    return rows_of(["trend", "window", "n", "growth per year (90 %)", "published"], rows)


def levers() -> str:
    years = {year: {e.lever.id: e for e in rank_levers(year).effects} for year in (2030, 2035)}
    rows = []
    for name, effect in sorted(years[2030].items(), key=lambda item: -item[1].ratio):
        row = effect.lever.row
        effects = [f"×{found[name].ratio:.2f}" for found in years.values()]
        rows.append([f"`{name}`", row.name, *effects, f"{effect.negative:.0%}", GRADES[row.grade], row.check])
    return rows_of(["lever", "", "2030", "2035", "P(−) 2030", "", "what the check found"], rows)


def value(row: ParameterRow) -> str:
    levels, values = row.quantiles
    if row.family == "piecewise":
        return ", ".join(f"{format_quantity(v, row.unit)} at p{100 * p:g}" for p, v in zip(levels, values, strict=True))
    if len(values) == 1:
        return format_quantity(values[0], row.unit)
    middle = values[1] if len(values) == 3 else None
    return format_interval((values[0], middle, values[-1]), row.unit)


def parameters(limit: str) -> str:
    known = load_catalog().parameters("2026")
    own = [known[n] for n in known if n in LIMITS[limit].reads and n.split(".")[0] in (limit, "cooling")]
    if limit == "power":
        own = [r for r in own if not r.id.startswith("cooling")]
    rows = []
    for row in own:
        source = f"[{row.source}]({row.url})" if row.url else row.source
        rows.append([f"`{row.id}`", row.name, value(row), GRADES[row.grade], source])
    return rows_of(["parameter", "", "p50 (p10–p90), set 2026", "", "source"], rows)


def percent(value: float | None, sign: str = "", digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:{sign}.{digits}f} %"


@functools.cache
def left_out(what: str) -> Validation:
    return validate_training(builtin_cases(), what)


def plan_errors(what: str, least: int) -> str:
    """Errors with each source or chip left out in turn; small groups in one sentence."""
    found = left_out(what)
    groups = found.groups(what)
    rows = [
        [g.name, str(g.rows), percent(g.error), percent(g.bias, "+"), percent(g.coverage, digits=0),
         percent(g.constant_mfu, digits=0), percent(g.constant_mfu_fitted)]
        for g in groups if g.rows >= least
    ]  # fmt: skip
    head = [what, "rows", "error", "bias", "in the 80 % interval", "constant MFU", "own MFU"]
    small = [g for g in groups if g.rows < least]
    words = ""
    if small:
        words = (
            f"Fewer than {least} rows: " + ", ".join(f"{g.name} {percent(g.error)} ({g.rows})" for g in small) + ".\n\n"
        )
    total = found.summary()
    errors = [g.error for g in groups]
    middle, mean = percent(statistics.median(errors)), percent(statistics.mean(errors))
    inside = percent(total["coverage"], digits=0)
    words += f"Median over {len(groups)} {what}s {middle}, mean {mean}; bias {percent(total['bias'], '+')}; "
    words += f"the 80 % interval holds {inside}.\n\n"
    return rows_of(head, rows) + words


def plan_sweeps() -> str:
    found = left_out("source").regrets()
    rows = []
    for source in dict.fromkeys(r["source"] for r in found):
        own = [r["regret"] for r in found if r["source"] == source]
        within = sum(r <= 0.02 for r in own) / len(own)
        cells = [percent(x) for x in (statistics.median(own), statistics.mean(own), max(own))]
        rows.append([source, str(len(own)), *cells, percent(within, digits=0)])
    return rows_of(["source", "sweeps", "regret, median", "mean", "largest", "within 2 %"], rows)


def plan_runs() -> str:
    rows = []
    for quantity, found in summary_of(validate_runs()).items():
        names = ("median_error", "median_error_of_primary_sources", "median_error_of_constant_mfu", "coverage")
        cells = [percent(found[n], digits=0) for n in names]
        rows.append([quantity.replace("_", " "), f"{found['scored']} of {found['rows']}", *cells])
    head = ["quantity", "scored", "median error", "without the aggregator", "constant MFU", "in the 80 % interval"]
    return rows_of(head, rows)


def plan_memory() -> str:
    found = score_memory(builtin_rows("memory_fit")).summary()
    cells = [percent(found[k]) for k in ("correct", "failures_called_fits", "fits_called_failures")]
    head = ["configurations", "verdict right", "failures called fits", "fits called failures"]
    return rows_of(head, [[f"{found['rows']:.0f}", *cells]])


def chips() -> str:
    """Cells of the table of chips that Epoch AI's table tells otherwise."""
    rows = []
    for row in load_catalog().chips():
        for column, there, why in row.disagreements:
            here = str(getattr(row, column) or "–")
            cells = [there, here] if column == "release" else [_short(there), _short(here)]
            rows.append([row.name, column, *cells, why])
    return rows_of(["chip", "column", "Epoch AI's table", "here", "why"], rows)


def _short(number: str) -> str:
    return f"{float(number):.4g}".replace("e+", "e") if number != "–" else number


TABLES: dict[str, Callable[[], str]] = {
    "results": results,
    "reproduction": reproduction,
    "backtest-runs": lambda: scores(backtest_runs),
    "backtest-chips": lambda: scores(backtest_chips),
    "switches": switches,
    "trends": trends,
    "levers": levers,
    "chips": chips,
    "plan-sources": lambda: plan_errors("source", 20),
    "plan-chips": lambda: plan_errors("chip", 6),
    "plan-sweeps": plan_sweeps,
    "plan-runs": plan_runs,
    "plan-memory": plan_memory,
    **{f"parameters-{limit}": (lambda limit=limit: parameters(limit)) for limit in LIMITS},
}


def draw(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    draw_forecast(liebig.forecast(), folder / "forecast.svg")
    draw_ranking(rank_levers(2030), folder / "levers.svg")
    draw_tornado(find_sensitivity(2030), folder / "tornado.svg")
    draw_trends(fit_trends(()), folder / "trends.svg")
    plan = plan_training(model="Llama3.1-70B", chips=512, batch=512, tp=4, pp=4, vpp=1, micro_batch=1, recompute="none")
    charts.save(timeline_chart(plan), folder / "step.svg")
    charts.save(scale_chart(find_scale(largest=1e32, per_decade=2)), folder / "scale.svg")
    found = left_out("source")
    points = [
        {"measured": float(m), "predicted": float(p), "family": str(c)}
        for m, p, c in zip(found.table.measured_s, found.p50, found.table.labels("family"), strict=True)
    ]
    middle = statistics.median(abs(float(e)) for e in found.error)
    title = f"Steps of {len(points):,} runs: the middle one is predicted within {100 * middle:.0f} %"
    charts.save(agreement_chart(points, title, "seconds per step", "family"), folder / "agreement.svg")


def main() -> int:
    stale = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        new = _MARK.sub(lambda m: m[1] + TABLES[m[2]]() + m[3], text)
        if new != text:
            stale.append(page.relative_to(ROOT).as_posix())
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8")
    if "--check" in sys.argv:
        for name in stale:
            print(f"{name} is out of date: run python tools/fill_pages.py")
        return int(bool(stale))
    draw(ROOT / "docs" / "images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
