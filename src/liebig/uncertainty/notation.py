"""How a user writes an uncertain number: ``"60d..180d..270d"``, ``"uniform(1, 2)"``, ``"p5 1 p95 9"``.

======================== ====================================================
``10 GW``                a point
``1..9``                 p10 and p90: normal on the parameter's scale
``1..3..9``              p10, p50 and p90: metalog within the parameter's bounds
``p5 1 p50 3 p95 9``     any quantiles
``uniform(1, 9)``        the two ends; also ``loguniform``
``normal(1, 9)``         p10 and p90; also ``lognormal``
``metalog(1, 3, 9)``     p10, p50, p90
``piecewise(0:1, 1:9)``  probability:value pairs
======================== ====================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable

from liebig.errors import DistributionError
from liebig.uncertainty.interval import INTERVAL_LEVELS
from liebig.uncertainty.marginals import FAMILIES, Marginal, make_marginal, point

__all__ = ["parse_marginal"]

_CALL = re.compile(r"^([a-z]+)\s*\((.*)\)$", re.DOTALL)
_QUANTILE = re.compile(r"p(\d+(?:\.\d+)?)\s+", re.IGNORECASE)
_LEVELS = {2: (0.1, 0.9), 3: INTERVAL_LEVELS}


def parse_marginal(
    text: str | float, read: Callable[[str | float], float], lower: float | None, upper: float | None
) -> Marginal:
    """Read an uncertain number.

    Args:
        text: what the user wrote.
        read: reads one quantity in the parameter's unit.
        lower, upper: bounds of the parameter's support.

    Raises:
        DistributionError: the text is malformed, or no such distribution exists.

    >>> parse_marginal("1..3..9", float, 0.0, None).family
    'metalog'
    >>> parse_marginal("5", float, 0.0, None).is_point
    True
    """
    if not isinstance(text, str):
        return point(read(text))
    text = text.strip()
    call = _CALL.match(text)
    if call:
        return _from_call(call[1], call[2], read, lower, upper)
    if _QUANTILE.match(text):
        parts = _QUANTILE.split(text)[1:]
        levels = [float(p) / 100.0 for p in parts[0::2]]
        values = [read(v.strip()) for v in parts[1::2]]
        family = "metalog" if len(values) == 3 else "normal" if len(values) == 2 else "piecewise"
        return make_marginal(family, levels, values, lower, upper)
    parts = text.split("..")
    if len(parts) == 1:
        return point(read(text))
    if len(parts) > 3:
        raise DistributionError(f"{text!r}: expected p10..p90 or p10..p50..p90")
    values = [read(p.strip()) for p in parts]
    return make_marginal("metalog" if len(values) == 3 else "normal", _LEVELS[len(values)], values, lower, upper)


def _from_call(
    family: str, inside: str, read: Callable[[str | float], float], lower: float | None, upper: float | None
) -> Marginal:
    if family not in FAMILIES:
        raise DistributionError(f"unknown distribution {family!r}; expected one of {', '.join(FAMILIES)}")
    cells = [c.strip() for c in inside.split(",") if c.strip()]
    if family == "piecewise":
        pairs = [c.split(":", 1) for c in cells]
        if any(len(p) != 2 for p in pairs):
            raise DistributionError(f"piecewise({inside}): expected probability:value pairs, e.g. piecewise(0:1, 1:9)")
        try:
            levels = [float(p) for p, _ in pairs]
        except ValueError:
            raise DistributionError(f"piecewise({inside}): the probabilities are not numbers") from None
        return make_marginal(family, levels, [read(v) for _, v in pairs])
    values = [read(c) for c in cells]
    if family == "point":
        return make_marginal(family, (0.5,) * len(values), values)
    if family in ("uniform", "loguniform"):
        return make_marginal(family, (0.0, 1.0)[: len(values)], values)
    if len(values) not in _LEVELS:
        raise DistributionError(f"{family}({inside}): expected 2 or 3 quantiles, got {len(values)}")
    return make_marginal(family, _LEVELS[len(values)], values, lower, upper)
