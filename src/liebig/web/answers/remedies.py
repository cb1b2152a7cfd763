"""Answers about parameters that can be moved, and about levers."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from liebig.catalog import load_catalog
from liebig.forecast.stated import parameter_marginal
from liebig.limits import LIMITS
from liebig.uncertainty import INTERVAL_LEVELS, Interval, quantile
from liebig.web.answers.asked import Asked, asked
from liebig.web.requests import LeversRequest, PackageRequest
from liebig.web.responses import LeversAnswer, PackageAnswer, ParametersAnswer, RankAnswer, ReboundAnswer

__all__ = ["levers", "package", "parameters", "rank", "rebound"]


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
def parameters(facts_set: str = "2026") -> ParametersAnswer:
    """Parameters of a set in groups, those with most influence first, and the limits."""
    from liebig.quantities import format_quantity

    influence = _influence(facts_set)
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, row in load_catalog().parameters(facts_set).items():
        if row.role != "model" or row.family == "point" or name not in influence:
            continue
        interval = Interval(*quantile(parameter_marginal(row), np.array(INTERVAL_LEVELS)).tolist())
        low, _, high = interval
        log = low > 0
        span = (high / low if log else high - low) or 1.0
        ends = (low / span, high * span) if log else (low - span, high + span)
        bounds = (
            max(ends[0], row.lower) if row.lower is not None else ends[0],
            min(ends[1], row.upper) if row.upper is not None else ends[1],
        )
        groups.setdefault(name.partition(".")[0], []).append(
            {
                "id": name, "name": row.name, "unit": row.unit, **interval._asdict(),
                "shown": {k: format_quantity(v, row.unit) for k, v in interval._asdict().items()},
                "low": bounds[0], "high": bounds[1], "log": log and bounds[0] > 0, "limits": row.limit.split(),
                "source": row.source, "url": row.url, "as_of": row.as_of, "grade": row.grade,
                "influence": influence[name],
            }
        )  # fmt: skip
    for items in groups.values():
        items.sort(key=lambda i: -i["influence"])
    ordered = sorted(groups.items(), key=lambda g: -g[1][0]["influence"])
    shown = [
        {"title": t, "limits": sorted({x for i in items for x in i["limits"]}), "items": items} for t, items in ordered
    ]
    limits = [
        {"name": x.name, "title": x.title, "colour": x.colour, "switch": x.switch, "without": x.without}
        for x in LIMITS.values()
    ]
    return ParametersAnswer.model_validate({"facts": facts_set, "groups": shown, "limits": limits})


@functools.cache
def levers() -> LeversAnswer:
    """All levers with what is claimed for them and what a check found."""
    rows = []
    for row in load_catalog().table("levers"):
        cells = row.model_dump()
        rows.append(
            {
                "name": cells["id"], "title": cells["name"], "kind": cells["kind"], "limits": cells["limits"],
                "low": cells["low"], "mid": cells["mid"], "high": cells["high"], "from_year": cells["available_from"],
                "in_base": cells["in_base"], "members": cells["members"].split(), "excludes": cells["excludes"].split(),
                "claim": cells["claim"], "check": cells["check"], "caveat": cells["caveat"], "unit": cells["unit"],
                "source": cells["source"], "url": cells["url"], "grade": cells["grade"],
            }
        )  # fmt: skip
    return LeversAnswer.model_validate({"levers": rows})


@functools.lru_cache(maxsize=32)
def _rank(question: Asked[LeversRequest]) -> RankAnswer:
    from liebig.forecast import rank_levers

    body = question.request
    return RankAnswer.model_validate(rank_levers(body.year, body.inputs()).to_dict())


def rank(body: LeversRequest) -> RankAnswer:
    """Levers by their effect on the minimum of the year."""
    return _rank(asked(body))


@functools.lru_cache(maxsize=16)
def _package(question: Asked[PackageRequest]) -> PackageAnswer:
    from liebig.forecast.levers import find_package

    body = question.request
    return PackageAnswer.model_validate(find_package(body.inputs(), body.size, body.year).to_dict())


def package(body: PackageRequest) -> PackageAnswer:
    """The levers that do most together."""
    return _package(asked(body))


def rebound(body: LeversRequest) -> ReboundAnswer:
    """What efficiency levers save once cheaper use has grown."""
    from liebig.forecast.levers import measure_rebound

    return ReboundAnswer.model_validate(measure_rebound(body.inputs(), body.year).to_dict())
