"""Write the table of results in README.md and the pictures of the documentation from the built-in data.

Run with ``python tools/readme_results.py`` after a change of the model or of the facts; with ``--check``
nothing is written, and the exit status tells whether the table is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

import liebig
from liebig.forecast import find_sensitivity, fit_trends, rank_levers
from liebig.forecast.plot import draw_forecast, draw_ranking, draw_tornado, draw_trends
from liebig.quantities import format_quantity, format_scientific

ROOT = Path(__file__).parents[1]
START, END = "<!-- results: made by tools/readme_results.py -->\n", "<!-- /results -->"
YEARS = (2026, 2028, 2030, 2035, 2040)


def table() -> str:
    result = liebig.forecast()
    lines = [
        "| year | largest feasible run | expected run | binds in most futures | power of a run at the ceiling |",
        "|---|---|---|---|---|",
    ]
    for year in YEARS:
        i = result.at(year)
        low, middle, high = (format_scientific(float(result.minimum[i][k])) for k in (0, 2, 4))
        binds = result.binding_limit(year)
        share = 100 * float(result.binding[binds][i])
        power = format_quantity(float(result.runs["power_w"][i][2]), "W")
        expected = format_scientific(float(result.expected[i][2]))
        lines.append(f"| {year} | {middle} ({low}–{high}) | {expected} | {binds}, {share:.0f} % | {power} |")
    lines.append("")
    lines.append(f"The trend of the largest runs meets the ceiling in {result.crossing.text()}.")
    return "\n" + "\n".join(lines) + "\n\n"


def main() -> int:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    head, rest = text.split(START)
    tail = rest.split(END)[1]
    new = head + START + table() + END + tail
    if "--check" in sys.argv:
        return int(new != text)
    readme.write_text(new, encoding="utf-8")
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    draw_forecast(liebig.forecast(), images / "forecast.svg")
    draw_ranking(rank_levers(2030), images / "levers.svg")
    draw_tornado(find_sensitivity(2030), images / "tornado.svg")
    draw_trends(fit_trends(()), images / "trends.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
