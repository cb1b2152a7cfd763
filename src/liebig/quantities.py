"""Quantities at the edge: ``"10 GW"`` and ``"15.6T tokens"`` <-> plain floats in model units.

Inside liebig a number is a float whose unit is fixed by the parameter it belongs to (SI, with
the counted things of the field: tokens, H100e, FLOP, USD).  People write and read other units;
the conversion happens here, by the factors of :mod:`liebig.units`, and nowhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from liebig.errors import UnitError
from liebig.units import DIMENSIONLESS, convert, example_of, is_growth

__all__ = ["counted", "format_factor", "format_interval", "format_quantity", "format_scientific", "parse_quantity"]

_NUMBER = r"[+-]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
#: A comma or underscore may stand only between groups of three digits: "5,5" is more likely five and a half.
_GROUPED = re.compile(r"[+-]?(?:\d*|\d{1,3}(?:,\d{3})+|\d{1,3}(?:_\d{3})+)(?:\.\d*)?(?:[eE].*)?")
_TEXT = re.compile(
    rf"^(?P<currency>USD|US\$|\$)?\s*(?P<number>{_NUMBER}|[+-]?(?:inf|Inf|INF)|nan|NaN|NAN)\s*"
    r"(?:(?P<multiple>thousand|million|billion|trillion|bn|tn|[kKMBT])(?=\s|$))?\s*(?P<unit>.*)$",
)
_MULTIPLES = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
    "t": 1e12,
    "tn": 1e12,
    "trillion": 1e12,
}


def parse_quantity(text: str | float, unit: str) -> float:
    """Read a quantity as a float in ``unit``, the unit of the model.

    A bare number is taken to be in ``unit``.  ``k``, ``M``, ``B``, ``T`` after a number and
    before a blank multiply; ``%`` divides by 100, and for a growth factor (``x/yr``) adds one.

    >>> parse_quantity("10GW", "W")
    10000000000.0
    >>> parse_quantity("15.6T tokens", "tokens")
    15600000000000.0
    >>> parse_quantity("200d", "s")
    17280000.0
    >>> parse_quantity("30%/yr", "x/yr")
    1.3
    >>> parse_quantity("USD 5M", "USD")
    5000000.0

    Raises:
        UnitError: no number, an unknown unit, the wrong dimension, or not a number.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return _finite(_float(text), str(text), unit)
    if isinstance(text, bool) or (match := _TEXT.match(text.strip())) is None:
        raise UnitError(f"{text!r} is not a quantity; expected a number with a unit, e.g. {example_of(unit)}")
    number = match["number"]
    if ("," in number or "_" in number) and not _GROUPED.fullmatch(number):
        raise UnitError(f"{text!r}: {number!r} can be read in two ways; write a decimal point, e.g. {example_of(unit)}")
    value = float(number.replace(",", "").replace("_", ""))
    if match["multiple"]:
        value *= _MULTIPLES[match["multiple"].lower()]
    written = match["unit"].strip()
    if match["currency"]:
        written = f"USD{written}" if written.startswith("/") else (written or "USD")
    return _finite(_in_unit(value, written, unit, text), text, unit)


def _in_unit(value: float, written: str, unit: str, text: str) -> float:
    if not written:
        return value
    if written == "percent":
        written = "%"
    if written.startswith("%"):
        rest = written[1:].strip()
        if is_growth(unit) and rest in {"", "/yr", "/y", "/year", "per year", "/a"}:
            return round(1.0 + value / 100.0, 15)
        if unit in DIMENSIONLESS and not rest:
            return value / 100.0
        raise UnitError(f"{text!r} is a percentage, but {unit!r} is expected, e.g. {example_of(unit)}")
    if is_growth(unit) and written in {"x", "x/yr", "/yr", "x/y", "x/year", "×", "×/yr"}:
        return value
    if unit in DIMENSIONLESS and written in DIMENSIONLESS | {"×"}:
        return value
    return value * convert(written, unit)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number beyond what a float holds
        return math.inf


def _finite(value: float, text: str, unit: str) -> float:
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is not a finite number; expected a value in {unit!r}, e.g. {example_of(unit)}")
    return value


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_scientific(value: float, digits: int = 2) -> str:
    """A number as a person writes it: ``2.3×10²⁹``.

    >>> format_scientific(2.31e29)
    '2.3×10²⁹'
    >>> format_scientific(9.99e28)
    '1.0×10²⁹'
    """
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0 or math.isnan(value):
        return "0" if value == 0 else "–"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def format_factor(value: float) -> str:
    """A factor: two decimals or two digits, so that a small one does not read as nothing.

    >>> [format_factor(x) for x in (1.357, 11.2, 0.46, 0.0032, 4.1e-7, 11234.0, 0.0)]
    ['×1.36', '×11', '×0.46', '×0.0032', '×4.1×10⁻⁷', '×11,000', '×0']
    """
    size = abs(value)
    if not math.isfinite(value) or (size and not 1e-3 <= size < 1e6):
        return f"×{format_scientific(value)}"
    if size < 0.1:
        return f"×{value:.2g}"
    return f"×{value:.2f}" if size < 10 else f"×{value:.0f}" if size < 1000 else f"×{float(f'{value:.2g}'):,.0f}"


