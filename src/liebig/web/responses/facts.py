"""Answers about the facts themselves, names that can be used, and the program."""

from __future__ import annotations

from liebig.web.responses.common import Answer, Evidence

__all__ = ["CatalogueAnswer", "Fact", "FactsAnswer", "VersionAnswer"]


class VersionAnswer(Answer):
    """Version of the program and digest of its facts."""

    version: str
    facts: str


class CatalogueAnswer(Answer):
    """Names that a request can use."""

    models: list[str]
    chips: list[str]
    sites: list[str]
    software: list[str]
    facts: list[str]
    switches: list[str]
    exports: list[str]


class Fact(Evidence):
    """A row of a table of facts, by its headline column."""

    table: str
    id: str
    name: str
    column: str
    """The column that the value stands in."""
    value: float | str | None
    unit: str
    low: float | None
    high: float | None
    against: float | None
    """What the value is held against: what a claim says."""
    reason: str
    """Why there is no value; empty where there is one."""
    as_of: str
    licence: str
    used_in: list[str]


class FactsAnswer(Answer):
    """Facts that hold all the words of a search."""

    total: int
    rows: list[Fact]
