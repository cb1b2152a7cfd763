"""The SQLite ledger on real files: killed processes, full disks, locks, files that cannot be written."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from liebig.errors import InputError
from liebig.route.ledger import sqlite as ledger_sqlite
from liebig.route.ledger import unsaved
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.records import Call, Outcome, Refused, Row
from liebig.route.ledger.unsaved import Unsaved, leave, left_files, read_left
from steady import PATIENCE_S

COUNT = itertools.count()
DONE = Outcome("weak", "loop", 200, usd=0.25)

#: Begins and finishes calls on many tasks; says on stdout what the ledger has confirmed.
WRITER = """
import asyncio, os, resource, sys, time
from liebig.route.ledger.records import Call, Key, Outcome, Refused
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger import sqlite as ledger_sqlite

path, worker, tasks, budget, limit = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
ledger_sqlite.BUSY_S = float(sys.argv[6])

async def main():
    ledger = open_ledger("sqlite:" + path)
    await ledger.open()
    os.write(1, b"open\\n")
    sys.stdin.readline()
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    key = Key("k", "k", 0.0, budget_usd=budget or None)
    async def client(i):
        for n in range(10**9):
            call = Call(f"{worker}-{i}-{n}", "k", time.time(), "chat", "auto", worker, 0.5)
            try:
                await ledger.begin(call, key)
            except Refused as refused:
                os.write(1, f"refused {refused.status}\\n".encode())
                return
            os.write(1, f"begun {call.id}\\n".encode())
            await ledger.finish(call.id, Outcome("weak", "loop", 200, usd=0.25, error="x" * 200))
            if ledger.unsaved == 0:
                os.write(1, f"ended {call.id}\\n".encode())
    await asyncio.gather(*(client(i) for i in range(tasks)))
    await ledger.close()

