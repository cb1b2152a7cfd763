"""A place where machines run, from the catalogue or from a few numbers."""

from __future__ import annotations

import functools
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from liebig.catalog import load_catalog
from liebig.catalog.training_rows import SiteRow
from liebig.errors import UnknownNameError

__all__ = ["Site", "site", "site_names"]

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Site(BaseModel):
    """What cooling, electricity and water cost at a place.

    >>> Site(name="home", pue=1.1, carbon_g_per_kwh=30).wue_l_per_kwh
    0.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "custom"
    pue: Annotated[float, Field(ge=1, le=3, allow_inf_nan=False)] = 1.2
    wue_l_per_kwh: Amount = 0.0
    carbon_g_per_kwh: Amount = 0.0
    water_l_per_kwh: Amount = 0.0
    price_usd_per_kwh: Amount = 0.08
    power_w: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


@functools.cache
def _catalogue() -> tuple[dict[str, Site], dict[str, str]]:
    sites: dict[str, Site] = {}
    spelling: dict[str, str] = {}
    for row in load_catalog().table("sites"):
        assert isinstance(row, SiteRow)
        sites[row.name] = Site(**{k: getattr(row, k) for k in Site.model_fields if k in SiteRow.model_fields})
        for text in (row.name, row.country, *row.aliases.split(";")):
            if _plain(text):
                spelling.setdefault(_plain(text), row.name)
    return sites, spelling


def site_names() -> tuple[str, ...]:
    """Names of the built-in sites."""
    return tuple(_catalogue()[0])


def site(name: str) -> Site:
    """A site by its name, in any spelling, or by the code of its country.

    Raises:
        UnknownNameError: no such site; lists the nearest names.

    >>> site("Norway").carbon_g_per_kwh < 100
    True
    """
    sites, spelling = _catalogue()
    found = spelling.get(_plain(name))
    if found is None:
        raise UnknownNameError("site", name, sites)
    return sites[found]
