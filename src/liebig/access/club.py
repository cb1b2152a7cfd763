"""What joining a club brings: members alone, and all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from liebig.access.find import ask, describe_places
from liebig.access.inputs import make_access_input
from liebig.access.places import Place, find_place
from liebig.access.result import PlaceAccess, number, times
from liebig.access.supply import find_ratios
from liebig.errors import InputError
from liebig.tables import Table

__all__ = ["Club", "join"]


@dataclass(frozen=True)
class Club:
    """Members alone and together; ``gain`` is the ratio together over that of the best member, by medians."""

    need: str
    year: int
    together: PlaceAccess
    members: tuple[PlaceAccess, ...]

    @property
    def best(self) -> PlaceAccess:
        """The member with the highest median ratio."""
        return max(self.members, key=lambda p: p.ratio.p50 if p.binding else -1.0)

    @property
    def gain(self) -> float:
        """Median ratio together over that of the best member."""
        return self.together.ratio.p50 / self.best.ratio.p50 if self.best.ratio.p50 > 0 else float("inf")

    def table(self) -> Table:
        """One row for the club and each member, most able first."""
        order = sorted(self.members, key=lambda p: -(p.ratio.p50 if p.binding else -1.0))
        return Table.from_rows(p.row() for p in (self.together, *order))

    def summary(self) -> str:
        """The answer in plain words."""
        if not self.together.binding:
            return self.together.sentence(self.need, self.year)
        able = sum(p.ratio.p50 >= 1 for p in self.members)
        return (
            f"Together the {len(self.members)} members of {self.together.name} reach {times(self.together.ratio)} of "
            f"{self.need} in {self.year}, limited by {self.together.limit}; the best alone, {self.best.name}, reaches "
            f"{times(self.best.ratio)}, limited by {self.best.limit}. {able} could host it alone. Pooled power counts "
            "only where the members' grids, or a run over several sites, join it."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "summary": self.summary(),
            "need": self.need,
            "year": self.year,
            "gain_over_best_member": number(self.gain),
            "together": self.together.to_dict(),
            "members": [p.to_dict() for p in self.members],
        }


def join(club: str | Sequence[str], need: str = "1GW", year: int | None = None, **options: Any) -> Club:
    """What countries can host together, and what each could alone.

    Args:
        club: a club (``"EU"``), ``"Brazil+Argentina"``, or the names of members.
        need, year: what is to be hosted, and when.
        options: further fields of ``AccessInput``: scenario, samples, seed.

    Raises:
        InputError: fewer than two countries, or an option that cannot be used.

    >>> join(["Brazil", "Argentina"], samples=256).gain > 1
    True
    """
    text = club if isinstance(club, str) else "+".join(club)
    together = find_place(text)
    if len(together.members) < 2:
        raise InputError(f"{text!r} is one country; a club needs at least two, e.g. 'Brazil+Argentina'")
    when: dict[str, Any] = {} if year is None else {"year": year}
    question = ask(make_access_input(need=need, countries=(text,), **when, **options))
    places = (together, *(Place(m.iso3, m.name, (m,)) for m in together.members))
    ratios = find_ratios(places, question.need, question.scenario, question.sampled)
    found = describe_places(places, question.need, ratios)
    return Club(need, question.need.year, found[0], found[1:])