asyncio.run(main())
"""


def start(path: Path, worker: str, *, tasks: int = 10, budget: int = 0, limit: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), worker, str(tasks), str(budget), str(limit), str(PATIENCE_S)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def said(lines: list[str], word: str) -> set[str]:
    return {line.split()[1] for line in lines if line.startswith(word + " ") and line.endswith("\n")}


def use(path: Path, do: Callable[[Any], Awaitable[None]]) -> None:
    async def main() -> None:
        ledger = open_ledger(f"sqlite:{path}", pepper=b"")
        await ledger.open()
        try:
            await asyncio.wait_for(do(ledger), PATIENCE_S)
        finally:
            await ledger.close()

    asyncio.run(main())


def call(**fields: Any) -> Call:
    named = {"id": f"c{next(COUNT)}", "key_id": "k", "at": time.time()}
    return Call(**{**named, "endpoint": "chat", "asked": "auto", "worker": "w", **fields})


async def rows_of(ledger: Any) -> list[Row]:
    return [row async for row in ledger.rows()]


async def until_ready(ledger: Any) -> None:
    while not await ledger.ready():
        await asyncio.sleep(0.02)


async def set_pages(ledger: Any, more: int) -> None:
    """Let the file grow by so many pages only, as a disk that is nearly full does."""

    def do(books: Any) -> None:
        pages = books.conn.execute("PRAGMA page_count").fetchone()[0]
        books.conn.execute(f"PRAGMA max_page_count = {pages + more}")

    await ledger._do(do)


def test_a_process_that_is_killed_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    process = start(path, "w1")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    lines = [process.stdout.readline() for _ in range(600)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()  # not communicate: it drops what is in the buffer of this side
    process.communicate()
    begun, ended = said(lines, "begun"), said(lines, "ended")

    async def do(ledger: Any) -> None:
        interrupted = await ledger.settle(["w2"])
        rows = {row.id: row for row in await rows_of(ledger)}
        assert begun <= set(rows)
        assert len(rows) <= len(begun) + 10
        assert {rows[i].status for i in ended} == {200}
        lost = [row for row in rows.values() if row.status == 0]
        assert len(lost) == interrupted <= 10
        assert await ledger.spent_usd("k", "total") == 0.25 * (len(rows) - len(lost)) + 0.5 * len(lost)

    use(path, do)
    conn = sqlite3.connect(path)
    assert conn.execute("SELECT flight, flight_nusd FROM accounts").fetchall() == [(0, 0)]
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    conn.close()


def test_two_processes_share_a_file_and_a_budget(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    processes = [start(path, worker, budget=1000) for worker in ("w1", "w2")]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [p.communicate(timeout=PATIENCE_S) for p in processes]
    assert [p.returncode for p in processes] == [0, 0], answers
    lines = [line for out, _ in answers for line in out.splitlines(keepends=True)]
    assert said(lines, "refused") == {"429"}

    async def do(ledger: Any) -> None:
        rows = await rows_of(ledger)
        assert {row.id for row in rows} == said(lines, "ended")
        assert {row.worker for row in rows} == {"w1", "w2"}
        spent = await ledger.spent_usd("k", "month")
        assert spent == 0.25 * len(rows)
        assert 1000 - 20 * 0.5 <= spent <= 1000

    use(path, do)


def test_a_limit_of_file_size_refuses_calls_and_leaves_outcomes_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    process = start(path, "w1", limit=400_000)
    out, err = process.communicate("go\n", timeout=PATIENCE_S)
    assert process.returncode == 0, err
    lines = out.splitlines(keepends=True)
    assert said(lines, "refused") == {"503"}

    async def do(ledger: Any) -> None:
        assert left_files(path.with_name("l.db.unsaved.jsonl")) == []
        assert await ledger.settle([]) == 0
        assert {row.id for row in await rows_of(ledger)} == said(lines, "begun")

    use(path, do)


def test_a_full_disk_refuses_calls_and_keeps_outcomes_until_there_is_room(tmp_path: Path) -> None:
    async def do(ledger: Any) -> None:
        calls = [call(estimate_usd=0.5) for _ in range(100)]
        await asyncio.gather(*(ledger.begin(c, None) for c in calls))
        await set_pages(ledger, 0)
        await asyncio.gather(*(ledger.finish(c.id, replace(DONE, error="x" * 900)) for c in calls))
        assert ledger.unsaved > 0
        with pytest.raises(Refused, match="full") as info:
            await asyncio.gather(*(ledger.begin(call(asked="y" * 900), None) for _ in range(50)))
        assert (info.value.status, info.value.code) == (503, "ledger_unavailable")
        assert not await ledger.ready()
        await set_pages(ledger, 10_000)
        await until_ready(ledger)
        assert {row.id for row in await rows_of(ledger)} >= {c.id for c in calls}
        assert await ledger.settle([]) == 0
        assert await ledger.spent_usd("k", "total") == 25.0

    use(tmp_path / "l.db", do)


def test_outcomes_that_close_cannot_write_are_read_back_once(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    calls = [call() for _ in range(100)]

    async def fails(ledger: Any) -> None:
        await asyncio.gather(*(ledger.begin(c, None) for c in calls))
        await set_pages(ledger, 0)
        await asyncio.gather(*(ledger.finish(c.id, replace(DONE, error="x" * 900)) for c in calls))

    use(path, fails)
    (left,) = tmp_path.glob("*.jsonl")
    assert left.name == "l.db.unsaved.jsonl"
    assert left.stat().st_mode & 0o77 == 0

    async def works(ledger: Any) -> None:
        assert not left.exists()
        assert {row.id for row in await rows_of(ledger)} == {c.id for c in calls}
        assert await ledger.spent_usd("k", "total") == 25.0

    saved = left.read_bytes()
    use(path, works)
    left.write_bytes(saved + b'{"id": "cut sh')  # as if the process had died before it removed the file
    use(path, works)


def test_a_file_that_others_hold_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_sqlite, "BUSY_S", 0.05)
    path = tmp_path / "l.db"

    async def do(ledger: Any) -> None:
        begun = call()
        await ledger.begin(begun, None)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refused, match="locked"):
            await ledger.begin(call(), None)
        await ledger.finish(begun.id, DONE)
        assert ledger.unsaved == 1
        other.execute("ROLLBACK")
        other.close()
        await until_ready(ledger)
        assert [row.id for row in await rows_of(ledger)] == [begun.id]

    use(path, do)


def test_a_file_that_becomes_read_only(tmp_path: Path) -> None:
    async def do(ledger: Any) -> None:
        begun = call()
        await ledger.begin(begun, None)
        ledger._conn.execute("PRAGMA query_only = ON")
        with pytest.raises(Refused, match="readonly"):
            await ledger.begin(call(), None)
        await ledger.finish(begun.id, DONE)
        assert not await ledger.ready()
        ledger._conn.execute("PRAGMA query_only = OFF")
        await until_ready(ledger)
        assert [row.id for row in await rows_of(ledger)] == [begun.id]

    use(tmp_path / "l.db", do)


async def nothing(_: Any) -> None:
    return None


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user")
def test_a_file_of_another_user() -> None:
    code = (
        "import asyncio, os, sys\nfrom liebig.errors import InputError\n"
        "from liebig.route.ledger.open import open_ledger\n"
        "import liebig.route.ledger.sqlite\nos.setuid(65534)\n"
        "try:\n    asyncio.run(open_ledger('sqlite:' + sys.argv[1]).open())\n"
        "except InputError as error:\n    print(error)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "l.db")
        use(path, nothing)
        out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "cannot be opened" in out.stdout
    assert "can be written" in out.stdout


def test_places_that_hold_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        use(tmp_path / "no" / "l.db", nothing)
    text = tmp_path / "text"
    text.write_text("not a database, but long enough to be taken for one" * 50)
    with pytest.raises(InputError, match="not a database"):
        use(text, nothing)
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as conn:
        conn.execute("CREATE TABLE mine (x)")
    with pytest.raises(InputError, match="another program"):
        use(other, nothing)
    for url in ("sqlite", "sqlite:", "sqlite://x", "mysql://me:pw@x/y"):
        with pytest.raises(InputError, match="expected sqlite:PATH") as info:
            open_ledger(url)
        assert "pw" not in str(info.value)


def test_a_closed_ledger_refuses(tmp_path: Path) -> None:
    async def main() -> None:
        ledger = open_ledger(f"sqlite:{tmp_path / 'l.db'}")
        with pytest.raises(Refused, match="closed"):
            await ledger.begin(call(), None)
        await ledger.open()
        await ledger.close()
        await ledger.close()
        with pytest.raises(Refused, match="closed"):
            await ledger.finish("x", DONE)
        await ledger.open()
        assert await ledger.ready()
        await ledger.close()

    asyncio.run(main())


def test_what_waits_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    kept = Unsaved(most=3)
    kept.keep([(str(i), DONE) for i in range(5)], "no room")
    kept.keep([("1", replace(DONE, usd=9.0))], "no room")
    assert (len(kept), kept.lost) == (3, 2)
    assert kept.first(2) == [("0", DONE), ("1", DONE)]
    waits = []
    for _ in range(12):
        kept.failed()
        waits.append(kept.wait_s() or 0.0)
    assert waits[0] < waits[3] < waits[-1] <= unsaved.LONGEST_WAIT_S
    kept.leave(None)
    assert "3 outcomes of calls are lost" in caplog.text


def test_left_files_do_not_overwrite_each_other(tmp_path: Path) -> None:
    place = tmp_path / "l[1].db.unsaved.jsonl"
    for name in "ab":
        leave(place, [(name, DONE)])
    found = left_files(place)
    assert len(found) == 2
    assert sorted(i for path in found for i, _ in read_left(path)) == ["a", "b"]
    found[0].write_text(json.dumps({"id": "a"}) + "\n\n[]\n" + json.dumps({"id": "b", "usd": 1, "new": 2}) + "\n")
    assert read_left(found[0]) == []


def test_ledgers_are_imported_on_use_only() -> None:
    code = (
        "import sys, liebig, liebig.route.ledger.open; print([m for m in ('sqlite3', 'asyncpg') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
