"""Requests as keys of caches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from liebig.web.requests import LeversRequest, PackageRequest, ScenarioRequest

__all__ = ["Asked", "asked"]

R = TypeVar("R", ScenarioRequest, LeversRequest, PackageRequest)


@dataclass(frozen=True)
class Asked(Generic[R]):
    """A request as a key of a cache: requests that say the same are one, and none is read again from its text."""

    key: str
    request: R = field(compare=False)


def asked(request: R, exclude: set[str] | None = None) -> Asked[R]:
    """The request as a key.

    Args:
        request: what is asked.
        exclude: fields that do not change the answer.

    >>> asked(ScenarioRequest(year=2026), {"year"}) == asked(ScenarioRequest(year=2030), {"year"})
    True
    """
    return Asked(request.model_dump_json(exclude=exclude), request)
