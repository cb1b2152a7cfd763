"""The ledger in PostgreSQL: replicas share it; each gathers what waits into one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from liebig.errors import InputError, LiebigError
from liebig.route.ledger import postgres_work as work
from liebig.route.ledger import postgres_writer
from liebig.route.ledger.keys import KeyCache, check_limits, digest_of, make_key, pick_key
from liebig.route.ledger.postgres_writer import Op, Writer, asyncpg_module, keep_as_is, unavailable, why
from liebig.route.ledger.records import Call, Key, Outcome, Refused, Row, all_rows, in_pages
from liebig.route.ledger.unsaved import Unsaved, left_files, read_left

__all__ = ["PostgresLedger"]

_T = TypeVar("_T")
#: Rows read or deleted at a time.
PAGE = 1_000
#: Connections of one process.
CONNECTIONS = 4
#: Seconds for questions that nobody's call waits for.
LONG_S = 60.0


class PostgresLedger:
    """See ``ledger.Ledger``; needs the package ``asyncpg``."""

    def __init__(self, url: str, pepper: bytes = b"", left: Path | None = None) -> None:
        self._url = url
        self._pepper = pepper
        self._left = left
        self._cache = KeyCache()
        self._unsaved = Unsaved()
        self._pool: Any = None
        self._writer: Writer | None = None

    @property
    def unsaved(self) -> int:
        """Outcomes that wait in memory."""
        return len(self._unsaved)

    async def open(self) -> None:
        """Connect, create the tables, read back what an earlier close could not write, start the writer."""
        if self._writer is not None:
            return
        asyncpg = asyncpg_module()
        name = _shown(self._url)
        try:
            self._pool = await asyncpg.create_pool(
                self._url, min_size=1, max_size=CONNECTIONS, timeout=postgres_writer.PATIENCE_S, reset=keep_as_is,
                server_settings={"application_name": "liebig", "idle_in_transaction_session_timeout": "5000"},
            )  # fmt: skip
            async with self._pool.acquire() as conn, conn.transaction():
                await work.prepare(conn, name)
            writer = Writer(self._pool, self._unsaved)
            await self._read_back(writer)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
            await self._shut()
            raise InputError(
                f"ledger {name}: cannot be opened ({why(error)}); check address, user and rights"
            ) from None
        except LiebigError:
            await self._shut()
            raise
        self._writer = writer
        writer.start()

    async def _read_back(self, writer: Writer) -> None:
        for path in [] if self._left is None else left_files(self._left):
            ops = [Op(None, ended=item) for item in read_left(path)]
            error = await writer.transact(ops)
            if error is not None:
                raise InputError(f"{path}: its outcomes cannot be written to the ledger ({why(error)})")
            path.unlink(missing_ok=True)

    async def close(self) -> None:
        """Write all that waits, or leave it in the file given as ``left``."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        await writer.close()
        await self._shut()
        self._unsaved.leave(self._left)

    async def _shut(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), postgres_writer.PATIENCE_S)
        except Exception:  # the server is gone
            pool.terminate()

    async def ready(self) -> bool:
        """True when the server takes writes and no outcome waits."""
        sql = "INSERT INTO liebig_meta VALUES ('touched', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        try:
            await self._ask(lambda c: c.execute(sql, int(time.time())), postgres_writer.PATIENCE_S)
        except LiebigError:
            return False
        return not self._unsaved

    async def find_key(self, digest: bytes) -> Key | None:
        """See ``ledger.Ledger``."""
        return await self._cache.get(
            digest, lambda d: self._ask(lambda c: work.find_key(c, d), postgres_writer.PATIENCE_S)
        )

    async def add_key(self, name: str, **limits: Any) -> tuple[Key, str]:
        """See ``ledger.Ledger``."""
        key, secret = make_key(name, limits)
        await self._ask(lambda c: work.add_key(c, key, digest_of(secret, self._pepper)))
        self._cache.clear()
        return key, secret

    async def revoke_key(self, id_or_name: str) -> Key:
        """See ``ledger.Ledger``."""
        return await self._change_key(id_or_name, {"revoked": time.time()})

    async def update_key(self, id_or_name: str, **limits: Any) -> Key:
        """See ``ledger.Ledger``."""
        return await self._change_key(id_or_name, check_limits(limits))

    async def _change_key(self, id_or_name: str, changes: dict[str, Any]) -> Key:
        async def change(conn: Any) -> Key:
            keys = await work.list_keys(conn, lock=True)
            key = dataclasses.replace(pick_key(keys, id_or_name), **changes)
            await work.save_key(conn, key)
            return key

        key = await self._ask(change)
        self._cache.clear()
        return key

    async def list_keys(self) -> list[Key]:
        """See ``ledger.Ledger``."""
        return await self._ask(work.list_keys)

    async def begin(self, call: Call, key: Key | None) -> None:
        """See ``ledger.Ledger``."""
        op = Op(asyncio.get_running_loop().create_future(), begun=(call, key))
        self._put(op)
        try:
            async with asyncio.timeout(postgres_writer.PATIENCE_S + 0.1):
                await op.future  # type: ignore[misc]
        except (asyncio.CancelledError, TimeoutError) as error:  # nobody will finish it
            with contextlib.suppress(Refused):
                self._put(Op(None, ended=(call.id, Outcome("", "", 499, error="cancelled"))))
            if isinstance(error, TimeoutError):
                raise unavailable(error) from None
            raise

    async def finish(self, call_id: str, outcome: Outcome) -> None:
        """See ``ledger.Ledger``."""
        op = Op(asyncio.get_running_loop().create_future(), ended=(call_id, outcome))
        self._put(op)
        await op.future  # type: ignore[misc]

    async def settle(self, workers_alive: Collection[str]) -> int:
        """See ``ledger.Ledger``."""
        return await in_pages(lambda: self._ask(lambda c: work.settle(c, tuple(workers_alive))), PAGE)

    async def spent_usd(self, key_id: str, period: str) -> float:
        """See ``ledger.Ledger``."""
        return await self._ask(lambda c: work.spent_usd(c, key_id, period, time.time()))

    async def rows(
        self, since: float | None = None, until: float | None = None, key: str | None = None
    ) -> AsyncIterator[Row]:
        """See ``ledger.Ledger``."""
        pages = all_rows(since, lambda after: self._ask(lambda c: work.page(c, after, until, key, PAGE)), PAGE)
        async for row in pages:
            yield row

    async def prune(self, before: float) -> int:
        """See ``ledger.Ledger``."""
        return await in_pages(lambda: self._ask(lambda c: work.prune(c, before, PAGE)), PAGE)

    async def _ask(self, do: Callable[[Any], Awaitable[_T]], within_s: float = LONG_S) -> _T:
        """Do something in a transaction of its own.

        Raises:
            Refused: the server does not answer (503).
        """
        if self._pool is None:
            raise Refused("the ledger is closed", status=503, code="ledger_unavailable")
        try:
            async with (
                asyncio.timeout(within_s),
                self._pool.acquire(timeout=postgres_writer.PATIENCE_S) as conn,
                conn.transaction(),
            ):
                return await do(conn)
        except LiebigError:
            raise
        except Exception as error:
            raise unavailable(error) from None

    def _put(self, op: Op) -> None:
        if self._writer is None:
            raise Refused("the ledger is closed", status=503, code="ledger_unavailable")
        self._writer.put(op)


def _shown(url: str) -> str:
    """The address without what is secret.

    >>> _shown("postgresql://me:pw@db:5432/calls")
    'postgresql://db:5432/calls'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
