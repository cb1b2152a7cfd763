"""The gateway as processes: start, stop, death of workers, new settings; with the real ledger on disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp")
if not hasattr(os, "fork"):
    pytest.skip("needs fork", allow_module_level=True)
import aiohttp
import psutil

import route_upstream as up
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.records import Row
from steady import PATIENCE_S

PROGRAM = """
import sys
from pathlib import Path
from liebig.errors import LiebigError
from liebig.route.ledger import sqlite as ledger_sqlite
from liebig.route.gateway.serve import serve
from steady import PATIENCE_S
from route_support import FakePolicy
ledger_sqlite.BUSY_S = PATIENCE_S
try:
    serve(Path(sys.argv[1]), make_policy=lambda settings: FakePolicy())
except LiebigError as error:
    sys.exit(str(error))
"""
CHAT = {"model": "weak", "messages": [{"role": "user", "content": "Hi"}]}


def config(url: str, server: str = "", price: float = 1.0) -> str:
    return f"""
[server]
port = 0
{server}
[ledger]
url = "sqlite:ledger.db"
[[upstream]]
name = "u"
url = "{url}"
retries = 0
[[model]]
name = "weak"
upstream = "u"
input_usd_per_mtok = {price}
output_usd_per_mtok = 2
[[model]]
name = "strong"
upstream = "u"
input_usd_per_mtok = 10
output_usd_per_mtok = 40
"""


@dataclass
class Process:
    """A gateway that runs in processes of its own."""

    process: asyncio.subprocess.Process
    url: str
    secret: str
    folder: Path
    lines: list[str] = field(default_factory=list)
    client: aiohttp.ClientSession | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    def chat(self, **more: Any) -> Any:
        assert self.client is not None
        return self.client.post(self.url + "/v1/chat/completions", json={**CHAT, **more}, headers=self.headers)

    def workers(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    async def heard(self, event: str, count: int = 1) -> dict[str, Any]:
        """Wait for lines of the log that tell of an event."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [json.loads(x) for x in self.lines if x.startswith("{") and f'"event":"{event}"' in x]
                if len(found) >= count:
                    return found[-1]
                await asyncio.sleep(0.02)

    async def rows(self) -> list[Row]:
        ledger = open_ledger(f"sqlite:{self.folder / 'ledger.db'}")
        await ledger.open()
        rows = [row async for row in ledger.rows()]
        await ledger.close()
        return rows


@contextlib.asynccontextmanager
async def started(folder: Path, text: str, **limits: Any) -> AsyncIterator[Process]:
    path = folder / "gateway.toml"
    path.write_text(text)
    ledger = open_ledger(f"sqlite:{folder / 'ledger.db'}")
    await ledger.open()
    _, secret = await ledger.add_key(f"k{len(await ledger.list_keys())}", **limits)
    await ledger.close()
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(path), stderr=asyncio.subprocess.PIPE, env=environment
    )
    gate = Process(process, "", secret, folder)
    up_and_running = asyncio.Event()

    async def listen() -> None:
        assert process.stderr is not None
        while line := (await process.stderr.readline()).decode().strip():
            gate.lines.append(line)
            if line.startswith("listening on "):
                gate.url = line.removeprefix("listening on ")
                up_and_running.set()
        up_and_running.set()

    listening = asyncio.ensure_future(listen())
    try:
        await asyncio.wait_for(up_and_running.wait(), PATIENCE_S)
        async with aiohttp.ClientSession() as client:
            gate.client = client
            yield gate
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), PATIENCE_S)
            except TimeoutError:
                process.kill()
        await listening


async def stopped(gate: Process) -> int:
    gate.process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(gate.process.wait(), PATIENCE_S)


@pytest.mark.parametrize("workers", [1, 2])
def test_stop_lets_answers_end_and_takes_no_more(tmp_path: Path, workers: int) -> None:
    async def check() -> None:
        hold = asyncio.Event()
        async with (
            up.BadUpstream([up.stream(*up.STREAM, gate=hold, gate_at=3)]) as server,
            started(tmp_path, config(server.url, f"workers = {workers}")) as gate,
        ):
            async with gate.chat(stream=True) as answer:
                first = await answer.content.readany()
                gate.process.send_signal(signal.SIGTERM)
                async with aiohttp.ClientSession() as other:
                    while True:
                        try:
                            await (await other.get(gate.url + "/healthz")).read()
                        except aiohttp.ClientError:
                            break
                assert gate.process.returncode is None
                hold.set()
                content = first + await answer.read()
            assert content == b"".join(e for e in up.STREAM if e is not up.USAGE)
            assert await asyncio.wait_for(gate.process.wait(), PATIENCE_S) == 0
            (row,) = await gate.rows()
            assert (row.status, row.completion_tokens) == (200, 100)

    asyncio.run(check())


