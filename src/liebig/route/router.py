"""Routers as users meet them: built in by name, or trained and kept in a file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.errors import ConflictError, InputError
from liebig.files import write_atomic
from liebig.reading import read_bytes
from liebig.route.learn.data import Labelled
from liebig.route.learned import Part, fit_part, part_from
from liebig.route.request import Request
from liebig.route.rules import RULES, need_by_rule
from liebig.route.views import views_of

__all__ = ["Calibrated", "LearnedRouter", "RuleRouter", "load_router", "train_router"]

Array = NDArray[np.float64]
VERSION = 1
#: Middle and spread of the default rule on ordinary prompts, by which its scores become probabilities.
_DEFAULTS = {
    "default": (5.0, 1.2),
    "cascade": (5.5, 1.2),
    "length": (60.0, 40.0),
    "task": (0.4, 0.6),
    "random": (0.5, 0.25),
}
#: Fewest labels that a router is trained on.
FEWEST = 40


@dataclass(frozen=True)
class Calibrated:
    """A threshold with what it promises.

    Args:
        quality: share of the strongest model's quality that is promised.
        confidence: with which.
        threshold: loss of quality up to which a weaker model is taken.
        weak_share: share of the calibration requests that went to weaker models.
        labels: requests that it was calibrated on.
        missing: labels that lacked for any saving; 0 where it was reached.
    """

    quality: float
    confidence: float
    threshold: float
    weak_share: float
    labels: int
    missing: int = 0


@dataclass(frozen=True)
class RuleRouter:
    """A built-in rule for any number of models; its probabilities are a guess until calibrated.

    >>> RuleRouter("length", ("small", "large")).score([Request("a")]).round(1).tolist()
    [[0.9, 1.0]]
    """

    rule: str
    models: tuple[str, ...]
    calibrated: tuple[Calibrated, ...] = ()
    reference: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def name(self) -> str:
        """Of the rule."""
        return self.rule

    @property
    def scale(self) -> float:
        """Quality that counts as 1."""
        return 1.0

    @property
    def looks_at(self) -> str:
        """Model whose answer it wants to see first, or empty."""
        return self.models[0] if self.rule == "cascade" else ""

    def score(self, requests: Sequence[Request]) -> Array:
        """Probability that each model is good enough, shape ``(requests, models)``."""
        answers = [r.answers.get(self.looks_at) for r in requests] if self.looks_at else None
        need = need_by_rule(self.rule, requests, answers)
        middle, spread = _DEFAULTS.get(self.rule, (0.0, 1.0))
        weak = 1.0 / (1.0 + np.exp(np.clip(1.7 * (need - middle) / spread, -40.0, 40.0)))
        place = np.linspace(0.0, 1.0, len(self.models)) if len(self.models) > 1 else np.ones(1)
        return weak[:, None] + (1.0 - weak[:, None]) * place


@dataclass(frozen=True)
class LearnedRouter:
    """A router trained on labels.

    Args:
        kind: of the predictor.
        models: weakest first.
        part: the predictor.
        scale: quality that counts as 1.
        looks_at: model whose answer it sees, or empty.
        seen: digests of the prompts that it was trained on.
        calibrated: thresholds with promises, strictest last.
        reference: losses of the weakest model at calibration, to see drift by.
    """

    kind: str
    models: tuple[str, ...]
    part: Part
    scale: float = 1.0
    looks_at: str = ""
    seen: frozenset[str] = frozenset()
    calibrated: tuple[Calibrated, ...] = ()
    reference: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def name(self) -> str:
        """Kind, and what it looks at."""
        return f"{self.kind} cascade" if self.looks_at else self.kind

    def score(self, requests: Sequence[Request]) -> Array:
        """Probability that each model is good enough, shape ``(requests, models)``.

        For quality of 0 or 1 it is the probability of a right answer; otherwise the expected share of the best quality.
        """
        return np.clip(self.part.predict(views_of(requests, self.looks_at)), 0.0, 1.0)

    def save(self, path: str | Path) -> None:
        """Write it to a file (``.npz``; arrays and text, nothing that runs)."""
        meta = {
            "version": VERSION, "kind": self.kind, "models": self.models, "scale": self.scale,
            "looks_at": self.looks_at, "seen": sorted(self.seen), "calibrated": [vars(c) for c in self.calibrated],
        }  # fmt: skip
        arrays = {f"part/{k}": np.asarray(v) for k, v in self.part.arrays().items()}
        _write(Path(path), meta, {**arrays, "reference": self.reference})


def _write(path: Path, meta: dict[str, Any], arrays: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, meta=np.array(json.dumps(meta)), **arrays)
    write_atomic(path, buffer.getvalue())


def save_rule(router: RuleRouter, path: str | Path) -> None:
    """Write a built-in router with its calibration to a file."""
    meta = {
        "version": VERSION,
        "kind": f"rule:{router.rule}",
        "models": router.models,
        "calibrated": [vars(c) for c in router.calibrated],
    }
    _write(Path(path), meta, {"reference": router.reference})


def load_router(name: str | Path, models: Sequence[str] = ()) -> RuleRouter | LearnedRouter:
    """A router by its built-in name or from its file.

    Args:
        name: one of ``default``, ``cascade``, ``length``, ``task``, ``random``, ``strong``, ``weak``, or a file.
        models: that a built-in one chooses from, weakest first; a trained one must have been trained for them.

    Raises:
        InputError: no such router, or a file that holds none.
        ConflictError: it was trained for other models.

    >>> load_router("length", ("small", "large")).models
    ('small', 'large')
    """
    if str(name) in RULES:
        return RuleRouter(str(name), tuple(models) or ("weak", "strong"))
    path = Path(name)
    packed = read_bytes(path, f"a trained router (built in are {', '.join(RULES)})")
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as content:
            arrays = {k: content[k] for k in content.files}
        meta = json.loads(str(arrays.pop("meta")))
        if int(meta["version"]) > VERSION:
            raise InputError(f"{path}: was written by a newer version of liebig; update it, or train again")
        router = _router(meta, arrays)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path}: holds no router ({str(error)[:80] or type(error).__name__})") from None
    if models and set(models) - set(router.models):
        raise ConflictError(
            f"{path}: was trained for {', '.join(router.models)}; not for "
            f"{', '.join(sorted(set(models) - set(router.models)))}; train again with labels of it"
        )
    return router


def _router(meta: dict[str, Any], arrays: dict[str, Any]) -> RuleRouter | LearnedRouter:
    calibrated = tuple(Calibrated(**c) for c in meta["calibrated"])
    reference = np.asarray(arrays["reference"], dtype=np.float64)
    kind, models = str(meta["kind"]), tuple(str(m) for m in meta["models"])
    if kind.startswith("rule:"):
        return RuleRouter(kind.removeprefix("rule:"), models, calibrated, reference)
    own = {k.removeprefix("part/"): v for k, v in arrays.items() if k.startswith("part/")}
    return LearnedRouter(
        kind, models, part_from(kind, own), float(meta["scale"]), str(meta["looks_at"]), frozenset(meta["seen"]),
        calibrated, reference,
    )  # fmt: skip


def digest_of(request: Request) -> str:
    """Short digest of a prompt, so that training and calibration can be kept apart without keeping the text."""
    return hashlib.sha256(request.text.encode(errors="surrogatepass")).hexdigest()[:16]


def train_router(data: Labelled, kind: str = "combined", looks_at: str = "") -> tuple[LearnedRouter, Array]:
    """A router from labels, and what it predicts for each row out of fold, shape ``(n, models)``.

    Args:
        data: rows whose labels are incomplete are left out.
        kind: ``linear``, ``nearest``, ``boosted`` or ``combined``.
        looks_at: model whose answer is looked at (a cascade), usually the weakest.

    Raises:
        InputError: too few labels, or answers that lack.
    """
    data = data.usable()
    if looks_at and looks_at not in data.models:
        raise InputError(f"model {looks_at!r} has no answers; there are labels of {', '.join(data.models)}")
    if len(data) < FEWEST:
        raise InputError(f"{len(data)} labelled rows; a router needs {FEWEST}, and some 300 to beat the rules")
    if len(data.models) < 2:
        raise InputError("labels of one model; routing needs at least two")
    top = float(np.max(data.quality))
    if float(np.min(data.quality)) < 0 or top <= 0:
        raise InputError("qualities must not be negative, and not all 0")
    scale = max(1.0, top)
    part, held = fit_part(kind, views_of(data.requests, looks_at), data.quality / scale, bool(looks_at))
    seen = frozenset(digest_of(r) for r in data.requests)
    return LearnedRouter(kind, data.models, part, scale, looks_at, seen), held


def unseen(router: RuleRouter | LearnedRouter, data: Labelled, what_for: str) -> Labelled:
    """The rows whose labels are complete and that the router was not trained on.

    Raises:
        InputError: none is left; says what they are needed for.
    """
    data = data.usable()
    if isinstance(router, RuleRouter):
        return data
    fresh = np.array([digest_of(r) not in router.seen for r in data.requests])
    if not fresh.any():
        raise InputError(
            f"all {len(data)} rows were used to train the router; {what_for} needs others (train with --holdout 0.4)"
        )
    return data.at(fresh)


def with_calibration(
    router: RuleRouter | LearnedRouter, calibrated: Sequence[Calibrated], reference: Array
) -> RuleRouter | LearnedRouter:
    """The same router with thresholds."""
    return replace(router, calibrated=tuple(calibrated), reference=reference)
