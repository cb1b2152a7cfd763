"""``liebig trends``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from liebig.evidence.forecast.trends import Trend


def _complete(incomplete: str) -> list[str]:
    from liebig.evidence.forecast.trends import QUANTITIES

    return [n for n in QUANTITIES if n.startswith(incomplete)]


@answers(outputs=("json", "csv", "plot"))
def trends(
    names: Annotated[
        list[str] | None, typer.Argument(help="Trends to fit (default all).", autocompletion=_complete)
    ] = None,
    window: Annotated[
        str | None, typer.Option("--window", help="Years to fit, e.g. 2012:2018.4 (default: as published).")
    ] = None,
    top: Annotated[int, typer.Option("--top", help="Models that count: the N largest at release.")] = 10,
    records: Annotated[bool, typer.Option("--records", help="Running records of the top list instead.")] = False,
    finetunes: Annotated[bool, typer.Option("--finetunes", help="Also count models made from another.")] = False,
    facts_file: o.FactsFileOption = None,
    seed: o.SeedOption = None,
) -> Answer:
    """Refit the trends from the bundled data, with bootstrap intervals, beside the published values."""
    from liebig.catalog import load_catalog
    from liebig.evidence.forecast.plot import draw_trends
    from liebig.evidence.forecast.trends import fit_trends, trends_table

    found = fit_trends(
        names or (),
        window=_span(window),
        top=top,
        selection="records" if records else "top",
        finetunes=finetunes,
        catalog=load_catalog(facts_file or ()),
        seed=1 if seed is None else seed,
    )
    return Answer(
        show=lambda: _show(found),
        content=lambda: [x.to_dict() for x in found],
        table=lambda: trends_table(found).to_csv(),
        draw=lambda path: draw_trends(found, path),
    )


def _span(window: str | None) -> tuple[float, float] | None:
    from liebig.dates import start_of
    from liebig.errors import InputError

    if window is None:
        return None
    try:
        first, last = (start_of(part.strip()) for part in window.split(":"))
    except (InputError, ValueError):
        raise InputError(f"--window {window!r}: expected FIRST:LAST in years, e.g. 2012:2018.4") from None
    return first, last


def _show(found: Sequence[Trend]) -> None:
    from liebig.cli.render import console, grid

    head = ("trend", "from", "until", "selection", "n", "per year (90 %)", "doubles in", "published", "")
    table = grid(*head, right=(1, 2, 4, 6))
    for t in found:
        table.add_row(
            t.name,
            f"{t.window[0]:g}",
            f"{t.window[1]:g}",
            t.selection,
            str(t.fit.n),
            f"×{t.fit.growth:.2f} ({t.fit.p5:.2f}–{t.fit.p95:.2f})",
            f"{t.fit.doubling_months:.1f} mo",
            _published(t),
            {None: "", True: "inside", False: "outside"}[t.inside],
        )
    out = console()
    out.print(table)
    out.print(
        "  least squares on log10; interval: the widest of bootstraps by model, year and organisation;\n"
        "  published values with their sources: liebig facts list published",
        style="dim",
    )


def _published(trend: Trend) -> str:
    if not trend.published or trend.published[1] is None:
        return ""
    low, middle, high = trend.published
    return f"×{middle:g}" + (f" ({low:g}–{high:g})" if low is not None and high is not None else "")
