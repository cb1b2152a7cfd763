"""``liebig levers``: rank, list, show, package, rebound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, Scenario, answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from liebig.catalog.rows import LeverRow
    from liebig.levers import LeverEffect, Package, Ranking, Rebound
    from liebig.uncertainty import Interval

app = typer.Typer(
    help="Remedies: what each does to each limit, the best package, rebound.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _default(ctx: typer.Context) -> None:
    """Remedies: what each does to each limit. Without a command: rank them in 2030."""
    if ctx.invoked_subcommand is None:
        rank()


@app.command()
@answers(scenario=True, outputs=("json", "csv", "plot"))
def rank(
    given: Scenario,
    year: o.YearOption = 2030,
    top: Annotated[int, typer.Option("--top", min=1, help="Show this many (files hold all).")] = 45,
) -> Answer:
    """Rank all levers by their effect on the minimum of a year."""
    from liebig import forecast
    from liebig.cli.render import progress_bar
    from liebig.forecast.plot import draw_ranking

    inputs = given.inputs()
    with progress_bar("measuring levers", show=inputs.samples > 20_000) as progress:
        ranking = forecast.rank_levers(year, inputs, progress=progress)
    return Answer(
        show=lambda: _show_ranking(ranking, top),
        content=ranking.to_dict,
        table=lambda: ranking.table().to_csv(),
        draw=lambda path: draw_ranking(ranking, path),
        notes=lambda: ranking.notes,
    )


def _range(paired: Interval) -> str:
    """Smallest and largest factor: ``×0.9–×1.4``."""
    from liebig.quantities import format_factor, format_interval

    return format_interval((paired.p10, None, paired.p90), write=format_factor)


def _show_ranking(ranking: Ranking, top: int) -> None:
    from rich.text import Text

    from liebig.catalog.rows import GRADES
    from liebig.cli.render import console, grid, limit_colour
    from liebig.limits import LIMITS
    from liebig.palette import ALERT
    from liebig.quantities import format_factor, format_interval

    out = console()
    minimum = format_interval(ranking.minimum, "FLOP")
    shares = sorted(ranking.binding.items(), key=lambda kv: -kv[1])
    text = ", ".join(f"{n} {100 * p:.0f} %" for n, p in shares if p >= 0.005)
    out.print()
    out.print(f"Minimum of {ranking.year} without further levers: {minimum} FLOP. Binding: {text}.")
    out.print()
    table = grid("", "lever", "minimum", "p10–p90", "P(−)", "effective", "on the limits", "", "why", right=(2, 4, 5))
    for place, effect in enumerate(ranking.effects[:top], start=1):
        signs = Text()
        for name in (n for n in LIMITS if n in effect.on_limits):
            value = effect.on_limits[name]
            if abs(value - 1.0) > 0.005:
                signs.append(f"{name} {format_factor(value)} ", style=limit_colour(name))
        style = "bold" if effect.ratio > 1.05 else ALERT if effect.ratio < 0.95 else ""
        table.add_row(
            str(place),
            effect.lever.id,
            Text(format_factor(effect.ratio), style=style),
            _range(effect.paired),
            f"{100 * effect.negative:.0f} %",
            format_factor(effect.effective_ratio),
            signs,
            GRADES[effect.lever.row.grade],
            effect.reason,
        )
    out.print(table)
    out.print(
        "  minimum: its median with the lever over that without; p10–p90: the same in each future; "
        "P(−): share of futures in which the lever lowers the minimum;\n"
        "  effective: in dense-equivalent FLOP; ● measured ◐ reported ○ vendor claim ◇ judgement. "
        "Claim and check: liebig levers show NAME",
        style="dim",
    )


@app.command(name="list")
@answers(outputs=("json",))
def list_() -> Answer:
    """List all levers with their range and first year."""
    from liebig.catalog import load_catalog

    rows = list(load_catalog().levers().values())
    return Answer(show=lambda: _show_rows(rows), content=lambda: [r.model_dump() for r in rows])


def _show_rows(rows: Sequence[LeverRow]) -> None:
    from liebig.catalog.rows import GRADES
    from liebig.cli.render import console, grid

    table = grid("lever", "name", "acts on", "range", "from", "")
    for row in rows:
        numbers = [f"{v:g}" for v in (row.low, row.mid, row.high) if v is not None]
        base = " (in the base)" if row.in_base else ""
        table.add_row(
            row.id, row.name + base, row.limits, "/".join(numbers), f"{row.available_from:g}", GRADES[row.grade]
        )
    console().print(table)


@app.command(short_help="One lever: claim, check and vector.")
@answers(outputs=("json",))
def show(
    name: Annotated[str, typer.Argument(help="A lever.", autocompletion=o._complete_levers)],
    year: o.YearOption = 2030,
    facts_file: o.FactsFileOption = None,
) -> Answer:
    """One lever: the claim beside the check, its vector over parameters, its effect in a year."""
    from liebig.forecast.levers import measure_lever

    found = measure_lever(o.collect(None, facts_file=facts_file, samples=2048), name, year)
    effect = found.effects[0]
    vector = [e.model_dump() for e in effect.lever.effects]
    return Answer(
        show=lambda: _show_lever(effect, year),
        content=lambda: effect.to_dict() | {"vector": vector, "notes": list(found.notes)},
        notes=lambda: found.notes,
    )


def _show_lever(effect: LeverEffect, year: int) -> None:
    from rich.text import Text

    from liebig.cli.render import console, grid
    from liebig.quantities import format_factor

    lever, row, out = effect.lever, effect.lever.row, console()
    out.print()
    out.print(Text.assemble((row.name, "bold"), f" ({row.id})"))
    out.print(f"  claim    {row.claim}", soft_wrap=True)
    out.print(f"  check    {row.check}", soft_wrap=True)
    out.print(f"  caveat   {row.caveat}", soft_wrap=True)
    out.print(f"  source   {row.source} {row.url} ({row.as_of}, {row.grade})", soft_wrap=True)
    out.print(
        f"  range    {row.low:g} / {row.mid:g} / {row.high:g} {row.unit}, from {row.available_from:g}"
        if row.low is not None and row.mid is not None and row.high is not None
        else f"  from     {row.available_from:g}"
    )
    out.print()
    table = grid("parameter", "op", "low", "mid", "high", "unit", "from", "over", "note")
    for e in lever.effects:
        start = row.available_from if e.from_year is None else e.from_year
        note = ("taking it out of the base; " if e.removed else "") + e.note
        table.add_row(
            e.parameter, e.op, f"{e.low:.4g}", f"{e.mid:.4g}", f"{e.high:.4g}", e.unit, f"{start:g}",
            f"{e.ramp_yr:g} yr" if e.ramp_yr else "", note,
        )  # fmt: skip
    out.print(table)
    out.print()
    out.print(
        f"In {year}: minimum {format_factor(effect.ratio)} (in each future {_range(effect.paired)}); "
        f"{effect.reason or f'lowers it in {100 * effect.negative:.0f} % of futures'}.",
        soft_wrap=True,
    )


@app.command(short_help="The best package of K levers.")
@answers(scenario=True, outputs=("json",))
def package(
    given: Scenario,
    size: Annotated[int, typer.Option("--size", min=1, help="Levers in the package.")] = 3,
    year: o.YearOption = 2030,
) -> Answer:
    """The best package of levers: exact up to three, greedy with a bound beyond (2048 futures by default)."""
    from liebig import forecast
    from liebig.cli.render import progress_bar

    inputs = given.inputs(samples=2048)
    with progress_bar("searching packages") as progress:
        found = forecast.best_package(size, year, inputs, progress=progress)
    return Answer(
        show=lambda: _show_package(found, size, year),
        content=found.to_dict,
        notes=lambda: found.notes,
    )


def _show_package(found: Package, size: int, year: int) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_factor

    out = console()
    out.print()
    how = "the best of all" if found.exact else f"greedy; no package of {size} exceeds {format_factor(found.bound)}"
    out.print(
        f"Best package of {size} in {year}: minimum {format_factor(found.ratio)} "
        f"(in each future {_range(found.paired)}); {how} ({found.evaluated:,} tried)."
    )
    out.print()
    table = grid("add", "minimum so far", right=(1,))
    for name, value in found.steps:
        table.add_row(name, format_factor(value))
    out.print(table)
    out.print()
    after = ", ".join(
        f"{n} {100 * p:.0f} %" for n, p in sorted(found.binding.items(), key=lambda kv: -kv[1]) if p > 0.005
    )
    out.print(f"After relief binds: {after}.")


@app.command(short_help="Electricity use with and without rebound.")
@answers(scenario=("scenario", "facts", "facts_file", "samples", "seed"))
def rebound(
    given: Scenario,
    year: o.YearOption = 2030,
    elasticity: Annotated[
        float | None, typer.Option("--elasticity", help="Price elasticity of use (default: uncertain, 1.2).")
    ] = None,
) -> Answer:
    """Electricity use before, after without and after with rebound, for the efficiency levers."""
    from liebig import forecast

    result = forecast.rebound(year, given.inputs(), elasticity=elasticity)
    return Answer(
        show=lambda: _show_rebound(result, year),
        content=result.to_dict,
        table=lambda: result.table().to_csv(),
        notes=lambda: result.notes,
    )


def _show_rebound(result: Rebound, year: int) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_factor, format_interval

    out = console()
    elasticity = format_interval(result.elasticity, write=".2f")
    out.print()
    out.print(f"Elasticity of use {elasticity}; above 1 an efficiency gain raises total use.")
    out.print()
    table = grid(
        "lever", "gain", "before", "after, no rebound", "after, with rebound", "P(use rises)", "minimum",
        "minimum after rebound", right=(1, 2, 3, 5, 6, 7),
    )  # fmt: skip
    for r in result.rows:
        table.add_row(
            r.lever.id,
            format_factor(r.gain.p50),
            f"{r.before_twh.p50:.0f}",
            f"{r.without_twh.p50:.0f}",
            format_interval(r.with_twh, write=".0f"),
            f"{100 * r.more:.0f} %",
            format_factor(r.ratio_without),
            format_factor(r.ratio_with),
        )
    out.print(table)
    out.print(f"  AI electricity of the US in {year}, TWh per year, medians (p10–p90)", style="dim")
