"""One call, from the moment that it is admitted until it stands in the ledger."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liebig.route.gateway.accounting import Usage, energy_of, estimate_usage, usd_of
from liebig.route.gateway.endpoints import Endpoint
from liebig.route.gateway.refusals import safe_header
from liebig.route.gateway.state import Gateway, Wiring
from liebig.route.ledger.records import Key, Outcome
from liebig.route.policy import Choice, RoutingTarget
from liebig.route.request import Request
from liebig.route.settings import ModelSettings

__all__ = ["Bill", "Exchange", "new_call_id", "uuid_of"]


def uuid_of(call_id: str) -> str:
    """The id as a UUID; some servers (llama-cpp-python's) refuse requests whose id is none.

    >>> uuid_of("lc-1a2120f0fabda94ed97da541beb")
    '1a2120f0-fabd-a94e-d97d-a541beb00000'
    """
    h = call_id.removeprefix("lc-")[:32].ljust(32, "0")
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def new_call_id() -> str:
    """Names a call; later ones sort behind earlier ones.

    >>> len(new_call_id())
    30
    """
    return f"lc-{time.time_ns() // 1_000_000:011x}{os.urandom(8).hex()}"


@dataclass(frozen=True, slots=True)
class Bill:
    """What a call took: US dollars, watt hours, grams of CO2e; and what the strongest model would have taken."""

    usd: float
    usd_strong: float
    wh: float
    wh_strong: float
    g_co2: float
    g_co2_strong: float


class Exchange:
    """A call that was admitted.

    Args:
        gateway: that answers it.
        wiring: settings that it began with.
        endpoint: that it came to.
        key: of the client, None where none is needed.
        body: of the client; never changed.
        characters: that the prompt has, for estimates.
        asked: name of the model that the client gave.
        target: what that name means.
        choice: the model to ask, and why.
        request: what the router looked at; None where the client named a model.
        conversation: digest of its first turns, empty where the client named a model.
        client_id: what the client calls it, where that may be logged.
        forwarded: headers of the client that upstreams may see.
    """

    __slots__ = (
        "asked", "asking", "began", "body", "call_id", "characters", "choice", "client_id", "conversation", "endpoint",
        "error", "escalated", "finished", "first_token_s", "forwarded", "gateway", "key", "model", "parts", "request",
        "status", "streamed", "target", "upstream", "wiring",
    )  # fmt: skip

    def __init__(
        self,
        gateway: Gateway,
        wiring: Wiring,
        endpoint: Endpoint,
        key: Key | None,
        body: dict[str, Any],
        characters: int,
        asked: str,
        target: RoutingTarget,
        choice: Choice,
        request: Request | None,
        conversation: bytes,
        client_id: str,
        forwarded: Mapping[str, str],
    ) -> None:
        self.gateway = gateway
        self.wiring = wiring
        self.endpoint = endpoint
        self.key = key
        self.body = body
        self.characters = characters
        self.asked = asked
        self.target = target
        self.choice = choice
        self.request = request
        self.conversation = conversation
        self.client_id = client_id
        self.call_id = new_call_id()
        self.forwarded = {"x-request-id": uuid_of(self.call_id), **forwarded}
        self.began = time.perf_counter()
        self.model = wiring.models[choice.model]
        self.upstream = self.model.upstream
        self.parts: list[tuple[ModelSettings, Usage]] = []
        self.status = 0
        self.error = ""
        self.first_token_s: float | None = None
        self.streamed = False
        self.escalated = False
        self.finished = False
        self.asking: ModelSettings | None = None

    @property
    def wants_stream(self) -> bool:
        """True where the client asked for one."""
        return self.body.get("stream") is True

    def allows(self, model: str) -> bool:
        """True where the key of the client may use a model."""
        return allowed(self.key, model)

    def ask(self, model: ModelSettings) -> None:
        """Note that a model is asked."""
        self.asking = self.model = model
        self.upstream = model.upstream

    def left(self) -> None:
        """Note that nobody waits any more: what a model that was asked has read counts."""
        if self.asking is not None:
            self.answered_by(self.asking, self.estimate())

    def answered_by(self, model: ModelSettings, usage: Usage) -> None:
        """Note tokens of an answer."""
        self.asking = None
        self.model = model
        self.upstream = model.upstream
        self.parts.append((model, usage))

    def estimate(self, answer_characters: int = 0) -> Usage:
        """Tokens when the upstream told none."""
        return estimate_usage(self.characters, answer_characters)

    def bill(self) -> Bill:
        """What the call took so far, and what the strongest model would have.

        A call that named its model was not routed: it saved nothing, and cost nothing more.
        """
        wiring = self.wiring
        usage = self.parts[-1][1] if self.parts else Usage()
        usd = sum(usd_of(model, used) for model, used in self.parts)
        wh = sum(energy_of(model, used, wiring.pue) for model, used in self.parts)
        usd_strong, wh_strong = usd, wh
        if self.target.auto:
            usd_strong, wh_strong = usd_of(wiring.strongest, usage), energy_of(wiring.strongest, usage, wiring.pue)
        per_wh = wiring.carbon_g_per_kwh / 1000.0
        return Bill(usd, usd_strong, wh, wh_strong, wh * per_wh, wh_strong * per_wh)

    def headers(self, bill: Bill | None = None) -> dict[str, str]:
        """What the answer tells about itself; sums only where they are known already."""
        out = {
            "server": "liebig",
            "x-liebig-call": self.call_id,
            "x-liebig-model": safe_header(self.model.name),
            "x-liebig-reason": safe_header(self.choice.reason),
            "x-request-id": self.client_id or self.call_id,
        }
        if self.choice.score is not None:
            out["x-liebig-score"] = f"{self.choice.score:.4f}"
        if bill is not None:
            out["x-liebig-usd"] = f"{bill.usd:.10f}"
            out["x-liebig-usd-strong"] = f"{bill.usd_strong:.10f}"
        return out

    def block(self, bill: Bill) -> dict[str, Any]:
        """What stands in ``usage.liebig`` of an answer."""
        return {
            "model": self.model.name,
            "reason": self.choice.reason,
            "score": self.choice.score,
            "usd": bill.usd,
            "usd_saved": bill.usd_strong - bill.usd,
            "wh": bill.wh,
            "g_co2": bill.g_co2,
        }

    async def finish(self, status: int, error: str = "") -> None:
        """Write the end of the call down, once."""
        if self.finished:
            return
        self.finished = True
        self.status = status
        self.error = error
        seconds = time.perf_counter() - self.began
        usage = self.parts[-1][1] if self.parts else Usage()
        bill = self.bill()
        outcome = Outcome(
            model=self.model.name, upstream=self.upstream, status=status, reason=self.choice.reason,
            score=self.choice.score, prompt_tokens=usage.prompt, cached_tokens=usage.cached,
            completion_tokens=usage.completion, usd=bill.usd, usd_strong=bill.usd_strong, wh=bill.wh,
            g_co2=bill.g_co2, wh_strong=bill.wh_strong, g_co2_strong=bill.g_co2_strong, seconds=seconds,
            first_token_s=self.first_token_s, streamed=self.streamed, escalated=self.escalated, error=error,
        )  # fmt: skip
        if self.conversation and status < 400:
            self.gateway.sticky.put(self.conversation, self.model.name)
        self._count(status, seconds, usage, bill)
        self._log(status, seconds, usage, bill)
        try:
            await self.gateway.ledger.finish(self.call_id, outcome)
        except Exception as problem:
            self.gateway.log.write("error", "ledger", call=self.call_id, error=type(problem).__name__)

    def _count(self, status: int, seconds: float, usage: Usage, bill: Bill) -> None:
        metrics, endpoint, model = self.gateway.metrics, self.endpoint.name, self.model.name
        metrics.add("liebig_requests_total", (endpoint, model, str(status)))
        metrics.observe("liebig_request_seconds", (endpoint,), seconds)
        if self.first_token_s is not None:
            metrics.observe("liebig_first_token_seconds", (endpoint,), self.first_token_s)
        for part, used in self.parts:
            metrics.add("liebig_tokens_total", (part.name, "prompt"), used.prompt)
            metrics.add("liebig_tokens_total", (part.name, "completion"), used.completion)
            if used.cached:
                metrics.add("liebig_tokens_total", (part.name, "cached"), used.cached)
            if used.estimated:
                metrics.add("liebig_usage_estimated_total", (part.name,))
            metrics.add("liebig_usd_total", (part.name,), usd_of(part, used))
        if self.parts and bill.usd_strong > bill.usd:
            metrics.add("liebig_usd_saved_total", (), bill.usd_strong - bill.usd)
        if self.escalated:
            metrics.add("liebig_escalations_total")

    def _log(self, status: int, seconds: float, usage: Usage, bill: Bill) -> None:
        log = self.gateway.log
        level = "error" if status >= 500 else "warning" if self.error else "info"
        if not log.hears(level):
            return
        log.write(
            level, "call", call=self.call_id, client_id=self.client_id, key=self.key.id if self.key else None,
            endpoint=self.endpoint.name, asked=self.asked, model=self.model.name, upstream=self.upstream, status=status,
            reason=self.choice.reason, seconds=round(seconds, 4), prompt_tokens=usage.prompt,
            completion_tokens=usage.completion, usd=round(bill.usd, 10), error=self.error,
            escalated=self.escalated or None,
            prompt=self.prompt_text() if self.wiring.settings.server.log_prompts else None,
        )  # fmt: skip

    def prompt_text(self) -> str:
        """The prompt, for the log of those who asked for it."""
        request = self.request
        if request is None and self.endpoint.request_of is not None:
            request = self.endpoint.request_of(self.body)
        return request.text[:20_000] if request else str(self.body.get("input"))[:20_000]


def allowed(key: Key | None, model: str) -> bool:
    """True where a key may use a model; ``auto`` among its models allows all that a policy chooses."""
    return key is None or not key.models or model in key.models or "auto" in key.models
