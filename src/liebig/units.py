"""Units: the factor that turns a number in one unit into a number in another.

The text of a unit is read here, factor by factor, and pint is asked for single names only: it computes what a text
says, and ``9**9**9`` in a user's text would keep it busy for ever.  pint is imported when the first unit is converted.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from liebig.errors import UnitError, shown

if TYPE_CHECKING:
    import pint

__all__ = ["DIMENSIONLESS", "convert", "example_of", "is_growth"]

#: Units of numbers without a dimension.
DIMENSIONLESS = frozenset({"fraction", "x", "ratio", "exponent", "", "percent", "elasticity"})
#: Things that are counted: each a dimension of its own, so that tokens never pass for images.
_COUNTED = (
    "token = [token] = tokens = tok",
    "image = [image] = images",
    "parameter = [parameter] = params = parameters",
    "USD = [currency] = dollar = dollars",
    "FLOP = [operation] = FLOPs = OP",
    "H100e = [chip]",
    "wafer = [wafer] = wafers",
    "die = [die] = dies",
    "layer = [layer] = layers",
    "site = [site] = sites",
    "tool = [tool] = tools",
)
#: Longest text of a unit.
_LONGEST = 60
_TOKEN = re.compile(
    r"\s*(?:(?P<sign>[*/·×()]|per\b)|(?P<name>1\b|[^\W\d]\w*)(?:\s*(?:\*\*|\^)\s*(?P<power>[+-]?\d))?)\s*"
)
_RAISED = re.compile("⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]")
_PLAIN_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@functools.cache
def _registry() -> pint.UnitRegistry[float]:
    import pint

    registry: pint.UnitRegistry[float] = pint.UnitRegistry(cache_folder=None)
    for line in _COUNTED:
        registry.define(line)
    registry.define("MGD = 1e6 * US_liquid_gallon / day")
    registry.define("@alias year = y")
    return registry


def is_growth(unit: str) -> bool:
    """True for growth factors per year."""
    return unit == "x/yr"


@functools.lru_cache(maxsize=512)
def convert(unit: str, to: str) -> float:
    """Factor that turns a number in ``unit`` into a number in ``to``.

    >>> convert("GW", "W")
    1000000000.0
    >>> round(convert("MGD", "m3/day"), 1)
    3785.4

    Raises:
        UnitError: the units are unknown or measure different things.
    """
    if unit == to:
        return 1.0
    import pint

    try:
        return float(_quantity(unit).to(_quantity(to).units).magnitude)
    except pint.UndefinedUnitError as error:
        names = error.unit_names
        unknown = names if isinstance(names, str) else ", ".join(names)
        raise UnitError(
            f"unknown unit {unknown!r} in {unit!r}; expected a unit of {to!r}, e.g. {example_of(to)}"
        ) from None
    except pint.DimensionalityError:
        raise UnitError(
            f"{unit!r} does not measure the same thing as {to!r}; write the value in a unit of {to!r}, "
            f"e.g. {example_of(to)}"
        ) from None
    except Exception:  # pint raises errors of many kinds, among them for units that cannot be multiplied
        raise UnitError(f"{shown(unit)} is no unit; expected a unit of {to!r}, e.g. {example_of(to)}") from None


def _quantity(unit: str) -> pint.Quantity[float]:
    """One of a unit, as the product of its factors.

    Raises:
        ValueError: the text holds more than names, signs and small powers.
    """
    registry = _registry()
    found = registry.Quantity(1.0, "dimensionless")
    for name, power in () if unit in DIMENSIONLESS or is_growth(unit) else _factors(unit):
        found = found * registry.Quantity(1.0, name) ** power
    return found


def _factors(unit: str) -> list[tuple[str, int]]:
    """Names in the text of a unit, each with its power; from left to right, as ``W/m s`` is ``(W/m) s``.

    >>> _factors("USD/(kW yr)"), _factors("m3/day")
    ([('USD', 1), ('kW', -1), ('yr', -1)], [('m', 3), ('day', -1)])

    Raises:
        ValueError: so it cannot be read.
    """
    if len(unit) > _LONGEST:
        raise ValueError(unit)
    text = re.sub(r"\bm3\b", "m**3", _RAISED.sub(lambda digits: "**" + digits[0].translate(_PLAIN_DIGITS), unit))
    out: list[tuple[str, int]] = []
    signs, sign, complete, at = [1], 1, False, 0  # of the brackets that are open, and of the factor that follows
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or (not complete and token["sign"] not in (None, "(")):
            raise ValueError(unit)
        at = token.end()
        if token["sign"] == "(":
            signs.append(signs[-1] * sign)
        elif token["sign"] == ")":
            signs.pop()
        elif token["name"] not in (None, "1"):
            out.append((token["name"], signs[-1] * sign * int(token["power"] or 1)))
        complete = token["sign"] in (None, ")")
        sign = -1 if token["sign"] in ("/", "per") else 1
    if len(signs) != 1 or not complete:
        raise ValueError(unit)
    return out


def example_of(unit: str) -> str:
    """How a quantity in a unit may be written, for messages.

    >>> example_of("W")
    "'10 GW'"
    """
    examples = {
        "W": "'10 GW'",
        "W/yr": "'5 GW/yr'",
        "s": "'200 d'",
        "tokens": "'15T tokens'",
        "USD": "'USD 5M'",
        "fraction": "'30%' or '0.3'",
        "x/yr": "'1.3' or '30%/yr'",
        "x": "'1.5'",
        "FLOP": "'2e29 FLOP'",
        "FLOP/s": "'2e15 FLOP/s'",
        "yr": "'5 yr'",
        "m3/day": "'4 MGD'",
        "bit/s": "'800 Tbit/s'",
    }
    return examples.get(unit, f"'1.0 {unit}'" if unit else "'1.0'")
