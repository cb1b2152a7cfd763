"""Options that several commands share, their completion, and how they become an input."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liebig.errors import ConflictError, InputError
from liebig.files import json_text, write_atomic
from liebig.reading import is_folder, real_path

if TYPE_CHECKING:
    from liebig.forecast import ForecastInput

__all__ = [
    "AddOption",
    "CsvOption",
    "FactsFileOption",
    "FactsOption",
    "JsonOption",
    "LeverOption",
    "PinOption",
    "PlotOption",
    "SamplesOption",
    "ScenarioArgument",
    "SeedOption",
    "SetOption",
    "SwitchOption",
    "YearOption",
    "check_output",
    "collect",
    "print_json",
    "write_text",
]


def _complete_sets(incomplete: str) -> list[str]:
    from liebig.catalog import load_catalog

    return [n for n in load_catalog().sets if n.startswith(incomplete)]


def _complete_levers(incomplete: str) -> list[str]:
    from liebig.catalog import load_catalog

    done, _, last = incomplete.rpartition(",")
    head = f"{done}," if done else ""
    return [head + n for n in load_catalog().levers() if n.startswith(last)]


def _complete_parameters(incomplete: str) -> list[str]:
    from liebig.catalog import load_catalog

    return [f"{n}=" for n in load_catalog().parameters("2026") if incomplete in n]


def _complete_switches(incomplete: str) -> list[str]:
    from liebig.forecast.switches import switches

    return [n for n in switches() if n.startswith(incomplete)]


ScenarioArgument = Annotated[
    Path | None, typer.Argument(help="A scenario file (TOML); options come on top.", show_default=False)
]
FactsOption = Annotated[
    str | None,
    typer.Option("--facts", help="Parameter set: 2026 (default) or epoch-2024.", autocompletion=_complete_sets),
]
FactsFileOption = Annotated[
    list[str] | None,
    typer.Option(
        "--facts-file", help="Your own table of facts (CSV or TOML) on top of the built-in ones.", metavar="FILE"
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Replace a parameter: power.campus_w=10GW, duration=60d..180d..270d (p10..p50..p90), "
        "campus='8 GW from 2030'.",
        metavar="NAME=VALUE",
        autocompletion=_complete_parameters,
    ),
]
PinOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pin",
        help="Hold a parameter without uncertainty: duration=200d, duration=p90.",
        metavar="NAME=VALUE",
        autocompletion=_complete_parameters,
    ),
]
AddOption = Annotated[
    list[str] | None,
    typer.Option(
        "--add",
        help="Add to a parameter from a year on: power.smr='10 GW from 2032 over 3 yr'.",
        metavar="NAME=AMOUNT",
        autocompletion=_complete_parameters,
    ),
]
LeverOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lever",
        help="Apply levers: fp4-training,synthetic-data@2027,routing@measured.json.",
        metavar="NAME[@YEAR]",
        autocompletion=_complete_levers,
    ),
]
SwitchOption = Annotated[
    list[str] | None,
    typer.Option(
        "--switch",
        help="Replace an assumption, e.g. text-only (see liebig sensitivity --list-switches).",
        metavar="NAME",
        autocompletion=_complete_switches,
    ),
]
SamplesOption = Annotated[
    int | None, typer.Option("--samples", help="Futures to sample (default 8192; powers of two are best).")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Same seed, same answer (default 0).")]
YearOption = Annotated[int, typer.Option("--year", help="The year looked at.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", help="Write the tidy table to FILE.", metavar="FILE")]
PlotOption = Annotated[Path | None, typer.Option("--plot", help="Draw to FILE (.svg, .png or .html).", metavar="FILE")]


def pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping.

    Raises:
        InputError: no ``=``, or an empty side.
        ConflictError: a name given twice.
    """
    out: dict[str, str] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise InputError(f"{option} {text!r}: expected NAME=VALUE, e.g. {option} duration=200d")
        if name.strip() in out:
            raise ConflictError(f"{option} {name.strip()} is given twice; give it once")
        out[name.strip()] = value.strip()
    return out


def collect(
    scenario: Path | None,
    *,
    facts: str | None = None,
    facts_file: list[str] | None = None,
    set_: list[str] | None = None,
    pin: list[str] | None = None,
    add: list[str] | None = None,
    lever: list[str] | None = None,
    switch: list[str] | None = None,
    samples: int | None = None,
    seed: int | None = None,
    **more: Any,
) -> ForecastInput:
    """The input that the options and the scenario file describe."""
    from liebig import forecast

    options: dict[str, Any] = {
        "facts": facts,
        "facts_files": tuple(facts_file or ()),
        "set": pairs("--set", set_),
        "pin": pairs("--pin", pin),
        "add": pairs("--add", add),
        "levers": tuple(lever or ()),
        "switches": tuple(switch or ()),
        "samples": samples,
        "seed": seed,
        **more,
    }
    return forecast.make_inputs(scenario, {k: v for k, v in options.items() if v not in (None, (), {})})


def check_output(path: Path | None, suffixes: tuple[str, ...], inputs: Iterable[str | Path | None] = ()) -> None:
    """Refuse an output file before any work is done.

    Args:
        path: the file to be written, or None.
        suffixes: those it may have.
        inputs: files that are read, and must not be overwritten.

    Raises:
        InputError: the folder does not exist or takes no file, the path is a folder or an input, or the
            suffix is not known.
    """
    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path}: expected a file name that ends in {' or '.join(suffixes)}")
    try:
        if is_folder(path):
            raise InputError(f"{path}: is a folder; give a file name")
        if not is_folder(path.parent):
            raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")
        if real_path(path).is_symlink():
            raise InputError(f"{path}: is a link that leads back to itself; give another name")
        if any(given is not None and real_path(given) == real_path(path) for given in inputs):
            raise InputError(f"{path}: is read by this command and would be overwritten; give another name")
        part = path.with_name(f".{path.name}.part")
        part.touch()
        part.unlink()
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def print_json(content: Any) -> None:
    """Print JSON to the standard output."""
    typer.echo(json_text(content, indent=1))


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    write_atomic(path, text.encode())
