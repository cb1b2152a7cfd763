"""When a run of so many FLOP is within reach, and how likely."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liebig
from liebig.errors import InputError, LiebigError
from liebig.forecast.inputs import make_input
from liebig.forecast.reach import find_reach, parse_flop

if TYPE_CHECKING:
    from .conftest import Cli

SIZES = (1e26, 1e27, 1e28, 1e29, 1e30)


@pytest.fixture(scope="module")
def reach():
    return find_reach(make_input(samples=1024), SIZES)


def test_shares_rise_with_time_and_fall_with_size(reach) -> None:
    for one in reach.of:
        for by in (one.feasible_by, one.expected_by):
            assert list(by.values()) == sorted(by.values())
        assert all(one.expected_by[y] <= one.feasible_by[y] for y in reach.years)
        assert one.feasible.p50 <= one.expected.p50
    for small, large in zip(reach.of, reach.of[1:], strict=False):
        assert all(large.feasible_by[y] <= small.feasible_by[y] for y in reach.years)
        assert small.expected.p50 <= large.expected.p50


def test_shares_are_those_of_the_forecast(reach) -> None:
    """Half of the futures expect the median expected run of a year by then, or had it before."""
    forecast = liebig.forecast(samples=1024)
    i = forecast.at(2030)
    one = find_reach(make_input(samples=1024), [float(forecast.expected[i][2])]).of[0]
    assert one.expected_by[2030] == pytest.approx(0.5, abs=0.02)
    low = find_reach(make_input(samples=1024), [float(forecast.minimum[i][0])]).of[0]
    assert low.feasible_by[2030] == pytest.approx(0.9, abs=0.02)


def test_the_record_of_2026_is_expected_since(reach) -> None:
    """GPT-6 Astra is put at 1.0e27: whatever the trend says, such a run exists from then on."""
    one = reach.of[SIZES.index(1e27)]
    assert one.expected_by[2027] > 0.97
    assert one.expected.p90 < 2027


def test_a_date_beyond_the_last_year_is_none(reach) -> None:
    far = find_reach(make_input(samples=64), ["1e35"])
    assert math.isinf(far.of[0].feasible.p10)
    assert far.to_dict()["runs"][0]["feasible_from"] == {"p10": None, "p50": None, "p90": None}
    assert "after 2040" in far.summary()
    assert "before 2025" in find_reach(make_input(samples=64), ["1e20"]).summary()


def test_command_and_python(cli: Cli) -> None:
    text = cli("forecast", "--at", "1e28", "--at", "2e29 FLOP", "--samples", "256").stdout
    assert "A run of 1.00e28 FLOP: feasible" in " ".join(text.split())
    answer = json.loads(cli("forecast", "--at", "1e28", "--samples", "256", "--json").stdout)
    same = liebig.forecast.reach("1e28", samples=256).to_dict()
    assert answer["runs"] == same["runs"]
    cli("forecast", "--at", "1e28", "--samples", "64", "--csv", "at.csv")
    assert (cli.folder / "at.csv").read_text(encoding="utf-8").startswith("flop,year,feasible,expected")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--at", "1x"], "'1x' is no size of a run; expected FLOP, e.g. 1e28 or '1e28 FLOP'"),
        (["--at", "1e50"], "'1e50' is out of range; expected 1e18 to 1e40 FLOP"),
        (["--at", "1 GW"], "'1 GW' is no size of a run"),
        (["--at", "nan"], "'nan' is out of range"),
        (["--at", "1e28", "--year", "2030"], "--at looks at all years; leave out --year, --from and --until"),
        (["--at", "1e28", "--plot", "a.svg"], "this answer has no such form"),
    ],
)
def test_what_cannot_be_asked(cli: Cli, words: list[str], told: str) -> None:
    assert told in " ".join(cli.fails("forecast", *words).split())
    assert not list(cli.folder.iterdir())


@settings(max_examples=200)
@given(st.text(max_size=12) | st.floats().map(str))
def test_any_text_is_a_size_or_a_sentence(text: str) -> None:
    try:
        assert 1e18 <= parse_flop(text) <= 1e40
    except LiebigError as error:
        assert isinstance(error, InputError)
        assert np.all([word in str(error) for word in ("expected", "FLOP")])
