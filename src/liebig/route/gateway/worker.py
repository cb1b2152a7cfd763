"""One worker process: an event loop that answers until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from liebig.errors import LiebigError
from liebig.route.gateway.app import application, runner_of
from liebig.route.gateway.log import Log
from liebig.route.gateway.state import Gateway
from liebig.route.ledger.open import open_ledger
from liebig.route.policy import Policy
from liebig.route.settings import Settings, read_settings

__all__ = ["PolicyMaker", "WorkerPlan", "run_worker"]

PolicyMaker = Callable[[Settings], Policy]
#: Seconds between two looks at whether all answers have ended, while stopping.
LOOK_S = 0.02
#: Seconds that answers get to say goodbye when their time is up.
GOODBYE_S = 2.0
#: Seconds that connections without a call get to close.
CLOSE_S = 0.25


@dataclass(frozen=True)
class WorkerPlan:
    """What a worker needs to start.

    Args:
        path: file of the settings, read again on SIGHUP.
        settings: to begin with.
        make_policy: from settings.
        listener: bound and listening.
        name: of the worker.
        alive: names of all workers that run, this one included.
        folder: where workers share numbers, None for a single one.
        report: file descriptor that takes ``ready`` or what went wrong.
        life: file descriptor that ends when the supervisor does; -1 without one.
    """

    path: Path
    settings: Settings
    make_policy: PolicyMaker
    listener: socket.socket
    name: str
    alive: Collection[str]
    folder: Path | None
    report: int
    life: int


def run_worker(plan: WorkerPlan) -> int:
    """Answer until a signal says stop; the exit status of the process."""
    try:
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] | None = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            runner.run(_Worker(plan).run())
        except LiebigError as error:
            _report(plan.report, f"error {error}")
            return 1
    return 0


def _report(descriptor: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(descriptor, text.encode()[:4000])
        os.close(descriptor)


class _Worker:
    def __init__(self, plan: WorkerPlan) -> None:
        self.plan = plan
        self.log = Log(plan.settings.server.log_level)
        self.stop = asyncio.Event()
        self.cut = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Answer until told to stop, then let running answers end."""
        plan = self.plan
        self._listen_to_signals()
        policy = plan.make_policy(plan.settings)
        ledger = open_ledger(plan.settings.ledger_url)
        await ledger.open()
        try:
            settled = await ledger.settle(plan.alive)
            if settled:
                self.log.write("warning", "settled", worker=plan.name, calls=settled)
            self.gateway = Gateway(plan.settings, policy, ledger, plan.name, self.log, plan.folder)
            runner = runner_of(application(self.gateway), CLOSE_S)
            await runner.setup()
            site = web.SockSite(runner, plan.listener, backlog=1024)
            await site.start()
            self._save()
            self._spawn(self._save_on())
            _report(plan.report, "ready")
            await self.stop.wait()
            await self._drain(runner, site)
        finally:
            await ledger.close()
        self._save()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C reaches all; the supervisor hands it on
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self._reload()))
        if self.plan.life >= 0:
            loop.add_reader(self.plan.life, self._orphaned)

    def _stop(self) -> None:
        if self.stop.is_set():
            self.cut.set()
        self.stop.set()

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self.plan.life)
        self.log.write("error", "supervisor gone", worker=self.plan.name)
        self.stop.set()

    async def _reload(self) -> None:
        try:
            settings = read_settings(self.plan.path)
            policy = await asyncio.to_thread(self.plan.make_policy, settings)
            self.gateway.rewire(settings, policy)
        except LiebigError as error:
            self.log.write("error", "settings kept", worker=self.plan.name, problem=str(error))
        else:
            self.log.write("info", "settings read", worker=self.plan.name)

    async def _drain(self, runner: web.AppRunner, site: web.SockSite) -> None:
        """Take no new connections, let answers end, cut those that do not in time.

        Connections that stay open get one more answer each, which closes them.
        """
        gateway = self.gateway
        gateway.stopping = True
        await site.stop()
        if not await self._quiet(gateway.wiring.settings.server.drain_s, self.cut):
            self.log.write("warning", "answers cut", worker=self.plan.name, calls=gateway.in_flight)
            gateway.cut()
            await self._quiet(GOODBYE_S)
        await runner.cleanup()

    async def _quiet(self, seconds: float, hurry: asyncio.Event | None = None) -> bool:
        """Wait until no call runs, at two looks in a row; False when time is up or ``hurry`` is set."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        looks = 0
        while looks < 2:
            if loop.time() >= until or (hurry is not None and hurry.is_set()):
                return not self.gateway.in_flight
            await asyncio.sleep(LOOK_S)
            looks = 0 if self.gateway.in_flight else looks + 1
        return True

    def _save(self) -> None:
        if self.plan.folder is not None:
            with contextlib.suppress(OSError):
                self.gateway.metrics.save(self.plan.folder / f"{self.plan.name}.json")

    async def _save_on(self) -> None:
        while self.plan.folder is not None:
            await asyncio.sleep(1.0)
            self._save()
