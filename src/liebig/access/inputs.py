"""What access is asked for: a frozen input, from keywords."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from liebig.errors import RangeError
from liebig.reading import made

__all__ = ["FIRST_YEAR", "LAST_YEAR", "AccessInput", "check_year", "make_access_input"]

FIRST_YEAR, LAST_YEAR = 2025, 2040
DEFAULT_SCENARIO = "2026-case-by-case"


class AccessInput(BaseModel):
    """Inputs of :func:`liebig.access.find_access`.

    >>> AccessInput(countries="Brazil,EU").countries
    ('Brazil', 'EU')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    countries: tuple[str, ...] = Field(
        default=(), max_length=300, description="names, ISO codes, clubs, or several joined by +; empty: all countries"
    )
    need: str = Field(
        default="1GW", max_length=80, description="'1 GW', '3M H100e', '1e28 FLOP', or 'frontier' for the frontier run"
    )
    year: int = Field(default=2030, description="when it is to run, 2025 to 2040")
    scenario: str = Field(default=DEFAULT_SCENARIO, description="export control: a built-in name, or a TOML file")
    samples: int = Field(default=2048, ge=64, le=65536, description="futures sampled")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="same seed, same answer")

    @field_validator("countries", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @field_validator("year", "samples", "seed", mode="before")
    @classmethod
    def _no_switch(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("expected a whole number")
        return value


def make_access_input(given: AccessInput | None = None, **options: Any) -> AccessInput:
    """Check keyword arguments; they come on top of ``given``.

    Raises:
        InputError: one sentence for each argument that cannot be used.
    """
    base = given.model_dump(exclude_unset=True) if given is not None else {}
    return made(AccessInput, {**base, **options}, noun="option")


def check_year(year: int) -> int:
    """The year, when the parameters cover it.

    Raises:
        RangeError: they do not.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise RangeError(f"year = {year} is out of range; expected {FIRST_YEAR} to {LAST_YEAR}")
    return year
