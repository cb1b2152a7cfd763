"""Columns of the ledger's tables, read off the records once: names, kinds, and how values are stored and read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from math import isfinite
from operator import attrgetter
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from liebig.route.ledger.records import Call, Key, Limits, Outcome, Row

__all__ = [
    "CALL", "KEY", "LIMITS", "OUTCOME", "ROW", "Column", "Kind", "additions", "call_values", "clean", "columns_of",
    "definitions", "key_of", "key_values", "names", "outcome_values", "row_of",
]  # fmt: skip

#: What a column holds; ``list`` is a list of texts, stored as JSON.
Kind = Literal["text", "real", "integer", "flag", "list"]
#: Longest text of a field that is kept.
LONGEST = 1_000
_KINDS: Mapping[Any, Kind] = {str: "text", float: "real", int: "integer", bool: "flag", tuple: "list", Literal: "text"}
T = TypeVar("T")


def clean(text: str) -> str:
    r"""Text that any database takes: no NUL, no half characters, at most 1,000 characters.

    >>> clean("a\x00b\ud800")
    'a?b?'
    """
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    if text.isascii():
        return text.replace("\0", "?") if "\0" in text else text
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


#: What is done to values of a kind before they are stored and after they are read; the others stay as they are.
_STORED: Mapping[Kind, Callable[[Any], Any]] = {"text": clean, "list": json.dumps}
_READ: Mapping[Kind, Callable[[Any], Any]] = {"flag": bool, "list": lambda text: tuple(json.loads(text))}


@dataclass(frozen=True)
class Column:
    """A column of a table, and the field of a record that it holds.

    Attributes:
        name: of the field.
        kind: of its values.
        optional: whether None is a value of the field.
        required: whether no record can be made without it.
        default: what a record has where nothing is given, or stored; None for a required one.
        choices: the texts that the field may have, empty where any will do.
    """

    name: str
    kind: Kind
    optional: bool
    required: bool
    default: Any
    choices: tuple[str, ...] = ()


def columns_of(record: type[Any]) -> tuple[Column, ...]:
    """The columns of a record, in the order of its fields.

    Raises:
        TypeError: a field has a type that no column holds.

    >>> [(c.name, c.kind, c.optional) for c in columns_of(Key)][2:5]
    [('created', 'real', False), ('revoked', 'real', True), ('budget_usd', 'real', True)]
    """
    types = get_type_hints(record)
    out = []
    for field in fields(record):
        given = types[field.name]
        optional = NoneType in get_args(given)
        (kept,) = [t for t in get_args(given) if t is not NoneType] if optional else (given,)
        origin = get_origin(kept) or kept
        if origin not in _KINDS:
            raise TypeError(f"{record.__name__}.{field.name}: no column holds {given!r}")
        required = field.default is MISSING
        default = None if required else field.default
        choices = get_args(kept) if origin is Literal else ()
        out.append(Column(field.name, _KINDS[origin], optional, required, default, choices))
    return tuple(out)


def names(columns: Iterable[Column], form: str = "{0}") -> str:
    """The names of columns in a list of SQL, each in a form.

    >>> names(CALL[:2]), names(CALL[:2], "{0} = v.{0}")
    ('id, key_id', 'id = v.id, key_id = v.key_id')
    """
    return ", ".join(form.format(c.name) for c in columns)


def definitions(
    columns: Iterable[Column], types: Mapping[Kind, str], *, empty: bool = False, also: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Each column as ``CREATE TABLE`` and ``ALTER TABLE`` take it.

    Args:
        columns: to define.
        types: what the database calls each kind.
        empty: whether a row may stand without values of them.
        also: further constraints by name of a column.

    >>> definitions(CALL[:1], {"text": "text"}, also={"id": "UNIQUE"}), definitions(CALL[-1:], {"integer": "bigint"})
    ({'id': 'id text NOT NULL UNIQUE'}, {'estimate_tokens': 'estimate_tokens bigint NOT NULL DEFAULT 0'})
    >>> definitions(CALL[-1:], {"integer": "bigint"}, empty=True)
    {'estimate_tokens': 'estimate_tokens bigint'}
    """
    out = {}
    for column in columns:
        words = [column.name, types[column.kind]]
        if not empty and not column.optional:
            words += ["NOT NULL"] if column.required else ["NOT NULL DEFAULT", _literal(column)]
        out[column.name] = " ".join((*words, *filter(None, [(also or {}).get(column.name)])))
    return out


def additions(table: str, defined: Mapping[str, str], present: Collection[str]) -> list[str]:
    """The statements that add to a table the columns that an earlier version of liebig did not know.

    >>> additions("calls", {"id": "id TEXT", "wh": "wh REAL"}, {"id"})
    ['ALTER TABLE calls ADD COLUMN wh REAL']
    """
    return [f"ALTER TABLE {table} ADD COLUMN {text}" for name, text in defined.items() if name not in present]


def _literal(column: Column) -> str:
    value = _STORED[column.kind](column.default) if column.kind in _STORED else column.default
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def _storing(columns: Sequence[Column]) -> Callable[[Any], tuple[Any, ...]]:
    """A function from a record to what is stored: clean text; 0, or None, for a number that is not finite."""
    get = attrgetter(*(c.name for c in columns))
    changed = [(i, _STORED[c.kind]) for i, c in enumerate(columns) if c.kind in _STORED]
    reals = [(i, None if c.optional else 0.0) for i, c in enumerate(columns) if c.kind == "real"]

    def values(record: Any) -> tuple[Any, ...]:
        """What is stored of a record, in the order of its columns."""
        cells = list(get(record))
        for i, change in changed:
            if cells[i] is not None:
                cells[i] = change(cells[i])
        for i, instead in reals:
            if cells[i] is not None and not isfinite(cells[i]):
                cells[i] = instead
        return tuple(cells)

    return values


def _reading(columns: Sequence[Column], record: Callable[..., T]) -> Callable[[Sequence[Any]], T]:
    """A function from stored values to a record, with the defaults of fields of which nothing is stored."""
    changed = [(i, _READ[c.kind]) for i, c in enumerate(columns) if c.kind in _READ]
    defaults = [(i, c.default) for i, c in enumerate(columns) if not c.optional and not c.required]

    def made(values: Sequence[Any]) -> T:
        """The record of stored values, in the order of its columns."""
        cells = list(values)
        for i, change in changed:
            if cells[i] is not None:
                cells[i] = change(cells[i])
        if None in cells:
            for i, default in defaults:
                if cells[i] is None:
                    cells[i] = default
        return record(*cells)

    return made


CALL = columns_of(Call)
OUTCOME = columns_of(Outcome)
ROW = columns_of(Row)
KEY = columns_of(Key)
LIMITS = columns_of(Limits)

#: A call, an outcome and a key as values that every database takes, in the order of their columns.
call_values, outcome_values, key_values = _storing(CALL), _storing(OUTCOME), _storing(KEY)
#: A row and a key from stored values, in the order of their columns.
row_of, key_of = _reading(ROW, Row), _reading(KEY, Key)
