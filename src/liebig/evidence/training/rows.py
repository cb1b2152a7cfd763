"""Published measurements of training steps, read into models, layouts and machines.

A table has the columns documented in ``docs/reference/runs-format.md``.  What a row leaves open
is filled the way such runs are usually set up, and ``Case.assumed`` lists what was filled.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from liebig.cluster.chip import Chip, chip, precision_of
from liebig.dates import year_named_in
from liebig.errors import InputError, LiebigError
from liebig.evidence.training.descriptions import (
    convention_of,
    flag_of,
    network_of,
    recompute_of,
    schedule_of,
    sharding_of,
)
from liebig.reading import read_csv
from liebig.step.software import Software, software_of
from liebig.transformer.architecture import (
    Architecture,
    architecture,
    architecture_from_fields,
    architecture_of_size,
    sparse_of_size,
)
from liebig.transformer.arithmetic import flops_per_token

__all__ = ["Case", "case_of", "default_length", "number_of", "read_cases", "read_model", "read_rows", "year_of_row"]


@dataclass(frozen=True)
class Case:
    """One measured configuration, or the reason why it cannot be predicted."""

    row_id: str
    source: str
    reason: str = ""
    model: Architecture | None = None
    chip: Chip | None = None
    software: Software | None = None
    precision: str = "bf16"
    length: int = 0
    batch: int = 0
    micro_batch: int = 0
    chips: int = 0
    tp: int = 0
    pp: int = 0
    vpp: int = 0
    cp: int = 0
    ep: int = 0
    dp: int = 0
    zero: int = -1
    shard: int = 0
    recompute: float = -1.0
    sequence_parallel: int = -1
    schedule: int = 0
    task: str = "pretrain"
    measured_s: float = math.nan
    memory_gb: float = math.nan
    group: str = ""
    year: int = 0
    quality: str = ""
    assumed: tuple[str, ...] = ()
    outer_bandwidth: float = math.nan
    full_run: bool = False
    row: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Rows of a CSV file as texts.

    Raises:
        InputError: the file cannot be read, has no header, or has no row.
    """
    return read_csv(path, "a CSV file of measured runs: a header line and one line per run")


def read_cases(rows: Iterable[Mapping[str, str]]) -> list[Case]:
    """One case for each row."""
    return [case_of(row, number) for number, row in enumerate(rows, start=1)]


def number_of(row: Mapping[str, str], *names: str) -> float:
    """The first of the named columns that is filled, as a number; NaN when none is.

    Raises:
        InputError: a cell is no number that is finite and not negative.
    """
    for name in names:
        text = str(row.get(name) or "").strip()
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            raise InputError(f"{name} is {text!r}; expected a number") from None
        if not math.isfinite(value) or value < 0:
            raise InputError(f"{name} is {text!r}; expected a finite number that is not negative")
        return value
    return math.nan


def _integer(row: Mapping[str, str], *names: str) -> int:
    value = number_of(row, *names)
    return 0 if math.isnan(value) else round(value)


def case_of(row: Mapping[str, str], number: int = 0) -> Case:
    """The case that a row describes; never raises for what a row says or leaves out."""
    name = str(row.get("row_id") or f"row {number}")
    source = str(row.get("source_id") or row.get("source") or "")
    try:
        return _case(row, name, source)
    except LiebigError as error:
        return Case(name, source, reason=str(error).splitlines()[0], row=row)


