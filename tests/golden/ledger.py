"""The ledger's rows of a recorded conversation with the gateway; times and names that differ each time are left out."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import route_upstream as up
from liebig.route.ledger.records import Row
from liebig.route.settings import Settings
from route_support import FakePolicy, Running, running, settings_for

__all__ = ["ledger"]

#: What differs from one time to the next.
_VARYING = ("id", "key_id", "at", "worker", "seconds", "first_token_s")


def ledger() -> dict[str, Any]:
    """What is written down of each call, by its place in the conversation."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cascade").mkdir()
        calls = asyncio.run(_conversation(Path(folder))) | asyncio.run(_cascade(Path(folder) / "cascade"))
    fields = [f.name for f in dataclasses.fields(Row) if f.name not in _VARYING]
    return {f"{call}/{name}": getattr(row, name) for call, row in calls.items() for name in fields}


def _settings(folder: Path, **upstreams: str) -> Settings:
    """Settings whose limits of time no busy machine reaches."""
    limits = ("connect_timeout_s", "first_byte_timeout_s", "idle_timeout_s", "total_timeout_s")
    seconds: dict[str, Any] = dict.fromkeys(limits, 600)
    return settings_for(upstreams, folder, **seconds)


async def _ask(gate: Running, path: str, body: dict[str, Any]) -> Row:
    """Ask, read the answer to its end, and take the row of the call once it is written."""
    async with gate.post(path, body) as answer:
        await answer.read()
        call = answer.headers["x-liebig-call"]
    while call not in (rows := {row.id: row for row in await gate.rows()}):
        await asyncio.sleep(0.01)
    return rows[call]


def _chat(text: str, model: str = "auto", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


async def _conversation(folder: Path) -> dict[str, Row]:
    chat, out = "/v1/chat/completions", {}
    turns = [
        {"role": "user", "content": "A hard one"},
        {"role": "assistant", "content": "Hello there"},
        {"role": "user", "content": "Go on"},
    ]
    asked = {
        "named weak": (chat, _chat("Hi", "weak")),
        "named strong": (chat, _chat("Hi", "strong", max_tokens=50)),
        "easy": (chat, _chat("Hi")),
        "hard": (chat, _chat("A hard one")),
        "same conversation": (chat, {"model": "auto", "messages": turns}),
        "streamed": (chat, _chat("Tell me", stream=True)),
        "streamed with usage": (chat, _chat("Tell me", stream=True, stream_options={"include_usage": True})),
        "response": ("/v1/responses", {"model": "auto", "input": "hard", "store": False}),
        "completion": ("/v1/completions", {"model": "auto", "prompt": "Once"}),
        "embedding": ("/v1/embeddings", {"model": "weak", "input": ["a", "b"]}),
        "long prompt": (chat, _chat("word " * 2000)),
    }
    async with up.BadUpstream([up.usual()]) as server, running(_settings(folder, u=server.url)) as gate:
        for name, (path, body) in asked.items():
            out[name] = await _ask(gate, path, body)
        faults = {
            "no usage": up.plain(200, up.chat_body(usage=False)),
            "refused there": up.plain(400, {"error": {"message": "no"}}),
            "broken there": up.plain(500, {"error": {"message": "no"}}),
            "cut stream": up.stream(*up.WORDS, ends=False),
        }
        for name, script in faults.items():
            server.scripts[:] = [script]
            out[name] = await _ask(gate, chat, _chat("Hi", "weak", stream=name == "cut stream"))
    return out


async def _cascade(folder: Path) -> dict[str, Row]:
    """The weak model's answer is looked at: once it stands, once it does not; once the weak model fails."""
    out = {}
    async with (
        up.BadUpstream([up.usual()]) as weak,
        up.BadUpstream([up.usual()]) as strong,
        running(_settings(folder, a=weak.url, b=strong.url), FakePolicy(looks=True)) as gate,
    ):
        chat = "/v1/chat/completions"
        out["cascade that stands"] = await _ask(gate, chat, _chat("One"))
        gate.policy.stands = False
        out["cascade that escalates"] = await _ask(gate, chat, _chat("Two"))
        weak.scripts[:] = [up.plain(500, {"error": {"message": "no"}})]
        out["cascade whose weak model fails"] = await _ask(gate, chat, _chat("Three"))
    return out
