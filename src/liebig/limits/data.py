"""Data limit: how many useful tokens exist, and the largest run they can feed.

    stock  = text + tokens/image * (images + video seconds) + tokens/s * audio seconds
    D      = stock * growth^(year - base) * quality * worth of epochs * synthetic factor
    C      = 6 D * D / k,     k = tokens per (active) parameter

Epochs are worth ``1 + R (1 - exp(-(E - 1) / R))`` fresh passes (Muennighoff et al. 2023), or E at
face value (Epoch 2024).  Mixtures of experts want more tokens per active parameter, ``k = 20 m``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liebig.limits.common import Structure
from liebig.limits.state import State

__all__ = ["PARAMETERS", "ceiling", "effective_tokens", "epochs_worth"]

Array = NDArray[np.float64]

PARAMETERS = (
    "data.text_tokens",
    "data.images",
    "data.video_s",
    "data.audio_s",
    "data.tokens_per_image",
    "data.tokens_per_audio_s",
    "data.multimodal_factor",
    "data.growth",
    "data.quality",
    "data.epochs",
    "data.repetition_constant",
    "data.synthetic_factor",
    "data.tokens_per_parameter",
    "data.moe_tokens_factor",
)


def epochs_worth(epochs: Array, repetition_constant: Array) -> Array:
    """Fresh passes that ``epochs`` passes over the same data are worth.

    Source: N. Muennighoff et al., "Scaling data-constrained language models", 2023,
    arXiv:2305.16264, equation 5.

    >>> [round(float(epochs_worth(np.array(e), np.array(15.39))), 2) for e in (1.0, 5.0, 15.0)]
    [1.0, 4.52, 10.19]
    """
    extra = np.maximum(epochs - 1.0, 0.0)
    return np.minimum(epochs, 1.0) + repetition_constant * -np.expm1(-extra / repetition_constant)


def effective_tokens(p: State, years: Array, structure: Structure) -> Array:
    """Tokens that a run can use, ``(len(years), n)`` or broadcastable to it."""
    date = p.year_of("data.text_tokens")

    def curve(t: Array) -> Array:
        return p.ln_growth("data.growth", date, t)

    def level(name: str) -> Array:
        return p.rebased(name, curve, years, date)

    stock = level("data.text_tokens")
    if structure.multimodal:
        pictures = p.at("data.tokens_per_image", years) * (level("data.images") + level("data.video_s"))
        sound = p.at("data.tokens_per_audio_s", years) * level("data.audio_s")
        stock = stock + p.at("data.multimodal_factor", years) * (pictures + sound)
    epochs = p.at("data.epochs", years)
    if structure.repetition_decay:
        epochs = epochs_worth(epochs, p.at("data.repetition_constant", years))
    quality = np.minimum(p.at("data.quality", years), 1.0)
    return np.exp(curve(years)) * (stock * quality * epochs * p.at("data.synthetic_factor", years))


def ceiling(p: State, years: Array, structure: Structure) -> Array:
    """Largest run that the data can feed, FLOP, ``(len(years), n)``.

    >>> from liebig.limits.state import State
    >>> names = dict.fromkeys(PARAMETERS, 1.0) | {"data.text_tokens": 1e13, "data.tokens_per_parameter": 20.0}
    >>> s = State({k: np.array([v]) for k, v in names.items()}, {"data.text_tokens": 2024.0})
    >>> text = Structure(("data",), multimodal=False)
    >>> f"{ceiling(s, np.array([2030.0]), text)[0, 0]:.3g}"
    '3e+25'
    """
    tokens = effective_tokens(p, years, structure)
    per_parameter = p.at("data.tokens_per_parameter", years) * p.at("data.moe_tokens_factor", years)
    return 6.0 * tokens * tokens / per_parameter
