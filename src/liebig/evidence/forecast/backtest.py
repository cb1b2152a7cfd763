"""Back-tests: stand at an earlier date, use what was published by then, and compare with what came.

Largest training run: on 1 January of each year, forecast the record one to three years ahead.
Chip supply: after each quarter, forecast the shipments one to four quarters ahead; and the chip
model of Epoch 2024 against the chips counted since.

The dates are real, the values are not of that time: compute estimates were revised later (Epoch
lowered AlphaGo Zero 500-fold in 2025), so this is a pseudo-real-time test, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog, load_catalog
from liebig.dates import decimal_year
from liebig.errors import RangeError
from liebig.evidence.forecast.record_trend import fit_record_trend
from liebig.tables import Table
from liebig.uncertainty import Interval, check_seed
from liebig.uncertainty.scoring import crps, interval_score

__all__ = ["METHODS", "BackTest", "ForecastCase", "MethodScore", "RunHistory", "backtest_runs", "run_history"]

Array = NDArray[np.float64]
DRAWS = 4000
#: Years of records behind the random walk and the mean growth.
_WALK_YEARS = 10


@dataclass(frozen=True)
class RunHistory:
    """Training runs in order of publication: dates ``(n,)`` and log10 FLOP ``(n,)``."""

    years: Array
    log_flop: Array
    until: float

    def before(self, year: float) -> RunHistory:
        """Only what was published before a date."""
        known = self.years < year
        return RunHistory(self.years[known], self.log_flop[known], min(year, self.until))

    def record(self, year: float) -> float:
        """log10 of the largest run published before a date."""
        return float(self.log_flop[self.years < year].max())


def run_history(catalog: Catalog) -> RunHistory:
    """Models with a training compute that are no finetunes."""
    rows = [m for m in catalog.models() if m.training_flop and not m.finetuned_from]
    years = np.array([decimal_year(m.published) for m in rows])
    flop = np.log10(np.array([m.training_flop for m in rows], dtype=float))
    order = np.argsort(years, kind="stable")
    until = max(decimal_year(m.published) for m in catalog.models())
    return RunHistory(years[order], flop[order], until)


Method = Callable[[RunHistory, float, int, np.random.Generator], Array]


def random_walk(past: RunHistory, origin: float, ahead: int, rng: np.random.Generator) -> Array:
    """Random walk with drift on the yearly records of the last ten years, Student-t."""
    path = np.array([past.record(origin - k) for k in range(_WALK_YEARS, -1, -1)])
    return path[-1] + walk(np.diff(path), ahead, rng)


def walk(steps: Array, ahead: int, rng: np.random.Generator) -> Array:
    """Sum of ``ahead`` future steps, given past ones, with mean and spread unknown (flat prior)."""
    n = len(steps)
    variance = steps.var(ddof=1) * (n - 1) / rng.chisquare(n - 1, DRAWS)
    drift = steps.mean() + np.sqrt(variance / n) * rng.standard_normal(DRAWS)
    out: Array = ahead * drift + np.sqrt(variance * ahead) * rng.standard_normal(DRAWS)
    return out


def record_trend(past: RunHistory, origin: float, ahead: int, rng: np.random.Generator) -> Array:
    """What ``liebig forecast`` expects of the largest run, fitted on the date stood on."""
    fitted = fit_record_trend(past.years, past.log_flop, origin)
    return fitted.draws(np.array([origin + ahead]), rng, DRAWS)[0]


def mean_growth(past: RunHistory, origin: float, ahead: int, rng: np.random.Generator) -> Array:
    """Naive baseline: the record grows by its mean growth of the last ten years, give or take its errors in them."""

    def guess(year: float) -> float:
        return past.record(year) + ahead * (past.record(year) - past.record(year - _WALK_YEARS)) / _WALK_YEARS

    errors = [past.record(origin - k + ahead) - guess(origin - k) for k in range(ahead, _WALK_YEARS + ahead)]
    return guess(origin) + np.sort(errors) - np.median(errors)


def no_growth(past: RunHistory, origin: float, ahead: int, rng: np.random.Generator) -> Array:
    """Naive baseline: the record stays, or grows as it did over as many of the last ten years."""
    grown = [past.record(origin - k + ahead) - past.record(origin - k) for k in range(ahead, _WALK_YEARS + ahead)]
    return past.record(origin) + np.sort(grown) - np.median(grown)


METHODS: Mapping[str, tuple[Method, str]] = {
    "trend": (record_trend, "the forecast's: mean of a line through the top ten and of a random walk, in logarithms"),
    "random-walk": (random_walk, "random walk with drift on ten yearly records"),
    "naive-growth": (mean_growth, "baseline: last record plus mean growth of ten years, with its errors of ten years"),
    "naive-constant": (no_growth, "baseline: the record stays, give or take its past growth"),
}


@dataclass(frozen=True)
class ForecastCase:
    """One forecast and what came: log10 of the target's unit."""

    target: str
    method: str
    origin: str
    ahead: int
    predicted: Interval
    truth: float
    crps: float

    @property
    def covered(self) -> bool:
        """Whether the truth lies inside the 80 % interval."""
        return self.predicted.holds(self.truth, tolerance=1e-9)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "target": self.target,
            "method": self.method,
            "origin": self.origin,
            "ahead": self.ahead,
            **self.predicted.columns("log10"),
            "log10_truth": self.truth,
            "crps_decades": self.crps,
            "covered": self.covered,
        }


