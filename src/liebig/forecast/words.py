"""A forecast in words; every figure comes from the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liebig.catalog.rows import GRADES
from liebig.dates import decimal_year
from liebig.forecast.result import Forecast, interval_of
from liebig.forecast.world import World
from liebig.limits import LIMITS
from liebig.quantities import format_factor, format_interval, format_quantity, format_scientific

__all__ = [
    "data_until",
    "grade_counts",
    "parameter_records",
    "run_sentence",
    "summary_sentences",
    "yardstick_text",
]


def summary_sentences(forecast: Forecast, year: int) -> str:
    """The answer in two or three sentences."""
    i = forecast.at(year)
    minimum = interval_of(forecast.minimum[i])
    low, middle, high = map(format_scientific, minimum)
    size = yardstick_text(forecast, minimum.p50)
    parts = [f"In {year} the largest feasible run is {middle} FLOP (80 %: {low} – {high}){size}."]
    parts.append(_binding_sentence(forecast, i))
    crossing = forecast.crossing
    if crossing.never < 0.5:
        parts.append(f"The trend of the largest runs meets the ceiling in {crossing.text()}.")
    else:
        parts.append(f"The trend of the largest runs stays below the ceiling until {crossing.last_year}.")
    return " ".join(parts)


def _binding_sentence(forecast: Forecast, i: int) -> str:
    shares = sorted(((float(forecast.binding[n][i]), n) for n in forecast.limits), reverse=True)
    listed = [(p, n) for p, n in shares if p >= 0.05][:4] or shares[:1]
    first, rest = listed[0], listed[1:]
    text = f"{LIMITS[first[1]].title} binds in {100 * first[0]:.0f} % of futures"
    return ", ".join([text, *(f"{n} in {100 * p:.0f} %" for p, n in rest)]) + "."


def yardstick_text(forecast: Forecast, flop: float) -> str:
    """``, ×11,000 GPT-4``, or nothing when the yardstick is absent."""
    gpt4 = forecast.yardsticks.get("gpt-4")
    if gpt4 is None or gpt4.unit != "FLOP" or gpt4.value <= 0 or not flop < float("inf"):
        return ""
    return f", {format_factor(flop / gpt4.value)} {gpt4.name}"


def run_sentence(forecast: Forecast, year: int) -> str:
    """What a run at the ceiling would be, medians with intervals."""
    i = forecast.at(year)

    def amount(name: str, unit: str) -> str:
        return format_interval(interval_of(forecast.runs[name][i]), unit)

    load = forecast.yardsticks.get("new-york-load")
    power = float(forecast.runs["power_w"][i][2])
    beside = (
        f", {format_factor(power / load.value)} {load.name}" if load and load.unit == "W" and load.value > 0 else ""
    )
    return (
        f"A run at the ceiling of {year}: {amount('power_w', 'W')}{beside}; {amount('h100e', 'H100e')}; "
        f"{amount('tokens', 'tokens')}; {amount('parameters', 'parameters')}; {amount('duration_s', 's')}; "
        f"{amount('capital_usd', 'USD')} of hardware and buildings at the prices of {year}, "
        f"{amount('run_usd', 'USD')} for the run; "
        f"{amount('water_m3_per_day', 'm3/day')} of water."
    )


def grade_counts(forecast: Forecast) -> str:
    """How many parameters are measured, reported, claimed or judged, with their signs.

    Places that only a scenario or a lever fills (a factor of one, a source that adds nothing) state
    no fact, and are counted apart.
    """
    grades = [str(p["grade"]) for p in forecast.parameters if not _is_empty_place(p)]
    text = ", ".join(f"{GRADES[g]} {grades.count(g)} {g}" for g in GRADES if g in grades)
    empty = len(forecast.parameters) - len(grades)
    return f"{text}; {empty} places for scenarios and levers" if empty else text


def data_until(forecast: Forecast) -> str:
    """Until when the levels that change with time were read, and which are more than a year older than that."""
    levels = [p for p in forecast.parameters if p["at_year"] is not None and p["unit"] != "x/yr"]
    dated = [p for p in levels if p["grade"] != "judgement"]
    if not dated:
        return ""
    last = max(str(p["as_of"]) for p in dated)
    old = [p for p in dated if decimal_year(str(p["as_of"])) < decimal_year(last) - 1.0]
    names = ", ".join(f"{p['id']} ({p['as_of']})" for p in sorted(old, key=lambda p: str(p["as_of"])))
    return f"Data to {last}" + (f"; more than a year older: {names}" if old else "")


def _is_empty_place(record: Mapping[str, Any]) -> bool:
    stated = record["stated_values"]
    return record["stated_distribution"] == "point" and (stated == [0.0] or (stated == [1.0] and record["unit"] == "x"))


def parameter_records(world: World) -> list[dict[str, Any]]:
    """What a forecast is computed from: value, unit and source of every parameter in use.

    ``stated_by`` says who states the distribution, ``changes`` what the scenario, its switches and its levers change
    of it, and from which year on.
    """
    changes = _changes_in_words(world)
    out = []
    for name, row in world.parameters.items():
        marginal = world.joint.marginals[name]
        builtin = world.catalog.is_builtin("parameters", row)
        out.append(
            {
                "id": name,
                "name": row.name,
                "distribution": marginal.family,
                "levels": list(marginal.levels),
                "values": list(marginal.values),
                "unit": row.unit,
                "at_year": row.at_year,
                "source": row.source,
                "url": row.url,
                "as_of": row.as_of,
                "grade": row.grade,
                "stated_by": "the scenario" if name in world.stated else "built-in" if builtin else "the user's facts",
                "changes": changes.get(name, []),
                "stated_distribution": row.family,
                "stated_values": list(row.quantiles[1]),
            }
        )
    return out


_SIGNS = {"mul": "× ", "add": "+ ", "set": "= ", "max": "at least ", "growth": "each year × "}


def _changes_in_words(world: World) -> dict[str, list[str]]:
    """Parameter -> what changes it from a year on, in the order in which it is applied."""
    out: dict[str, list[str]] = {}

    def add(name: str, who: str, op: str, amount: str, start: float, ramp_yr: float) -> None:
        ramp = f" over {ramp_yr:g} yr" if ramp_yr else ""
        out.setdefault(name, []).append(f"{who}: {_SIGNS[op]}{amount} from {start:g}{ramp}")

    for change in world.scheduled:
        amount = format_quantity(float(change.effect[0]), world.parameters[change.parameter].unit)
        add(change.parameter, "the scenario", change.op, amount, change.from_year, change.ramp_yr)
    for name in world.allocation:
        out.setdefault(name, []).append("the switch observed-allocation: × run.observed_allocation_factor")
    for lever in world.levers:
        for effect in lever.acting:
            factor = effect.op in ("mul", "growth")
            amount = format_interval(lever.range_of(effect), effect.unit, ".3g" if factor else None)
            add(effect.parameter, f"lever {lever.id}", effect.op, amount, lever.start_of(effect), effect.ramp_yr)
    return out
