"""Answers about countries and clubs."""

from __future__ import annotations

import functools
from typing import Any

from liebig.errors import UnknownNameError
from liebig.web.requests import AccessRequest
from liebig.web.responses import AccessAnswer, InequalityAnswer

__all__ = ["access", "inequality"]


@functools.lru_cache(maxsize=64)
def _map(need: str, year: int, scenario: str, samples: int, seed: int) -> tuple[str, list[dict[str, Any]]]:
    """What is said of all countries, and the rows of the map."""
    from liebig.access import find_access, map_table

    found = find_access(need=need, year=year, scenario=scenario, samples=samples, seed=seed)
    rows = [{n: row.pop(n) for n in ("iso3", "iso2", "name")} | {"values": row} for row in map_table(found).rows()]
    return found.summary(), rows


def access(body: AccessRequest) -> AccessAnswer:
    """The map's rows for all countries; for named ones or clubs also their answers in full."""
    from liebig.access import export_scenarios, find_access, join, measures

    if body.scenario not in (known := export_scenarios()):  # the command line would offer files as well
        raise UnknownNameError("export scenario", body.scenario, known)
    shared: dict[str, Any] = body.model_dump(exclude={"countries"})
    summary, rows = _map(**shared)
    out: dict[str, Any] = {"rows": rows, "measures": measures(), "summary": summary, "places": [], "club": None}
    if body.countries:
        found = find_access(countries=tuple(body.countries), **shared)
        out |= {"summary": found.summary(), "places": found.to_dict()["places"]}
    if len(body.countries) > 1:
        out["club"] = join(body.countries, **shared).to_dict()
    return AccessAnswer.model_validate(out)


@functools.cache
def inequality() -> InequalityAnswer:
    """Lorenz curves and Gini of what is hosted, owned and sold."""
    from liebig.access import inequality as find

    return InequalityAnswer.model_validate(find().to_dict())
