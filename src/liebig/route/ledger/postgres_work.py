"""Statements on the PostgreSQL ledger; all of them run inside a transaction that the caller holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from liebig.errors import ConflictError, InputError, LiebigError
from liebig.route.ledger.account import ACCOUNT, Account, nano_usd
from liebig.route.ledger.columns import (
    CALL,
    KEY,
    OUTCOME,
    ROW,
    Column,
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

__all__ = ["VERSION", "Held", "admit", "book", "prepare", "quick", "work"]

#: Of the tables; a database of a newer one is not opened.
VERSION = 1
#: Held while the tables are made ("liebig" as a number).
LOCK = 0x6C6965626967
_TYPES: dict[Kind, str] = {"text": "text", "real": "float8", "integer": "bigint", "flag": "boolean", "list": "text"}
#: The columns of each table as they are defined; a call that has not ended has no outcome.
_TABLES = {
    "liebig_keys": definitions(KEY, _TYPES, also={"id": "PRIMARY KEY"}),
    "liebig_accounts": definitions(ACCOUNT, _TYPES, also={"key_id": "PRIMARY KEY"}),
    "liebig_calls": definitions(CALL, _TYPES, also={"id": "UNIQUE"}) | definitions(OUTCOME, _TYPES, empty=True),
}
_SCHEMA = f"""
CREATE TABLE liebig_meta (name text PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE liebig_keys ({", ".join(_TABLES["liebig_keys"].values())}, digest bytea NOT NULL UNIQUE);
CREATE UNIQUE INDEX liebig_live_names ON liebig_keys (name) WHERE revoked IS NULL;
CREATE TABLE liebig_accounts (version bigint NOT NULL DEFAULT 0, {", ".join(_TABLES["liebig_accounts"].values())})
  WITH (fillfactor = 50);
CREATE TABLE liebig_calls (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  {", ".join(_TABLES["liebig_calls"].values())}) WITH (fillfactor = 70);
CREATE INDEX liebig_calls_at ON liebig_calls (at, seq);
CREATE INDEX liebig_calls_open ON liebig_calls (worker) WHERE status IS NULL;
INSERT INTO liebig_meta VALUES ('version', {VERSION});
"""
_PRESENT = "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"


def _arrays(columns: Iterable[Column], first: int = 1) -> str:
    return ", ".join(f"${i}::{_TYPES[c.kind]}[]" for i, c in enumerate(columns, first))


_ENDED = (CALL[0], *OUTCOME)
_BEGIN = (
    f"INSERT INTO liebig_calls ({names(CALL)}) SELECT * FROM unnest({_arrays(CALL)}) "
    "ON CONFLICT (id) DO NOTHING RETURNING id"
)
_FINISH = (
    f"UPDATE liebig_calls c SET {names(OUTCOME, '{0} = v.{0}')} "
    f"FROM unnest({_arrays(_ENDED)}) AS v ({names(_ENDED)}) WHERE c.id = v.id"
)
_HELD = (
    "SELECT id, key_id, at, estimate_usd, estimate_tokens, status, error, usd FROM liebig_calls "
    "WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
)
_GET = (
    f"SELECT version, {names(ACCOUNT)} FROM liebig_accounts WHERE key_id = ANY($1::text[]) ORDER BY key_id FOR UPDATE"
)
_NEW = "INSERT INTO liebig_accounts (key_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
_PUT = (
    f"UPDATE liebig_accounts a SET version = version + 1, {names(ACCOUNT[1:], '{0} = v.{0}')} "
    f"FROM unnest({_arrays(ACCOUNT)}) AS v ({names(ACCOUNT)}) WHERE a.key_id = v.key_id"
)
_QUICK = (
    "WITH a AS (UPDATE liebig_accounts SET version = version + 1, "
    + ", ".join(f"{c.name} = ${i}::{_TYPES[c.kind]}" for i, c in enumerate(ACCOUNT[1:], 3))
    + " WHERE key_id = $2::text AND version = $1::bigint RETURNING 1), "
    + f"f AS (UPDATE liebig_calls c SET {names(OUTCOME, '{0} = v.{0}')} "
    + f"FROM unnest({_arrays(_ENDED, 2 + len(ACCOUNT))}) AS v ({names(_ENDED)}) "
    + "WHERE c.id = v.id AND EXISTS (SELECT FROM a)), "
    + f"b AS (INSERT INTO liebig_calls ({names(CALL)}) "
    + f"SELECT * FROM unnest({_arrays(CALL, 2 + len(ACCOUNT) + len(_ENDED))}) WHERE EXISTS (SELECT FROM a)) "
    + "SELECT count(*) FROM a"
)


async def prepare(conn: Any, name: str) -> None:
    """Make the tables where they are absent, add columns that they lack; several replicas may start at once.

    Raises:
        InputError: the tables are of a newer version.
    """
    await conn.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
    if await conn.fetchval("SELECT to_regclass('liebig_meta')") is None:
        await conn.execute(_SCHEMA)
        return
    version = await conn.fetchval("SELECT value FROM liebig_meta WHERE name = 'version'")
    if version is None or version > VERSION:
        raise InputError(
            f"ledger {name}: written by a newer liebig (version {version} of its tables, this one knows {VERSION}); "
            "update liebig: pip install -U liebig"
        )
    for table, defined in _TABLES.items():
        present = {column[0] for column in await conn.fetch(_PRESENT, table)}
        for statement in additions(table, defined, present):
            await conn.execute(statement)


@dataclass(slots=True)
class Held:
    """An account with the number of times it was written: a writer that knows the last one need not lock it first."""

    version: int
    account: Account


async def _accounts(conn: Any, key_ids: Iterable[str]) -> dict[str, Held]:
    """Accounts of keys, locked until the end of the transaction; always in the same order, against deadlocks."""
    wanted = sorted(set(key_ids))
    found = await conn.fetch(_GET, wanted)
    if len(found) < len(wanted):
        await conn.execute(_NEW, wanted)
        found = await conn.fetch(_GET, wanted)
    return {r[1]: Held(r[0], Account(*tuple(r)[1:])) for r in found}


@dataclass(slots=True)
class Begun:
    """Calls to begin: why each is refused, and the columns of those that are not."""

    answers: list[LiebigError | None]
    rows: list[tuple[Any, ...]]
    places: dict[str, int]


def admit(begun: Sequence[tuple[Call, Key | None]], accounts: Mapping[str, Account]) -> Begun:
    """Hold calls against budgets and rates, one after the other; changes the accounts."""
    out = Begun([], [], {})
    for call, key in begun:
        call_id, key_id = clean(call.id), clean(call.key_id)
        account = accounts[key_id]
        try:
            nano_usd(call.estimate_usd)
            account.roll(call.at)
            refused: LiebigError | None = account.refusal(call, key) if key is not None else None
            if call_id in out.places:
                refused = begun_before(call)
        except LiebigError as error:
            refused = error
        if refused is None:
            account.begin(call)
            out.places[call_id] = len(out.answers)
            out.rows.append(call_values(call))
        out.answers.append(refused)
    return out


def row_held(call: Call) -> dict[str, Any]:
    """What the ledger holds of a call that has begun, as far as ``book`` asks."""
    return {
        "key_id": clean(call.key_id), "at": call.at, "estimate_usd": call.estimate_usd,
        "estimate_tokens": call.estimate_tokens, "status": None,
    }  # fmt: skip


def book(account: Account, row: Mapping[str, Any], outcome: Outcome) -> None:
    """Book the end of a call of which the ledger holds a row."""
    nusd = nano_usd(outcome.usd)
    if row["status"] is None:
        took = outcome.prompt_tokens + outcome.completion_tokens
        account.finish(row["at"], nano_usd(row["estimate_usd"]), row["estimate_tokens"], nusd, took)
    else:
        account.spend(row["at"], nusd - nano_usd(row["usd"]))


def arrays(rows: Iterable[Sequence[Any]], columns: Sequence[Column]) -> list[list[Any]]:
    """Rows as arrays, one for each column."""
    return [list(c) for c in zip(*rows, strict=True)] or [[] for _ in columns]


async def quick(conn: Any, held: Held, ended: Sequence[tuple[Any, ...]], begun: Sequence[tuple[Any, ...]]) -> bool:
    """Write calls of one key and its account in one statement; False, and nothing is written, if others wrote it."""
    values = held.account.values()
    count = await conn.fetchval(_QUICK, held.version, *values, *arrays(ended, _ENDED), *arrays(begun, CALL))
    return bool(count)


async def work(
    conn: Any, ended: Sequence[tuple[str, Outcome]], begun: Sequence[tuple[Call, Key | None]]
) -> tuple[list[LiebigError | None], dict[str, Held]]:
    """End calls, then begin others, in one transaction; gives why those could not be begun, and the accounts."""
    changes, rows = await _changes(conn, ended)
    held = await _accounts(conn, {r["key_id"] for r in rows.values()} | {clean(c.key_id) for c, _ in begun})
    accounts = {k: h.account for k, h in held.items()}
    if changes:
        await conn.execute(_FINISH, *arrays([(i, *outcome_values(o)) for i, o in changes.items()], _ENDED))
        for call_id, outcome in changes.items():
            book(accounts[rows[call_id]["key_id"]], rows[call_id], outcome)
    new = admit(begun, accounts)
    if new.rows:
        stored = {r[0] for r in await conn.fetch(_BEGIN, *arrays(new.rows, CALL))}
        for call_id, place in new.places.items():
            if call_id not in stored:
                call = begun[place][0]
                accounts[clean(call.key_id)].undo(call)
                new.answers[place] = begun_before(call)
    if accounts:
        await conn.execute(_PUT, *arrays([a.values() for a in accounts.values()], ACCOUNT))
        for one in held.values():
            one.version += 1
    return new.answers, held


async def _changes(
    conn: Any, ended: Sequence[tuple[str, Outcome]]
) -> tuple[dict[str, Outcome], Mapping[str, Mapping[str, Any]]]:
    """The outcomes that change something, and what the ledger holds of their calls."""
    first: dict[str, Outcome] = {}
    for call_id, outcome in ended:
        nano_usd(outcome.usd)
        first.setdefault(clean(call_id), outcome)
    if not first:
        return {}, {}
    rows = {r["id"]: r for r in await conn.fetch(_HELD, list(first)) if _may_end(r)}
    return {i: o for i, o in first.items() if i in rows}, rows


def _may_end(row: Mapping[str, Any]) -> bool:
    return row["status"] is None or (row["status"] == 0 and row["error"] == INTERRUPTED)


def begun_before(call: Call) -> ConflictError:
    """The error of an id that is taken."""
    return ConflictError(f"call {call.id!r} was begun before; give each call an id of its own")


async def settle(conn: Any, alive: Sequence[str]) -> int:
    """See ``ledger.Ledger.settle``."""
    sql = "SELECT id, estimate_usd FROM liebig_calls WHERE status IS NULL AND worker <> ALL($1::text[]) LIMIT 1000"
    left = await conn.fetch(sql, [clean(w) for w in alive])
    lost = Outcome("", "", 0, error=INTERRUPTED)
    await work(conn, [(r[0], replace(lost, usd=r[1], usd_strong=r[1])) for r in left], [])
    return len(left)


async def find_key(conn: Any, digest: bytes) -> Key | None:
    """The live key of a digest."""
    sql = f"SELECT {names(KEY)} FROM liebig_keys WHERE digest = $1 AND revoked IS NULL"
    values = await conn.fetchrow(sql, digest)
    return key_of(tuple(values)) if values else None


async def list_keys(conn: Any, *, lock: bool = False) -> list[Key]:
    """All keys, oldest first."""
    sql = f"SELECT {names(KEY)} FROM liebig_keys ORDER BY created, id{' FOR UPDATE' if lock else ''}"
    return [key_of(tuple(v)) for v in await conn.fetch(sql)]


async def add_key(conn: Any, key: Key, digest: bytes) -> None:
    """Store a new key."""
    marks = ", ".join(f"${i}" for i, _ in enumerate((*KEY, "digest"), 1))
    sql = f"INSERT INTO liebig_keys ({names(KEY)}, digest) VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING id"
    if await conn.fetchval(sql, *key_values(key), digest) is None:
        raise ConflictError(f"there is a key {key.name!r} already; choose another name, or revoke that key first")


async def save_key(conn: Any, key: Key) -> None:
    """Store a key that has changed."""
    sets = ", ".join(f"{c.name} = ${i}" for i, c in enumerate(KEY[1:], 2))
    await conn.execute(f"UPDATE liebig_keys SET {sets} WHERE id = $1", *key_values(key))


async def spent_usd(conn: Any, key_id: str, period: str, at: float) -> float:
    """USD spent in the period that a time lies in."""
    values = await conn.fetchrow(f"SELECT {names(ACCOUNT)} FROM liebig_accounts WHERE key_id = $1", key_id)
    return (Account(*values) if values else Account(key_id)).spent_nusd(period, at) / 1e9


async def page(
    conn: Any, after: tuple[float, int], until: float | None, key: str | None, count: int
) -> list[tuple[int, Row]]:
    """The next calls that have ended after a time and number, by time, with their numbers."""
    where = "(at, seq) > ($1::float8, $2::bigint) AND status IS NOT NULL AND ($3::float8 IS NULL OR at < $3) "
    where += "AND ($4::text IS NULL OR key_id = $4 OR key_id IN (SELECT id FROM liebig_keys WHERE name = $4))"
    sql = f"SELECT seq, {names(ROW)} FROM liebig_calls WHERE {where} ORDER BY at, seq LIMIT $5"
    return [(v[0], row_of(tuple(v)[1:])) for v in await conn.fetch(sql, *after, until, key, count)]


async def prune(conn: Any, before: float, count: int) -> int:
    """Delete some of the calls that ended and were begun before a time."""
    sql = (
        "WITH gone AS (DELETE FROM liebig_calls WHERE seq IN (SELECT seq FROM liebig_calls WHERE at < $1 "
        "AND status IS NOT NULL LIMIT $2) RETURNING 1) SELECT count(*) FROM gone"
    )
    return int(await conn.fetchval(sql, before, count))
