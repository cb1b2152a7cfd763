"""Read tables of facts, check every row, and report all problems of a file at once."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from liebig.catalog.rows import TABLES, FactRow, ParameterRow
from liebig.errors import InputError, TableError, UnitError, UnknownNameError
from liebig.reading import attempt, csv_rows, read_text, toml_of
from liebig.toml_files import check_kind
from liebig.units import convert

__all__ = ["builtin_table", "read_table", "recognise_table"]


def builtin_table(table: str) -> tuple[FactRow, ...]:
    """Rows of a table that ships with liebig.

    Raises:
        UnknownNameError: no such table.
    """
    if table not in TABLES:
        raise UnknownNameError("table", table, TABLES)
    text = resources.files("liebig.catalog").joinpath("data", f"{table}.csv").read_text(encoding="utf-8")
    return _validate(table, csv_rows(text, f"{table}.csv", comments=True), f"{table}.csv")


def read_table(path: str | Path, table: str | None = None) -> dict[str, tuple[FactRow, ...]]:
    """Read and check a user's file of facts.

    Args:
        path: a CSV file with one table, or a TOML file with ``[[table]]`` entries.
        table: name of the table in a CSV file; default: told by its columns.

    Returns:
        table name -> rows.

    Raises:
        TableError: the file has bad rows; all of them are listed.
        InputError: the file cannot be read at all.
    """
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".toml"):
        raise InputError(f"{path.name}: expected a .csv or .toml file of facts, got {path.suffix or 'no suffix'!r}")
    text = read_text(path, "a .csv or .toml file of facts")
    if path.suffix.lower() == ".toml":
        return _read_toml(text, path.name)
    rows = csv_rows(text, path.name, comments=True)
    name = table or recognise_table(rows[0][1] if rows else _header(text), path.name)
    if name not in TABLES:
        raise UnknownNameError("table", name, TABLES)
    return {name: _validate(name, _inherit(name, rows, path.name), path.name)}


def _header(text: str) -> dict[str, str]:
    return dict.fromkeys(next(csv.reader(io.StringIO(text)), []), "")


def recognise_table(columns: Iterable[str], name: str = "table") -> str:
    """The table whose columns fit best.

    >>> recognise_table(["a", "b", "spearman", "unit", "source", "as_of", "licence", "grade"])
    'correlations'

    Raises:
        TableError: no table has these columns.
    """
    have = set(columns)
    fits = [
        table
        for table, row in TABLES.items()
        if have <= set(row.model_fields) and {k for k in row.key if row.model_fields[k].is_required()} <= have
    ]
    if fits:
        return min(fits, key=lambda t: len(_required(t) - have))
    if len(have) == 1 and any(mark in (line := next(iter(have))) for mark in ";\t"):
        mark = "semicolons" if ";" in line else "tabs"
        raise TableError(name, [f"line 1: columns are separated by {mark}; expected commas"])
    near = max(TABLES, key=lambda t: len(have & set(TABLES[t].model_fields)) - len(have - set(TABLES[t].model_fields)))
    fields = TABLES[near].model_fields
    problems = []
    unknown = sorted(have - set(fields) - {""})
    missing = [n for n in fields if n in _required(near) - have]
    if unknown:
        problems.append(f"line 1: unknown columns {', '.join(unknown)}; {near} has {', '.join(fields)}")
    if missing:
        problems.append(f"line 1: missing columns {', '.join(missing)} (closest table: {near})")
    raise TableError(name, problems or [f"line 1: no table of facts has these columns: {', '.join(sorted(have))}"])


def _required(table: str) -> set[str]:
    """Columns that a row of the table must fill."""
    return {n for n, f in TABLES[table].model_fields.items() if f.is_required()}


def _read_toml(text: str, name: str) -> dict[str, tuple[FactRow, ...]]:
    content = toml_of(text, name)
    check_kind(content, name, "facts")
    if not content:
        raise TableError(name, [f"holds no table; expected one of [[{']], [['.join(TABLES)}]]"])
    out: dict[str, tuple[FactRow, ...]] = {}
    problems: list[str] = []
    for table, entries in content.items():
        if table not in TABLES or not isinstance(entries, list):
            problems.append(f"[[{table}]]: expected one of [[{']], [['.join(TABLES)}]]")
            continue
        if not all(isinstance(entry, dict) for entry in entries):
            problems.append(f"[[{table}]]: expected tables of columns and values")
            continue
        try:
            numbered = _inherit(table, list(enumerate(entries, start=1)), name)
            out[table] = _validate(table, numbered, name, where=f"[[{table}]] number")
        except TableError as error:
            problems.extend(error.problems)
    if problems:
        raise TableError(name, problems)
    return out


def _inherit(
    table: str, rows: Sequence[tuple[int, Mapping[str, Any]]], name: str
) -> list[tuple[int, Mapping[str, Any]]]:
    """Fill what a user's row leaves out from the built-in parameter of the same id, and convert units.

    A row that only states new quantiles keeps the year they hold in and the bounds of the
    support; numbers in another unit are converted to the unit that the model uses.
    """
    if table != "parameters":
        return list(rows)
    known: dict[str, ParameterRow] = {}
    for row in builtin_table(table):
        assert isinstance(row, ParameterRow)
        known.setdefault(row.id, row)
    problems: list[str] = []
    out: list[tuple[int, Mapping[str, Any]]] = []
    for line, cells in rows:
        builtin = known.get(str(cells.get("id", "")).strip())
        if builtin is None:
            out.append((line, cells))
            continue
        filled = {k: v for k, v in cells.items() if not (isinstance(v, str) and not v.strip())}
        try:
            filled = _in_model_unit(filled, builtin.unit)
        except UnitError as error:
            problems.append(f"line {line}: {builtin.id}: {error}")
            continue
        for column in ("name", "limit", "at_year", "role", "lower", "upper"):
            value = getattr(builtin, column)
            if column not in filled and value not in (None, ""):
                filled[column] = value
        out.append((line, filled))
    if problems:
        raise TableError(name, problems)
    return out


def _in_model_unit(cells: dict[str, Any], unit: str) -> dict[str, Any]:
    written = str(cells.get("unit", unit)).strip()
    if written == unit:
        return cells
    factor = convert(written, unit)
    out = dict(cells, unit=unit)
    for column in ("p5", "p10", "p50", "p90", "p95", "lower", "upper"):
        try:
            out[column] = float(cells[column]) * factor
        except KeyError:
            continue
        except (TypeError, ValueError, OverflowError):
            pass  # left as it is, for the row's own check to report
    if cells.get("points"):
        pairs = (pair.partition(":") for pair in str(cells["points"]).split())
        with contextlib.suppress(ValueError):  # as above
            out["points"] = " ".join(f"{p}:{float(v) * factor!r}" for p, _, v in pairs)
    return out


def _validate(
    table: str, rows: Sequence[tuple[int, Mapping[str, Any]]], name: str, where: str = "line"
) -> tuple[FactRow, ...]:
    model = TABLES[table]
    problems: list[str] = []
    out: list[FactRow] = []
    first_at: dict[tuple[str, ...], int] = {}
    for line, cells in rows:
        given = {k: v for k, v in cells.items() if not (isinstance(v, str) and not v.strip())}
        row, wrong = attempt(model, given, noun="column")
        if row is None:
            problems.extend(f"{where} {line}: {problem}" for problem in wrong)
            continue
        if row.row_key in first_at:
            problems.append(
                f"{where} {line}: {' / '.join(row.row_key)} stands already in {where} {first_at[row.row_key]}"
            )
            continue
        first_at[row.row_key] = line
        out.append(row)
    if problems:
        raise TableError(name, problems)
    return tuple(out)
