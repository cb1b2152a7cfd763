"""Collectives, kernels, attention and throttling, worked out by hand."""

from __future__ import annotations

import pytest

from liebig.cluster.chip import Chip
from liebig.cluster.collectives import collective_time
from liebig.cluster.fabric import Fabric

PLAIN = Chip(name="plain", peak_bf16=1e12, memory_bytes=1e11, memory_bandwidth=1e12)


def test_hops_of_a_torus() -> None:
    """64 chips, each a domain of its own: a square of 8 by 8 has 2·8/2 = 8 hops to its far corner, a cube of 4 has
    3·4/2 = 6; the start takes 7 µs, a hop 5 µs, twice in an all-reduce.
    """
    flat, cube = (Fabric(domain=1, outer_bandwidth=1e30, outer_kind=k) for k in ("torus2d", "torus3d"))
    for fabric, hops in ((flat, 8), (cube, 6)):
        assert collective_time(PLAIN, fabric, "all-gather", 1.0, 64, 1) == pytest.approx(hops * 5e-6 + 7e-6)
        assert collective_time(PLAIN, fabric, "all-reduce", 1.0, 64, 1) == pytest.approx(2 * hops * 5e-6 + 7e-6)
    # an all-to-all of 6.4 GB: 6.3 GB leave each chip at 42.5 GB/s, at 8/4/8 = 1/4 of it on a square of 8 by 8, as a
    # byte makes 4 hops over 4 links of one hop a byte; at 8/6/4 = 1/3 of it on a cube of 4
    square = Fabric(domain=1, outer_bandwidth=50e9, outer_kind="torus2d", outer_latency_s=0.0, start_latency_s=0.0)
    cubic = square.model_copy(update={"outer_kind": "torus3d"})
    assert collective_time(PLAIN, square, "all-to-all", 6.4e9, 64, 1) == pytest.approx(6.3e9 / 42.5e9 * 4)
    assert collective_time(PLAIN, cubic, "all-to-all", 6.4e9, 64, 1) == pytest.approx(6.3e9 / 42.5e9 * 3)
