"""Thresholds with a promise: at least a part of the strongest model's quality, at a stated confidence.

A request goes to the cheapest model whose expected loss of quality next to the strongest stays below a threshold.
Thresholds are tried from the strictest on; each is kept while a test by betting rejects that the promise is broken
(Waudby-Smith and Ramdas 2024; fixed-sequence testing after Angelopoulos et al. 2021).  That holds for any number of
labels, without assumptions on their distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liebig.errors import InputError, RangeError
from liebig.route.learn.data import Labelled
from liebig.route.router import Calibrated, LearnedRouter, RuleRouter, unseen, with_calibration

__all__ = [
    "THRESHOLDS",
    "calibrate",
    "chosen_by_loss",
    "losses_of",
    "p_value",
    "spending_curve",
    "threshold_for_spending",
]

Array = NDArray[np.float64]
#: Tried in this order, whatever the data: their number costs nothing, as the first failure ends the trial.
THRESHOLDS = np.concatenate([[-np.inf], np.linspace(-0.5, 1.0, 301)])
#: Promises that are calibrated unless others are asked for.
QUALITIES = (0.9, 0.95, 0.98, 0.99)


def losses_of(scores: Array) -> Array:
    """Expected loss of quality by each model next to the last, shape ``(n, models)``.

    >>> losses_of(np.array([[0.6, 0.9]])).round(2).tolist()
    [[0.3, 0.0]]
    """
    return scores[:, -1:] - scores


def chosen_by_loss(losses: Array, threshold: float) -> NDArray[np.intp]:
    """Index of the first (cheapest) model whose loss stays at or below a threshold; otherwise the last.

    >>> chosen_by_loss(np.array([[0.3, 0.1, 0.0], [0.01, 0.0, 0.0]]), 0.1).tolist()
    [1, 0]
    """
    fine = losses <= threshold
    fine[:, -1] = True
    return np.argmax(fine, axis=1)


def p_value(values: Array, low: float, high: float, alpha: float, seed: int = 0) -> float:
    """p-value of the hypothesis that the mean of bounded values is at most 0, valid for any sample size.

    Args:
        values: independent, shape ``(n,)``.
        low: least possible value, below 0.
        high: largest possible value.
        alpha: level that the bets are sized for.
        seed: of the order in which values are taken.

    >>> good = np.full(200, 0.05)
    >>> p_value(good, -0.95, 1.0, 0.1) < 0.1 < p_value(-good, -0.95, 1.0, 0.1)
    True
    """
    if not low < 0.0 < high or values.size == 0:
        return 1.0
    x = np.random.default_rng(seed).permutation((values - low) / (high - low))
    null = -low / (high - low)
    count = np.arange(1, x.size + 1)
    mean = (0.5 + np.cumsum(x)) / (count + 1.0)
    spread = (0.25 + np.cumsum((x - mean) ** 2)) / (count + 1.0)
    before = np.r_[0.25, spread[:-1]]  # a bet may only know what came before it
    bets = np.minimum(np.sqrt(2.0 * math.log(1.0 / alpha) / (before * x.size)), 0.9 / null)
    wealth = np.cumsum(np.log1p(bets * (x - null)))
    return float(min(1.0, math.exp(-max(0.0, float(wealth.max())))))


def _check(quality: float, confidence: float) -> None:
    if not 0.0 < quality < 1.0:
        raise RangeError(f"quality {quality} lies outside 0 to 1; 0.95 is 95 % of the strongest model's")
    if not 0.5 <= confidence < 1.0:
        raise RangeError(f"confidence {confidence} lies outside 0.5 to 1; 0.9 is usual")


def calibrate(
    router: RuleRouter | LearnedRouter,
    data: Labelled,
    qualities: Sequence[float] = QUALITIES,
    confidence: float = 0.9,
) -> RuleRouter | LearnedRouter:
    """The router with a threshold for each promise, from labels that it was not trained on.

    Args:
        router: its scores order requests; they need not be right for the promise to hold.
        data: labelled requests like those to come; rows that the router was trained on are left out.
        qualities: shares of the strongest model's quality.
        confidence: with which each promise holds.

    Raises:
        InputError: no labels are left, or negative ones.
        RangeError: a quality or confidence outside its range.
    """
    for quality in qualities:
        _check(quality, confidence)
    data = unseen(router, data.of(router.models), "calibration")
    if float(data.quality.min()) < 0.0:
        raise InputError("qualities must not be negative")
    losses = losses_of(router.score(data.requests))
    # bounds of the test, which must not come from the labels alone
    top = max(1.0, float(data.quality.max()), router.scale)
    found = [_threshold(losses, data.quality, q, confidence, top) for q in sorted(qualities)]
    return with_calibration(router, found, losses[:, 0])


def _threshold(losses: Array, quality: Array, target: float, confidence: float, top: float = 1.0) -> Calibrated:
    """The largest threshold that keeps the promise; ``top`` is the best quality that can be."""
    alpha = _level(confidence)
    rows = np.arange(len(quality))
    best, kept = -np.inf, 0.0
    for threshold in THRESHOLDS:
        chosen = chosen_by_loss(losses, threshold)
        excess = quality[rows, chosen] - target * quality[:, -1]
        if p_value(excess, -target * top, top, alpha) > alpha:
            break
        best, kept = float(threshold), float(np.mean(chosen < losses.shape[1] - 1))
    missing = 0 if kept > 0 else _missing(losses, quality, target, alpha)
    return Calibrated(target, confidence, best, kept, len(quality), missing)


def _level(confidence: float) -> float:
    """Level of the test, such that the promise is kept by the next batch as large as the calibration too.

    What users see is the mean of a batch, which strays from the true mean as the calibration does: the difference of
    both has the square root of two times the spread.

    >>> round(_level(0.9), 3)
    0.035
    """
    from scipy.special import ndtr, ndtri

    return float(ndtr(-math.sqrt(2.0) * ndtri(confidence)))


def _missing(losses: Array, quality: Array, target: float, alpha: float) -> int:
    """Labels beyond those given that a saving would take, if further ones are alike; 0 where none is in sight."""
    rows = np.arange(len(quality))
    needed = math.inf
    for threshold in THRESHOLDS:
        chosen = chosen_by_loss(losses, threshold)
        excess = quality[rows, chosen] - target * quality[:, -1]
        mean = float(excess.mean())
        if np.mean(chosen < losses.shape[1] - 1) > 0.02 and mean > 0:
            spread = float(excess.var()) + target**2 / len(quality)  # no spread among few says little
            needed = min(needed, 2.0 * math.log(1.0 / alpha) * spread / mean**2)
    return round(max(needed - len(quality), 0.1 * len(quality), 1)) if math.isfinite(needed) else 0


def spending_curve(losses: Array, prices: Array) -> tuple[Array, Array]:
    """Thresholds from the strictest on, and the mean price at each, USD per million tokens.

    Args:
        losses: shape ``(n, models)``, of requests like those to come.
        prices: of each model, USD per million tokens, shape ``(models,)``.

    >>> spending_curve(np.array([[0.4, 0.0], [0.1, 0.0]]), np.array([1.0, 3.0]))[1].tolist()
    [3.0, 2.0, 1.0]
    """
    tried = np.unique(losses[:, :-1])
    if tried.size > 400:
        tried = np.unique(np.quantile(tried, np.linspace(0.0, 1.0, 400)))
    tried = np.r_[-np.inf, tried]
    return tried, np.array([prices[chosen_by_loss(losses, t)].mean() for t in tried])


def threshold_for_spending(curve: tuple[Array, Array], usd_per_mtok: float) -> float:
    """Strictest threshold at which the mean price stays within a target.

    Raises:
        RangeError: below the price of the cheapest model.

    >>> threshold_for_spending((np.array([-np.inf, 0.1, 0.4]), np.array([3.0, 2.0, 1.0])), 2.5)
    0.1
    """
    thresholds, prices = curve
    within = np.flatnonzero(prices <= usd_per_mtok + 1e-12)
    if within.size == 0:
        raise RangeError(
            f"{usd_per_mtok:g} USD per million tokens is less than the cheapest model costs ({prices.min():g})"
        )
    return float(thresholds[within[0]])