def _case(row: Mapping[str, str], name: str, source: str) -> Case:
    assumed: list[str] = []
    where = chip(_chip_name(row))
    year = year_of_row(row, where)
    model = read_model(row, assumed)
    notes = " ".join(str(row.get(k) or "") for k in ("notes", "kernel"))
    # a source that contradicts itself, or leaves open which of two models it measured
    doubtful = "SOURCE INCONSISTENT" in notes or " or " in str(row.get("model") or "")
    software = software_of(str(row.get("framework") or ""), year, where.name, notes)
    chips = _integer(row, "n_chips")
    cores = where.cores
    tp, pp, cp, ep = (_integer(row, k) for k in ("tp", "pp", "cp", "ep"))
    if cores > 1 and "NeuronCores" in notes:
        tp = max(1, tp // cores) if tp else 0
    length = _integer(row, "seq_len")
    if not length:
        length = default_length(model, year)
        assumed.append("seq_len")
    if not chips:
        chips = max(1, tp) * max(1, pp) * max(1, cp) * max(1, _integer(row, "dp")) or 8
        assumed.append("n_chips")
    batch = _integer(row, "global_batch_seqs", "global_batch_size")
    micro = number_of(row, "micro_batch_seqs", "micro_batch_size")
    micro_batch = 0 if math.isnan(micro) else max(1, round(micro))
    precision = str(row.get("precision") or "").strip()
    zero, shard = sharding_of(
        row, _integer(row, "zero_stage") if str(row.get("zero_stage") or "").strip() else -1, software, chips
    )
    return Case(
        row_id=name,
        source=source,
        model=model,
        chip=where,
        software=software,
        precision=precision_of(precision) if precision else ("bf16" if year >= 2021 else "fp16"),
        length=length,
        batch=batch,
        micro_batch=micro_batch,
        chips=chips,
        tp=tp,
        pp=pp,
        vpp=_integer(row, "vpp"),
        cp=cp,
        ep=ep,
        dp=_integer(row, "dp"),
        zero=zero,
        shard=shard,
        recompute=recompute_of(str(row.get("recompute") or "")),
        sequence_parallel=flag_of(row.get("seq_parallel")),
        task=str(row.get("task") or "pretrain"),
        measured_s=_measured(row, model, length, batch, chips, where),
        memory_gb=number_of(row, "mem_gb_per_chip"),
        group=str(row.get("config_group") or name),
        year=year,
        quality="primary_doubtful" if doubtful else str(row.get("source_quality") or ""),
        assumed=tuple(assumed),
        outer_bandwidth=network_of(row, _integer(row, "chips_per_node") or where.chips_per_node),
        schedule=schedule_of(row),
        full_run="whole-run" in notes.lower() or "whole run" in notes.lower(),
        row=row,
    )


def default_length(model: Architecture, year: int) -> int:
    """Tokens of a sequence in runs like this one."""
    # the number of a generation, not the first digit of a size: GPT-2 and GPT-3.5, but not GPT-22B or GPT-2.7B
    for generation, tokens in (("gpt-?2", 1024), ("gpt-?3", 2048), ("llama-?2", 4096)):
        if re.search(generation + r"(?!\d*\.?\d*[bm])", model.name.lower()):
            return tokens
    return 2048 if year <= 2022 else 4096 if model.vocab < 100_000 or model.is_moe else 8192


def _chip_name(row: Mapping[str, str]) -> str:
    text = str(row.get("chip") or row.get("accelerator") or "").strip()
    if not text:
        raise InputError("chip is empty; a prediction needs the accelerator")
    return text


def year_of_row(row: Mapping[str, str], where: Chip) -> int:
    """Year of the row's date, or the one after the chip came out."""
    dated, released = year_named_in(str(row.get("date") or "")), year_named_in(where.release)
    if dated is not None:
        return dated
    return 2024 if released is None else released + 1


_DIMS = {
    "n_layers": "n_layers",
    "hidden": "hidden",
    "n_heads": "n_heads",
    "n_kv_heads": "n_kv_heads",
    "head_dim": "head_dim",
    "ffn": "ffn",
    "vocab": "vocab",
    "n_experts": "n_experts",
    "top_k": "top_k",
    "moe_ffn": "moe_ffn",
}


def read_model(row: Mapping[str, str], assumed: list[str]) -> Architecture:
    """The model: dimensions of the row over those of the catalogue over its size."""
    name = str(row.get("model") or "").strip()
    known = _known(name)
    given = {ours: _integer(row, theirs) for theirs, ours in _DIMS.items()}
    given = {k: v for k, v in given.items() if v}
    if known is None and not (given.get("n_layers") and given.get("hidden")):
        sparse = re.search(r"(\d+(?:\.\d+)?)[bB]-[aA](\d+(?:\.\d+)?)[bB]", name)
        if sparse:
            assumed.append("model dimensions")
            return sparse_of_size(float(sparse.group(1)) * 1e9, float(sparse.group(2)) * 1e9)
        size = number_of(row, "params_b", "n_params_b")
        if math.isnan(size) or size <= 0:
            found = re.search(r"(\d+(?:\.\d+)?)\s*[bB]\b", name.replace("-", " "))
            size = float(found.group(1)) if found else math.nan
        if math.isnan(size):
            raise InputError(
                f"model {name!r}: no layers and width, not in the catalogue, and no size to guess them from"
            )
        assumed.append("model dimensions")
        return architecture_of_size(size * 1e9, vocab=given.get("vocab", 51_200 if "gpt" in name.lower() else 128_256))
    base = {} if known is None else known.model_dump(exclude={"name", "max_seq_len"})
    if known is not None and _alike(known, given):
        # the catalogue tells latent attention, shared experts and windows, which the table cannot
        for k in ("ffn", "moe_ffn", "head_dim"):
            if base.get("mla") or base.get("n_experts"):
                given.pop(k, None)
        if base.get("mla"):
            given.pop("n_kv_heads", None)
        given = {**base, **given}
    gated = flag_of(row.get("gated_mlp"))
    if gated >= 0:
        given["gated_mlp"] = bool(gated)
    if given.get("n_experts") and str(row.get("arch") or "") == "dense":
        given = {k: v for k, v in given.items() if k not in ("n_experts", "top_k", "moe_ffn")}
    return architecture_from_fields({"name": name or "model", **given}, "model")


def _alike(known: Architecture, given: Mapping[str, int]) -> bool:
    return (
        given.get("hidden", known.hidden) == known.hidden
        and bool(given.get("n_experts", 0) or known.n_experts) == known.is_moe
    )


def _known(name: str) -> Architecture | None:
    tries = [name, re.sub(r"\s*\(.*\)", "", name), re.sub(r"[-_ ](instruct|base|chat|sft|lora)$", "", name, flags=re.I)]
    for text in tries:
        if text and not text[:1].isdigit() and not text.endswith(".json"):
            try:
                return architecture(text)
            except LiebigError:
                continue
    return None


def _measured(row: Mapping[str, str], model: Architecture, length: int, batch: int, chips: int, where: Chip) -> float:
    """Seconds of one step: as stated, or from tokens per second, TFLOP/s or MFU."""
    step = number_of(row, "iter_time_s", "step_time_s")
    if step > 0:
        return step
    tokens = (batch or 0) * length or float("nan")
    if math.isnan(tokens):
        tokens = float(length * chips)  # a batch of one sequence per chip stands for any: only the rate counts
    rate = number_of(row, "tokens_per_s_per_chip")
    if rate > 0:
        return tokens / (rate * chips)
    convention = convention_of(row)
    flops = float(flops_per_token(model.shape, float(length), convention))
    speed = number_of(row, "tflops_per_chip") * 1e12
    if not speed > 0:
        peak = number_of(row, "peak_tflops_used") * 1e12
        share = number_of(row, "mfu")
        speed = share * (peak if peak > 0 else where.peak("bf16"))
        if number_of(row, "mfu") > 1.5:
            speed /= 100.0
    return flops * tokens / (speed * chips) if speed > 0 else math.nan
