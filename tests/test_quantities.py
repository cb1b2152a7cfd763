"""Units at the edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liebig.errors import InputError, UnitError
from liebig.quantities import format_quantity, format_scientific, parse_quantity
from liebig.units import convert

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


@pytest.mark.parametrize(
    ("unit", "to", "factor"),
    [
        ("m²", "cm**2", 1e4), ("m^3/day", "m3/day", 1.0), ("USD/(kW yr)", "USD/W/yr", 1e-3),
        ("1/yr", "1/day", 1 / 365.25), ("kW per tool per yr", "W/tool/yr", 1e3), ("W/m s", "W s/m", 1.0),
        ("GW·h", "J", 3.6e12), ("m⁻¹", "1/m", 1.0), ("y", "d", 365.25),
    ],
)  # fmt: skip
def test_units_are_products_of_names(unit: str, to: str, factor: float) -> None:
    assert convert(unit, to) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(
    "unit",
    ["USD/(kW (h / 2))", "W**-9**9", "9 W", "W)", "(W", "W/", "*W", "W//s", "W)(", "W degC", "W + W", "W:", "W" * 61],
)
def test_what_is_no_unit_is_refused_in_liebigs_words(unit: str) -> None:
    with pytest.raises(UnitError, match=r"… is no unit|' is no unit; expected a unit of 'W', e\.g\. '10 GW'"):
        convert(unit, "W")


@pytest.mark.parametrize("text", ["1 9**9**9**9 W", "1 W**999999999", "1 W squared squared", "1 " + "W*" * 9999 + "W"])
def test_no_unit_is_computed_for_ever(text: str) -> None:
    """pint evaluates powers of powers; a text of a user must not keep a server busy."""
    with pytest.raises(UnitError):
        parse_quantity(text, "W")


def test_percent_is_a_hundredth() -> None:
    assert parse_quantity("30 percent", "fraction") == 0.3
    with pytest.raises(UnitError, match="is not a finite number"):
        parse_quantity(10**400, "W")