@dataclass(frozen=True)
class MethodScore:
    """Scores of one method over all its cases; decades (log10) unless a share."""

    target: str
    method: str
    description: str
    n: int
    coverage: float
    crps: float
    mae: float
    bias: float
    width: float
    interval_score: float
    skill: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "target": self.target,
            "method": self.method,
            "description": self.description,
            "n": self.n,
            "coverage_80": self.coverage,
            "crps_decades": self.crps,
            "mae_decades": self.mae,
            "bias_decades": self.bias,
            "width_decades": self.width,
            "interval_score": self.interval_score,
            "crps_over_baseline": self.skill,
        }


@dataclass(frozen=True)
class BackTest:
    """All cases, the scores, and in words where the methods fail."""

    target: str
    cases: tuple[ForecastCase, ...]
    scores: tuple[MethodScore, ...]
    failures: tuple[str, ...]
    caveats: tuple[str, ...]

    def table(self) -> Table:
        """One row for each forecast."""
        return Table.from_rows(c.to_dict() for c in self.cases)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "target": self.target,
            "scores": [s.to_dict() for s in self.scores],
            "failures": list(self.failures),
            "caveats": list(self.caveats),
            "cases": [c.to_dict() for c in self.cases],
        }


def score_cases(
    target: str, cases: Sequence[ForecastCase], descriptions: Mapping[str, str], baseline: str
) -> tuple[MethodScore, ...]:
    """Coverage, CRPS, error of the median, bias and width of each method; ``skill`` is CRPS over the baseline's."""
    out = []
    reference = float(np.mean([c.crps for c in cases if c.method == baseline]))
    for method, description in descriptions.items():
        own = [c for c in cases if c.method == method]
        mean = float(np.mean([c.crps for c in own]))
        out.append(
            MethodScore(
                target,
                method,
                description,
                len(own),
                float(np.mean([c.covered for c in own])),
                mean,
                float(np.mean([abs(c.predicted.p50 - c.truth) for c in own])),
                float(np.mean([c.predicted.p50 - c.truth for c in own])),
                float(np.mean([c.predicted.width for c in own])),
                float(np.mean([interval_score(c.predicted.p10, c.predicted.p90, c.truth) for c in own])),
                None if method == baseline else mean / reference,
            )
        )
    return tuple(out)


def make_case(target: str, method: str, origin: str, ahead: int, draws: Array, truth: float) -> ForecastCase:
    """Summarise draws and score them."""
    return ForecastCase(target, method, origin, ahead, Interval.of(draws), truth, crps(draws, truth))


def backtest_runs(
    first: int = 2015,
    last: int = 2025,
    ahead: Sequence[int] = (1, 2, 3),
    catalog: Catalog | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> BackTest:
    """Forecast the record of training compute from each 1 January, 1 to 3 years ahead.

    Args:
        first, last: first and last year stood in.
        ahead: years ahead.
        catalog: facts; default the built-in ones.
        seed: of the draws.
        progress: called with the share done, 0 to 1.

    Raises:
        RangeError: no year in which a forecast can be compared with what came, or a bad seed.
    """
    check_seed(seed)
    catalog = load_catalog() if catalog is None else catalog
    history = run_history(catalog)
    end = history.until
    cases = []
    origins = [y for y in range(first, last + 1) if y >= 1990 and any(y + h <= end + 0.2 for h in ahead)]
    if not origins:
        raise RangeError(f"no back-test from {first} to {last}: models are known from 1950 to {end:.1f}")
    for i, origin in enumerate(origins):
        past = history.before(origin)
        now = past.record(origin)
        for h in ahead:
            # the data end some weeks before 1 January 2026; that record counts for it
            if origin + h > end + 0.2:
                continue
            truth = history.record(origin + h)
            for name, (method, _) in METHODS.items():
                draws = np.maximum(method(past, float(origin), h, np.random.default_rng([origin, h, seed])), now)
                cases.append(make_case("largest training run, FLOP", name, str(origin), h, draws, truth))
        if progress:
            progress((i + 1) / len(origins))
    target = "largest training run, FLOP"
    scores = score_cases(target, cases, {n: d for n, (_, d) in METHODS.items()}, "naive-growth")
    return BackTest(target, tuple(cases), scores, _failures(cases), _RUN_CAVEATS)


_RUN_CAVEATS = (
    "the dates are real, the values are of 2025: estimates were revised since (AlphaGo Zero 500-fold)",
    "forecasts overlap: about five independent periods, so close scores and coverages are not distinguishable",
    "some eighteen methods were tried on these data, of which the mean of two was taken with these outcomes in view; "
    "its lead is within noise",
)


def _failures(cases: Sequence[ForecastCase]) -> tuple[str, ...]:
    """One sentence for each method and origin that missed, with the worst horizon."""
    out = []
    for method in dict.fromkeys(c.method for c in cases):
        if method.startswith("naive"):
            continue
        missed = [c for c in cases if c.method == method and not c.covered]
        for origin in dict.fromkeys(c.origin for c in missed):
            worst = max((c for c in missed if c.origin == origin), key=lambda c: abs(c.predicted.p50 - c.truth))
            word = "too high" if worst.predicted.p50 > worst.truth else "too low"
            factor = 10.0 ** abs(worst.predicted.p50 - worst.truth)
            out.append(
                f"{method}, standing in {origin}: {word} by a factor of {factor:.1f} for {worst.ahead} ahead "
                f"(forecast 10^{worst.predicted.p50:.1f}, came 10^{worst.truth:.1f})"
            )
    return tuple(out)
