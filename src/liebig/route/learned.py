"""Routers learned from labels: linear, kernel (nearest neighbours, weighted), boosted trees, and their mixture.

Each predicts the quality of every model's answer, on a scale of 0 to 1; what is routed by is the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from liebig.errors import MissingExtraError, UnknownNameError
from liebig.route.views import Views

__all__ = ["KINDS", "Boosted", "Kernel", "Linear", "Mixture", "Part", "fit_part", "out_of_fold", "part_from"]

Array = NDArray[np.float64]
#: Kinds of routers that are learned.
KINDS = ("linear", "nearest", "boosted", "combined")
#: Ridges that cross-validation chooses from.
_RIDGES = (3.0, 10.0, 30.0)
#: Weights of what a prompt shows and of the rules, next to where it lies.
_SHOWN, _RULE, _ANSWER_SHOWN = 0.3, 0.1, 1.0
#: How quickly likeness falls with the cosine.
_SHARPNESS = 3.0
#: Labelled requests that a kernel keeps.
MOST_KEPT = 3000


class Part(Protocol):
    """A fitted predictor of quality."""

    def predict(self, views: Views) -> Array:
        """Quality of each model's answer, shape ``(n, models)``."""
        ...

    def arrays(self) -> dict[str, Any]:
        """What a file holds of it."""
        ...


@dataclass(frozen=True)
class _Scale:
    """Means and spreads of columns, and the middle of embeddings."""

    shown_mean: Array
    shown_spread: Array
    rule_mean: Array
    rule_spread: Array
    middle: Array

    @classmethod
    def of(cls, v: Views) -> _Scale:
        return cls(
            v.shown.mean(0), v.shown.std(0) + 1e-6, v.rule.mean(0), v.rule.std(0) + 1e-6, v.place.mean(0)
        )  # fmt: skip

    def rule(self, v: Views) -> Array:
        """What the rules say, in standard deviations."""
        return np.clip((v.rule - self.rule_mean) / self.rule_spread, -4.0, 4.0)

    def apply(self, v: Views, answers: bool) -> tuple[Array, Array]:
        """Columns for products, and unit vectors of places."""
        shown = np.clip((v.shown - self.shown_mean) / self.shown_spread, -4.0, 4.0)
        place = v.place - self.middle
        place = place / np.maximum(np.linalg.norm(place, axis=1, keepdims=True), 1e-9)
        weight = np.sqrt((_ANSWER_SHOWN if answers else _SHOWN) / shown.shape[1])
        return np.column_stack([weight * shown, np.sqrt(_RULE) * self.rule(v)]), place


def _scale_from(arrays: Mapping[str, Any]) -> _Scale:
    return _Scale(**{n: np.asarray(arrays[f"scale_{n}"]) for n in _Scale.__dataclass_fields__})


def _scale_arrays(scale: _Scale) -> dict[str, Any]:
    return {f"scale_{n}": getattr(scale, n) for n in _Scale.__dataclass_fields__}


@dataclass(frozen=True)
class Linear:
    """Ridge regression on what is shown, the rules and the embedding."""

    scale: _Scale
    answers: bool
    mean: Array
    weights: Array

    def predict(self, views: Views) -> Array:
        """Quality of each model's answer, shape ``(n, models)``."""
        return self.mean + np.column_stack(self.scale.apply(views, self.answers)) @ self.weights

    def arrays(self) -> dict[str, Any]:
        """What a file holds of it."""
        return {"answers": self.answers, "mean": self.mean, "weights": self.weights, **_scale_arrays(self.scale)}


@dataclass(frozen=True)
class Rule:
    """A line through what the built-in rules say: what few labels can support."""

    scale: _Scale
    mean: Array
    weights: Array

    def predict(self, views: Views) -> Array:
        """Quality of each model's answer, shape ``(n, models)``."""
        return self.mean + self.scale.rule(views) @ self.weights

    def arrays(self) -> dict[str, Any]:
        """What a file holds of it."""
        return {"mean": self.mean, "weights": self.weights, **_scale_arrays(self.scale)}


