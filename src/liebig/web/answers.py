"""Answers of the page, each by the function that the command line calls."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from liebig import __version__
from liebig.catalog import TABLES, FactRow, load_catalog
from liebig.catalog.rows import GRADES
from liebig.files import toml_text
from liebig.forecast.world import parameter_marginal
from liebig.uncertainty import quantile
from liebig.web.bodies import AccessBody, LeversBody, PackageBody, PlanBody, ScenarioBody

if TYPE_CHECKING:
    from liebig.forecast import Forecast

__all__ = [
    "access",
    "catalogue",
    "facts",
    "forecast",
    "inequality",
    "levers",
    "package",
    "parameters",
    "plan",
    "rank",
    "rebound",
    "scenario_toml",
    "version",
    "warm",
]

#: Version of what links hold.
STATE = 1
#: Pieces of the timeline of a step that are sent.
MOST_SPANS = 4000


@functools.cache
def version() -> dict[str, Any]:
    """Version of the program, digest of its facts, version of links."""
    digest = hashlib.sha256()
    catalog = load_catalog()
    for name in TABLES:
        for row in catalog.table(name):
            digest.update(repr(row).encode())
    return {"version": __version__, "facts": digest.hexdigest()[:12], "state": STATE}


@functools.lru_cache(maxsize=32)
def _forecast(key: str) -> tuple[Forecast, dict[str, Any]]:
    """A forecast of all years, whatever year is looked at."""
    from liebig.forecast.simulate import run_forecast

    found = run_forecast(ScenarioBody.model_validate_json(key).inputs())
    answer = found.to_dict()
    answer.pop("parameters")  # the page has them already
    return found, answer


def forecast(body: ScenarioBody) -> dict[str, Any]:
    """The forecast of a scenario, its summary for the year that is looked at."""
    found, answer = _forecast(body.model_dump_json(exclude={"year"}))
    return answer | {"summary": found.summary(body.year)}


def warm() -> None:
    """Load what the first questions need, so that they are answered as quickly as later ones."""
    forecast(ScenarioBody(samples=256))
    version()
    parameters()


@functools.lru_cache(maxsize=4)
def _influence(facts_set: str) -> dict[str, float]:
    """Swing of the minimum of 2030 between a parameter's p10 and p90, as a share of the largest (logarithm)."""
    from math import log

    from liebig.forecast import find_sensitivity

    found = find_sensitivity(2030, facts=facts_set, samples=1024)
    swings = {bar.parameter: log(bar.swing) for bar in found.tornado}
    top = max(swings.values(), default=1.0) or 1.0
    return {name: round(value / top, 4) for name, value in swings.items()}


@functools.lru_cache(maxsize=4)
def parameters(facts_set: str = "2026") -> dict[str, Any]:
    """Parameters of a set in groups, those with most influence first."""
    from liebig.quantities import format_quantity

    influence = _influence(facts_set)
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, row in load_catalog().parameters(facts_set).items():
        if row.role != "model" or row.family == "point" or name not in influence:
            continue
        low, middle, high = (float(q) for q in quantile(parameter_marginal(row), np.array([0.1, 0.5, 0.9])))
        log = low > 0
        span = (high / low if log else high - low) or 1.0
        ends = (low / span, high * span) if log else (low - span, high + span)
        bounds = (
            max(ends[0], row.lower) if row.lower is not None else ends[0],
            min(ends[1], row.upper) if row.upper is not None else ends[1],
        )
        groups.setdefault(name.partition(".")[0], []).append(
            {
                "id": name, "name": row.name, "unit": row.unit, "p10": low, "p50": middle, "p90": high,
                "shown": {k: format_quantity(v, row.unit) for k, v in (("p10", low), ("p50", middle), ("p90", high))},
                "low": bounds[0], "high": bounds[1], "log": log and bounds[0] > 0, "limits": row.limit.split(),
                "source": row.source, "url": row.url, "as_of": row.as_of, "grade": row.grade,
                "mark": GRADES.get(row.grade, ""), "influence": influence[name],
            }
        )  # fmt: skip
    for items in groups.values():
        items.sort(key=lambda i: -i["influence"])
    ordered = sorted(groups.items(), key=lambda g: -g[1][0]["influence"])
    return {
        "facts": facts_set,
        "groups": [
            {"title": title, "limits": sorted({x for i in items for x in i["limits"]}), "items": items}
            for title, items in ordered
        ],
    }


