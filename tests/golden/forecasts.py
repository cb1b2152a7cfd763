"""Forecasts: ceilings, what binds, crossing, the run at the ceiling; comparison, sensitivity, trends, back-tests."""

from __future__ import annotations

from typing import Any

from golden.parts import EXAMPLES, flat, levels
from liebig import forecast
from liebig.evidence import forecast as past
from liebig.forecast import Forecast

__all__ = ["evidence", "forecasts", "questions"]

YEARS = (2026, 2028, 2030, 2035, 2040)
SAMPLES = 4096
#: Scenarios by name: a scenario file or None, and options on top of it.
SCENARIOS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "2026-base": (None, {}),
    "epoch-2024": (None, {"facts": "epoch-2024"}),
    "set-and-lever": (
        None,
        {
            "set": {"run.duration_s": "60d..120d..180d", "power.campus_w": "3GW..6GW..9GW", "run.share": 0.3},
            "levers": ("fp4-training@2028", "demand-flexibility"),
        },
    ),
    "pin-and-switch": (
        None,
        {"pin": {"chips.performance_growth": "p50", "duration": "100 d"}, "switches": ("text-only", "single-campus")},
    ),
    "epoch-2024-all-limits": (None, {"facts": "epoch-2024", "switches": ("all-limits", "no-correlations")}),
    "levers-without-data": (
        None,
        {"levers": ("diloco@2027", "smr", "algorithmic-progress"), "switches": ("unlimited-data", "no-retirement")},
    ),
    "example-cautious": ("cautious.toml", {}),
    "example-reactors": ("reactors.toml", {}),
}


def forecasts() -> dict[str, Any]:
    """Every scenario in five years."""
    out: dict[str, Any] = {}
    for name, (file, options) in SCENARIOS.items():
        scenario = None if file is None else EXAMPLES / file
        out |= _of_forecast(name, forecast.run(scenario, samples=SAMPLES, **options))
    return out


def _of_forecast(name: str, found: Forecast) -> dict[str, Any]:
    out: dict[str, Any] = {}
    crossing = found.crossing
    out |= levels(f"{name}/crossing", (crossing.p10, crossing.p50, crossing.p90))
    out[f"{name}/crossing/never"] = crossing.never
    for year in YEARS:
        i = found.at(year)
        for limit in found.limits:
            out |= levels(f"{name}/ceiling/{limit}/{year}", found.ceilings[limit][i])
            out[f"{name}/binding/{year}/{limit}"] = float(found.binding[limit][i])
        out[f"{name}/binding/{year}/most"] = found.binding_limit(year)
        out |= levels(f"{name}/minimum/{year}", found.minimum[i])
        out |= levels(f"{name}/expected/{year}", found.expected[i])
        out |= levels(f"{name}/effective-minimum/{year}", found.effective_minimum[i])
        out |= levels(f"{name}/effective-expected/{year}", found.effective_expected[i])
        for quantity, values in found.runs.items():
            out |= levels(f"{name}/run-at-ceiling/{quantity}/{year}", values[i])
        out[f"{name}/precision/{year}/below-8-bit"] = float(found.low_precision_share[i])
        out[f"{name}/precision/{year}/gain-p90"] = float(found.precision_gain[i][-1])
    return out


def questions() -> dict[str, Any]:
    """Levers, packages, rebound, comparison of scenarios, sensitivity and switches."""
    out: dict[str, Any] = {}
    for year in (2030, 2035):
        for effect in forecast.rank_levers(year, samples=SAMPLES).effects:
            name = f"lever/{year}/{effect.lever.id}"
            out |= levels(name, effect.paired)
            out |= {f"{name}/ratio": effect.ratio, f"{name}/effective": effect.effective_ratio}
            out |= {f"{name}/negative": effect.negative, f"{name}/without": effect.without}
    package = forecast.best_package(2, samples=SAMPLES)
    out["package/2/levers"] = " ".join(sorted(lever.id for lever in package.levers))
    out |= levels("package/2", package.paired)
    out |= {"package/2/ratio": package.ratio, "package/2/bound": package.bound}
    for row in forecast.rebound(2030, samples=SAMPLES).rows:
        name = f"rebound/{row.lever.id}"
        out |= levels(f"{name}/with", row.with_twh) | levels(f"{name}/without", row.without_twh)
        out |= {f"{name}/ratio/with": row.ratio_with, f"{name}/ratio/without": row.ratio_without}
    compared = forecast.compare(EXAMPLES / "base.toml", EXAMPLES / "cautious.toml")
    for year in YEARS:
        out |= levels(f"compare/ratio/{year}", compared.ratio[compared.years.index(year)])
    out["compare/differences/all"] = "; ".join(option for option, *_ in compared.differences)
    found = forecast.find_sensitivity(2030, samples=SAMPLES)
    out["sensitivity/2030/median"] = found.median_flop
    for bar in found.tornado[:15]:
        out |= {f"tornado/{bar.parameter}/low": bar.low_flop, f"tornado/{bar.parameter}/high": bar.high_flop}
    for index in found.indices[:10]:
        out[f"total-index/{' '.join(index.parameters)}/value"] = index.value
    for switched in forecast.compare_switches(samples=SAMPLES).effects:
        for year, ratio in switched.ratio.items():
            out |= {
                f"switch/{switched.switch}/{year}/ratio": ratio,
                f"switch/{switched.switch}/{year}/binds": switched.binding[year],
            }
    return out


def evidence() -> dict[str, Any]:
    """Trends, back-tests and reproduced results: headline numbers."""
    out: dict[str, Any] = {}
    for trend in past.fit_trends():
        name, fit = f"trend/{trend.id}", trend.fit
        out |= {f"{name}/growth": fit.growth, f"{name}/p5": fit.p5, f"{name}/p95": fit.p95, f"{name}/n": fit.n}
    for found in (past.backtest_runs(), past.backtest_chips()):
        for score in found.scores:
            name = f"backtest/{score.target}/{score.method}"
            out |= {f"{name}/coverage": score.coverage, f"{name}/crps": score.crps, f"{name}/bias": score.bias}
            out |= {f"{name}/width": score.width, f"{name}/n": score.n}
    for check in past.check_chip_model():
        out |= flat(f"chip-stock/{check.year}", check.to_dict())
    for row in past.reproduce(samples=16384):
        out |= levels(f"reproduced/{row.id}", row.here)
    return out
