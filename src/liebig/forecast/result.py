"""The answer of a forecast: quantiles by year, binding probabilities, the crossing, the run at the ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog.rows import YardstickRow
from liebig.errors import RangeError
from liebig.forecast.crossing import Crossing
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.progress import EFFECTIVE_YEAR
from liebig.forecast.run_at_ceiling import QUANTITIES
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["LEVELS", "Forecast", "interval_of"]

Array = NDArray[np.float64]
#: Probabilities at which every uncertain answer is reported.
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
_NAMES = ("p10", "p25", "p50", "p75", "p90")


def interval_of(quantiles: Array) -> Interval:
    """p10, p50 and p90 of the quantiles ``(5,)`` at :data:`LEVELS`.

    >>> interval_of(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    Interval(p10=1.0, p50=3.0, p90=5.0)
    """
    low, _, middle, _, high = quantiles.tolist()
    return Interval(low, middle, high)


@dataclass(frozen=True)
class Forecast:
    """Result of :func:`liebig.forecast`.

    Arrays over years and :data:`LEVELS` have shape ``(years, 5)``; FLOP unless the name says
    otherwise.  ``ceilings`` maps limit -> array, ``binding`` limit -> ``(years,)`` probabilities
    that sum to one, ``runs`` quantity of the run at the ceiling -> array.  ``barrel_flop`` maps limit ->
    ``(years,)``, the median ceiling over the simulations in which the limit of the year binds: medians
    over all simulations need not have the binding limit lowest, these do.  ``present_year`` and
    ``present_flop`` are those of the largest run so far, from which the trend starts; ``parameters``
    has a record of every parameter in use, ``summaries`` the answer in words for each year.
    """

    inputs: ForecastInput
    years: tuple[int, ...]
    limits: tuple[str, ...]
    ceilings: Mapping[str, Array]
    minimum: Array
    expected: Array
    trend: Array
    effective_minimum: Array
    effective_expected: Array
    density_gain: Array
    binding: Mapping[str, Array]
    barrel_flop: Mapping[str, Array]
    crossing: Crossing
    runs: Mapping[str, Array]
    low_precision_share: Array
    precision_gain: Array
    precision: str
    median_of_minimum: bool
    paths: Array = field(repr=False)
    notes: tuple[str, ...] = ()
    facts: str = ""
    present_year: float = 0.0
    present_flop: float = 0.0
    parameters: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    yardsticks: Mapping[str, YardstickRow] = field(default_factory=dict, repr=False)
    summaries: Mapping[int, str] = field(default_factory=dict, repr=False)

    def at(self, year: int) -> int:
        """Index of a year.

        Raises:
            RangeError: the forecast does not hold that year.
        """
        if year not in self.years:
            raise RangeError(f"year {year} is not in this forecast; it holds {self.years[0]} to {self.years[-1]}")
        return self.years.index(year)

    def binding_limit(self, year: int) -> str:
        """The limit that binds in most simulations of a year."""
        i = self.at(year)
        return max(self.limits, key=lambda limit: float(self.binding[limit][i]))

    def headroom(self, year: int) -> dict[str, float]:
        """log10 of each limit's ceiling over the largest run so far, as drawn in the terminal.

        Medians over the simulations in which :meth:`binding_limit` binds, so that it is the lowest.
        """
        i = self.at(year)
        return {limit: float(np.log10(self.barrel_flop[limit][i] / self.present_flop)) for limit in self.limits}

    def summary(self, year: int | None = None) -> str:
        """The answer in plain words, for 2030 or the last year of a shorter forecast."""
        if year is None:
            year = 2030 if 2030 in self.years else self.years[-1]
        self.at(year)
        return self.summaries[year]

    def table(self) -> Table:
        """Tidy table: one row for each year, quantity and limit.

        Columns: year, quantity, limit, unit, p10, p25, p50, p75, p90, binding_probability.
        """
        rows: list[dict[str, Any]] = []
        for i, year in enumerate(self.years):
            for limit in self.limits:
                cells = _cells(year, "ceiling", limit, "FLOP", self.ceilings[limit][i])
                rows.append(cells | {"binding_probability": float(self.binding[limit][i])})
            totals = ("minimum", "expected", "trend", "effective_minimum", "effective_expected")
            rows += [_cells(year, name, None, "FLOP", getattr(self, name)[i]) for name in totals]
            rows.append(_cells(year, "density_gain", None, "x", self.density_gain[i]))
            rows.append(_cells(year, "precision_gain", None, "x", self.precision_gain[i]))
            for name, (unit, _) in QUANTITIES.items():
                rows.append(_cells(year, f"run_{name}", None, unit, self.runs[name][i]))
        columns = ["year", "quantity", "limit", "unit", *_NAMES, "binding_probability"]
        return Table.from_rows(rows, columns)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers and texts, ready for JSON."""
        years = []
        for i, year in enumerate(self.years):
            years.append(
                {
                    "year": year,
                    "ceilings": {limit: _quantiles(self.ceilings[limit][i]) for limit in self.limits},
                    "minimum": _quantiles(self.minimum[i]),
                    "expected": _quantiles(self.expected[i]),
                    "trend": _quantiles(self.trend[i]),
                    "effective_minimum": _quantiles(self.effective_minimum[i]),
                    "effective_expected": _quantiles(self.effective_expected[i]),
                    "binding_probability": {limit: _clean(self.binding[limit][i]) for limit in self.limits},
                    "binding_limit": self.binding_limit(year),
                    "log10_headroom_where_it_binds": {n: _clean(v) for n, v in self.headroom(year).items()},
                    "density_gain": _quantiles(self.density_gain[i]),
                    "precision": {
                        "share_of_simulations_below_8_bit": _clean(self.low_precision_share[i]),
                        "gain_over_8_bit": _quantiles(self.precision_gain[i]),
                    },
                    "run_at_ceiling": {
                        name: {"unit": unit, **_quantiles(self.runs[name][i])} for name, (unit, _) in QUANTITIES.items()
                    },
                }
            )
        return {
            "title": self.inputs.title,
            "summary": self.summary(),
            "unit": "FLOP",
            "year_convention": "a year means its first of January",
            "precision": self.precision,
            "effective_flop": f"FLOP of the algorithms of {EFFECTIVE_YEAR:.0f}",
            "median_of_minimum": self.median_of_minimum,
            "inputs": self.inputs.model_dump(mode="json"),
            "limits": list(self.limits),
            "crossing": self.crossing.to_dict(),
            "years": years,
            "notes": list(self.notes),
            "parameters": [dict(p) for p in self.parameters],
        }


def _cells(year: int, quantity: str, limit: str | None, unit: str, values: Array) -> dict[str, Any]:
    return {"year": year, "quantity": quantity, "limit": limit, "unit": unit, **_quantiles(values)}


def _clean(value: Any) -> float | None:
    """A float with 12 significant digits, so that files agree between machines; None for infinity."""
    number = float(value)
    return float(f"{number:.12g}") if np.isfinite(number) else None


def _quantiles(values: Array) -> dict[str, float | None]:
    return {name: _clean(v) for name, v in zip(_NAMES, values, strict=True)}
