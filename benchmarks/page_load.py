"""Fifty people drag sliders at once: how long the page's server takes to answer, and what it holds in memory.

python benchmarks/page_load.py [USERS] [SECONDS]
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time

import aiohttp


async def drag(url: str, until: float, taken: list[float], errors: list[int], seed: int) -> None:
    """One user: a slider of one parameter, a request for each position, the next one as soon as the last is painted."""
    rng = random.Random(seed)
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < until:
            body = {"samples": 256, "pin": {"run.duration_s": f"{rng.uniform(60, 300):.1f} d"}}
            begun = time.monotonic()
            async with session.post(f"{url}api/forecast", json=body) as answer:
                await answer.read()
                errors.append(answer.status >= 400)
            taken.append(time.monotonic() - begun)
            await asyncio.sleep(0.3)  # a hand moves on


async def run(users: int, seconds: float, url: str) -> dict[str, float]:
    """All users for a while."""
    taken: list[float] = []
    errors: list[int] = []
    until = time.monotonic() + seconds
    await asyncio.gather(*(drag(url, until, taken, errors, i) for i in range(users)))
    cuts = statistics.quantiles(taken, n=100)
    return {"requests": len(taken), "errors": sum(errors), "p50_ms": 1e3 * cuts[49], "p95_ms": 1e3 * cuts[94]}


def main() -> None:
    """Start the page, let users drag, tell."""
    users, seconds = int((sys.argv[1:] or ["50"])[0]), float((sys.argv[2:] or ["10"])[0])
    words = [sys.executable, "-m", "liebig", "app", "--port", "0", "--no-browser"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=os.environ) as server:
        try:
            assert server.stderr is not None
            url = server.stderr.readline().split()[3]
            found = asyncio.run(run(users, seconds, url))
            with open(f"/proc/{server.pid}/status", encoding="utf-8") as status:
                peak = next(line for line in status if line.startswith("VmHWM"))
            found["peak_mb"] = int(peak.split()[1]) / 1e3
            print(json.dumps(found))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
