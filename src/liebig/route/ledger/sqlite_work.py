"""Statements on the SQLite ledger; all of them run inside a transaction that the caller holds."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from liebig.errors import ConflictError, InputError
from liebig.reading import is_folder
from liebig.route.ledger.account import ACCOUNT, Account, nano_usd
from liebig.route.ledger.columns import (
    CALL,
    KEY,
    OUTCOME,
    ROW,
    Kind,
    additions,
    call_values,
    clean,
    definitions,
    key_of,
    key_values,
    names,
    outcome_values,
    row_of,
)
from liebig.route.ledger.records import INTERRUPTED, Call, Key, Outcome, Row

__all__ = ["Books", "connect", "open_file"]

#: Of the tables; a file of a newer one is not opened.
VERSION = 1
#: Marks files as ledgers of liebig ("lieb").
APPLICATION = 0x6C696562
_TYPES: dict[Kind, str] = {"text": "TEXT", "real": "REAL", "integer": "INTEGER", "flag": "INTEGER", "list": "TEXT"}
#: The columns of each table as they are defined; a call that has not ended has no outcome.
_TABLES = {
    "keys": definitions(KEY, _TYPES, also={"id": "PRIMARY KEY"}),
    "accounts": definitions(ACCOUNT, _TYPES, also={"key_id": "PRIMARY KEY"}),
    "calls": definitions(CALL, _TYPES, also={"id": "UNIQUE"}) | definitions(OUTCOME, _TYPES, empty=True),
}
_SCHEMA = f"""
CREATE TABLE keys ({", ".join(_TABLES["keys"].values())}, digest BLOB NOT NULL UNIQUE);
CREATE UNIQUE INDEX live_names ON keys (name) WHERE revoked IS NULL;
CREATE TABLE accounts ({", ".join(_TABLES["accounts"].values())}) WITHOUT ROWID;
CREATE TABLE calls (seq INTEGER PRIMARY KEY, {", ".join(_TABLES["calls"].values())});
CREATE INDEX calls_at ON calls (at);
CREATE INDEX calls_open ON calls (worker) WHERE status IS NULL;
CREATE TABLE touched (one INTEGER PRIMARY KEY, at REAL NOT NULL);
"""
_BEGIN = f"INSERT OR IGNORE INTO calls ({names(CALL)}) VALUES ({names(CALL, '?')})"
_FINISH = f"UPDATE calls SET {names(OUTCOME, '{} = ?')} WHERE id = ?"
_PUT = (
    f"INSERT INTO accounts ({names(ACCOUNT)}) VALUES ({names(ACCOUNT, '?')}) "
    f"ON CONFLICT (key_id) DO UPDATE SET {names(ACCOUNT[1:], '{0} = excluded.{0}')}"
)
_GET = f"SELECT {names(ACCOUNT)} FROM accounts WHERE key_id = ?"
_HELD = "SELECT key_id, at, estimate_usd, estimate_tokens, status, error, usd FROM calls WHERE id = ?"


def connect(path: str, busy_s: float) -> sqlite3.Connection:
    """A connection in which transactions are begun and ended by hand."""
    conn = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    conn.execute("PRAGMA synchronous = NORMAL")
    return conn


def open_file(path: str, busy_s: float) -> sqlite3.Connection:
    """Open a ledger, made where it is absent; columns that an older one lacks are added.

    Raises:
        InputError: the file cannot be opened or written, is of another kind, or of a newer version.
    """
    if path != ":memory:" and not is_folder(Path(path).absolute().parent):
        raise InputError(f"ledger {path}: there is no folder {Path(path).absolute().parent}; create it first")
    conn = None
    try:
        conn = connect(path, busy_s)
        _to_wal(conn, busy_s)
        conn.execute("BEGIN IMMEDIATE")
        _upgrade(conn, path)
        conn.execute("COMMIT")
        return conn
    except (sqlite3.Error, InputError) as error:
        if conn is not None:
            conn.close()
        if isinstance(error, InputError):
            raise
        hint = "give a file that can be written, or the name of a new one"
        raise InputError(f"ledger {path}: cannot be opened ({error}); {hint}") from None


def _to_wal(conn: sqlite3.Connection, busy_s: float) -> None:
    """Set the journal; processes that start together may find the file locked without being made to wait."""
    until = time.monotonic() + busy_s
    while True:
        try:
            conn.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _upgrade(conn: sqlite3.Connection, path: str) -> None:
    application, version = (conn.execute(f"PRAGMA {p}").fetchone()[0] for p in ("application_id", "user_version"))
    tables = conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION:
        if tables or application:
            raise InputError(f"ledger {path}: a database of another program; give the name of a new file")
        for statement in _SCHEMA.split(";")[:-1]:
            conn.execute(statement)
        conn.execute(f"PRAGMA application_id = {APPLICATION}")
        conn.execute(f"PRAGMA user_version = {VERSION}")
    elif version > VERSION:
        raise InputError(
            f"ledger {path}: written by a newer liebig (version {version} of its tables, this one knows {VERSION}); "
            "update liebig: pip install -U liebig"
        )
    for table, defined in _TABLES.items():
        present = {column[1] for column in conn.execute(f"PRAGMA table_info({table})")}
        for statement in additions(table, defined, present):
            conn.execute(statement)


class Books:
    """The accounts that a transaction touches; read once, written once by ``flush``."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self._accounts: dict[str, Account] = {}

    def account(self, key_id: str) -> Account:
        """The account of a key; an empty one where there is none yet."""
        found = self._accounts.get(key_id)
        if found is None:
            values = self.conn.execute(_GET, (key_id,)).fetchone()
            found = self._accounts[key_id] = Account(*values) if values else Account(key_id)
        return found

    def begin(self, call: Call, key: Key | None) -> None:
        """See ``ledger.Ledger.begin``."""
        nano_usd(call.estimate_usd)
        account = self.account(clean(call.key_id))
        account.roll(call.at)
        refused = account.refusal(call, key) if key is not None else None
        if refused is not None:
            raise refused
        if self.conn.execute(_BEGIN, call_values(call)).rowcount != 1:
            raise ConflictError(f"call {call.id!r} was begun before; give each call an id of its own")
        account.begin(call)

    def finish(self, call_id: str, outcome: Outcome) -> None:
        """See ``ledger.Ledger.finish``; an id that is not known is passed over."""
        nusd, values, call_id = nano_usd(outcome.usd), outcome_values(outcome), clean(call_id)
        held = self.conn.execute(_HELD, (call_id,)).fetchone()
        if held is None:
            return
        key_id, at, estimate_usd, estimate_tokens, status, error, usd = held
        if status is not None and not (status == 0 and error == INTERRUPTED):
            return
        self.conn.execute(_FINISH, (*values, call_id))
        account = self.account(key_id)
        if status is None:
            took = outcome.prompt_tokens + outcome.completion_tokens
            account.finish(at, nano_usd(estimate_usd), estimate_tokens, nusd, took)
        else:
            account.spend(at, nusd - nano_usd(usd))

    def settle(self, alive: Sequence[str]) -> int:
        """See ``ledger.Ledger.settle``."""
        known = set(alive)
        workers = self.conn.execute("SELECT DISTINCT worker FROM calls WHERE status IS NULL").fetchall()
        count = 0
        for (worker,) in workers:
            if worker in known:
                continue
            left = self.conn.execute(
                "SELECT id, estimate_usd FROM calls WHERE status IS NULL AND worker = ?", (worker,)
            ).fetchall()
            for call_id, usd in left:
                self.finish(call_id, replace(Outcome("", "", 0, error=INTERRUPTED), usd=usd, usd_strong=usd))
            count += len(left)
        return count

    def flush(self) -> None:
        """Write the accounts back."""
        self.conn.executemany(_PUT, [a.values() for a in self._accounts.values()])


