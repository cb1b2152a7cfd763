"""``liebig calibrate``: fit the constants of the step to your own runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liebig.cli import options as o

app = typer.Typer(
    help="Fit efficiency and intervals to your own cluster.",
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
    if context.invoked_subcommand:
        return
    from liebig.cli.render import console, notes
    from liebig.errors import InputError
    from liebig.plan import read_rows
    from liebig.plan.own import calibrate_to

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
