"""The ledger in a SQLite file: one writer thread per process, many calls in one transaction, several processes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from liebig.errors import InputError, LiebigError
from liebig.route.ledger import sqlite_work as work
from liebig.route.ledger.keys import KeyCache, check_limits, digest_of, make_key, pick_key
from liebig.route.ledger.records import Call, Key, Outcome, Refused, Row, all_rows, in_pages
from liebig.route.ledger.sqlite_writer import Op, Work, Writer, transact, unavailable
from liebig.route.ledger.unsaved import Unsaved, left_files, read_left

__all__ = ["SqliteLedger"]

_T = TypeVar("_T")
#: Rows read or deleted at a time.
PAGE = 1_000
#: Seconds that other processes may hold the file before a call is refused.
BUSY_S = 2.0


class SqliteLedger:
    """See ``ledger.Ledger``; ``place`` is a path or ``:memory:``.

    What was begun or finished survives the end of the process, also a sudden one; a power cut may take the last
    moments, as the file is synchronised at checkpoints only (WAL, synchronous=NORMAL).
    """

    def __init__(self, place: str, pepper: bytes = b"", left: Path | None = None) -> None:
        self._memory = place == ":memory:"
        self._path = None if self._memory else Path(place)
        self._left = left
        if left is None and self._path is not None:
            self._left = self._path.with_name(self._path.name + ".unsaved.jsonl")
        self._pepper = pepper
        self._cache = KeyCache()
        self._unsaved = Unsaved()
        self._writer: Writer | None = None
        self._reader: ThreadPoolExecutor | None = None
        self._read_on: sqlite3.Connection | None = None
        self._conn: sqlite3.Connection | None = None

    @property
    def unsaved(self) -> int:
        """Outcomes that wait in memory."""
        return len(self._unsaved)

    async def open(self) -> None:
        """Open the file, create its tables, read back what an earlier close could not write, start the writer."""
        if self._writer is not None:
            return
        self._conn = await asyncio.to_thread(self._connect)
        self._reader = ThreadPoolExecutor(1, "liebig-ledger-read")
        self._writer = Writer(self._conn, self._unsaved)

    async def close(self) -> None:
        """Write all that waits, or leave it in ``PATH.unsaved.jsonl``."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        await asyncio.to_thread(writer.close)
        if self._reader is not None:
            await asyncio.to_thread(self._reader.shutdown)
        if self._read_on is not None:
            self._read_on.close()
            self._read_on = None
        if self._conn is not None:
            await asyncio.to_thread(self._conn.close)
        self._unsaved.leave(self._left)

    async def ready(self) -> bool:
        """True when a transaction goes through and no outcome waits."""
        try:
            await asyncio.wait_for(self._do(work.touch), BUSY_S + 1)
        except (LiebigError, TimeoutError):
            return False
        return not self._unsaved

    async def find_key(self, digest: bytes) -> Key | None:
        """See ``ledger.Ledger``."""
        return await self._cache.get(digest, lambda d: self._read(lambda c: work.find_key(c, d)))

    async def add_key(self, name: str, **limits: Any) -> tuple[Key, str]:
        """See ``ledger.Ledger``."""
        key, secret = make_key(name, limits)
        await self._do(lambda b: work.add_key(b.conn, key, digest_of(secret, self._pepper)))
        self._cache.clear()
        return key, secret

    async def revoke_key(self, id_or_name: str) -> Key:
        """See ``ledger.Ledger``."""
        return await self._change_key(id_or_name, {"revoked": time.time()})

    async def update_key(self, id_or_name: str, **limits: Any) -> Key:
        """See ``ledger.Ledger``."""
        return await self._change_key(id_or_name, check_limits(limits))

    async def _change_key(self, id_or_name: str, changes: dict[str, Any]) -> Key:
        def change(books: work.Books) -> Key:
            key = dataclasses.replace(pick_key(work.list_keys(books.conn), id_or_name), **changes)
            work.save_key(books.conn, key)
            return key

        key: Key = await self._do(change)
        self._cache.clear()
        return key

    async def list_keys(self) -> list[Key]:
        """See ``ledger.Ledger``."""
        return await self._read(work.list_keys)

    async def begin(self, call: Call, key: Key | None) -> None:
        """See ``ledger.Ledger``."""
        future = self._put(Op(asyncio.get_running_loop().create_future(), call=call, key=key))
        try:
            await future
        except asyncio.CancelledError:  # nobody will finish it
            with contextlib.suppress(Refused):
                self._put(Op(None, ended=(call.id, Outcome("", "", 499, error="cancelled"))))
            raise

    async def finish(self, call_id: str, outcome: Outcome) -> None:
        """See ``ledger.Ledger``."""
        await self._put(Op(asyncio.get_running_loop().create_future(), ended=(call_id, outcome)))

    async def settle(self, workers_alive: Collection[str]) -> int:
        """See ``ledger.Ledger``."""
        alive = tuple(workers_alive)
        return int(await self._do(lambda b: b.settle(alive)))

    async def spent_usd(self, key_id: str, period: str) -> float:
        """See ``ledger.Ledger``."""
        return await self._read(lambda c: work.spent_usd(c, key_id, period))

    async def rows(
        self, since: float | None = None, until: float | None = None, key: str | None = None
    ) -> AsyncIterator[Row]:
        """See ``ledger.Ledger``."""
        pages = all_rows(since, lambda after: self._read(lambda c: work.page(c, after, until, key, PAGE)), PAGE)
        async for row in pages:
            yield row

    async def prune(self, before: float) -> int:
        """See ``ledger.Ledger``."""
        return await in_pages(lambda: self._do(lambda b: work.prune(b.conn, before, PAGE)), PAGE)

    def _put(self, op: Op) -> asyncio.Future[Any]:
        if self._writer is None:
            raise Refused("the ledger is closed", status=503, code="ledger_unavailable")
        self._writer.put(op)
        return op.future  # type: ignore[return-value]

    async def _do(self, do: Work) -> Any:
        return await self._put(Op(asyncio.get_running_loop().create_future(), do=do))

    async def _read(self, read: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._memory:
            return await self._do(lambda b: read(b.conn))
        if self._reader is None:
            raise Refused("the ledger is closed", status=503, code="ledger_unavailable")
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read_now, read)

    def _read_now(self, read: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            if self._read_on is None:
                self._read_on = work.connect(str(self._path), BUSY_S)
            return read(self._read_on)
        except sqlite3.Error as error:
            raise unavailable(error) from None

    def _connect(self) -> sqlite3.Connection:
        conn = work.open_file(":memory:" if self._path is None else str(self._path), BUSY_S)
        for path in [] if self._left is None else left_files(self._left):
            try:
                items = read_left(path)
            except InputError:
                conn.close()
                raise
            reason = transact(conn, [Op(None, ended=item) for item in items])
            if reason is not None:
                conn.close()
                raise InputError(f"{path}: its outcomes cannot be written to {self._path} ({reason})")
            path.unlink(missing_ok=True)
        return conn