def touch(books: Books) -> None:
    """Write something, to see whether that can be done."""
    books.conn.execute("INSERT OR REPLACE INTO touched VALUES (1, ?)", (time.time(),))


def find_key(conn: sqlite3.Connection, digest: bytes) -> Key | None:
    """The live key of a digest."""
    sql = f"SELECT {names(KEY)} FROM keys WHERE digest = ? AND revoked IS NULL"
    values = conn.execute(sql, (digest,)).fetchone()
    return key_of(values) if values else None


def list_keys(conn: sqlite3.Connection) -> list[Key]:
    """All keys, oldest first."""
    return [key_of(v) for v in conn.execute(f"SELECT {names(KEY)} FROM keys ORDER BY created, id")]


def add_key(conn: sqlite3.Connection, key: Key, digest: bytes) -> None:
    """Store a new key."""
    sql = f"INSERT OR IGNORE INTO keys ({names(KEY)}, digest) VALUES ({names(KEY, '?')}, ?)"
    done = conn.execute(sql, (*key_values(key), digest))
    if done.rowcount != 1:
        raise ConflictError(f"there is a key {key.name!r} already; choose another name, or revoke that key first")


def save_key(conn: sqlite3.Connection, key: Key) -> None:
    """Store a key that has changed."""
    conn.execute(f"UPDATE keys SET {names(KEY[1:], '{} = ?')} WHERE id = ?", (*key_values(key)[1:], key.id))


def spent_usd(conn: sqlite3.Connection, key_id: str, period: str) -> float:
    """USD spent in the period that runs now."""
    values = conn.execute(_GET, (key_id,)).fetchone()
    return Account(*values).spent_nusd(period, time.time()) / 1e9 if values else 0.0


def page(
    conn: sqlite3.Connection, after: tuple[float, int], until: float | None, key: str | None, count: int
) -> list[tuple[int, Row]]:
    """The next calls that have ended after a time and number, by time, with their numbers."""
    where, values = "(at, seq) > (?, ?) AND status IS NOT NULL", [*after]
    if until is not None:
        where += " AND at < ?"
        values.append(until)
    if key is not None:
        where += " AND (key_id = ? OR key_id IN (SELECT id FROM keys WHERE name = ?))"
    sql = f"SELECT seq, {names(ROW)} FROM calls WHERE {where} ORDER BY at, seq LIMIT ?"
    found = conn.execute(sql, (*values, *([] if key is None else [key, key]), count)).fetchall()
    return [(v[0], row_of(v[1:])) for v in found]


def prune(conn: sqlite3.Connection, before: float, count: int) -> int:
    """Delete some of the calls that ended and were begun before a time."""
    sql = "DELETE FROM calls WHERE seq IN (SELECT seq FROM calls WHERE at < ? AND status IS NOT NULL LIMIT ?)"
    with contextlib.closing(conn.execute(sql, (before, count))) as done:
        return done.rowcount
