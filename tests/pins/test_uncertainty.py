"""Uncertain numbers, worked out by hand or from a published source."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from liebig.errors import DistributionError, RangeError
from liebig.uncertainty.copula import (
    CorrelationWarning,
    correlated_groups,
    correlation_matrix,
    nearest_correlation,
    pearson_from_spearman,
)
from liebig.uncertainty.interval import Interval
from liebig.uncertainty.marginals import make_marginal, point, quantile
from liebig.uncertainty.metalog import (
    FEASIBLE_RATIO,
    from_scale,
    metalog_coefficients,
    metalog_feasible_middle,
    metalog_scale,
    to_scale,
)
from liebig.uncertainty.notation import parse_marginal
from liebig.uncertainty.quantiles import quantiles, weighted_quantile
from liebig.uncertainty.sampling import check_seed, make_joint, sample, sobol_blocks, transform
from liebig.uncertainty.scoring import crps, interval_score
from liebig.uncertainty.sobol_indices import jansen_total

P3 = (0.1, 0.5, 0.9)
LN9 = math.log(9.0)
Z90 = 1.2815515655446004  # of a standard normal


# ---- dependence


def test_normal_scores_of_a_rank_correlation() -> None:
    """2 sin(π ρ/6): 1 for 1, and 2 sin(π/12) = (√6 - √2)/2 for a half."""
    assert pearson_from_spearman(np.array([0.0, 0.5, 1.0, -0.5])) == pytest.approx(
        [0.0, (math.sqrt(6) - math.sqrt(2)) / 2, 1.0, -(math.sqrt(6) - math.sqrt(2)) / 2]
    )


def test_the_nearest_correlation_matrix() -> None:
    """N. J. Higham 2002, "Computing the nearest correlation matrix", example of section 1: 0.7607 and 0.1573."""
    bad = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    near = nearest_correlation(bad)
    assert near == pytest.approx(np.array([[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]), abs=5e-5)
    assert np.diag(near).tolist() == [1.0, 1.0, 1.0]
    assert np.linalg.eigvalsh(near)[0] == pytest.approx(1e-8, rel=0.1)
    assert np.linalg.eigvalsh(nearest_correlation(bad, floor=0.01))[0] == pytest.approx(0.01, rel=0.1)
    # after one sweep two of 2 are 3/2 apart, clipped again 5/4, scaled 1
    once = nearest_correlation(np.array([[1.0, 2.0], [2.0, 1.0]]), sweeps=1)
    assert once == pytest.approx(np.ones((2, 2)), rel=1e-6)
    fine = np.array([[1.0, 0.3], [0.3, 1.0]])
    assert nearest_correlation(fine) == pytest.approx(fine)
    assert bad[0, 1] == 1.0  # what was given stays


def test_how_long_the_nearest_correlation_matrix_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix that can hold is met by the first projection; another projection comes at the end.

    Of [[1, 2], [2, 1]] the largest entry is 1 + 2^-k after k sweeps and the diagonal was as far from 1: √2·2^-k is less
    than 1e-10 of the norm of 2 from the 33rd on.
    """
    decompose, seen = np.linalg.eigh, list[object]()

    def counted(matrix: object) -> object:
        seen.append(matrix)
        return decompose(matrix)

    monkeypatch.setattr(np.linalg, "eigh", counted)
    nearest_correlation(np.array([[1.0, 0.3], [0.3, 1.0]]))
    assert len(seen) == 2
    assert nearest_correlation(np.array([[1.0, 2.0], [2.0, 1.0]])) == pytest.approx(np.ones((2, 2)))
    assert len(seen) - 2 == 33 + 1