def test_ctrl_c_reaches_every_process_and_still_lets_answers_end(tmp_path: Path) -> None:
    async def check() -> None:
        hold = asyncio.Event()
        async with (
            up.BadUpstream([up.stream(*up.STREAM, gate=hold, gate_at=3)]) as server,
            started(tmp_path, config(server.url)) as gate,
            gate.chat(stream=True) as answer,
        ):
            first = await answer.content.readany()
            for pid in (*gate.workers(), gate.process.pid):
                os.kill(pid, signal.SIGINT)
            async with aiohttp.ClientSession() as other:
                while True:
                    try:
                        await (await other.get(gate.url + "/healthz")).read()
                    except aiohttp.ClientError:
                        break
            hold.set()
            assert (first + await answer.read()).endswith(up.DONE)
            assert await asyncio.wait_for(gate.process.wait(), PATIENCE_S) == 0

    asyncio.run(check())


def test_answers_that_do_not_end_in_time_are_cut_with_an_error(tmp_path: Path) -> None:
    async def check() -> None:
        script = up.stream(*up.STREAM, gate=asyncio.Event(), gate_at=3)
        async with (
            up.BadUpstream([script, up.never()]) as server,
            started(tmp_path, config(server.url, "drain_s = 0.2")) as gate,
        ):
            async with gate.chat(stream=True) as answer:
                first = await answer.content.readany()
                waiting = asyncio.ensure_future(gate.chat().__aenter__())
                while len(server.asked) < 2:
                    await asyncio.sleep(0.01)
                assert await stopped(gate) == 0
                content = first + await answer.read()
            assert json.loads(content.split(b"data: ")[-1])["error"]["code"] == "upstream_stopped"
            other = await waiting
            assert other.status == 503
            assert (await other.json())["error"]["code"] == "gateway_stopping"
            rows = await gate.rows()
            assert sorted((r.status, r.streamed) for r in rows) == [(503, False), (503, True)]

    asyncio.run(check())


def test_stop_under_load_answers_all_that_was_taken_in(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            started(tmp_path, config(server.url, "workers = 2\nlog_level = 'warning'")) as gate,
        ):
            answered: list[str] = []

            async def load(stream: bool) -> None:
                async with aiohttp.ClientSession() as client:
                    with contextlib.suppress(aiohttp.ClientConnectionError):
                        while True:
                            async with client.post(
                                gate.url + "/v1/chat/completions", json={**CHAT, "stream": stream}, headers=gate.headers
                            ) as answer:
                                content = await answer.read()
                                whole = content.endswith(up.DONE) if stream else bool(json.loads(content)["usage"])
                                assert (answer.status, whole) == (200, True)
                                answered.append(answer.headers["x-liebig-call"])

            tasks = [asyncio.ensure_future(load(i % 2 == 0)) for i in range(8)]
            while len(answered) < 100:
                await asyncio.sleep(0.01)
            assert await stopped(gate) == 0
            await asyncio.gather(*tasks)
            rows = await gate.rows()
            assert {r.status for r in rows} == {200}
            assert sorted(r.id for r in rows) == sorted(answered)

    asyncio.run(check())


def test_a_worker_that_is_killed_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            started(tmp_path, config(server.url, "workers = 2\nlog_level = 'warning'")) as gate,
        ):
            ended: Counter[str] = Counter()
            answered: set[str] = set()
            stop = False

            async def load(stream: bool) -> None:
                async with aiohttp.ClientSession() as client:
                    while not stop:
                        try:
                            async with client.post(
                                gate.url + "/v1/chat/completions", json={**CHAT, "stream": stream}, headers=gate.headers
                            ) as answer:
                                content = await answer.read()
                                whole = content.endswith(up.DONE) if stream else bool(json.loads(content)["usage"])
                                assert (answer.status, whole) == (200, True)
                                answered.add(answer.headers["x-liebig-call"])
                                ended["answer"] += 1
                        except aiohttp.ClientError:
                            ended["broken"] += 1

            tasks = [asyncio.ensure_future(load(i % 2 == 0)) for i in range(8)]
            for _ in range(2):
                before = ended["answer"]
                while ended["answer"] < before + 60:
                    await asyncio.sleep(0.01)
                old = gate.workers()
                os.kill(old[0], signal.SIGKILL)
                async with asyncio.timeout(PATIENCE_S):
                    while len(now := gate.workers()) < 2 or old[0] in now:
                        await asyncio.sleep(0.02)
            before = ended["answer"]
            while ended["answer"] < before + 60:
                await asyncio.sleep(0.01)
            stop = True
            await asyncio.gather(*tasks)
            assert await stopped(gate) == 0
            rows = await gate.rows()
            assert len({r.id for r in rows}) == len(rows)
            assert answered <= {r.id for r in rows if r.status == 200}
            lost = [r for r in rows if r.status == 0]
            assert all(r.error == "interrupted" for r in lost)
            assert len(lost) <= ended["broken"] <= 8 * 2
            assert {r.status for r in rows} <= {0, 200, 499}
            assert gate.lines == [x for x in gate.lines if "Traceback" not in x]

    asyncio.run(check())


