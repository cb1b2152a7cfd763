"""The trend of the largest run: fitted here, stated in the catalogue, scored by the back-test.

Two views of the same history are averaged, in logarithms: a line through the ten largest runs at release of the last
four years, which reacts fast and runs ahead, and a random walk with drift on ten yearly records, which does neither.
Level, growth and how far a record stands off become the parameters ``trend.*``;
:func:`liebig.forecast.progress.trend_flop` makes runs of them, whether for the forecast or for a year stood in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.evidence.forecast.trends import top_at_release
from liebig.forecast.progress import trend_flop
from liebig.limits import State
from liebig.uncertainty import INTERVAL_LEVELS, Interval
from liebig.uncertainty.marginals import make_marginal, quantile

__all__ = ["STOOD_ON", "RecordTrend", "fit_record_trend"]

Array = NDArray[np.float64]
#: The date on which the parameters of the set 2026 were fitted: models are known until then.
STOOD_ON = 2026.75
#: Years of models behind the line, how many of the largest at release count, and the least that make one.
_LINE_YEARS, _TOP, _LEAST = 4, 10, 8
#: Yearly records behind the random walk.
_WALK_YEARS = 10
#: No progress of algorithms is asked of the states made here.
_UNASKED = {"effective.algorithmic_halving_months": 12.0, "effective.density_doubling_months": 12.0}


@dataclass(frozen=True)
class RecordTrend:
    """Parameters of the trend on a date.

    Args:
        at_year: the date.
        line_flop: the trend on it, FLOP.
        growth: per year.
        level_factor: p10 and p90 of how far a record stands from the trend.
        record_flop, record_year: the largest run so far, below which no later record falls.
    """

    at_year: float
    line_flop: float
    growth: Interval
    level_factor: tuple[float, float]
    record_flop: float
    record_year: float

    def draws(self, years: Array, rng: np.random.Generator, n: int) -> Array:
        """log10 FLOP of the largest run, ``(len(years), n)``, by the forecast's own function."""
        growth = quantile(make_marginal("lognormal", INTERVAL_LEVELS, self.growth), rng.random(n))
        factor = quantile(make_marginal("lognormal", (0.1, 0.9), self.level_factor), rng.random(n))
        values = {
            "trend.flop": np.array([self.record_flop]), "trend.line_flop": np.array([self.line_flop]),
            "trend.growth": growth, "trend.level_factor": factor,
        }  # fmt: skip
        values |= {name: np.array([value]) for name, value in _UNASKED.items()}
        state = State(values, {"trend.flop": self.record_year, "trend.line_flop": self.at_year})
        return np.log10(np.broadcast_to(trend_flop(state, years), (len(years), n)))


@dataclass(frozen=True)
class _View:
    """Decades (log10): level on the date, growth per year, and half of the 80 % interval of each."""

    level: float
    growth: float
    off: float
    wide: float


def fit_record_trend(years: Array, log_flop: Array, origin: float) -> RecordTrend:
    """The trend on a date, from what was published by then.

    Args:
        years: dates of publication, ``(n,)``, all before ``origin``.
        log_flop: log10 of the training FLOP, ``(n,)``.
        origin: the date stood on, a year with decimals.
    """
    views = [_walk(years, log_flop, origin)]
    line = _line(years, log_flop, origin)
    if line is not None:
        views.append(line)
    level, growth, off, wide = (
        float(np.mean([getattr(v, name) for v in views])) for name in ("level", "growth", "off", "wide")
    )
    largest = int(np.argmax(log_flop))
    return RecordTrend(
        origin, 10.0**level, Interval(10.0 ** (growth - wide), 10.0**growth, 10.0 ** (growth + wide)),
        (10.0**-off, 10.0**off), 10.0 ** float(log_flop[largest]), float(years[largest]),
    )  # fmt: skip


def _walk(years: Array, log_flop: Array, origin: float) -> _View:
    """Random walk with drift on yearly records."""
    from scipy.stats import t

    records = np.array([log_flop[years < origin - k].max() for k in range(_WALK_YEARS, -1, -1)])
    steps = np.diff(records)
    spread = float(t.ppf(0.9, len(steps) - 1)) * float(steps.std(ddof=1))
    return _View(float(records[-1]), float(steps.mean()), spread, spread / np.sqrt(len(steps)))


def _line(years: Array, log_flop: Array, origin: float) -> _View | None:
    """Line through the largest runs at release, raised by the mean gap of the record; None where too few are known."""
    from scipy.stats import norm, t

    keep = top_at_release(years, log_flop, _TOP) & (years >= origin - _LINE_YEARS)
    x, y = years[keep] - origin, log_flop[keep]
    if len(x) < _LEAST:
        return None
    middle, height = float(x.mean()), float(y.mean())
    spread = float(((x - middle) ** 2).sum())
    slope = float(((x - middle) * (y - height)).sum()) / spread
    variance = float(((y - height - slope * (x - middle)) ** 2).sum()) / (len(x) - 2)
    back = -np.arange(_LINE_YEARS - 1.0, -1.0, -1.0)
    gap = np.array([log_flop[years < origin + b].max() for b in back]) - (height + slope * (back - middle))
    wide = float(norm.ppf(0.9)) * np.sqrt(variance / spread)
    off = float(t.ppf(0.9, len(gap) - 1)) * np.sqrt(gap.var(ddof=1) * (1.0 + 1.0 / len(gap)) + variance / len(x))
    level = height - slope * middle + float(gap.mean())
    return _View(level, slope, float(np.hypot(off, wide * middle)), float(wide))
