"""How long one kernel takes on one chip: matrix multiplications, attention, and work bound by memory.

Matrix multiplications follow measured tables where the chip's family has one: achieved FLOP/s over
rows, columns and depth, interpolated in logarithms relative to the roofline
``max(FLOP/peak, bytes/bandwidth)``.  A chip without a table uses the table of a reference family,
taken at the same share of the roofline, times a level of its own.
"""

from __future__ import annotations

import csv
import functools
import math
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.catalog import constant
from liebig.cluster.chip import Chip
from liebig.cluster.chip import chip as find
from liebig.cluster.families import families, family_of, is_systolic, nothing_stands_in
from liebig.errors import UnknownNameError

__all__ = [
    "batched_time",
    "gemm_time",
    "has_table",
    "level_of",
    "stream_time",
    "table_of",
]

Array = NDArray[np.float64]
#: Bytes of a number.  Of narrow formats with scales for blocks, the scale counts: one byte for 32 numbers in MX
#: formats (OCP Microscaling Formats 1.0) and for 16 in NVFP4; four bytes for 128 x 128 in fp8-block are nothing.
BYTES = {"fp32": 4.0, "tf32": 4.0, "fp16": 2.0, "bf16": 2.0, "fp8": 1.0, "fp8-block": 1.0, "mxfp8": 1.0 + 1 / 32,
         "int8": 1.0, "mxfp4": 0.5 + 1 / 32, "nvfp4": 0.5 + 1 / 16}  # fmt: skip
#: Precisions from narrow to wide; a product that was not timed runs as the next wider one.
WIDTHS = ("mxfp4", "nvfp4", "mxfp8", "fp8-block", "fp8", "int8", "bf16", "fp16", "tf32", "fp32")
_TABLE = {"fp16": "bf16", "int8": "fp8", "mxfp8": "fp8", "mxfp4": "nvfp4", "tf32": "bf16", "fp32": "bf16"}


def read_table(name: str) -> list[list[str]]:
    """Lines of a measured table that ships with the catalogue, its head first."""
    text = resources.files("liebig.catalog").joinpath("measured", name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))


@functools.cache
def _gemm_tables() -> dict[tuple[str, str], tuple[float, float, float, Array]]:
    """(family, precision) -> log2 of the first m, n, k and achieved FLOP/s on a grid of powers of two."""
    header, *rows = read_table("gemm.csv")
    ks = [float(c[1:]) for c in header[4:]]
    cells: dict[tuple[str, str], dict[tuple[float, float], list[float]]] = {}
    for family, precision, m, n, *speeds in rows:
        values = [float(v) * 1e12 if v else np.nan for v in speeds]
        cells.setdefault((family, precision), {})[float(m), float(n)] = values
    for family in dict.fromkeys(f for f, _ in cells):
        _best_of_scalings(cells, family)
    out = {}
    for key, speeds_at in cells.items():
        ms = sorted({m for m, _ in speeds_at})
        ns = sorted({n for _, n in speeds_at})
        grid = np.array([[speeds_at.get((m, n), [np.nan] * len(ks)) for n in ns] for m in ms])
        out[key] = (np.log2(ms[0]), np.log2(ns[0]), np.log2(ks[0]), _on_powers_of_two(grid, ms, ns, ks))
    return out


def _best_of_scalings(cells: dict[tuple[str, str], dict[tuple[float, float], list[float]]], family: str) -> None:
    """One scale for a whole tensor is never slower than one for each block: the kernels timed for it were."""
    plain, block = cells.get((family, "fp8")), cells.get((family, "fp8-block"))
    if not plain or not block:
        return
    for place, speeds in block.items():
        plain[place] = [float(np.fmax(a, b)) for a, b in zip(plain.get(place, speeds), speeds, strict=True)]


def _on_powers_of_two(grid: Array, *axes: list[float]) -> Array:
    """Fill gaps and put the axes on every power of two, in logarithms."""
    logs = np.log(grid)
    for axis, values in enumerate(axes):
        have = np.log2(np.asarray(values))
        want = np.arange(have[0], have[-1] + 0.5)
        moved = np.moveaxis(logs, axis, -1)
        flat = moved.reshape(-1, moved.shape[-1])
        new = np.empty((flat.shape[0], want.size))
        for i, line in enumerate(flat):
            good = np.isfinite(line)
            new[i] = np.interp(want, have[good], line[good]) if good.any() else np.nan
        logs = np.moveaxis(new.reshape(*moved.shape[:-1], want.size), -1, axis)
    return np.exp(np.where(np.isfinite(logs), logs, np.nanmedian(logs)))


