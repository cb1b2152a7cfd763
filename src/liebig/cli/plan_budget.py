"""``liebig plan budget``: the best model that money, power and time train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import plan_options as p
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from liebig.plan.budget import Budget


@answers(outputs=("json", "csv", "plot"))
def budget(
    usd: Annotated[str | None, typer.Option("--usd", help="Money for the run: 5M, 'USD 5M'.")] = None,
    power: Annotated[str | None, typer.Option("--power", help="Power of the site: '2 MW'.")] = None,
    days: Annotated[float | None, typer.Option("--days", help="How long it may take (default 90).")] = None,
    chips: p.ChipsOption = None,
    chip: p.ChipOption = None,
    precision: p.PrecisionOption = None,
    seq: p.SeqOption = None,
    software: p.SoftwareOption = None,
    site: p.SiteOption = None,
    date: p.DateOption = None,
    terms: p.TermsOption = None,
    price: Annotated[float | None, typer.Option("--price", help="US dollars per chip and hour.")] = None,
    law: Annotated[str | None, typer.Option(help="Scaling law: besiroglu (default) or hoffmann.")] = None,
    calibration: p.CalibrationOption = None,
) -> Answer:
    """The best model that any of money, power, time and chips train, its tokens and loss, and which budget binds."""
    from liebig.cli.render import progress_bar
    from liebig.plan.budget import find_budget, make_budget_input

    options = {
        "usd": p.quantity(_dollars(usd), "USD"), "power_w": p.quantity(power, "W"), "days": days, "chips": chips,
        "chip": chip, "precision": precision, "seq_len": seq, "software": software, "site": site, "date": date,
        "terms": terms, "usd_per_chip_hour": price, "law": law,
        "calibration": None if calibration is None else str(calibration),
    }  # fmt: skip
    given = make_budget_input(**{k: v for k, v in options.items() if v is not None})
    with progress_bar("trying sizes") as progress:
        result = find_budget(given, progress)
    return Answer(
        show=lambda: _show(result),
        content=result.to_dict,
        table=lambda: result.table().to_csv(),
        draw=lambda path: _draw(result, path),
        notes=lambda: result.plan.notes,
    )


def _draw(result: Budget, path: Path) -> None:
    from liebig.charts import save
    from liebig.plan.budget_chart import budget_chart

    save(budget_chart(result), path)


def _dollars(text: str | None) -> str | None:
    """``5M`` is five million dollars."""
    import re

    return f"USD {text.strip()}" if text is not None and re.fullmatch(r"\s*[\d.,]+\s*[kKMBT]?\s*", text) else text


def _show(result: Budget) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_quantity

    out = console()
    out.print()
    out.print(result.summary(), soft_wrap=True)
    out.print()
    used = grid("budget", "given", "used", right=(1, 2))
    amounts = {
        "money": (result.given.usd, result.usd, "USD {:,.0f}"),
        "power": (result.given.power_w, result.power_w, "{:,.0f} W"),
        "days": (result.given.days, result.days, "{:.3g}"),
        "chips": (result.given.chips, result.chips, "{:,.0f}"),
    }
    binds = result.binds.split(" and ")
    for name, (had, took, form) in amounts.items():
        mark = " ◄" if name in binds else ""
        used.add_row(name + mark, "–" if had is None else form.format(had), form.format(took))
    out.print(used)
    if not set(binds).isdisjoint(amounts):
        out.print("  ◄ used up", style="dim")
    out.print()
    table = grid("", "parameters", "tokens", "per parameter", "loss", "MFU", right=(1, 2, 3, 4, 5))
    for row in result.frontier:
        best = "◆" if row["parameters"] == result.parameters else ""
        table.add_row(
            best, format_quantity(row["parameters"], "parameters", 3).split()[0], f"{row['tokens'] / 1e12:.3g}T",
            f"{row['tokens_per_parameter']:.3g}", f"{row['loss']:.3f}", f"{100 * row['mfu']:.0f} %",
        )  # fmt: skip
    out.print(table)
    out.print(
        f"  loss in nats per token by the law of {result.given.law}; layout: {result.plan.layout_words()}", style="dim"
    )
