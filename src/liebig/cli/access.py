"""``liebig access``: who can afford a site or a run, and what each country lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, answers
from liebig.errors import ConflictError, InputError, RangeError

if TYPE_CHECKING:
    from liebig.access import Access


def _complete_scenarios(incomplete: str) -> list[str]:
    from liebig.access import export_scenarios

    return [n for n in export_scenarios() if n.startswith(incomplete)]


def _complete_places(incomplete: str) -> list[str]:
    from liebig.access.places import CLUBS, all_countries

    names = [*CLUBS, *(row.name for row in all_countries())]
    return [n for n in names if n.lower().startswith(incomplete.lower())]


@answers()
def access(
    countries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COUNTRY]...",
            help="Names, ISO codes, clubs (EU, AU, G20, OECD, ASEAN ...) or Brazil+Argentina; default all.",
            show_default=False,
            autocompletion=_complete_places,
        ),
    ] = None,
    need: Annotated[
        str | None, typer.Option("--need", help="1GW (default), '3M H100e', '1e28 FLOP', or frontier.")
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="Need the site and chips of this plan of a training run (TOML).", metavar="FILE"),
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="When it runs (default 2030, or the plan's date).")] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            help="Export control: 2023-rule, 2025-diffusion, 2026-case-by-case (default), none, or a TOML file.",
            autocompletion=_complete_scenarios,
        ),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="The countries as one club: what joining brings.")
    ] = False,
    owners: Annotated[bool, typer.Option("--owners", help="Firms: the chips they own over those needed.")] = False,
    inequality: Annotated[
        bool, typer.Option("--inequality", help="Who hosts, owns and sells chips; Gini; dependency of countries.")
    ] = False,
    embargo: Annotated[
        bool, typer.Option("--embargo", help="Years that export control costs the country (default China).")
    ] = False,
    efficiency: Annotated[
        bool, typer.Option("--efficiency", help="How better algorithms and rebound change who can train it.")
    ] = False,
    budget: Annotated[
        str | None, typer.Option("--budget", help="With this much a year: train, distil, route or rent? 5M, 'USD 5M'.")
    ] = None,
    tokens: Annotated[str | None, typer.Option("--tokens", help="Tokens to serve a year (with --budget).")] = None,
    own: Annotated[bool, typer.Option("--own", help="The weights must be one's own (with --budget).")] = False,
    top: Annotated[int, typer.Option("--top", help="How many rows to show.", min=1)] = 20,
    samples: o.SamplesOption = None,
    seed: o.SeedOption = None,
) -> Answer:
    """Who can host a site or a run by its own means, and which limit is scarcest.

    Four limits: growth of electricity, share of the product, chips under export control, water.
    """
    asked = {"--together": together, "--inequality": inequality, "--embargo": embargo, "--efficiency": efficiency}
    asked |= {"--owners": owners, "--budget": budget is not None}
    chosen = [name for name, on in asked.items() if on]
    if len(chosen) > 1:
        raise ConflictError(f"{' and '.join(chosen)} ask different questions; give one of them")
    if (tokens or own) and budget is None:
        raise ConflictError("--tokens and --own need --budget, e.g. --budget 5M")
    need, year = _need(need, year, plan)
    options = {"need": need, "year": year, "scenario": scenario, "samples": samples, "seed": seed}
    given = {k: v for k, v in options.items() if v is not None}
    question = chosen[0] if chosen else ""
    result = _answer(question, tuple(countries or ()), given, budget=budget, tokens=tokens, own=own)
    show = _show if question in ("", "--together") else _show_table
    return Answer(show=lambda: show(result, top), content=result.to_dict, table=lambda: result.table().to_csv())


def _need(need: str | None, year: int | None, plan: Path | None) -> tuple[str | None, int | None]:
    """What is needed and when: of a plan, power and chips of its site, in its year unless another is given."""
    if plan is None:
        return need, year
    if need is not None:
        raise ConflictError("--need and --plan both say what is needed; give one of them")
    from liebig.access.inputs import FIRST_YEAR, LAST_YEAR
    from liebig.dates import calendar_year
    from liebig.plan import plan_training, read_plan
    from liebig.quantities import format_quantity

    planned = plan_training(**read_plan(plan))
    if year is None:
        year = calendar_year(planned.given.date)
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise RangeError(
                f"{plan}: date {planned.given.date} lies outside {FIRST_YEAR} to {LAST_YEAR}, the years that access "
                "answers for; give one with --year"
            )
    power = format_quantity(planned.run.site_power_w.p50, "W", 3)
    return f"{power} with {planned.given.chips * planned.chip.h100e:.4g} H100e", year


def _answer(question: str, countries: tuple[str, ...], given: dict[str, Any], **more: Any) -> Any:
    from liebig import access as a

    if question == "--together":
        if not countries:
            raise InputError("--together: name the countries, e.g. liebig access Brazil Argentina --together")
        return a.join("+".join(countries), **given)
    if question == "--embargo":
        if len(countries) > 1 or "need" in given:
            raise InputError("--embargo: name one country and no need; the stock of chips is what is compared")
        return a.embargo_cost(countries[0] if countries else "CHN", **given)
    if question == "--owners":
        if countries or "scenario" in given:
            raise InputError("--owners looks at firms; leave out countries and --scenario")
        return a.owner_access(**given)
    if question == "--efficiency":
        if countries:
            raise InputError("--efficiency looks at all countries; name none")
        until = given.pop("year", 2030)
        return a.efficiency_access(**{"need": "frontier", "until": until, **given})
    if question == "--inequality":
        if given:
            raise InputError(
                f"--inequality looks at the chips of today; leave out {', '.join(f'--{k}' for k in given)}"
            )
        return a.dependency("+".join(countries)) if countries else a.inequality()
    if question == "--budget":
        return _best_use(countries, given, **more)
    return a.find_access(countries=countries, **given)


def _best_use(countries: tuple[str, ...], given: dict[str, Any], budget: str, tokens: str | None, own: bool) -> Any:
    from liebig.access import best_use

    unused = [f"--{k}" for k in ("need", "scenario") if k in given]
    if countries or unused:
        raise InputError(f"--budget is the same everywhere; leave out {', '.join([*countries, *unused])}")
    if tokens:
        given["tokens"] = tokens
    return best_use(budget, own=own, **given)


def _show(result: Access, top: int) -> None:
    from rich.text import Text

    from liebig.access import coverage
    from liebig.access.supply import ACCESS_LIMITS
    from liebig.cli.render import console, grid, limit_colour

    out = console()
    out.print()
    out.print(result.summary(), soft_wrap=True)
    out.print()
    table = grid("", "supply/need, p50 (p10–p90)", "can host", "scarcest", *ACCESS_LIMITS,
                 "yr of growth", "of product", "Mt CO2e/yr")  # fmt: skip
    rows = result.table().rows()
    for row in rows[:top]:
        limit = row["limit"] or "unknown"
        table.add_row(
            row["name"],
            f"{_times(row['ratio_p50'])} ({_times(row['ratio_p10'])}–{_times(row['ratio_p90'])})",
            _percent(row["can_host"]),
            Text(limit, style=limit_colour(limit)),
            *(_times(row[f"{name}_ratio_p50"]) for name in ACCESS_LIMITS),
            _plain(row["growth_years_p50"]),
            _percent(row["gdp_share_p50"]),
            _plain(row["carbon_mt_per_yr_p50"]),
        )
    out.print(table)
    if len(rows) > top:
        out.print(f"  {len(rows) - top} more with --top {len(rows)}, --csv or --json", style="dim")
    out.print(f"  chips: {coverage().hosted_note()}", style="dim", soft_wrap=True)


def _show_table(result: Any, top: int) -> None:
    from liebig.cli.render import console, grid

    out = console()
    out.print()
    out.print(result.summary(), soft_wrap=True)
    rows = result.table().rows() if hasattr(result, "table") else []
    if not rows:
        return
    out.print()
    names = [n for n in rows[0] if not n.endswith(("_p10", "_p90"))]
    table = grid(*(n.removesuffix("_p50").replace("_", " ") for n in names))
    for row in rows[:top]:
        table.add_row(*(_cell(row[n]) for n in names))
    out.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _times(value: float | None) -> str:
    return "–" if value is None else f"×{value:.2g}" if value < 100 else f"×{value:.0f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2g}%" if value < 1 else f"{100 * value:.0f}%"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}" if value < 100 else f"{value:.0f}"
