"""Fill the tables in README.md and docs/ and draw the pictures from the built-in data.

A table stands between ``<!-- table: NAME -->`` and ``<!-- /table -->``.  Run ``python tools/fill_pages.py`` after
a change of model or facts; with ``--check`` nothing is written, and pages that are out of date are named.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import liebig
from liebig.catalog import GRADES, ParameterRow, load_catalog
from liebig.forecast import (
    backtest_chips,
    backtest_runs,
    compare_switches,
    find_sensitivity,
    fit_trends,
    rank_levers,
    reproduce,
)
from liebig.forecast.plot import draw_forecast, draw_ranking, draw_tornado, draw_trends
from liebig.limits import LIMIT_PARAMETERS
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
                format_interval(*(float(result.minimum[i][k]) for k in (0, 2, 4)), "FLOP"),
                format_scientific(float(result.expected[i][2])),
                f"{binds}, {100 * float(result.binding[binds][i]):.0f} %",
                format_quantity(float(result.runs["power_w"][i][2]), "W"),
            ]
        )
    head = ["year", "largest feasible run", "expected run", "binds in most futures", "power of a run at the ceiling"]
    return rows_of(head, rows) + f"The trend of the largest runs meets the ceiling in {result.crossing.text()}.\n\n"


def reproduction() -> str:
    rows = [
        [r.name, *(format_interval(*v, r.unit) for v in (r.here, r.reference, r.published)), f"×{r.worst:.2f}"]
        for r in reproduce()
    ]
    return rows_of(["quantity of 2030", "here", "re-implementation", "published", "worst factor"], rows)


def scores(which: Callable[[], liebig.forecast.BackTest]) -> str:
    test = which()
    rows = [
        [s.method, str(s.n), f"{100 * s.coverage:.0f} %", f"{s.crps:.2f}", f"{s.bias:+.2f}", s.description]
        for s in test.scores
    ]
    table = rows_of(["method", "n", "in the 80 % interval", "CRPS", "bias", ""], rows)
    misses = "".join(f"- {line}\n" for line in test.failures)
    caveats = "".join(f"- {line}\n" for line in test.caveats)
    return f"{table}Where it fails:\n\n{misses}\nCaveats:\n\n{caveats}\n"


def switches() -> str:
    effects = compare_switches()
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
    return format_interval(values[0], middle, values[-1], row.unit)


def parameters(limit: str) -> str:
    known = load_catalog().parameters("2026")
    own = [known[n] for n in known if n in LIMIT_PARAMETERS[limit] and n.split(".")[0] in (limit, "cooling")]
    if limit == "power":
        own = [r for r in own if not r.id.startswith("cooling")]
    rows = []
    for row in own:
        source = f"[{row.source}]({row.url})" if row.url else row.source
        rows.append([f"`{row.id}`", row.name, value(row), GRADES[row.grade], source])
    return rows_of(["parameter", "", "p50 (p10–p90), set 2026", "", "source"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "results": results,
    "reproduction": reproduction,
    "backtest-runs": lambda: scores(backtest_runs),
    "backtest-chips": lambda: scores(backtest_chips),
    "switches": switches,
    "trends": trends,
    "levers": levers,
    **{f"parameters-{limit}": (lambda limit=limit: parameters(limit)) for limit in LIMIT_PARAMETERS},
}


def draw(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    draw_forecast(liebig.forecast(), folder / "forecast.svg")
    draw_ranking(rank_levers(2030), folder / "levers.svg")
    draw_tornado(find_sensitivity(2030), folder / "tornado.svg")
    draw_trends(fit_trends(()), folder / "trends.svg")


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