def has_table(chip: Chip, precision: str = "bf16") -> bool:
    """True when matrix multiplications of the chip's family were measured at the precision."""
    return (chip.family, _TABLE.get(precision, precision)) in _gemm_tables()


def _roof(chip: Chip, precision: str, m: Array, n: Array, k: Array) -> Array:
    size = BYTES[precision]
    flops = 2.0 * m * n * k / chip.peak(precision)
    traffic = (size * (m * k + k * n) + 2.0 * m * n) / chip.memory_bandwidth
    return np.maximum(flops, traffic)


def _tile_time(chip: Chip, precision: str, m: Array, n: Array, k: Array) -> Array:
    """Seconds to read the tiles of operands again.

    A tile of ``e`` by ``e`` results (``kernel.tile_edge``) does ``2 e² k`` operations on ``2 e k`` numbers of its
    operands, ``e`` per number.
    """
    return 2.0 * m * n * k * BYTES[chip.runs_as(precision)] / (constant("kernel.tile_edge") * chip.memory_bandwidth)


@functools.cache
def _efficiency_grid(family: str, precision: str) -> tuple[float, float, float, Array]:
    """Share of the roofline that was reached, on the grid of the table."""
    m0, n0, k0, speeds = _gemm_tables()[family, precision]
    host = find(families()[family].host)
    axes = [2.0 ** (start + np.arange(size)) for start, size in zip((m0, n0, k0), speeds.shape, strict=True)]
    m, n, k = np.meshgrid(*axes, indexing="ij")
    reached = _roof(host, precision, m, n, k) * speeds / (2.0 * m * n * k)
    # cells above the roofline by more than what caches give are faults of timing
    return m0, n0, k0, np.log(np.clip(reached, 1e-4, 1.2))


def _interpolate(start: tuple[float, float, float], grid: Array, *points: Array) -> Array:
    """Trilinear interpolation on a grid of powers of two, held constant beyond its edges."""
    low, part = [], []
    for first, size, x in zip(start, grid.shape, points, strict=True):
        place = np.clip(np.log2(np.maximum(x, 1.0)) - first, 0.0, size - 1.000001)
        floor = place.astype(np.intp)
        low.append(floor)
        part.append(place - floor)
    _, sn, sk = grid.shape
    flat = grid.ravel()
    base = (low[0] * sn + low[1]) * sk + low[2]
    out = np.zeros(np.broadcast(*points).shape)
    for corner in range(8):
        i, j, h = corner >> 2 & 1, corner >> 1 & 1, corner & 1
        weight = (
            (part[0] if i else 1.0 - part[0]) * (part[1] if j else 1.0 - part[1]) * (part[2] if h else 1.0 - part[2])
        )
        out += weight * flat[base + (i * sn * sk + j * sk + h)]
    return out


def table_of(chip: Chip, precision: str = "bf16") -> tuple[str, str]:
    """Family and precision of the timings that products of a chip follow: its own, or those that stand in.

    Raises:
        InputError: neither its family nor those that stand in for it were timed in the precision.

    >>> from liebig.cluster import chip
    >>> table_of(chip("H100-PCIe")), table_of(chip("MI300X"), "fp8"), table_of(chip("H100-SXM"), "nvfp4")
    (('H100', 'bf16'), ('H100', 'fp8'), ('B200', 'nvfp4'))
    """
    wanted = _TABLE.get(precision, precision)
    row = family_of(chip)
    timed = [f for f, p in _gemm_tables() if p == wanted]
    family = next((f for f in (row.family, *row.kernels_from.split()) if f in timed), None)
    if family is None:
        raise nothing_stands_in(row.family, f"{wanted} matrix product", "kernels_from", timed)
    return family, wanted


