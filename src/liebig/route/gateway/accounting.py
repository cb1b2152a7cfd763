"""What a call took: tokens, US dollars, energy, carbon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liebig.route.settings import ModelSettings

__all__ = ["Usage", "energy_wh", "estimate_usage", "most_tokens", "tokens_of_text", "usage_of", "usd_of"]

#: Operations per second of an H100 in 8 bits, and the share of them that serving reaches.
PEAK_FLOP_PER_S = 1979e12
SERVED_SHARE = 0.25
#: Power of an H100 and what its building takes per watt.
CHIP_W = 700.0
PUE = 1.3
#: Energy of a token that is read, relative to one that is written.
PROMPT_SHARE = 0.1
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


def energy_wh(usage: Usage, *, wh_per_mtok: float | None = None, active_parameters: float | None = None) -> float:
    """Energy of a call at the meter of the data centre, Wh; an estimate.

    Where ``wh_per_mtok`` (Wh per million tokens of answer) is known it counts; otherwise a token takes
    2·N floating-point operations on chips that reach a quarter of 1979e12 8-bit operations per second at
    700 W and a PUE of 1.3:  E = 2·N / (0.25·1979e12) · 700 · 1.3 / 3600.  A token of the prompt is counted as a tenth
    of one of the answer, because prompts are read many tokens at a time.  Source: estimate (data sheet of the H100
    for operations and power, judgement for the shares).

    >>> round(energy_wh(Usage(prompt=1000, completion=1000), active_parameters=70e9), 4)
    0.0787
    >>> energy_wh(Usage(completion=1_000_000), wh_per_mtok=120.0)
    120.0
    """
    tokens = usage.completion + PROMPT_SHARE * usage.prompt
    if wh_per_mtok is not None:
        return tokens * wh_per_mtok / 1e6
    if active_parameters is None:
        return 0.0
    seconds = tokens * 2.0 * active_parameters / (PEAK_FLOP_PER_S * SERVED_SHARE)
    return seconds * CHIP_W * PUE / 3600.0


def energy_of(model: ModelSettings, usage: Usage) -> float:
    """Energy of a call to a model, Wh; 0 where nothing is known of it."""
    return energy_wh(usage, wh_per_mtok=model.wh_per_mtok, active_parameters=model.active_parameters)


def sum_usd(parts: Sequence[tuple[ModelSettings, Usage]]) -> float:
    """US dollars of all attempts that were answered."""
    return sum(usd_of(model, usage) for model, usage in parts)
