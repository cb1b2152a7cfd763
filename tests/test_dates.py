"""What a date means is decided in one place: when it is, from when it counts, which year it belongs to."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import liebig
from liebig.dates import calendar_year, decimal_year, start_of, utc_day, utc_seconds, utc_text, year_named_in
from liebig.errors import InputError

ROOT = Path(liebig.__file__).parent


@pytest.mark.parametrize(
    ("text", "middle", "start"),
    [
        ("2026", 2026.5, 2026.0),
        ("2026-01", 2026 + 15.5 / 365, 2026.0),
        ("2026-03", 2026 + 74.5 / 365, 2026 + 59 / 365),
        ("2026-12", 2026 + 349.5 / 365, 2026 + 334 / 365),
        ("2026-03-15", 2026 + 73 / 365, 2026 + 73 / 365),
        ("2026-01-01", 2026.0, 2026.0),
        ("2024-02", 2024 + 45.5 / 366, 2024 + 31 / 366),  # a leap year: February has 29 days, the year 366
        ("2024-02-29", 2024 + 59 / 366, 2024 + 59 / 366),
        ("2024-12-31", 2024 + 365 / 366, 2024 + 365 / 366),
        ("1900-03-01", 1900 + 59 / 365, 1900 + 59 / 365),  # no leap year
        ("2000-03-01", 2000 + 60 / 366, 2000 + 60 / 366),  # a leap year
        ("9999-12", 9999 + 349.5 / 365, 9999 + 334 / 365),
    ],
)
def test_a_date_is_its_middle_or_its_start(text: str, middle: float, start: float) -> None:
    assert decimal_year(text) == pytest.approx(middle, abs=1e-12, rel=0)
    assert start_of(text) == pytest.approx(start, abs=1e-12, rel=0)
    assert calendar_year(text) == int(text[:4])


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2200, 12, 31)))
def test_days_are_the_share_of_the_year_before_them(day: datetime.date) -> None:
    """By NumPy's calendar."""
    moment, year = np.datetime64(day), np.datetime64(day, "Y")
    days = ((year + 1).astype("M8[D]") - year.astype("M8[D]")) / np.timedelta64(1, "D")
    expected = day.year + (moment - year.astype("M8[D]")) / np.timedelta64(1, "D") / days
    assert decimal_year(day.isoformat()) == pytest.approx(expected, abs=1e-12, rel=0)


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2200, 12, 31)))
def test_less_is_said_of_the_same_time(day: datetime.date) -> None:
    """The start of a month or a year does not lie after a day in it, its middle lies within; days keep their order."""
    month, year = day.isoformat()[:7], day.isoformat()[:4]
    for text in (month, year):
        assert start_of(text) <= start_of(day.isoformat()) < start_of(text) + 1.0
        assert start_of(text) < decimal_year(text) < start_of(text) + 1.0
        assert calendar_year(text) == day.year
    assert decimal_year((day + datetime.timedelta(days=1)).isoformat()) > decimal_year(day.isoformat())


@pytest.mark.parametrize("when", [2027, 2027.0, "2027", "2027.0", "2027-01", "2027-01-01"])
def test_from_when_on_may_be_a_number_too(when: str | float) -> None:
    assert start_of(when) == 2027.0


def test_a_year_with_decimals_says_from_when_but_not_when() -> None:
    assert start_of("2027.25") == 2027.25
    with pytest.raises(InputError):
        decimal_year("2027.25")


BAD = ["", "soon", "26", "2026-", "2026-3", "2026-00", "2026-13", "2026-02-29", "2026-04-31", "2026-3-1", "-2026",
       "2026-03-15-1", "2026/03", "20260315", "2026-W11-7", " 2026", "2026\n", "٢٠٢٦", "0000", "inf", "nan",
       "2026-03-15T00:00"]  # fmt: skip


