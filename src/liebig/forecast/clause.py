"""A change over time as a user writes it: ``8 GW from 2030``, ``10 GW from 2032-07 over 18 months``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from liebig.dates import start_of
from liebig.errors import InputError, RangeError, shown
from liebig.quantities import parse_quantity

__all__ = ["Clause", "parse_clause"]

_WORDS = re.compile(r"(?:^|\s)(from|over)(?![^\W\d])", re.IGNORECASE)
_EXPECTED = "expected VALUE from DATE or VALUE from DATE over DURATION, e.g. '8 GW from 2030-07 over 2 yr'"
#: Changes before this year are slips of the pen: no parameter set begins before it.
_FIRST_YEAR = 2020
#: Longest time, in years, over which a change builds up.
_LONGEST_YR = 100.0


@dataclass(frozen=True)
class Clause:
    """A value that holds from a year on.

    Args:
        value: as it was written.
        from_year: first moment of the date that was written, as a year with decimals.
        ramp_yr: years over which the change builds up.
    """

    value: str
    from_year: float
    ramp_yr: float


def parse_clause(text: str | float) -> Clause | None:
    """The change over time that a text states, None where it holds neither ``from`` nor ``over``.

    Dates are years, months or days; a duration without a unit is in years.

    >>> parse_clause("8 GW from 2030"), parse_clause("8 GW")
    (Clause(value='8 GW', from_year=2030.0, ramp_yr=0.0), None)
    >>> parse_clause("10 GW From 2032 over 18 months").ramp_yr
    1.5

    Raises:
        InputError: one of the words stands in the wrong place, or what follows it is no date or no duration;
            RangeError: the date or the duration is impossible.
    """
    if not isinstance(text, str):
        return None
    value, *rest = (part.strip() for part in _WORDS.split(text))
    if not rest:
        return None
    words = tuple(word.lower() for word in rest[::2])
    if words not in (("from",), ("from", "over")) or not all((value, *rest)):
        raise InputError(_EXPECTED)
    year = start_of(rest[1])
    if year < _FIRST_YEAR:
        raise RangeError(f"from {rest[1]} is out of range; expected a date of the forecast, {_FIRST_YEAR} or later")
    return Clause(value, year, _duration_yr(rest[3]) if len(rest) > 2 else 0.0)


def _duration_yr(text: str) -> float:
    years = parse_quantity(text, "yr")
    if not 0.0 <= years <= _LONGEST_YR:
        raise RangeError(f"over {shown(text)} is out of range; expected 0 to {_LONGEST_YR:g} yr")
    return years