def test_a_matrix_of_stated_correlations() -> None:
    """2 sin(π/12) between a and b, which names c is not in; a name with itself is 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m = correlation_matrix(["b", "a"], {("a", "b"): 0.5, ("a", "c"): 0.9, ("a", "a"): 0.2, ("b", "d"): -1.0})
    r = 2 * math.sin(math.pi / 12)
    assert m == pytest.approx(np.array([[1.0, r], [r, 1.0]]))
    assert correlation_matrix([], {}).shape == (0, 0)
    for rho in (1.01, -1.01):
        with pytest.raises(RangeError, match="correlation of a and b"):
            correlation_matrix(["a", "b"], {("a", "b"): rho})
    with pytest.warns(CorrelationWarning, match=r"stated for a, b, c cannot .* moved by 0\.[0-9]{3}$"):
        correlation_matrix(["a", "b", "c"], {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9})
    with pytest.warns(CorrelationWarning):  # two that are one: no factor exists
        correlation_matrix(["a", "b"], {("a", "b"): 1.0})


def test_groups_linked_by_a_correlation() -> None:
    pairs = [("a", "b"), ("c", "d"), ("e", "f"), ("d", "a")]
    assert correlated_groups(pairs) == [["e", "f"], ["a", "b", "c", "d"]]
    assert correlated_groups([("b", "a"), ("c", "b")]) == [["b", "a", "c"]]


# ---- marginals


def test_one_over_an_interval() -> None:
    assert Interval(2.0, 4.0, 8.0).inverse() == (0.125, 0.25, 0.5)
    for around_zero in (Interval(-1.0, 1.0, 2.0), Interval(-2.0, -1.0, 0.0)):
        with pytest.raises(RangeError, match="zero lies between"):
            around_zero.inverse()


def test_scales_of_the_metalog() -> None:
    """ln((x - l)/(u - x)), ln(x - l), -ln(u - x) or x itself, and back."""
    x = np.array([2.0, 3.0])
    for bounds, z in (
        ((1.0, 5.0), [math.log(1 / 3), 0.0]),
        ((1.0, None), [0.0, math.log(2)]),
        ((None, 5.0), [-math.log(3), -math.log(2)]),
        ((None, None), [2.0, 3.0]),
    ):
        assert to_scale(x, *bounds) == pytest.approx(z)
        assert from_scale(np.array(z), *bounds) == pytest.approx(x)


def test_coefficients_of_the_metalog() -> None:
    """Through p10, p50 and p90: a1 the median, a2 = (z90 - z10)/(2 ln 9), a3 = (z10 + z90 - 2 z50)/(0.8 ln 9)."""
    a1, a2, a3 = metalog_coefficients(P3, (1.0, 3.0, 6.0))
    assert (a1, a2, a3) == pytest.approx((3.0, 5 / (2 * LN9), 1 / (0.8 * LN9)))
    u = np.array([0.1, 0.5, 0.9, 0.75])
    z = metalog_scale(np.log(u / (1 - u)), u, (a1, a2, a3))
    assert z == pytest.approx([1.0, 3.0, 6.0, 3 + math.log(3) * (a2 + 0.25 * a3)])
    assert metalog_scale(np.log(u / (1 - u)), u, (3.0, 1.0, 0.0))[3] == pytest.approx(3 + math.log(3))


def test_where_a_metalog_exists() -> None:
    """The ratio is 1/max of (u - 1/2) + u (1 - u) ln(u/(1 - u)): beyond it the function falls somewhere."""
    u = np.linspace(0.5, 1.0, 20_001)[:-1]
    largest = ((u - 0.5) + u * (1 - u) * np.log(u / (1 - u))).max()
    assert pytest.approx(1 / largest, rel=1e-5) == FEASIBLE_RATIO
    # the middle of 0 and 1 at the end of the range: 1/2 -+ 0.2 times the ratio
    low, high = metalog_feasible_middle(P3, 0.0, 1.0, None, None)
    assert (low, high) == pytest.approx((0.5 - 0.2 * FEASIBLE_RATIO, 0.5 + 0.2 * FEASIBLE_RATIO))
    # from 1 to e with a lower bound of 0 the same on the logarithmic scale
    low, high = metalog_feasible_middle(P3, 1.0, math.e, 0.0, None)
    assert (math.log(low), math.log(high)) == pytest.approx((0.5 - 0.2 * FEASIBLE_RATIO, 0.5 + 0.2 * FEASIBLE_RATIO))
    metalog_coefficients(P3, (0.0, 0.5 + 0.1999 * FEASIBLE_RATIO, 1.0))
    for middle in (0.5 - 0.2001 * FEASIBLE_RATIO, 0.5 + 0.2001 * FEASIBLE_RATIO):
        with pytest.raises(DistributionError, match="would fall"):
            metalog_coefficients(P3, (0.0, middle, 1.0))
    with pytest.raises(DistributionError, match="would fall"):
        metalog_coefficients(P3, (1.0, 0.5, 0.0))


def test_quantiles_of_families() -> None:
    """At 0.75: ln 3/(2 ln 9) = 1/4 of the width of a symmetric metalog; 0.674490/1.281552 of half a normal's;
    straight lines for the rest.
    """
    u = np.array([0.5, 0.75])
    assert quantile(make_marginal("metalog", P3, (1.0, 2.0, 3.0)), u) == pytest.approx([2.0, 2.5])
    assert quantile(make_marginal("metalog", P3, (1.0, 4.0, 16.0), 0.0), u) == pytest.approx([4.0, 8.0])
    assert quantile(make_marginal("normal", (0.1, 0.9), (1.0, 3.0)), u) == pytest.approx([2.0, 2 + 0.6744898 / Z90])
    half = 0.6744898 / Z90
    assert quantile(make_marginal("lognormal", (0.1, 0.9), (1.0, 16.0)), u) == pytest.approx([4.0, 4 * 4**half])
    assert quantile(make_marginal("lognormal", (0.1, 0.9), (2.0, 17.0), 1.0), u) == pytest.approx(
        [5.0, 1 + 4 * 4**half]
    )
    logit = make_marginal("normal", (0.1, 0.9), (0.2, 0.8), 0.0, 1.0)
    assert quantile(logit, u) == pytest.approx([0.5, 1 / (1 + 0.25**half)])
    assert quantile(make_marginal("uniform", (0.1, 0.9), (1.0, 9.0)), u) == pytest.approx([5.0, 7.5])
    assert quantile(make_marginal("loguniform", (0.1, 0.9), (1.0, 256.0)), u) == pytest.approx(
        [16.0, 2 ** (8 * 0.8125)]
    )
    lines = make_marginal("piecewise", (0.2, 0.5, 1.0), (1.0, 2.0, 4.0))
    assert quantile(lines, np.array([0.0, 0.2, 0.35, 0.75])) == pytest.approx([1.0, 1.0, 1.5, 3.0])
    assert quantile(point(3.0), np.array([0.1, 0.9])).tolist() == [3.0, 3.0]
    assert np.all(np.isfinite(quantile(make_marginal("normal", (0.1, 0.9), (1.0, 3.0)), np.array([0.0, 1.0]))))


def test_marginals_that_are_points() -> None:
    for family, p in (("metalog", P3), ("normal", (0.1, 0.9)), ("uniform", (0.0, 1.0))):
        assert make_marginal(family, p, (2.0,) * len(p), 2.0, 2.5).is_point
    assert not make_marginal("piecewise", (0.0, 1.0), (2.0, 2.0)).is_point
    assert make_marginal("point", (0.5,), (math.inf,)).values == (math.inf,)


@pytest.mark.parametrize(
    ("family", "p", "x", "lower", "upper", "told"),
    [
        ("metalog", P3, (1.0, 2.0), None, None, "3 probabilities but 2 values"),
        ("piecewise", (0.5,), (1.0,), None, None, "needs 2 to 99 quantiles, got 1"),
        ("normal", (0.1, 0.2, 0.3, 0.4), (1, 2, 3, 4), None, None, "needs 2 to 3 quantiles, got 4"),
        ("normal", (0.5,), (1,), None, None, "needs 2 to 3 quantiles, got 1"),
        ("uniform", P3, (1, 2, 3), None, None, "needs 2 quantiles, got 3"),
        ("normal", (0.0, 0.9), (1, 2), None, None, "must rise within"),
        ("normal", (0.1, 1.0), (1, 2), None, None, "must rise within"),
        ("metalog", (0.1, 0.5, 1.0), (1, 2, 3), None, None, "must rise within"),
        ("uniform", (0.5, 0.5), (1, 2), None, None, "must rise within"),
        ("uniform", (-0.1, 0.5), (1, 2), None, None, "must rise within"),
        ("normal", (0.1, 0.9), (2, 1), None, None, "must not fall"),
        ("normal", (0.1, 0.9), (1, math.inf), None, None, "finite"),
        ("metalog", P3, (1, 2, 3), 4.0, 4.0, "is not below upper bound"),
        ("metalog", P3, (1, 2, 3), 1.0, None, "not above the lower bound"),
        ("metalog", P3, (1, 2, 3), None, 3.0, "not below the upper bound"),
        ("normal", (0.1, 0.9), (1, 3), 1.5, None, "not above the lower bound"),
        ("normal", (0.1, 0.9), (1, 3), None, 2.5, "not below the upper bound"),
        ("normal", (0.1, 0.9), (1, 3), 1.0, None, "touch a bound"),
        ("lognormal", (0.1, 0.9), (0, 3), None, None, "positive quantiles"),
        ("loguniform", (0.0, 1.0), (0, 3), None, None, "positive quantiles"),
        ("normal", P3, (0.0, 0.449, 1.0), None, None, r"the middle is 0\.5"),
        ("metalog", P3, (0.0, 0.9, 1.0), None, None, r"between 0\.166578 and 0\.833422"),
    ],
)
def test_impossible_marginals(
    family: str, p: tuple[float, ...], x: tuple[float, ...], lower: float | None, upper: float | None, told: str
) -> None:
    with pytest.raises(DistributionError, match=told):
        make_marginal(family, p, x, lower, upper)


def test_marginals_that_are_just_possible() -> None:
    assert make_marginal("normal", P3, (0.0, 0.451, 1.0)).coefficients == pytest.approx((0.5, 0.5 / Z90))
    assert make_marginal("piecewise", (0.0, 0.5, 1.0), (1.0, 1.0, 2.0)).family == "piecewise"
    assert make_marginal("uniform", (0.0, 1.0), (1.0, 3.0)).coefficients == pytest.approx((1.0, 2.0))
    assert make_marginal("lognormal", (0.1, 0.9), (1.0, 3.0)).lower == 0.0
    assert make_marginal("lognormal", (0.1, 0.9), (-1.0, 3.0), -2.0).lower == -2.0


@pytest.mark.parametrize(
    ("text", "family", "levels", "values"),
    [
        ("3", "point", (0.5,), (3,)),
        (" 1 .. 9 ", "normal", (0.1, 0.9), (1, 9)),
        ("1..3..9", "metalog", P3, (1, 3, 9)),
        ("p5 1 p95 9", "normal", (0.05, 0.95), (1, 9)),
        ("P2.5 1 p50 3 p97.5 9", "metalog", (0.025, 0.5, 0.975), (1, 3, 9)),
        ("p1 1 p25 2 p50 3 p95 9", "piecewise", (0.01, 0.25, 0.5, 0.95), (1, 2, 3, 9)),
        ("uniform( 1, 9 )", "uniform", (0.0, 1.0), (1, 9)),
        ("loguniform(1, 9)", "loguniform", (0.0, 1.0), (1, 9)),
        ("normal(1, 9)", "normal", (0.1, 0.9), (1, 9)),
        ("metalog(1, 3, 9)", "metalog", P3, (1, 3, 9)),
        ("piecewise(0:1, 0.5:3, 1:9)", "piecewise", (0, 0.5, 1), (1, 3, 9)),
        ("point(4)", "point", (0.5,), (4,)),
    ],
)
def test_how_a_number_is_written(text: str, family: str, levels: tuple[float, ...], values: tuple[float, ...]) -> None:
    m = parse_marginal(text, float, 0.0, None)
    assert (m.family, m.levels, m.values) == (family, pytest.approx(levels), values)
    assert parse_marginal(5.0, float, None, None).values == (5.0,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1..2..3..4", "expected p10"),
        ("gamma(1, 2)", "unknown distribution 'gamma'"),
        ("piecewise(1, 2)", "probability:value pairs"),
        ("piecewise(a:1, b:2)", "probabilities are not numbers"),
        ("metalog(1)", "expected 2 or 3 quantiles, got 1"),
        ("normal(1, 2, 3, 4)", "expected 2 or 3 quantiles, got 4"),
        ("uniform(1)", "needs 2 quantiles, got 1"),
        ("point(1, 2)", "needs 1 quantiles, got 2"),
    ],
)
def test_how_a_number_is_not_written(text: str, told: str) -> None:
    with pytest.raises(DistributionError, match=told):
        parse_marginal(text, float, None, None)


# ---- quantiles and samples


def test_quantiles_lie_on_straight_lines() -> None:
    """Of 1, 2, 4, 8 the place of 0.4 is 1.2: 2 + 0.2·2."""
    values = np.array([[8.0, 1.0, 4.0, 2.0], [3.0, 3.0, 3.0, np.inf]])
    got = quantiles(values, (0.0, 0.4, 1.0))
    assert got[0] == pytest.approx([1.0, 2.4, 8.0])
    assert got[1].tolist() == [3.0, 3.0, np.inf]
    assert quantiles(values[1], (2 / 3, 0.9)).tolist() == [3.0, np.inf]
    assert quantiles(np.array([np.inf, np.inf]), (0.5,)).tolist() == [np.inf]


def test_a_weighted_quantile() -> None:
    """Weights of 1, 2 and 1 have their middles at 1/8, 1/2 and 7/8: 0.3125 lies halfway between two of them."""
    assert weighted_quantile([5.0, 1.0, 2.0], [1.0, 1.0, 2.0], 0.3125) == pytest.approx(1.5)
    assert weighted_quantile([5.0, 1.0, 2.0], [1.0, 1.0, 2.0], 0.6875) == pytest.approx(3.5)
    assert weighted_quantile([5.0, 1.0], [1.0, 1.0], 0.0) == 1.0


def test_correlated_points() -> None:
    """Normal scores 1 and -1 with r = 2 sin(π/12): the second is r - √(1 - r²)."""
    uniform = make_marginal("uniform", (0.0, 1.0), (0.0, 1.0))
    joint = make_joint({"a": uniform, "b": uniform, "c": uniform, "d": point(7.0)}, {("a", "c"): 0.5, ("a", "d"): 0.9})
    assert joint.size == 4
    u = np.array([[0.8413447460685429], [0.3], [0.15865525393145707], [0.5]])
    got = transform(joint, u)
    r = 2 * math.sin(math.pi / 12)
    z = r - math.sqrt(1 - r * r)
    assert got["a"] == pytest.approx(u[0])
    assert got["c"] == pytest.approx([0.5 * (1 + math.erf(z / math.sqrt(2)))])
    assert (got["b"].tolist(), got["d"].tolist()) == ([0.3], [7.0])
    # in the order given, whatever the order of names; correlations of what is not there are left out
    turned = make_joint({"a": uniform, "b": uniform}, {("a", "b"): 0.5, ("a", "z"): 0.5, ("a", "y"): 0.0}, ["b", "a"])
    assert dict(turned.dimensions) == {"b": 0, "a": 1}
    assert [g[0] for g in turned.groups] == [("b", "a")]
    got = transform(turned, np.array([[0.3], [0.6]]))
    assert got["b"] == pytest.approx([0.3])
    three = make_joint(dict.fromkeys("abc", uniform), {("a", "b"): 0.5, ("b", "c"): 0.5})
    assert three.groups[0][1][2, 0] == pytest.approx(0.0)
    ends = transform(three, np.array([[0.0, 1.0]] * 3))
    assert all(np.all(np.isfinite(v)) for v in ends.values())


def test_points_in_blocks() -> None:
    """The first points do not depend on the block; extra streams are drawn by name; there is at least one dimension."""
    whole = next(sobol_blocks(2, 10, 3))
    assert whole.shape == (2, 10)
    parts = list(sobol_blocks(2, 10, 3, block=4))
    assert [p.shape[1] for p in parts] == [4, 4, 2]
    assert np.concatenate(parts, axis=1).tolist() == whole.tolist()
    more = np.concatenate(list(sobol_blocks(2, 10, 3, block=4, extra=("x", "y"))), axis=1)
    assert more[:2].tolist() == whole.tolist()
    other = next(sobol_blocks(2, 10, 3, extra=("y",)))
    assert other[2].tolist() == more[3].tolist()
    assert more[2].tolist() != more[3].tolist()
    assert next(sobol_blocks(0, 4, 0)).shape == (1, 4)
    assert not whole.flags.writeable
    assert next(sobol_blocks(1, 5000, 0)).shape == (1, 5000)


def test_samples_of_a_joint() -> None:
    """A uniform from 2 to 4 is 2 + 2u of its own dimension, in as many blocks as needed."""
    joint = make_joint({"a": make_marginal("uniform", (0.0, 1.0), (2.0, 4.0)), "b": point(5.0)})
    got = sample(joint, 20_000, seed=7)
    assert got["a"].shape == (20_000,)
    assert got["a"][:100] == pytest.approx(2 + 2 * next(sobol_blocks(2, 100, 7))[0])
    assert got["b"].tolist() == [5.0]


def test_seeds() -> None:
    assert check_seed(0) == 0
    assert check_seed(np.int64(7)) == 7  # type: ignore[arg-type]
    for seed in (-1, 1.0, True, "1"):
        with pytest.raises(RangeError, match="expected a whole number"):
            check_seed(seed)  # type: ignore[arg-type]


# ---- scores


def test_the_crps_by_hand() -> None:
    """Draws 1, 2, 6 and a truth of 3: the mean distance is (2 + 1 + 3)/3 = 2, the pairs are 1, 5 and 4 apart: 2·10/9,
    half of which is 10/9.
    """
    assert crps(np.array([6.0, 1.0, 2.0]), 3.0) == pytest.approx(2 - 10 / 9)


def test_the_interval_score_by_hand() -> None:
    """2 wide, and 2/0.2 = 10 for each unit of a miss; at a level of 0.5 four."""
    assert interval_score(1.0, 3.0, 2.0) == pytest.approx(2.0)
    assert interval_score(1.0, 3.0, 3.5) == pytest.approx(7.0)
    assert interval_score(1.0, 3.0, 0.5, 0.5) == pytest.approx(4.0)


def test_a_total_index_by_hand() -> None:
    """f = 0, 2, 4 has a variance of 8/3; with the input from elsewhere 1, 2, 2: half of the mean of 1, 0, 4 is 5/6."""
    estimate, low, high = jansen_total(np.array([0.0, 2.0, 4.0]), np.array([1.0, 2.0, 2.0]))
    assert estimate == pytest.approx(5 / 16)
    assert 0.0 <= low <= estimate <= high


def test_the_interval_of_a_total_index() -> None:
    """f is 1 or -1, the other one independent of it: half of the squared difference is 0 or 2, with a mean and a spread
    of 1, so that the mean of 1,000 spreads by √(1/1,000), and p10 and p90 lie 1.28 of it away.
    """
    rng = np.random.default_rng(1)
    a, b = rng.choice([-1.0, 1.0], (2, 1000))
    estimate, low, high = jansen_total(a, b)
    assert estimate == pytest.approx(1.0, abs=0.1)
    assert high - low == pytest.approx(2 * Z90 * math.sqrt(1 / 1000), rel=0.25)
    assert jansen_total(a, b) == (estimate, low, high)
    assert jansen_total(a, b, seed=1) != (estimate, low, high)
    assert jansen_total(np.ones(3), np.zeros(3)) == (0.0, 0.0, 0.0)
    # resamples that happen to be all alike count as zero
    few = jansen_total(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    assert few[1] == 0.0
