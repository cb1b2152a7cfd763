"""``liebig calibrate``: fit the constants of the step to your own runs, or measure the machine at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, Written, answers

if TYPE_CHECKING:
    from liebig.cluster.measure import Measurement
    from liebig.evidence.training.real_step import RealStep

app = typer.Typer(
    help="Fit efficiency and intervals to your own cluster; measure a chip.",
    invoke_without_command=True,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def calibrate(
    context: typer.Context,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Your measured runs (CSV in the documented format).", metavar="FILE")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where the calibration is written.", metavar="FILE")] = Path(
        "calibration.json"
    ),
    only: Annotated[
        bool, typer.Option("--only", help="Fit to these runs alone, not to them and the published ones.")
    ] = False,
    json: o.JsonOption = False,
) -> None:
    """Fit constants, effects and intervals to your own runs together with the published ones."""
    if context.invoked_subcommand:  # "answers" would check --out here too, so its work is done by hand
        return
    from liebig.cli.render import console, notes
    from liebig.errors import InputError
    from liebig.evidence.training import read_rows
    from liebig.evidence.training.own_runs import calibrate_to

    if not runs:
        raise InputError("nothing to calibrate to; give --runs FILE")
    o.check_output(out, (".json",), [runs])
    result = calibrate_to(read_rows(runs), only=only)
    result.calibration.save(out)
    if json:
        o.print_json(result.to_dict())
    else:
        console().print(result.text())
    notes([f"wrote {out}"])


@app.command("chip")
@answers(outputs=("json",))
def measure(
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1; default the first GPU, or cpu.")] = "auto",
    out: Annotated[
        Path, typer.Option("--out", help="Where the chip is written.", metavar="FILE"), Written(".toml")
    ] = Path("chip.toml"),
    name: Annotated[str, typer.Option("--name", help="Of the chip; default what the machine says.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Fewer shapes: seconds, not a minute.")] = False,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Train a small transformer for real and compare.")
    ] = True,
) -> Answer:
    """Measure this machine: matrix products by shape and precision, attention, memory, launches, power.

    Writes a chip that plans use: liebig plan train --chip chip.toml. Needs the extra 'measure' (PyTorch).
    """
    from liebig.cli.render import progress_bar
    from liebig.cluster.measure import measure_chip, to_toml
    from liebig.evidence.training.real_step import check_step

    with progress_bar("measuring") as progress:
        result = measure_chip(device, quick, name, progress)
    step = check_step(result.chip, result.device) if check else None
    comments = (
        f"measured by liebig calibrate chip on {result.device}, torch {result.torch_version}, "
        f"{result.threads} threads; power {result.power.words()}",
    )
    o.write_text(out, to_toml(result.chip, comments))
    return Answer(
        show=lambda: _show(result, step),
        content=lambda: {**result.to_dict(), "check": None if step is None else step.to_dict()},
    )


def _show(result: Measurement, step: RealStep | None) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_interval

    out = console()
    chip = result.chip
    out.print(f"{chip.name} ({result.device}), measured in {result.seconds:.0f} s", style="bold")
    table = grid("", "", right=(1,))
    for precision, speed in result.best().items():
        table.add_row(f"best product, {precision}", f"{speed / 1e12:.3g} TFLOP/s")
    for precision, found in chip.attention_measured.items():
        table.add_row(f"attention, {precision}", f"{max(found.flop_per_s) / 1e12:.3g} TFLOP/s")
    table.add_row("memory, read and written", f"{chip.memory_bandwidth / 1e9:.3g} GB/s")
    table.add_row("share that element-wise work reaches", f"{100 * (chip.memory_level or 0):.0f} %")
    table.add_row("from one small kernel to the next", f"{1e6 * (chip.launch_s or 0):.2g} µs")
    table.add_row("memory", f"{chip.memory_bytes / 1e9:.3g} GB")
    table.add_row("power", result.power.words())
    out.print(table)
    if step is not None:
        verdict = "inside" if step.inside else "outside"
        predicted = format_interval(step.predicted, write=".3g")
        out.print(
            f"A training step of {step.model} ({step.batch} × {step.seq_len} tokens, {step.precision}) took "
            f"{step.measured_s:.3g} s; predicted {predicted} s: {verdict} the "
            "80 % interval.",
            soft_wrap=True,
        )
