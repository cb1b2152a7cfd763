"""``liebig compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from liebig.forecast import Comparison


@answers(outputs=("json", "csv", "plot"))
def compare(
    a: Annotated[Path, typer.Argument(help="First scenario (TOML).", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Second scenario (TOML).", show_default=False)],
    samples: o.SamplesOption = None,
    seed: o.SeedOption = None,
) -> Answer:
    """Two scenarios side by side, in the same sampled futures."""
    from liebig import forecast
    from liebig.forecast.plot import draw_comparison

    given = {k: v for k, v in (("samples", samples), ("seed", seed)) if v is not None}
    result = forecast.compare(a, b, **given)
    return Answer(
        show=lambda: _show(result),
        content=result.to_dict,
        table=lambda: result.table().to_csv(),
        draw=lambda path: draw_comparison(result, path),
        notes=lambda: result.notes,
    )


def _show(result: Comparison) -> None:
    from rich.text import Text

    from liebig.cli.render import console, grid, limit_colour
    from liebig.quantities import format_factor, format_interval, format_scientific

    out = console()
    one, two = result.names
    out.print()
    out.print(result.summary(), soft_wrap=True)
    out.print()
    for option, x, y in result.differences:
        out.print(f"  {option}: {x} → {y}", style="dim", soft_wrap=True)
    if result.differences:
        out.print()
    table = grid(
        "year",
        f"{one}, p50",
        f"{two}, p50",
        "ratio",
        "in the same future, p50 (p10–p90)",
        "binds in " + one,
        "binds in " + two,
    )
    for row, paired in zip(result.table().rows(), result.ratio, strict=True):
        table.add_row(
            str(row["year"]),
            format_scientific(row["a_p50"]),
            format_scientific(row["b_p50"]),
            format_factor(row["ratio_of_medians"]),
            format_interval(paired, write=format_factor),
            Text(row["a_binding"], style=limit_colour(row["a_binding"])),
            Text(row["b_binding"], style=limit_colour(row["b_binding"])),
        )
    out.print(table)
    out.print("  FLOP; ratio of the medians, and of the minima in the same future", style="dim")
    out.print(
        f"The trend meets the ceiling in {result.a.crossing.text()} in {one}, in {result.b.crossing.text()} in {two}."
    )