@dataclass(frozen=True)
class Kernel:
    """Kernel ridge regression: labelled requests speak for those that lie near, and for those that look alike."""

    scale: _Scale
    answers: bool
    mean: Array
    weights: Array
    columns: Array
    places: Array

    def predict(self, views: Views) -> Array:
        """Quality of each model's answer, shape ``(n, models)``."""
        columns, place = self.scale.apply(views, self.answers)
        out = np.empty((len(views), self.mean.size))
        for i in range(0, len(views), 2000):  # in blocks, so that memory stays small
            at = slice(i, i + 2000)
            out[at] = self.mean + _alike(columns[at], place[at], self.columns, self.places) @ self.weights
        return out

    def arrays(self) -> dict[str, Any]:
        """What a file holds of it."""
        return {
            "answers": self.answers, "mean": self.mean, "weights": self.weights, "columns": self.columns,
            "places": self.places.astype(np.float32), **_scale_arrays(self.scale),
        }  # fmt: skip


def _alike(columns: Array, place: Array, others: Array, places: Array) -> Array:
    return np.exp(_SHARPNESS * (place @ places.T - 1.0)) + columns @ others.T


@dataclass(frozen=True)
class Boosted:
    """Gradient-boosted trees (LightGBM), one forest per model; kept as text."""

    forests: tuple[str, ...]

    def predict(self, views: Views) -> Array:
        """Quality of each model's answer, shape ``(n, models)``."""
        x = _tree_columns(views)
        return np.column_stack([b.predict(x, num_threads=1) for b in _boosters(self.forests)])

    def arrays(self) -> dict[str, Any]:
        """What a file holds of it."""
        return {"forests": np.array(self.forests)}


_READ: dict[tuple[str, ...], list[Any]] = {}


def _boosters(forests: tuple[str, ...]) -> list[Any]:
    if forests not in _READ:
        lightgbm = _lightgbm()
        _READ.clear()
        _READ[forests] = [lightgbm.Booster(model_str=text) for text in forests]
    return _READ[forests]


def _lightgbm() -> Any:
    try:
        import lightgbm
    except (ImportError, OSError):
        raise MissingExtraError("boosted routers", "route") from None
    return lightgbm


def _tree_columns(views: Views) -> Array:
    return np.column_stack([views.shown, views.rule, views.place])


@dataclass(frozen=True)
class Mixture:
    """A weighted mean of parts."""

    parts: tuple[tuple[str, Part], ...]
    weights: Array

    def predict(self, views: Views) -> Array:
        """Quality of each model's answer, shape ``(n, models)``."""
        found = [w * part.predict(views) for w, (_, part) in zip(self.weights, self.parts, strict=True) if w > 0]
        return np.sum(found, axis=0)

    def arrays(self) -> dict[str, Any]:
        """What a file holds of it."""
        out: dict[str, Any] = {"parts": np.array([name for name, _ in self.parts]), "mix": self.weights}
        for i, (_, part) in enumerate(self.parts):
            out |= {f"{i}/{k}": v for k, v in part.arrays().items()}
        return out


def _ridge(x: Array, y: Array, ridge: float) -> Array:
    return np.asarray(np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y), dtype=np.float64)


def _fit_linear(v: Views, quality: Array, answers: bool, ridge: float) -> Linear:
    scale, mean = _Scale.of(v), quality.mean(0)
    return Linear(scale, answers, mean, _ridge(np.column_stack(scale.apply(v, answers)), quality - mean, ridge))


def _fit_rule(v: Views, quality: Array, answers: bool, ridge: float) -> Rule:
    scale, mean = _Scale.of(v), quality.mean(0)
    return Rule(scale, mean, _ridge(scale.rule(v), quality - mean, ridge))


def _fit_kernel(v: Views, quality: Array, answers: bool, ridge: float) -> Kernel:
    if len(v) > MOST_KEPT:
        rows = np.random.default_rng(0).permutation(len(v))[:MOST_KEPT]
        v, quality = v.at(rows), quality[rows]
    scale = _Scale.of(v)
    columns, place = scale.apply(v, answers)
    mean = quality.mean(0)
    likeness = _alike(columns, place, columns, place)
    weights = np.linalg.solve(likeness + ridge * np.eye(len(v)), quality - mean)
    return Kernel(scale, answers, mean, weights, columns, place)


