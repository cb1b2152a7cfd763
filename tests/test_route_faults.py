"""What the gateway does when upstreams, clients or the ledger misbehave; on real sockets."""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import shutil
import ssl
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp")
import aiohttp

import route_upstream as up
from liebig.route.gateway import upstream as upstream_module
from liebig.route.gateway.failures import KINDS, retry_after_s
from liebig.route.gateway.limits import Breaker, Full, Gate
from liebig.route.ledger.records import Refused
from route_support import FakePolicy, Running, pass_time, running, settings_for
from steady import PATIENCE_S, refusing_port


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between attempts, noted instead of waited for."""
    noted: list[float] = []

    async def note(seconds: float) -> None:
        noted.append(seconds)

    monkeypatch.setattr(upstream_module, "sleep", note)
    return noted


async def _refused(gate: Running, status: int, code: str, **body: Any) -> Any:
    """Ask, and check the error and the row of the ledger."""
    async with gate.chat(**body) as answer:
        told = await answer.json()
        assert answer.status == status, told
        assert told["error"]["code"] == code
        assert answer.headers["x-liebig-call"]
    row = (await gate.rows())[-1]
    assert (row.status, row.error, row.usd) == (status, code, 0.0)
    return answer


def test_no_upstream_there(tmp_path: Path, pauses: list[float]) -> None:
    async def check() -> None:
        with refusing_port() as nobody:
            settings = settings_for({"u": f"http://127.0.0.1:{nobody}/v1"}, tmp_path, retries=2)
            async with running(settings) as gate:
                await _refused(gate, 502, "upstream_refused")
                assert gate.gateway.metrics.numbers["liebig_upstream_failures_total"][("u", "refused")] == 3

    asyncio.run(check())
    assert len(pauses) == 2
    assert 0.125 <= pauses[0] <= 0.25 <= 2 * pauses[1] <= 1.0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_certificate_that_nobody_signed(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def check() -> None:
        async with up.BadUpstream([up.usual()], tls=context) as server:
            async with running(settings_for({"u": server.url}, tmp_path)) as gate:
                await _refused(gate, 502, "upstream_tls")
            other = tmp_path / "other"
            other.mkdir()
            async with (
                running(settings_for({"u": server.url}, other, verify_tls=False)) as gate,
                gate.chat() as answer,
            ):
                assert answer.status == 200

    asyncio.run(check())


def test_no_first_byte_in_time(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.never()]) as server,
            running(settings_for({"u": server.url}, tmp_path, first_byte_timeout_s=60, retries=1)) as gate,
        ):
            refused = asyncio.ensure_future(_refused(gate, 504, "upstream_timeout"))
            for attempt in (1, 2):
                while len(server.asked) < attempt:
                    await asyncio.sleep(0)
                pass_time(61)
            await refused
            assert len(server.asked) == 2

    asyncio.run(check())


def test_a_slow_answer_within_its_time_is_given(tmp_path: Path) -> None:
    async def check() -> None:
        hold = asyncio.Event()
        script = up.stream(*up.STREAM, gate=hold, gate_at=0)
        async with up.BadUpstream([script]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            asked = asyncio.ensure_future(gate.chat(stream=True).__aenter__())
            while not server.asked:
                await asyncio.sleep(0)
            hold.set()
            answer = await asked
            assert (await answer.read()).endswith(up.DONE)

    asyncio.run(check())


@pytest.mark.parametrize(
    ("which", "code"), [("idle_timeout_s", "upstream_idle"), ("total_timeout_s", "upstream_total_timeout")]
)
def test_stream_that_falls_silent(tmp_path: Path, which: str, code: str) -> None:
    async def check() -> None:
        script = up.stream(*up.STREAM, gate=asyncio.Event(), gate_at=3)
        async with (
            up.BadUpstream([script]) as server,
            running(settings_for({"u": server.url}, tmp_path, **{which: 60})) as gate,
        ):
            words = b"".join(up.WORDS[:3])
            async with gate.chat(stream=True) as answer:
                assert await answer.content.readexactly(len(words)) == words
                pass_time(61)
                content = await answer.read()
            assert json.loads(content.split(b"data: ")[-1])["error"]["code"] == code
            assert b"[DONE]" not in content
            (row,) = await gate.rows()
            assert (row.status, row.error, row.streamed) == (504, code, True)
            assert row.completion_tokens == 2  # of the five letters that came
            assert row.prompt_tokens > 0
            await asyncio.wait_for(server.left.wait(), PATIENCE_S)

    asyncio.run(check())


@pytest.mark.parametrize("end", ["mid-event", "between", "no chunk end"])
def test_stream_that_is_cut(tmp_path: Path, end: str) -> None:
    half = up.chunk({"content": "never seen"})[:-9]
    events = {"mid-event": (*up.WORDS, half), "between": up.WORDS, "no chunk end": up.WORDS}[end]

    async def check() -> None:
        script = up.stream(*events, ends=end != "no chunk end")
        async with up.BadUpstream([script]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            async with gate.chat(stream=True) as answer:
                content = await answer.read()
            before, _, last = content.rpartition(b"data: ")
            assert before == b"".join(up.WORDS)
            assert json.loads(last)["error"]["code"] == "upstream_truncated"
            (row,) = await gate.rows()
            assert (row.status, row.error) == (502, "upstream_truncated")

    asyncio.run(check())


def test_stream_without_a_last_mark_is_complete_when_it_says_why_it_ended(tmp_path: Path) -> None:
    async def check() -> None:
        events = (*up.WORDS, up.chunk({}, "stop"))
        async with (
            up.BadUpstream([up.stream(*events)]) as server,
            running(settings_for({"u": server.url}, tmp_path)) as gate,
        ):
            async with gate.chat(stream=True) as answer:
                assert await answer.read() == b"".join(events)
            (row,) = await gate.rows()
            assert (row.status, row.completion_tokens) == (200, 3)
            assert gate.gateway.metrics.numbers["liebig_usage_estimated_total"] == {("weak",): 1}

    asyncio.run(check())


def test_an_error_within_a_stream_is_passed_on_and_noted(tmp_path: Path) -> None:
    async def check() -> None:
        bad = b'data: {"error": {"message": "overloaded"}}\n\n'
        async with (
            up.BadUpstream([up.stream(*up.WORDS, bad)]) as server,
            running(settings_for({"u": server.url}, tmp_path)) as gate,
        ):
            async with gate.chat(stream=True) as answer:
                assert (await answer.read()).endswith(bad)
            assert (await gate.rows())[0].error == "upstream_error_event"

    asyncio.run(check())


def test_too_many_requests_is_tried_again(tmp_path: Path, pauses: list[float]) -> None:
    busy = {"error": {"message": "slow down", "type": "x"}}

    async def check() -> None:
        scripts = [up.plain(429, busy), up.plain(429, busy, {"retry-after": "7"}), up.usual()]
        async with (
            up.BadUpstream(scripts) as server,
            running(settings_for({"u": server.url}, tmp_path, retries=2)) as gate,
        ):
            async with gate.chat() as answer:
                assert answer.status == 200
            assert len(server.asked) == 3
            assert not gate.gateway.wiring.upstreams["u"].breaker.open

    asyncio.run(check())
    assert pauses[0] <= 0.25
    assert pauses[1] == 7.0


def test_too_many_requests_for_long_is_handed_on(tmp_path: Path, pauses: list[float]) -> None:
    busy = {"error": {"message": "slow down", "type": "x", "strange": 1}}

    async def check() -> None:
        async with (
            up.BadUpstream([up.plain(429, busy, {"retry-after": "61"})]) as server,
            running(settings_for({"u": server.url}, tmp_path, retries=5)) as gate,
        ):
            async with gate.chat() as answer:
                assert answer.status == 429
                assert answer.headers["retry-after"] == "61"
                assert await answer.json() == busy
            assert len(server.asked) == 1

    asyncio.run(check())
    assert pauses == []


def test_retry_after_may_be_a_date() -> None:
    date = email.utils.format_datetime(email.utils.localtime(), usegmt=False)
    assert retry_after_s(date) == 0.0
    later = email.utils.formatdate(time.time() + 600, usegmt=True)
    assert retry_after_s(later) == pytest.approx(600, abs=60)
    assert retry_after_s("nan") is None
    assert retry_after_s("Wed, 99 Foo") is None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors(tmp_path: Path, status: int) -> None:
    said = {"error": {"message": "boom", "code": None}}

    async def check() -> None:
        async with (
            up.BadUpstream([up.plain(status, said), up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path, retries=1)) as gate,
        ):
            async with gate.chat() as answer:
                assert answer.status == 200
            server.scripts[:] = [up.plain(status, said)]
            async with gate.chat() as answer:
                assert (answer.status, await answer.json()) == (status, said)
            assert len(server.asked) == 4

    asyncio.run(check())


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_errors_of_the_client_are_its_own(tmp_path: Path, status: int) -> None:
    said = {"error": {"message": "too long", "code": "context_length_exceeded", "more": [1]}}

    async def check() -> None:
        async with (
            up.BadUpstream([up.plain(status, said)]) as server,
            running(settings_for({"u": server.url}, tmp_path, retries=3)) as gate,
        ):
            async with gate.chat(model="spare") as answer:
                assert (answer.status, await answer.json()) == (status, said)
            assert len(server.asked) == 1

    asyncio.run(check())


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (up.hang_up(up.head(200, {"content-length": "99"}) + b'{"id": '), "truncated"),
        (up.plain(200, b'{"id": "chatcmpl-1", "choices": [{"index"'), "truncated"),
        (up.plain(200, b"<html>busy</html>"), "malformed"),
        (up.plain(200, b"[1]"), "malformed"),
        (up.plain(302, b"", {"location": "http://127.0.0.1:1/"}), "redirect"),
        (up.plain(401, {"error": {"message": "bad key"}}), "credentials"),
        (up.hang_up(b"what is this\r\n\r\n"), "protocol"),
        (up.hang_up(), "disconnected"),
    ],
)  # fmt: skip
def test_answers_that_are_none(tmp_path: Path, script: up.Script, code: str) -> None:
    async def check() -> None:
        async with up.BadUpstream([script]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            await _refused(gate, KINDS[code][0], f"upstream_{code}")

    asyncio.run(check())


def test_fallbacks_answer_in_the_place_of_a_model(tmp_path: Path) -> None:
    async def check() -> None:
        with refusing_port() as nobody:
            async with (
                up.BadUpstream([up.usual()]) as server,
                running(settings_for({"a": f"http://127.0.0.1:{nobody}/v1", "b": server.url}, tmp_path)) as gate,
            ):
                for stream in (False, True):
                    async with gate.chat(model="spare", stream=stream) as answer:
                        assert answer.status == 200
                        assert answer.headers["x-liebig-model"] == "strong"
                        assert answer.headers["x-liebig-reason"] == "fallback"
                assert {(r.model, r.upstream, r.reason) for r in await gate.rows()} == {("strong", "b", "fallback")}

    asyncio.run(check())


def test_circuit_opens_and_closes(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.plain(500, {})]) as server,
            running(settings_for({"u": server.url}, tmp_path, breaker_failures=2, breaker_s=60)) as gate,
        ):
            for _ in range(2):
                async with gate.chat() as answer:
                    assert answer.status == 500
            answer = await _refused(gate, 503, "upstream_circuit_open")
            assert int(answer.headers["retry-after"]) >= 1
            assert len(server.asked) == 2
            server.scripts[:] = [up.usual()]
            breaker = gate.gateway.wiring.upstreams["u"].breaker
            assert breaker._opened is not None
            breaker._opened -= 60
            async with gate.chat() as again:
                assert again.status == 200
            assert not breaker.open

    asyncio.run(check())


def test_half_open_circuit_lets_one_try() -> None:
    now = [0.0]
    breaker = Breaker(1, 5.0, lambda: now[0])
    breaker.failed()
    now[0] = 5.0
    assert breaker.take()
    assert not breaker.take()
    breaker.gave_up()
    assert breaker.take()
    breaker.failed()
    assert breaker.wait_s() == 5.0
    now[0] = 10.0
    assert breaker.take()
    breaker.began()
    assert breaker.take()
    assert breaker.take()
    assert not breaker.open
    breaker.failed()  # after the probe had only begun
    assert breaker.open
    breaker.succeeded()
    assert not breaker.open


def test_queue_is_bounded_and_in_order(tmp_path: Path) -> None:
    async def check() -> None:
        hold = asyncio.Event()
        script = up.stream(*up.STREAM, gate=hold, gate_at=0)
        async with (
            up.BadUpstream([script, up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path, concurrency=1, queue=2)) as gate,
        ):
            gates = gate.gateway.wiring.upstreams["u"].gate
            first = asyncio.ensure_future(gate.chat("0", stream=True).__aenter__())
            waiting = []
            for i in (1, 2):
                while gates.waiting < i - 1 or not server.asked:
                    await asyncio.sleep(0)
                waiting.append(asyncio.ensure_future(gate.chat(str(i)).__aenter__()))
            while gates.waiting < 2:
                await asyncio.sleep(0)
            busy = await _refused(gate, 503, "upstream_busy")
            assert busy.headers["retry-after"] == "1"
            async with gate.client.get(gate.url + "/metrics") as answer:
                assert 'liebig_queue{upstream="u"} 2' in await answer.text()
            hold.set()
            assert (await (await first).read()).endswith(up.DONE)
            assert [(await a).status for a in waiting] == [200, 200]
            assert [a.body["messages"][0]["content"] for a in server.asked] == ["0", "1", "2"]
            assert gates.inside == 0

    asyncio.run(check())


def test_gate_forgets_who_leaves_the_queue() -> None:
    async def check() -> None:
        gate = Gate(1, 2)
        await gate.enter()
        one, two = (asyncio.ensure_future(gate.enter()) for _ in range(2))
        await asyncio.sleep(0)
        with pytest.raises(Full):
            await gate.enter()
        gate.leave()
        one.cancel()  # after the place was given to it
        await asyncio.gather(one, return_exceptions=True)
        await two
        gate.leave()
        assert (gate.inside, gate.waiting) == (0, 0)
        await gate.enter()
        three = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0)
        three.cancel()
        gate.leave()
        await asyncio.gather(three, return_exceptions=True)
        assert (gate.inside, gate.waiting) == (0, 0)

    asyncio.run(check())


def test_too_many_at_once(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.never()]) as server,
            running(settings_for({"u": server.url}, tmp_path, {"most_in_flight": 1})) as gate,
        ):
            first = asyncio.ensure_future(gate.chat().__aenter__())
            while not server.asked:
                await asyncio.sleep(0)
            async with gate.chat() as answer:
                assert answer.status == 503
                assert (await answer.json())["error"]["code"] == "gateway_busy"
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

    asyncio.run(check())


@pytest.mark.parametrize("stream", [False, True])
def test_client_that_leaves_ends_the_call_there_too(tmp_path: Path, stream: bool) -> None:
    async def check() -> None:
        script = up.stream(*up.STREAM, gate=asyncio.Event(), gate_at=3) if stream else up.never()
        async with up.BadUpstream([script]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            async with aiohttp.ClientSession() as other:
                body = {"model": "weak", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
                url = gate.url + "/v1/chat/completions"
                asked = asyncio.ensure_future(other.post(url, json=body, headers=gate.headers()))
                while not server.asked:
                    await asyncio.sleep(0)
                if stream:
                    reply = await asked
                    await reply.content.readany()
                    reply.close()
                asked.cancel()
            await asyncio.wait_for(server.left.wait(), PATIENCE_S)
            while not (rows := await gate.rows()):
                await asyncio.sleep(0.01)
            assert (rows[0].status, rows[0].error) == (499, "client_disconnected")
            assert rows[0].prompt_tokens > 0
            assert rows[0].completion_tokens == (2 if stream else 0)
            assert gate.gateway.wiring.upstreams["u"].gate.inside == 0
            while gate.gateway.in_flight:
                await asyncio.sleep(0)

    asyncio.run(check())


def test_ledger_that_cannot_be_written_stops_calls_before_they_cost(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:

            async def refuse(*_: Any) -> None:
                raise Refused("the ledger cannot be written", status=503, code="ledger_unavailable", retry_after_s=5)

            gate.gateway.ledger.begin = refuse  # type: ignore[method-assign]
            async with gate.chat() as answer:
                assert answer.status == 503
                assert answer.headers["retry-after"] == "5"
            assert server.asked == []

    asyncio.run(check())


def test_ledger_that_fails_at_the_end_does_not_take_the_answer_away(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:

            async def fail(*_: Any) -> None:
                raise RuntimeError("disk")

            gate.gateway.ledger.finish = fail  # type: ignore[method-assign]
            async with gate.chat() as answer:
                assert answer.status == 200
            async with gate.chat(stream=True) as answer:
                assert (await answer.read()).endswith(up.DONE)
            assert [line["event"] for line in gate.logged()].count("ledger") == 2

    asyncio.run(check())


def test_requests_that_are_too_large(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path, {"most_body_mb": 0.01})) as gate,
        ):
            async with gate.chat("x" * 20_000) as answer:
                assert answer.status == 413

            async def pieces() -> Any:
                for _ in range(30):
                    yield b" " * 1000

            headers = gate.headers(**{"content-type": "application/json"})
            async with gate.client.post(gate.url + "/v1/chat/completions", data=pieces(), headers=headers) as answer:
                assert answer.status == 413
                assert (await answer.json())["error"]["code"] == "request_too_large"
            assert server.asked == []

    asyncio.run(check())


def test_a_client_that_takes_nothing_does_not_hold_a_place_for_ever(tmp_path: Path) -> None:
    from liebig.route.gateway.stream import GRACE_S

    written = 0

    async def flood(asked: up.Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(up.head(200, {"content-type": "text/event-stream"}))
        while True:
            writer.write(up.chunk({"content": "x" * 60_000}))
            await writer.drain()
            written += 1

    async def stuck() -> None:
        """Wait until every buffer on the way is full: nothing moves in a thousand turns of the loop that all share."""
        before = -1
        while before < written or not written:
            before = written
            for _ in range(1000):
                await asyncio.sleep(0)

    async def check() -> None:
        async with (
            up.BadUpstream([flood]) as server,
            running(settings_for({"u": server.url}, tmp_path, total_timeout_s=60)) as gate,
        ):
            body = json.dumps({"model": "weak", "stream": True, "messages": [{"role": "user", "content": "Hi"}]})
            _, writer = await asyncio.open_connection("127.0.0.1", int(gate.url.rpartition(":")[2]), limit=1)
            writer.write(
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gate.secret}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
            )
            await stuck()
            pass_time(61 + GRACE_S)
            await asyncio.wait_for(server.left.wait(), PATIENCE_S)
            while not (rows := await gate.rows()):
                await asyncio.sleep(0.01)
            assert (rows[0].status, rows[0].error) == (499, "client_disconnected")
            assert rows[0].completion_tokens > 10_000
            assert gate.gateway.wiring.upstreams["u"].gate.inside == 0
            writer.close()

    asyncio.run(check())


def test_a_client_that_leaves_before_the_ledger_answers(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            begun, release = asyncio.Event(), asyncio.Event()
            real = gate.gateway.ledger.begin

            async def slow(*arguments: Any) -> None:
                await real(*arguments)
                begun.set()
                await release.wait()

            gate.gateway.ledger.begin = slow  # type: ignore[method-assign]
            async with aiohttp.ClientSession() as other:
                body = {"model": "weak", "messages": []}
                url = gate.url + "/v1/chat/completions"
                asked = asyncio.ensure_future(other.post(url, json=body, headers=gate.headers()))
                await begun.wait()
                asked.cancel()
            while not (rows := await gate.rows()):
                await asyncio.sleep(0.01)
            assert (rows[0].status, rows[0].usd, server.asked) == (499, 0.0, [])

    asyncio.run(check())


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_every_call_has_one_row_and_every_place_is_given_back(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    head = up.head(200, {"content-length": "99"})

    def scripts() -> list[up.Script]:
        one = chance.choice
        return [
            one([
                up.usual(), up.usual(), up.never(), up.hang_up(), up.hang_up(head + b'{"id"'), up.plain(500, {}),
                up.plain(429, {}), up.plain(400, {}), up.plain(200, b"[]"), up.stream(*up.WORDS, ends=False),
                up.stream(*up.WORDS, gate=asyncio.Event(), gate_at=2), up.stream(*up.WORDS, up.DONE),
            ])
            for _ in range(400)
        ]  # fmt: skip

    async def check() -> None:
        policy = FakePolicy(looks=True, stands=False)
        async with (
            up.BadUpstream(scripts()) as one,
            up.BadUpstream(scripts()) as two,
            running(
                settings_for(
                    {"a": one.url, "b": two.url}, tmp_path, first_byte_timeout_s=0.2, idle_timeout_s=0.2, retries=1,
                    concurrency=6, queue=4, breaker_failures=4, breaker_s=0.05,
                ),
                policy,
            ) as gate,
        ):  # fmt: skip
            states: Counter[int] = Counter()

            async def ask(client: aiohttp.ClientSession) -> None:
                model, stream = chance.choice(["weak", "auto", "strong", "spare"]), chance.random() < 0.5
                body = {"model": model, "messages": [{"role": "user", "content": "easy"}], "stream": stream}
                patience = chance.choice([0.05, 5.0, 5.0, 5.0])
                try:
                    async with (
                        asyncio.timeout(patience),
                        client.post(gate.url + "/v1/chat/completions", json=body, headers=gate.headers()) as answer,
                    ):
                        await answer.read()
                        states[answer.status] += 1
                except TimeoutError:
                    states[0] += 1

            async def client() -> None:
                async with aiohttp.ClientSession() as session:
                    for _ in range(12):
                        await ask(session)

            begun: list[str] = []
            real = gate.gateway.ledger.begin

            async def begin(call: Any, key: Any) -> None:
                begun.append(call.id)
                await real(call, key)

            gate.gateway.ledger.begin = begin  # type: ignore[method-assign]
            await asyncio.gather(*(client() for _ in range(12)))
            while gate.gateway.in_flight:
                await asyncio.sleep(0.01)
            rows = await gate.rows()
            assert sorted(r.id for r in rows) == sorted(begun)
            assert sum(states.values()) == 144
            assert states.keys() <= {0, 200, 400, 429, 500, 502, 503, 504}, states
            assert states[200] > 5
            for upstream in gate.gateway.wiring.upstreams.values():
                assert (upstream.gate.inside, upstream.gate.waiting, upstream._users) == (0, 0, 0)
            assert not [line for line in gate.logged() if line["event"] in ("request", "ledger", "router")]
            assert not [r for r in rows if r.status == 500 and r.error != "upstream_server_error"]

    asyncio.run(check())
