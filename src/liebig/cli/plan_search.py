"""``liebig plan search``: the best layouts among all that fit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liebig.cli import plan_options as p
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from liebig.plan.inputs import Setup
    from liebig.plan.train import SearchResult


@answers(outputs=("json", "csv", "plot"))
def search_layouts(
    plan: p.PlanArgument = None,
    model: p.ModelOption = None,
    chips: Annotated[
        list[int] | None, typer.Option("--chips", "-n", help="How many; several compare numbers of chips.")
    ] = None,
    chip: p.ChipOption = None,
    seq: p.SeqOption = None,
    batch: p.BatchOption = None,
    precision: p.PrecisionOption = None,
    software: p.SoftwareOption = None,
    tp: p.Size = None,
    pp: p.Size = None,
    cp: p.Size = None,
    ep: p.Size = None,
    zero: Annotated[int | None, typer.Option(help="ZeRO stage 0 to 3; 3 is FSDP.")] = None,
    recompute: Annotated[str | None, typer.Option(help="none, selective or full.")] = None,
    schedule: p.ScheduleOption = None,
    offload: Annotated[bool, typer.Option("--offload", help="Optimizer states in the host's memory.")] = False,
    network: p.NetworkOption = None,
    calibration: p.CalibrationOption = None,
    top: Annotated[
        int,
        typer.Option(
            "--top",
            help="Show this many of the fastest, for each number of chips (files hold the border too).",
            min=1,
            max=10_000,
        ),
    ] = 10,
) -> Answer:
    """The fastest layouts among all that fit; files and pictures also hold the border of time, memory and chips."""
    from liebig.cli.render import progress_bar
    from liebig.plan.pareto import mark_pareto
    from liebig.plan.train import search_training
    from liebig.tables import Table

    options = p.given(
        plan, model=model, seq_len=seq, batch=batch, precision=precision, chip=chip, software=software,
        tp=tp, pp=pp, cp=cp, ep=ep, zero=zero, recompute=recompute, schedule=schedule,
        offload=offload or None, network_gbit=network, calibration=calibration,
    )  # fmt: skip
    counts = chips or [options.get("chips", 1024)]
    results: list[SearchResult] = []
    with progress_bar("weighing layouts") as progress:
        for i, count in enumerate(counts):
            done = None if progress is None else (lambda share, i=i: progress((i + share) / len(counts)))
            results.append(search_training(keep=top, progress=done, **{**options, "chips": count}))
    rows = mark_pareto([row for r in results for row in r.rows()])
    considered = sum(r.found.considered for r in results)
    feasible = sum(r.found.feasible for r in results)
    setup = results[0].setup
    return Answer(
        show=lambda: _show(rows, considered, feasible, top, len(counts) > 1),
        content=lambda: {"considered": considered, "feasible": feasible, "layouts": rows, "notes": list(setup.notes)},
        table=lambda: Table.from_rows(rows).to_csv(),
        draw=lambda path: _draw(rows, setup, path),
        notes=lambda: setup.notes,
    )


def _draw(rows: list[dict[str, Any]], setup: Setup, path: Path) -> None:
    from liebig.charts import save
    from liebig.plan.pareto import pareto_chart

    save(pareto_chart(rows, setup.model.name, setup.chip.name), path)


def _show(rows: list[dict[str, Any]], considered: int, feasible: int, top: int, several: bool) -> None:
    from liebig.cli.render import console, grid
    from liebig.plan.result import words_of

    out = console()
    out.print(f"{considered:,} layouts, {feasible:,} fit", style="bold")
    table = grid("", *(["chips"] if several else []), "step, s", "MFU", "GB", "layout", right=(1, 2, 3))
    shown: Counter[int] = Counter()
    for row in rows:
        shown[row["chips"]] += 1
        if shown[row["chips"]] <= top:
            cells = [f"{row['chips']:,}"] if several else []
            cells += [f"{row['step_s']:.4g}", f"{100 * row['mfu']:.1f} %", f"{row['memory_bytes'] / 1e9:.1f}"]
            table.add_row("◆" if row["border"] else "", *cells, words_of(row))
    out.print(table)
    what = (
        "no other layout is better in time, memory and chips at once" if several else "none is both faster and leaner"
    )
    left = sum(max(n - top, 0) for n in shown.values())
    more = f"; {left} more of these with --json, --csv or --plot" if left else ""
    out.print(f"  ◆ {what}{more}", style="dim")
