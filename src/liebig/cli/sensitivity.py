"""``liebig sensitivity``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, Scenario, answers
from liebig.errors import ConflictError

if TYPE_CHECKING:
    from liebig.forecast import ForecastInput
    from liebig.forecast.sensitivity import Sensitivity, Switched


@answers(scenario=True, outputs=("json", "csv", "plot"))
def sensitivity(
    given: Scenario,
    year: o.YearOption = 2030,
    switches: Annotated[bool, typer.Option("--switches", help="Compare the structural switches instead.")] = False,
    list_switches: Annotated[bool, typer.Option("--list-switches", help="List the switches and stop.")] = False,
    independent: Annotated[
        bool, typer.Option("--independent", help="Drop the correlations: an index for each parameter.")
    ] = False,
    top: Annotated[int, typer.Option("--top", min=1, help="Show this many (files hold all).")] = 20,
) -> Answer:
    """What the minimum of a year depends on: tornado, total-order Sobol indices, structural switches."""
    if list_switches:
        return _all_switches()
    if switches and independent:
        raise ConflictError("--independent is about parameters and --switches about switches; leave one out")
    from liebig.cli.render import progress_bar
    from liebig.forecast.plot import draw_tornado
    from liebig.forecast.sensitivity import run_sensitivity

    inputs = given.inputs(samples=4096)
    if switches:
        return _of_switches(inputs, sorted({year, 2035, 2040} if year < 2035 else {year}))
    with progress_bar("varying parameters") as progress:
        result = run_sensitivity(inputs, year, independent=independent, progress=progress)
    return Answer(
        show=lambda: _show(result, top),
        content=result.to_dict,
        table=lambda: result.table().to_csv(),
        draw=lambda path: draw_tornado(result, path),
        notes=lambda: result.notes,
    )


def _all_switches() -> Answer:
    from liebig.forecast.switches import switches
    from liebig.tables import Table

    rows = [{"switch": name, "description": switch.description} for name, switch in switches().items()]

    def show() -> None:
        from liebig.cli.render import console, grid

        table = grid("switch", "the model then says")
        for row in rows:
            table.add_row(*row.values())
        console().print(table)

    return Answer(show=show, content=lambda: rows, table=lambda: Table.from_rows(rows).to_csv())


def _of_switches(inputs: ForecastInput, years: list[int]) -> Answer:
    """The structural switches; thrown when a form is asked for, so that a picture is refused at once."""
    from liebig.cli.render import progress_bar
    from liebig.forecast.sensitivity import run_switches

    @functools.cache
    def found() -> Switched:
        with progress_bar("throwing switches") as progress:
            return run_switches(inputs, years, progress=progress)

    return Answer(
        show=lambda: _show_switches(found()),
        content=lambda: found().to_dict(),
        table=lambda: found().table().to_csv(),
        notes=lambda: found().notes,
    )


def _show_switches(found: Switched) -> None:
    from rich.text import Text

    from liebig.cli.render import console, grid, limit_colour
    from liebig.quantities import format_factor

    years = found.years
    table = grid("switch", *(str(y) for y in years), "binds", "the model then says", right=range(1, len(years) + 1))
    for e in found.effects:
        first = e.binding[years[0]]
        binds = Text(first, style=limit_colour(first))
        table.add_row(e.switch, *(format_factor(e.ratio[y]) for y in years), binds, e.description)
    out = console()
    out.print(table)
    out.print(f"  median of the minimum over that without the switch; binds: in {years[0]}", style="dim")


def _show(result: Sensitivity, top: int) -> None:
    from liebig.catalog.rows import GRADES
    from liebig.cli.render import console, grid
    from liebig.quantities import format_factor, format_interval, format_scientific

    out = console()
    out.print()
    out.print(f"Median of the minimum in {result.year}: {format_scientific(result.median_flop)} FLOP.")
    out.print()
    table = grid("tornado: parameter", "pinned at p10", "pinned at p90", "swing", "", right=(1, 2, 3))
    for bar in result.tornado[:top]:
        table.add_row(
            bar.parameter,
            format_scientific(bar.low_flop),
            format_scientific(bar.high_flop),
            format_factor(bar.swing),
            GRADES[bar.grade],
        )
    out.print(table)
    out.print()
    table = grid("total-order Sobol index", "share of variance", "80 %", right=(1,))
    for index in result.indices[:top]:
        band = format_interval((index.p10, None, index.p90), write=".3f")
        table.add_row(" + ".join(index.parameters), f"{index.value:.3f}", band)
    out.print(table)
    kept = "correlations dropped" if result.independent else "correlated parameters share one index"
    out.print(f"  of log10 of the minimum; {kept}; shares overlap and need not sum to one", style="dim")
