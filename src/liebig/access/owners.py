"""Who owns chips, who sells them, and how much of the world's chips has been located."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from liebig.access.places import all_countries
from liebig.catalog import load_catalog
from liebig.catalog.rows import OrganisationRow

__all__ = ["Coverage", "coverage", "organisations", "owned_h100e", "sold_h100e"]


@dataclass(frozen=True)
class Coverage:
    """How much the figures of chips see: located of owned, and attributed to an owner of owned, H100e."""

    located_h100e: float
    owned_h100e: float
    attributed_h100e: float

    @property
    def located_share(self) -> float:
        """Located over owned; clusters to July 2025, owners to December 2025."""
        return self.located_h100e / self.owned_h100e

    @property
    def attributed_share(self) -> float:
        """Of a named owner over all."""
        return self.attributed_h100e / self.owned_h100e

    def hosted_note(self) -> str:
        """What to say beside every figure of hosted chips."""
        return (
            f"located clusters (to July 2025) are {100 * self.located_share:.0f} % of owned compute "
            "(end of 2025): 0 means none located, not none"
        )

    def owned_note(self) -> str:
        """What to say beside every figure of owned chips."""
        return (
            f"{100 * self.attributed_share:.0f} % of the chips have a named owner, counted where it has its seat; "
            "Chinese domestic chips are not counted: 0 means none attributed, not none"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "located_share_of_owned": self.located_share,
            "attributed_share_of_owned": self.attributed_share,
            "hosted": self.hosted_note(),
            "owned": self.owned_note(),
        }


@functools.cache
def organisations() -> tuple[OrganisationRow, ...]:
    """Owners and their chips by maker."""
    return load_catalog().rows("organisations", OrganisationRow)


def owned_h100e() -> dict[str, float]:
    """Chips by the country of the owner's seat, H100e.

    >>> owned_h100e()["USA"] > 1e7
    True
    """
    out: dict[str, float] = {}
    for row in organisations():
        if row.hq:
            out[row.hq] = out.get(row.hq, 0.0) + row.h100e
    return out


def sold_h100e() -> dict[str, float]:
    """Chips by the country of the maker's seat, H100e."""
    out: dict[str, float] = {}
    for row in organisations():
        out[row.maker_hq] = out.get(row.maker_hq, 0.0) + row.h100e
    return out


def coverage() -> Coverage:
    """How much the figures of chips see.

    >>> round(coverage().located_share, 2)
    0.09
    """
    return Coverage(
        sum(c.located_h100e for c in all_countries()),
        sum(o.h100e for o in organisations()),
        sum(o.h100e for o in organisations() if o.hq),
    )
