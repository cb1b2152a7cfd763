"""``liebig compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liebig.cli import options as o


def compare(
    a: Annotated[Path, typer.Argument(help="First scenario (TOML).", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Second scenario (TOML).", show_default=False)],
    samples: o.SamplesOption = None,
    seed: o.SeedOption = None,
    json: o.JsonOption = False,
    csv: o.CsvOption = None,
    plot: o.PlotOption = None,
) -> None:
    """Two scenarios side by side, in the same sampled futures."""
    from rich.text import Text

    from liebig import forecast
    from liebig.cli.render import COLOURS, console, grid, notes
    from liebig.quantities import format_scientific

    o.check_output(csv, (".csv",), (a, b))
    o.check_output(plot, (".svg", ".png", ".html"), (a, b))
    given = {k: v for k, v in (("samples", samples), ("seed", seed)) if v is not None}
    result = forecast.compare(a, b, **given)
    if csv:
        o.write_text(csv, result.table().to_csv())
    if plot:
        from liebig.forecast.plot import draw_comparison

        draw_comparison(result, plot)
    if json:
        o.print_json(result.to_dict())
    else:
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
        for row in result.table().rows():
            table.add_row(
                str(row["year"]),
                format_scientific(row["a_p50"]),
                format_scientific(row["b_p50"]),
                f"×{row['ratio_of_medians']:.2f}",
                f"×{row['ratio_p50']:.2f} (×{row['ratio_p10']:.2f}–×{row['ratio_p90']:.2f})",
                Text(row["a_binding"], style=COLOURS[row["a_binding"]]),
                Text(row["b_binding"], style=COLOURS[row["b_binding"]]),
            )
        out.print(table)
        out.print("  FLOP; ratio of the medians, and of the minima in the same future", style="dim")
        out.print(
            f"The trend meets the ceiling in {result.a.crossing.text()} in {one}, "
            f"in {result.b.crossing.text()} in {two}."
        )
    notes([f"wrote {p}" for p in (csv, plot) if p is not None])
    notes([f"{name}: {n}" for name, f in zip(result.names, (result.a, result.b), strict=True) for n in f.notes])
