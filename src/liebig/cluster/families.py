"""Families of chips: what was timed on them, and which family stands in for what was not.

The one reader of the table ``chip_families``.  To add a family, add its row, and its timings to the tables
in ``catalog/measured`` where there are any.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from liebig.catalog.loader import builtin_table
from liebig.catalog.training_rows import ChipFamilyRow
from liebig.cluster.chip import Chip
from liebig.errors import InputError, UnknownNameError

__all__ = ["families", "family_of", "is_systolic", "nothing_stands_in"]

#: Family of chips that belong to none.
_OTHER = "other"


@functools.cache
def families() -> dict[str, ChipFamilyRow]:
    """Families of chips by name.

    >>> families()["MI300"].collectives_from
    'H100'
    """
    rows = {row.family: row for row in builtin_table("chip_families") if isinstance(row, ChipFamilyRow)}
    for row in rows.values():
        for name in (*row.kernels_from.split(), *row.attention_from.split(), *row.collectives_from.split()):
            if name not in rows:
                raise UnknownNameError(f"family that stands in for {row.family}", name, rows)
    return rows


def family_of(chip: Chip) -> ChipFamilyRow:
    """The family of a chip: as it says; else its maker's systolic one or processors; else ``other``.

    Raises:
        UnknownNameError: it says a family that is not in the table.

    >>> from liebig.cluster import chip
    >>> family_of(chip("H100-PCIe")).host
    'H100-SXM'
    >>> from liebig.cluster.chip import Chip
    >>> family_of(Chip(name="asic", peak_bf16=1e15, memory_bytes=96e9, memory_bandwidth=4e12)).family
    'other'
    """
    return _family(chip.family, chip.vendor)


@functools.cache
def _family(name: str, vendor: str) -> ChipFamilyRow:
    known = families()
    if name in known:
        return known[name]
    if name:
        raise UnknownNameError("chip family", name, known)
    of_maker = (row for row in known.values() if row.vendor == vendor and row.kind in ("systolic", "cpu"))
    return next(of_maker, known[_OTHER])


def is_systolic(chip: Chip) -> bool:
    """True for chips whose products run on large systolic arrays with memory that software manages.

    >>> from liebig.cluster import chip
    >>> is_systolic(chip("TPU-v5p")), is_systolic(chip("H100-SXM"))
    (True, False)
    """
    return family_of(chip).kind == "systolic"


def nothing_stands_in(family: str, what: str, column: str, timed: Iterable[str]) -> InputError:
    """The error of a family without timings of something, for which the table names no other that has them.

    >>> nothing_stands_in("X", "attention", "attention_from", ["H100", "B200"])  # doctest: +ELLIPSIS
    InputError("chip family 'X': no attention ... attention_from (table chip_families); name one of B200, H100 there")
    """
    return InputError(
        f"chip family {family!r}: no {what} was timed on it or a family in its {column} (table chip_families); "
        f"name one of {', '.join(sorted(timed))} there"
    )
