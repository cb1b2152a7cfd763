"""The facts: tables with a source in every row, and one loader that validates them.

>>> from liebig.catalog import load_catalog
>>> load_catalog().parameter("run.duration_s", "epoch-2024").unit
's'
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, cast

from liebig.catalog.loader import builtin_table, read_table, recognise_table
from liebig.catalog.rows import (
    GRADES,
    TABLES,
    ChipRow,
    ChipSupplyRow,
    CorrelationRow,
    FactRow,
    LeverEffectRow,
    LeverRow,
    ModelRow,
    ParameterRow,
    PublishedRow,
    YardstickRow,
)
from liebig.catalog.training_rows import ConstantRow, NumberRow
from liebig.errors import InputError, TableError, UnknownNameError

__all__ = [
    "GRADES",
    "TABLES",
    "Catalog",
    "FactRow",
    "ParameterRow",
    "constant",
    "load_catalog",
    "plan_number",
    "read_table",
    "recognise_table",
    "resolve",
]

R = TypeVar("R", bound=FactRow)


@functools.cache
def _builtin(table: str) -> tuple[FactRow, ...]:
    return builtin_table(table)


@functools.cache
def _sets() -> dict[str, dict[str, Any]]:
    text = resources.files("liebig.catalog").joinpath("data", "sets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.lru_cache(maxsize=8192)
def _text_of(row: FactRow) -> str:
    return " ".join(str(v) for v in row.model_dump().values()).lower()


@dataclass(frozen=True)
class Catalog:
    """Built-in facts, overridden and extended by the user's files.

    ``overlays`` maps table -> rows of the user; a row replaces the built-in one with the same
    key, and a parameter row without a set replaces that parameter in every set.
    """

    overlays: Mapping[str, tuple[FactRow, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def table(self, name: str) -> tuple[FactRow, ...]:
        """All rows of a table, the user's in place of the built-in ones they override."""
        if name not in TABLES:
            raise UnknownNameError("table", name, TABLES)
        rows = _builtin(name)
        extra = self.overlays.get(name, ())
        if not extra:
            return rows
        taken = {row.row_key for row in extra}
        if name == "parameters":
            everywhere = {row.id for row in cast("tuple[ParameterRow, ...]", extra) if row.set == "all"}
            rows = tuple(r for r in rows if cast(ParameterRow, r).id not in everywhere)
        kept: dict[tuple[str, ...], FactRow] = {row.row_key: row for row in rows}
        kept.update({row.row_key: row for row in extra})
        return tuple(kept.values()) if taken else rows

    def search(self, words: Iterable[str]) -> list[tuple[str, FactRow]]:
        """(table, row) of all facts that hold all of some words, in any column and case.

        >>> sorted({table for table, _ in load_catalog().search(["New York", "average load"])})
        ['yardsticks']
        """
        wanted = [w.lower() for w in words]
        return [(name, row) for name in TABLES for row in self.table(name) if all(w in _text_of(row) for w in wanted)]

    def is_builtin(self, table: str, row: FactRow) -> bool:
        """True when the row ships with liebig."""
        return row not in self.overlays.get(table, ())

    @property
    def sets(self) -> dict[str, dict[str, Any]]:
        """Parameter sets: name -> description, years, structure."""
        return _sets()

    def check_set(self, name: str) -> str:
        """The name, when such a set exists."""
        if name not in self.sets:
            raise UnknownNameError("parameter set", name, self.sets)
        return name

    def parameters(self, facts: str) -> dict[str, ParameterRow]:
        """Parameters of a set, id -> row, in the order of the table."""
        self.check_set(facts)
        out: dict[str, ParameterRow] = {}
        for row in cast("tuple[ParameterRow, ...]", self.table("parameters")):
            # a row of the set itself wins over one for all sets
            if row.set == facts or (row.set == "all" and row.id not in out):
                out[row.id] = row
        return out

    def parameter(self, name: str, facts: str) -> ParameterRow:
        """One parameter, found by id or by an unambiguous short form (see :func:`resolve`)."""
        rows = self.parameters(facts)
        return rows[resolve(name, rows)]

    def correlations(self, facts: str) -> dict[tuple[str, str], float]:
        """Spearman correlations of a set."""
        rows = cast("tuple[CorrelationRow, ...]", self.table("correlations"))
        return {(r.a, r.b): r.spearman for r in rows if r.set in (facts, "all")}

    def rows(self, table: str, kind: type[R]) -> tuple[R, ...]:
        """Rows of a table as their own type."""
        return cast("tuple[R, ...]", self.table(table))

    def levers(self) -> dict[str, LeverRow]:
        """Levers, id -> row."""
        return {r.id: r for r in self.rows("levers", LeverRow)}

    def lever_effects(self) -> dict[str, list[LeverEffectRow]]:
        """Components of the levers' signed vectors, lever id -> rows."""
        out: dict[str, list[LeverEffectRow]] = {}
        for row in self.rows("lever_effects", LeverEffectRow):
            out.setdefault(row.lever, []).append(row)
        return out

    def models(self) -> tuple[ModelRow, ...]:
        """Published models."""
        return self.rows("models", ModelRow)

    def chips(self) -> tuple[ChipRow, ...]:
        """Chips."""
        return self.rows("chips", ChipRow)

    def chip_supply(self) -> tuple[ChipSupplyRow, ...]:
        """AI chips shipped by quarter and maker."""
        return self.rows("chip_supply", ChipSupplyRow)

    def yardsticks(self) -> dict[str, YardstickRow]:
        """Yardsticks, id -> row."""
        return {r.id: r for r in self.rows("yardsticks", YardstickRow)}

    def published(self) -> dict[str, PublishedRow]:
        """Published results, id -> row."""
        return {r.id: r for r in self.rows("published", PublishedRow)}


