"""Open a ledger by its address."""

from __future__ import annotations

import os
from pathlib import Path

from liebig.errors import InputError
from liebig.route.ledger.keys import default_pepper
from liebig.route.ledger.protocol import Ledger

__all__ = ["open_ledger"]


def open_ledger(
    url: str, *, pepper: bytes | None = None, left: str | Path | None = None, create: bool = True
) -> Ledger:
    """A ledger, still to be opened with ``await ledger.open()``.

    Args:
        url: ``sqlite:PATH``, ``sqlite::memory:`` or ``postgresql://...``.
        pepper: a server-side secret mixed into the digests of keys; by default the environment variable
            ``LIEBIG_KEY_PEPPER``, none where it is absent.
        left: file for outcomes that cannot be written when the ledger is closed; ``PATH.unsaved.jsonl`` by default,
            none for PostgreSQL.
        create: make the file of a SQLite ledger that does not exist; otherwise an empty one in memory stands for it.

    Raises:
        InputError: another kind of address.

    >>> type(open_ledger("sqlite::memory:")).__name__
    'SqliteLedger'
    >>> open_ledger("mysql://x")
    Traceback (most recent call last):
    liebig.errors.InputError: ledger 'mysql://x': expected sqlite:PATH, sqlite::memory: or postgresql://USER@HOST/DATABASE
    """
    secret = default_pepper() if pepper is None else pepper
    place = None if left is None else Path(left)
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest and not rest.startswith("//"):
        from liebig.route.ledger.sqlite import SqliteLedger

        return SqliteLedger(rest if create or os.path.lexists(rest) else ":memory:", secret, place)
    if scheme in ("postgresql", "postgres") and rest.startswith("//"):
        from liebig.route.ledger.postgres import PostgresLedger

        return PostgresLedger(url, secret, place)
    shown = f"{scheme}:..." if "@" in rest else url
    raise InputError(f"ledger {shown!r}: expected sqlite:PATH, sqlite::memory: or postgresql://USER@HOST/DATABASE")
