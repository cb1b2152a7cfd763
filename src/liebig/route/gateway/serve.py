"""The supervisor: starts workers, keeps them alive, hands on signals, watches the file of the settings."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from liebig.errors import InputError, LiebigError, MissingExtraError
from liebig.route.gateway.listen import address_of, listeners_on
from liebig.route.settings import Settings, read_settings

if TYPE_CHECKING:
    from liebig.route.gateway.worker import PolicyMaker

__all__ = ["serve"]

#: Seconds between two looks at the file of the settings.
WATCH_S = 2.0
#: Seconds before a worker that died early is started again; doubled each time, up to the last.
RESTART_S = (0.1, 30.0)
#: A worker that lives longer than this has started well, seconds.
LIVED_S = 10.0


def serve(path: Path, *, ready: Callable[[str], None] | None = None, make_policy: PolicyMaker | None = None) -> None:
    """Run the gateway until SIGTERM or SIGINT; answers that run then are finished.

    Args:
        path: file of the settings.
        ready: called with the address once all workers listen.
        make_policy: makes the policy from settings; by default the router that the settings name.

    Raises:
        InputError: the settings cannot be used, or the address is taken.
        MissingExtraError: the HTTP server is not installed (extra ``route``).
    """
    settings = read_settings(path)
    try:
        import aiohttp  # noqa: F401
    except ImportError:
        raise MissingExtraError("the gateway", "route") from None
    if make_policy is None:
        from liebig.route.choose import policy_of

        make_policy = policy_of
    if not hasattr(os, "fork"):
        raise InputError("the gateway needs an operating system with fork: Linux, macOS, or WSL on Windows")
    _Supervisor(Path(path), settings, make_policy, ready).run()


@dataclass
class _Child:
    pid: int
    name: str
    place: int
    started: float
    report: int
    said: bytes = b""
    ready: bool = False


@dataclass
class _Supervisor:
    path: Path
    settings: Settings
    make_policy: PolicyMaker
    ready: Callable[[str], None] | None
    children: dict[int, _Child] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)
    early: dict[int, int] = field(default_factory=dict)
    stopping: bool = False
    up: bool = False

    def run(self) -> None:
        """Start the workers and watch over them until told to stop."""
        from liebig.route.gateway.log import Log

        count = self.settings.server.workers
        self.log = Log(self.settings.server.log_level)
        self.run_id = uuid.uuid4().hex[:8]
        self.number = 0
        self.pending: list[int] = []
        with contextlib.ExitStack() as stack:
            self.listeners = listeners_on(self.settings.server.host, self.settings.server.port, count)
            for listener in self.listeners:
                stack.callback(listener.close)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="liebig-")) if count > 1 else None
            self.folder = Path(folder) if folder else None
            self.life, self.keep = os.pipe()
            stack.callback(os.close, self.life)
            stack.callback(os.close, self.keep)
            wake = stack.enter_context(self._signals())
            self.mark = _mark(self.path)
            try:
                for place in range(count):
                    self._start(place)
                self._watch(wake)
            finally:
                self._stop_all()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Signals become numbers in ``pending`` and a byte in a pipe that is waited for."""
        out, into = os.pipe()
        os.set_blocking(out, False)
        os.set_blocking(into, False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

        def note(number: int, frame: FrameType | None) -> None:
            self.pending.append(number)

        old = {n: signal.signal(n, note) for n in numbers}
        waker = signal.set_wakeup_fd(into, warn_on_full_buffer=False)
        try:
            yield out
        finally:
            signal.set_wakeup_fd(waker)
            for n, handler in old.items():
                signal.signal(n, handler)
            os.close(out)
            os.close(into)

    def _start(self, place: int) -> None:
        self.number += 1
        name = f"{self.run_id}-{self.number}"
        out, into = os.pipe()
        sys.stderr.flush()
        sys.stdout.flush()
        alive = {name, *(c.name for c in self.children.values())}
        pid = os.fork()
        if pid:
            os.close(into)
            os.set_blocking(out, False)
            self.children[pid] = _Child(pid, name, place, time.monotonic(), out)
            return
        status = 1
        try:
            status = self._work(place, name, alive, into)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.write(into, f"error {type(error).__name__}: {error}".encode()[:4000])
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(status)

    def _work(self, place: int, name: str, alive: set[str], report: int) -> int:
        """In the child."""
        from liebig.route.gateway.worker import WorkerPlan, run_worker

        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
        os.close(self.keep)
        for other in (*self.listeners[:place], *self.listeners[place + 1 :]):
            other.close()
        for child in self.children.values():
            if child.report >= 0:
                os.close(child.report)
        plan = WorkerPlan(
            self.path, self.settings, self.make_policy, self.listeners[place], name, alive, self.folder, report,
            self.life,
        )  # fmt: skip
        return run_worker(plan)

    def _watch(self, wake: int) -> None:
        looked = time.monotonic()
        while not self.stopping or self.children:
            waits = [wake, *(c.report for c in self.children.values() if c.report >= 0)]
            with contextlib.suppress(InterruptedError):
                readable, _, _ = select.select(waits, [], [], 0.2 if self.due else 1.0)
                if wake in readable:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake, 4096)
            self._listen()
            self._handle_signals()
            self._bury()
            now = time.monotonic()
            for place in [p for p, at in self.due.items() if at <= now and not self.stopping]:
                del self.due[place]
                self._start(place)
            if now - looked >= WATCH_S and not self.stopping:
                looked = now
                if _mark(self.path) != self.mark:
                    self._reload()

    def _handle_signals(self) -> None:
        pending, self.pending = self.pending, []
        for number in pending:
            if number in (signal.SIGTERM, signal.SIGINT):
                self.stopping = True
                self.due.clear()
                for listener in self.listeners:
                    listener.close()
                self._signal(signal.SIGTERM)
            elif number == signal.SIGHUP:
                self._reload()

    def _signal(self, number: int) -> None:
        for pid in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _listen(self) -> None:
        """Hear from workers that they are ready, or why not."""
        for child in self.children.values():
            if child.report < 0:
                continue
            try:
                said = os.read(child.report, 4096)
            except BlockingIOError:
                continue
            child.said += said
            if said and child.said != b"ready":
                continue
            child.ready = child.said == b"ready"
            os.close(child.report)
            child.report = -1
        ready = len(self.children) == len(self.listeners) and all(c.ready for c in self.children.values())
        if ready and not self.up:
            self.up = True
            address = address_of(self.listeners[0])
            print(f"listening on {address}", file=sys.stderr, flush=True)
            if self.ready is not None:
                self.ready(address)

    def _bury(self) -> None:
        """Take note of workers that have ended, and see to it that others take their places."""
        self._listen()
        while self.children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.children.pop(pid, None)
            if child is None:
                continue
            if child.report >= 0:
                with contextlib.suppress(BlockingIOError):
                    child.said += os.read(child.report, 4096)
                os.close(child.report)
            if self.folder is not None:
                with contextlib.suppress(OSError):
                    (self.folder / f"{child.name}.json").rename(self.folder / f"{child.name}.gone.json")
            if self.stopping:
                continue
            said = child.said.decode("utf-8", "replace").removeprefix("error ") if not child.ready else ""
            if not self.up:
                raise InputError(said or f"a worker could not start (status {status})")
            self._again(child, status, said)

    def _again(self, child: _Child, status: int, said: str) -> None:
        lived = time.monotonic() - child.started >= LIVED_S
        tries = self.early[child.place] = 0 if lived else self.early.get(child.place, 0) + 1
        wait = 0.0 if tries <= 1 else min(RESTART_S[0] * 2.0 ** (tries - 2), RESTART_S[1])
        self.due[child.place] = time.monotonic() + wait
        self.log.write("error", "worker ended", worker=child.name, status=status, problem=said)

    def _reload(self) -> None:
        self.mark = _mark(self.path)
        try:
            fresh = read_settings(self.path)
        except LiebigError as error:
            self.log.write("error", "settings kept", problem=str(error))
            return
        old, new = self.settings.server, fresh.server
        if (old.host, old.port, old.workers, self.settings.ledger) != (new.host, new.port, new.workers, fresh.ledger):
            self.log.write("warning", "restart needed", problem="host, port, workers and ledger need one to change")
        keep = {"host": old.host, "port": old.port, "workers": old.workers}
        server = new.model_copy(update=keep)
        self.settings = fresh.model_copy(update={"server": server, "ledger": self.settings.ledger})
        self._signal(signal.SIGHUP)

    def _stop_all(self) -> None:
        """When the supervisor itself fails: no worker is left behind."""
        self._signal(signal.SIGTERM)
        for pid in list(self.children):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size
