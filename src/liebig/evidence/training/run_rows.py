"""Whole published runs as rows: model, chip, tokens, chip-hours and energy of each, or why it cannot be predicted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from liebig.cluster.chip import Chip, chip, precision_of
from liebig.cluster.families import is_systolic
from liebig.errors import LiebigError
from liebig.evidence.training.rows import default_length, number_of, read_model, year_of_row
from liebig.step.software import Software, software_of
from liebig.transformer.architecture import Architecture, published_year

__all__ = ["RunCase", "run_case_of"]

#: Energies that somebody measured; others are hours times a constant and say nothing new.
MEASURED = ("measured", "measured_extrapolated", "measured (power)", "measured_or_estimated")
#: Runs of which the number of chips is not told are thought to take this long.
DEFAULT_DAYS = 30.0


@dataclass(frozen=True)
class RunCase:
    """One published run, or the reason why it cannot be predicted."""

    row_id: str
    source: str
    reason: str = ""
    model: Architecture | None = None
    chip: Chip | None = None
    software: Software | None = None
    chips: int = 0
    length: int = 0
    tokens: float = math.nan
    precision: str = "bf16"
    year: int = 0
    chip_hours: float = math.nan
    energy_mwh: float = math.nan
    energy_scope: str = ""
    pue: float = math.nan
    quality: str = ""
    assumed: tuple[str, ...] = ()
    row: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def run_case_of(row: Mapping[str, str], number: int = 0) -> RunCase:
    """The run that a row describes; never raises for what a row says or leaves out.

    >>> run_case_of({"model": "Llama2-7B", "chip": "A100-SXM-80GB", "tokens_b": "2000", "chip_hours": "184320"}).length
    4096
    >>> run_case_of({"model": "Llama2-7B", "chip": "A100-SXM-80GB"}).reason
    'neither tokens_b nor training_flop_stated is given'
    """
    name = str(row.get("row_id") or f"row {number}")
    source = str(row.get("source_id") or row.get("source") or "")
    try:
        return _run_case(row, name, source)
    except LiebigError as error:
        return RunCase(name, source, reason=str(error).splitlines()[0], row=row)


def _run_case(row: Mapping[str, str], name: str, source: str) -> RunCase:
    assumed: list[str] = []
    machine = chip(str(row.get("chip") or "").split(",")[0].strip())
    model = read_model(row, assumed)
    year = _year(row, machine, model)
    length = number_of(row, "seq_len")
    if math.isnan(length):
        length = default_length(model, year)
        assumed.append("seq_len")
    tokens = number_of(row, "tokens_b") * 1e9
    if math.isnan(tokens):
        tokens = number_of(row, "training_flop_stated") / (6.0 * model.active_parameters)
    chips = number_of(row, "n_chips")
    if math.isnan(chips):
        chips = _default_chips(model, machine, tokens)
        assumed.append("n_chips")
    text = str(row.get("precision") or "")
    energy = number_of(row, "energy_mwh") if str(row.get("energy_kind") or "") in MEASURED else math.nan
    case = RunCase(
        name, source, "", model, machine, software_of(str(row.get("framework") or ""), year, machine.name),
        max(1, round(chips)) if math.isfinite(chips) else 0, round(length), tokens,
        precision_of(text) if text else "bf16" if machine.peak_bf16 > 200e12 or is_systolic(machine) else "fp16",
        year, number_of(row, "chip_hours"), energy, str(row.get("energy_scope") or ""), number_of(row, "pue"),
        str(row.get("source_quality") or ""), tuple(assumed), row,
    )  # fmt: skip
    return replace(case, reason=_why_not(row, tokens))


def _year(row: Mapping[str, str], machine: Chip, model: Architecture) -> int:
    """Year of the run: as dated, else when its model was published, else two years after its chip came out.

    Far more tokens than 20 per parameter tell a run of 2023 or later (LLaMA, arXiv:2302.13971, began it).
    """
    if str(row.get("date") or "").strip():
        return year_of_row(row, machine)
    name = re.sub(r"\s*\(.*\)", "", str(row.get("model") or ""))
    known = published_year(name)
    if known is not None:
        return known
    tokens = number_of(row, "tokens_b") * 1e9
    late = 2023 if tokens > 60.0 * model.active_parameters else 0
    return max(year_of_row(row, machine) + 1, late)


def _why_not(row: Mapping[str, str], tokens: float) -> str:
    if not tokens > 0:
        return "neither tokens_b nor training_flop_stated is given"
    if "distillation" in str(row.get("scope") or ""):
        return "its chip-hours hold the distillation, which tokens and parameters do not tell"
    match = re.search(r"recorded by Epoch \(([^)]*)\)", str(row.get("scope") or ""))
    if match and not re.search(r"counting|reported", match.group(1), re.I):
        return f"its FLOP are an estimate from its chip-hours ({match.group(1)}), so they cannot test chip-hours"
    return ""


def _default_chips(model: Architecture, machine: Chip, tokens: float) -> float:
    """A power of two that trains the model in about a month, and holds it."""
    if not tokens > 0:
        return math.nan
    flop = 6.0 * model.active_parameters * tokens
    want = flop / (0.4 * machine.peak_bf16 * DEFAULT_DAYS * 86_400.0)
    least = 20.0 * model.parameters / machine.memory_bytes
    return 2.0 ** max(0, round(math.log2(max(want, least, 1.0))))