@functools.cache
def levers() -> dict[str, Any]:
    """All levers with what is claimed for them and what a check found."""
    rows = []
    for row in load_catalog().table("levers"):
        cells = row.model_dump()
        rows.append(
            {
                "name": cells["id"], "title": cells["name"], "kind": cells["kind"], "limits": cells["limits"],
                "p10": cells["low"], "p50": cells["mid"], "p90": cells["high"], "from_year": cells["available_from"],
                "in_base": cells["in_base"], "members": cells["members"].split(), "excludes": cells["excludes"].split(),
                "claim": cells["claim"], "check": cells["check"], "caveat": cells["caveat"], "unit": cells["unit"],
                "source": cells["source"], "url": cells["url"], "grade": cells["grade"],
                "mark": GRADES.get(cells["grade"], ""),
            }
        )  # fmt: skip
    return {"levers": rows}


@functools.lru_cache(maxsize=32)
def _rank(key: str) -> dict[str, Any]:
    from liebig.forecast import rank_levers

    body = LeversBody.model_validate_json(key)
    return rank_levers(body.year, body.inputs()).to_dict()


def rank(body: LeversBody) -> dict[str, Any]:
    """Levers by their effect on the minimum of the year."""
    return _rank(body.model_dump_json())


@functools.lru_cache(maxsize=16)
def _package(key: str) -> dict[str, Any]:
    from liebig.forecast.levers import find_package

    body = PackageBody.model_validate_json(key)
    return find_package(body.inputs(), body.size, body.year).to_dict()


def package(body: PackageBody) -> dict[str, Any]:
    """The levers that do most together."""
    return _package(body.model_dump_json())


def rebound(body: LeversBody) -> dict[str, Any]:
    """What efficiency levers save once cheaper use has grown."""
    from liebig.forecast.levers import measure_rebound

    return measure_rebound(body.inputs(), body.year).to_dict()


@functools.cache
def catalogue() -> dict[str, Any]:
    """Names that a plan can use."""
    from liebig.access import export_scenarios
    from liebig.cluster import chip_names
    from liebig.forecast.switches import SWITCHES
    from liebig.site.place import site_names
    from liebig.step.software import software_names
    from liebig.transformer import architecture_names

    catalog = load_catalog()
    return {
        "models": list(architecture_names()), "chips": list(chip_names()), "sites": list(site_names()),
        "software": list(software_names()), "facts": list(catalog.sets), "switches": list(SWITCHES),
        "exports": list(export_scenarios()),
    }  # fmt: skip


def plan(body: PlanBody) -> dict[str, Any]:
    """A training run: the plan, its timeline, the best layouts, and its headroom to every ceiling."""
    from liebig.plan import plan_training
    from liebig.plan.headroom import headroom_of
    from liebig.plan.result import layout_dict
    from liebig.plan.timeline import shown_spans

    found = plan_training(body.training())
    layout = found.layout_dict()
    count = 3 * int(layout["pp"]) * int(layout["n_micro"]) * int(layout["vpp"])
    spans = shown_spans(found, int(layout["pp"]), int(layout["n_micro"])).spans if count <= MOST_SPANS else ()
    rows: list[dict[str, Any]] = []
    if found.found is not None:
        best = found.found
        for i in range(min(len(best.step_s), 12)):
            sizes = {k: v for k, v in layout_dict(best.layouts.take(i)).items() if k in _SIZES}
            rows.append({**sizes, "step_s": float(best.step_s[i]), "memory_bytes": float(best.memory_bytes[i])})
    return {
        "plan": found.to_dict(), "timeline": [asdict(s) for s in spans], "layouts": rows,
        "memory_by_stage": found.stage_memory().rows(), "headroom": headroom_of(found).to_dict(),
    }  # fmt: skip


@functools.lru_cache(maxsize=64)
def _map(need: str, year: int, scenario: str, samples: int, seed: int) -> tuple[str, list[dict[str, Any]]]:
    """What is said of all countries, and the rows of the map."""
    from liebig.access import find_access, map_table

    found = find_access(need=need, year=year, scenario=scenario, samples=samples, seed=seed)
    return found.summary(), map_table(found).rows()


