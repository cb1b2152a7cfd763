"""Options that the commands about training runs share, and how they become an input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from liebig.errors import InputError

__all__ = [
    "BatchOption", "CalibrationOption", "ChipOption", "ChipsOption", "DateOption", "ModelOption", "NetworkOption",
    "PlanArgument", "PrecisionOption", "SeqOption", "SiteOption", "Size", "SoftwareOption", "TermsOption", "given",
    "quantity",
]  # fmt: skip


def complete_models(incomplete: str) -> list[str]:
    from liebig.transformer import architecture_names

    return [n for n in architecture_names() if n.lower().startswith(incomplete.lower())]


def complete_chips(incomplete: str) -> list[str]:
    from liebig.cluster import chip_names

    return [n for n in chip_names() if n.lower().startswith(incomplete.lower())]


def _complete_software(incomplete: str) -> list[str]:
    from liebig.step.software import software_names

    return [n for n in software_names() if n.startswith(incomplete)]


def complete_sites(incomplete: str) -> list[str]:
    from liebig.site import site_names

    return [n for n in site_names() if n.startswith(incomplete)]


PlanArgument = Annotated[
    Path | None, typer.Argument(help="A plan file (TOML); options come on top.", show_default=False)
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="Name, size (70B), or a Hugging Face config.json.", autocompletion=complete_models
    ),
]
ChipOption = Annotated[
    str | None,
    typer.Option(
        "--chip", help="Accelerator, or a TOML file of your own; default H100-SXM.", autocompletion=complete_chips
    ),
]
ChipsOption = Annotated[int | None, typer.Option("--chips", "-n", help="How many; default 1,024.")]
SeqOption = Annotated[int | None, typer.Option("--seq", help="Tokens of a sequence; default 8,192.")]
BatchOption = Annotated[
    int | None,
    typer.Option("--batch", help="Sequences of a step; default 4M tokens at 70B, growing as the root of the size."),
]
PrecisionOption = Annotated[str | None, typer.Option("--precision", help="bf16 (default), fp8, mxfp8, nvfp4 ...")]
SoftwareOption = Annotated[
    str | None, typer.Option("--software", help="Framework profile.", autocompletion=_complete_software)
]
NetworkOption = Annotated[
    float | None, typer.Option("--network", help="Gbit/s per chip between domains.", metavar="GBIT")
]
SiteOption = Annotated[
    str | None, typer.Option("--site", help="Where it runs; default us-average.", autocompletion=complete_sites)
]
DateOption = Annotated[str | None, typer.Option("--date", help="When it runs: YYYY, YYYY-MM or YYYY-MM-DD.")]
TermsOption = Annotated[
    str | None, typer.Option("--terms", help="reserved (default), on-demand, 1-year, 3-year, spot, market or owned.")
]
CalibrationOption = Annotated[Path | None, typer.Option("--calibration", help="From liebig calibrate.", metavar="FILE")]
#: A test holds the names against those of ``step.pipeline``, which would load NumPy for ``--help``.
ScheduleOption = Annotated[str | None, typer.Option(help="1f1b (default), zb-1p, zb-2p, dualpipe or gpipe.")]
Size = Annotated[int | None, typer.Option(help="Held at this size; searched when left out.")]


def quantity(text: str | None, unit: str) -> float | None:
    """A quantity in the unit of the model, or None."""
    if text is None:
        return None
    from liebig.quantities import parse_quantity

    return parse_quantity(text, unit)


def given(plan: Path | None, **options: Any) -> dict[str, Any]:
    """Options of a plan: those of the file, those of the command line on top.

    Raises:
        InputError: no model is given.
    """
    from liebig.plan.inputs import read_plan

    values = read_plan(plan) if plan is not None else {}
    values.update({k: v for k, v in options.items() if v is not None})
    if isinstance(values.get("calibration"), Path):
        values["calibration"] = str(values["calibration"])
    if "model" not in values:
        raise InputError("no model is given; name one with --model, e.g. --model Llama3.1-70B, or --model 70B")
    return values
