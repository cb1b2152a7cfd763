"""``liebig plan scale``: utilisation against the size of a run, and the latency wall."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import plan_options as p
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from liebig.plan.scale import Scale, Wall


@answers(outputs=("json", "csv", "plot"))
def scale(
    chip: p.ChipOption = None,
    precision: p.PrecisionOption = None,
    days: Annotated[float | None, typer.Option("--days", help="How long a run may take; default 90.")] = None,
    smallest: Annotated[float | None, typer.Option("--from", help="FLOP; default 1e24.")] = None,
    largest: Annotated[float | None, typer.Option("--to", help="FLOP; default 1e31.")] = None,
    per_decade: Annotated[int | None, typer.Option(help="Sizes per factor of ten; default 4.")] = None,
    fit: Annotated[str | None, typer.Option(help="besiroglu (default), hoffmann or ratio.")] = None,
    tokens_per_parameter: Annotated[float | None, typer.Option(help="With --fit ratio; default 20.")] = None,
    batch_tokens: Annotated[float | None, typer.Option(help="Batch at 70 billion parameters; default 4.2e6.")] = None,
    batch_exponent: Annotated[float | None, typer.Option(help="Growth of the batch with size; default 0.5.")] = None,
    network: p.NetworkOption = None,
    bandwidth_factor: Annotated[float | None, typer.Option(help="Of all links.")] = None,
    latency_factor: Annotated[float | None, typer.Option(help="Of all links.")] = None,
    launch_factor: Annotated[float | None, typer.Option(help="Of launching kernels.")] = None,
    domain: Annotated[int | None, typer.Option(help="Chips of a scale-up domain.")] = None,
    sites: Annotated[int | None, typer.Option(help="Places that share the run; default 1.")] = None,
    distance: Annotated[float | None, typer.Option("--distance", help="km between neighbouring sites.")] = None,
    site_bandwidth: Annotated[float | None, typer.Option(help="Tbit/s between sites; default 100.")] = None,
    inner_steps: Annotated[int | None, typer.Option(help="Steps between exchanges of sites (DiLoCo).")] = None,
    moves: Annotated[bool, typer.Option("--moves", help="Also find what moves the wall; takes a minute.")] = False,
) -> Answer:
    """How utilisation falls with the size of a run, where latency ends it, and what bandwidth or latency moves it."""
    from liebig.cli.render import progress_bar
    from liebig.plan.scale import find_scale, find_walls, make_scale_input

    options = {
        "chip": chip, "precision": precision, "days": days, "smallest": smallest, "largest": largest,
        "per_decade": per_decade, "fit": fit, "tokens_per_parameter": tokens_per_parameter,
        "batch_tokens": batch_tokens, "batch_exponent": batch_exponent, "network_gbit": network,
        "bandwidth_factor": bandwidth_factor, "latency_factor": latency_factor, "launch_factor": launch_factor,
        "domain": domain, "sites": sites, "distance_km": distance, "site_tbit": site_bandwidth,
        "inner_steps": inner_steps,
    }  # fmt: skip
    given = make_scale_input(**{k: v for k, v in options.items() if v is not None})
    with progress_bar("weighing layouts of growing runs") as progress:
        result = find_scale(given, progress)
    walls: tuple[Wall, ...] = ()
    if moves:
        with progress_bar("moving the wall") as progress:
            walls = find_walls(given, progress=progress)
    return Answer(
        show=lambda: _show(result, walls),
        content=lambda: {**result.to_dict(), "walls": [vars(w) for w in walls]},
        table=lambda: result.table().to_csv(),
        draw=lambda path: _draw(result, path),
        notes=lambda: result.notes,
    )


def _draw(result: Scale, path: Path) -> None:
    from liebig.charts import save
    from liebig.plan.scale_chart import scale_chart

    save(scale_chart(result), path)


def _show(result: Scale, walls: tuple[Wall, ...]) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_factor
    from liebig.quantities import format_scientific as sci

    out = console()
    out.print()
    out.print(result.summary(), soft_wrap=True)
    out.print()
    head = ("FLOP", "parameters", "tokens", "chips", "days", "MFU", "most of the rest", "layout")
    table = grid(*head, right=(0, 1, 2, 3, 4, 5))
    for row in result.rows:
        cells = [sci(row["flop"]), sci(row["parameters"]), sci(row["tokens"])]
        if row["chips"] is None:
            least = row.get("least_days")
            told = "no layout fits" if least is None else f"at least {least:,.0f} days"
            table.add_row(*cells, "–", "–", "–", told, "")
            continue
        losses = {k.removeprefix("share_"): v for k, v in row.items() if k.startswith("share_")}
        for work in ("matmul", "attention", "memory", "head", "recompute"):
            losses.pop(work, None)
        worst = max(losses, key=lambda k: losses[k])
        layout = ", ".join(f"{k} {row[k]:,.0f}" for k in ("tp", "pp", "cp", "dp") if row[k] > 1)
        table.add_row(
            *cells, f"{row['chips']:,.0f}", f"{row['days']:.0f}", f"{100 * row['utilisation']:.0f} %",
            f"{worst} {100 * losses[worst]:.0f} %", layout,
        )  # fmt: skip
    out.print(table)
    if walls:
        out.print()
        moved = grid("changed", "utilisation halves at", "", "wall at", "", right=(1, 2, 3, 4))
        base = walls[0]
        for w in walls:
            moved.add_row(
                w.name, f"{sci(w.knee_flop)} FLOP", format_factor(w.knee_flop / base.knee_flop),
                f"{sci(w.wall_flop)} FLOP", format_factor(w.wall_flop / base.wall_flop),
            )  # fmt: skip
        out.print(moved)
