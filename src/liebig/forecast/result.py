"""The answer of a forecast: quantiles by year, binding probabilities, the crossing, the run at the ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog
from liebig.errors import RangeError
from liebig.forecast.crossing import Crossing, find_crossing
from liebig.forecast.inputs import ForecastInput
from liebig.forecast.run_at_ceiling import QUANTITIES
from liebig.forecast.world import World
from liebig.quantities import format_scientific
from liebig.tables import Table
from liebig.uncertainty import quantile, quantiles

if TYPE_CHECKING:
    from liebig.forecast.engine import Futures

__all__ = ["LEVELS", "Forecast", "reduce_futures"]

Array = NDArray[np.float64]
#: Probabilities at which every uncertain answer is reported.
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
_NAMES = ("p10", "p25", "p50", "p75", "p90")
_MONTHS = 12.0
#: Effective FLOP are counted in FLOP of the algorithms of this year.
EFFECTIVE_YEAR = 2024.0
#: The densing law was observed for about two years; it is not continued further than this.
DENSITY_YEARS = 4.0
_SHOWN_PATHS = 24


@dataclass(frozen=True)
class Forecast:
    """Result of :func:`liebig.forecast`.

    Arrays over years and :data:`LEVELS` have shape ``(years, 5)``; FLOP unless the name says
    otherwise.  ``ceilings`` maps limit -> array, ``binding`` limit -> ``(years,)`` probabilities
    that sum to one, ``runs`` quantity of the run at the ceiling -> array.  ``staves`` maps limit ->
    ``(years,)``, the median ceiling over the futures in which the limit of the year binds: medians
    over all futures need not have the binding limit lowest, these do.
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
    staves: Mapping[str, Array]
    crossing: Crossing
    runs: Mapping[str, Array]
    low_precision_share: Array
    precision_gain: Array
    precision: str
    median_of_minimum: bool
    paths: Array = field(repr=False)
    notes: tuple[str, ...] = ()
    world: World = field(repr=False, compare=False, kw_only=True)
    catalog: Catalog = field(repr=False, compare=False, kw_only=True)

    def at(self, year: int) -> int:
        """Index of a year.

        Raises:
            RangeError: the forecast does not hold that year.
        """
        if year not in self.years:
            raise RangeError(f"year {year} is not in this forecast; it holds {self.years[0]} to {self.years[-1]}")
        return self.years.index(year)

    def binding_limit(self, year: int) -> str:
        """The limit that binds in most futures of a year."""
        i = self.at(year)
        return max(self.limits, key=lambda limit: float(self.binding[limit][i]))

    @property
    def present_year(self) -> float:
        """Year of the largest run so far, from which the trend starts."""
        return self.world.at_year["trend.flop"]

    def headroom(self, year: int) -> dict[str, float]:
        """log10 of each limit's ceiling over the largest run so far: the staves of the barrel.

        Medians over the futures in which :meth:`binding_limit` binds, so that its stave is the lowest.
        """
        i = self.at(year)
        run = float(quantile(self.world.joint.marginals["trend.flop"], np.array([0.5]))[0])
        return {limit: float(np.log10(self.staves[limit][i] / run)) for limit in self.limits}

    def summary(self, year: int | None = None, *, with_lever: bool = False) -> str:
        """The answer in plain words, for 2030 or the last year of a shorter forecast."""
        from liebig.forecast.words import summary_sentences

        return summary_sentences(self, year, with_lever=with_lever)

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
        from liebig.forecast.words import parameter_records

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
                        "share_of_futures_below_8_bit": _clean(self.low_precision_share[i]),
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
            "parameters": parameter_records(self),
        }


def _cells(year: int, quantity: str, limit: str | None, unit: str, values: Array) -> dict[str, Any]:
    return {"year": year, "quantity": quantity, "limit": limit, "unit": unit, **_quantiles(values)}


def _clean(value: Any) -> float | None:
    """A float with 12 significant digits, so that files agree between machines; None for infinity."""
    number = float(value)
    return float(f"{number:.12g}") if np.isfinite(number) else None


def _quantiles(values: Array) -> dict[str, float | None]:
    return {name: _clean(v) for name, v in zip(_NAMES, values, strict=True)}


