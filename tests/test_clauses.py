"""Values from a date on: one grammar, the checks of a plain value, and one sentence for what cannot be."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liebig.catalog import load_catalog
from liebig.catalog.rows import ParameterRow
from liebig.dates import start_of
from liebig.errors import ConflictError, InputError, RangeError, UnitError
from liebig.forecast.inputs import make_input
from liebig.forecast.stated import Stated, parameter_marginal, state_parameters

NAMES = ("run.duration_s", "power.campus_w", "power.smr_w", "run.share", "chips.performance_growth", "data.quality")


@functools.cache
def _rows() -> Mapping[str, ParameterRow]:
    return load_catalog().parameters("2026")


def _state(how: str, name: str, text: str) -> tuple[Stated, list[str]]:
    rows = {n: r for n, r in _rows().items() if r.role == "model"}
    notes: list[str] = []
    marginals = {n: parameter_marginal(r) for n, r in rows.items()}
    return state_parameters(make_input(**{how: {name: text}}), rows, marginals, notes, 2025), notes


@pytest.mark.parametrize(
    ("text", "year", "ramp_yr"),
    [
        ("200 d from 2028", 2028.0, 0.0),
        ("200d from 2028-07", start_of("2028-07"), 0.0),
        ("200d from 2028-07-15", start_of("2028-07-15"), 0.0),
        ("200d from 2028.5", 2028.5, 0.0),
        ("200d FROM 2028", 2028.0, 0.0),
        ("  200d   From\t2028  ", 2028.0, 0.0),
        ("200d from 2028 over 2 yr", 2028.0, 2.0),
        ("200d from 2028 OVER 2yr ", 2028.0, 2.0),
        ("200d from 2028 over 2", 2028.0, 2.0),
        ("200d from 2028 over 2y", 2028.0, 2.0),
        ("200d from 2028 over 3 years", 2028.0, 3.0),
        ("200d from 2028 over 18 months", 2028.0, 1.5),
        ("point(200 d) from 2028", 2028.0, 0.0),
    ],
)
def test_dates_and_durations_are_read_as_elsewhere(text: str, year: float, ramp_yr: float) -> None:
    for how in ("set", "add"):
        (change,) = _state(how, "duration", text)[0].changes
        assert (change.op, change.from_year, change.ramp_yr) == (how, year, ramp_yr)
        assert change.effect.tolist() == pytest.approx([200 * 86400.0])


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("200d from 2028-13", InputError, "'2028-13' is no date; expected YYYY, YYYY-MM or YYYY-MM-DD"),
        ("200d from 20288", InputError, "'20288' is no date; expected YYYY"),
        ("200d from 2028 2029", InputError, "'2028 2029' is no date; expected YYYY"),
        ("200d from next year", InputError, "'next year' is no date; expected YYYY"),
        ("200d from 2019", RangeError, "from 2019 is out of range; expected a date of the forecast, 2020 or later"),
        ("200d from 2028 over -2 yr", RangeError, "over '-2 yr' is out of range; expected 0 to 100 yr"),
        ("200d from 2028 over 1e9 yr", RangeError, "over '1e9 yr' is out of range; expected 0 to 100 yr"),
        ("200d from 2028 over 3 GW", UnitError, "'GW' does not measure the same thing as 'yr'"),
        ("200d over 2 yr from 2028", InputError, "expected VALUE from DATE or VALUE from DATE over DURATION"),
        ("200d over 2 yr", InputError, "expected VALUE from DATE or"),
        ("200d from 2028 from 2029", InputError, "expected VALUE from DATE or"),
        ("200d from", InputError, "expected VALUE from DATE or"),
        ("from 2028", InputError, "expected VALUE from DATE or"),
        ("200d from 2028 over", InputError, "expected VALUE from DATE or"),
        ("60d..180d..270d from 2028", InputError, "takes one value, not a distribution; write e.g. '180 d from 2030'"),
        ("60d..270d from 2028", InputError, "takes one value, not a distribution; write e.g."),
        ("p10 60d p50 180d p90 270d from 2028", InputError, "takes one value, not a distribution"),
        ("uniform(60 d, 270 d) from 2028", InputError, "takes one value, not a distribution"),
        ("1 2 3 from 2028", UnitError, "run.duration_s = '1 2 3': '2 3' is no unit; expected a unit of 's'"),
        ("3 GW from 2028", UnitError, "'GW' does not measure the same thing as 's'"),
        ("soon from 2028", UnitError, "'soon' is not a quantity; expected a number with a unit, e.g. '200 d'"),
        ("1e99 s from 2028", RangeError, "too large to compute with"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(text: str, error: type[InputError], words: str) -> None:
    for how in ("set", "add"):
        with pytest.raises(InputError) as caught:
            _state(how, "duration", text)
        assert type(caught.value) is error
        assert words in str(caught.value)
        assert "duration" in str(caught.value)
        assert "\n" not in str(caught.value)


#: Texts that are a value, or none, whether for all years or from one on.
PLAIN = [
    "90",
    "200 d",
    "-3 d",
    "0 d",
    "1e99 s",
    "200",
    "5 GW",
    "soon",
    "nan s",
    "inf s",
    "2 3",
    "p90",
    "9**9**9 s",
    "1",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", [*PLAIN, "10 GW", "10 W", "30%", "1.4", "130%", "40%/yr", "12x/yr", "1e-9"])
def test_a_change_is_checked_as_a_plain_value_is(name: str, text: str) -> None:
    """The fault that was: a value of 90 seconds from 2028 on passed without the question that one of all years met."""

    def outcome(written: str) -> object:
        try:
            return _state("set", name, written)[1]
        except InputError as error:
            return type(error), str(error)

    assert outcome(f"{text} from 2028") == outcome(text)


def test_an_added_amount_of_another_size_is_asked_about() -> None:
    assert "is the unit right?" in "".join(_state("add", "power.campus_w", "10 from 2032")[1])
    assert not _state("add", "power.campus_w", "1 GW from 2032")[1]


def test_a_pin_holds_in_all_years() -> None:
    with pytest.raises(InputError, match="pin duration=200d from 2028: a pin holds in all years"):
        _state("pin", "duration", "200d from 2028")
    with pytest.raises(ConflictError):
        state_parameters(
            make_input(set={"duration": "200d from 2028"}, pin={"run.duration_s": "200d"}), _rows(),
            {n: parameter_marginal(r) for n, r in _rows().items() if r.role == "model"}, [], 2025,
        )  # fmt: skip


PIECES = st.sampled_from(
    ["from", "over", "FROM", "2028", "2028-07", "-2 yr", "10", "GW", "d", "..", "p10", "p90", "%", "1e400", "9**9**9",
     "(", ")", "uniform", ",", "point(1)", "nan", "\ud800", "\0", "/", "s", "yr", "²", "-", "+"]
)  # fmt: skip


@given(
    st.sampled_from(["set", "pin", "add"]),
    st.sampled_from(NAMES),
    st.text(max_size=30) | st.lists(PIECES | st.text(max_size=3), max_size=8).map(" ".join)
    | st.lists(PIECES).map("".join),
)  # fmt: skip
def test_any_text_is_read_or_refused(how: str, name: str, text: str) -> None:
    try:
        _state(how, name, text)
    except InputError as error:
        assert str(error)
