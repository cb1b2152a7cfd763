"""``liebig plan sweep``: models × chips × counts × sites at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liebig.cli import plan_options as p
from liebig.cli.command import Answer, Written, answers

if TYPE_CHECKING:
    from liebig.plan.sweep import Sweep

#: Quantities that rows can be sorted by.
BY = ("usd", "days", "energy_mwh", "tco2e", "water_m3", "step_s", "mfu")


@answers()
def sweep(
    plan: p.PlanArgument = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Repeat for several.", autocompletion=p.complete_models)
    ] = None,
    chip: Annotated[
        list[str] | None, typer.Option("--chip", help="Repeat for several.", autocompletion=p.complete_chips)
    ] = None,
    chips: Annotated[list[int] | None, typer.Option("--chips", "-n", help="Repeat for several.")] = None,
    site: Annotated[
        list[str] | None, typer.Option("--site", help="Repeat for several.", autocompletion=p.complete_sites)
    ] = None,
    tokens: Annotated[str | None, typer.Option("--tokens", help="15.6T; default 20 per active parameter.")] = None,
    seq: p.SeqOption = None,
    batch: p.BatchOption = None,
    precision: p.PrecisionOption = None,
    software: p.SoftwareOption = None,
    date: p.DateOption = None,
    terms: p.TermsOption = None,
    calibration: p.CalibrationOption = None,
    on: Annotated[
        str, typer.Option("--on", help="local: all cores; dask: a cluster started here; tcp://host:8786: yours.")
    ] = "local",
    workers: Annotated[int | None, typer.Option(help="Processes; default all cores.", min=1, max=1024)] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Results as they come (JSON lines); run again to go on.", metavar="FILE"),
        Written(".jsonl"),
    ] = None,
    by: Annotated[str, typer.Option("--by", help=f"Sort by: {', '.join(BY)}.")] = "usd",
    top: Annotated[int, typer.Option("--top", help="How many rows to show.", min=1)] = 30,
) -> Answer:
    """Plan every combination of models, chips, numbers of chips and sites; on all cores or a Dask cluster.

    With --out a sweep that was stopped goes on where it was.
    """
    from liebig.cli.render import progress_bar
    from liebig.errors import UnknownNameError
    from liebig.plan.inputs import DATE, TrainingInput
    from liebig.plan.sweep import find_sweep, tasks_of

    if by not in BY:
        raise UnknownNameError("quantity", by, BY)
    options = p.given(
        plan, model=model, tokens=p.quantity(tokens, "tokens"), seq_len=seq, batch=batch, precision=precision,
        software=software, date=date, terms=terms, calibration=calibration,
    )  # fmt: skip
    fields = TrainingInput.model_fields
    models = _many(options.pop("model"))
    machines = chip or _many(options.pop("chip", fields["chip"].default))
    counts = chips or _many(options.pop("chips", fields["chips"].default))
    places = site or _many(options.pop("site", fields["site"].default))
    for name in ("chip", "chips", "site"):
        options.pop(name, None)
    tasks = tasks_of(models, machines, counts, places, **{"date": DATE, **options})
    with progress_bar(f"planning {len(tasks):,} runs") as progress:
        result = find_sweep(tasks, on, workers, out, progress)
    return Answer(
        show=lambda: _show(result, by, top),
        content=lambda: {"resumed": result.resumed, "rows": result.rows(), "notes": list(result.notes)},
        table=lambda: result.table().to_csv(),
        notes=lambda: result.notes,
    )


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _show(result: Sweep, by: str, top: int) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import counted

    out = console()
    able = [r for r in result.rows() if r["reason"] is None]
    able.sort(key=lambda r: r[by], reverse=by == "mfu")
    out.print(f"{counted(len(result.records), 'plan')}, {len(able):,} possible", style="bold")
    if result.resumed:
        out.print(f"  {counted(result.resumed, 'search', 'searches')} found in the file of results", style="dim")
    heads = ("model", "chip", "chips", "site", "days", "USD million", "MWh", "tCO2e", "MFU", "layout")
    table = grid(*heads, right=(2, 4, 5, 6, 7, 8))
    for r in able[:top]:
        table.add_row(
            r["model"], r["chip"], f"{r['chips']:,}", r["site"], f"{r['days']:,.3g}", f"{r['usd'] / 1e6:,.3g}",
            f"{r['energy_mwh']:,.4g}", f"{r['tco2e']:,.3g}", f"{100 * r['mfu']:.0f} %", r["layout"],
        )  # fmt: skip
    out.print(table)
    if len(able) > top:
        out.print(f"  {len(able) - top:,} more; --top, --csv and --json show them", style="dim")
    reasons = dict.fromkeys(r["reason"] for r in result.rows() if r["reason"] is not None)
    for reason in list(reasons)[:5]:
        out.print(f"  not possible: {reason}", style="dim", soft_wrap=True)