#: model unit -> (smallest value, divisor, text), largest first
_SCALES: dict[str, tuple[tuple[float, float, str], ...]] = {
    "W": ((1e12, 1e12, "TW"), (1e9, 1e9, "GW"), (1e6, 1e6, "MW"), (1e3, 1e3, "kW"), (0, 1, "W")),
    "W/yr": ((1e9, 1e9, "GW/yr"), (1e6, 1e6, "MW/yr"), (1e3, 1e3, "kW/yr"), (0, 1, "W/yr")),
    "s": (
        (2 * 31557600.0, 31557600.0, "yr"),
        (86400.0, 86400.0, "d"),
        (3600.0, 3600.0, "h"),
        (1, 1, "s"),
        (1e-3, 1e-3, "ms"),
        (1e-6, 1e-6, "us"),
        (0, 1e-9, "ns"),
    ),
    "bit/s": ((1e15, 1e15, "Pbit/s"), (1e12, 1e12, "Tbit/s"), (1e9, 1e9, "Gbit/s"), (0, 1, "bit/s")),
    "B/s": ((1e12, 1e12, "TB/s"), (1e9, 1e9, "GB/s"), (0, 1, "B/s")),
}
#: (smallest value, divisor, letter)
_COUNT_SCALES = ((1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))


def format_quantity(value: float, unit: str, digits: int = 2) -> str:
    """Write a model value for people, in a unit that :func:`parse_quantity` reads back.

    >>> format_quantity(1.04e10, "W", 3)
    '10.4 GW'
    >>> format_quantity(1.728e7, "s")
    '200 d'
    >>> format_quantity(5.1e14, "tokens")
    '510T tokens'
    >>> format_quantity(2.3e29, "FLOP")
    '2.3e29 FLOP'
    >>> format_quantity(0.26, "fraction")
    '26%'
    """
    if math.isinf(value) or math.isnan(value):
        return str(value)
    if unit in _SCALES:
        size = abs(value)
        for least, divisor, text in _SCALES[unit]:
            if size >= least * (1 - 0.5 * 10.0**-digits):
                return f"{_plain(value / divisor, digits)} {text}"
    if unit == "fraction":
        return f"{_plain(100 * value, digits)}%"
    if unit.startswith(("FLOP", "exponent")) and (abs(value) >= 1e6):
        return f"{value:.{digits - 1}e} {unit}".replace("e+", "e")
    if unit in DIMENSIONLESS or is_growth(unit):
        return f"{_plain(value, digits + 1)}{'' if unit in ('', 'ratio', 'exponent', 'elasticity') else ' ' + unit}"
    for least, divisor, letter in _COUNT_SCALES:
        if abs(value) >= least * (1 - 0.5 * 10.0**-digits) and abs(value) < 1e16:
            return f"{_plain(value / divisor, digits)}{letter} {unit}"
    return f"{_plain(value, digits)} {unit}"


def format_interval(
    interval: Sequence[float | None], unit: str = "", write: Callable[[float], str] | str | None = None
) -> str:
    """Write p10, p50 and p90 as ``p50 (p10–p90)`` for people, with the unit once where all share it.

    Args:
        interval: the three numbers in this order; any of them may be None, and is left out.
        unit: of the model; FLOP are written as powers of ten.
        write: what writes one number where the unit's way does not fit: a function, or a format such as ``".3g"``.

    >>> format_interval((2.3e9, 8.7e9, 4.3e10), "W")
    '8.7 (2.3–43) GW'
    >>> format_interval((2.3e8, 8.7e9, 4.3e10), "W")
    '8.7 GW (230 MW–43 GW)'
    >>> format_interval((1e28, None, 3e29), "FLOP")
    '1.0×10²⁸–3.0×10²⁹'
    >>> format_interval((0.5, 1.234, 3.0), write=".2f")
    '1.23 (0.50–3.00)'
    """
    low, middle, high = interval
    stated = [v for v in (middle, low, high) if v is not None]
    if write is not None:
        texts, shared = [format(v, write) if isinstance(write, str) else write(v) for v in stated], ""
    elif unit == "FLOP":
        texts, shared = [format_scientific(v) for v in stated], ""
    else:
        texts = [format_quantity(v, unit) for v in stated]
        shared = texts[0].partition(" ")[2]
        if not shared or any(text.partition(" ")[2] != shared for text in texts):
            shared = ""
        texts = [text.partition(" ")[0] for text in texts] if shared else texts
    written = texts if middle is None else texts[1:]
    ends = "–".join(written)
    if middle is not None:
        ends = f"{texts[0]} ({ends})" if ends else texts[0]
    return f"{ends} {shared}" if shared else ends


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number of things in words.

    >>> counted(1, "run"), counted(1200, "search", "searches")
    ('1 run', '1,200 searches')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _plain(value: float, digits: int) -> str:
    """``value`` with ``digits`` significant digits, without an exponent between 1e-4 and 1e16."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if not -4 <= exponent < 16:
        return f"{value:.{digits - 1}e}".replace("e+", "e")
    rounded = round(value, digits - 1 - exponent)
    return f"{rounded:.{max(0, digits - 1 - math.floor(math.log10(abs(rounded))))}f}"