def _fit_boosted(v: Views, quality: Array, answers: bool, ridge: float) -> Boosted:
    lightgbm = _lightgbm()
    options = {
        "objective": "regression", "num_leaves": 8, "learning_rate": 0.05, "min_data_in_leaf": max(5, len(v) // 60),
        "feature_fraction": 0.3, "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": ridge, "verbosity": -1,
        "num_threads": 1, "seed": 0, "deterministic": True,
    }  # fmt: skip
    x = _tree_columns(v)
    forests = []
    for column in quality.T:
        data = lightgbm.Dataset(x, column, free_raw_data=True)
        forests.append(lightgbm.train(options, data, num_boost_round=120).model_to_string())
    return Boosted(tuple(forests))


_FITS: dict[str, Callable[[Views, Array, bool, float], Part]] = {
    "rule": _fit_rule, "linear": _fit_linear, "nearest": _fit_kernel, "boosted": _fit_boosted,
}  # fmt: skip


def out_of_fold(
    fit: Callable[[Views, Array], Part], views: Views, quality: Array, folds: int = 5, seed: int = 0
) -> Array:
    """What parts fitted to the other folds predict for each, shape ``(n, models)``."""
    place = np.random.default_rng(seed).permutation(len(views)) % folds
    out = np.empty(quality.shape)
    for k in range(folds):
        held = place == k
        out[held] = fit(views.at(~held), quality[~held]).predict(views.at(held))
    return out


def _best_ridge(kind: str, views: Views, quality: Array, answers: bool) -> tuple[float, Array]:
    """The ridge whose out-of-fold differences between models miss least, and what it predicted."""
    found = []
    for ridge in _RIDGES if kind != "boosted" else (3.0,):
        held = out_of_fold(lambda v, q, r=ridge: _FITS[kind](v, q, answers, r), views, quality)  # type: ignore[misc]
        found.append((float(np.mean((_gaps(held) - _gaps(quality)) ** 2)), ridge, held))
    _, ridge, held = min(found, key=lambda f: f[0])
    return ridge, held


def _gaps(quality: Array) -> Array:
    """Quality of the strongest model beyond that of each other."""
    return quality[:, -1:] - quality[:, :-1]


def fit_part(kind: str, views: Views, quality: Array, answers: bool = False) -> tuple[Part, Array]:
    """A predictor, and what it predicts out of fold.

    Args:
        kind: one of ``KINDS``.
        views: of labelled requests.
        quality: between 0 and 1, shape ``(n, models)``, weakest model first.
        answers: the views hold an answer too.

    Raises:
        UnknownNameError: no such kind.
        MissingExtraError: boosted trees need LightGBM.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of router", kind, KINDS)
    if kind != "combined":
        ridge, held = _best_ridge(kind, views, quality, answers)
        return _FITS[kind](views, quality, answers, ridge), held
    parts, helds = [], []
    for name in _FITS:
        ridge, held = _best_ridge(name, views, quality, answers)
        parts.append((name, _FITS[name](views, quality, answers, ridge)))
        helds.append(held)
    weights = _mix([_gaps(h) for h in helds], _gaps(quality), np.array([_DEFAULT_SHARE[name] for name in _FITS]))
    held = np.sum([w * h for w, h in zip(weights, helds, strict=True)], axis=0)
    return Mixture(tuple(parts), weights), held


#: Weights of the parts of a mixture before labels speak: trees need more of them than most users have.
_DEFAULT_SHARE = {"rule": 1 / 3, "linear": 1 / 3, "nearest": 1 / 3, "boosted": 0.0}


def _mix(predictions: Sequence[Array], measured: Array, usual: Array) -> Array:
    """Weights of at least 0 that sum to 1, halfway from the usual ones to those that miss least."""
    from scipy.optimize import nnls

    middle = measured.mean()
    x = np.column_stack([(p - middle).ravel() for p in predictions])
    found, _ = nnls(x, (measured - middle).ravel())
    return 0.5 * (found / found.sum() if found.sum() > 0 else usual) + 0.5 * usual


def part_from(kind: str, arrays: Mapping[str, Any]) -> Part:
    """A predictor from what a file holds."""
    if kind == "linear":
        return Linear(_scale_from(arrays), bool(arrays["answers"]), arrays["mean"], arrays["weights"])
    if kind == "rule":
        return Rule(_scale_from(arrays), arrays["mean"], arrays["weights"])
    if kind == "nearest":
        return Kernel(
            _scale_from(arrays), bool(arrays["answers"]), arrays["mean"], arrays["weights"], arrays["columns"],
            np.asarray(arrays["places"], dtype=np.float64),
        )  # fmt: skip
    if kind == "boosted":
        return Boosted(tuple(str(t) for t in arrays["forests"]))
    if kind == "combined":
        names = [str(n) for n in arrays["parts"]]
        parts = []
        for i, name in enumerate(names):
            own = {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith(f"{i}/")}
            parts.append((name, part_from(name, own)))
        return Mixture(tuple(parts), np.asarray(arrays["mix"]))
    raise UnknownNameError("kind of router", kind, KINDS)
