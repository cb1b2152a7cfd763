"""The one task of a process that writes the PostgreSQL ledger: all that waits goes into one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib
import time
from collections.abc import Sequence
from typing import Any

from liebig.errors import InputError, LiebigError, MissingExtraError
from liebig.route.ledger import postgres_work as work
from liebig.route.ledger.columns import clean, outcome_values
from liebig.route.ledger.records import Call, Key, Outcome, Refused
from liebig.route.ledger.unsaved import Unsaved

__all__ = ["Op", "Writer", "asyncpg_module", "keep_as_is", "unavailable", "why"]

#: Operations in one transaction at most.
BATCH = 512
#: Calls in flight whose row is remembered.
MOST_OPEN = 100_000
#: Seconds without the quick way after another replica wrote the account of the same key.
CONTENDED_S = 0.5
#: Seconds after which a call is refused when the server does not answer.
PATIENCE_S = 1.8


@dataclasses.dataclass(slots=True, eq=False)
class Op:
    """A call to begin or to end, and who waits for it."""

    future: asyncio.Future[None] | None
    begun: tuple[Call, Key | None] | None = None
    ended: tuple[str, Outcome] | None = None
    done: bool = False

    def deliver(self, error: BaseException | None = None) -> None:
        """Say that it is done, or why not."""
        self.done = True
        if self.future is None or self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


Ended = tuple[str, Outcome]
Started = tuple[Call, Key | None]
Answers = list[LiebigError | None]


class Writer:
    """Takes operations, gathers them, tells who waits what became of them."""

    def __init__(self, pool: Any, unsaved: Unsaved) -> None:
        self._pool = pool
        self._unsaved = unsaved
        self._waiting: list[Op] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._held: dict[str, work.Held] = {}
        self._open: dict[str, dict[str, Any]] = {}
        self._quick_from = 0.0

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write_on())

    def put(self, op: Op) -> None:
        """Let an operation be done."""
        self._waiting.append(op)
        self._wake.set()

    async def close(self) -> None:
        """Do all that waits, then end."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _write_on(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    break
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._unsaved.wait_s()):
                        await self._wake.wait()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            if batch:
                await self._write(batch)
            if self._unsaved.wait_s() == 0.0:
                await self._again()
        while self._unsaved and await self._again():
            pass

    async def _write(self, batch: Sequence[Op]) -> None:
        begun = {op.begun[0].id for op in batch if op.begun is not None}
        late = [op for op in batch if op.ended is not None and op.ended[0] in begun]
        for part in ([op for op in batch if op not in late] if late else batch, late):
            error = await self.transact(part) if part else None
            if error is not None:
                undone = [op for op in part if not op.done]
                self._unsaved.keep([op.ended for op in undone if op.ended is not None], why(error))
                self._unsaved.failed()
                for op in undone:
                    op.deliver(None if op.ended is not None else unavailable(error))
            elif self._unsaved:
                self._unsaved.works_again()

    async def _again(self) -> bool:
        """Try a batch of outcomes that wait."""
        items = self._unsaved.first(BATCH)
        if await self.transact([Op(None, ended=item) for item in items]) is not None:
            self._unsaved.failed()
            return False
        self._unsaved.drop([i for i, _ in items])
        return True

    async def transact(self, ops: Sequence[Op]) -> Exception | None:
        """Do operations in one transaction, or singly where one of them spoils it; the error if they cannot be done."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._in_one(ops)
            return None
        except Exception as error:
            if not _is_of_one(error):
                return error
            if len(ops) == 1:
                ops[0].deliver(error if isinstance(error, LiebigError) else InputError(f"cannot be stored: {error}"))
                return None
        for op in ops:
            general = await self.transact([op])
            if general is not None:
                return general
        return None

    async def _in_one(self, ops: Sequence[Op]) -> None:
        ended = [op.ended for op in ops if op.ended is not None]
        begun = [op.begun for op in ops if op.begun is not None]
        async with self._pool.acquire(timeout=PATIENCE_S) as conn:
            answers = await self._quickly(conn, ended, begun)
            if answers is None:
                answers = await self._locked(conn, ended, begun)
        for call_id, _ in ended:
            self._open.pop(clean(call_id), None)
        if len(self._open) > MOST_OPEN:
            self._open.clear()
        told = iter(answers)
        for op in ops:
            answer = next(told) if op.begun is not None else None
            if op.begun is not None and answer is None:
                self._open[clean(op.begun[0].id)] = work.row_held(op.begun[0])
            op.deliver(answer)

    async def _quickly(self, conn: Any, ended: Sequence[Ended], begun: Sequence[Started]) -> Answers | None:
        """One statement, for calls of one key whose account only this process has written; None: use a transaction."""
        ids = [clean(i) for i, _ in ended]
        rows = [self._open[i] for i in ids if i in self._open]
        keys = {r["key_id"] for r in rows} | {clean(c.key_id) for c, _ in begun}
        held = self._held.get(min(keys)) if len(keys) == 1 else None
        if held is None or len(rows) < len(ended) or len(set(ids)) < len(ids) or time.monotonic() < self._quick_from:
            return None
        key_id, trial = min(keys), work.Held(held.version, dataclasses.replace(held.account))
        for row, (_, outcome) in zip(rows, ended, strict=True):
            work.book(trial.account, row, outcome)
        new = work.admit(begun, {key_id: trial.account})
        if any(new.answers):  # a refusal needs an account that is locked
            return None
        values = [(i, *outcome_values(o)) for i, (_, o) in zip(ids, ended, strict=True)]
        try:
            done = await work.quick(conn, trial, values, new.rows)
        except asyncpg_module().UniqueViolationError:
            return None
        except BaseException as error:
            self._free(begun, error)
            raise
        if not done:
            del self._held[key_id]
            self._quick_from = time.monotonic() + CONTENDED_S
            return None
        trial.version += 1
        self._held[key_id] = trial
        return new.answers

    async def _locked(self, conn: Any, ended: Sequence[Ended], begun: Sequence[Started]) -> Answers:
        """A transaction that locks the accounts."""
        transaction = conn.transaction()
        await transaction.start()
        try:
            answers, held = await work.work(conn, ended, begun)
        except BaseException:
            with contextlib.suppress(Exception):
                await transaction.rollback()
            raise
        try:
            await transaction.commit()
        except BaseException as error:
            self._free(begun, error)
            raise
        if len(self._held) > MOST_OPEN:
            self._held.clear()
        self._held.update(held)
        return answers

    def _free(self, begun: Sequence[Started], error: BaseException) -> None:
        """End calls of which it is not known whether they are stored, as the connection broke; they were refused."""
        if isinstance(error, Exception) and _is_of_one(error):
            return
        gone = Outcome("", "", 503, error="ledger unavailable")
        self._unsaved.keep([(call.id, gone) for call, _ in begun], why(error))


def asyncpg_module() -> Any:
    """The package, which has no types and need not be installed."""
    try:
        return importlib.import_module("asyncpg")
    except ImportError:
        raise MissingExtraError("ledgers in PostgreSQL", "postgres") from None


async def keep_as_is(_: Any) -> None:
    """Nothing of a connection is changed that the next user would have to reset."""


def _is_of_one(error: Exception) -> bool:
    """True for errors of one operation, which leave the others possible."""
    asyncpg = asyncpg_module()
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "")[:2] in ("22", "23", "54")
    if isinstance(error, (OSError, asyncpg.InternalClientError)):
        return False
    client = isinstance(error, asyncpg.exceptions.DataError)
    return client or isinstance(error, (LiebigError, ValueError, TypeError, OverflowError))


def unavailable(error: Exception) -> Refused:
    """The refusal while the server cannot be used."""
    text = f"the ledger is not available ({why(error)})"
    return Refused(text, status=503, code="ledger_unavailable", retry_after_s=1.0)


def why(error: BaseException) -> str:
    """An error in words; some have none of their own."""
    return str(error) or type(error).__name__
