"""The answer about a gateway's savings."""

from __future__ import annotations

from pydantic import Field

from liebig.web.responses.common import Answer, Number, Quantiles

__all__ = ["Drift", "RouterAnswer", "Saving", "SavingsReport"]


class Saving(Answer):
    """What the calls of a group took, and what the strongest model alone would have taken (p10, p50, p90)."""

    group: str
    calls: int
    errors: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    kwh: float
    g_co2: float
    usd_strong: Quantiles
    kwh_strong: Quantiles
    g_co2_strong: Quantiles
    calls_saved: Number
    tokens_saved: Number
    usd_saved: Number
    """Shares; null where there is nothing to divide by."""


class Drift(Answer):
    """Distance between the scores of calls and those of the calibration."""

    distance: float
    threshold: float
    calls: int
    calibrated: int
    warning: str | None


class SavingsReport(Answer):
    """Savings by group, and in total."""

    by: str
    start: str | None = Field(alias="from")
    end: str | None = Field(alias="to")
    strong: str | None
    length_ratio: Quantiles | None
    total: Saving
    items: list[Saving]
    drift: Drift | None
    warnings: list[str]


class RouterAnswer(Answer):
    """What a running gateway saved; no report where none is set up."""

    report: SavingsReport | None
