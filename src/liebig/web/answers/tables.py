"""Answers about the facts, names that can be used, and the program."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

from liebig import __version__
from liebig.catalog import TABLES, FactRow, load_catalog
from liebig.web.responses import CatalogueAnswer, FactsAnswer, VersionAnswer

__all__ = ["catalogue", "facts", "version"]


@functools.cache
def version() -> VersionAnswer:
    """Version of the program and digest of its facts."""
    digest = hashlib.sha256()
    catalog = load_catalog()
    for name in TABLES:
        for row in catalog.table(name):
            digest.update(repr(row).encode())
    return VersionAnswer(version=__version__, facts=digest.hexdigest()[:12])


@functools.cache
def catalogue() -> CatalogueAnswer:
    """Names that a plan can use."""
    from liebig.access import export_scenarios
    from liebig.cluster import chip_names
    from liebig.forecast.switches import switches
    from liebig.site.place import site_names
    from liebig.step.software import software_names
    from liebig.transformer import architecture_names

    catalog = load_catalog()
    return CatalogueAnswer(
        models=list(architecture_names()), chips=list(chip_names()), sites=list(site_names()),
        software=list(software_names()), facts=list(catalog.sets), switches=list(switches()),
        exports=list(export_scenarios()),
    )  # fmt: skip


def facts(query: str = "", limit: int = 50, offset: int = 0) -> FactsAnswer:
    """Facts that hold all the words, with where each is used."""
    hits = load_catalog().search(query.split())
    rows = [_shown(t, r) for t, r in hits[offset : offset + limit]]
    return FactsAnswer.model_validate({"total": len(hits), "rows": rows})


def _shown(table: str, row: FactRow) -> dict[str, Any]:
    cells: Mapping[str, Any] = row.model_dump()
    return {
        "table": table, "id": " · ".join(row.row_key), "name": str(cells.get("name") or cells.get("claim") or ""),
        **row.figure._asdict(), "source": row.source, "url": row.url, "as_of": row.as_of, "licence": row.licence,
        "grade": row.grade, "used_in": _used(table, cells),
    }  # fmt: skip


_OF_PLANS = {
    "architectures", "chips", "software", "sites", "networks", "rental_prices", "plan_numbers", "chip_costs",
    "constants", "chip_families",
}  # fmt: skip


def _used(table: str, cells: Mapping[str, Any]) -> list[str]:
    if table == "parameters":
        return [f"limit {name}" for name in str(cells.get("limit", "")).split()] or ["checks only"]
    if table == "levers":
        return [f"lever on {part}" for part in str(cells.get("limits", "")).split()]
    if table == "lever_effects":
        return ["lever " + str(cells.get("lever", ""))]
    used = {"plans": table in _OF_PLANS, "trends and checks": table not in _OF_PLANS or table == "chips"}
    return [use for use, is_so in used.items() if is_so]
