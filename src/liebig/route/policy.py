"""From scores to a model: the cheapest of a pool that is good enough, or the best that a budget buys."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from liebig.errors import InputError
from liebig.route.request import Answer, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Choice", "RoutingTarget", "target_of"]


@dataclass(frozen=True, slots=True)
class RoutingTarget:
    """What a client asks for with a name of a model; all empty: the policy's own target."""

    model: str = ""
    quality: float | None = None
    usd_per_mtok: float | None = None

    @property
    def auto(self) -> bool:
        """True where the router chooses."""
        return not self.model


@dataclass(frozen=True, slots=True)
class Choice:
    """A model and why.

    Args:
        model: name.
        reason: one or two words for headers and the ledger.
        score: probability that the weakest model is good enough, where one was computed.
        quality: share of the strongest model's quality that is expected, where known.
        look: the answer of ``model`` must be inspected before it is given out (cascade).
    """

    model: str
    reason: str
    score: float | None = None
    quality: float | None = None
    look: bool = False


class Policy(Protocol):
    """Chooses; cheap enough to be called for every request."""

    @property
    def models(self) -> tuple[str, ...]:
        """Models to choose from, weakest first."""
        ...

    def choose(self, request: Request, target: RoutingTarget, previous: str = "") -> Choice:
        """A model for a request whose conversation was last answered by ``previous``."""
        ...

    def inspect(self, request: Request, choice: Choice, target: RoutingTarget, answer: Answer) -> Choice:
        """After the answer of a choice with ``look``: the same model when it stands, a stronger one otherwise."""
        ...


_AUTO = re.compile(r"^auto(?::(?P<usd>\$)?(?P<number>[0-9]*\.?[0-9]+(?:[eE][+-]?\d+)?)(?P<percent>%)?)?$")


def target_of(name: str) -> RoutingTarget:
    """What a name of a model asks for.

    Raises:
        InputError: begins with ``auto`` and cannot be understood.

    >>> target_of("auto:0.95"), target_of("auto:$0.50").usd_per_mtok, target_of("gpt-4o").model
    (RoutingTarget(model='', quality=0.95, usd_per_mtok=None), 0.5, 'gpt-4o')
    """
    if name != "auto" and not name.startswith("auto:"):
        return RoutingTarget(model=name)
    found = _AUTO.match(name)
    if not found:
        raise InputError(
            f"model {name[:80]!r}: expected auto, auto:0.95 (quality) or auto:$0.50 (USD per million tokens)"
        )
    if found["number"] is None:
        return RoutingTarget()
    value = float(found["number"]) / (100.0 if found["percent"] else 1.0)
    if not math.isfinite(value) or (found["usd"] and found["percent"]):
        raise InputError(f"model {name[:80]!r}: expected auto:0.95 (quality) or auto:$0.50 (USD per million tokens)")
    if found["usd"]:
        return RoutingTarget(usd_per_mtok=value)
    if not 0.0 < value <= 1.0:
        raise InputError(f"model {name[:80]!r}: a quality lies above 0 and at most at 1, as in auto:0.95")
    return RoutingTarget(quality=value)
