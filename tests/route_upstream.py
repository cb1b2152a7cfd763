"""An upstream on a real socket that answers, and misbehaves, as its script says."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Script = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Asked:
    """A request as the upstream saw it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes


@dataclass
class BadUpstream:
    """Answers each request by the next of its scripts, the last one for ever."""

    scripts: list[Script]
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    tls: ssl.SSLContext | None = None
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> BadUpstream:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            early = b""
            while (found := await self._one(reader, writer, early)) is not None:
                early = found
        except ConnectionError:
            self.left.set()
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, early: bytes) -> bytes | None:
        """Answer a request that begins with bytes that came early; those of the next, None at the end."""
        head = (early + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        headers.update({k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)})
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        asked = Asked(head[0].split()[1], headers, json.loads(raw), raw)
        self.asked.append(asked)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        answer = asyncio.ensure_future(script(asked, writer))
        gone = asyncio.ensure_future(reader.read(1))
        await asyncio.wait([answer, gone], return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and not answer.done() and gone.result() == b"":
            self.left.set()
            answer.cancel()
            return None
        await answer
        gone.cancel()
        (found,) = await asyncio.gather(gone, return_exceptions=True)
        if writer.is_closing() or found == b"":
            return None
        return found if isinstance(found, bytes) else b""


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def plain(status: int, body: Any, headers: dict[str, str] | None = None) -> Script:
    """A complete answer."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
        writer.write(head(status, told) + content)
        await writer.drain()

    return script


def chat_body(text: str = "Hello there", usage: bool = True, **more: Any) -> dict[str, Any]:
    body = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "there-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "system_fingerprint": "fp", "unknown_field": {"kept": [1, 2.5, None]},
    }  # fmt: skip
    if usage:
        body["usage"] = {
            "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
            "prompt_tokens_details": {"cached_tokens": 200},
        }  # fmt: skip
    return {**body, **more}


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    body = {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "there-1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more,
    }  # fmt: skip
    return b"data: " + json.dumps(body).encode() + b"\n\n"


USAGE = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"there-1","choices":[],'
    b'"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}\n\n'
)
DONE = b"data: [DONE]\n\n"
WORDS = (
    b'data: {"x":1}\n\n',
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hello"}),
    chunk({"content": " there"}),
)


def stream(*events: bytes, ends: bool = True, gate: asyncio.Event | None = None, gate_at: int = 0) -> Script:
    """Server-sent events; ``ends`` False cuts the connection, ``gate`` is waited for before event ``gate_at``."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}))
        options = asked.body.get("stream_options") or {}
        for i, event in enumerate(events):
            if event is USAGE and not options.get("include_usage"):
                continue
            if gate is not None and i == gate_at:
                await gate.wait()
            writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            await writer.drain()
        if gate is not None and gate_at == len(events):
            await gate.wait()
        if ends:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        else:
            writer.close()

    return script


def never() -> Script:
    """No answer at all."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return script


def hang_up(first: bytes = b"") -> Script:
    """Some bytes, then the connection is closed."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        writer.close()

    return script


STREAM = (*WORDS, chunk({}, "stop"), USAGE, DONE)


def usual() -> Script:
    """What a well-behaved server answers, streamed or not."""
    streamed, whole = stream(*STREAM), plain(200, chat_body())

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.path == "/v1/embeddings":
            usage = {"prompt_tokens": 4, "total_tokens": 4}
            data = [{"object": "embedding", "index": 0, "embedding": [0.25, -1.5]}]
            body = {"object": "list", "model": "there-1", "data": data, "usage": usage}
            await plain(200, body)(asked, writer)
        elif asked.body.get("stream"):
            await streamed(asked, writer)
        else:
            await whole(asked, writer)

    return script
