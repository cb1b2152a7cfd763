"""How long the forecast takes, as ratios measured side by side on the same machine.

Run with ``python -m pytest benchmarks``; results of one machine are in RESULTS.md.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

import liebig
from liebig.forecast.inputs import make_input
from liebig.forecast.levers import bench_of
from liebig.levers import rank_levers

SAMPLES = 10_000
Record = Callable[[str, float, str], None]


def seconds(work: Callable[[], Any], rounds: int = 5) -> float:
    """Median time of a call, after one that warms up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@pytest.fixture(scope="module")
def forecast_s() -> float:
    return seconds(lambda: liebig.forecast(samples=SAMPLES))


def test_forecast(benchmark: Any) -> None:
    result = benchmark(lambda: liebig.forecast(samples=SAMPLES))
    assert len(result.limits) == 6
    assert len(result.years) == 16


def test_against_squigglepy(forecast_s: float, record: Record) -> None:
    """The peer's documented way, a function that draws its inputs: 10,000 futures each."""
    peer = pytest.importorskip("squigglepy_model")
    start = time.perf_counter()
    found = peer.forecast_by_functions(SAMPLES)
    ratio = (time.perf_counter() - start) / forecast_s
    record("squigglepy, function per future / liebig", ratio, ">= 50")
    own = liebig.forecast(samples=SAMPLES)
    for i in (0, 5, 10, 15):  # the same model: medians of the minimum agree
        assert statistics.median(found[:, i]) == pytest.approx(float(own.minimum[i][2]), rel=0.25)
    assert ratio >= 50


def test_against_squigglepy_with_arrays(forecast_s: float, record: Record) -> None:
    """The peer's quickest form; it samples independently and leaves out half of what the forecast reports."""
    peer = pytest.importorskip("squigglepy_model")
    record("squigglepy, whole arrays / liebig", seconds(lambda: peer.all_futures(SAMPLES)) / forecast_s, "no target")


def test_ranking_all_levers(forecast_s: float, record: Record) -> None:
    _, (bench, levers) = bench_of(make_input(samples=SAMPLES), 2030)
    assert len(levers) == 45
    ratio = seconds(lambda: rank_levers(*bench_of(make_input(samples=SAMPLES), 2030)[1]), 3) / forecast_s
    record("ranking all 45 levers / one forecast", ratio, "< 20")
    assert ratio < 20
    del bench


def test_time_is_linear_in_samples(record: Record) -> None:
    small = seconds(lambda: liebig.forecast(samples=32_768), 3)
    large = seconds(lambda: liebig.forecast(samples=262_144), 3)
    ratio = large / small / 8
    record("time of 8 times the samples / 8 times the time", ratio, "about 1")
    assert ratio < 1.5


def test_a_million_samples(record: Record, peak_bytes: Callable[[str], int]) -> None:
    size = peak_bytes("import liebig; liebig.forecast(samples=1_000_000)") / 1e9
    record("memory of 1,000,000 samples, GB", size, "< 2")
    assert size < 2


def test_help(record: Record) -> None:
    def best(*command: str) -> float:
        times = []
        for _ in range(11):
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            times.append(time.perf_counter() - start)
        return min(times)

    ratio = best(sys.executable, "-m", "liebig", "--help") / best(sys.executable, "-c", "import numpy")
    record("liebig --help / python -c 'import numpy'", ratio, "< 2")
    assert ratio < 2
