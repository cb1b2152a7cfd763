"""The forecast of the set 2026 as someone would write it with squigglepy: the peer of the benchmarks.

The same parameters, the same equations and the same years, written as plain arithmetic on what squigglepy
samples.  :func:`one_future` is the idiom of squigglepy's documentation, a function that draws each input
and returns the answer, handed to ``sq.sample``; :func:`all_futures` is the quickest form we could find,
which draws whole arrays (``dist @ n``) and runs the same arithmetic on them.

What the peer does not do: metalogs (squigglepy has none; log-normal through p10 and p90 instead),
correlations between parameters, low-discrepancy points, the description of the run, effective FLOP.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import squigglepy as sq

from liebig.catalog import load_catalog
from liebig.limits import LIMITS as MODELLED
from liebig.limits.power import SOURCES

YEARS = range(2025, 2041)
LIMITS = ("power", "chips", "data", "latency", "capital", "water")
Number = Any  # a float, or an array over futures


@dataclass(frozen=True)
class Arithmetic:
    """exp, log, sqrt, minimum and maximum for floats or for arrays."""

    exp: Callable[..., Number]
    log: Callable[..., Number]
    sqrt: Callable[..., Number]
    low: Callable[..., Number]
    high: Callable[..., Number]


SCALAR = Arithmetic(math.exp, math.log, math.sqrt, min, max)
ARRAY = Arithmetic(np.exp, np.log, np.sqrt, np.minimum, np.maximum)


def distributions() -> tuple[dict[str, Any], dict[str, float], dict[str, float]]:
    """(squigglepy distributions, points, years of dated levels) of the set 2026."""
    names = {n for limit in LIMITS for n in MODELLED[limit].reads} | {
        "trend.flop",
        "trend.growth",
        "trend.level_factor",
    }
    drawn: dict[str, Any] = {}
    points: dict[str, float] = {}
    years: dict[str, float] = {}
    for name, row in load_catalog().parameters("2026").items():
        if row.at_year is not None:
            years[name] = row.at_year
        if name not in names:
            continue
        levels, values = row.quantiles
        if len(values) == 1 or values[0] == values[-1]:
            points[name] = values[len(values) // 2]
        elif row.family == "piecewise":
            drawn[name] = sq.uniform(values[0], values[-1])
        elif values[0] > 0:
            credibility = 100 * (levels[-1] - levels[0])
            drawn[name] = sq.lognorm(values[0], values[-1], credibility=credibility, rclip=row.upper)
        else:
            drawn[name] = sq.norm(values[0], values[-1], credibility=80, lclip=row.lower)
    return drawn, points, years


DRAWN, POINTS, AT = distributions()


def _share_closed(p: Mapping[str, Number], year: float, m: Arithmetic) -> Number:
    now, then = (m.low(p[f"cooling.closed_loop_{w}share"], 1 - 1e-9) for w in ("now_", ""))
    first, last = AT["cooling.closed_loop_now_share"], AT["cooling.closed_loop_share"]
    weight = (year - first) / (last - first)
    a, b = m.log(now / (1 - now)), m.log(then / (1 - then))
    return 1 / (1 + m.exp(-(a + weight * (b - a))))


def _facility_w(p: Mapping[str, Number], year: float, m: Arithmetic) -> Number:
    base = AT["power.facility_w"]
    w = m.high(p["power.facility_w"] * p["power.efficiency_growth"] ** (base - year), p["power.facility_floor_w"])
    penalty = p["cooling.closed_loop_pue_penalty"] / p["cooling.pue"]
    return w * (1 + penalty * (_share_closed(p, year, m) - _share_closed(p, base, m)))


def _flop_per_chip(p: Mapping[str, Number], m: Arithmetic) -> Number:
    util = m.low(p["run.utilisation"], 1.0)
    return p["run.peak_flop_per_s"] * p["run.precision_gain"] * util * p["run.duration_s"] * p["run.training_fraction"]


def _ai_power(p: Mapping[str, Number], year: float, m: Arithmetic) -> Number:
    elapsed = year - AT["power.ai_w"]
    total = p["power.ai_w"] * p["power.ai_growth_past"] ** min(elapsed, 0.0)
    for s in SOURCES:
        lead = p[f"power.{s}_lead_yr"]
        before = m.low(max(elapsed, 0.0), lead)
        after = m.high(max(elapsed, 0.0) - lead, 0.0)
        speed = 1 + 0.5 * after * (p["power.additions_growth"] - 1)
        built = p[f"power.{s}_under_way_w_per_yr"] * before + p[f"power.{s}_new_w_per_yr"] * after * speed
        total = total + m.low(built * p["power.buildout"], p[f"power.{s}_max_w"]) + p[f"power.{s}_w"]
    return total * p["power.ai_factor"]


def power(p: Mapping[str, Number], year: float, m: Arithmetic) -> Number:
    flop_per_w = _flop_per_chip(p, m) / _facility_w(p, year, m)
    first, last = AT["power.campus_now_w"], AT["power.campus_w"]
    now, then = p["power.campus_now_w"], p["power.campus_w"]
    weight = (min(max(year, first), last) - first) / (last - first)
    campus = now * (then / now) ** weight * p["power.ai_growth_past"] ** min(year - first, 0.0)
    campus = campus * p["power.campus_growth"] ** max(year - last, 0.0)
    network = m.low(p["run.share"], 1.0) * p["power.network_factor"] * _ai_power(p, year, m) * flop_per_w
    k = p["data.tokens_per_parameter"]
    rate = p["power.bandwidth_bit_per_s"] * p["power.bandwidth_growth"] ** (year - AT["power.bandwidth_bit_per_s"])
    a, b = k * 2 * p["power.gradient_bits"] / rate, k * 2 * p["power.ring_km"] / 2e5
    budget = p["run.duration_s"] * p["power.network_batch_tokens"]
    n = 2 * budget / (b + m.sqrt(b * b + 4 * a * budget))
    return m.high(campus * flop_per_w, m.low(network, 6 * k * n * n))


def _decay(initial: Number, final: Number, tau: Number, t: float, m: Arithmetic) -> Number:
    g0, g1 = m.log(initial), m.log(final)
    return g1 * max(t, 0.0) + (g0 - g1) * tau * (1 - m.exp(-max(t, 0.0) / tau)) + g0 * min(t, 0.0)


def _alive(age: Number, life: Number, m: Arithmetic) -> Number:
    return m.low(m.high(1.5 - age / life, 0.0), 1.0)


def _made(p: Mapping[str, Number], first: float, m: Arithmetic) -> Number:
    year = first + 0.5
    g = (p["chips.growth_initial"], p["chips.growth_long_run"], p["chips.growth_decay_yr"])
    base = AT["chips.production_h100e_per_yr"]
    better = p["chips.performance_growth"] ** (year - base)
    plan = p["chips.production_h100e_per_yr"] * m.exp(_decay(*g, year - base, m)) * better
    packaging = 12 * p["chips.packaging_wafers_per_month"] * p["chips.packaging_h100e_per_wafer"] * better
    packaging = packaging * m.exp(_decay(*g, year - AT["chips.packaging_wafers_per_month"], m))
    since = year - AT["chips.hbm_bytes_per_yr"]
    memory = p["chips.hbm_bytes_per_yr"] * m.exp(_decay(p["chips.hbm_growth"], g[1], g[2], since, m))
    per_chip = AT["chips.hbm_bytes_per_h100e"]
    memory = memory / (p["chips.hbm_bytes_per_h100e"] * p["chips.hbm_bytes_per_h100e_growth"] ** (year - per_chip))
    tools = p["chips.euv_tools"] + p["chips.euv_tools_per_yr"] * (year - AT["chips.euv_tools"])
    watts = m.high(tools, 0.0) * p["chips.euv_w_per_tool"] * p["chips.euv_ai_share"]
    light = watts / (p["power.facility_w"] * p["power.efficiency_growth"] ** (AT["power.facility_w"] - year))
    plan = m.low(m.low(m.low(plan, packaging), memory), light)
    t = max(year - base, 0.0)
    rate = m.log(g[1]) + (m.log(g[0]) - m.log(g[1])) * m.exp(-t / g[2]) + m.log(p["chips.performance_growth"])
    square = 0.25 * rate * rate
    return plan * (1 + square / 6 * (1 + square / 20)) * p["chips.production_factor"]


def _in_service(p: Mapping[str, Number], year: float, level: str, added: list[Number], m: Arithmetic) -> Number:
    base, life = AT[level], p["chips.life_yr"]
    kept = _alive(p["chips.stock_age_yr"] + max(year - base, 0.0), life, m)
    total = p[level] * p["chips.stock_growth_past"] ** min(year - base, 0.0) * kept
    for i, cohort in enumerate(added):
        part = min(max(year - base - i, 0.0), 1.0)
        if part > 0:
            total = total + part * cohort * _alive(year - base - i - 0.5 * part, life, m)
    return total


def chips(p: Mapping[str, Number], year: float, made: list[Number], m: Arithmetic) -> Number:
    stock = _in_service(p, year, "chips.stock_h100e", made, m) * p["chips.stock_factor"]
    return stock * m.low(p["run.share"], 1.0) * _flop_per_chip(p, m)


def data(p: Mapping[str, Number], year: float, m: Arithmetic) -> Number:
    pictures = p["data.tokens_per_image"] * (p["data.images"] + p["data.video_s"])
    other = pictures + p["data.tokens_per_audio_s"] * p["data.audio_s"]
    stock = p["data.text_tokens"] + p["data.multimodal_factor"] * other
    epochs, r = p["data.epochs"], p["data.repetition_constant"]
    worth = m.low(epochs, 1.0) + r * (1 - m.exp(-m.high(epochs - 1, 0.0) / r))
    grown = p["data.growth"] ** (year - AT["data.text_tokens"])
    tokens = stock * m.low(p["data.quality"], 1.0) * worth * p["data.synthetic_factor"] * grown
    return 6 * tokens * tokens / (p["data.tokens_per_parameter"] * p["data.moe_tokens_factor"])


def latency(p: Mapping[str, Number], m: Arithmetic) -> Number:
    ops, t = p["latency.operations_per_layer"], p["run.duration_s"]
    fixed = ops * (p["latency.kernel_s"] + p["latency.base_s"] + 6 * p["latency.intra_node_s"])
    slope = ops * 2 * p["latency.inter_node_s"] / math.log(2)
    per_chip = p["run.peak_flop_per_s"] * p["run.precision_gain"] * m.low(p["run.utilisation"], 1.0)
    k, ab, al = p["data.tokens_per_parameter"], p["latency.batch_exponent"], p["latency.layer_exponent"]
    batch = m.log(p["latency.batch_tokens"]) - ab * m.log(p["latency.batch_anchor_parameters"])
    layers = m.log(p["latency.layers"]) - al * m.log(p["latency.layer_anchor_parameters"])
    flop = m.log(6 * k)
    group = 0.5 * (flop + m.log(p["latency.tokens_per_chip"]) - m.log(t * per_chip) - batch)
    group = group - m.log(p["latency.chips_per_node"])
    target, e = m.log(t) + batch - layers - m.log(k), 1 + al - ab
    n = (target - m.log(fixed + 10 * slope)) / e
    for _ in range(30):  # fixed point
        n = 0.5 * n + 0.5 * (target - m.log(fixed + slope * m.high(group + 0.5 * (2 - ab) * n, 0.0))) / e
    return m.exp(flop + 2 * n)


def _bought(p: Mapping[str, Number], first: float, m: Arithmetic) -> Number:
    t = first - AT["capital.capex_usd"]
    g = (p["capital.capex_growth"], p["capital.capex_growth_long_run"], p["capital.capex_growth_decay_yr"])
    product = p["capital.world_product_usd"] * p["capital.world_product_growth"] ** (
        first - AT["capital.world_product_usd"]
    )
    spent = m.low(p["capital.capex_usd"] * m.exp(_decay(*g, t, m)), product * p["capital.world_product_share"])
    price = p["capital.usd_per_h100e"] * p["capital.usd_per_h100e_fall"] ** (AT["capital.usd_per_h100e"] - first - 0.5)
    return spent * p["capital.compute_share"] / price


def capital(p: Mapping[str, Number], year: float, bought: list[Number], m: Arithmetic) -> Number:
    owned = _in_service(p, year, "capital.firm_h100e", bought, m)
    return owned * m.low(p["capital.run_share"], 1.0) * _flop_per_chip(p, m)


def water(p: Mapping[str, Number], year: float, m: Arithmetic) -> Number:
    litres = p["cooling.wue_l_per_kwh"] * m.high(1 - _share_closed(p, year, m), 1e-9)
    watts = p["water.sites"] * p["water.site_m3_per_day"] * 1e6 / 24 / litres
    return watts / _facility_w(p, year, m) * _flop_per_chip(p, m)


def ceilings(p: Mapping[str, Number], m: Arithmetic) -> list[tuple[Number, ...]]:
    """The six ceilings of each year."""
    made = [_made(p, AT["chips.stock_h100e"] + i, m) for i in range(YEARS[-1] - int(AT["chips.stock_h100e"]) + 1)]
    start = AT["capital.firm_h100e"]
    bought = [_bought(p, start + i, m) for i in range(YEARS[-1] - int(start) + 1)]
    slow = latency(p, m)
    return [
        (power(p, y, m), chips(p, y, made, m), data(p, y, m), slow, capital(p, y, bought, m), water(p, y, m))
        for y in map(float, YEARS)
    ]


def one_future() -> list[float]:
    """One future: draw every input, return minimum and expected run of each year."""
    p = POINTS | {name: float(~dist) for name, dist in DRAWN.items()}
    found = ceilings(p, SCALAR)
    trend = [
        p["trend.flop"] * p["trend.level_factor"] * p["trend.growth"] ** (y - AT["trend.flop"])
        for y in map(float, YEARS)
    ]
    lowest = [min(row) for row in found]
    return [*lowest, *(min(a, b) for a, b in zip(lowest, trend, strict=True)), *(row.index(min(row)) for row in found)]


def forecast_by_functions(n: int) -> np.ndarray:
    """``(n, 3 years)``: minimum, expected run and binding limit, in squigglepy's documented way."""
    return np.array(sq.sample(one_future, n=n))


def all_futures(n: int) -> dict[str, np.ndarray]:
    """The same with whole arrays: quantiles of ceilings, minimum and expected run, and binding shares."""
    p: dict[str, Number] = {**POINTS, **{name: np.asarray(dist @ n) for name, dist in DRAWN.items()}}
    found = ceilings(p, ARRAY)
    out: dict[str, list[Any]] = {"minimum": [], "expected": [], "binding": [], "ceilings": []}
    for y, row in zip(YEARS, found, strict=True):
        stack = np.array([np.broadcast_to(c, n) for c in row])
        lowest = stack.min(axis=0)
        trend = p["trend.flop"] * p["trend.level_factor"] * p["trend.growth"] ** (y - AT["trend.flop"])
        out["ceilings"].append(np.quantile(stack, (0.1, 0.25, 0.5, 0.75, 0.9), axis=1))
        out["minimum"].append(np.quantile(lowest, (0.1, 0.25, 0.5, 0.75, 0.9)))
        out["expected"].append(np.quantile(np.minimum(lowest, trend), (0.1, 0.25, 0.5, 0.75, 0.9)))
        out["binding"].append(np.bincount(stack.argmin(axis=0), minlength=len(LIMITS)) / n)
    return {k: np.array(v) for k, v in out.items()}