def resolve(name: str, valid: Iterable[str]) -> str:
    """The full parameter id that ``name`` stands for.

    Accepted: the id; the id without its group (``duration_s``); and either without the unit at
    the end (``run.duration``, ``duration``), as long as one parameter fits.

    >>> resolve("duration", ["run.duration_s", "run.share"])
    'run.duration_s'

    Raises:
        UnknownNameError: nothing fits, or more than one.
    """
    ids = list(valid)
    if name in ids:
        return name
    wanted = name.strip().lower().replace("-", "_")
    if "." in wanted:
        group, _, rest = wanted.partition(".")
        fits = [i for i in ids if i.startswith(f"{group}.") and _matches(rest, i.partition(".")[2])]
    else:
        fits = [i for i in ids if _matches(wanted, i.partition(".")[2])]
        exact = [i for i in fits if i.partition(".")[2] == wanted]
        fits = exact or fits
    if len(fits) == 1:
        return fits[0]
    if len(fits) > 1:
        raise InputError(f"{name!r} is short for several parameters: {', '.join(fits[:8])}; write one of them in full")
    raise UnknownNameError("parameter", name, ids, see="liebig facts list parameters")


_UNIT_SUFFIXES = (
    "_w", "_s", "_usd", "_yr", "_km", "_tokens", "_h100e", "_share", "_w_per_yr", "_h100e_per_yr", "_bit_per_s",
    "_flop_per_s", "_flop", "_l_per_kwh", "_m3_per_day", "_usd_per_kwh", "_months", "_bytes",
)  # fmt: skip


def _matches(wanted: str, name: str) -> bool:
    return name == wanted or any(name == wanted + suffix for suffix in _UNIT_SUFFIXES)


def load_catalog(files: Sequence[str | Path] = ()) -> Catalog:
    """The built-in facts with the user's files on top (later files win).

    Raises:
        TableError: a file has bad rows.
        InputError: a file cannot be read.
    """
    overlays: dict[str, tuple[FactRow, ...]] = {}
    for file in files:
        for table, rows in read_table(file).items():
            merged = {row.row_key: row for row in (*overlays.get(table, ()), *rows)}
            overlays[table] = tuple(merged.values())
    catalog = Catalog(overlays, tuple(str(f) for f in files))
    problems = dangling_references(catalog) if files else []
    if problems:
        raise TableError(", ".join(Path(f).name for f in files), problems)
    return catalog


def dangling_references(catalog: Catalog) -> list[str]:
    """Sentences on rows that name a parameter or a lever that does not exist."""
    parameters = {row.id for row in catalog.rows("parameters", ParameterRow)}
    levers = catalog.levers()
    problems = []
    for row in catalog.rows("lever_effects", LeverEffectRow):
        if row.lever not in levers:
            problems.append(f"lever_effects: {UnknownNameError('lever', row.lever, levers)}")
        if row.parameter not in parameters:
            problems.append(f"lever_effects of {row.lever}: {UnknownNameError('parameter', row.parameter, parameters)}")
    for pair in catalog.rows("correlations", CorrelationRow):
        problems.extend(
            f"correlations: {UnknownNameError('parameter', n, parameters)}"
            for n in (pair.a, pair.b)
            if n not in parameters
        )
    for lever in levers.values():
        problems.extend(
            f"levers: {lever.id}: {UnknownNameError('lever', n, levers)}"
            for n in [*lever.members.split(), *lever.excludes.split()]
            if n not in levers
        )
    return list(dict.fromkeys(problems))


@functools.cache
def plan_number(name: str) -> NumberRow:
    """A number that plans rest on, by its id, with p10, p50 and p90.

    >>> plan_number("goodput.restart_s").p50
    900.0

    Raises:
        UnknownNameError: no such number.
    """
    rows = {row.number: row for row in builtin_table("plan_numbers") if isinstance(row, NumberRow)}
    if name not in rows:
        raise UnknownNameError("number", name, rows, see="liebig facts list plan_numbers")
    return rows[name]


def constant(name: str) -> float:
    """An empirical constant of a formula, in the unit of its row in the table ``constants``.

    >>> constant("kernel.misaligned_2_bytes")
    2.5

    Raises:
        UnknownNameError: no such constant.
    """
    values = _constants()
    if name not in values:
        raise UnknownNameError("constant", name, values, see="liebig facts list constants")
    return values[name]


@functools.cache
def _constants() -> dict[str, float]:
    return {row.name: row.value for row in builtin_table("constants") if isinstance(row, ConstantRow)}
