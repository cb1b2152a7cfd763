"""Marginals, dependence, sampling, quantiles, scores, indices."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from liebig.errors import DistributionError, RangeError
from liebig.uncertainty import (
    CorrelationWarning,
    make_joint,
    make_marginal,
    nearest_correlation,
    parse_marginal,
    point,
    quantile,
    quantiles,
    sample,
    sobol_blocks,
    transform,
)
from liebig.uncertainty.copula import correlation_matrix
from liebig.uncertainty.metalog import metalog_feasible_middle
from liebig.uncertainty.scoring import crps, interval_score
from liebig.uncertainty.sobol_indices import jansen_total

U = np.linspace(0.001, 0.999, 999)
P3 = (0.1, 0.5, 0.9)
finite = st.floats(-1e6, 1e6)
positive = st.floats(1e-3, 1e12)


@given(positive, st.floats(1.05, 50), st.floats(0.02, 0.98), st.sampled_from([P3, (0.05, 0.5, 0.95)]))
def test_metalog_meets_its_quantiles_or_says_where_it_could(low: float, spread: float, place: float, p: tuple) -> None:
    high, middle = low * spread, low * spread**place
    assume(low < middle < high)
    first, last = metalog_feasible_middle(p, low, high, 0.0, None)
    if not first <= middle <= last:
        with pytest.raises(DistributionError, match="must lie between"):
            make_marginal("metalog", p, (low, middle, high), lower=0.0)
        return
    assume(first * 1.000001 < middle < last * 0.999999)
    m = make_marginal("metalog", p, (low, middle, high), lower=0.0)
    assert first * 0.9999 <= middle <= last * 1.0001
    assert quantile(m, np.array(p)) == pytest.approx([low, middle, high], rel=1e-9)
    values = quantile(m, U)
    assert np.all(np.diff(values) >= 0)
    assert np.all(values > 0)


@given(st.floats(0.02, 0.3), st.floats(0.35, 0.65), st.floats(0.7, 0.98))
def test_two_bounds_are_kept(low: float, middle: float, high: float) -> None:
    first, last = metalog_feasible_middle(P3, low, high, 0.0, 1.0)
    assume(first * 1.0001 < middle < last * 0.9999)
    m = make_marginal("metalog", P3, (low, middle, high), 0.0, 1.0)
    values = quantile(m, U)
    assert np.all((values > 0) & (values < 1))
    assert np.all(np.diff(values) >= 0)
    assert quantile(m, np.array(P3)) == pytest.approx([low, middle, high])


def test_upper_bound_alone() -> None:
    m = make_marginal("metalog", P3, (-5.0, -2.0, -1.0), upper=0.0)
    assert np.all(quantile(m, U) < 0)
    assert quantile(m, np.array(P3)) == pytest.approx([-5, -2, -1])


def test_the_trap_of_one_one_two() -> None:
    with pytest.raises(DistributionError, match=r"middle must lie between 1\.12\d* and 1\.78\d*"):
        make_marginal("metalog", P3, (1.0, 1.0, 2.0), lower=0.0)
    # the same quantiles are fine as straight lines
    m = make_marginal("piecewise", (0.0, 0.5, 0.9, 1.0), (1.0, 1.0, 2.0, 2.0))
    assert quantile(m, np.array([0.2, 0.7, 0.95])) == pytest.approx([1.0, 1.5, 2.0])


@given(finite, st.floats(1e-3, 1e6))
def test_normal_against_scipy(middle: float, half: float) -> None:
    m = make_marginal("normal", (0.05, 0.95), (middle - half, middle + half))
    reference = stats.norm(middle, half / stats.norm.ppf(0.95)).ppf(U)
    assert quantile(m, U) == pytest.approx(reference, rel=1e-9, abs=1e-9 * (1 + abs(middle) + half))


@given(positive, st.floats(1.01, 1e3))
def test_lognormal_against_scipy(low: float, spread: float) -> None:
    m = make_marginal("lognormal", (0.1, 0.9), (low, low * spread))
    reference = stats.norm(np.log(low) + 0.5 * np.log(spread), 0.5 * np.log(spread) / stats.norm.ppf(0.9)).ppf(U)
    assert np.log(quantile(m, U)) == pytest.approx(reference, rel=1e-9, abs=1e-9)


def test_uniforms() -> None:
    assert quantile(make_marginal("uniform", (0.1, 0.9), (1.0, 9.0)), np.array([0.0, 1.0])) == pytest.approx([0, 10])
    assert quantile(make_marginal("loguniform", (0.0, 1.0), (1.0, 100.0)), np.array([0.5])) == pytest.approx([10])


@pytest.mark.parametrize(
    ("family", "levels", "values", "bounds", "message"),
    [
        ("gamma", P3, (1, 2, 3), (None, None), "unknown distribution"),
        ("metalog", (0.1, 0.9), (1, 2), (None, None), "needs 3 quantiles"),
        ("metalog", P3, (3, 2, 1), (None, None), "must not fall"),
        ("metalog", P3, (-1, 2, 3), (0.0, None), "lower bound"),
        ("metalog", P3, (0.2, 0.5, 1.2), (0.0, 1.0), "upper bound"),
        ("metalog", P3, (0.0, 0.5, 0.7), (0.0, 1.0), "lower bound"),
        ("metalog", (0.0, 0.5, 1.0), (1, 2, 3), (None, None), "rise within"),
        ("metalog", (0.5, 0.1, 0.9), (1, 2, 3), (None, None), "rise within"),
        ("metalog", P3, (1, 2, float("nan")), (None, None), "finite"),
        ("normal", P3, (1, 1.2, 9), (None, None), "use distribution 'metalog'"),
        ("lognormal", (0.1, 0.9), (-1, 2), (None, None), "positive"),
        ("loguniform", (0, 1), (0, 2), (None, None), "positive"),
        ("metalog", P3, (1, 2, 3), (5.0, 4.0), "lower bound 5 is not below"),
        ("uniform", (0, 0.5, 1), (1, 2, 3), (None, None), "needs 2"),
        ("point", (0.5, 0.6), (1, 2), (None, None), "needs 1"),
    ],
)
def test_impossible_distributions(family: str, levels: tuple, values: tuple, bounds: tuple, message: str) -> None:
    with pytest.raises(DistributionError, match=message):
        make_marginal(family, levels, values, *bounds)


@pytest.mark.parametrize(
    ("text", "family", "values"),
    [
        ("5", "point", (5,)),
        ("1..9", "normal", (1, 9)),
        ("1..3..9", "metalog", (1, 3, 9)),
        ("p5 1 p95 9", "normal", (1, 9)),
        ("p5 1 p50 3 p95 9", "metalog", (1, 3, 9)),
        ("p1 1 p25 2 p50 3 p95 9", "piecewise", (1, 2, 3, 9)),
        ("uniform(1, 9)", "uniform", (1, 9)),
        ("loguniform(1, 9)", "loguniform", (1, 9)),
        ("lognormal(1, 9)", "normal", (1, 9)),
        ("metalog(1, 3, 9)", "metalog", (1, 3, 9)),
        ("piecewise(0:1, 0.5:1, 1:2)", "piecewise", (1, 1, 2)),
        ("point(4)", "point", (4,)),
    ],
)
def test_notation(text: str, family: str, values: tuple) -> None:
    m = parse_marginal(text, float, 0.0, None)
    assert m.family == family
    assert m.values == pytest.approx(values)


@pytest.mark.parametrize(
    "text", ["1..2..3..4", "uniform(1)", "gamma(1,2)", "piecewise(1,2)", "piecewise(a:1)", "metalog(1)", "point(1,2)"]
)
def test_bad_notation(text: str) -> None:
    with pytest.raises(DistributionError):
        parse_marginal(text, float, 0.0, None)


def _three() -> dict:
    return {n: make_marginal("metalog", P3, (1.0, 2.0, 5.0), lower=0.0) for n in "abc"}


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.5, 0.8])
def test_spearman_is_what_was_asked_for(rho: float) -> None:
    joint = make_joint(_three(), {("a", "b"): rho})
    values = sample(joint, 16384, seed=1)
    assert stats.spearmanr(values["a"], values["b"]).statistic == pytest.approx(rho, abs=0.01)
    assert stats.spearmanr(values["a"], values["c"]).statistic == pytest.approx(0.0, abs=0.02)
    # dependence leaves the marginals alone
    assert np.quantile(values["b"], P3) == pytest.approx([1, 2, 5], rel=0.02)


def test_impossible_correlations_warn_and_use_the_nearest() -> None:
    stated = {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9}
    with pytest.warns(CorrelationWarning, match="cannot hold together"):
        joint = make_joint(_three(), stated)
    values = sample(joint, 4096, seed=0)
    got = stats.spearmanr(np.stack([values[n] for n in "abc"], axis=1)).statistic
    assert got[0, 1] > 0.3
    assert got[1, 2] > 0.3
    assert got[0, 2] < 0


@given(st.integers(2, 7), st.integers(0, 10_000))
def test_nearest_correlation_is_one(d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.uniform(-1, 1, (d, d))
    a = np.triu(a, 1) + np.triu(a, 1).T + np.eye(d)
    near = nearest_correlation(a)
    assert np.allclose(near, near.T)
    assert np.allclose(np.diag(near), 1)
    assert np.linalg.eigvalsh(near)[0] > 0
    assert np.all(np.abs(near) <= 1 + 1e-9)
    # never farther than the plain projection of the spectrum, rescaled to a unit diagonal
    w, v = np.linalg.eigh(a)
    clipped = (v * np.maximum(w, 1e-8)) @ v.T
    scale = 1 / np.sqrt(np.diag(clipped))
    assert np.linalg.norm(near - a) <= np.linalg.norm(clipped * scale[:, None] * scale - a) + 1e-6


def test_valid_correlations_are_left_alone() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m = correlation_matrix(["a", "b"], {("a", "b"): 0.5})
    assert m[0, 1] == pytest.approx(2 * np.sin(np.pi / 12))
    with pytest.raises(RangeError, match="-1 to 1"):
        correlation_matrix(["a", "b"], {("a", "b"): 1.5})


@given(st.integers(1, 300), st.integers(1, 64), st.integers(0, 2**32))
def test_points_do_not_depend_on_the_block_size(samples: int, block: int, seed: int) -> None:
    whole = np.concatenate(list(sobol_blocks(3, samples, seed, block=10**6)), axis=1)
    parts = np.concatenate(list(sobol_blocks(3, samples, seed, block=block)), axis=1)
    assert whole.shape == (3, samples)
    assert np.array_equal(whole, parts)


def test_same_seed_same_points_other_seed_others() -> None:
    one, two, other = (next(sobol_blocks(4, 128, s)) for s in (5, 5, 6))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_known_answer_of_the_sampler() -> None:
    """Fails when a release of the sampler changes the futures behind a seed."""
    u = next(sobol_blocks(3, 4, 0))
    expected = [
        [0.40994959, 0.78334015, 0.71234483, 0.08652813],
        [0.96412022, 0.17377875, 0.58569248, 0.30962609],
        [0.85765488, 0.28315257, 0.63764851, 0.19065881],
    ]
    assert u == pytest.approx(np.array(expected), abs=1e-6)


def test_pinning_one_leaves_the_others_alone() -> None:
    free = make_joint(_three(), {("a", "b"): 0.5}, ["a", "b", "c"])
    pinned = make_joint(_three() | {"c": point(3.0)}, {("a", "b"): 0.5}, ["a", "b", "c"])
    u = next(sobol_blocks(3, 64, 0))
    one, two = transform(free, u), transform(pinned, u)
    assert np.array_equal(one["a"], two["a"])
    assert np.array_equal(one["b"], two["b"])
    assert two["c"] == pytest.approx([3.0])


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_quantiles_are_numpy_s(values: list[float], levels: list[float]) -> None:
    got = quantiles(np.array(values), levels)
    assert got == pytest.approx(np.quantile(values, levels), rel=1e-9, abs=1e-6)


def test_quantiles_with_infinities() -> None:
    got = quantiles(np.array([1.0, 2.0, np.inf, np.inf]), (0.0, 0.25, 0.9, 1.0))
    assert got[0] == 1.0
    assert not np.isnan(got).any()
    assert got[3] == np.inf


@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(-5, 5))
def test_crps_of_a_normal(mean: float, sd: float, truth: float) -> None:
    draws = stats.norm(mean, sd).ppf((np.arange(4000) + 0.5) / 4000)
    z = (truth - mean) / sd
    exact = sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps(draws, truth) == pytest.approx(exact, abs=2e-3 * sd)


def test_interval_score_punishes_misses() -> None:
    assert interval_score(0, 1, 2) == pytest.approx(1 + 10)
    assert interval_score(0, 1, -1) == pytest.approx(1 + 10)


def test_total_indices_of_the_ishigami_function() -> None:
    """Known exactly: S_T = 0.558, 0.442, 0.244 (a = 7, b = 0.1)."""
    u = np.concatenate(list(sobol_blocks(6, 2**14, 0)), axis=1)
    x = np.pi * (2 * u - 1)
    a, b = x[:3], x[3:]

    def f(x: np.ndarray) -> np.ndarray:
        return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])

    for i, expected in enumerate((0.5576, 0.4424, 0.2437)):
        mixed = a.copy()
        mixed[i] = b[i]
        estimate, low, high = jansen_total(f(a), f(mixed))
        assert estimate == pytest.approx(expected, abs=0.01)
        assert low <= estimate <= high


def test_an_input_without_effect_has_index_zero() -> None:
    f = np.random.default_rng(0).standard_normal(500)
    assert jansen_total(f, f)[0] == 0.0
    assert jansen_total(np.ones(10), np.ones(10)) == (0.0, 0.0, 0.0)
