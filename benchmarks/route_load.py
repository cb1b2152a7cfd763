"""Sends chat requests to an OpenAI-compatible server and tells what each costs the process that answers.

    python benchmarks/route_load.py http://127.0.0.1:4000/v1 --model weak --key sk-... --requests 400 --pid 1234

Prints one object of JSON: requests per second, errors, latency and time to the first token in milliseconds, and, of
the process and all below it, processor milliseconds per request and the peak of resident memory.  No prompt is sent
twice, as each carries a number of its own.  Linux only, as it reads /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from route_prompts import PROMPTS

_serial = itertools.count(time.time_ns() // 1000)


@dataclass(frozen=True)
class Target:
    """Where to send what.

    Args:
        url: Base of the server, with ``/v1``.
        model: Name of the model to ask for.
        key: API key; empty for none.
        stream: Whether the answer is to come in pieces.
    """

    url: str
    model: str
    key: str = ""
    stream: bool = False


@dataclass
class Tally:
    """What the requests have shown so far; times in seconds."""

    latency: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Load:
    """What a run of requests has shown.

    Args:
        requests: Requests sent after the warm-up.
        failed: Those of them without a complete answer.
        errors: How often each kind of failure came.
        requests_per_s: Complete answers per second of wall time.
        latency_ms: Quantiles 50, 95 and 99 of the time until the answer was complete.
        first_token_ms: The same until the first text of a streamed answer; None when not streamed.
        cpu_ms: Processor milliseconds per request of the process and all below it, from a clock that most often ticks
            every 10 ms; None without a process.
        cpu_share: Processors that they kept busy on average.
        client_cpu_share: The same of this client: near 1 it is the client that is measured.
        rss_mb: Peak resident memory of the process alone, in MB of 10^6 bytes.
        tree_rss_mb: Sum of the peaks of the process and all below it, in MB.
    """

    requests: int
    failed: int
    errors: dict[str, int]
    requests_per_s: float
    latency_ms: dict[str, float] | None
    first_token_ms: dict[str, float] | None
    cpu_ms: float | None
    cpu_share: float | None
    client_cpu_share: float
    rss_mb: float | None
    tree_rss_mb: float | None


def stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third (state) on; the second, a name in brackets, may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                below.setdefault(int(stat(int(folder.name))[1]), []).append(int(folder.name))
            except (OSError, IndexError):
                continue
    found = [pid]
    for one in found:
        found += below.get(one, [])
    return found


def cpu_s(pid: int) -> float:
    """Processor seconds that a process, its children and those of them that ended have used."""
    total = 0
    for one in family(pid):
        try:
            total += sum(int(ticks) for ticks in stat(one)[11:15])
        except OSError:
            continue
    return total / os.sysconf("SC_CLK_TCK")


def peak_rss_mb(pid: int) -> float:
    """Peak resident memory of one process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def request(target: Target, prompt: str) -> bytes:
    """The bytes of one request."""
    where = urlsplit(target.url)
    messages = [{"role": "user", "content": f"{prompt} (No. {next(_serial)})"}]
    body = json.dumps({"model": target.model, "messages": messages, "max_tokens": 64, "stream": target.stream}).encode()
    head = [
        f"POST {where.path.rstrip('/')}/chat/completions HTTP/1.1",
        f"host: {where.netloc}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    if target.key:
        head.append(f"authorization: Bearer {target.key}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def has_text(event: bytes) -> bool:
    """Whether a piece of a stream carries text."""
    if not event.startswith(b"data: {"):
        return False
    choices = json.loads(event[6:]).get("choices") or [{}]
    return bool(choices[0].get("delta", {}).get("content"))


class Client:
    """A connection that is kept, and opened again when the server has closed it."""

    def __init__(self, target: Target, tally: Tally) -> None:
        where = urlsplit(target.url)
        self.host, self.port = where.hostname or "127.0.0.1", where.port or 80
        self.target, self.tally = target, tally
        self.writer: asyncio.StreamWriter | None = None

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)
            self.writer = None

    async def ask(self, prompt: str, *, count: bool) -> None:
        """Send one request, read the whole answer and note how long it took."""
        raw = request(self.target, prompt)
        start = time.perf_counter()
        try:
            problem, first = await asyncio.wait_for(self.exchange(raw), 60)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            problem, first = type(error).__name__, None
        end = time.perf_counter()
        if problem:
            await self.close()
        if problem and count:
            self.tally.errors[problem] += 1
        elif count:
            self.tally.latency.append(end - start)
            self.tally.first += [] if first is None else [first - start]

    async def exchange(self, raw: bytes) -> tuple[str, float | None]:
        """What was wrong with the answer, if anything, and when its first text came."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.writer.write(raw)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = head.split(" ", 2)[1]
        first: float | None = None
        body = b""
        if "transfer-encoding: chunked" in head:
            seen = 0
            while piece := await self.chunk():
                body += piece
                while self.target.stream and first is None and (end := body.find(b"\n\n", seen)) >= 0:
                    if has_text(body[seen:end].strip()):
                        first = time.perf_counter()
                    seen = end + 2
        else:
            length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
            body = await self.reader.readexactly(int(length.partition(":")[2]))
        if "connection: close" in head:
            await self.close()
        return self.problem(status, body, first), first

    async def chunk(self) -> bytes:
        """The next piece of a chunked body; empty at its end."""
        size = int((await self.reader.readline()).partition(b";")[0], 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    def problem(self, status: str, body: bytes, first: float | None) -> str:
        """Why an answer does not count; empty when it does."""
        if status != "200":
            return f"status {status}"
        if self.target.stream:
            complete = body.rstrip().endswith(b"data: [DONE]") and b'"error"' not in body
            return "" if complete and first is not None else "incomplete stream"
        return "" if json.loads(body)["choices"][0]["message"]["content"] else "empty answer"


async def drive(target: Target, requests: int, concurrency: int, *, count: bool = True) -> Tally:
    """Send requests over as many connections as ``concurrency``, each waiting for its answer before the next."""
    tally = Tally()
    prompts: Iterator[str] = itertools.islice(itertools.cycle(PROMPTS), requests)

    async def work() -> None:
        client = Client(target, tally)
        for prompt in prompts:
            await client.ask(prompt, count=count)
        await client.close()

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return tally


def quantiles_ms(times_s: list[float]) -> dict[str, float] | None:
    """Quantiles 50, 95 and 99 in milliseconds; None of an empty list.

    >>> quantiles_ms([0.003, 0.001, 0.002])
    {'p50': 2.0, 'p95': 3.0, 'p99': 3.0}
    """
    ordered = sorted(times_s)
    if not ordered:
        return None
    last = len(ordered) - 1
    return {f"p{q}": round(ordered[min(last, int(q * len(ordered) / 100))] * 1000, 3) for q in (50, 95, 99)}


async def measure(
    target: Target, requests: int = 400, concurrency: int = 8, warmup: int = 50, pid: int | None = None
) -> Load:
    """Warm the server up, then send ``requests`` and measure.

    Args:
        target: Server, model and kind of answer.
        requests: Requests that count.
        concurrency: Requests under way at a time.
        warmup: Requests sent before that do not count.
        pid: Process whose processor time and memory to read; None for neither.
    """
    await drive(target, warmup, concurrency, count=False)
    used, own, start = (cpu_s(pid) if pid else 0.0), time.process_time(), time.perf_counter()
    tally = await drive(target, requests, concurrency)
    wall, own = time.perf_counter() - start, time.process_time() - own
    used = cpu_s(pid) - used if pid else 0.0
    failed = tally.errors.total()
    return Load(
        requests=requests,
        failed=failed,
        errors=dict(tally.errors),
        requests_per_s=round((requests - failed) / wall, 1),
        latency_ms=quantiles_ms(tally.latency),
        first_token_ms=quantiles_ms(tally.first),
        cpu_ms=round(used / requests * 1000, 3) if pid else None,
        cpu_share=round(used / wall, 3) if pid else None,
        client_cpu_share=round(own / wall, 3),
        rss_mb=round(peak_rss_mb(pid), 1) if pid else None,
        tree_rss_mb=round(sum(peak_rss_mb(one) for one in family(pid)), 1) if pid else None,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Send chat requests and tell what each costs the server.")
    parser.add_argument("url", help="base of the server, with /v1")
    parser.add_argument("--model", required=True)
    parser.add_argument("--key", default="", help="API key")
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--warmup", type=int, default=50, help="requests before, which do not count")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--stream", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--pid", type=int, help="process to read processor time and memory of")
    given = parser.parse_args()
    target = Target(given.url, given.model, given.key, given.stream)
    found = asyncio.run(measure(target, given.requests, given.concurrency, given.warmup, given.pid))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
