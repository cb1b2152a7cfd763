"""Trend fits: the rule, its interval, and the earlier fits it is compared with."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liebig.catalog import Catalog
from liebig.dates import decimal_year
from liebig.errors import RangeError, UnknownNameError
from liebig.evidence.forecast.trends import fit_growth, fit_trends, records, top_at_release

SERIES = st.lists(st.tuples(st.floats(2000, 2030), st.floats(1e10, 1e30)), min_size=1, max_size=40)


@given(SERIES, st.integers(1, 12))
def test_top_at_release_never_looks_ahead(series: list[tuple[float, float]], top: int) -> None:
    years, values = np.array([s[0] for s in series]), np.array([s[1] for s in series])
    whole = top_at_release(years, values, top)
    cut = float(np.median(years))
    early = years <= cut
    assert np.array_equal(whole[early], top_at_release(years[early], values[early], top))


@given(SERIES, st.integers(1, 12))
def test_larger_top_keeps_more(series: list[tuple[float, float]], top: int) -> None:
    years, values = np.array([s[0] for s in series]), np.array([s[1] for s in series])
    for rule in (top_at_release, records):
        assert np.all(rule(years, values, top) <= rule(years, values, top + 1))


@given(st.floats(1.05, 20.0), st.integers(4, 60))
def test_exact_growth_is_found_exactly(growth: float, n: int) -> None:
    years = 2010.0 + np.arange(n) * 0.37
    fit = fit_growth(years, 5.0 * growth ** (years - 2010.0))
    assert fit.growth == pytest.approx(growth, rel=1e-9)
    assert fit.p5 == pytest.approx(growth, rel=1e-6)
    assert fit.p95 == pytest.approx(growth, rel=1e-6)
    assert fit.doubling_months == pytest.approx(12 * np.log(2) / np.log(growth))


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for i in range(200):
        years = rng.uniform(2010, 2024, 60)
        fit = fit_growth(years, 10 ** (0.6 * (years - 2010) + 0.5 * rng.standard_normal(60)), seed=i)
        hits += fit.p5 <= 10**0.6 <= fit.p95
    assert 0.82 <= hits / 200 <= 0.96


def test_wrong_questions(catalog: Catalog) -> None:
    with pytest.raises(UnknownNameError, match="compute"):
        fit_trends(["computer"], catalog=catalog)
    with pytest.raises(RangeError, match="empty"):
        fit_trends(["compute"], window=(2020, 2010), catalog=catalog)
    with pytest.raises(RangeError, match="points"):
        fit_trends(["compute"], window=(1960, 1961), catalog=catalog)


def test_finetunes_are_left_out(catalog: Catalog) -> None:
    without, with_ = (fit_trends(["compute"], finetunes=f, catalog=catalog)[0] for f in (False, True))
    assert not {"FLAN 137B"} & {name for _, _, name in without.points}
    assert len(with_.points) > len(without.points) - 5


def _all_systems(shared_data: Path) -> list[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    with (shared_data / "epoch" / "all_ml_systems_2025-06.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _positive(text: str) -> float:
    try:
        return float(text.replace("$", "").replace(",", ""))
    except ValueError:
        return 0.0


def _arrays(rows: list[dict[str, str]], column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = [r for r in rows if _positive(r["Training compute (FLOP)"]) > 0]
    years = np.array([decimal_year(r["Publication date"]) for r in rows])
    return (
        years,
        np.array([_positive(r["Training compute (FLOP)"]) for r in rows]),
        np.array([_positive(r[column]) for r in rows]),
    )


def test_earlier_fits_of_compute_are_met_on_the_data_they_used(shared_data: Path) -> None:
    """Top-10 frontier 4.88x per year; top-1/3/5 records doubling in 3.1/3.5/4.0 months in 2012-2018.4."""
    rows = [r for r in _all_systems(shared_data) if r["Notability criteria"].strip()]
    years, flop, _ = _arrays(rows, "Training compute (FLOP)")
    keep = top_at_release(years, flop, 10) & (years >= 2010) & (years < 2024.4)
    fit = fit_growth(years[keep], flop[keep])
    assert fit.growth == pytest.approx(4.88, abs=0.02)
    assert fit.n == 106
    for top, months in ((1, 3.1), (3, 3.5), (5, 4.0)):
        keep = records(years, flop, top) & (years >= 2012) & (years < 2018.4)
        assert fit_growth(years[keep], flop[keep]).doubling_months == pytest.approx(months, abs=0.06)


def test_earlier_fits_of_length_and_power_are_met(shared_data: Path) -> None:
    rows = [r for r in _all_systems(shared_data) if not r["Base model"].strip()]
    for column, growth, first in (("Training time (hours)", 1.32, 2015.7), ("Training power draw (W)", 2.13, 2015.7)):
        years, flop, values = _arrays(rows, column)
        keep = records(years, flop, 10) & (values > 0) & (years >= first) & (years < 2024.4)
        assert fit_growth(years[keep], values[keep]).growth == pytest.approx(growth, abs=0.03)


def test_median_utilisation(shared_data: Path) -> None:
    values = [
        v
        for r in _all_systems(shared_data)
        if _positive(r["Training compute (FLOP)"]) > 0 and 0 < (v := _positive(r["Hardware utilization (MFU)"])) <= 1
    ]
    assert len(values) == 58
    assert float(np.median(values)) == 0.375
