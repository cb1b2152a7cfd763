"""How long a collective takes: bytes over bus bandwidth, plus latency of its steps.

Bandwidth inside a scale-up domain follows measured curves over the size of the message where the family has them,
moved to the link of the chip; otherwise a share of the link, after a start that no message is too small for.  Across
domains a ring crosses with as many rails as the group has chips in each domain.  Arrays broadcast; sizes are bytes of
the whole buffer (what an all-gather ends with, what an all-reduce starts with).  Shares and starts are
``collective.*`` in the table ``constants``.
"""

from __future__ import annotations

import csv
import functools
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.catalog import constant
from liebig.cluster.chip import Chip
from liebig.cluster.chip import chip as find
from liebig.cluster.fabric import Fabric
from liebig.cluster.families import families, family_of, nothing_stands_in
from liebig.errors import UnknownNameError

__all__ = ["OPERATIONS", "collective_time", "curves_family", "link_share", "send_time"]

Array = NDArray[np.float64]
#: Operation -> bytes that each chip sends, as a multiple of the buffer times (n − 1)/n.
OPERATIONS = {"all-reduce": 2.0, "all-gather": 1.0, "reduce-scatter": 1.0, "all-to-all": 1.0}
#: Dimensions of tori between domains.
_SIDES = {"torus2d": 2.0, "torus3d": 3.0}


@functools.cache
def _curves() -> dict[tuple[str, str], tuple[Array, Array, Array]]:
    """(family, operation) -> log2 of ranks, log2 of bytes, log of bus bandwidth."""
    text = resources.files("liebig.catalog").joinpath("measured", "collectives.csv").read_text(encoding="utf-8")
    header, *rows = list(csv.reader(text.splitlines()))
    sizes = np.log2([float(c[1:]) for c in header[3:]])
    found: dict[tuple[str, str], list[tuple[float, list[float]]]] = {}
    for family, operation, ranks, *cells in rows:
        found.setdefault((family, operation), []).append(
            (float(ranks), [float(c) * 1e9 if c else np.nan for c in cells])
        )
    out = {}
    for key, lines in found.items():
        lines.sort()
        out[key] = (np.log2([r for r, _ in lines]), sizes, np.log(np.array([v for _, v in lines])))
    return out


def link_share(kind: str) -> float:
    """Share of a link that large messages reach where no curve was timed, by how the chips of a domain are wired.

    >>> link_share("switch"), link_share("torus3d")
    (0.75, 0.85)
    """
    kinds = {"torus2d": "torus", "torus3d": "torus", "none": "pcie"}
    return constant(f"collective.share_{kinds.get(kind, kind)}")


@functools.cache
def _link_of(family: str) -> float:
    return find(families()[family].host).scale_up_bandwidth


def curves_family(chip: Chip, fabric: Fabric) -> str:
    """The family whose curves collectives within a domain follow; empty where a model of links stands in.

    Raises:
        InputError: no collectives were timed on it.

    >>> from liebig.cluster import chip
    >>> from liebig.cluster.fabric import fabric_of
    >>> [curves_family(c, fabric_of(c)) for c in (chip("H100-SXM"), chip("MI300X"), chip("TPU-v5p"))]
    ['H100', 'H100', '']
    """
    row = family_of(chip)
    if fabric.inner_kind in ("torus2d", "torus3d"):
        return ""  # curves were timed through switches
    family = row.family if row.host else row.collectives_from
    timed = {f for f, _ in _curves()}
    if family and family not in timed:
        raise nothing_stands_in(row.family, "collective", "collectives_from", timed)
    return family


def _inner_bandwidth(chip: Chip, fabric: Fabric, operation: str, ranks: Array, size: Array) -> Array:
    """Bus bandwidth of a group within one scale-up domain, bytes per second."""
    family = curves_family(chip, fabric)
    if not family:
        full = max(fabric.inner_bandwidth * link_share(fabric.inner_kind), 1.0)  # groups of one have no links
        return size / (size / full + constant("collective.start_s"))
    log_ranks, log_sizes, logs = _curves()[family, operation]
    r = np.clip(np.interp(np.log2(np.maximum(ranks, 2.0)), log_ranks, np.arange(log_ranks.size)), 0.0, None)
    low = np.minimum(r.astype(np.intp), log_ranks.size - 2)
    s = np.clip(
        (np.log2(np.maximum(size, 2.0)) - log_sizes[0]) / (log_sizes[1] - log_sizes[0]), 0.0, log_sizes.size - 1.000001
    )
    left = s.astype(np.intp)
    row, column = r - low, s - left
    value = (1 - row) * ((1 - column) * logs[low, left] + column * logs[low, left + 1]) + row * (
        (1 - column) * logs[low + 1, left] + column * logs[low + 1, left + 1]
    )
    # below the smallest message measured, time stays what latency makes it
    tiny = np.minimum(np.log2(np.maximum(size, 1.0)) - log_sizes[0], 0.0) * np.log(2.0)
    timed, ratio = np.exp(value + tiny), fabric.inner_bandwidth / _link_of(family)
    if ratio <= 1.0:  # a slower link slows all of it
        return timed * ratio
    # a faster one shortens only the time that bytes take at the best that was measured for such a group with a
    # message of any size; what a message takes above that is latency, which stays
    best = np.exp(((1 - row)[..., None] * logs[low] + row[..., None] * logs[low + 1]).max(axis=-1))
    return timed / (1.0 - (1.0 - 1.0 / ratio) * timed / best)


