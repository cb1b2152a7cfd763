"""The one thread of a process that writes the SQLite ledger: all that waits goes into one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any

from liebig.errors import InputError, LiebigError
from liebig.route.ledger import sqlite_work as work
from liebig.route.ledger.records import Call, Key, Outcome, Refused
from liebig.route.ledger.unsaved import Unsaved

__all__ = ["Op", "Work", "Writer", "transact", "unavailable"]

#: Operations in one transaction at most.
BATCH = 512
#: Reasons that hold for every operation alike, so that trying one by one is of no use.
_GENERAL = frozenset(
    getattr(sqlite3, f"SQLITE_{name}")
    for name in ("FULL", "IOERR", "READONLY", "BUSY", "LOCKED", "CANTOPEN", "NOTADB", "CORRUPT", "NOMEM", "PERM")
)
#: Something done in a transaction, with what it gives.
Work = Callable[["work.Books"], Any]


@dataclasses.dataclass(slots=True, eq=False)
class Op:
    """Something to do in a transaction, and who waits for it."""

    future: asyncio.Future[Any] | None
    call: Call | None = None
    key: Key | None = None
    ended: tuple[str, Outcome] | None = None
    do: Work | None = None
    result: Any = None
    error: BaseException | None = None
    done: bool = False

    def run(self, books: work.Books) -> None:
        """Do it; refusals become the error of this operation alone."""
        self.result = self.error = None
        try:
            if self.call is not None:
                books.begin(self.call, self.key)
            elif self.ended is not None:
                books.finish(*self.ended)
            elif self.do is not None:
                self.result = self.do(books)
        except LiebigError as error:  # raised before anything was written
            self.error = error


class Writer:
    """Takes operations from an event loop, tells it what became of them."""

    def __init__(self, conn: sqlite3.Connection, unsaved: Unsaved) -> None:
        self._conn = conn
        self._unsaved = unsaved
        self._queue: queue.SimpleQueue[Op | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_on, name="liebig-ledger-write", daemon=True)
        self._thread.start()

    def put(self, op: Op) -> None:
        """Let an operation be done."""
        self._queue.put(op)

    def close(self) -> None:
        """Do all that waits, then end; blocks."""
        self._queue.put(None)
        self._thread.join()

    def _write_on(self) -> None:
        open_ = True
        while open_:
            batch: list[Op] = []
            with contextlib.suppress(queue.Empty):
                op = self._queue.get(timeout=self._unsaved.wait_s())
                while op is not None:
                    batch.append(op)
                    if len(batch) >= BATCH:
                        break
                    op = self._queue.get_nowait()
                else:
                    open_ = False
            if batch:
                self._do(batch)
            if self._unsaved and (self._unsaved.wait_s() == 0.0 or not open_):
                self._again(every=not open_)

    def _do(self, batch: list[Op]) -> None:
        error = transact(self._conn, batch)
        if error is None:
            if self._unsaved:
                self._unsaved.works_again()
        else:
            undone = [op for op in batch if not op.done]
            self._unsaved.keep([op.ended for op in undone if op.ended is not None], error)
            self._unsaved.failed()
            for op in undone:
                op.error = None if op.ended is not None else unavailable(error)
        _resolve(batch)

    def _again(self, *, every: bool) -> None:
        """Try outcomes that wait; all of them, or a batch."""
        while self._unsaved:
            items = self._unsaved.first(BATCH)
            if transact(self._conn, [Op(None, ended=item) for item in items]) is not None:
                self._unsaved.failed()
                return
            self._unsaved.drop([i for i, _ in items])
            if not every:
                return


def transact(conn: sqlite3.Connection, batch: Sequence[Op]) -> Exception | None:
    """Do operations in one transaction, or singly where one of them spoils it; the error if they cannot be done."""
    try:
        _in_one(conn, batch)
        for op in batch:
            op.done = True
        return None
    except Exception as error:  # the thread must outlive whatever an operation brings
        _roll_back(conn)
        if _is_general(error):
            return error
        if len(batch) == 1:
            batch[0].error = InputError(f"call or key cannot be stored: {error}")
            batch[0].done = True
            return None
    for op in batch:
        general = transact(conn, [op])
        if general is not None:
            return general
    return None


def _in_one(conn: sqlite3.Connection, batch: Sequence[Op]) -> None:
    conn.execute("BEGIN IMMEDIATE")
    books = work.Books(conn)
    begun = {op.call.id for op in batch if op.call is not None}
    late = []
    for op in batch:  # what ends frees budget for what begins
        if op.ended is not None and op.ended[0] not in begun:
            op.run(books)
        else:
            late.append(op)
    for op in late:
        op.run(books)
    books.flush()
    conn.execute("COMMIT")


def _roll_back(conn: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def _is_general(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _GENERAL


def unavailable(error: Exception) -> Refused:
    """The refusal while the file cannot be used."""
    return Refused(f"the ledger is not available ({error})", status=503, code="ledger_unavailable", retry_after_s=1.0)


def _resolve(batch: Sequence[Op]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Op]] = {}
    for op in batch:
        if op.future is not None:
            by_loop.setdefault(op.future.get_loop(), []).append(op)
    for loop, ops in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_deliver, ops)


def _deliver(ops: Sequence[Op]) -> None:
    for op in ops:
        if op.future is None or op.future.done():
            continue
        if op.error is not None:
            op.future.set_exception(op.error)
        else:
            op.future.set_result(op.result)
