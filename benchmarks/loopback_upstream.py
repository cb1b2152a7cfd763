"""A model server on the loopback that answers at once, so that what stands before it can be timed.

    python benchmarks/loopback_upstream.py --port 9100 --chunks 20 --delay-ms 0

It speaks the OpenAI protocol as far as a gateway needs: ``/v1/chat/completions`` (streamed or not, tools, JSON by
schema), ``/v1/embeddings`` and ``/v1/models``.  ``/stats`` tells how many calls it has answered and its own processor
seconds.  Every streamed chunk is a write of its own.  Port 0 takes any free port; the first line on standard error
says which.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

Json = dict[str, Any]
#: Length of the vectors that ``/v1/embeddings`` returns.
DIMENSIONS = 256
_TEXT = "The answer depends on what you measure and how often you are willing to measure it again ."
_WORDS = _TEXT.split()
_ID = {"id": "chatcmpl-loopback", "created": 1_700_000_000}


@dataclass
class Loopback:
    """What the server answers with, and what it has answered so far.

    Args:
        chunks: Pieces of text in a streamed answer; words in one that is not.
        delay_s: Pause before each streamed piece after the first, in seconds.
        models: Names that ``/v1/models`` lists; any name is answered.
    """

    chunks: int = 20
    delay_s: float = 0.0
    models: tuple[str, ...] = ("weak", "strong")
    answered: Counter[str] = field(default_factory=Counter)


def sample(schema: Json) -> Any:
    """The plainest value that a JSON schema allows.

    >>> sample({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}})
    {'city': 'text', 'days': 1}
    """
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object" or "properties" in schema:
        return {name: sample(inner) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}))]
    return {"integer": 1, "number": 1.5, "boolean": True, "null": None}.get(str(kind), "text")


def wanted_tool(body: Json) -> Json | None:
    """The call of a tool that a request gets in answer, if any: once, before a result of it is in the messages."""
    tools, choice = body.get("tools"), body.get("tool_choice", "auto")
    if not tools or choice == "none" or body["messages"][-1].get("role") == "tool":
        return None
    functions = [tool["function"] for tool in tools if tool.get("type") == "function"]
    if isinstance(choice, dict):
        functions = [one for one in functions if one["name"] == choice["function"]["name"]]
    if not functions:
        return None
    arguments = json.dumps(sample(functions[0].get("parameters", {})))
    return {"id": "call_1", "type": "function", "function": {"name": functions[0]["name"], "arguments": arguments}}


def text_of(body: Json, chunks: int) -> list[str]:
    """The answer in pieces: words, or JSON by the schema asked for."""
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return [json.dumps(sample(form["json_schema"].get("schema", {})))]
    if form.get("type") == "json_object":
        return ['{"ok": true}']
    return [("" if i == 0 else " ") + _WORDS[i % len(_WORDS)] for i in range(chunks)]


def usage_of(body: Json, completion: int) -> Json:
    """Tokens of a call; a prompt counts one per four characters."""
    prompt = sum(len(str(message.get("content") or "")) for message in body["messages"]) // 4 + 1
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def whole(body: Json, chunks: int) -> Json:
    """A chat answer in one piece."""
    tool, pieces = wanted_tool(body), text_of(body, chunks)
    message: Json = {"role": "assistant", "content": None if tool else "".join(pieces)}
    if tool:
        message["tool_calls"] = [tool]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if tool else "stop", "logprobs": None}
    usage = usage_of(body, len(pieces))
    return {**_ID, "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}


def event(data: str) -> bytes:
    """A server-sent event as one HTTP chunk."""
    raw = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(raw), raw)


def delta(model: str, change: Json, finish: str | None = None) -> bytes:
    """A streamed chunk of a chat answer."""
    choice = {"index": 0, "delta": change, "finish_reason": finish}
    return event(json.dumps({**_ID, "object": "chat.completion.chunk", "model": model, "choices": [choice]}))


@lru_cache(maxsize=256)
def text_events(model: str, pieces: tuple[str, ...]) -> tuple[bytes, ...]:
    """The streamed chunks of a text, rendered once."""
    head = delta(model, {"role": "assistant", "content": ""})
    return (head, *(delta(model, {"content": piece}) for piece in pieces), delta(model, {}, "stop"))


def events(body: Json, chunks: int) -> Iterator[bytes]:
    """The HTTP chunks of a streamed chat answer."""
    model, tool = body["model"], wanted_tool(body)
    if tool:
        function = tool["function"]
        start = {**tool, "index": 0, "function": {"name": function["name"], "arguments": ""}}
        rest = {"index": 0, "function": {"arguments": function["arguments"]}}
        yield delta(model, {"role": "assistant", "content": None, "tool_calls": [start]})
        yield delta(model, {"tool_calls": [rest]})
        yield delta(model, {}, "tool_calls")
        count = 1
    else:
        pieces = tuple(text_of(body, chunks))
        count = len(pieces)
        yield from text_events(model, pieces)
    if (body.get("stream_options") or {}).get("include_usage"):
        tail = {**_ID, "object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage_of(body, count)}
        yield event(json.dumps(tail))
    yield event("[DONE]") + b"0\r\n\r\n"


def embeddings(body: Json) -> Json:
    """A vector per text, as numbers or as base64 of 32-bit floats."""
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    found = []
    for index, text in enumerate(texts):
        vector = [((len(str(text)) * (k + 3)) % 17 - 8) / 64 for k in range(DIMENSIONS)]
        packed: Any = vector
        if body.get("encoding_format") == "base64":
            packed = base64.b64encode(struct.pack(f"<{DIMENSIONS}f", *vector)).decode()
        found.append({"object": "embedding", "index": index, "embedding": packed})
    tokens = sum(len(str(text)) for text in texts) // 4 + 1
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": body["model"], "data": found, "usage": usage}


class Connection(asyncio.Protocol):
    """One client; requests are answered in the order in which they come."""

    def __init__(self, loopback: Loopback) -> None:
        self.loopback = loopback
        self.buffer = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.advance()

    def advance(self) -> None:
        """Answer the next request once it is whole and the one before it is answered."""
        while not self.busy:
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            method, target, _ = lines[0].split(" ", 2)
            try:
                self.answer(method, target.partition("?")[0], rest[:length])
            except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                self.refuse(400, f"{type(error).__name__}: {error}")

    def answer(self, method: str, path: str, raw: bytes) -> None:
        """Send the answer, or start to stream it."""
        loopback = self.loopback
        if method == "GET" and path == "/v1/models":
            models = [{"id": name, "object": "model", "created": 0, "owned_by": "loopback"} for name in loopback.models]
            self.send({"object": "list", "data": models})
        elif method == "GET" and path == "/stats":
            self.send({"answered": dict(loopback.answered), "cpu_s": time.process_time()})
        elif method == "POST" and path in ("/v1/chat/completions", "/v1/embeddings"):
            body = json.loads(raw)
            loopback.answered[body["model"]] += 1
            if path == "/v1/embeddings":
                self.send(embeddings(body))
            elif body.get("stream"):
                self.stream(events(body, loopback.chunks))
            else:
                self.send(whole(body, loopback.chunks))
        else:
            self.refuse(404, f"no {method} {path} here")

    def send(self, value: Json, status: str = "200 OK") -> None:
        raw = json.dumps(value).encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
        self.transport.write(head.encode() + raw)

    def refuse(self, code: int, message: str) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
        self.send({"error": error}, f"{code} {'Not Found' if code == 404 else 'Bad Request'}")

    def stream(self, pieces: Iterator[bytes]) -> None:
        self.busy = True
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        self.transport.write(head + next(pieces))
        self.later(pieces)

    def later(self, pieces: Iterator[bytes]) -> None:
        if self.loopback.delay_s > 0:
            self.loop.call_later(self.loopback.delay_s, self.step, pieces)
        else:
            self.loop.call_soon(self.step, pieces)

    def step(self, pieces: Iterator[bytes]) -> None:
        """Write one more piece, then come back for the next."""
        if self.transport.is_closing():
            return
        piece = next(pieces, None)
        if piece is None:
            self.busy = False
            self.advance()
        else:
            self.transport.write(piece)
            self.later(pieces)


async def serve(loopback: Loopback, port: int) -> asyncio.Server:
    """Start to listen on ``port`` of the loopback (0: any)."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(loopback), "127.0.0.1", port, backlog=1024)


async def forever(loopback: Loopback, port: int) -> None:
    server = await serve(loopback, port)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="A model server on the loopback that answers at once.")
    parser.add_argument("--port", type=int, default=9100, help="0 takes any free port")
    parser.add_argument("--chunks", type=int, default=20, help="pieces of a streamed answer")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="pause between streamed pieces")
    parser.add_argument("--models", default="weak,strong", help="names that /v1/models lists, with commas between")
    given = parser.parse_args()
    loopback = Loopback(given.chunks, given.delay_ms / 1000, tuple(given.models.split(",")))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(forever(loopback, given.port))


if __name__ == "__main__":
    main()
