"""Organisations: the chips that each owner has over those that a site or run needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.access.draws import uniform
from liebig.access.inputs import check_year, make_access_input
from liebig.access.need import find_need, sample_world
from liebig.access.owners import coverage, organisations
from liebig.catalog.rows import OrganisationRow
from liebig.tables import Table
from liebig.uncertainty import Interval, make_marginal, quantile

__all__ = ["Owner", "Owners", "owner_access"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Owner:
    """Chips of an owner at the end of 2025, H100e, and those over the need; p10, p50, p90."""

    name: str
    hq: str
    makers: tuple[str, ...]
    h100e: Interval
    ratio: Interval
    enough: float

    def row(self) -> dict[str, Any]:
        """One line of the table."""
        cells: dict[str, Any] = {"owner": self.name, "hq": self.hq, "makers": " ".join(self.makers)}
        for name in ("h100e", "ratio"):
            cells.update(getattr(self, name).columns(name))
        return cells | {"enough_probability": self.enough}


@dataclass(frozen=True)
class Owners:
    """All named owners, most chips first; the need in chips is that of ``year``, the chips are those of 2025."""

    need: str
    year: int
    owners: tuple[Owner, ...]

    def table(self) -> Table:
        """One row for each owner."""
        return Table.from_rows(o.row() for o in self.owners)

    def summary(self) -> str:
        """The answer in plain words."""
        able = [o.name for o in self.owners if o.ratio.p50 >= 1]
        return (
            f"{len(able)} of {len(self.owners)} owners had at the end of 2025 the chips that {self.need} takes in "
            f"{self.year}{': ' + ', '.join(able) if able else ''}. Note: {coverage().owned_note()}; "
            "all of a firm's chips are counted, whatever they serve."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"summary": self.summary(), "need": self.need, "year": self.year, "owners": self.table().rows()}


def owner_access(need: str = "1GW", year: int = 2026, *, samples: int = 2048, seed: int = 0) -> Owners:
    """Which owners have the chips that a site or run needs.

    Args:
        need: as in ``AccessInput``.
        year: of the need; the chips of later years take less power and do more.
        samples, seed: futures.

    Raises:
        InputError: the need or year cannot be used.

    >>> owner_access("1 GW", samples=256).owners[0].name
    'Google'
    """
    given = make_access_input(need=need, year=year, samples=samples, seed=seed)
    sampled = sample_world(given.samples, given.seed)
    chips = find_need(given.need, check_year(given.year), sampled).h100e
    by_owner: dict[str, list[OrganisationRow]] = {}
    for row in organisations():
        if row.hq:
            by_owner.setdefault(row.owner, []).append(row)
    found = []
    for name, rows in by_owner.items():
        owned = np.sum([_draw(row, given.samples, given.seed) for row in rows], axis=0)
        makers = tuple(row.maker for row in rows)
        enough = float(np.mean(owned >= chips))
        found.append(Owner(name, rows[0].hq, makers, Interval.of(owned), Interval.of(owned / chips), enough))
    return Owners(need, given.year, tuple(sorted(found, key=lambda o: -o.h100e.p50)))


def _draw(row: OrganisationRow, samples: int, seed: int) -> Array:
    if row.h100e_p5 is None or row.h100e_p95 is None:
        return np.full(samples, row.h100e)
    marginal = make_marginal("metalog", (0.05, 0.5, 0.95), (row.h100e_p5, row.h100e, row.h100e_p95), 0.0)
    return np.asarray(quantile(marginal, uniform(f"{row.owner} {row.maker}", samples, seed)), dtype=float)
