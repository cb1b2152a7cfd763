"""Answers about ceilings over the years."""

from __future__ import annotations

from liebig.forecast import ForecastInput
from liebig.web.responses.common import Answer, Limit

__all__ = ["Crossing", "ForecastAnswer", "ForecastYear", "Levels", "Precision", "RunQuantity"]


class Levels(Answer):
    """Five quantiles; null where a quantity has no bound."""

    p10: float | None
    p25: float | None
    p50: float | None
    p75: float | None
    p90: float | None


class RunQuantity(Levels):
    """One quantity of the run at the ceiling."""

    unit: str


class Precision(Answer):
    """Arithmetic below 8 bits: how often it is used, and what it gains."""

    share_of_simulations_below_8_bit: float
    gain_over_8_bit: Levels


class ForecastYear(Answer):
    """Ceilings on the first of January of a year, FLOP of one training run."""

    year: int
    ceilings: dict[Limit, Levels]
    minimum: Levels
    expected: Levels
    """The run that is expected: the trend, held by the ceilings."""
    trend: Levels
    effective_minimum: Levels
    effective_expected: Levels
    binding_probability: dict[Limit, float]
    binding_limit: Limit
    log10_headroom_where_it_binds: dict[Limit, float | None]
    """Each ceiling over the largest run so far, median over the simulations in which `binding_limit` binds."""
    density_gain: Levels
    precision: Precision
    run_at_ceiling: dict[str, RunQuantity]


class Crossing(Answer):
    """Year in which the trend meets the lowest ceiling; null where that quantile lies beyond the last year."""

    p10: float | None
    p50: float | None
    p90: float | None
    share_without_crossing: float
    last_year: int
    probability_by: dict[str, float]


class ForecastAnswer(Answer):
    """Ceilings year by year, their minimum, and which limit binds."""

    title: str
    summary: str
    unit: str
    year_convention: str
    precision: str
    effective_flop: str
    median_of_minimum: bool
    inputs: ForecastInput
    limits: list[Limit]
    crossing: Crossing
    years: list[ForecastYear]
    notes: list[str]
