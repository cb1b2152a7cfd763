"""How many layouts a search weighs, next to Calculon on the same problem and machine.

The peer is no package: name a checkout in the environment variable CALCULON, and in CALCULON_PYTHON an interpreter
that has what it needs (psutil, numpy); this one when left out.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liebig.cluster import chip
from liebig.cluster.fabric import fabric_of
from liebig.plan import plan_training
from liebig.step.calibration import builtin_calibration
from liebig.step.search import Found, Space, search
from liebig.step.software import software
from liebig.transformer import architecture

Record = Callable[[str, float, str], None]
#: Layouts of GPT-3 175B on 4,096 chips with batch 4,096, as the peer enumerates them.
LAYOUTS = 1_031_448
#: Those that can run: chunks of layers ask for micro-batches in whole groups, which the peer does not check.
RUNNABLE = 731_368


def space() -> Space:
    """What the peer's search chooses from.

    Sizes of tensor, pipeline and data parallelism, interleaving, micro-batches, recomputation; how tensor ranks
    reduce and send, what they gather again; sharding of the optimizer; which traffic hides behind computation; and
    which of the three groups lies in the scale-up domain.
    """
    modes = [
        (recompute, sequence, regather, split)
        for recompute in (2.0, 1.0, 0.0)
        for sequence, split in ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0))
        for regather in ((1.0, 0.0) if sequence and recompute < 2 else (1.0,))
    ]
    return Space(
        tp=[1, 2, 4, 8, 16, 32], pp=[1, 2, 4, 8, 16, 32], vpp=[1, 2, 3, 4, 6, 8, 12, 16, 24, 48],
        micro_batch=[2**i for i in range(13)], modes=modes, zero=(0, 1), overlap_tp=(0.0, 0.7, 0.5),
        overlap_dp=(0.0, 0.9), place=tuple(8 + bits for bits in range(8)),
    )  # fmt: skip


def liebig_search() -> Found:
    """The same search with liebig."""
    a100 = chip("A100-SXM-80GB")
    return search(
        architecture("GPT3-175B"), a100, fabric_of(a100), software("megatron-2022"), "fp16", 4096, 4096, 2048,
        builtin_calibration(), space(), keep=10,
    )  # fmt: skip


def cpu_s() -> float:
    """Processor seconds of this process and all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def liebig_rate() -> float:
    """Layouts per processor second, the median of three searches after one that warms up."""
    liebig_search()
    rates = []
    for _ in range(3):
        start = cpu_s()
        found = liebig_search()
        rates.append(found.considered / (cpu_s() - start))
    return sorted(rates)[1]


def peer_rate(mode: str, layouts: int) -> float:
    """Layouts per processor second of the peer, as it comes or with its logging silenced."""
    script = Path(__file__).with_name("calculon_peer.py")
    python = os.environ.get("CALCULON_PYTHON", sys.executable)
    done = subprocess.run([python, str(script), str(layouts), mode], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["space"] == LAYOUTS
    return float(found["rate"])


def test_a_search_of_a_million_layouts(benchmark: Any) -> None:
    found = benchmark(liebig_search)
    assert found.considered == RUNNABLE
    assert 0 < found.feasible < RUNNABLE
    assert found.layouts.size >= 10


@pytest.mark.parametrize(("mode", "layouts", "least"), [("silent", 3000, 300.0), ("shipped", 800, 2000.0)])
def test_against_calculon(mode: str, layouts: int, least: float, record: Record) -> None:
    if "CALCULON" not in os.environ:
        pytest.skip("name a checkout of Calculon in the environment variable CALCULON")
    ratio = liebig_rate() / peer_rate(mode, layouts)
    record(f"layouts per processor second, liebig / Calculon {mode}", ratio, f">= {least:g}")
    assert ratio >= least


def test_memory_of_a_search(record: Record, peak_bytes: Callable[[str], int]) -> None:
    peak = peak_bytes("import test_plan_speed as t; t.liebig_search()")
    record("megabytes of that search", peak / 1e6, "bounded")
    assert peak < 1e9


def test_a_plan_costs_a_few_of_its_layouts(record: Record) -> None:
    """The plan of a 405B run weighs thousands of layouts in the time that a few separate evaluations would take."""
    options: dict[str, Any] = {"model": "Llama3.1-405B", "chips": 16384, "batch": 2048, "tokens": 15.6e12}
    held = plan_training(**options)
    sizes = {k: held.layout_dict()[k] for k in ("tp", "pp", "vpp", "micro_batch")}
    start = time.perf_counter()
    plan_training(**options)
    whole = time.perf_counter() - start
    start = time.perf_counter()
    plan_training(**options, **sizes)
    ratio = whole / (time.perf_counter() - start)
    assert held.found is not None
    record(f"search of {held.found.considered} layouts / one layout", ratio, "no target")
