"""Scaling laws: the loss of a model by its parameters and tokens, and the best model for so much computing.

``L(N, D) = E + A/N^α + B/D^β`` (Hoffmann 2022, arXiv:2203.15556, approach 3; refitted by Besiroglu 2024,
arXiv:2404.10102).  Losses are in nats per token on the data of those papers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.catalog import plan_number
from liebig.errors import UnknownNameError

__all__ = ["Law", "law", "loss", "optimal"]

Array = NDArray[np.float64]
LAWS = ("hoffmann", "besiroglu")


@dataclass(frozen=True)
class Law:
    """Constants of a scaling law."""

    e: float
    a: float
    b: float
    alpha: float
    beta: float


def law(name: str) -> Law:
    """The constants of a published law.

    Raises:
        UnknownNameError: no such law.

    >>> law("besiroglu").alpha
    0.3478
    """
    if name not in LAWS:
        raise UnknownNameError("scaling law", name, LAWS)
    return Law(*(plan_number(f"loss.{name}-{k}").p50 for k in ("e", "a", "b", "alpha", "beta")))


def loss(name: str, parameters: ArrayLike, tokens: ArrayLike) -> Array:
    """Loss in nats per token.

    >>> float(loss("hoffmann", 70e9, 1.4e12).round(3))
    1.937
    """
    k = law(name)
    n, d = np.asarray(parameters, dtype=np.float64), np.asarray(tokens, dtype=np.float64)
    return np.asarray(k.e + k.a / n**k.alpha + k.b / d**k.beta)


def optimal(flop: float, name: str, tokens_per_parameter: float = 20.0) -> tuple[float, float]:
    """Parameters and tokens of the best model that ``6 N D`` FLOP train.

    Args:
        flop: of the run.
        name: a law, or "ratio" for a fixed number of tokens per parameter.
        tokens_per_parameter: with "ratio".

    >>> n, d = optimal(5.76e23, "hoffmann")
    >>> round(n / 1e9), round(d / n)
    (32, 93)
    >>> n, d = optimal(5.76e23, "besiroglu")
    >>> round(n / 1e9), round(d / n)
    (72, 18)
    """
    if name == "ratio":
        n = (flop / (6.0 * tokens_per_parameter)) ** 0.5
        return n, tokens_per_parameter * n
    k = law(name)
    g = (k.alpha * k.a / (k.beta * k.b)) ** (1.0 / (k.alpha + k.beta))
    n = g * (flop / 6.0) ** (k.beta / (k.alpha + k.beta))
    return n, flop / (6.0 * n)
