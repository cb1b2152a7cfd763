"""A gateway on a real socket with a ledger and policy that are easy to look into."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from liebig.route.gateway.app import application, runner_of
from liebig.route.gateway.log import Log
from liebig.route.gateway.state import Gateway
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.protocol import Ledger
from liebig.route.ledger.records import Key, Row
from liebig.route.policy import Choice, RoutingTarget
from liebig.route.request import Answer, Request
from liebig.route.settings import Settings, settings_from
from steady import PATIENCE_S


@dataclass
class FakePolicy:
    """Strong for prompts with "hard" in them, or when the conversation was answered by it; looks when told to."""

    looks: bool = False
    stands: bool = True
    seen: list[tuple[Request, RoutingTarget, str]] = field(default_factory=list)
    inspected: list[Answer] = field(default_factory=list)
    models: tuple[str, ...] = ("weak", "strong")

    def choose(self, request: Request, wanted: RoutingTarget, previous: str = "") -> Choice:
        self.seen.append((request, wanted, previous))
        if previous == "strong":
            return Choice("strong", "sticky", 0.2)
        if "hard" in request.prompt:
            return Choice("strong", "hard", 0.1)
        return Choice("weak", "easy", 0.9, look=self.looks)

    def inspect(self, request: Request, choice: Choice, wanted: RoutingTarget, answer: Answer) -> Choice:
        self.inspected.append(answer)
        return choice if self.stands else Choice("strong", "escalated", 0.3)


def settings_for(
    upstreams: dict[str, str], folder: Path, server: dict[str, Any] | None = None, **upstream: Any
) -> Settings:
    """Settings with a weak and a strong model: on the first and the last of some upstreams.

    No limit of time that a busy machine could reach; a test that judges one sets it, and lets it pass by ``pass_time``.
    """
    names = list(upstreams)
    limits = ("connect_timeout_s", "first_byte_timeout_s", "idle_timeout_s", "total_timeout_s")
    given = {**dict.fromkeys(limits, PATIENCE_S), "retries": 0, **upstream}
    content = {
        "server": {"port": 0, **(server or {})},
        "ledger": {"url": f"sqlite:{folder / 'ledger.db'}"},
        "upstream": [{"name": n, "url": u, **given} for n, u in upstreams.items()],
        "model": [
            {"name": "weak", "upstream": names[0], "upstream_model": "there-1", "input_usd_per_mtok": 1,
             "cached_usd_per_mtok": 0.5, "output_usd_per_mtok": 2, "wh_per_mtok": 100},
            {"name": "strong", "upstream": names[-1], "input_usd_per_mtok": 10, "output_usd_per_mtok": 40,
             "wh_per_mtok": 1000},
            {"name": "spare", "upstream": names[0], "fallbacks": ["strong"]},
        ],
        "routing": {"models": ["weak", "strong"]},
    }  # fmt: skip
    return settings_from(content, folder=folder)


def pass_time(seconds: float) -> None:
    """Let the clock of the running event loop jump: what waits for a moment until then is due at once."""
    loop = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + seconds  # type: ignore[method-assign]


@dataclass
class Running:
    """A gateway that runs, and a client for it."""

    url: str
    gateway: Gateway
    ledger: Ledger
    policy: FakePolicy
    key: Key
    secret: str
    client: aiohttp.ClientSession
    log: io.StringIO
    runner: web.AppRunner

    def headers(self, **more: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}", **more}

    def post(self, path: str, body: Any, **more: Any) -> Any:
        given = {"headers": self.headers(**more.pop("headers", {})), **more}
        return self.client.post(self.url + path, json=body, **given)

    def chat(self, text: str = "Hi", model: str = "weak", **body: Any) -> Any:
        return self.post(
            "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": text}], **body}
        )

    async def rows(self) -> list[Row]:
        return [row async for row in self.ledger.rows()]

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@contextlib.asynccontextmanager
async def running(settings: Settings, policy: FakePolicy | None = None, **limits: Any) -> AsyncIterator[Running]:
    """A gateway in this process, on a real port."""
    policy = policy or FakePolicy()
    ledger = open_ledger(settings.ledger.url)
    await ledger.open()
    log = io.StringIO()
    gateway = Gateway(settings, policy, ledger, log=Log("debug", log))
    runner = runner_of(application(gateway), 0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    key, secret = await ledger.add_key("tester", **limits)
    try:
        async with aiohttp.ClientSession() as client:
            yield Running(f"http://127.0.0.1:{port}", gateway, ledger, policy, key, secret, client, log, runner)
    finally:
        await runner.cleanup()
        await ledger.close()