def gemm_time(chip: Chip, precision: str, m: ArrayLike, n: ArrayLike, k: ArrayLike) -> Array:
    """Seconds of one product of an (m, k) with a (k, n) matrix; arrays broadcast.

    Source of the tables: aiconfigurator-core (NVIDIA, Apache-2.0), see ``catalog/measured``.

    Raises:
        UnknownNameError: no such precision.

    >>> from liebig.cluster import chip
    >>> t = gemm_time(chip("A100-SXM-80GB"), "bf16", 8192, 8192, 8192)
    >>> bool(0.7 < 2 * 8192**3 / t / 312e12 < 1.0)
    True
    """
    if precision not in BYTES:
        raise UnknownNameError("precision", precision, BYTES)
    rows, columns, depth = (np.maximum(np.asarray(x, dtype=np.float64), 1.0) for x in (m, n, k))
    if chip.measured:
        return _measured_time(chip, precision, rows, columns, depth)
    if is_systolic(chip):
        return _systolic_time(chip, precision, rows, columns, depth)
    table = table_of(chip, precision)
    m0, n0, k0, grid = _efficiency_grid(*table)
    reached = np.exp(_interpolate((m0, n0, k0), grid, rows, columns, depth))
    level, starves = _level(chip, precision)
    roof = _roof(chip, precision, rows, columns, depth)
    again = _tile_time(chip, precision, rows, columns, depth) if starves else 0.0
    seconds = np.hypot(roof, again) / (reached * level)
    if starves or level != 1.0 or table[0] != chip.family:  # what caches did on the lender is not known here
        seconds = np.maximum(seconds, roof)
    return seconds * _misalignment(chip, columns, depth)


def _measured_time(chip: Chip, precision: str, m: Array, n: Array, k: Array) -> Array:
    """Seconds by the speeds that were measured on the very chip; at the nearest wider precision where one lacks."""
    have = chip.matmul_measured
    alike = {"bf16": "fp16", "fp16": "bf16"}.get(precision, precision)
    tries = (precision, alike, *WIDTHS[WIDTHS.index(precision) :])
    name = next((p for p in tries if p in have), next(p for p in reversed(WIDTHS) if p in have))
    axes, grid = _measured_grid(chip, name)
    # places between the sizes of the table, as if they were powers of two from 1 on
    places = [2.0 ** np.interp(np.log2(x), a, np.arange(a.size)) for x, a in zip((m, n, k), axes, strict=True)]
    reached = np.exp(_interpolate((0.0, 0.0, 0.0), grid, *places))
    return _roof(chip, name, m, n, k) / reached


@functools.cache
def _measured_grid(chip: Chip, precision: str) -> tuple[list[Array], Array]:
    """Base-2 logarithms of the sizes, and logarithm of the share of the roofline that was reached."""
    table = chip.matmul_measured[precision]
    sizes = [np.array(s, dtype=np.float64) for s in (table.m, table.n, table.k)]
    m, n, k = np.meshgrid(*sizes, indexing="ij")
    reached = _roof(chip, precision, m, n, k) * np.array(table.flop_per_s) / (2.0 * m * n * k)
    return [np.log2(s) for s in sizes], np.log(reached)


def _systolic_time(chip: Chip, precision: str, m: Array, n: Array, k: Array) -> Array:
    """Seconds on large systolic arrays that read tiles of rows and columns from memory.

    A square tile of results in four bytes takes a share of the memory beside the multipliers
    (``kernel.systolic_tile_share``); buffers of operands take the rest.
    Columns and depth are padded to the edge of an array; operations and traffic overlap all but when they
    take about as long.
    """
    family = family_of(chip)
    n, k = (np.ceil(x / family.array_edge) * family.array_edge for x in (n, k))
    size = BYTES[precision]
    flops = 2.0 * m * n * k / (chip.peak(precision) * family.peak_share * chip.matmul_level.get(precision, 1.0))
    room = constant("kernel.systolic_tile_share") * (chip.on_chip_bytes or 0.0)
    tile = math.sqrt(room / 4.0) or constant("kernel.tile_edge")
    again = size * m * n * k * (1.0 / np.minimum(tile, m) + 1.0 / np.minimum(tile, n)) + 2.0 * m * n
    traffic = again / chip.memory_bandwidth
    return np.hypot(flops, traffic)


