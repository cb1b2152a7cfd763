"""A router on labelled traffic: what it saves at a quality, next to chance, length and one that knows everything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.route.learn.calibrate import losses_of
from liebig.route.learn.data import Labelled
from liebig.route.learn.evaluate import Curve, curve_of, interval_of_known, oracle_order, summary
from liebig.route.router import LearnedRouter, RuleRouter, unseen
from liebig.route.rules import need_by_rule

__all__ = ["Assessment", "assess"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Assessment:
    """How a router and its yardsticks do between the weakest and the strongest model.

    Args:
        weak: name of the weakest model.
        strong: name of the strongest.
        rows: a summary per router, with 80 % intervals.
        curves: quality against the share of calls to the strong model, by router.
        left_out: rows that the router was trained on and that do not count.
    """

    weak: str
    strong: str
    rows: tuple[dict[str, Any], ...]
    curves: dict[str, Curve]
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        """Everything but the curves."""
        return {"weak": self.weak, "strong": self.strong, "left_out": self.left_out, "routers": list(self.rows)}


def assess(
    router: RuleRouter | LearnedRouter, data: Labelled, draws: int = 200, prices: tuple[float, float] | None = None
) -> Assessment:
    """Assess a router on rows that it was not trained on.

    Args:
        router: to assess.
        data: labelled requests.
        draws: of the bootstrap.
        prices: USD per million tokens of the weak and the strong model, where rows tell no cost.

    Raises:
        InputError: no labels of the router's weakest or strongest model, or all rows were trained on.
    """
    weak, strong = router.models[0], router.models[-1]
    labelled = data.of((weak, strong)).usable()
    data = unseen(router, labelled, "an assessment")
    left_out = len(labelled) - len(data)
    w, s = data.quality.T
    scores: dict[str, Array] = {
        router.name: losses_of(router.score(data.requests))[:, 0],
        "random": np.zeros(len(data)),  # ties are sent as chance would: the mean over all orders
        "length": need_by_rule("length", data.requests),
        "oracle": oracle_order(w, s),
    }
    cost, tokens = _cost(data, prices), _tokens(data)
    rows, curves = [], {}
    for name, score in scores.items():
        curves[name] = curve_of(score, w, s, cost)
        row = {"router": name, **summary(score, w, s, draws)}
        looks = bool(router.looks_at) and name == router.name
        rows.append(row | _saved(score, w, s, cost, tokens, looks, draws))
    return Assessment(weak, strong, tuple(rows), curves, left_out)


def _cost(data: Labelled, prices: tuple[float, float] | None) -> tuple[Array, Array] | None:
    """USD of each request on the weak and on the strong model."""
    cost = data.cost
    if prices is not None and not np.isfinite(cost).all():
        known = np.isfinite(data.tokens)
        usual = float(data.tokens[known].mean()) if known.any() else 1.0
        cost = np.where(known, data.tokens, usual) * np.array(prices) / 1e6
    if not np.isfinite(cost).all():
        return None
    return cost[:, 0], cost[:, 1]


def _tokens(data: Labelled) -> Array | None:
    return data.tokens if np.isfinite(data.tokens).all() else None


def _saved(
    score: Array,
    weak: Array,
    strong: Array,
    cost: tuple[Array, Array] | None,
    tokens: Array | None,
    looks: bool,
    draws: int,
) -> dict[str, Any]:
    """Shares of calls, tokens and USD saved next to the strong model alone at 95 % of its quality, as intervals."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        at = rng.integers(0, score.size, score.size)
        paid = None if cost is None else (cost[0][at], cost[1][at])
        said = None if tokens is None else tokens[at, 1]
        found.append(_at_quality(score[at], weak[at], strong[at], paid, said, looks))
    out: dict[str, Any] = {}
    for name, values in zip(("calls_saved", "tokens_saved", "usd_saved"), np.array(found).T, strict=True):
        if np.isfinite(values).any():
            out[name] = interval_of_known(values)
    return out


def _at_quality(
    score: Array, weak: Array, strong: Array, cost: tuple[Array, Array] | None, tokens: Array | None, looks: bool
) -> tuple[float, float, float]:
    """Shares of calls, tokens and USD saved; not a number where unknown."""
    share = curve_of(score, weak, strong).share_for_quality(0.95)
    if math.isnan(share):
        return math.nan, math.nan, math.nan
    count = math.ceil(share * score.size)
    sent = np.zeros(score.size, dtype=bool)
    sent[np.argsort(-score, kind="stable")[:count]] = True
    spared = math.nan if tokens is None else 1.0 - float(tokens[sent].sum() / max(tokens.sum(), 1e-12))
    if cost is None:
        return 1.0 - share, spared, math.nan
    spent = np.where(sent, cost[1] + (cost[0] if looks else 0.0), cost[0]).sum()
    return 1.0 - share, spared, 1.0 - float(spent / max(cost[1].sum(), 1e-12))
