"""The policy of a gateway: a router, its thresholds and prices, applied to one request at a time."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liebig.errors import ConflictError, RangeError
from liebig.route.learn.calibrate import chosen_by_loss, losses_of, spending_curve, threshold_for_spending
from liebig.route.policy import Choice, RoutingTarget
from liebig.route.request import Answer, Request
from liebig.route.router import LearnedRouter, RuleRouter, load_router
from liebig.route.rules import RULES

if TYPE_CHECKING:
    from liebig.route.settings import ModelSettings, Settings

__all__ = ["RoutingPolicy", "policy_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RoutingPolicy:
    """Chooses by the expected loss of quality.

    Args:
        router: gives scores.
        models: to choose from, weakest first.
        prices: USD per million tokens (three of the prompt to one of the answer), shape ``(models,)``.
        target: taken where a client states none.
        sticky: an escalated conversation stays with its model.
        looks: the weakest model is asked first and its answer inspected.
    """

    router: RuleRouter | LearnedRouter
    models: tuple[str, ...]
    prices: tuple[float, ...]
    target: RoutingTarget
    sticky: bool = True
    looks: bool = False

    def choose(self, request: Request, target: RoutingTarget, previous: str = "") -> Choice:
        """A model for a request whose conversation was last answered by ``previous``."""
        if self.sticky and previous in self.models and previous != self.models[0]:
            return Choice(previous, "sticky")
        if len(self.models) == 1:
            return Choice(self.models[0], "only model")
        if self.looks and not (request.tools or request.images):
            return Choice(self.models[0], "cascade", look=True)
        return self._by_score(request, target)

    def inspect(self, request: Request, choice: Choice, target: RoutingTarget, answer: Answer) -> Choice:
        """After the answer of the weakest model: the same model when it stands, a stronger one otherwise."""
        if answer.finish == "length" or not answer.text.strip():
            return Choice(self.models[-1], "cut off", choice.score)
        return self._by_score(replace(request, answers={**request.answers, choice.model: answer}), target)

    def _by_score(self, request: Request, target: RoutingTarget) -> Choice:
        if self.router.looks_at and self.router.looks_at not in request.answers:
            return Choice(self.models[-1], "not inspected")  # tools or pictures: nothing that the router could look at
        losses = losses_of(self.router.score([request]))
        effective = self.target if target.quality is None and target.usd_per_mtok is None else target
        threshold, reason = self.threshold(effective)
        place = int(chosen_by_loss(losses, threshold)[0])
        score = 1.0 - float(losses[0, 0])
        return Choice(self.models[place], reason, round(min(max(score, 0.0), 1.0), 4), effective.quality)

    def threshold(self, target: RoutingTarget) -> tuple[float, str]:
        """Loss up to which a weaker model is taken, and the reason that answers carry."""
        if target.usd_per_mtok is not None:
            try:
                return threshold_for_spending(self._spending, target.usd_per_mtok), "spending"
            except RangeError:
                return math.inf, "cheapest"  # less than it costs: the cheapest is all that can be done
        quality = 0.95 if target.quality is None else target.quality
        if quality >= 1.0:
            return -math.inf, "best"
        if not self.router.calibrated:
            return 1.0 - quality + _MARGIN, "uncalibrated"
        kept = [c for c in self.router.calibrated if c.quality >= quality - 1e-9]
        return (
            (min(kept, key=lambda c: c.quality).threshold, "calibrated") if kept else (-math.inf, "beyond calibration")
        )

    @functools.cached_property
    def _spending(self) -> tuple[Array, Array]:
        """Thresholds and the mean price at each, on requests like those of the calibration."""
        known = self.router.reference
        losses = known if known.size else np.linspace(0.02, 0.98, 49)
        share = np.linspace(1.0, 0.0, len(self.prices))  # models between lose a share of what the weakest does
        return spending_curve(losses[:, None] * share, np.array(self.prices))


#: A rule that was never calibrated guesses probabilities; half of ordinary prompts then go to the weak model at 0.95.
_MARGIN = 0.45


def price_of(model: ModelSettings) -> float:
    """USD per million tokens with three of the prompt to one of the answer.

    >>> from liebig.route.settings import ModelSettings
    >>> price_of(ModelSettings(name="m", upstream="u", input_usd_per_mtok=1, output_usd_per_mtok=5))
    2.0
    """
    return 0.75 * model.input_usd_per_mtok + 0.25 * model.output_usd_per_mtok


def policy_of(settings: Settings) -> RoutingPolicy:
    """The policy that settings describe.

    Raises:
        InputError: the router's file cannot be read.
        ConflictError: it chooses among other models, or a cascade is wanted of one that looks at no answers.
    """
    routing = settings.routing
    pool = settings.pool
    names = tuple(m.name for m in pool)
    name: str | Path = routing.router
    if routing.router not in RULES:
        name = settings.folder / routing.router
    elif routing.cascade and routing.router == "default":
        name = "cascade"
    router = load_router(name, names)
    if set(router.models) != set(names):
        raise ConflictError(
            f"{name}: chooses among {', '.join(router.models)}, but the models of [routing] are {', '.join(names)}; "
            "name the same, or train again"
        )
    if routing.cascade and not router.looks_at:
        raise ConflictError(
            f"cascade = true, but the router {routing.router} does not look at answers; "
            "train one with --cascade, or take router = 'cascade'"
        )
    by_name = {m.name: m for m in pool}
    prices = tuple(price_of(by_name[n]) for n in router.models)
    if routing.usd_per_mtok is not None:
        target = RoutingTarget(usd_per_mtok=routing.usd_per_mtok)
    else:
        target = RoutingTarget(quality=routing.quality)
    return RoutingPolicy(router, router.models, prices, target, routing.sticky, bool(router.looks_at))