def batched_time(chip: Chip, rows: ArrayLike, columns: ArrayLike, depth: ArrayLike) -> Array:
    """Seconds of many small products in one kernel, as in attention whose scores go through memory.

    Batches of matrices whose rows do not start on 16 bytes leave the matrix units: with a head of
    108 instead of 112 numbers a whole step took 1.4 times as long (BLOOM, chronicles-prequel.md).

    Args:
        chip: the accelerator.
        rows: of all products together.
        columns: of each result.
        depth: of each product.

    >>> from liebig.cluster import chip
    >>> a100 = chip("A100-SXM-80GB")
    >>> bool(batched_time(a100, 2**17, 2048, 108) > 4 * batched_time(a100, 2**17, 2048, 112))
    True
    """
    time = gemm_time(chip, "bf16", rows, columns, depth)
    if is_systolic(chip) or chip.measured:
        return time
    odd = _odd(np.asarray(columns), 8) | _odd(np.asarray(depth), 8)
    return np.where(odd, constant("kernel.batched_misaligned") * time, time)


def _misalignment(chip: Chip, columns: Array, depth: Array) -> Array:
    """How much longer a product takes whose rows do not start on 16 bytes.

    A size that divides by eight 2-byte numbers starts its rows on 16 bytes; one that divides by four, two or one
    starts them on 8, 4 or 2 (``kernel.misaligned_*`` in the table ``constants``).
    """
    out = np.ones(np.broadcast(columns, depth).shape)
    # sizes that are no whole numbers stand for any near them
    n, k = (np.where(x == np.floor(x), x, 0.0) for x in (columns, depth))
    for start in (8, 4, 2):  # bytes, where 8, 4 or 2 numbers of two bytes do not divide the row
        odd = _odd(n, start) | _odd(k, start)
        if not odd.any():  # then no smaller power of two is left over either
            break
        out[odd] = constant(f"kernel.misaligned_{start}_bytes")
    return out


def _odd(size: Array, by: int) -> NDArray[np.bool_]:
    """Where a size is no multiple of a power of two; ``numpy.remainder`` takes ten times as long."""
    multiple = size / by
    return np.not_equal(multiple, np.floor(multiple))


@functools.cache
def _best_shapes() -> dict[tuple[str, str], float]:
    """(family, precision) -> share of the peak that the best shape found reaches."""
    _, *rows = read_table("best_gemm.csv")
    return {(family, precision): float(share) for family, precision, share in rows}


def level_of(chip: Chip, precision: str = "bf16") -> float:
    """Share of the roofline next to the timings that products follow: 1 where they are the family's own.

    For borrowed timings the chip's own level, if it has one; else its best published product next to that of the
    lender; else how much sooner its memory starves it.

    >>> from liebig.cluster import chip
    >>> round(level_of(chip("MI300X")), 2), level_of(chip("H100-SXM"))
    (0.64, 1.0)
    """
    level, starves = _level(chip, precision)
    return level / _starvation(chip, precision) if starves else level


def _level(chip: Chip, precision: str) -> tuple[float, bool]:
    """Share of the lender's timings that products follow, and whether time to read tiles again is to be added.

    Where it is, the share is of the lender without its own such time.  Added as the other side of a right angle, it
    slows products that the multipliers bound by ``sqrt(1 + ratio²)`` of ``_starvation``, and no product for a larger
    peak: a factor on all products would also slow those that their operands' traffic bounds.
    """
    if precision in chip.matmul_level:
        return chip.matmul_level[precision], False
    table = table_of(chip, precision)
    if table[0] == chip.family:
        return 1.0, False
    best = _best_shapes()
    wanted = _TABLE.get(precision, precision)
    own = best.get((chip.family, wanted), best.get((chip.family, "bf16")))
    other = best.get(table, best.get((table[0], "bf16")))
    if own and other:
        return own / other, False
    return _starvation(find(families()[table[0]].host), precision), True


def _starvation(chip: Chip, precision: str) -> float:
    """How much a product that the multipliers bound is slowed by reading tiles from memory again.

    A chip whose ratio of FLOP to bytes comes near that of a tile (``_tile_time``) waits for its memory.
    """
    again = float(_tile_time(chip, precision, *(np.asarray(1.0) for _ in "mnk")))
    return math.hypot(1.0, again * chip.peak(precision) / 2.0)


def stream_time(chip: Chip, n_bytes: ArrayLike) -> Array:
    """Seconds to move bytes through the memory of the chip at its nominal bandwidth.

    >>> from liebig.cluster import chip
    >>> float(stream_time(chip("H100-SXM"), 3.35e12))
    1.0
    """
    return np.asarray(n_bytes, dtype=np.float64) / (chip.memory_bandwidth * (chip.memory_level or 1.0))