@pytest.mark.parametrize("read", [decimal_year, start_of, calendar_year])
@pytest.mark.parametrize("text", BAD)
def test_what_is_no_date_is_refused_with_what_was_expected(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(InputError, match="is no date; expected YYYY, YYYY-MM or YYYY-MM-DD") as error:
        read(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("text", "year"),
    [("2023-2024", 2023), ("2024..2025", 2024), ("2024-03", 2024), ("Q3 2025", 2025), ("", None), ("1999", None)],
)
def test_years_named_in_free_text(text: str, year: int | None) -> None:
    assert year_named_in(text) == year


@given(st.integers(0, 4_000_000_000))
def test_times_as_text_and_back(at: int) -> None:
    text = utc_text(float(at))
    assert text is not None
    assert utc_seconds(text) == at
    assert text.startswith(utc_day(at))
    assert utc_seconds(utc_day(at)) == at - at % 86400


def test_times_with_a_zone() -> None:
    assert utc_seconds("2026-11-30T12:00+02:00") == utc_seconds("2026-11-30T10:00")
    assert utc_text(None) is None
    for text in ("soon", "2026-13-01", ""):
        with pytest.raises(InputError, match="is no date"):
            utc_seconds(text)


#: Places that look as if they read a date and do not: (file, function) -> what they do.
NO_DATES = {
    ("forecast/words.py", "_binding_sentence"): "the first four limits",
    ("forecast/world.py", "build_world"): "the column at_year, a number",
    ("route/learn/data.py", "labelled_from"): "the first ten problems",
    ("web/server.py", "malformed"): "the first ten errors",
    ("route/gateway/failures.py", "retry_after_s"): "a date of HTTP, read by the standard library",
}
#: Functions of the standard library that read dates.
_READERS = ("fromisoformat", "strptime", "timetuple", "toordinal", "fromordinal", "parsedate_to_datetime")


def _looks_like_a_reading(node: ast.AST) -> bool:
    """A year cut off a text, a year turned into a number, a text split at its dashes, or a reader of the library."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        upper = node.slice.upper
        return node.slice.lower is None and isinstance(upper, ast.Constant) and upper.value in (4, 7, 10)
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        dashes = node.func.attr == "split" and [ast.unparse(a) for a in node.args] == ["'-'"]
        return dashes or node.func.attr in _READERS
    if isinstance(node.func, ast.Name) and node.func.id in ("float", "int") and node.args:
        return any(word in _last_name(node.args[0]) for word in ("year", "date", "release"))
    return False


def _last_name(node: ast.AST) -> str:
    """``year`` of ``year``, ``bench.year`` and ``match["year"]``."""
    if isinstance(node, ast.Subscript):
        return str(node.slice.value) if isinstance(node.slice, ast.Constant) else ""
    return getattr(node, "id", getattr(node, "attr", ""))


def _readings(source: str) -> Iterator[tuple[str, int, str]]:
    """(function, line, code) of every place that looks as if it read a date by itself."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, int, str]]:
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
            if _looks_like_a_reading(child):
                yield inside, child.lineno, ast.unparse(child)  # type: ignore[attr-defined]
            yield from walk(child, inside)

    return walk(ast.parse(source), "")


def test_dates_are_read_in_one_place() -> None:
    found, allowed = [], set()
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name == "dates.py":
            continue
        for function, line, code in _readings(path.read_text(encoding="utf-8")):
            if (name, function) in NO_DATES:
                allowed.add((name, function))
            else:
                found.append(f"{name}:{line}, {function}: {code}; use liebig.dates")
    assert not found, "\n".join(found)
    assert allowed == set(NO_DATES), "these no longer stand there; take them off the list"


@pytest.mark.parametrize(
    "source",
    [
        "year = int(found[:4])",
        "month = date[:7]",
        "x = np.array([float(year)])",
        "x = float(match['year'])",
        "day = datetime.date.fromisoformat(text)",
        "y, m = text.split('-')",
        "t = datetime.strptime(text, '%Y')",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert list(_readings(source))
