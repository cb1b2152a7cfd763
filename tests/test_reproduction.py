"""Epoch AI's forecast of August 2024, reproduced: every published row within a factor of 1.3."""

from __future__ import annotations

import numpy as np
import pytest

import liebig
from liebig.catalog import Catalog
from liebig.evidence.forecast.chip_backtest import check_chip_model, quarterly_supply
from liebig.evidence.forecast.reproduction import computed_quantities
from liebig.evidence.forecast.trends import fit_trends

SAMPLES = 65536
#: rows of the published table, by what computes them
ROWS = (
    "campus",
    "network-power",
    "network",
    "bandwidth",
    "power",
    "run-chips",
    "chips",
    "tokens",
    "data",
    "latency-literal",
    "latency",
    "minimum",
)


@pytest.fixture(scope="module")
def computed(catalog: Catalog) -> dict[str, np.ndarray]:
    return computed_quantities(SAMPLES, catalog=catalog)


@pytest.mark.parametrize("row", ROWS)
def test_row_within_1_3(row: str, computed: dict[str, np.ndarray], catalog: Catalog) -> None:
    published = catalog.published()[f"epoch-2024.{row}"]
    assert published.low is not None
    assert published.mid is not None
    assert published.high is not None
    for level, expected in ((0.1, published.low), (0.5, published.mid), (0.9, published.high)):
        got = float(np.quantile(computed[row], level))
        assert 1 / 1.3 < got / expected < 1.3, f"{row} p{100 * level:.0f}: {got:.3g}, published {expected:.3g}"


def test_binding_shares() -> None:
    result = liebig.forecast(facts="epoch-2024", samples=SAMPLES, seed=7)
    share = {limit: values[result.at(2030)] for limit, values in result.binding.items()}
    assert share["power"] == pytest.approx(0.68, abs=0.03)
    assert share["data"] == pytest.approx(0.25, abs=0.03)
    assert share["chips"] == pytest.approx(0.08, abs=0.02)
    assert share["latency"] < 0.005


def test_medians_inside_what_epoch_published(computed: dict[str, np.ndarray], catalog: Catalog) -> None:
    for row in (
        "campus",
        "network-power",
        "network",
        "bandwidth",
        "power",
        "run-chips",
        "chips",
        "tokens",
        "data",
        "latency",
    ):
        published = catalog.published()[f"epoch-2024.published-{row}"]
        assert published.low is not None
        assert published.high is not None
        assert published.low < float(np.median(computed[row])) < published.high


def test_chip_counts_are_exact(catalog: Catalog) -> None:
    quarters, flow = quarterly_supply(catalog, complete=False)
    by_quarter = dict(zip(quarters, flow, strict=True))
    assert by_quarter["2025Q4"] == 4_367_217
    year = {y: sum(v for q, v in by_quarter.items() if q.startswith(str(y))) for y in range(2022, 2026)}
    # sums of the published quarters; a chip of rounding in each
    assert year[2022] == pytest.approx(303_403, abs=4)
    assert year[2023] == pytest.approx(1_291_011, abs=4)
    assert year[2024] == pytest.approx(4_910_604, abs=4)
    assert year[2025] == pytest.approx(13_167_304, abs=4)
    assert sum(year.values()) == pytest.approx(19_672_322, abs=4)


def test_chip_counts_match_the_source(catalog: Catalog, shared_data) -> None:
    import csv

    quarters, flow = quarterly_supply(catalog, complete=False)
    with (shared_data / "chip_counts" / "chip_supply_quarterly.csv").open() as file:
        totals = {row["q"]: float(row["total"]) for row in csv.DictReader(file)}
    assert set(quarters) == set(totals)
    for quarter, value in zip(quarters, flow, strict=True):
        assert value == pytest.approx(totals[quarter], abs=2)


def test_chip_model_of_2024_at_the_end_of_2025(catalog: Catalog) -> None:
    check = check_chip_model(samples=32768, catalog=catalog)[1]
    published = catalog.published()["epoch-2024.end-2025-stock"]
    for got, expected in zip(check.stock, (published.low, published.mid, published.high), strict=True):
        assert expected is not None
        assert 1 / 1.1 < got / expected < 1.1
    assert check.counted == pytest.approx(19.67e6, rel=1e-3)
    assert check.percentile == pytest.approx(0.78, abs=0.02)


@pytest.mark.parametrize("name", ["compute", "cost", "power", "duration", "efficiency", "price-performance"])
def test_trend_inside_the_published_interval(name: str, catalog: Catalog) -> None:
    (trend,) = fit_trends([name], catalog=catalog)
    assert trend.inside is True
    assert trend.fit.p5 < trend.fit.growth < trend.fit.p95


def test_trend_of_chips_just_above_the_published_interval(catalog: Catalog) -> None:
    """Growth of 1.594 a year beside the published 1.44 (1.31 to 1.59), which knew no chips of 2024 and 2025."""
    (trend,) = fit_trends(["performance"], catalog=catalog)
    assert trend.published is not None
    low, _, high = trend.published
    assert low is not None
    assert high is not None
    assert trend.fit.growth == pytest.approx(1.594, abs=0.005)
    assert trend.fit.p5 < high < trend.fit.growth < trend.fit.p95
