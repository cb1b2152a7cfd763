"""``liebig plan``: what a training run takes, its best layout, how far it scales, what a budget buys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import plan_budget, plan_model, plan_scale, plan_search, plan_sweep
from liebig.cli import plan_options as p
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from rich.console import Console

    from liebig.plan.headroom import Headroom
    from liebig.plan.result import TrainingPlan

app = typer.Typer(
    help="Training runs: time, money, energy, memory, layout, scale.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("train", short_help="What a run takes, and its best layout.")
@answers(outputs=("json", "csv", "plot"))
def train(
    plan: p.PlanArgument = None,
    model: p.ModelOption = None,
    chips: p.ChipsOption = None,
    chip: p.ChipOption = None,
    tokens: Annotated[str | None, typer.Option("--tokens", help="15.6T; default 20 per active parameter.")] = None,
    seq: p.SeqOption = None,
    batch: p.BatchOption = None,
    precision: p.PrecisionOption = None,
    software: p.SoftwareOption = None,
    site: p.SiteOption = None,
    date: p.DateOption = None,
    terms: p.TermsOption = None,
    price: Annotated[float | None, typer.Option("--price", help="US dollars per chip and hour.")] = None,
    tp: p.Size = None,
    pp: p.Size = None,
    vpp: p.Size = None,
    cp: p.Size = None,
    ep: p.Size = None,
    micro_batch: p.Size = None,
    zero: Annotated[int | None, typer.Option(help="ZeRO stage 0 to 3; 3 is FSDP.")] = None,
    recompute: Annotated[str | None, typer.Option(help="none, selective or full.")] = None,
    recompute_share: Annotated[
        float | None, typer.Option(help="Share of layers that full recomputation takes.")
    ] = None,
    schedule: p.ScheduleOption = None,
    offload: Annotated[bool, typer.Option("--offload", help="Optimizer states in the host's memory.")] = False,
    network: p.NetworkOption = None,
    topology: Annotated[str | None, typer.Option(help="rail, fat-tree, torus2d, torus3d or dragonfly.")] = None,
    taper: Annotated[float | None, typer.Option(help="Share of the network left above the leaves.")] = None,
    failures: Annotated[float | None, typer.Option("--failures", help="Interruptions per chip and day.")] = None,
    calibration: p.CalibrationOption = None,
    headroom: Annotated[bool, typer.Option("--headroom/--no-headroom", help="Hold it against the forecast.")] = True,
) -> Answer:
    """How long a run takes, what it costs, which layout is best, where each step goes, and which limit it meets first.

    Sizes of the layout that are left out are searched for. Numbers are p50 (p10–p90).
    """
    from liebig.cli.render import progress_bar
    from liebig.plan.headroom import headroom_of
    from liebig.plan.train import plan_training

    options = p.given(
        plan, model=model, tokens=p.quantity(tokens, "tokens"), seq_len=seq, batch=batch, precision=precision,
        chip=chip, chips=chips, software=software, site=site, date=date, terms=terms, usd_per_chip_hour=price,
        tp=tp, pp=pp, vpp=vpp, cp=cp, ep=ep, micro_batch=micro_batch, zero=zero, recompute=recompute,
        recompute_share=recompute_share, schedule=schedule,
        offload=offload or None, network_gbit=network, topology=topology, taper=taper, failures_per_chip_day=failures,
        calibration=calibration,
    )  # fmt: skip
    with progress_bar("weighing layouts") as progress:
        result = plan_training(progress=progress, **options)
    over = headroom_of(result) if headroom else None
    notes = (*result.notes, *(() if over is None else over.notes))
    return Answer(
        show=lambda: _show(result, over),
        content=lambda: {**result.to_dict(), "headroom": None if over is None else over.to_dict()},
        table=lambda: result.table().to_csv(),
        draw=lambda path: _draw(result, path),
        notes=lambda: notes,
    )


def _draw(plan: TrainingPlan, path: Path) -> None:
    from liebig.charts import save
    from liebig.plan.timeline import timeline_chart

    save(timeline_chart(plan), path)


def _show(plan: TrainingPlan, over: Headroom | None) -> None:
    from liebig.cli.render import console

    out = console()
    out.print()
    out.print(plan.summary(), soft_wrap=True)
    out.print()
    _show_run(plan, out)
    _show_step(plan, out)
    _show_memory(plan, out)
    if over is not None:
        _show_headroom(over, out)


def _show_run(plan: TrainingPlan, out: Console) -> None:
    from liebig.cli.render import grid
    from liebig.quantities import format_interval

    run = plan.run
    table = grid("", "median (80 % interval)")
    table.add_row("step", f"{format_interval(plan.step_s, write='.3g')} s")
    table.add_row("tokens per second and chip", f"{plan.tokens_per_s_per_chip:,.0f}")
    table.add_row("MFU, attention causal / whole square", f"{100 * plan.utilisation():.1f} % / "
                  f"{100 * plan.utilisation('model-noncausal'):.1f} %")  # fmt: skip
    table.add_row("goodput", format_interval(plan.goodput.share, write=".2f"))
    table.add_row(f"{plan.steps:,.0f} steps", f"{format_interval(run.days, write='.3g')} days")
    table.add_row("chip-hours", format_interval(run.chip_hours, write=".3g"))
    table.add_row("money", f"USD {format_interval(run.usd, write='.3g')} ({run.price_note})")
    table.add_row("price", f"USD {format_interval(run.usd_per_chip_hour, write='.3g')} per chip and hour")
    table.add_row("power of the site", f"{format_interval(run.site_power_w.scaled(1e-6), write='.3g')} MW")
    energy = format_interval(run.energy_mwh, write=",.3g")
    table.add_row("energy", f"{energy} MWh at {plan.site.name} (PUE {plan.site.pue:g})")
    table.add_row("carbon", f"{format_interval(run.tco2e, write=',.3g')} tCO2e")
    table.add_row("water", f"{format_interval(run.water_m3, write=',.3g')} m³, on site and in generation")
    out.print(table)
    out.print()


def _show_step(plan: TrainingPlan, out: Console) -> None:
    from liebig.cli.render import grid

    parts = grid("where the step goes", "ms", "share", "", right=(1, 2))
    for row in sorted(plan.breakdown_table().rows(), key=lambda r: -r["seconds"]):
        if row["share"] >= 0.0005:
            bar = "█" * round(40 * row["share"])
            parts.add_row(row["part"], f"{1e3 * row['seconds']:,.1f}", f"{100 * row['share']:.1f} %", bar)
    parts.add_row("sum", f"{1e3 * plan.step_s[1]:,.1f}", "100 %", "")
    out.print(parts)
    out.print()


def _show_memory(plan: TrainingPlan, out: Console) -> None:
    from liebig.cli.render import grid

    stages = plan.stage_memory().rows()
    uses = grid("memory of a chip, GB", "states", "activations", "logits", "buffers", "all", right=(1, 2, 3, 4, 5))
    shown = stages if len(stages) <= 4 else [stages[0], stages[1], stages[-1]]
    for row in shown:
        names = ("states", "activations", "logits", "buffers")
        cells = [f"{row[k] / 1e9:.1f}" for k in names]
        uses.add_row(f"stage {row['stage']}", *cells, f"{sum(row[k] for k in names) / 1e9:.1f}")
    out.print(uses)
    out.print(f"  of {plan.chip.memory_bytes / 1e9:.1f} GB; --json has every stage", style="dim")
    out.print()


def _show_headroom(over: Headroom, out: Console) -> None:
    import math

    from liebig.cli.render import barrel

    out.print(over.sentence(), soft_wrap=True)
    out.print()
    out.print(barrel({k: math.log10(max(v[1], 1e-9)) for k, v in over.limits.items()}, over.first))
    out.print("  log headroom: median ceiling of each limit over the plan", style="dim")
    if over.levers:
        named = ", ".join(f"{name} ×{ratio:.2f}" for name, ratio in over.levers)
        out.print(f"  levers: {named}", style="dim", soft_wrap=True)


app.command("search", short_help="The best layouts of all that fit.")(plan_search.search_layouts)
app.command("scale", short_help="Utilisation against size, and the latency wall.")(plan_scale.scale)
app.command("budget", short_help="The best model that money, power and time train.")(plan_budget.budget)
app.command("sweep", short_help="Many plans at once, on all cores or a cluster.")(plan_sweep.sweep)
app.command("model", short_help="Parameters, FLOP and bytes of a model.")(plan_model.model)
