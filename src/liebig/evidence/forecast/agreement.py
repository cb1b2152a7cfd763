"""Parameters of the forecast held against the bundled tables that measure the same thing.

Each row computes one figure from a table and names the parameter that should contain it.  A figure outside p5 to p95
of its parameter needs a stated reason; ``tests/test_agreement.py`` refuses one without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from liebig.catalog import Catalog, load_catalog
from liebig.catalog.rows import CapitalRow, ChipSupplyRow, DataCentreRow, ModelRow
from liebig.dates import decimal_year
from liebig.evidence.forecast.backtest import run_history
from liebig.evidence.forecast.record_trend import STOOD_ON, fit_record_trend
from liebig.evidence.forecast.trends import fit_trends
from liebig.evidence.training.published import builtin_rows
from liebig.evidence.training.rows import read_cases
from liebig.forecast.stated import parameter_marginal
from liebig.tables import Table
from liebig.transformer.arithmetic import flops_per_token
from liebig.uncertainty.marginals import quantile

__all__ = ["Agreement", "Check", "find_agreement"]

#: The parameter set that the tables are held against.
FACTS = "2026"


@dataclass(frozen=True)
class Check:
    """One figure of a table beside the parameter that should contain it.

    Args:
        parameter: its name.
        unit: of both.
        p5, p50, p95: of the parameter.
        figure: what the table says.
        says: how it was computed, in a few words.
        reason: why it may lie outside; empty where it may not.
    """

    parameter: str
    unit: str
    p5: float
    p50: float
    p95: float
    figure: float
    says: str
    reason: str = ""

    @property
    def inside(self) -> bool:
        """Whether the figure lies between p5 and p95; a point contains what is within 5 % of it."""
        low, high = (self.p5, self.p95) if self.p5 < self.p95 else (0.95 * self.p50, 1.05 * self.p50)
        return low <= self.figure <= high


@dataclass(frozen=True)
class Agreement:
    """All checks, in the order of the parameters."""

    checks: tuple[Check, ...]

    @property
    def outside(self) -> tuple[Check, ...]:
        """Figures that lie outside their parameter."""
        return tuple(c for c in self.checks if not c.inside)

    def summary(self) -> str:
        """The answer in a sentence."""
        held = len(self.checks) - len(self.outside)
        unexplained = sum(not c.reason for c in self.outside)
        rest = f"; {unexplained} lie outside without a stated reason" if unexplained else ""
        return f"{held} of {len(self.checks)} figures of bundled tables lie within p5 to p95 of their parameter{rest}."

    def table(self) -> Table:
        """One row for each check."""
        return Table.from_rows([{**vars(c), "inside": c.inside} for c in self.checks])

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"summary": self.summary(), "facts": FACTS, "checks": self.table().rows()}


@dataclass(frozen=True)
class _Sites:
    """What all tracked sites had at a date."""

    power_w: float
    h100e: float
    usd: float
    largest_w: float


def _sites(rows: Iterable[DataCentreRow], year: float) -> _Sites:
    """Sums over sites, each in the last state that is listed for a date not after ``year``."""
    last: dict[str, DataCentreRow] = {}
    for row in sorted(rows, key=lambda r: decimal_year(r.date)):
        if decimal_year(row.date) <= year:
            last[row.name] = row
    found = list(last.values())
    return _Sites(
        sum(r.power_w or 0.0 for r in found),
        sum(r.h100e or 0.0 for r in found),
        sum(r.capital_usd_2025 or 0.0 for r in found),
        max((r.power_w or 0.0 for r in found), default=0.0),
    )


def _fleet(c: Catalog, year: float) -> _Sites:
    return _sites(c.rows("data_centres", DataCentreRow), year)


def _fleet_w_per_h100e(c: Catalog) -> float:
    sites = _fleet(c, 2026.0)
    return sites.power_w / sites.h100e


def _new_site_factor(c: Catalog) -> float:
    first, last = _fleet(c, 2026.0), _fleet(c, 2027.0)
    added = (last.power_w - first.power_w) / (last.h100e - first.h100e)
    return added / _fleet_w_per_h100e(c)


def _fleet_w_fall(c: Catalog) -> float:
    first, last = _fleet(c, 2026.0), _fleet(c, 2028.0)
    return ((first.power_w / first.h100e) / (last.power_w / last.h100e)) ** 0.5


def _new_usd_per_h100e(c: Catalog) -> float:
    first, last = _fleet(c, 2026.0), _fleet(c, 2027.0)
    return (last.usd - first.usd) / (last.h100e - first.h100e)


def _usd_fall(c: Catalog) -> float:
    first, last = _fleet(c, 2026.0), _fleet(c, 2028.0)
    return ((first.usd / first.h100e) / (last.usd / last.h100e)) ** 0.5


def _largest_site_w(c: Catalog) -> float:
    return _fleet(c, 2026.5).largest_w


def _chips(c: Catalog, first: str, last: str) -> tuple[float, float]:
    """H100e and watts of chip power sold from one quarter to another, both included."""
    rows = [r for r in c.rows("chip_supply", ChipSupplyRow) if first <= r.quarter <= last]
    return sum(r.h100e for r in rows), sum(r.power_w or 0.0 for r in rows)


def _anchor(c: Catalog, name: str) -> float:
    return float(c.parameters(FACTS)[name].p50 or np.nan)


def _us_ai_w(c: Catalog) -> float:
    """Chip power sold to the end of 2025, as facility power, the part in the United States."""
    watts = _chips(c, "2022Q1", "2025Q4")[1]
    return watts * _anchor(c, "power.facility_over_chip") * _anchor(c, "power.us_share")


def _spending(c: Catalog, year: int, kind: str, company: str = "") -> float:
    rows = c.rows("capital_spending", CapitalRow)
    single = [r for r in rows if not r.company.startswith(("Big", "Hyperscalers"))]
    return max(r.capex_usd for r in single if (r.year, r.kind) == (year, kind) and company in ("", r.company))


def _capex_growth(c: Catalog) -> float:
    return float(
        np.median(
            [
                _spending(c, 2027, "estimate", n) / _spending(c, 2026, "guidance", n)
                for n in ("Alphabet", "Amazon", "Microsoft", "Meta")
            ]
        )
    )


def _trend(name: str) -> Callable[[Catalog], float]:
    return lambda c: float(fit_trends([name], catalog=c)[0].fit.growth)


def _record_flop(c: Catalog) -> float:
    return max(r.training_flop or 0.0 for r in c.rows("models", ModelRow))


def _utilisation_8_bit(c: Catalog) -> float:
    """Model FLOP utilisation of measured steps in 8 bits: median of each source, then over sources."""
    of: dict[str, list[float]] = {}
    for case in read_cases([row for row in builtin_rows("step_time") if "fp8" in row["precision"].lower()]):
        if case.reason or not case.measured_s > 0 or case.chip is None or case.model is None:
            continue
        flop = float(flops_per_token(case.model.shape, case.length)) * case.batch * case.length
        used = flop / (case.measured_s * case.chips * case.chip.peak(case.precision))
        of.setdefault(case.source, []).append(used)
    return float(np.median([np.median(used) for used in of.values()]))


def _record_trend_flop(c: Catalog) -> float:
    past = run_history(c).before(STOOD_ON)
    return fit_record_trend(past.years, past.log_flop, STOOD_ON).line_flop


#: Parameter, how the figure is computed, what it says, and why it may lie outside.
_FIGURES: tuple[tuple[str, Callable[[Catalog], float], str, str], ...] = (
    ("run.utilisation", _utilisation_8_bit, "published steps in 8 bits: median over sources", ""),
    ("power.facility_w", _fleet_w_per_h100e, "data_centres: all sites, 2026-01-01", ""),
    ("power.new_site_factor", _new_site_factor, "data_centres: W per H100e that sites add in 2026, over the fleet", ""),
    ("power.efficiency_growth", _fleet_w_fall, "data_centres: fall of W per H100e, 2026 to 2028", ""),
    ("power.efficiency_growth", _trend("efficiency"), "chips: FLOP/s per W, refit 2015 to 2026", ""),
    ("power.ai_w", _us_ai_w, "chip_supply to 2025Q4 x facility over chip power x US share", ""),
    (
        "power.ai_growth_past",
        lambda c: _chips(c, "2022Q1", "2025Q4")[1] / _chips(c, "2022Q1", "2024Q4")[1],
        "chip_supply: chip power, 2025Q4 over 2024Q4",
        "",
    ),
    ("power.campus_now_w", _largest_site_w, "data_centres: largest site, 2026-07-01", ""),
    ("chips.stock_h100e", lambda c: _chips(c, "2022Q1", "2025Q4")[0], "chip_supply: sold to 2025Q4", ""),
    (
        "chips.stock_growth_past",
        lambda c: _chips(c, "2022Q1", "2025Q4")[0] / _chips(c, "2022Q1", "2024Q4")[0],
        "chip_supply: sold, 2025Q4 over 2024Q4",
        "",
    ),
    (
        "chips.production_h100e_per_yr",
        lambda c: 4.0 * _chips(c, "2025Q4", "2025Q4")[0],
        "chip_supply: 2025Q4, a year of it",
        "",
    ),
    ("chips.performance_growth", _trend("performance"), "chips: 16-bit FLOP/s, refit 2015 to 2026", ""),
    ("capital.usd_per_h100e", _new_usd_per_h100e, "data_centres: what sites add in 2026", ""),
    ("capital.usd_per_h100e_fall", _usd_fall, "data_centres: fall of USD per H100e, 2026 to 2028", ""),
    ("capital.usd_per_h100e_fall", _trend("price-performance"), "chips: FLOP/s per USD, refit 2008 to 2026", ""),
    (
        "capital.capex_usd",
        lambda c: 0.75 * _spending(c, 2026, "guidance"),
        "capital_spending: largest guidance for 2026, 75 % of it for AI",
        "",
    ),
    (
        "capital.capex_growth",
        _capex_growth,
        "capital_spending: estimates for 2027 over guidance for 2026, median of four",
        "",
    ),
    ("trend.flop", _record_flop, "models: largest training run", ""),
    ("trend.line_flop", _record_trend_flop, "models: the scored trend, fitted on 2026-10-01", ""),
    ("trend.growth", _trend("compute"), "models: top ten at release, refit 2010 to 2024", ""),
)


def find_agreement(catalog: Catalog | None = None) -> Agreement:
    """Every figure beside its parameter.

    >>> find_agreement().outside
    ()
    """
    c = catalog or load_catalog()
    rows = c.parameters(FACTS)
    checks = []
    for name, figure, says, reason in _FIGURES:
        p5, p50, p95 = (float(x) for x in quantile(parameter_marginal(rows[name]), np.array([0.05, 0.5, 0.95])))
        checks.append(Check(name, rows[name].unit, p5, p50, p95, figure(c), says, reason))
    return Agreement(tuple(checks))
