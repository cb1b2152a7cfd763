"""``liebig sensitivity``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from liebig.cli import options as o

if TYPE_CHECKING:
    from liebig.forecast.sensitivity import Sensitivity


def sensitivity(
    scenario: o.ScenarioArgument = None,
    year: o.YearOption = 2030,
    switches: Annotated[bool, typer.Option("--switches", help="Compare the structural switches instead.")] = False,
    list_switches: Annotated[bool, typer.Option("--list-switches", help="List the switches and stop.")] = False,
    independent: Annotated[
        bool, typer.Option("--independent", help="Drop the correlations: an index for each parameter.")
    ] = False,
    top: Annotated[int, typer.Option("--top", min=1, help="Show this many (files hold all).")] = 20,
    facts: o.FactsOption = None,
    set_: o.SetOption = None,
    pin: o.PinOption = None,
    add: o.AddOption = None,
    lever: o.LeverOption = None,
    switch: o.SwitchOption = None,
    facts_file: o.FactsFileOption = None,
    samples: o.SamplesOption = None,
    seed: o.SeedOption = None,
    json: o.JsonOption = False,
    csv: o.CsvOption = None,
    plot: o.PlotOption = None,
) -> None:
    """What the minimum of a year depends on: tornado, total-order Sobol indices, structural switches."""
    if list_switches:
        _list_switches()
        return
    from liebig.cli.render import notes, progress_bar
    from liebig.errors import ConflictError
    from liebig.forecast.sensitivity import run_sensitivity, run_switches

    o.check_output(csv, (".csv",), (*(facts_file or ()), scenario))
    o.check_output(plot, (".svg", ".png", ".html"), (*(facts_file or ()), scenario))
    if switches and plot:
        raise ConflictError("--plot draws the tornado; leave out --switches, or leave out --plot")
    inputs = o.collect(
        scenario,
        facts=facts,
        facts_file=facts_file,
        set_=set_,
        pin=pin,
        add=add,
        lever=lever,
        switch=switch,
        samples=samples or 4096,
        seed=seed,
    )
    if switches:
        years = sorted({year, 2035, 2040} if year < 2035 else {year})
        with progress_bar("throwing switches") as progress:
            effects = run_switches(inputs, years, progress=progress)
        _show_switches(effects, years, json, csv)
    else:
        with progress_bar("varying parameters") as progress:
            result = run_sensitivity(inputs, year, independent=independent, progress=progress)
        if csv:
            o.write_text(csv, result.table().to_csv())
        if plot:
            from liebig.forecast.plot import draw_tornado

            draw_tornado(result, plot)
        if json:
            o.print_json(result.to_dict())
        else:
            _show(result, top)
    notes([f"wrote {p}" for p in (csv, plot) if p is not None])


def _list_switches() -> None:
    from liebig.cli.render import console, grid
    from liebig.forecast.switches import SWITCHES

    table = grid("switch", "the model then says")
    for name, switch in SWITCHES.items():
        table.add_row(name, switch.description)
    console().print(table)


def _show_switches(effects: Any, years: list[int], json: bool, csv: Any) -> None:
    from rich.text import Text

    from liebig.cli.render import COLOURS, console, grid, ratio
    from liebig.tables import Table

    rows = [
        {"switch": e.switch, "description": e.description}
        | {f"ratio_{y}": e.ratio[y] for y in years}
        | {f"binding_{y}": e.binding[y] for y in years}
        for e in effects
    ]
    if csv:
        o.write_text(csv, Table.from_rows(rows).to_csv())
    if json:
        o.print_json(rows)
        return
    table = grid("switch", *(str(y) for y in years), "binds", "the model then says", right=range(1, len(years) + 1))
    for e in effects:
        last = e.binding[years[0]]
        table.add_row(e.switch, *(ratio(e.ratio[y]) for y in years), Text(last, style=COLOURS[last]), e.description)
    out = console()
    out.print(table)
    out.print(f"  median of the minimum over that without the switch; binds: in {years[0]}", style="dim")


def _show(result: Sensitivity, top: int) -> None:
    from liebig.catalog.rows import GRADES
    from liebig.cli.render import console, grid, ratio
    from liebig.quantities import format_scientific

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
            ratio(bar.swing),
            GRADES[bar.grade],
        )
    out.print(table)
    out.print()
    table = grid("total-order Sobol index", "share of variance", "80 %", right=(1,))
    for index in result.indices[:top]:
        table.add_row(" + ".join(index.parameters), f"{index.value:.3f}", f"{index.p10:.3f}–{index.p90:.3f}")
    out.print(table)
    kept = "correlations dropped" if result.independent else "correlated parameters share one index"
    out.print(f"  of log10 of the minimum; {kept}; shares overlap and need not sum to one", style="dim")
