"""``liebig backtest``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from liebig.evidence.forecast.backtest import BackTest
    from liebig.evidence.forecast.chip_backtest import StockCheck
    from liebig.evidence.forecast.reproduction import Reproduced


@answers()
def backtest(
    first: Annotated[int, typer.Option("--from", help="First year stood in.")] = 2015,
    last: Annotated[int, typer.Option("--until", help="Last year stood in.")] = 2025,
    facts_file: o.FactsFileOption = None,
    seed: o.SeedOption = None,
    cases: Annotated[bool, typer.Option("--cases", help="Also print every single forecast.")] = False,
) -> Answer:
    """Stand at each earlier year, forecast from what was known, and score against what came."""
    from liebig.catalog import load_catalog
    from liebig.cli.render import progress_bar
    from liebig.errors import RangeError
    from liebig.evidence.forecast.backtest import backtest_runs
    from liebig.evidence.forecast.chip_backtest import backtest_chips, check_chip_model
    from liebig.evidence.forecast.reproduction import reproduce
    from liebig.tables import Table

    if first > last:
        raise RangeError(f"--from {first} is after --until {last}; give a first year that is not later")
    catalog = load_catalog(facts_file or ())
    seed = 0 if seed is None else seed
    with progress_bar("standing in earlier years") as progress:
        runs = backtest_runs(first, last, catalog=catalog, seed=seed, progress=progress)
    chips = backtest_chips(catalog, seed)
    checks = check_chip_model(seed=seed, catalog=catalog)
    reproduced = reproduce(catalog=catalog)
    return Answer(
        show=lambda: _show_all((runs, chips), checks, reproduced, cases),
        content=lambda: {
            "runs": runs.to_dict(),
            "chips": chips.to_dict(),
            "chip_model": [c.to_dict() for c in checks],
            "reproduction": [r.to_dict() for r in reproduced],
        },
        table=lambda: Table.from_rows([*runs.table().rows(), *chips.table().rows()]).to_csv(),
    )


def _show_all(
    tests: Sequence[BackTest], checks: Sequence[StockCheck], reproduced: Sequence[Reproduced], cases: bool
) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_interval

    for test in tests:
        _show(test, cases)
    out = console()
    out.print("Stock of AI chips by the model of Epoch 2024", style="bold")
    table = grid("1 January", "p50 (p10–p90), million H100e", "counted", "percentile", right=(2, 3))
    for c in checks:
        table.add_row(
            str(c.year),
            format_interval(c.stock.scaled(1e-6), write=".1f"),
            f"{c.counted / 1e6:.1f}",
            f"{100 * c.percentile:.0f}",
        )
    out.print(table)
    out.print()
    _show_reproduction(reproduced)


def _show_reproduction(rows: Sequence[Reproduced]) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_interval

    out = console()
    out.print("Epoch 2024, computed again for 2030", style="bold")
    table = grid("quantity", "here, p50 (p10–p90)", "published, 80 % interval", "worst factor", right=(3,))
    for r in rows:
        table.add_row(r.name, format_interval(r.here, r.unit), format_interval(r.published, r.unit), f"×{r.worst:.2f}")
    out.print(table)
    out.print(
        "  FLOP where no unit is given; worst factor: between a quantile here and in an independent re-implementation",
        style="dim",
    )


def _show(test: BackTest, cases: bool) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_interval

    out = console()
    out.print()
    out.print(f"{test.target[0].upper()}{test.target[1:]}", style="bold")
    table = grid(
        "method",
        "n",
        "in the 80 % interval",
        "CRPS",
        "MAE",
        "bias",
        "width",
        "CRPS / naive",
        "",
        right=(1, 2, 3, 4, 5, 6, 7),
    )
    for s in test.scores:
        table.add_row(
            s.method,
            str(s.n),
            f"{100 * s.coverage:.0f} %",
            f"{s.crps:.2f}",
            f"{s.mae:.2f}",
            f"{s.bias:+.2f}",
            f"{s.width:.2f}",
            "–" if s.skill is None else f"{s.skill:.2f}",
            s.description,
        )
    out.print(table)
    out.print("  CRPS, MAE (of the median), bias and width in decades (factors of ten)", style="dim")
    if test.failures:
        out.print("It fails here:")
        for line in test.failures:
            out.print(f"  {line}", soft_wrap=True)
    for line in test.caveats:
        out.print(f"  caveat: {line}", style="dim", soft_wrap=True)
    if cases:
        table = grid("origin", "ahead", "method", "p50 (p10–p90), log10", "came", "")
        for c in test.cases:
            table.add_row(
                c.origin,
                str(c.ahead),
                c.method,
                format_interval(c.predicted, write=".2f"),
                f"{c.truth:.2f}",
                "" if c.covered else "missed",
            )
        out.print(table)
    out.print()