def access(body: AccessBody) -> dict[str, Any]:
    """The map's rows for all countries; for named ones or clubs also their answers in full."""
    from liebig.access import find_access, join, measures

    shared: dict[str, Any] = body.model_dump(exclude={"countries"})
    summary, rows = _map(**shared)
    notes = [{**m, "note": m["coverage"]} for m in measures()]
    out: dict[str, Any] = {"rows": rows, "measures": notes, "summary": summary, "places": [], "club": None}
    if body.countries:
        found = find_access(countries=tuple(body.countries), **shared)
        out |= {"summary": found.summary(), "places": found.to_dict()["places"]}
    if len(body.countries) > 1:
        out["club"] = join(body.countries, **shared).to_dict()
    return out


@functools.cache
def inequality() -> dict[str, Any]:
    """Lorenz curves and Gini of what is hosted, owned and sold."""
    from liebig.access import inequality as find

    return find().to_dict()


_SIZES = ("tp", "pp", "vpp", "cp", "ep", "dp", "micro_batch", "n_micro", "zero", "recompute", "recompute_share")


def facts(query: str = "", limit: int = 50, offset: int = 0) -> dict[str, Any]:
    """Facts that hold all the words, with where each is used."""
    hits = load_catalog().search(query.split())
    return {"total": len(hits), "rows": [_shown(t, r) for t, r in hits[offset : offset + limit]]}


def _shown(table: str, row: FactRow) -> dict[str, Any]:
    cells: Mapping[str, Any] = row.model_dump()
    value = next((cells[k] for k in _VALUES if cells.get(k) is not None), None)
    return {
        "table": table, "id": " · ".join(row.row_key), "name": str(cells.get("name") or ""), "value": value,
        "p10": cells.get("p10", cells.get("low")), "p90": cells.get("p90", cells.get("high")),
        "unit": cells.get("unit", ""), "source": cells.get("source", ""), "url": cells.get("url", ""),
        "as_of": cells.get("as_of", ""), "licence": cells.get("licence", ""), "grade": cells.get("grade", ""),
        "mark": GRADES.get(str(cells.get("grade", "")), ""), "used_in": list(_used(table, cells)),
    }  # fmt: skip


_OF_PLANS = {
    "architectures", "chips", "software", "sites", "networks", "rental_prices", "plan_numbers", "chip_costs",
    "constants", "chip_families",
}  # fmt: skip
#: Columns that hold what a row is about, in the order of preference.
_VALUES = ("value", "p50", "mid", "usd_per_hour", "peak_bf16")


def _used(table: str, cells: Mapping[str, Any]) -> Iterable[str]:
    if table == "parameters":
        return [f"limit {name}" for name in str(cells.get("limit", "")).split()] or ["checks only"]
    if table == "levers":
        return [f"lever on {part}" for part in str(cells.get("limits", "")).split()]
    if table == "lever_effects":
        return ["lever " + str(cells.get("lever", ""))]
    used = {"plans": table in _OF_PLANS, "trends and checks": table not in _OF_PLANS or table == "chips"}
    return [use for use, is_so in used.items() if is_so]


def scenario_toml(body: ScenarioBody) -> str:
    """The scenario as a file that ``liebig forecast FILE`` reads.

    >>> print(scenario_toml(ScenarioBody(pin={"run.duration_s": "200 d"}, levers=["fp4-training@2027"])))
    facts = "2026"
    levers = ["fp4-training@2027"]
    <BLANKLINE>
    [pin]
    "run.duration_s" = "200 d"
    <BLANKLINE>
    """
    lines = [f"title = {toml_text(body.title)}"] if body.title else []
    lines += [f"facts = {toml_text(body.facts)}"]
    lines += [f"{n} = {toml_text(v)}" for n, v in (("levers", body.levers), ("switches", body.switches)) if v]
    if body.seed:
        lines.append(f"seed = {body.seed}")
    for name in ("set", "pin", "add"):
        table: dict[str, Any] = getattr(body, name)
        if table:
            lines += ["", f"[{name}]", *(f"{toml_text(k)} = {toml_text(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"
