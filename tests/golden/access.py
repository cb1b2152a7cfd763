"""Access: countries and clubs, owners, budgets, embargo, inequality, efficiency, scenarios of export control."""

from __future__ import annotations

from typing import Any

from golden.parts import levels
from liebig.access import (
    PlaceAccess,
    best_use,
    coverage,
    dependency,
    efficiency_access,
    embargo_cost,
    export_scenarios,
    find_access,
    inequality,
    join,
    owner_access,
)

__all__ = ["access"]

COUNTRIES = (
    "USA", "CHN", "IND", "BRA", "NGA", "KEN", "FRA", "DEU", "NOR", "ISL", "SAU", "ARE", "JPN", "SGP", "RUS", "EU",
    "ASEAN", "Brazil+Argentina",
)  # fmt: skip
NEEDS = {"1-gw": ("1GW", 2030), "frontier": ("frontier", 2028), "run": ("1e27 FLOP", 2027), "chips": ("1M H100e", 2026)}
BUDGETS: dict[str, dict[str, Any]] = {
    "5m": {"budget_usd": 5e6},
    "100m-own": {"budget_usd": 1e8, "own": True, "tokens": 1e12},
    "1bn-2028": {"budget_usd": "USD 1bn", "year": 2028},
}
SAMPLES = 1024


def access() -> dict[str, Any]:
    """All questions about who can afford it."""
    out: dict[str, Any] = {}
    for name, (need, year) in NEEDS.items():
        for place in find_access(need=need, year=year, countries=COUNTRIES, samples=SAMPLES).places:
            out |= _of_place(f"place/{name}/{place.code}", place)
    whole = find_access(samples=SAMPLES)
    out["hosts/1-gw/number"] = len(whole.hosts)
    out |= {f"hosts/1-gw/{i}": place.code for i, place in enumerate(whole.hosts[:10], 1)}
    for scenario in export_scenarios():
        for place in find_access(need="3M H100e", countries=COUNTRIES[:5], scenario=scenario, samples=SAMPLES).places:
            out |= levels(f"export/{scenario}/{place.code}", place.chips_share)
        if scenario != "none":
            cost = embargo_cost(scenario=scenario, samples=SAMPLES)
            out |= levels(f"embargo/{scenario}/CHN/delay-yr", cost.delay_yr)
            out[f"embargo/{scenario}/CHN/beyond-horizon"] = cost.beyond
            out |= levels(f"embargo/{scenario}/CHN/h100e-with", cost.with_h100e[cost.year])
            out |= levels(f"embargo/{scenario}/CHN/h100e-without", cost.without_h100e[cost.year])
    club = join("EU", samples=SAMPLES)
    out |= _of_place("club/EU", club.together) | {"club/EU/gain": club.gain, "club/EU/best": club.best.code}
    for owner in owner_access(samples=SAMPLES).owners:
        out |= levels(f"owner/{owner.name}", owner.ratio) | {f"owner/{owner.name}/enough": owner.enough}
    return out | _distribution() | _spending()


def _of_place(name: str, place: PlaceAccess) -> dict[str, Any]:
    out = levels(name, place.ratio) | {f"{name}/limit": place.limit, f"{name}/second": place.second}
    out[f"{name}/can-host"] = place.can_host
    out |= {f"{name}/{limit}": values[1] for limit, values in place.ratios.items()}
    middle = {"growth-years": place.growth_years, "gdp-share": place.gdp_share, "carbon-mt": place.carbon_mt_per_yr}
    return out | {f"{name}/{key}": values[1] for key, values in middle.items()}


def _distribution() -> dict[str, Any]:
    """How unequal chips are, and who depends on whom."""
    seen = coverage()
    out: dict[str, Any] = {
        "coverage/owned/located": seen.located_share,
        "coverage/owned/attributed": seen.attributed_share,
    }
    for level in inequality().levels:
        name = f"inequality/{level.level}"
        out |= {f"{name}/gini": level.gini, f"{name}/top2": " ".join(level.top2), f"{name}/share": level.top2_share}
    for country in ("USA", "CHN", "BRA", "DEU", "EU"):
        found = dependency(country)
        out |= {f"dependency/{country}/share/{k}": v for k, v in found.shares.items()}
        out |= {f"dependency/{country}/on-others/{k}": v for k, v in found.dependence.items()}
    return out


def _spending() -> dict[str, Any]:
    """Best uses of budgets, and access as algorithms improve."""
    out: dict[str, Any] = {}
    for name, given in BUDGETS.items():
        found = best_use(samples=SAMPLES, **given)
        out[f"budget/{name}/best/use"] = found.best
        for use in found.uses:
            out |= levels(f"budget/{name}/{use.name}/lag-yr", use.lag_yr)
            out |= levels(f"budget/{name}/{use.name}/tokens", use.tokens)
            out[f"budget/{name}/{use.name}/enough/probability"] = use.enough
    for year in efficiency_access(samples=SAMPLES).years:
        name = f"efficiency/{year.year}"
        out |= {f"{name}/hosts": year.hosts, f"{name}/hosts-without-gain": year.hosts_without}
        gains = {"training-gain": year.training_gain, "serving-gain": year.serving_gain, "use": year.use_with}
        for gain, values in gains.items():
            out |= levels(f"{name}/{gain}", values)
    return out
