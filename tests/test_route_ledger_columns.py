"""A column of the ledger is written down once: earlier tables, new columns, interfaces that follow."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

import liebig
from liebig.route.gateway.openapi import document
from liebig.route.ledger import postgres_work, sqlite_work
from liebig.route.ledger.columns import CALL, KEY, LIMITS, OUTCOME, ROW, columns_of
from liebig.route.ledger.keys import check_limits, digest_of
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.records import Call, Identity, Key, Limits, Outcome, Row
from postgres_support import Server, fresh_schema

#: The tables of version 1 as the first version wrote them.  They are not made from the records: files of that release
#: must open for ever.
FIRST_SQLITE = """
CREATE TABLE keys (id TEXT PRIMARY KEY, name TEXT NOT NULL, created REAL NOT NULL, revoked REAL,
  budget_usd REAL, budget_period TEXT NOT NULL, rpm INTEGER, tpm INTEGER,
  models TEXT NOT NULL, digest BLOB NOT NULL UNIQUE);
CREATE UNIQUE INDEX live_names ON keys (name) WHERE revoked IS NULL;
CREATE TABLE accounts (key_id TEXT PRIMARY KEY, flight INTEGER NOT NULL, flight_nusd INTEGER NOT NULL,
  total_nusd INTEGER NOT NULL, day INTEGER NOT NULL, day_nusd INTEGER NOT NULL, week INTEGER NOT NULL,
  week_nusd INTEGER NOT NULL, month INTEGER NOT NULL, month_nusd INTEGER NOT NULL, minute INTEGER NOT NULL,
  calls INTEGER NOT NULL, tokens INTEGER NOT NULL, calls_before INTEGER NOT NULL, tokens_before INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE calls (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, key_id TEXT NOT NULL, at REAL NOT NULL,
  endpoint TEXT NOT NULL, asked TEXT NOT NULL, worker TEXT NOT NULL, estimate_usd REAL NOT NULL,
  estimate_tokens INTEGER NOT NULL, model TEXT, upstream TEXT, status INTEGER, reason TEXT, score REAL,
  prompt_tokens INTEGER, cached_tokens INTEGER, completion_tokens INTEGER, usd REAL, usd_strong REAL, wh REAL,
  g_co2 REAL, wh_strong REAL, g_co2_strong REAL, seconds REAL, first_token_s REAL, streamed INTEGER,
  escalated INTEGER, error TEXT);
CREATE INDEX calls_at ON calls (at);
CREATE INDEX calls_open ON calls (worker) WHERE status IS NULL;
CREATE TABLE touched (one INTEGER PRIMARY KEY, at REAL NOT NULL);
PRAGMA application_id = 1818846562;
PRAGMA user_version = 1;
"""
FIRST_POSTGRES = """
CREATE TABLE liebig_meta (name text PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE liebig_keys (id text PRIMARY KEY, name text NOT NULL, created float8 NOT NULL, revoked float8,
  budget_usd float8, budget_period text NOT NULL, rpm bigint, tpm bigint, models text NOT NULL,
  digest bytea NOT NULL UNIQUE);
CREATE UNIQUE INDEX liebig_live_names ON liebig_keys (name) WHERE revoked IS NULL;
CREATE TABLE liebig_accounts (version bigint NOT NULL DEFAULT 0, key_id text PRIMARY KEY,
  flight bigint NOT NULL DEFAULT 0, flight_nusd bigint NOT NULL DEFAULT 0, total_nusd bigint NOT NULL DEFAULT 0,
  day bigint NOT NULL DEFAULT 0, day_nusd bigint NOT NULL DEFAULT 0, week bigint NOT NULL DEFAULT 0,
  week_nusd bigint NOT NULL DEFAULT 0, month bigint NOT NULL DEFAULT 0, month_nusd bigint NOT NULL DEFAULT 0,
  minute bigint NOT NULL DEFAULT 0, calls bigint NOT NULL DEFAULT 0, tokens bigint NOT NULL DEFAULT 0,
  calls_before bigint NOT NULL DEFAULT 0, tokens_before bigint NOT NULL DEFAULT 0)
  WITH (fillfactor = 50);
CREATE TABLE liebig_calls (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE,
  key_id text NOT NULL, at float8 NOT NULL, endpoint text NOT NULL, asked text NOT NULL, worker text NOT NULL,
  estimate_usd float8 NOT NULL, estimate_tokens bigint NOT NULL, model text, upstream text, status integer,
  reason text, score float8, prompt_tokens bigint, cached_tokens bigint, completion_tokens bigint, usd float8,
  usd_strong float8, wh float8, g_co2 float8, wh_strong float8, g_co2_strong float8, seconds float8,
  first_token_s float8, streamed boolean, escalated boolean, error text) WITH (fillfactor = 70);
CREATE INDEX liebig_calls_at ON liebig_calls (at, seq);
CREATE INDEX liebig_calls_open ON liebig_calls (worker) WHERE status IS NULL;
INSERT INTO liebig_meta VALUES ('version', 1);
"""
#: A key with one call that has ended and one under way.
FIRST_ROWS = """
INSERT INTO keys VALUES ('key_1', 'ci', 1.5e9, NULL, 10.0, 'month', 60, NULL, '["weak"]', DIGEST);
INSERT INTO accounts (key_id, flight, flight_nusd, total_nusd, day, day_nusd, week, week_nusd, month, month_nusd,
  minute, calls, tokens, calls_before, tokens_before)
  VALUES ('key_1', 1, 500000000, 250000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO calls (id, key_id, at, endpoint, asked, worker, estimate_usd, estimate_tokens, model, upstream, status,
  reason, score, prompt_tokens, cached_tokens, completion_tokens, usd, usd_strong, wh, g_co2, wh_strong, g_co2_strong,
  seconds, first_token_s, streamed, escalated, error)
  VALUES ('old', 'key_1', 1.5e9, 'chat', 'auto', 'w1', 0.5, 7, 'weak', 'loop', 200, 'score', 0.25, 11, 3, 22, 0.25,
  0.5, 0.3, 0.4, 0.5, 0.6, 0.7, NULL, TRUE, FALSE, '');
INSERT INTO calls (id, key_id, at, endpoint, asked, worker, estimate_usd, estimate_tokens)
  VALUES ('under way', 'key_1', 1.5e9, 'chat', 'auto', 'w1', 0.5, 7);
"""
OLD = Row(
    "old", "key_1", 1.5e9, "chat", "auto", "w1", 0.5, 7, "weak", "loop", 200, "score", 0.25, 11, 3, 22, 0.25, 0.5, 0.3,
    0.4, 0.5, 0.6, 0.7, None, True, False, "",
)  # fmt: skip
OLD_KEY = Key("key_1", "ci", 1.5e9, budget_usd=10.0, rpm=60, models=("weak",))
#: One more column of each kind in each record, as a later version may have them; to be followed by what uses them.
MORE = """
import asyncio, dataclasses, json, sys
from liebig.route.ledger import records

@dataclasses.dataclass(frozen=True)
class Call(records.Call):
    tier: str = "it's standard"
    weight: float = 1.5

@dataclasses.dataclass(frozen=True)
class Outcome(records.Outcome):
    region: str = "nowhere"
    thought_tokens: int = -1
    queued_s: float | None = None
    fresh: bool = True

@dataclasses.dataclass(frozen=True)
class Limits(records.Limits):
    calls_a_day: int | None = None
    tags: tuple[str, ...] = ("none",)

@dataclasses.dataclass(frozen=True)
class Key(Limits, records.Identity):
    pass

@dataclasses.dataclass(frozen=True)
class Row(Outcome, Call):
    pass

for made in (Call, Outcome, Limits, Key, Row):
    setattr(records, made.__name__, made)
for name in list(sys.modules):  # what has read the records already reads them again
    if name.startswith("liebig.route") and name != records.__name__:
        del sys.modules[name]

from pathlib import Path
from liebig.route.gateway.openapi import document
from liebig.route.ledger.keys import check_limits
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.unsaved import leave, read_left

NEW = Outcome("strong", "up", 200, usd=0.25, region="north", thought_tokens=5, queued_s=0.5, fresh=False)

async def main(url, left, *ids):
    ledger = open_ledger(url, pepper=b"")
    await ledger.open()
    if ids:
        key, _ = await ledger.add_key("new", tags=["a", "b"], calls_a_day=3)
    for i in ids:
        await ledger.begin(Call(i, key.id, 1.5e9 + 1, "chat", "auto", "w1", tier="fast", weight=2.5), key)
        await ledger.finish(i, NEW)
    rows = [dataclasses.asdict(r) async for r in ledger.rows()]
    keys = [dataclasses.asdict(k) for k in await ledger.list_keys()]
    await ledger.close()
    assert read_left(leave(Path(left), [("x", NEW)])) == [("x", NEW)]
    print(json.dumps({"rows": rows, "keys": keys, "interface": document()["paths"]["/admin/keys"]["post"]}))

asyncio.run(main(*sys.argv[1:]))
"""
CALL_MORE = {"tier": "it's standard", "weight": 1.5}
OUTCOME_MORE = {"region": "nowhere", "thought_tokens": -1, "queued_s": None, "fresh": True}
NEW_MORE = {"tier": "fast", "weight": 2.5, "region": "north", "thought_tokens": 5, "queued_s": 0.5, "fresh": False}


@dataclass
class Place:
    """Where a ledger is, and how its tables are asked past the ledger."""

    url: str
    run: Callable[[str], None]
    ask: Callable[[str], list[tuple[Any, ...]]]
    prefix: str
    first: str
    digest: str

    def columns(self, table: str) -> list[tuple[str, ...]]:
        """Name, type and whether NULL is refused, by place in the table."""
        if self.prefix:
            schema = self.url.rpartition("=")[2]
            return self.ask(
                "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = "
                f"'{schema}' AND table_name = '{self.prefix}{table}' ORDER BY ordinal_position"
            )
        return [(str(c[1]), str(c[2]), str(c[3])) for c in self.ask(f"PRAGMA table_info({table})")]

    def make_first(self) -> None:
        """The tables and rows of the first version."""
        text = FIRST_ROWS.replace("DIGEST", self.digest.format(digest_of("lb-old", b"").hex()))
        self.run(self.first + re.sub(r"INTO (\w+)", rf"INTO {self.prefix}\1", text))


@pytest.fixture(params=["file", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "file":
        path = tmp_path / "l.db"

        def run(text: str) -> None:
            with closing(sqlite3.connect(path)) as conn:
                conn.executescript(text)

        def ask(text: str) -> list[tuple[Any, ...]]:
            with closing(sqlite3.connect(path)) as conn:
                return conn.execute(text).fetchall()

        return Place(f"sqlite:{path}", run, ask, "", FIRST_SQLITE, "X'{}'")
    server: Server = request.getfixturevalue("server")
    url = fresh_schema(server)
    search = f"SET search_path = {url.rpartition('=')[2]}; "
    return Place(
        url, lambda text: server.sql(search + text), lambda text: server.ask(search + text), "liebig_", FIRST_POSTGRES,
        "'\\x{}'",
    )  # fmt: skip


def use(url: str, do: Callable[[Any], Awaitable[None]]) -> None:
    async def main() -> None:
        ledger = open_ledger(url, pepper=b"")
        await ledger.open()
        try:
            await do(ledger)
        finally:
            await ledger.close()

    asyncio.run(main())


async def nothing(_: Any) -> None:
    return None


async def rows_of(ledger: Any) -> list[Row]:
    return [row async for row in ledger.rows()]


def test_a_ledger_of_the_first_release_opens_and_goes_on(place: Place) -> None:
    place.make_first()
    before = {table: place.columns(table) for table in ("keys", "accounts", "calls")}

    async def do(ledger: Any) -> None:
        assert await rows_of(ledger) == [OLD]
        assert await ledger.list_keys() == [OLD_KEY]
        assert await ledger.find_key(digest_of("lb-old", b"")) == OLD_KEY
        assert await ledger.spent_usd("key_1", "total") == 0.25
        await ledger.finish("under way", Outcome("strong", "up", 201, usd=0.5, streamed=True))
        assert await ledger.spent_usd("key_1", "total") == 0.75
        await ledger.begin(Call("new", "key_1", 1.5e9 + 1, "chat", "auto", "w1"), OLD_KEY)
        await ledger.finish("new", Outcome("strong", "up", 202))
        found = {row.id: row for row in await rows_of(ledger)}
        assert {i: row.status for i, row in found.items()} == {"old": 200, "under way": 201, "new": 202}
        assert found["under way"].streamed is True
        assert await ledger.update_key("ci", rpm=5) == (await ledger.list_keys())[0]

    use(place.url, do)
    assert {table: place.columns(table) for table in before} == before


def test_tables_are_those_of_the_first_release(place: Place) -> None:
    """What a new ledger is made of differs in nothing that the first version would stumble over."""
    use(place.url, nothing)
    made = {table: place.columns(table) for table in ("keys", "accounts", "calls")}
    place.run("".join(f"DROP TABLE {place.prefix}{t};" for t in (*made, "meta" if place.prefix else "touched")))
    place.run(place.first)
    for table, columns in made.items():
        first = place.columns(table)
        assert [c[0] for c in columns] == [c[0] for c in first]
        same = [a for a, b in zip(columns, first, strict=True) if a == b]
        changed = {a[0] for a in columns} - {a[0] for a in same}
        assert changed <= {"status", "id", "key_id"}  # 64 bits rather than 32; NOT NULL of a primary key said aloud


def later_version(url: str, folder: Path, *ids: str) -> dict[str, Any]:
    """What a version with more columns reads from a ledger, once it has written calls of these ids."""
    command = [sys.executable, "-c", MORE, url, str(folder / "left.jsonl"), *ids]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def more_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in NEW_MORE}


@pytest.mark.parametrize("old", [False, True], ids=["new tables", "tables of the first version"])
def test_a_column_of_a_record_is_a_column_of_every_ledger(place: Place, old: bool, tmp_path: Path) -> None:
    """Added to a record alone, it is in the tables, in rows of every age, in left files and in the interface."""
    if old:
        place.make_first()
    else:
        use(place.url, nothing)
    read = later_version(place.url, tmp_path, "new", "new too")  # the second one takes PostgreSQL's short way
    rows = {row["id"]: row for row in read["rows"]}
    assert list(rows) == [*(["old"] if old else []), "new", "new too"]
    names = [*(c.name for c in CALL), *CALL_MORE, *(c.name for c in OUTCOME), *OUTCOME_MORE]
    assert all(list(row) == names for row in rows.values())
    assert more_of(rows["new"]) == more_of(rows["new too"]) == NEW_MORE
    if old:
        assert more_of(rows["old"]) == CALL_MORE | OUTCOME_MORE
    limits = [(key["tags"], key["calls_a_day"]) for key in read["keys"]]
    assert limits == [*([(["none"], None)] if old else []), (["a", "b"], 3)]
    offered = read["interface"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert (offered["calls_a_day"], offered["tags"]) == (offered["rpm"], offered["models"])
    assert {*NEW_MORE} <= {c[0] for c in place.columns("calls")}


def test_versions_of_more_and_fewer_columns_share_a_ledger(place: Place, tmp_path: Path) -> None:
    later_version(place.url, tmp_path, "new")

    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("plain")
        for i in ("plain", "plain too"):
            await ledger.begin(Call(i, key.id, 1.5e9 + 2, "chat", "auto", "w1"), key)
            await ledger.finish(i, Outcome("weak", "loop", 200))
        assert [row.id for row in await rows_of(ledger)] == ["new", "plain", "plain too"]

    use(place.url, do)
    new, *plain = later_version(place.url, tmp_path)["rows"]
    assert more_of(new) == NEW_MORE
    assert [more_of(row) for row in plain] == [CALL_MORE | OUTCOME_MORE] * 2


@pytest.mark.parametrize("table", ["keys", "accounts", "calls"])
def test_any_column_that_may_be_new_is_added_to_tables_that_lack_it(place: Place, table: str) -> None:
    use(place.url, nothing)
    made = place.columns(table)
    tables = postgres_work._TABLES if place.prefix else sqlite_work._TABLES
    may_be_new = [n for n, d in tables[place.prefix + table].items() if "NOT NULL" not in d or "DEFAULT" in d]
    free = [n for n in may_be_new if n not in ("status", "revoked")]  # an index stands on these
    assert len(free) >= 5
    place.run("".join(f"ALTER TABLE {place.prefix}{table} DROP COLUMN {n};" for n in free))
    assert len(place.columns(table)) == len(made) - len(free)

    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a", rpm=5)
        await ledger.begin(Call("x", key.id, 1.5e9, "chat", "auto", "w1", 0.5, 7), key)
        await ledger.finish("x", Outcome("weak", "loop", 200, usd=0.25, escalated=True))
        (row,) = await rows_of(ledger)
        assert (row.estimate_tokens, row.usd, row.escalated) == (7, 0.25, True)
        assert await ledger.list_keys() == [key]

    use(place.url, do)
    assert sorted(place.columns(table)) == sorted(made)


def test_a_new_column_has_a_default() -> None:
    """Rows that stand have no value of it, and versions that do not know it write none."""
    required = {c.name for c in (*ROW, *KEY) if c.required}
    assert required == {"id", "key_id", "at", "endpoint", "asked", "worker", "name", "created"}


def test_types_that_no_column_holds() -> None:
    @dataclass
    class Odd:
        parts: dict[str, int]

    Odd.__annotations__["parts"] = dict[str, int]
    with pytest.raises(TypeError, match=r"Odd.parts: no column holds dict\[str, int\]"):
        columns_of(Odd)


@pytest.mark.parametrize("record", [Identity, Limits, Call, Outcome])
def test_every_column_is_described(record: type[Any]) -> None:
    described = re.findall(r"^\s+(\w+): ", (record.__doc__ or "").partition("Attributes:")[2], re.MULTILINE)
    assert described == [f.name for f in fields(record)]


#: Columns that the ledger books or looks for, and so names; the others are only carried.
BOOKED = {
    "id", "key_id", "at", "worker", "estimate_usd", "estimate_tokens", "status", "error", "usd", "usd_strong",
    "prompt_tokens", "completion_tokens", "endpoint", "asked",
}  # fmt: skip


def test_columns_that_are_carried_are_named_once() -> None:
    """To add one, touch the record and what fills it."""
    source = {p.name: p.read_text() for p in (Path(liebig.__file__).parent / "route" / "ledger").glob("*.py")}
    carried = [c.name for c in ROW if c.name not in BOOKED and "_" in c.name]
    assert len(carried) >= 5
    for name in carried:
        assert [n for n, text in source.items() if re.search(rf"\b{name}\b", text)] == ["records.py"], name


def test_limits_that_cannot_be() -> None:
    assert check_limits({c.name: c.default for c in LIMITS}) == {c.name: c.default for c in LIMITS}
    offered = document()["paths"]["/admin/keys"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert list(offered["properties"]) == ["name", *(c.name for c in LIMITS)]
    bad: dict[str, tuple[Any, ...]] = {"models": (None, 3, "weak", [""]), "budget_period": (None, [], "year")}
    for name, values in bad.items():
        for value in values:
            with pytest.raises(liebig.errors.InputError, match=f"{name} .*: expected"):
                check_limits({name: value})