def reduce_futures(
    inputs: ForecastInput, world: World, catalog: Catalog, futures: Futures, start: int, until: int
) -> Forecast:
    """Quantiles and probabilities over all futures, for the years shown."""
    years = tuple(range(start, until + 1))
    index = [int(y - futures.years[0]) for y in years]
    of_medians = any(s.min_of_medians for s in world.switches)
    columns: dict[str, list[Array]] = {
        n: [] for n in ("minimum", "expected", "trend", "effective_minimum", "effective_expected", "density_gain")
    }
    ceilings: dict[str, list[Array]] = {limit: [] for limit in futures.limits}
    binding: dict[str, list[float]] = {limit: [] for limit in futures.limits}
    staves: dict[str, list[float]] = {limit: [] for limit in futures.limits}
    for i in index:
        lowest = futures.minimum(i)
        _add_binding(binding, futures, i, lowest)
        _add_staves(staves, binding, futures, i, lowest)
        for j, limit in enumerate(futures.limits):
            ceilings[limit].append(_levels(futures.ceilings[j, i]))
        trend = futures.trend(i)
        minimum = _levels(lowest)
        if of_medians:
            minimum = np.min([ceilings[limit][-1] for limit in futures.limits], axis=0)
        elapsed = futures.years[i] - EFFECTIVE_YEAR
        progress = 2.0 ** (_MONTHS * elapsed / futures.halving_months)
        effective = futures.effective_minimum(i)
        columns["minimum"].append(minimum)
        columns["trend"].append(_levels(trend))
        columns["expected"].append(_levels(np.minimum(trend, lowest)))
        columns["effective_minimum"].append(_levels(effective * progress))
        columns["effective_expected"].append(_levels(np.minimum(trend * futures.compute_gain[i], effective) * progress))
        density = 2.0 ** (_MONTHS * elapsed / futures.doubling_months)
        known = abs(elapsed) <= DENSITY_YEARS
        columns["density_gain"].append(_levels(density) if known else np.full(len(LEVELS), np.inf))
    shown = np.array(index)
    return Forecast(
        inputs=inputs,
        years=years,
        limits=futures.limits,
        ceilings={k: np.array(v) for k, v in ceilings.items()},
        binding={k: np.array(v) for k, v in binding.items()},
        staves={k: np.array(v) for k, v in staves.items()},
        crossing=find_crossing(futures),
        runs={n: np.array([_levels(futures.runs[n][i]) for i in index]) for n in QUANTITIES},
        low_precision_share=(futures.precision_gain[shown] > 1.01).mean(axis=1),
        precision_gain=np.array([_levels(futures.precision_gain[i]) for i in index]),
        precision=world.precision,
        median_of_minimum=not of_medians,
        paths=futures.ceilings[:, shown, :_SHOWN_PATHS].min(axis=0),
        notes=world.notes,
        world=world,
        catalog=catalog,
        **{k: np.array(v) for k, v in columns.items()},
    )


def _levels(values: NDArray[Any]) -> Array:
    """Quantiles at :data:`LEVELS` over the last axis, in double precision."""
    if values.strides[-1] == 0:  # a broadcast point
        return np.repeat(float(values[0]), len(LEVELS))
    return quantiles(values, LEVELS)


def _add_binding(binding: dict[str, list[float]], futures: Futures, i: int, lowest: Array) -> None:
    """Share of futures in which each limit is the lowest; ties are split evenly."""
    ties = np.zeros(lowest.shape)
    equal = []
    for j in range(len(futures.limits)):
        same = futures.ceilings[j, i] == lowest
        equal.append(same)
        ties += same
    for limit, same in zip(futures.limits, equal, strict=True):
        binding[limit].append(float(np.sum(same / ties) / len(lowest)))


def _add_staves(
    staves: dict[str, list[float]], binding: dict[str, list[float]], futures: Futures, i: int, lowest: Array
) -> None:
    """Median ceiling of each limit over the futures in which the most frequent one binds."""
    most = max(range(len(futures.limits)), key=lambda j: binding[futures.limits[j]][-1])
    where = futures.ceilings[most, i] == lowest
    for j, limit in enumerate(futures.limits):
        staves[limit].append(float(np.median(futures.ceilings[j, i][where])))


def describe_interval(values: Array, unit: str = "FLOP") -> str:
    """``p50 (p10–p90)`` with two digits.

    >>> describe_interval(np.array([1e28, 2e28, 3e28, 4e28, 5e28]))
    '3.0×10²⁸ FLOP (1.0×10²⁸–5.0×10²⁸)'
    """
    low, middle, high = (format_scientific(float(v)) for v in (values[0], values[2], values[4]))
    return f"{middle} {unit} ({low}–{high})"
