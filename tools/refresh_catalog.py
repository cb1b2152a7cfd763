"""Rebuild the tables of the catalogue that are extracts of Epoch AI's data.

    python tools/refresh_catalog.py DATA

DATA holds ``epoch/notable_ai_models.csv``, ``epoch/frontier_ai_models.csv``, ``epoch/ml_hardware.csv``,
``epoch/data_centers.csv``, ``epoch/data_center_timelines.csv`` (CC BY 4.0, epoch.ai/data) and
``chip_counts/*.csv`` (MIT, github.com/epoch-research/ai-chip-counts).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from epoch_chips import merge_chips, number, unexplained
from liebig.catalog.rows import TABLES

OUT = Path(__file__).parents[1] / "src" / "liebig" / "catalog" / "data"
csv.field_size_limit(10**9)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{k: (v or "").strip() for k, v in row.items()} for row in csv.DictReader(file)]


def write(table: str, rows: Iterable[Mapping[str, object]]) -> None:
    columns = [c for c in TABLES[table].model_fields if c not in _PROVENANCE] + _PROVENANCE
    with (OUT / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)


_PROVENANCE = ["unit", "source", "url", "as_of", "licence", "grade", "note"]


def clean(text: str, size: int = 120) -> str:
    return " ".join(text.split())[:size]


def grade_of(confidence: str) -> str:
    return "judgement" if confidence in ("Speculative", "Unknown", "") else "reported"


def models(folder: Path) -> list[dict[str, object]]:
    notable = read(folder / "notable_ai_models.csv")
    frontier = {(r["Model"], r["Publication date"]) for r in read(folder / "frontier_ai_models.csv")}
    out: dict[tuple[str, ...], dict[str, object]] = {}
    for row in notable:
        link = row["Link"].split()[0] if row["Link"].startswith("http") else "https://epoch.ai/data/notable-ai-models"
        mfu = row["Hardware utilization (MFU)"]
        record: dict[str, object] = {
            "name": clean(row["Model"]),
            "organisation": clean(row["Organization"]),
            "published": row["Publication date"],
            "domain": clean(row["Domain"], 60),
            "frontier": str(
                (row["Model"], row["Publication date"]) in frontier or row["Frontier model"] == "True"
            ).lower(),
            "parameters": number(row["Parameters"]),
            "training_flop": number(row["Training compute (FLOP)"]),
            "dataset_datapoints": number(row["Training dataset size (gradients)"]),
            "training_hours": number(row["Training time (hours)"]),
            "hardware": clean(row["Training hardware"], 80),
            "hardware_quantity": number(row["Hardware quantity"]),
            "utilisation": number(mfu) if mfu and 0 < float(mfu) <= 1 else "",
            "cost_usd_2023": number(row["Training compute cost (2023 USD)"]),
            "power_w": number(row["Training power draw (W)"]),
            "finetuned_from": clean(row["Base model"], 80),
            "confidence": row["Confidence"],
            "country": clean(row["Country (of organization)"], 80),
            "accessibility": row["Model accessibility"],
            "numerical_format": row["Numerical format"],
            "unit": "per column",
            "source": "Epoch AI, Notable AI Models",
            "url": link,
            "as_of": "2025-11-28",
            "licence": "CC BY 4.0",
            "grade": grade_of(row["Confidence"]),
        }
        out.setdefault((str(record["name"]), str(record["organisation"]), str(record["published"])), record)
    return sorted(out.values(), key=lambda r: (str(r["published"]), str(r["name"])))


def chips(folder: Path) -> list[dict[str, str]]:
    epoch, table = read(folder / "ml_hardware.csv"), read(OUT / "chips.csv")
    for line in unexplained(epoch, table):
        print(line)
    return merge_chips(epoch, table)


def supply(folder: Path) -> list[dict[str, object]]:
    """Chips shipped by quarter and maker, as in the published quarterly table."""
    wide = read(folder / "chip_supply_quarterly.csv")
    parts = quarterly_parts(folder)
    out = []
    for row in wide:
        for maker in ("Nvidia", "Google TPU", "Amazon Trainium", "AMD"):
            h100e = float(row[maker])
            if h100e <= 0:
                continue
            units, low, high = parts.get((row["q"], maker), (0.0, 0.0, 0.0))
            out.append(
                {
                    "quarter": row["q"],
                    "maker": maker,
                    "h100e": f"{h100e:.10g}",
                    "h100e_p5": f"{low:.10g}" if low else "",
                    "h100e_p95": f"{high:.10g}" if high else "",
                    "units": f"{units:.10g}" if units else "",
                    "complete": str(row["incomplete"] != "True").lower(),
                    "unit": "per column",
                    "source": "Epoch AI, ai-chip-counts, commit d1b1bc3",
                    "url": "https://github.com/epoch-research/ai-chip-counts",
                    "as_of": "2026-04-22",
                    "licence": "MIT",
                    "grade": "measured",
                    "note": "" if row["incomplete"] != "True" else "covers a part of the quarter",
                }
            )
    return out


def quarterly_parts(folder: Path) -> dict[tuple[str, str], tuple[float, float, float]]:
    """(quarter, maker) -> units and the 5 % and 95 % estimates of H100e, summed over chip types."""
    files = {
        "nvidia_calendar_quarter_chip_timelines.csv": "Nvidia",
        "tpu_calendar_quarter_chip_timelines.csv": "Google TPU",
        "trainium_chip_timelines.csv": "Amazon Trainium",
        "amd_chip_timelines.csv": "AMD",
    }
    out: dict[tuple[str, str], tuple[float, float, float]] = {}
    for name, maker in files.items():
        for row in read(folder / name):
            end = datetime.strptime(row["End date"], "%m/%d/%Y")
            key = (f"{end.year}Q{(end.month - 1) // 3 + 1}", maker)
            more = (row["Number of Units"], row["H100e (5th percentile)"], row["H100e (95th percentile)"])
            units, low, high = (float(v or 0) for v in more)
            had = out.get(key, (0.0, 0.0, 0.0))
            out[key] = (had[0] + units, had[1] + low, had[2] + high)
    return out


def data_centres(folder: Path) -> list[dict[str, object]]:
    sites = {r["Handle"]: r for r in read(folder / "data_centers.csv")}
    out: dict[tuple[str, str], dict[str, object]] = {}
    for row in read(folder / "data_center_timelines.csv"):
        site = sites.get(row["Data center"], {})
        power = float(row["Power (MW)"] or 0) * 1e6
        capital = float(row["Total capital cost (2025 USD billions)"] or 0) * 1e9
        water = row["Water use (MGD)"]
        record: dict[str, object] = {
            "name": row["Data center"],
            "date": row["Date"],
            "owner": clean(site.get("Owner", "").split("#")[0]),
            "users": clean(site.get("Users", "").split("#")[0]),
            "country": "CHN"
            if "Alibaba" in row["Data center"]
            else "ARE"
            if "Abu Dhabi" in row["Data center"]
            else "USA",
            "power_w": f"{power:.8g}",
            "h100e": f"{float(row['H100 equivalents'] or 0):.8g}",
            "capital_usd_2025": f"{capital:.8g}",
            "water_m3_per_day": f"{float(water) * 3785.411784:.8g}" if water else "",
            "status": "observed" if row["Date"] <= "2025-12-15" else "planned",
            "unit": "per column",
            "source": "Epoch AI, Frontier Data Centers",
            "url": "https://epoch.ai/data/data-centers",
            "as_of": "2025-12-15",
            "licence": "CC BY 4.0",
            "grade": "reported" if row["Date"] <= "2025-12-15" else "judgement",
            "note": "" if row["Date"] <= "2025-12-15" else "planned, read from permits and images",
        }
        out[(str(record["name"]), str(record["date"]))] = record
    return sorted(out.values(), key=lambda r: (str(r["name"]), str(r["date"])))


def main() -> None:
    data = Path(sys.argv[1])
    write("models", models(data / "epoch"))
    write("chips", chips(data / "epoch"))
    write("chip_supply", supply(data / "chip_counts"))
    write("data_centres", data_centres(data / "epoch"))


if __name__ == "__main__":
    main()
