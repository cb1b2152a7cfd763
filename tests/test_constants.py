"""Empirical constants: each is read somewhere, and those that can be are held against bundled measurements."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import liebig
from liebig.catalog import constant
from liebig.catalog.loader import builtin_table
from liebig.catalog.training_rows import ConstantRow
from liebig.cluster import chip
from liebig.cluster.collectives import link_share
from liebig.cluster.families import families
from liebig.cluster.kernels import read_table
from liebig.errors import UnknownNameError

ROWS = [row for row in builtin_table("constants") if isinstance(row, ConstantRow)]


def _names_in_code() -> list[str]:
    """Names given to ``constant``; of those put together, what stands before the first part that varies."""
    found = []
    for path in Path(liebig.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                names = [a for a in (node.func, node.args[0]) if isinstance(a, ast.Name)]
                for argument in node.args if any(n.id == "constant" for n in names) else ():
                    if isinstance(argument, ast.Constant):
                        found.append(str(argument.value))
                    elif isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
                        found.append(str(argument.values[0].value) + "*")
    return found


def test_every_constant_is_read_and_every_name_that_is_read_stands_in_the_table() -> None:
    read = _names_in_code()
    for row in ROWS:
        assert any(row.name == n or (n.endswith("*") and row.name.startswith(n[:-1])) for n in read), row.name
    for name in read:
        if not name.endswith("*"):
            constant(name)


def test_a_constant_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"fabric\.inner_latency_s"):
        constant("fabric.inner_latency")


def test_short_sequences_slow_down_as_the_shortest_that_were_timed_do() -> None:
    timed = [np.log2(float(row[3]) / float(row[2])) for row in read_table("attention.csv")[1:]]
    low, high = np.quantile(timed, [0.25, 0.75])
    assert low < constant("attention.length_exponent") < high


def test_shares_and_starts_of_collectives_lie_within_what_was_timed() -> None:
    shares, starts = [], []
    for family, operation, ranks, *cells in read_table("collectives.csv")[1:]:
        host = chip(families()[family].host)
        if host.scale_up_kind == "switch" and operation != "all-reduce" and ranks in ("4", "8"):
            shares.append(float(cells[-1]) * 1e9 / host.scale_up_bandwidth)
            moved = (float(ranks) - 1) / float(ranks) * 4096
            starts.append(moved / (float(cells[0]) * 1e9))
    assert min(shares) < link_share("switch") <= max(shares) + 0.01
    assert min(starts) < constant("collective.start_s") < 1.5 * max(starts)


def test_energy_per_flop_and_idling_give_the_speeds_their_notes_state() -> None:
    """Rated power less idling, over energy per FLOP: 680e12 FLOP/s of an H100."""
    from liebig.catalog import plan_number

    for name, rated, speed in (("ampere", 400, 280e12), ("hopper", 700, 680e12), ("blackwell", 1000, 1.55e15)):
        joules = plan_number(f"power.joules_per_flop_{name}").p50
        assert (1 - constant("throttling.idle_share")) * rated / joules == pytest.approx(speed, rel=0.05)


def test_chips_without_single_precision_are_given_what_others_have() -> None:
    assert chip("TPU-v4").peak("tf32") == chip("TPU-v4").peak_bf16 / 2
    assert chip("MI350X").peak("tf32") == chip("MI350X").peak_fp32  # it has no units for TF32
    assert chip("TPU-v4").peak("fp32") == chip("TPU-v4").peak_bf16 / 8
