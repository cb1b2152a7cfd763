"""How much quality a router buys with how many calls of the strong model.

With quality of the weak model ``w``, of the strong one ``s`` and a share ``c`` of calls sent to the strong one,
the performance gap recovered is PGR(c) = (r(c) - w)/(s - w), APGR the area under it, CPT(x) the share at
which PGR reaches x (RouteLLM, arXiv:2406.18665).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.errors import InputError
from liebig.uncertainty import Interval

__all__ = ["Curve", "apgr_by_bins", "curve_of", "interval_of_known", "intervals", "oracle_order"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Quality against the share of calls to the strong model.

    Args:
        share: of calls to the strong model, from 0 to 1, shape ``(k,)``; a step per group of tied scores.
        quality: mean at that share, shape ``(k,)``.
        cost: share of the strong model's cost (or tokens) at that share, where costs were given.
    """

    share: Array
    quality: Array
    cost: Array | None = None

    @property
    def weak(self) -> float:
        """Mean quality of the weak model."""
        return float(self.quality[0])

    @property
    def strong(self) -> float:
        """Mean quality of the strong model."""
        return float(self.quality[-1])

    @property
    def pgr(self) -> Array:
        """Performance gap recovered; of no gap, nan."""
        gap = self.strong - self.weak
        return (self.quality - self.weak) / gap if gap else np.full(self.share.shape, np.nan)

    @property
    def apgr(self) -> float:
        """Area under PGR; 0.5 is what chance gives."""
        return float(np.trapezoid(self.pgr, self.share))

    def share_at(self, recovered: float) -> float:
        """Least share of calls to the strong model that recovers a part of the gap (CPT)."""
        return _first(self.share, self.pgr, recovered)

    def share_for_quality(self, part: float = 0.95) -> float:
        """Least share of calls to the strong model that has a part of the strong model's quality."""
        return _first(self.share, self.quality, part * self.strong)


def _first(share: Array, height: Array, least: float) -> float:
    """Where a broken line first reaches a height."""
    above = np.flatnonzero(height >= least - 1e-12)
    if above.size == 0:
        return float("nan")
    i = int(above[0])
    if i == 0 or height[i] == height[i - 1]:
        return float(share[i])
    part = (least - height[i - 1]) / (height[i] - height[i - 1])
    return float(share[i - 1] + np.clip(part, 0.0, 1.0) * (share[i] - share[i - 1]))


def curve_of(
    score: ArrayLike, weak: ArrayLike, strong: ArrayLike, cost: tuple[ArrayLike, ArrayLike] | None = None
) -> Curve:
    """The exact curve; requests of equal score are sent together, in the share that chance would.

    Args:
        score: how much the strong model is needed, shape ``(n,)``; the highest go there first.
        weak: quality of the weak model, shape ``(n,)``.
        strong: quality of the strong model, shape ``(n,)``.
        cost: of the weak and the strong model for each request.

    Raises:
        InputError: no request, different lengths, or a score that is no number.

    >>> c = curve_of([0.9, 0.5, 0.1], [0, 0, 1], [1, 1, 1])
    >>> c.share_at(1.0), round(c.apgr, 4)
    (0.666..., 0.6667)
    """
    s, w, g = (np.asarray(x, dtype=np.float64) for x in (score, weak, strong))
    if s.size == 0 or s.ndim != 1 or not s.shape == w.shape == g.shape:
        raise InputError(f"scores and qualities have shapes {s.shape}, {w.shape}, {g.shape}; expected one number each")
    if not np.all(np.isfinite(s)):
        raise InputError(f"{int((~np.isfinite(s)).sum())} of {s.size} scores are not numbers")
    order = np.argsort(-s, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(s[order]) != 0.0, True])
    at = np.r_[0, last + 1]
    quality = w.mean() + np.r_[0.0, np.cumsum((g - w)[order])][at] / s.size
    spent = None
    if cost is not None:
        cheap, dear = (np.broadcast_to(np.asarray(x, dtype=np.float64), s.shape) for x in cost)
        spent = (cheap.sum() + np.r_[0.0, np.cumsum((dear - cheap)[order])][at]) / dear.sum()
    return Curve(at / s.size, quality, spent)


def apgr_by_bins(score: ArrayLike, weak: ArrayLike, strong: ArrayLike, bins: int = 10) -> float:
    """APGR as RouteLLM's code takes it: thresholds at quantiles of the scores, trapezia over shares of calls.

    Raises:
        InputError: scores so tied that two quantiles coincide, as the original fails there too.

    >>> round(apgr_by_bins(np.arange(100.0), np.zeros(100), np.ones(100)), 3)
    0.5
    """
    s, w, g = (np.asarray(x, dtype=np.float64) for x in (score, weak, strong))
    edges = np.quantile(s, np.linspace(0.0, 1.0, bins + 1))
    if np.unique(edges).size < edges.size:
        raise InputError(f"scores are tied: {bins} quantiles cannot be told apart; take the exact curve")
    shares, qualities = [], []
    for edge in [*edges[:-1], np.inf]:
        sent = s >= edge
        shares.append(sent.mean())
        qualities.append(np.where(sent, g, w).mean())
    share, quality = np.array(shares[::-1]), np.array(qualities[::-1])
    gap = g.mean() - w.mean()
    return float(np.trapezoid((quality - w.mean()) / gap, share))


def oracle_order(weak: ArrayLike, strong: ArrayLike) -> Array:
    """The score of a router that knows both answers' quality."""
    return np.asarray(strong, dtype=np.float64) - np.asarray(weak, dtype=np.float64)


def intervals(
    score: ArrayLike, weak: ArrayLike, strong: ArrayLike, draws: int = 200, seed: int = 0
) -> dict[str, Interval]:
    """Intervals of APGR, CPT50, CPT80 and the share at 95 % quality, by bootstrap over requests."""
    s, w, g = (np.asarray(x, dtype=np.float64) for x in (score, weak, strong))
    rng = np.random.default_rng(seed)
    found: list[tuple[float, ...]] = []
    for _ in range(draws):
        at = rng.integers(0, s.size, s.size)
        c = curve_of(s[at], w[at], g[at])
        found.append((c.apgr, c.share_at(0.5), c.share_at(0.8), c.share_for_quality(0.95)))
    names = ("apgr", "cpt50", "cpt80", "share_at_95")
    return {n: interval_of_known(np.array(values)) for n, values in zip(names, zip(*found, strict=True), strict=True)}


def interval_of_known(values: Array) -> Interval:
    """Over the draws in which there is a value; a draw may have no gap to recover, or never reach a quality."""
    return Interval.of(values[np.isfinite(values)])


def summary(score: ArrayLike, weak: ArrayLike, strong: ArrayLike, draws: int = 200) -> dict[str, Any]:
    """Point values and intervals of one router on one set."""
    c = curve_of(score, weak, strong)
    try:
        binned: float | None = apgr_by_bins(score, weak, strong)
    except InputError:
        binned = None
    return {
        "requests": int(np.size(score)), "weak": c.weak, "strong": c.strong, "apgr": c.apgr, "apgr_by_bins": binned,
        "cpt50": c.share_at(0.5), "cpt80": c.share_at(0.8), "share_at_95": c.share_for_quality(0.95),
        "intervals": intervals(score, weak, strong, draws),
    }  # fmt: skip
