"""Derive the compact tables of measured kernels from the PyPI package ``aiconfigurator-core``.

The package (NVIDIA, Apache-2.0) holds a few million timings of single kernels.  A plan needs a
coarse grid of them: for each shape the best time over the serving engines that were measured, as
achieved TFLOP/s, and for collectives the bus bandwidth.

    pip download --no-deps aiconfigurator-core && unzip -d wheel aiconfigurator_core-*.whl
    pip install polars && python tools/derive_kernels.py wheel
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import polars as pl

OUT = Path(__file__).parent.parent / "src/liebig/catalog/measured"
FAMILIES = {
    "a100_sxm": "A100",
    "h100_sxm": "H100",
    "h200_sxm": "H200",
    "b200_sxm": "B200",
    "b300_sxm": "B300",
    "gb200": "GB200",
    "gb300": "GB300",
    "l40s": "L40S",
    "rtx_pro_6000_server": "RTX-Blackwell",
}
#: Bytes per second of the memory, to take out what the timings spend on rounding activations to eight or four bits.
BANDWIDTH = {
    "A100": 2.04e12, "H100": 3.35e12, "H200": 4.8e12, "B200": 8e12, "B300": 7.7e12, "GB200": 8e12, "GB300": 8e12,
    "L40S": 0.864e12, "RTX-Blackwell": 1.79e12,
}  # fmt: skip
PRECISIONS = {"bfloat16": "bf16", "fp8": "fp8", "fp8_block": "fp8-block", "nvfp4": "nvfp4"}
M = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
N = (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536)
K = (128, 256, 512, 1024, 2048, 4096, 8192, 16384)
LENGTHS = (512, 1024, 2048, 4096, 8192, 16384)
SIZES = tuple(2**i for i in range(12, 30, 1))


def _frames(root: Path, folder: str, kind: str, name: str) -> list[pl.DataFrame]:
    return [pl.read_parquet(f) for f in sorted((root / folder / kind).glob(f"*/*/{name}.parquet"))]


def _product_alone(family: str, precision: str, m: int, n: int, k: int, milliseconds: float) -> float:
    """Milliseconds of a product without the kernel that rounds its activations, which the timings include."""
    if precision == "bfloat16":
        return milliseconds
    rounding = 3.0 * m * k / (0.8 * BANDWIDTH[family]) * 1e3
    return max(milliseconds - rounding, 0.6 * milliseconds)


def gemm(root: Path) -> list[list[object]]:
    """Rows of chip family, precision, m, n and the best TFLOP/s for each k."""
    rows: list[list[object]] = []
    for folder, family in FAMILIES.items():
        frames = [f.select("gemm_dtype", "m", "n", "k", "latency") for f in _frames(root, folder, "gemm", "gemm_perf")]
        best = (
            pl.concat(frames)
            .filter(pl.col("gemm_dtype").is_in(list(PRECISIONS)) & pl.col("m").is_in(M) & pl.col("n").is_in(N))
            .group_by("gemm_dtype", "m", "n", "k")
            .agg(pl.col("latency").min())
        )
        times = {tuple(r[:4]): _product_alone(family, *r) for r in best.iter_rows()}
        for theirs, ours in PRECISIONS.items():
            for m in M:
                for n in N:
                    cells = [times.get((theirs, m, n, k)) for k in K]
                    if any(cells):
                        speeds = [f"{2 * m * n * k / t / 1e9:.3g}" if t else "" for k, t in zip(K, cells, strict=True)]
                        rows.append([family, ours, m, n, *speeds])
    return rows


def attention(root: Path) -> list[list[object]]:
    """Rows of chip family, head width and the best causal TFLOP/s of a forward pass for each length."""
    rows: list[list[object]] = []
    for folder, family in FAMILIES.items():
        frames = []
        for frame in _frames(root, folder, "attention", "context_attention_perf"):
            if "window_size" in frame.columns:
                frame = frame.filter(pl.col("window_size") == 0)
            frames.append(
                frame.filter((pl.col("attn_dtype") == "bfloat16") & (pl.col("kv_cache_dtype") == "bfloat16")).select(
                    "batch_size", "isl", "num_heads", "head_dim", "latency"
                )
            )
        best = (
            pl.concat(frames)
            .filter(pl.col("batch_size") * pl.col("num_heads") >= 32)
            .group_by("batch_size", "isl", "num_heads", "head_dim")
            .agg(pl.col("latency").min())
            .with_columns(
                speed=2
                * pl.col("batch_size")
                * pl.col("isl") ** 2
                * pl.col("num_heads")
                * pl.col("head_dim")
                / pl.col("latency")
                / 1e9
            )
            .group_by("head_dim", "isl")
            .agg(pl.col("speed").median())
        )
        speeds = {(d, s): v for d, s, v in best.iter_rows()}
        for width in sorted({d for d, _ in speeds}):
            cells = [speeds.get((width, s)) for s in LENGTHS]
            rows.append([family, width, *(f"{c:.3g}" if c else "" for c in cells)])
    return rows


def collectives(root: Path) -> list[list[object]]:
    """Rows of chip family, operation, ranks and the bus bandwidth in GB/s for each message in bytes."""
    rows: list[list[object]] = []
    names = {
        "all_reduce": "all-reduce",
        "all_gather": "all-gather",
        "reduce_scatter": "reduce-scatter",
        "alltoall": "all-to-all",
    }
    for folder, family in FAMILIES.items():
        frames = [
            pl.read_parquet(f).select("nccl_dtype", "op_name", "num_gpus", "message_size", "latency")
            for f in sorted((root / folder / "comm/nccl").glob("*/nccl_perf.parquet"))
        ]
        best = (
            pl.concat(frames)
            .filter(pl.col("nccl_dtype") == "half")
            .group_by("op_name", "num_gpus", "message_size")
            .agg(pl.col("latency").min())
        )
        times = {tuple(r[:3]): r[3] for r in best.iter_rows()}
        for theirs, ours in names.items():
            for ranks in sorted({k[1] for k in times}):
                factor = (ranks - 1) / ranks * (2 if theirs == "all_reduce" else 1)
                cells = []
                for size in SIZES:
                    t = times.get((theirs, ranks, size // 2))  # message sizes are in elements of two bytes
                    cells.append(f"{size * factor / t / 1e6:.3g}" if t else "")
                if any(cells):
                    rows.append([family, ours, ranks, *cells])
    return rows


def _write(name: str, header: list[str], rows: list[list[object]]) -> None:
    with (OUT / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def main(wheel: str) -> None:
    root = Path(wheel) / "aiconfigurator_core/systems/data"
    _write("gemm.csv", ["family", "precision", "m", "n", *(f"k{k}" for k in K)], gemm(root))
    _write("attention.csv", ["family", "head_dim", *(f"s{s}" for s in LENGTHS)], attention(root))
    _write("collectives.csv", ["family", "operation", "ranks", *(f"b{b}" for b in SIZES)], collectives(root))


if __name__ == "__main__":
    main(sys.argv[1])
