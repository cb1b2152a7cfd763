"""``liebig forecast``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli.command import Answer, Scenario, answers

if TYPE_CHECKING:
    from rich.console import Console

    from liebig.forecast import Forecast, Reach
    from liebig.forecast.world import World


@answers(scenario=True, outputs=("json", "csv", "plot"))
def forecast(
    given: Scenario,
    year: Annotated[int | None, typer.Option("--year", help="Show this year only.")] = None,
    start: Annotated[int | None, typer.Option("--from", help="First year shown (default 2025).")] = None,
    until: Annotated[int | None, typer.Option("--until", help="Last year shown (default 2040).")] = None,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", help="When a run of so many FLOP is within reach: 1e28; may be repeated."),
    ] = None,
) -> Answer:
    """How far AI can scale year by year, which limit binds, and when the trend meets it.

    A year means its first of January. Numbers are p50 (p10–p90) over the sampled futures.
    """
    from liebig.catalog import load_catalog
    from liebig.cli.render import progress_bar
    from liebig.errors import ConflictError
    from liebig.forecast.simulate import forecast_world
    from liebig.forecast.world import build_world

    if at:
        if not (year is start is until is None):
            raise ConflictError("--at looks at all years; leave out --year, --from and --until")
        return _reach(given, at)
    if year is not None and (start is not None or until is not None):
        raise ConflictError("--year shows one year; leave out --from and --until, or leave out --year")
    if year is not None:
        start = until = year
    inputs = given.inputs(start=start, until=until)
    with progress_bar("sampling futures", show=inputs.samples > 50_000) as progress:
        world = build_world(inputs, load_catalog(inputs.facts_files))
        result = forecast_world(world, progress=progress)
    return Answer(
        show=lambda: _show(result, world),
        content=result.to_dict,
        table=lambda: result.table().to_csv(),
        draw=lambda path: _draw(result, path),
        notes=lambda: result.notes,
    )


def _reach(given: Scenario, at: list[str]) -> Answer:
    from liebig.cli.render import progress_bar
    from liebig.forecast.reach import find_reach

    inputs = given.inputs()
    with progress_bar("sampling futures", show=inputs.samples > 50_000) as progress:
        found = find_reach(inputs, at, progress)
    return Answer(
        show=lambda: _show_reach(found),
        content=found.to_dict,
        table=lambda: found.table().to_csv(),
        notes=lambda: found.notes,
    )


def _show_reach(found: Reach) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_scientific

    out = console()
    out.print()
    out.print(found.summary(), soft_wrap=True)
    out.print()
    heads = [h for one in found.of for h in (f"{format_scientific(one.flop)} feasible", "expected")]
    table = grid("1 January", *heads, right=tuple(range(1, len(heads) + 1)))
    for year in found.years:
        shares = [p for one in found.of for p in (one.feasible_by[year], one.expected_by[year])]
        table.add_row(str(year), *(f"{100 * p:.0f} %" for p in shares))
    out.print(table)
    out.print(
        "  share of futures; feasible: by the lowest ceiling; expected: by the trend, held by the ceilings", style="dim"
    )


def _draw(result: Forecast, path: Path) -> None:
    from liebig.forecast.plot import draw_forecast

    draw_forecast(result, path)


def _show(result: Forecast, world: World) -> None:
    from liebig.cli.render import barrel, console
    from liebig.forecast.levers import lever_sentence

    out = console()
    year = 2030 if 2030 in result.years else result.years[-1]
    binds = result.binding_limit(year)
    share = 100 * float(result.binding[binds][result.at(year)])
    out.print()
    out.print(f"{result.summary(year)} {lever_sentence(world, year)}", soft_wrap=True)
    out.print()
    out.print(barrel(result.headroom(year), binds))
    out.print(
        f"  log headroom over the largest run of {result.present_year:g}: medians of the "
        f"{share:.0f} % of futures in which {binds} binds in {year}",
        style="dim",
    )
    out.print()
    _show_years(result, out)
    if len(result.years) > 1:
        _show_sparklines(result, out)
    _show_run(result, year, out)


def _show_years(result: Forecast, out: Console) -> None:
    from rich.text import Text

    from liebig.cli.render import grid, limit_colour
    from liebig.forecast.result import interval_of
    from liebig.quantities import format_interval, format_scientific

    table = grid("year", *result.limits, "minimum, p50 (p10–p90)", "expected", "binds", right=())
    for j, year in enumerate(result.years):
        binds = result.binding_limit(year)
        cells = []
        for limit in result.limits:
            text = format_scientific(float(result.ceilings[limit][j][2]))
            style = f"bold {limit_colour(limit)}" if limit == binds else ""
            cells.append(Text(text + (" ◄" if limit == binds else ""), style=style))
        table.add_row(
            str(year),
            *cells,
            format_interval(interval_of(result.minimum[j]), "FLOP"),
            format_scientific(float(result.expected[j][2])),
            Text(f"{binds} {100 * float(result.binding[binds][j]):.0f} %", style=limit_colour(binds)),
        )
    out.print(table)
    out.print("  FLOP; columns are medians; ◄ the limit that binds in most futures", style="dim")
    out.print()


def _show_run(result: Forecast, year: int, out: Console) -> None:
    from liebig.forecast.result import interval_of
    from liebig.forecast.words import data_until, grade_counts, run_sentence
    from liebig.quantities import format_interval

    i = result.at(year)
    out.print(run_sentence(result, year), soft_wrap=True)
    effective = format_interval(interval_of(result.effective_minimum[i]), "FLOP")
    out.print(
        f"Effective FLOP of {year} (in FLOP of the algorithms of 2024): {effective}; "
        "the ceilings above are physical FLOP.",
        soft_wrap=True,
    )
    out.print(
        f"Precision: {result.precision}; in {year} {100 * float(result.low_precision_share[i]):.0f} % of futures "
        f"compute below 8 bit (×{float(result.precision_gain[i][4]):.1f} at p90).",
        soft_wrap=True,
    )
    out.print(
        f"{len(result.parameters)} parameters, set {result.facts}: {grade_counts(result)}. {data_until(result)}. "
        "Sources: liebig facts show NAME.",
        style="dim",
        soft_wrap=True,
    )


def _show_sparklines(result: Forecast, out: Console) -> None:
    import math

    from rich.text import Text

    from liebig.cli.render import limit_colour, sparkline
    from liebig.quantities import format_scientific

    rows = {n: [float(v) for v in result.ceilings[n][:, 2]] for n in result.limits}
    rows["expected"] = [float(v) for v in result.expected[:, 2]]
    finite = [v for row in rows.values() for v in row if math.isfinite(v) and v > 0]
    if not finite:
        return
    low, high = min(finite), max(finite)
    for name, row in rows.items():
        text = Text(f"  {name:9}", style=limit_colour(name))
        text.append(sparkline(row, low, high), style=limit_colour(name))
        text.append(f"  {format_scientific(row[0])} → {format_scientific(row[-1])}", style="dim")
        out.print(text)
    out.print(f"  {result.years[0]}–{result.years[-1]}, medians, one logarithmic scale", style="dim")
    out.print()
