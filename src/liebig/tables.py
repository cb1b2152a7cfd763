"""Tidy tables: columns of equal length that pandas and polars open as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from liebig.errors import MissingExtraError

__all__ = ["Table"]


class Table(dict[str, list[Any]]):
    """Columns of equal length; a ``dict``, so ``pandas.DataFrame(table)`` and ``polars.DataFrame(table)`` work.

    >>> t = Table.from_rows([{"year": 2030, "p50": 1.0}, {"year": 2031, "p50": 2.0}])
    >>> t["p50"]
    [1.0, 2.0]
    >>> len(t.rows())
    2
    """

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Table:
        """Make a table from records; missing cells are None."""
        records = list(rows)
        names = list(columns) if columns is not None else list(dict.fromkeys(k for r in records for k in r))
        return cls({n: [r.get(n) for r in records] for n in names})

    def rows(self) -> list[dict[str, Any]]:
        """The table as records."""
        names = list(self)
        return [dict(zip(names, cells, strict=True)) for cells in zip(*self.values(), strict=True)]

    def to_csv(self) -> str:
        """The table as CSV text; numbers with 12 significant digits, missing cells empty."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self)
        for cells in zip(*self.values(), strict=True):
            writer.writerow([f"{c:.12g}" if isinstance(c, float) else "" if c is None else c for c in cells])
        return out.getvalue()

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame."""
        try:
            import pandas
        except ImportError:
            raise MissingExtraError("pandas data frames", "frames") from None
        return pandas.DataFrame(self)

    def to_polars(self) -> Any:
        """The table as a polars DataFrame."""
        try:
            import polars
        except ImportError:
            raise MissingExtraError("polars data frames", "frames") from None
        return polars.DataFrame(self)
