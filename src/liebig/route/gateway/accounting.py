"""What a call took: tokens, US dollars, energy, carbon."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liebig.catalog import plan_number
from liebig.cluster.chip import chip
from liebig.route.settings import ModelSettings
from liebig.site.power import rated_power_w

__all__ = ["Usage", "energy_of", "estimate_usage", "most_tokens", "tokens_of_text", "usage_of", "usd_of"]

#: Tokens of an answer when nothing tells how long it may become.
ANSWER_TOKENS = 500
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call; ``estimated`` where the server told none."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    estimated: bool = False


def usage_of(given: Any) -> Usage | None:
    """Tokens from the ``usage`` of an answer, of either API; None where there is none.

    >>> usage_of({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}})
    Usage(prompt=9, cached=4, completion=2, estimated=False)
    >>> usage_of({"input_tokens": 9, "output_tokens": 2}).completion
    2
    """
    if not isinstance(given, Mapping):
        return None
    prompt = _count(given, "prompt_tokens", "input_tokens")
    completion = _count(given, "completion_tokens", "output_tokens")
    if prompt is None and completion is None:
        return None
    details = given.get("prompt_tokens_details") or given.get("input_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, Mapping) else None
    return Usage(prompt or 0, min(cached or 0, prompt or 0), completion or 0)


def _count(given: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = given.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40:
            return value
    return None


def tokens_of_text(characters: int) -> int:
    """Tokens of so many characters, roughly.

    >>> tokens_of_text(9)
    3
    """
    return -(-characters // CHARACTERS_PER_TOKEN)


def most_tokens(body: Mapping[str, Any]) -> int:
    """Tokens that an answer may have, or a usual number where the body does not tell.

    >>> most_tokens({"max_tokens": 8}), most_tokens({})
    (8, 500)
    """
    return _count(body, "max_completion_tokens", "max_output_tokens", "max_tokens") or ANSWER_TOKENS


def estimate_usage(prompt_characters: int, answer_characters: int) -> Usage:
    """Tokens when the server told none.

    >>> estimate_usage(40, 8)
    Usage(prompt=10, cached=0, completion=2, estimated=True)
    """
    return Usage(tokens_of_text(prompt_characters), 0, tokens_of_text(answer_characters), True)


def usd_of(model: ModelSettings, usage: Usage) -> float:
    """US dollars at the prices of a model.

    >>> model = ModelSettings(name="m", upstream="u", input_usd_per_mtok=2, output_usd_per_mtok=8)
    >>> usd_of(model, Usage(prompt=1_000_000, completion=500_000))
    6.0
    """
    cached = model.input_usd_per_mtok if model.cached_usd_per_mtok is None else model.cached_usd_per_mtok
    return (
        (usage.prompt - usage.cached) * model.input_usd_per_mtok
        + usage.cached * cached
        + usage.completion * model.output_usd_per_mtok
    ) / 1e6


@functools.cache
def _wh_per_flop() -> float:
    """Energy at the chip of an operation that serves, Wh: on an H100 in 8 bits, at its share of the peak."""
    host = chip("H100-SXM")
    return float(rated_power_w(host)) / (host.peak("fp8") * plan_number("serving.share_of_peak").p50) / 3600.0


def energy_of(model: ModelSettings, usage: Usage, pue: float) -> float:
    """Energy of a call at the meter of the data centre, Wh; an estimate, 0 where nothing is known of the model.

    Where ``wh_per_mtok`` is known it counts; otherwise a token takes 2·N operations of a model of N active parameters
    on chips of the catalogue, times the PUE of the site.  A token of the prompt counts as a share of one of the answer,
    because prompts are read many tokens at a time (``serving.*`` in the table ``plan_numbers``).

    >>> model = ModelSettings(name="m", upstream="u", active_parameters=70e9)
    >>> round(energy_of(model, Usage(prompt=1000, completion=1000), 1.3), 4)
    0.0787
    >>> energy_of(ModelSettings(name="m", upstream="u", wh_per_mtok=120), Usage(completion=1_000_000), 1.3)
    120.0
    """
    tokens = usage.completion + plan_number("serving.prompt_token_share").p50 * usage.prompt
    if model.wh_per_mtok is not None:
        return tokens * model.wh_per_mtok / 1e6
    if model.active_parameters is None:
        return 0.0
    return tokens * 2.0 * model.active_parameters * _wh_per_flop() * pue
