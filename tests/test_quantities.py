"""Units at the edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liebig.errors import InputError, UnitError
from liebig.quantities import convert, format_quantity, format_scientific, parse_quantity

UNITS = ("W", "s", "USD", "tokens", "H100e", "FLOP", "yr", "km", "bit/s", "W/yr", "USD/yr", "m3/day", "bytes")


@given(st.floats(1e-6, 1e30), st.sampled_from(UNITS))
def test_what_is_written_is_read_back(value: float, unit: str) -> None:
    assert parse_quantity(f"{value!r} {unit}", unit) == pytest.approx(value, rel=1e-12)
    assert parse_quantity(format_quantity(value, unit, 12), unit) == pytest.approx(value, rel=1e-9)


@given(
    st.floats(1e-3, 1e6),
    st.sampled_from([("GW", "W", 1e9), ("MWh", "J", 3.6e9), ("d", "s", 86400.0), ("TB", "bytes", 1e12)]),
)
def test_there_and_back(value: float, units: tuple[str, str, float]) -> None:
    there, back, factor = units
    assert parse_quantity(f"{value!r}{there}", back) == pytest.approx(value * factor, rel=1e-12)
    assert convert(there, back) * convert(back, there) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("15.6T tokens", "tokens", 15.6e12),
        ("5 GW", "W", 5e9),
        ("1,000 MW", "W", 1e9),
        ("USD 5M", "USD", 5e6),
        ("$5M", "USD", 5e6),
        ("2e28 FLOP", "FLOP", 2e28),
        ("90d", "s", 90 * 86400.0),
        ("30%", "fraction", 0.3),
        ("3x/yr", "x/yr", 3.0),
    ],
)
def test_how_people_write(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "GW", "ten GW", "5 parsnips", "nan W", "inf W", "5 s", "1e999 W", "5 GW GW", "__import__('os')"]
)
def test_what_is_no_power(text: str) -> None:
    with pytest.raises(UnitError):
        parse_quantity(text, "W")


@given(st.text(max_size=20), st.sampled_from(UNITS))
def test_no_text_makes_it_crash(text: str, unit: str) -> None:
    try:
        parse_quantity(text, unit)
    except InputError as error:
        assert str(error)


def test_numbers_are_shown_with_two_digits() -> None:
    assert format_scientific(2.3456e29) == "2.3×10²⁹"
    assert format_quantity(5.04e9, "W") == "5.0 GW"
