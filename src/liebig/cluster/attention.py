"""How fast fused attention runs on a chip, from measured tables."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.catalog import constant
from liebig.cluster.chip import Chip
from liebig.cluster.chip import chip as find
from liebig.cluster.families import families, family_of, nothing_stands_in
from liebig.cluster.kernels import read_table

__all__ = ["attention_efficiency", "attention_family"]

Array = NDArray[np.float64]


@functools.cache
def _attention_table(family: str) -> tuple[Array, Array, Array]:
    header, *rows = read_table("attention.csv")
    lengths = np.log2([float(c[1:]) for c in header[2:]])
    widths, grid = [], []
    for row in rows:
        if row[0] == family and row[1] in ("64", "128", "256"):
            widths.append(float(row[1]))
            grid.append([float(v) if v else np.nan for v in row[2:]])
    return np.array(widths), lengths, np.log(np.array(grid) * 1e12)


def attention_family(chip: Chip) -> str:
    """The family whose timings of attention a chip follows: its own, or the one that stands in.

    Raises:
        InputError: no attention was timed on it.

    >>> from liebig.cluster import chip
    >>> attention_family(chip("A100-SXM-80GB")), attention_family(chip("TPU-v5p"))
    ('A100', 'H100')
    """
    row = family_of(chip)
    family = row.attention_from or row.family
    if family not in _timed():
        raise nothing_stands_in(row.family, "attention", "attention_from", _timed())
    return family


@functools.cache
def _timed() -> frozenset[str]:
    """Families on which attention was timed."""
    _, *rows = read_table("attention.csv")
    return frozenset(row[0] for row in rows)


def attention_efficiency(chip: Chip, head_dim: ArrayLike, length: ArrayLike) -> Array:
    """Share of the bfloat16 peak that a fused causal attention reaches in a forward pass.

    Counted on the half of the square that causal attention needs; from measured tables of the family, or of the
    one that stands in for it.  Heads of 64 to 256 and 512 to 16,384 tokens were timed; longer sequences run like
    the longest, and narrower heads and shorter sequences are slower (``attention.*`` in the table ``constants``).

    >>> from liebig.cluster import chip
    >>> float(attention_efficiency(chip("H100-SXM"), 128, 8192).round(2))
    0.61
    """
    if chip.attention_measured:
        return _measured_attention(chip, np.asarray(length, dtype=np.float64)) + 0.0 * np.asarray(head_dim)
    family = attention_family(chip)
    widths, lengths, logs = _attention_table(family)
    host = find(families()[family].host)
    d = np.log2(np.clip(np.asarray(head_dim, dtype=np.float64), constant("attention.narrowest_head"), 256.0))
    s = np.log2(np.maximum(np.asarray(length, dtype=np.float64), constant("attention.shortest_sequence")))
    s = np.minimum(s, lengths[-1])
    d, s = np.broadcast_arrays(d, s)
    have = np.log2(widths)
    columns = np.stack([np.interp(np.maximum(s, lengths[0]), lengths, line) for line in logs])
    if have.size == 1:
        speed = columns[0]
    else:
        place = np.clip(np.interp(d, have, np.arange(have.size)), 0.0, have.size - 1.000001)
        low = place.astype(np.intp)
        lower = np.take_along_axis(columns, low[None], 0)[0]
        upper = np.take_along_axis(columns, low[None] + 1, 0)[0]
        speed = lower + (place - low) * (upper - lower)
    # below what was timed, speed falls as a power of width and length
    thin = np.minimum(d - have[0], 0.0) * constant("attention.width_exponent") * np.log(2.0)
    short = np.minimum(s - lengths[0], 0.0) * constant("attention.length_exponent") * np.log(2.0)
    return np.exp(speed + thin + short) / host.peak("bf16")


def _measured_attention(chip: Chip, length: Array) -> Array:
    have = chip.attention_measured
    table = have.get("bf16") or next(iter(have.values()))
    places = np.log2(np.array(table.lengths, dtype=np.float64))
    speed = np.exp(np.interp(np.log2(np.maximum(length, 1.0)), places, np.log(np.array(table.flop_per_s))))
    return speed / chip.peak("bf16")
