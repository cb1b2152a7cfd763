"""What all answers are made of: numbers that may be missing, intervals, names of limits."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from typing_extensions import TypeAliasType

from liebig.catalog.fields import GRADES, Grade
from liebig.limits import LIMITS

__all__ = ["Answer", "Evidence", "Limit", "Number", "Problem", "Quantiles", "Words"]


class Answer(BaseModel):
    """An answer, or a part of one: nothing else may stand in it, and no number that JSON cannot write."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


#: A number; null where it is not known or has no bound.
Number = Annotated[float | None, BeforeValidator(_finite)]
#: The name of a limit.
Limit = TypeAliasType("Limit", Annotated[str, Field(json_schema_extra={"enum": list(LIMITS)})])


class Quantiles(Answer):
    """10 %, 50 % and 90 % quantile."""

    p10: Number
    p50: Number
    p90: Number


class Evidence(Answer):
    """Where a number comes from."""

    source: str
    url: str
    grade: Grade
    mark: str
    """Sign of the grade, taken from it: ● measured, ◐ reported, ○ vendor claim, ◇ judgement."""

    @model_validator(mode="before")
    @classmethod
    def _mark_of_grade(cls, given: Any) -> Any:
        return {"mark": GRADES.get(str(given.get("grade"))), **given} if isinstance(given, dict) else given


class Words(Answer):
    """What a refusal says."""

    message: str


class Problem(Answer):
    """A refusal: what was wrong, what was expected, how to mend it."""

    error: Words