def collective_time(
    chip: Chip,
    fabric: Fabric,
    operation: str,
    size: ArrayLike,
    ranks: ArrayLike,
    in_domain: ArrayLike,
    copies: ArrayLike = 0.0,
    span: ArrayLike | None = None,
) -> Array:
    """Seconds of a collective.

    Args:
        chip: gives the family whose curves are used.
        fabric: bandwidths and latencies.
        operation: a key of ``OPERATIONS``.
        size: bytes of the buffer.
        ranks: chips in the group; 1 takes no time.
        in_domain: how many of them share a scale-up domain.
        copies: of an all-to-all, to how many ranks a piece goes that crosses to each domain once and is
            copied there (DeepEP, arXiv:2412.19437); 0 where every copy crosses by itself.
        span: chips from the first of the group to its last, those of other groups between them included; when left
            out, all chips of the domains that the group reaches.

    >>> from liebig.cluster import chip
    >>> h100 = chip("H100-SXM")
    >>> from liebig.cluster.fabric import fabric_of
    >>> f = fabric_of(h100)
    >>> t = collective_time(h100, f, "all-reduce", 512e6, 8, 8)
    >>> bool(400e9 < 2 * 7 / 8 * 512e6 / t < 480e9)
    True
    >>> t = collective_time(h100, f, "all-reduce", 4e9, 64, 8)
    >>> bool(280e9 < 2 * 63 / 64 * 4e9 / t < 400e9)
    True
    """
    if operation not in OPERATIONS:
        raise UnknownNameError("collective", operation, OPERATIONS)
    s, n, g = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (size, ranks, in_domain)))
    g = np.minimum(np.maximum(g, 1.0), n)
    moved = OPERATIONS[operation] * s * (n - 1.0) / np.maximum(n, 1.0)
    inner = _inner_bandwidth(chip, fabric, operation, g, s)
    time_inner = moved / np.maximum(inner, 1.0)
    crossing = n > g
    if not np.any(crossing):
        return np.where(n > 1, time_inner, 0.0)
    domains = n / g
    rails = g if operation != "all-to-all" else 1.0
    outer = fabric.outer_at(domains * fabric.domain if span is None else span)
    outer = outer * constant("collective.outer_share") * rails
    steps = np.log2(np.maximum(domains, 2.0)) if operation in ("all-reduce", "all-to-all") else domains - 1.0
    # trees take over when rings grow long
    steps = np.minimum(steps, constant("collective.tree_steps") * np.log2(np.maximum(domains, 2.0)))
    if fabric.outer_kind in _SIDES:
        dimensions = _SIDES[fabric.outer_kind]
        side = domains ** (1.0 / dimensions)
        steps = dimensions * side / 2.0  # hops to the far corner of a torus
        if operation == "all-to-all":
            # a byte makes d k / 4 hops on average (k / 4 around each ring of k), so that of what a chip's 2 d links
            # carry together, 1 / (d k / 4) is its own; a torus of few chips is bound by what a chip sends
            outer = outer * np.minimum(1.0, 4.0 / (dimensions * np.maximum(side, 1.0)))
    latency = OPERATIONS[operation] * steps * fabric.outer_latency_s + fabric.start_latency_s
    share = (n - 1.0) / np.maximum(n, 1.0)
    if operation == "all-to-all":
        k = np.maximum(np.asarray(copies, dtype=np.float64), 1.0)  # one copy crosses by itself
        met = (domains - 1.0) * (1.0 - (1.0 - 1.0 / domains) ** k)  # other domains, on average
        share = met / k
    time_outer = OPERATIONS[operation] * s * share / np.maximum(outer, 1.0) + latency
    # both parts run at once: the slower one counts
    both = np.maximum(time_outer, np.where(g > 1, time_inner, 0.0))
    return np.where(n > 1, np.where(crossing, both, time_inner), 0.0)


def send_time(fabric: Fabric, size: ArrayLike, within_domain: ArrayLike, span: ArrayLike = 1.0) -> Array:
    """Seconds to send a message from one chip to another, within a domain or across.

    Args:
        fabric: bandwidths and latencies.
        size: bytes of the message.
        within_domain: True where both chips share a scale-up domain.
        span: chips from the one to the other.

    >>> f = Fabric(inner_bandwidth=450e9, outer_bandwidth=50e9)
    >>> bool(send_time(f, 50e9, False) > 1.0)
    True
    """
    s, near = np.broadcast_arrays(np.asarray(size, dtype=np.float64), np.asarray(within_domain, dtype=bool))
    inner = s / max(fabric.inner_bandwidth * link_share(fabric.inner_kind), 1.0) + fabric.inner_latency_s
    far = np.maximum(fabric.outer_at(span) * constant("collective.outer_share"), 1.0)
    outer = s / far + fabric.outer_latency_s
    return np.where(near, inner, outer)
