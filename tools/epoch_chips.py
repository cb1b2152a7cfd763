"""Renew what the table of chips holds of Epoch AI's "Machine Learning Hardware" (CC BY 4.0).

Rows kept by liebig take from it what they leave empty (``FILLED``; their ``epoch_cells`` say which); rows kept by
epoch are its own, but for their family and for cells that ``disagrees`` names.  What differs and is not explained
there is printed, for a person to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["FILLED", "epoch_cells_of", "merge_chips", "unexplained"]

Cells = dict[str, str]
#: Columns of liebig's rows that may be filled from Epoch AI's table.
FILLED = (
    "kind", "release", "peak_fp32", "peak_tf32", "peak_fp8", "peak_int8", "peak_fp4", "tdp_w", "price_usd", "die_mm2",
    "process_nm", "foundry",
)  # fmt: skip
#: Column -> heading there.
_HEADINGS = {
    "peak_fp32": "FP32 (single precision) performance (FLOP/s)",
    "peak_tf32": "TF32 (TensorFloat-32) performance (FLOP/s)",
    "peak_int8": "INT8 performance (OP/s)",
    "peak_fp8": "FP8 performance (FLOP/s)",
    "peak_fp4": "FP4 performance (FLOP/s)",
    "memory_bandwidth": "Memory bandwidth (byte/s)",
    "tdp_w": "TDP (W)",
    "price_usd": "Release price (USD)",
    "die_mm2": "Die Size (mm^2)",
    "process_nm": "Process size (nm)",
}
_VENDORS = {"Amazon AWS": "Amazon", "Kunlunxin Baidu": "Baidu", "Moore Threads (Tencent)": "Moore Threads"}
_SOURCE = "Epoch AI, Machine Learning Hardware"
_GB, _GIB = 1e9, 2.0**30
#: Relative difference that is no more than rounding.
_ROUNDING = 0.005


def number(text: str, factor: float = 1.0) -> str:
    """A number as short text, empty when absent or not positive."""
    try:
        value = float(text.replace("$", "").replace(",", "")) * factor
    except ValueError:
        return ""
    return f"{value:.6g}".replace("e+", "e") if 0 < value < float("inf") else ""


def _sixteen_bit(row: Mapping[str, str]) -> str:
    """Dense 16-bit rate of the matrix units, else of the plain units when these are not crippled."""
    tensor = number(row["Tensor-FP16/BF16 performance (FLOP/s)"])
    if tensor:
        return tensor
    half = number(row["FP16 (half precision) performance (FLOP/s)"])
    single = number(row["FP32 (single precision) performance (FLOP/s)"])
    return half if half and float(half) >= float(single or 0) else ""


def _memory(text: str) -> str:
    """Bytes; whole GB of DRAM are GiB, as memory chips are made."""
    value = float(number(text) or 0)
    return "" if not value else str(round(value / _GB * _GIB)) if value % _GB == 0 else number(text)


def epoch_cells_of(row: Mapping[str, str]) -> Cells:
    """A row of Epoch AI's table in the columns of ours; its links count both ways, ours one."""
    maker = " ".join(row["Manufacturer"].split())
    link = row["Link to datasheet"]
    return {
        "name": " ".join(row["Hardware name"].split()),
        "vendor": _VENDORS.get(maker, maker),
        "kind": row["Type"],
        "release": row["Release date"],
        "peak_bf16": _sixteen_bit(row),
        **{column: number(row[heading]) for column, heading in _HEADINGS.items()},
        "memory_bytes": _memory(row["Memory size per board (Byte)"]),
        "scale_up_bandwidth": number(row["Intranode bandwidth (byte/s)"], 0.5),
        "scale_out_bandwidth": number(row["Internode bandwidth (bit/s)"], 0.125),
        "foundry": row["Foundry"],
        "url": link.split()[0] if link.startswith("http") else "https://epoch.ai/data/machine-learning-hardware",
        "as_of": row["Last modified"][:10] or "2025-12",
    }  # fmt: skip


def merge_chips(epoch: Iterable[Mapping[str, str]], table: Iterable[Mapping[str, str]]) -> list[Cells]:
    """The table of chips with Epoch AI's part renewed.

    Args:
        epoch: rows of its table.
        table: rows of ours as they are.
    """
    theirs: dict[str, Cells] = {}
    for row in epoch:
        cells = epoch_cells_of(row)
        theirs.setdefault(cells["name"], cells)
    known = [dict(row) for row in table]
    ours = [row for row in known if row["kept_by"] == "liebig"]
    kept = {row["name"]: row for row in known if row["kept_by"] == "epoch"}
    taken = {name for row in ours for name in _names(row)}
    out = [_filled(row, [theirs[n] for n in _names(row) if n in theirs]) for row in ours]
    rest = [_epoch_row(cells, kept.get(name, {})) for name, cells in theirs.items() if name not in taken]
    return out + sorted(rest, key=lambda r: (r["release"] or "9999", r["name"]))


def unexplained(epoch: Iterable[Mapping[str, str]], table: Iterable[Mapping[str, str]]) -> list[str]:
    """Cells of liebig's rows that Epoch AI's table tells differently without a word in ``disagrees``.

    Of several rows there that stand for one chip the first is compared.
    """
    theirs = {cells["name"]: cells for cells in map(epoch_cells_of, epoch)}
    out = []
    for row in table:
        names = [n for n in _names(row) if n in theirs]
        if row["kept_by"] != "liebig" or not names:
            continue
        for column, there in theirs[names[0]].items():
            here = row.get(column, "")
            if column in _told(row) or column in row["epoch_cells"].split() or not (here and there):
                continue
            if _differs(column, here, there):
                out.append(f"{row['name']}: {column} is {here} here and {there} in Epoch AI's table")
    return out


def _differs(column: str, here: str, there: str) -> bool:
    if column == "release":
        return not (there.startswith(here) or here.startswith(there))
    if column in ("name", "vendor", "kind", "foundry", "url", "as_of", "scale_out_bandwidth"):
        return False  # networks are those of other servers
    ratio = float(here) / float(there)
    one_way = column == "scale_up_bandwidth" and abs(ratio - 2.0) < _ROUNDING  # some links are listed one way
    return abs(ratio - 1.0) > _ROUNDING and not one_way


def _names(row: Mapping[str, str]) -> list[str]:
    return [n.strip() for n in row["epoch_names"].split(";") if n.strip()]


def _told(row: Mapping[str, str]) -> set[str]:
    return {part.strip().partition("=")[0] for part in row["disagrees"].split("|") if part.strip()}


def _filled(row: Cells, sources: list[Cells]) -> Cells:
    before = row["epoch_cells"].split()
    row = {column: "" if column in before else cell for column, cell in row.items()}
    found = {
        column: next((s[column] for s in sources if s.get(column)), "")
        for column in FILLED
        if not row[column] and column not in _told(row)
    }
    found = {column: cell for column, cell in found.items() if cell}
    return row | found | {"epoch_cells": " ".join(found)}


def _epoch_row(cells: Cells, before: Mapping[str, str]) -> Cells:
    ours = {"family", "disagrees", *_told(before)} if before else set()
    return {
        **cells,
        "family": "other",
        "kept_by": "epoch",
        "epoch_names": cells["name"],
        "unit": "per column",
        "source": _SOURCE,
        "licence": "CC BY 4.0",
        "grade": "vendor claim",
        **{column: before[column] for column in ours},
    }
