"""What a worker of the gateway holds: settings and upstreams that can be exchanged, ledger, numbers, log."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from liebig.route.gateway.log import Log
from liebig.route.gateway.metrics import Metrics
from liebig.route.gateway.upstream import Upstream
from liebig.route.ledger.protocol import Ledger
from liebig.route.policy import Policy
from liebig.route.settings import ModelSettings, Settings, secret_of
from liebig.site.place import site

__all__ = ["GATEWAY", "Gateway", "Sticky", "Wiring", "conversation_of"]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Settings and what was made of them; a request keeps the one it began with."""

    settings: Settings
    policy: Policy
    upstreams: Mapping[str, Upstream]
    models: Mapping[str, ModelSettings]
    pool: tuple[ModelSettings, ...]
    carbon_g_per_kwh: float
    pue: float
    most_body: int

    @property
    def strongest(self) -> ModelSettings:
        """Against which savings are counted."""
        return self.pool[-1]


class Sticky:
    """Which model answered a conversation last, for so many conversations and seconds; in this process alone.

    >>> sticky = Sticky(most=1)
    >>> sticky.put(b"a", "strong"); sticky.put(b"b", "weak")
    >>> sticky.get(b"a"), sticky.get(b"b")
    ('', 'weak')
    """

    def __init__(self, most: int = 20_000, seconds: float = 7200.0) -> None:
        self._most = most
        self._seconds = seconds
        self._known: OrderedDict[bytes, tuple[float, str]] = OrderedDict()

    def get(self, key: bytes) -> str:
        """The model, empty where none is remembered."""
        found = self._known.get(key)
        if found is None:
            return ""
        if found[0] < time.monotonic():
            del self._known[key]
            return ""
        return found[1]

    def put(self, key: bytes, model: str) -> None:
        """Remember."""
        self._known[key] = (time.monotonic() + self._seconds, model)
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)


def conversation_of(body: Mapping[str, Any], key_id: str) -> bytes:
    """A digest of the first turns of a conversation: instructions and the first words of the user."""
    turns = body.get("messages", body.get("input"))
    digest = hashlib.blake2b(key_id.encode(), digest_size=16)
    digest.update(str(body.get("instructions") or "").encode("utf-8", "replace"))
    if isinstance(turns, str):
        digest.update(turns[:4000].encode("utf-8", "replace"))
    elif isinstance(turns, list):
        for turn in turns[:8]:
            if not isinstance(turn, Mapping):
                continue
            content = turn.get("content")
            text = content if isinstance(content, str) else repr(content)[:8000]
            digest.update(text[:4000].encode("utf-8", "replace"))
            if turn.get("role") == "user":
                break
    return digest.digest()


class Gateway:
    """One worker.

    Args:
        settings: from the file.
        policy: chooses models.
        ledger: open.
        worker: name of this process, written beside every call.
        log: where events go.
        folder: where workers share their numbers; None for a single one.
    """

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        ledger: Ledger,
        worker: str = "worker",
        log: Log | None = None,
        folder: Path | None = None,
    ) -> None:
        self.ledger = ledger
        self.worker = worker
        self.log = log or Log(settings.server.log_level)
        self.folder = folder
        self.metrics = Metrics()
        self.metrics.gauges = self._gauges
        self.sticky = Sticky()
        self.in_flight = 0
        self.stopping = False
        self.cutting = False
        self.tasks: set[asyncio.Task[Any]] = set()
        self.wiring = self._wired(settings, policy, {})

    def _wired(self, settings: Settings, policy: Policy, old: Mapping[str, Upstream]) -> Wiring:
        upstreams = {}
        for given in settings.upstream:
            secret = secret_of(given, settings.folder)
            kept = old.get(given.name)
            same = kept is not None and kept.settings == given and kept.secret == secret
            upstreams[given.name] = kept if kept is not None and same else Upstream(given, secret, self._failed)
        place = site(settings.routing.site)
        return Wiring(
            settings=settings,
            policy=policy,
            upstreams=upstreams,
            models={m.name: m for m in settings.model},
            pool=settings.pool,
            carbon_g_per_kwh=place.carbon_g_per_kwh,
            pue=place.pue,
            most_body=int(settings.server.most_body_mb * 1e6),
        )

    def rewire(self, settings: Settings, policy: Policy) -> None:
        """Take other settings for the requests to come; upstreams that did not change go on as they are.

        Raises:
            LiebigError: they cannot be used; the old ones stay.
        """
        old = self.wiring
        self.wiring = self._wired(settings, policy, old.upstreams)
        self.log.level = settings.server.log_level
        for name, upstream in old.upstreams.items():
            if self.wiring.upstreams.get(name) is not upstream:
                upstream.retire()

    def cut(self) -> None:
        """End all calls that still run."""
        self.cutting = True
        for task in self.tasks:
            task.cancel()

    async def close(self) -> None:
        """Close connections to upstreams."""
        for upstream in self.wiring.upstreams.values():
            await upstream.close()

    def _failed(self, upstream: str, kind: str) -> None:
        self.metrics.add("liebig_upstream_failures_total", (upstream, kind))

    def _gauges(self) -> dict[str, dict[tuple[str, ...], float]]:
        upstreams = self.wiring.upstreams
        return {
            "liebig_circuit_open": {(n,): float(u.breaker.open) for n, u in upstreams.items()},
            "liebig_queue": {(n,): float(u.gate.waiting) for n, u in upstreams.items()},
            "liebig_in_flight": {(): float(self.in_flight)},
            "liebig_ledger_unsaved": {(): float(self.ledger.unsaved)},
        }


#: Where the application keeps it.
GATEWAY = web.AppKey("gateway", Gateway)
