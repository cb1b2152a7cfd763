"""Ledgers of the router: the same behaviour in SQLite (file and memory) and PostgreSQL, on real servers and files."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liebig.errors import ConflictError, InputError, RangeError, UnknownNameError
from liebig.route.ledger import keys as keys_module
from liebig.route.ledger import postgres as ledger_postgres
from liebig.route.ledger import postgres_work, postgres_writer
from liebig.route.ledger import sqlite as ledger_sqlite
from liebig.route.ledger.account import Account, stamps
from liebig.route.ledger.keys import digest_of
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.records import Call, Key, Outcome, Refused, Row
from postgres_support import Server, fresh_schema
from steady import PATIENCE_S

COUNT = itertools.count()
DONE = Outcome("weak", "loop", 200, usd=0.25, prompt_tokens=10, completion_tokens=20)


@pytest.fixture(autouse=True)
def waits_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither database refuses a call because this machine is busy; a test that judges a wait sets its own."""
    monkeypatch.setattr(ledger_sqlite, "BUSY_S", PATIENCE_S)
    monkeypatch.setattr(postgres_writer, "PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr(postgres_writer, "CONTENDED_S", PATIENCE_S)
    monkeypatch.setattr(ledger_postgres, "LONG_S", PATIENCE_S)


@pytest.fixture(params=["memory", "file", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return fresh_schema(request.getfixturevalue("server"))
    return "sqlite::memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'ledger.db'}"


@pytest.fixture(params=["file", "postgres"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place that several ledgers can open."""
    if request.param == "postgres":
        return fresh_schema(request.getfixturevalue("server"))
    return f"sqlite:{tmp_path / 'ledger.db'}"


def use(url: str, do: Callable[[Any], Awaitable[None]], **options: Any) -> None:
    """Run something on an open ledger."""

    async def main() -> None:
        ledger = open_ledger(url, pepper=b"", **options)
        await ledger.open()
        try:
            await asyncio.wait_for(do(ledger), PATIENCE_S)
        finally:
            await ledger.close()

    asyncio.run(main())


def call(key: Key | None = None, at: float | None = None, **fields: Any) -> Call:
    named = {"id": f"c{next(COUNT)}", "key_id": key.id if key else "", "at": time.time() if at is None else at}
    return Call(**{**named, "endpoint": "chat", "asked": "auto", "worker": "w1", **fields})


async def rows_of(ledger: Any, *args: Any, **filters: Any) -> list[Row]:
    return [row async for row in ledger.rows(*args, **filters)]


async def until(ready: Callable[[], Awaitable[bool]]) -> None:
    while not await ready():
        await asyncio.sleep(0.02)


def test_a_call_comes_back_as_it_was_and_ends_once(url: str) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a")
        begun = call(key, 1.5e9, estimate_usd=0.5, estimate_tokens=7)
        full = Outcome(
            "strong", "up", 200, "score", 0.25, 11, 3, 22, 0.01, 0.02, 0.3, 0.4, 0.5, 0.6, 0.7, 0.08, True, True, "e"
        )
        await ledger.begin(begun, key)
        assert await rows_of(ledger) == []
        await ledger.finish(begun.id, full)
        await ledger.finish(begun.id, DONE)
        await ledger.finish("never begun", DONE)
        assert await rows_of(ledger) == [Row(**asdict(begun), **asdict(full))]
        assert await ledger.spent_usd(key.id, "total") == 0.01
        assert await ledger.ready()
        with pytest.raises(ConflictError, match="begun before"):
            await ledger.begin(begun, key)
        assert ledger.unsaved == 0

    use(url, do)


def test_budget_counts_what_is_spent_and_what_is_in_flight(url: str) -> None:
    month = datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC).timestamp()

    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a", budget_usd=1.0)
        first, second = (call(key, month, estimate_usd=0.5) for _ in range(2))
        await ledger.begin(first, key)
        await ledger.begin(second, key)
        with pytest.raises(Refused, match="in flight") as info:
            await ledger.begin(call(key, month), key)
        assert (info.value.status, info.value.code, info.value.retry_after_s) == (429, "insufficient_quota", 1.0)
        await ledger.finish(first.id, DONE)
        await ledger.begin(third := call(key, month), key)
        await ledger.finish(second.id, replace(DONE, usd=0.75))
        with pytest.raises(Refused, match="1 USD per month is spent") as info:
            await ledger.begin(call(key, month), key)
        assert info.value.retry_after_s == pytest.approx(10.0)
        await ledger.begin(call(key, month + 10), key)
        await ledger.finish(third.id, DONE)  # of last month
        assert await ledger.spent_usd(key.id, "total") == 1.25
        total = replace(key, budget_period="total")
        with pytest.raises(Refused) as info:
            await ledger.begin(call(key, month + 10), total)
        assert info.value.retry_after_s is None

    use(url, do)


def test_spend_is_that_of_the_period_that_runs(url: str) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a")
        for at in (time.time() - 400 * 86400, time.time()):
            await ledger.begin(begun := call(key, at), key)
            await ledger.finish(begun.id, DONE)
        spent = [await ledger.spent_usd(key.id, p) for p in ("day", "week", "month", "total")]
        assert spent == [0.25, 0.25, 0.25, 0.5]
        assert await ledger.spent_usd("nobody", "day") == 0.0
        with pytest.raises(InputError, match="fortnight"):
            await ledger.spent_usd(key.id, "fortnight")

    use(url, do)


@pytest.mark.parametrize(("limit", "most"), [("rpm", 4), ("tpm", 40)])
def test_rates_slide_and_tell_how_long_to_wait(url: str, limit: str, most: int) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a", **{limit: most})
        start = 1_000_000 * 60.0

        async def passes(at: float) -> float | None:
            try:
                await ledger.begin(call(key, at, estimate_tokens=10), key)
            except Refused as refused:
                assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
                return refused.retry_after_s
            return None

        assert [await passes(start + 30) for _ in range(4)] == [None] * 4
        wait = await passes(start + 30)
        assert wait is not None
        assert await passes(start + 30 + wait - 0.5) is not None
        assert await passes(start + 30 + wait + 0.01) is None
        if limit == "tpm":
            with pytest.raises(Refused, match="ask for fewer") as info:
                await ledger.begin(call(key, start + 600, estimate_tokens=41), key)
            assert info.value.retry_after_s is None

    use(url, do)


def test_tokens_used_take_the_place_of_those_estimated(url: str) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a", tpm=100)
        at = 1_000_000 * 60.0
        await ledger.begin(begun := call(key, at, estimate_tokens=90), key)
        with pytest.raises(Refused):
            await ledger.begin(call(key, at, estimate_tokens=60), key)
        await ledger.finish(begun.id, DONE)  # 30 tokens
        await ledger.begin(call(key, at, estimate_tokens=60), key)

    use(url, do)


def test_keys(url: str) -> None:
    async def do(ledger: Any) -> None:
        key, secret = await ledger.add_key("ci", models=["weak"], rpm=5)
        assert secret.startswith("lb-")
        assert len(secret) == 46
        assert await ledger.find_key(digest_of(secret, b"")) == key
        assert await ledger.find_key(digest_of("lb-other", b"")) is None
        with pytest.raises(ConflictError, match="'ci' already"):
            await ledger.add_key("ci")
        with pytest.raises(RangeError, match="budget_usd -1"):
            await ledger.add_key("x", budget_usd=-1)
        with pytest.raises(UnknownNameError, match="did you mean 'rpm'"):
            await ledger.update_key("ci", rpmm=1)
        changed = await ledger.update_key("ci", budget_usd=3, budget_period="day")
        assert changed == replace(key, budget_usd=3.0, budget_period="day")
        assert await ledger.find_key(digest_of(secret, b"")) == changed
        gone = await ledger.revoke_key(key.id)
        assert gone.revoked is not None
        assert await ledger.find_key(digest_of(secret, b"")) is None
        with pytest.raises(ConflictError, match="is revoked"):
            await ledger.revoke_key("ci")
        with pytest.raises(UnknownNameError, match="'nobody'"):
            await ledger.revoke_key("nobody")
        again, _ = await ledger.add_key("ci")
        assert await ledger.list_keys() == [gone, again]

    use(url, do)


def test_revocation_elsewhere_acts_when_the_memory_of_a_key_ends(
    shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keys_module.TTL_S < 5
    monkeypatch.setattr(keys_module, "TTL_S", 0.2)

    async def do(ledger: Any) -> None:
        other = open_ledger(shared_url, pepper=b"")
        await other.open()
        key, secret = await ledger.add_key("a")
        digest = digest_of(secret, b"")
        assert await asyncio.gather(*(other.find_key(digest) for _ in range(50))) == [key] * 50
        await ledger.revoke_key("a")

        async def forgotten() -> bool:
            return await other.find_key(digest) is None

        await until(forgotten)
        await other.close()

    use(shared_url, do)


def test_a_look_up_under_way_does_not_bring_back_a_revoked_key() -> None:
    async def main() -> None:
        cache, go = keys_module.KeyCache(), asyncio.Event()
        key = Key("k", "k", 0.0)

        async def slow(_: bytes) -> Key:
            await go.wait()
            return key

        async def revoked(_: bytes) -> None:
            return None

        early = asyncio.create_task(cache.get(b"x", slow))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        cache.clear()
        go.set()
        assert await early == key
        assert await cache.get(b"x", revoked) is None

    asyncio.run(main())


def test_pepper_and_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIEBIG_KEY_PEPPER", "salt")

    async def main() -> None:
        ledger = open_ledger(f"sqlite:{tmp_path / 'l.db'}")
        await ledger.open()
        key, secret = await ledger.add_key("a")
        assert await ledger.find_key(digest_of(secret)) == key
        assert await ledger.find_key(digest_of(secret, b"")) is None
        await ledger.close()
        assert not any(secret[3:].encode() in p.read_bytes() for p in tmp_path.iterdir())

    asyncio.run(main())


def test_settle_ends_calls_of_workers_that_are_gone(url: str) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a", budget_usd=10)
        lost, alive = call(key, estimate_usd=2.0), call(key, worker="w2", estimate_usd=1.0)
        await ledger.begin(lost, key)
        await ledger.begin(alive, key)
        assert await ledger.settle({"w2"}) == 1
        assert await ledger.settle(["w2"]) == 0
        (row,) = await rows_of(ledger)
        assert (row.id, row.status, row.error, row.usd, row.usd_strong) == (lost.id, 0, "interrupted", 2.0, 2.0)
        assert await ledger.spent_usd(key.id, "month") == 2.0
        await ledger.finish(lost.id, DONE)  # it was not gone after all
        await ledger.finish(lost.id, replace(DONE, usd=9.0))
        assert await ledger.spent_usd(key.id, "month") == 0.25
        (row,) = await rows_of(ledger)
        assert (row.status, row.usd) == (200, 0.25)

    use(url, do)


def test_many_at_once_exceed_a_budget_by_those_in_flight_at_most(shared_url: str) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a", budget_usd=10.0)
        others = [ledger, open_ledger(shared_url, pepper=b"")]
        await others[1].open()
        done: list[str] = []

        async def client(i: int) -> None:
            while True:
                try:
                    await others[i % 2].begin(begun := call(key), key)
                except Refused:
                    return
                await others[i % 2].finish(begun.id, DONE)
                done.append(begun.id)

        await asyncio.gather(*(client(i) for i in range(40)))
        rows = await rows_of(ledger)
        assert sorted(r.id for r in rows) == sorted(done)
        assert 40 <= len(rows) <= 40 + 40
        assert await ledger.spent_usd(key.id, "month") == 0.25 * len(rows)
        await others[1].close()

    use(shared_url, do)


def test_estimates_keep_a_budget_whoever_asks_first(shared_url: str) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a", budget_usd=10.0)
        other = open_ledger(shared_url, pepper=b"")
        await other.open()
        tries = [p.begin(call(key, estimate_usd=1.0), key) for p in (ledger, other) for _ in range(30)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert [a is None for a in answers].count(True) == 10
        await other.close()

    use(shared_url, do)


def test_one_that_cannot_be_stored_spoils_no_other(url: str) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a")
        calls = [call(key, asked="\ud800\0" + "x" * 5000) for _ in range(20)]
        calls[7] = replace(calls[7], estimate_tokens=2**70)
        calls[8] = replace(calls[8], estimate_usd=-1.0)
        calls[9] = replace(calls[9], id=calls[10].id)
        answers = await asyncio.gather(*(ledger.begin(c, key) for c in calls), return_exceptions=True)
        assert [i for i, a in enumerate(answers) if a is not None] == [7, 8, 10]
        assert isinstance(answers[7], InputError)
        assert isinstance(answers[8], RangeError)
        assert isinstance(answers[10], ConflictError)
        good = [c for c, a in zip(calls, answers, strict=True) if a is None]
        ends = [replace(DONE, wh=float("nan"), score=float("inf")) for _ in good]
        ends[3] = replace(ends[3], prompt_tokens=2**70)
        answers = await asyncio.gather(
            *(ledger.finish(c.id, o) for c, o in zip(good, ends, strict=True)), return_exceptions=True
        )
        assert [i for i, a in enumerate(answers) if a is not None] == [3]
        await ledger.finish(good[3].id, DONE)
        rows = await rows_of(ledger)
        assert len(rows) == 17
        assert {(r.wh, r.score, len(r.asked)) for r in rows} == {(0.0, None, 1000)}
        assert await ledger.spent_usd(key.id, "total") == 0.25 * 17

    use(url, do)


def test_a_call_given_up_while_it_begins_does_not_stay_open(url: str) -> None:
    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a")
        task = asyncio.create_task(ledger.begin(begun := call(key, estimate_usd=1.0), key))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ledger.begin(call(key), key)

        async def ended() -> bool:
            return [r.id for r in await rows_of(ledger)] == [begun.id]

        await until(ended)
        assert await ledger.settle([]) == 1
        assert await ledger.spent_usd(key.id, "total") == 0.0

    use(url, do)


def test_rows_by_time_and_key_and_pruning(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_sqlite, "PAGE", 3)
    monkeypatch.setattr(ledger_postgres, "PAGE", 3)

    async def do(ledger: Any) -> None:
        a, b = [await ledger.add_key(n) for n in "ab"]
        calls = [call(key, float(at)) for at in (5, 3, 3, 3, 3, 1, 2) for key in (a[0], b[0])]
        for begun in calls:
            await ledger.begin(begun, None)
            await ledger.finish(begun.id, DONE)
        await ledger.begin(call(a[0], 0.5), None)
        assert [r.at for r in await rows_of(ledger)] == sorted(c.at for c in calls)
        assert [r.at for r in await rows_of(ledger, 2.0, 5.0, "a")] == [2, 3, 3, 3, 3]
        assert len(await rows_of(ledger, key=b[0].id)) == 7
        assert await ledger.prune(3.0) == 4
        assert await ledger.spent_usd(a[0].id, "total") == 0.25 * 7
        assert len(await rows_of(ledger)) == 10
        assert await ledger.settle([]) == 1

    use(url, do)


def test_outcomes_left_by_a_close_are_read_back_once(tmp_path: Path, server: Server) -> None:
    left = tmp_path / "left.jsonl"
    url = fresh_schema(server)
    begun = call()

    async def fails(ledger: Any) -> None:
        await ledger.begin(begun, None)
        server.stop()
        await ledger.finish(begun.id, DONE)
        assert ledger.unsaved == 1

    try:
        use(url, fails, left=left)
        assert left.exists()
    finally:
        server.start()

    async def works(ledger: Any) -> None:
        assert [r.id for r in await rows_of(ledger)] == [begun.id]
        assert not left.exists()

    use(url, works, left=left)


def test_a_server_that_stops_and_comes_back(server: Server) -> None:
    async def do(ledger: Any) -> None:
        key, secret = await ledger.add_key("a", budget_usd=5)
        calls = [call(key) for _ in range(30)]
        await asyncio.gather(*(ledger.begin(c, key) for c in calls))
        server.stop()
        try:
            with pytest.raises(Refused, match="not available") as info:
                await ledger.begin(call(key), key)
            assert (info.value.status, info.value.code) == (503, "ledger_unavailable")
            assert not await ledger.ready()
            await asyncio.gather(*(ledger.finish(c.id, DONE) for c in calls))
            assert ledger.unsaved in (30, 31)  # whether the call that was refused is stored is not known
            with pytest.raises(Refused):
                await ledger.find_key(digest_of(secret, b""))
        finally:
            server.start()
        await until(ledger.ready)
        assert ledger.unsaved == 0
        assert len(await rows_of(ledger)) == 30
        assert await ledger.settle([]) == 0
        with pytest.raises(Refused, match="is spent"):
            await ledger.begin(call(key), key)

    use(fresh_schema(server), do)


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setattr(postgres_writer, "PATIENCE_S", 0.3)
    url = fresh_schema(server)

    async def do(ledger: Any) -> None:
        import asyncpg

        other = await asyncpg.connect(url)
        begun = call()
        await ledger.begin(begun, None)
        lock = other.transaction()
        await lock.start()
        await other.execute("LOCK TABLE liebig_calls, liebig_accounts, liebig_meta IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Refused, match="not available"):
            await ledger.begin(call(), None)
        await ledger.finish(begun.id, DONE)
        assert ledger.unsaved in (1, 2)
        await lock.rollback()
        await until(ledger.ready)
        assert [r.id for r in await rows_of(ledger) if r.status == 200] == [begun.id]
        assert await ledger.settle([]) == 0
        await other.close()

    use(url, do)


def test_a_call_that_is_stored_though_the_answer_was_lost_does_not_stay_open(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    quick = postgres_work.quick

    async def loses_the_answer(*args: Any) -> bool:
        await quick(*args)
        raise ConnectionResetError("gone")

    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a")
        await ledger.begin(call(key), key)
        with monkeypatch.context() as patch:
            patch.setattr(postgres_work, "quick", loses_the_answer)
            with pytest.raises(Refused, match="gone"):
                await ledger.begin(lost := call(key, estimate_usd=1.0), key)
        await until(ledger.ready)
        assert [(r.id, r.status, r.usd) for r in await rows_of(ledger)] == [(lost.id, 503, 0.0)]
        assert await ledger.settle([]) == 1

    use(fresh_schema(server), do)


def test_the_quick_way_gives_way_to_other_replicas(server: Server) -> None:
    url = fresh_schema(server)

    async def do(ledger: Any) -> None:
        other = open_ledger(url, pepper=b"")
        await other.open()
        key, _ = await ledger.add_key("a", budget_usd=100.0)
        turns: list[str] = []
        for ledger_ in (ledger, other):
            quickly = ledger_._writer._quickly

            async def told(*args: Any, quickly: Any = quickly) -> Any:
                answer = await quickly(*args)
                turns.append("locked" if answer is None else "quick")
                return answer

            ledger_._writer._quickly = told
        await ledger.begin(first := call(key), key)
        await ledger.finish(first.id, DONE)
        await ledger.begin(second := call(key), key)
        assert turns == ["locked", "quick", "quick"]
        await other.begin(third := call(key), key)
        await ledger.finish(second.id, DONE)
        assert turns[3:] == ["locked", "locked"]
        with pytest.raises(ConflictError):
            await ledger.begin(second, key)
        await other.finish(third.id, DONE)
        assert await other.spent_usd(key.id, "total") == 0.75
        assert [r.id for r in await rows_of(ledger)] == [first.id, second.id, third.id]
        await ledger.begin(lost := call(key, estimate_usd=2.0), key)
        assert await other.settle([]) == 1
        await ledger.finish(lost.id, DONE)
        assert await other.spent_usd(key.id, "total") == 1.0
        await other.close()

    use(url, do)


def test_replicas_that_start_at_once(shared_url: str) -> None:
    async def main() -> None:
        ledgers = [open_ledger(shared_url, pepper=b"") for _ in range(5)]
        await asyncio.gather(*(ledger.open() for ledger in ledgers))
        assert all(await asyncio.gather(*(ledger.ready() for ledger in ledgers)))
        await asyncio.gather(*(ledger.close() for ledger in ledgers))

    asyncio.run(main())


def test_newer_tables_are_not_touched(server: Server, tmp_path: Path) -> None:
    import sqlite3

    async def nothing(_: Any) -> None:
        return None

    path = tmp_path / "l.db"
    use(f"sqlite:{path}", nothing)
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA user_version = 99")
    conn.close()
    with pytest.raises(InputError, match="newer liebig"):
        use(f"sqlite:{path}", nothing)
    url = fresh_schema(server)
    use(url, nothing)
    server.sql(f"UPDATE {url.rpartition('=')[2]}.liebig_meta SET value = 99 WHERE name = 'version'")
    with pytest.raises(InputError, match="newer liebig"):
        use(url, nothing)


PERIODS = {
    "day": lambda t: t.date(),
    "week": lambda t: t.isocalendar()[:2],
    "month": lambda t: (t.year, t.month),
    "total": lambda t: None,
}


@settings(max_examples=60, deadline=None)
@given(
    period=st.sampled_from(sorted(PERIODS)),
    budget=st.integers(0, 6),
    steps=st.lists(
        st.tuples(st.sampled_from(["begin", "finish", "settle"]), st.integers(0, 3), st.integers(0, 40)), max_size=25
    ),
)
def test_budgets_agree_with_plain_sums(period: str, budget: int, steps: list[tuple[str, int, int]]) -> None:
    """The reference keeps every call and adds up anew each time."""

    async def do(ledger: Any) -> None:
        key, _ = await ledger.add_key("a", budget_usd=float(budget), budget_period=period)
        now = datetime(2026, 12, 20, 22, tzinfo=UTC).timestamp()
        name = PERIODS[period]
        flight: dict[str, Call] = {}
        spent: dict[str, tuple[float, float]] = {}
        for what, usd, hours in steps:
            if what == "begin":
                now += hours * 3600.0
                begun = call(key, now, estimate_usd=float(usd))
                mine = name(datetime.fromtimestamp(now, UTC))
                used = sum(u for at, u in spent.values() if name(datetime.fromtimestamp(at, UTC)) == mine)
                held = sum(c.estimate_usd for c in flight.values())
                if used + held >= budget:
                    with pytest.raises(Refused):
                        await ledger.begin(begun, key)
                else:
                    await ledger.begin(begun, key)
                    flight[begun.id] = begun
            elif what == "finish" and flight:
                ended = flight.pop(sorted(flight)[hours % len(flight)])
                await ledger.finish(ended.id, replace(DONE, usd=float(usd)))
                spent[ended.id] = (ended.at, float(usd))
            elif what == "settle":
                assert await ledger.settle([]) == len(flight)
                spent |= {i: (c.at, c.estimate_usd) for i, c in flight.items()}
                flight.clear()
        assert await ledger.spent_usd(key.id, "total") == sum(u for _, u in spent.values())
        assert len(await rows_of(ledger)) == len(spent)

    use("sqlite::memory:", do)


@settings(max_examples=200, deadline=None)
@given(rpm=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_rates_are_kept_and_the_wait_is_enough(rpm: int, seed: int) -> None:
    random.seed(seed)
    account, at, passed = Account("k"), 1e9, []
    key = Key("k", "k", 0.0, rpm=rpm)
    for _ in range(60):
        at += random.expovariate(rpm / 20)
        account.roll(at)
        asked = call(key, at)
        refused = account.refusal(asked, key)
        if refused is not None:
            assert refused.retry_after_s is not None
            at += refused.retry_after_s + 1e-3
            account.roll(at)
            asked = call(key, at)
            assert account.refusal(asked, key) is None
        account.begin(asked)
        passed.append(at)
    for minute in {int(t // 60) for t in passed}:
        assert sum(int(t // 60) == minute for t in passed) <= rpm


def test_periods_are_those_of_the_calendar() -> None:
    random.seed(1)
    for _ in range(300):
        a = random.uniform(0, 4e9)
        b = a + random.uniform(0, 40 * 86400)
        x, y = (datetime.fromtimestamp(t, UTC) for t in (a, b))
        same = [
            x.date() == y.date(),
            x.isocalendar()[:2] == y.isocalendar()[:2],
            (x.year, x.month) == (y.year, y.month),
        ]
        assert [i == j for i, j in zip(stamps(a)[1:], stamps(b)[1:], strict=True)] == same
