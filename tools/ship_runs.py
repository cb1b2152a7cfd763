"""Derive the tables of published runs that ship with liebig from a folder of collected tables.

    python tools/ship_runs.py FOLDER [MODELS.csv]

MODELS.csv is Epoch AI's table of models, for the dates of the runs that come from it.
Columns that only describe how a value was collected are dropped; every row keeps its source.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

OUT = Path(__file__).parent.parent / "src/liebig/catalog/measured"
LAYOUT = [
    "row_id",
    "source_id",
    "source_quality",
    "model",
    "arch",
    "n_layers",
    "hidden",
    "n_heads",
    "n_kv_heads",
    "head_dim",
    "ffn",
    "gated_mlp",
    "vocab",
    "n_experts",
    "top_k",
    "moe_ffn",
    "seq_len",
    "params_b",
    "active_params_b",
    "task",
    "global_batch_seqs",
    "micro_batch_seqs",
    "tp",
    "pp",
    "vpp",
    "dp",
    "fsdp",
    "zero_stage",
    "ep",
    "cp",
    "seq_parallel",
    "recompute",
    "precision",
    "chip",
    "n_chips",
    "chips_per_node",
]
TABLES = {
    "step_time": [
        *LAYOUT,
        "iter_time_s",
        "tokens_per_s_per_chip",
        "tflops_per_chip",
        "mfu",
        "hfu",
        "mem_gb_per_chip",
        "flops_formula",
        "peak_tflops_used",
        "framework",
        "date",
        "source",
        "notes",
        "config_group",
    ],
    "memory_fit": [
        *(
            c
            for c in LAYOUT
            if c not in ("fsdp", "ep", "n_experts", "top_k", "moe_ffn", "params_b", "active_params_b", "task")
        ),
        "kernel",
        "outcome",
        "mem_gb_per_chip",
        "framework",
        "date",
        "source",
    ],
    "runs": [
        "row_id",
        "source_id",
        "source_quality",
        "model",
        "arch",
        "params_b",
        "active_params_b",
        "tokens_b",
        "training_flop_stated",
        "seq_len",
        "chip",
        "n_chips",
        "chip_hours",
        "wall_days",
        "energy_mwh",
        "energy_scope",
        "energy_kind",
        "avg_power_per_chip_w",
        "pue",
        "tco2e",
        "cost_usd",
        "mfu_stated",
        "hfu_stated",
        "precision",
        "date",
        "scope",
        "source",
        "notes",
    ],
    "reliability": [
        "row_id",
        "job",
        "chip",
        "n_chips",
        "wall_days",
        "metric",
        "value",
        "unit",
        "source",
        "source_quality",
    ],
}
VTRAIN = {
    "# GPUs": "n_chips",
    "global batch": "global_batch_seqs",
    "micro batch": "micro_batch_seqs",
    "hidden size": "hidden",
    "attention heads": "n_heads",
    "# layers": "n_layers",
    "sequence length": "seq_len",
    "tensor parallelism": "tp",
    "data parallelism": "dp",
    "pipeline parallelism": "pp",
    "iteration time (ms)": "iter_time_ms",
}


def _write(name: str, header: list[str], rows: list[dict[str, str]]) -> None:
    with (OUT / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def _short(text: str, most: int = 160) -> str:
    return text if len(text) <= most else text[: text.rfind(" ", 0, most)] + " ..."


def _corrected(rows: list[dict[str, str]]) -> None:
    """Apply ``corrections.csv`` in place; each correction says why."""
    changes = list(csv.DictReader((OUT / "corrections.csv").open(encoding="utf-8")))
    for row in rows:
        model = row.get("model", "")
        for change in changes:
            if (
                change["source_id"] == row.get("source_id")
                and change["model"] == model
                and change["framework"] in row.get("framework", "")
                and change["column"] in row
            ):
                row[change["column"]] = change["value"]


def _dated(rows: list[dict[str, str]], table: Path) -> None:
    """Add the dates of publication of the aggregator's runs, from its own table of models."""
    dates = {r["Model"]: r["Publication date"] for r in csv.DictReader(table.open(encoding="utf-8-sig"))}
    for row in rows:
        if row.get("source_id") == "epoch_csv":
            row["date"] = dates.get(row["model"], "")


def main(folder: str, models: str = "") -> None:
    for name, columns in TABLES.items():
        rows = list(csv.DictReader((Path(folder) / f"{name}.csv").open(encoding="utf-8-sig")))
        _corrected(rows)
        if name == "runs" and models:
            _dated(rows, Path(models))
        for row in rows:
            if "notes" in row:
                row["notes"] = _short(row["notes"])
        _write(name, columns, rows)
    rows = list(csv.DictReader((Path(folder) / "vtrain_single.csv").open(encoding="utf-8-sig")))
    renamed = [{VTRAIN[k]: v for k, v in row.items()} for row in rows]
    _write("vtrain_single", list(VTRAIN.values()), renamed)


if __name__ == "__main__":
    main(*sys.argv[1:3])