def test_killed_with_one_worker_the_next_settles_and_serves(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.never(), up.usual()]) as server,
            started(tmp_path, config(server.url)) as gate,
        ):
            lost = asyncio.ensure_future(gate.chat().__aenter__())
            while not server.asked:
                await asyncio.sleep(0.01)
            (worker,) = gate.workers()
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(aiohttp.ClientError):
                await lost
            async with gate.chat() as answer:  # waits at the listener that the supervisor keeps open
                assert answer.status == 200
            assert (await gate.heard("settled"))["calls"] == 1
            assert sorted(r.status for r in await gate.rows()) == [0, 200]
            row = next(r for r in await gate.rows() if r.status == 0)
            assert row.usd > 0  # its estimate counts
            assert row.error == "interrupted"

    asyncio.run(check())


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_stop_when_the_supervisor_is_gone(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path, config("http://127.0.0.1:9/v1")) as gate:
            (worker,) = gate.workers()
            gate.process.kill()
            await gate.process.wait()
            async with asyncio.timeout(PATIENCE_S):
                while _runs(worker):
                    await asyncio.sleep(0.02)

    asyncio.run(check())


@pytest.mark.parametrize("how", ["signal", "file"])
def test_new_settings_are_taken_and_bad_ones_are_not(tmp_path: Path, how: str) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, started(tmp_path, config(server.url)) as gate:

            async def price() -> float:
                async with gate.chat() as answer:
                    return float(answer.headers["x-liebig-usd"])

            before = await price()
            (tmp_path / "gateway.toml").write_text("[server]\nport = 'x'\nnonsense = 1\n")
            if how == "signal":
                gate.process.send_signal(signal.SIGHUP)
            told = await gate.heard("settings kept")
            assert "nonsense" in told["problem"]
            assert await price() == before
            (tmp_path / "gateway.toml").write_text(config(server.url, price=100.0))
            if how == "signal":
                gate.process.send_signal(signal.SIGHUP)
            await gate.heard("settings read")
            assert await price() > before
            assert len([x for x in gate.lines if "settings kept" in x]) == 1

    asyncio.run(check())


def test_any_worker_tells_the_numbers_of_all(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            started(tmp_path, config(server.url, "workers = 2")) as gate,
        ):
            for _ in range(12):  # each over a connection of its own, to whichever worker
                async with aiohttp.ClientSession() as client:
                    gate.client = client
                    async with gate.chat() as answer:
                        assert answer.status == 200
            wanted = 'liebig_requests_total{endpoint="chat",model="weak",status="200"} 12'
            async with asyncio.timeout(PATIENCE_S):
                for _ in range(5):
                    while True:
                        async with aiohttp.ClientSession() as client, client.get(gate.url + "/metrics") as answer:
                            if wanted in (await answer.text()).splitlines():
                                break
                        await asyncio.sleep(0.05)
            assert any(x.startswith("listening on http://127.0.0.1:") for x in gate.lines)

    asyncio.run(check())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_is_taken_is_told(tmp_path: Path, workers: int) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server:
            text = config(server.url, f"workers = {workers}").replace("port = 0", f"port = {server.port}")
            async with started(tmp_path, text) as gate:
                assert await asyncio.wait_for(gate.process.wait(), PATIENCE_S) == 1
                assert any("cannot listen on 127.0.0.1" in x for x in gate.lines)
                assert not any("Traceback" in x for x in gate.lines)

    asyncio.run(check())


def test_a_worker_that_cannot_start_ends_it_with_the_reason(tmp_path: Path) -> None:
    async def check() -> None:
        text = config("http://127.0.0.1:9/v1").replace("retries = 0", "retries = 0\nkey_env = 'NO_SUCH_VARIABLE_HERE'")
        async with started(tmp_path, text) as gate:
            assert await asyncio.wait_for(gate.process.wait(), PATIENCE_S) == 1
            assert any("NO_SUCH_VARIABLE_HERE is not set" in x for x in gate.lines)
            assert not any("Traceback" in x for x in gate.lines)

    asyncio.run(check())


def test_budget_of_a_key_holds_over_all_workers(tmp_path: Path) -> None:
    async def check() -> None:
        one = (1000 * 1 + 100 * 2) / 1e6
        async with (
            up.BadUpstream([up.usual()]) as server,
            started(tmp_path, config(server.url, "workers = 2"), budget_usd=20 * one, budget_period="total") as gate,
        ):

            async def client() -> list[int]:
                states = []
                async with aiohttp.ClientSession() as session:
                    for _ in range(15):
                        async with session.post(
                            gate.url + "/v1/chat/completions", json=CHAT, headers=gate.headers
                        ) as answer:
                            states.append(answer.status)
                return states

            states = [s for found in await asyncio.gather(*(client() for _ in range(4))) for s in found]
            assert set(states) == {200, 429}
            assert await stopped(gate) == 0
            spent = sum(r.usd for r in await gate.rows())
            assert spent == pytest.approx(states.count(200) * one)
            assert 20 * one * 0.9 <= spent <= (20 + 4) * one

    asyncio.run(check())
