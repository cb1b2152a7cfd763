"""What rows of facts are made of: numbers, dates, names, and the columns that every row has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from liebig.dates import decimal_year
from liebig.errors import InputError

__all__ = [
    "GRADES", "Date", "DateIfKnown", "FactRow", "Figure", "Grade", "Headline", "Identifier", "Number", "Positive",
]  # fmt: skip

Grade = Literal["measured", "reported", "vendor claim", "judgement"]
GRADES: dict[str, str] = {"measured": "●", "reported": "◐", "vendor claim": "○", "judgement": "◇"}

_DATE = r"^\d{4}(-\d{2}(-\d{2})?)?$"


def _finite(value: Any) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in {"nan", "inf", "-inf", "+inf", "infinity", "-infinity"}:
            raise ValueError(f"{text!r} is not a finite number; leave the cell empty when the value is not known")
    if isinstance(value, int) and abs(value) > 1e300:
        raise ValueError("is too large a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number; leave the cell empty when the value is not known")
    return value


Number = Annotated[float, BeforeValidator(_finite)]
Positive = Annotated[float, BeforeValidator(_finite), Field(ge=0)]


def _real_date(text: str) -> str:
    try:
        decimal_year(text)
    except InputError as error:
        raise ValueError(str(error)) from None
    return text


Date = Annotated[str, Field(pattern=_DATE), AfterValidator(_real_date)]
DateIfKnown = Literal[""] | Date
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Headline(NamedTuple):
    """A column that says what a row is about.

    ``unit`` is empty where the row's own unit holds; ``low`` and ``high`` name the columns of its interval,
    ``against`` the column of a value that it is held against.
    """

    column: str
    unit: str = ""
    low: str = ""
    high: str = ""
    against: str = ""


class Figure(NamedTuple):
    """What a row is about, from its headline columns.

    ``value`` is a number or a text; None where the row has only an interval, ``low`` to ``high``, or no figure at all:
    then ``reason`` says why.
    """

    column: str
    value: float | str | None
    unit: str
    low: float | None = None
    high: float | None = None
    against: float | None = None
    reason: str = ""


def _neither(columns: Sequence[Headline]) -> str:
    """That columns are empty, in words.

    >>> _neither([Headline("training_hours"), Headline("hardware"), Headline("parameters")])
    'neither training hours, hardware nor parameters'
    """
    *others, last = (head.column.replace("_", " ") for head in columns)
    return f"neither {', '.join(others)} nor {last}" if others else f"no {last}"


class FactRow(BaseModel):
    """What all rows share: the unit of the row's numbers and where they come from."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    key: ClassVar[tuple[str, ...]]
    #: Columns that say what a row is about, the most telling first; the first that is filled is shown.
    headline: ClassVar[tuple[Headline, ...]]

    unit: str = Field(description="unit of the row's numbers; 'per column' where the column's name carries it")
    source: str = Field(min_length=1, description="citation that a person can read")
    url: str = Field(default="", pattern=r"^(https?://\S+)?$", description="where to read it")
    as_of: Date = Field(description="date the number is good for: YYYY, YYYY-MM or YYYY-MM-DD")
    licence: str = Field(min_length=1, description="licence of the data, or 'fact' for a cited single number")
    grade: Grade = Field(description="measured, reported, vendor claim or judgement")
    note: str = Field(default="", description="what a reader should know before trusting it")

    @model_validator(mode="after")
    def _public_facts_have_an_address(self) -> FactRow:
        if not self.url and self.grade in ("reported", "vendor claim"):
            raise ValueError(f"url is empty; a fact of grade {self.grade!r} needs the address where it can be read")
        return self

    @property
    def row_key(self) -> tuple[str, ...]:
        """What makes the row unique in its table."""
        return tuple(str(getattr(self, name)) for name in self.key)

    @property
    def figure(self) -> Figure:
        """The first headline column that is filled, or whose interval is, with unit and interval; or why there is none.

        >>> from liebig.catalog import plan_number
        >>> plan_number("goodput.restart_s").figure[:5]
        ('p50', 900.0, 's', 450.0, 1800.0)
        """
        for head in self.headline:
            value = getattr(self, head.column)
            low, high, against = (getattr(self, n) if n else None for n in (head.low, head.high, head.against))
            if value not in (None, "") or (low is not None and high is not None):
                unit = head.unit or ("" if isinstance(value, str) else self.unit)
                reason = "only an interval is stated, without a middle" if value in (None, "") else ""
                return Figure(head.column, None if reason else value, unit, low, high, against, reason)
        return Figure("", None, "", reason=self.note or f"no figure is published: {_neither(self.headline)}")
