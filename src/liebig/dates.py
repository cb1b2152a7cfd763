"""Dates: what a text says about time, as numbers, and times as text.

A year is read in two ways, and each has its own function, because the same text serves both:

* *When* was or will it be?  A price of 2026, a run of 2026-03: the text leaves a span open, and its middle is the
  reading that is wrong by half the span at most and by nothing on average.  :func:`decimal_year`.
* *From when* on?  The years of a forecast, the first year of a lever or of a change: they begin with the first moment
  of what is named, so a year means its first of January.  :func:`start_of`.

A day is one moment, its beginning, in both.  Which calendar year something belongs to, whole, says
:func:`calendar_year`.
"""

from __future__ import annotations

import datetime
import math
import re
import time

from liebig.errors import InputError

__all__ = [
    "calendar_year",
    "decimal_year",
    "month_of",
    "start_of",
    "utc_day",
    "utc_seconds",
    "utc_text",
    "year_named_in",
]

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_DECIMAL = re.compile(r"\d{4}\.\d+", re.ASCII)
_YEAR = re.compile(r"(?<!\d)20\d\d", re.ASCII)


def decimal_year(text: str) -> float:
    """When a date is, as a year with decimals: the middle of what it leaves open, a day exactly.

    >>> decimal_year("2026"), round(decimal_year("2026-03"), 3), round(decimal_year("2026-03-15"), 3)
    (2026.5, 2026.204, 2026.2)
    >>> decimal_year("2026-01-01")
    2026.0

    Raises:
        InputError: it is no date.
    """
    first, after = _span(text)
    return (first + after) / 2.0


def start_of(when: str | float) -> float:
    """The first moment of a year, month or day, as a year with decimals; a number is one already.

    >>> start_of(2027), start_of("2027"), start_of("2027.5"), start_of("2027-01-01")
    (2027.0, 2027.0, 2027.5, 2027.0)
    >>> round(start_of("2027-07"), 3)
    2027.496

    Raises:
        InputError: it is neither a date nor a year with decimals.
    """
    if not isinstance(when, str):
        return float(when)
    return float(when) if _DECIMAL.fullmatch(when) else _span(when)[0]


def calendar_year(when: str | float) -> int:
    """The year that a date, or a year with decimals, belongs to.

    >>> calendar_year("2026-12-31"), calendar_year(2026.9)
    (2026, 2026)

    Raises:
        InputError: it is no date.
    """
    return math.floor(_span(when)[0] if isinstance(when, str) else when)


def month_of(when: float) -> str:
    """The month that a moment, a year with decimals, lies in.

    >>> month_of(2026.0), month_of(decimal_year("2027-12-31"))
    ('2026-01', '2027-12')
    """
    year = calendar_year(when)
    days = (datetime.date(year + 1, 1, 1) - datetime.date(year, 1, 1)).days
    return (
        f"{datetime.date(year, 1, 1) + datetime.timedelta(days=min(math.floor((when - year) * days), days - 1)):%Y-%m}"
    )


def year_named_in(text: str) -> int | None:
    """The first year from 2000 to 2099 that a free text names, None where it names none.

    >>> year_named_in("2023-2024"), year_named_in("autumn 2024"), year_named_in("soon")
    (2023, 2024, None)
    """
    found = _YEAR.search(text)
    return None if found is None else int(found[0])


def _span(text: str) -> tuple[float, float]:
    """First moment of a date and the first one after it, as years with decimals; a day is one moment."""
    match = _DATE.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        year, month, day = (None if part is None else int(part) for part in match.groups())
        assert year is not None
        first = _moment(datetime.date(year, 1 if month is None else month, 1 if day is None else day))
    except ValueError:
        raise InputError(f"{text!r} is no date; expected YYYY, YYYY-MM or YYYY-MM-DD") from None
    if day is not None:
        return first, first
    if month is None or month == 12:
        return first, year + 1.0
    return first, _moment(datetime.date(year, month + 1, 1))


def _moment(day: datetime.date) -> float:
    """The beginning of a day, its year being 365 or 366 days long."""
    days = datetime.date(day.year, 12, 31).timetuple().tm_yday
    return day.year + (day.timetuple().tm_yday - 1) / days


def utc_text(at: float | None) -> str | None:
    """Seconds since 1970 as text in UTC; None stays None.

    >>> utc_text(0.0)
    '1970-01-01T00:00:00Z'
    """
    return None if at is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def utc_day(at: float) -> str:
    """The day in UTC of seconds since 1970.

    >>> utc_day(86400.0)
    '1970-01-02'
    """
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def utc_seconds(text: str) -> float:
    """Seconds since 1970 of a day or a time, in UTC unless it names a zone.

    >>> utc_seconds("1970-01-02"), utc_seconds("1970-01-01T02:00+01:00")
    (86400.0, 3600.0)

    Raises:
        InputError: it is neither.
    """
    try:
        moment = datetime.datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is no date; expected a day such as 2026-11-30, or 2026-11-30T14:00") from None
