"""The gateway on real sockets: what passes through, what is chosen, what is written down."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("aiohttp")
import route_upstream as up
from liebig.route.gateway import fast_json
from liebig.route.gateway.sse import Events, data_of
from route_support import FakePolicy, Running, running, settings_for
from steady import PATIENCE_S

USER = [{"role": "user", "content": "Hi"}]


def test_answer_is_the_upstreams_and_the_ledger_knows_it(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            sent = {
                "temperature": 0.25, "n": 1, "unknown": {"deep": [1, None, True]}, "seed": 3, "user": "ü",
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
                "tool_choice": {"type": "function", "function": {"name": "f"}}, "reasoning_effort": "low",
                "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
            }  # fmt: skip
            async with gate.chat("Hi", model="auto", **sent) as answer:
                body = await answer.json()
                assert answer.status == 200
                headers = answer.headers
            assert server.asked[0].body == {"model": "there-1", "messages": USER, **sent}
            extra = body["usage"].pop("liebig")
            assert body == up.chat_body()
            usd = (800 * 1 + 200 * 0.5 + 100 * 2) / 1e6
            strong = (1000 * 10 + 100 * 40) / 1e6
            assert extra["usd"] == pytest.approx(usd)
            assert extra["usd_saved"] == pytest.approx(strong - usd)
            assert extra["wh"] == pytest.approx(100 / 1e6 * (100 + 1000 / 10))
            assert extra["g_co2"] > 0
            assert headers["x-liebig-model"] == "weak"
            assert headers["x-liebig-reason"] == "easy"
            assert float(headers["x-liebig-usd"]) == pytest.approx(usd)
            assert float(headers["x-liebig-usd-strong"]) == pytest.approx(strong)
            (row,) = await gate.rows()
            assert row.id == headers["x-liebig-call"]
            assert (row.model, row.upstream, row.status, row.endpoint) == ("weak", "u", 200, "chat")
            assert (row.prompt_tokens, row.cached_tokens, row.completion_tokens) == (1000, 200, 100)
            assert row.usd == pytest.approx(usd)
            assert row.key_id == gate.key.id

    asyncio.run(check())


def test_a_call_that_names_its_model_saves_nothing(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            async with gate.chat("Hi", model="weak") as answer:
                extra = (await answer.json())["usage"]["liebig"]
                assert (answer.headers["x-liebig-reason"], extra["usd_saved"]) == ("named", 0.0)
            (row,) = await gate.rows()
            assert row.usd == row.usd_strong > 0
            assert row.wh == row.wh_strong > 0

    asyncio.run(check())


@pytest.mark.parametrize("asked", [None, False, True])
def test_stream_is_passed_on_byte_by_byte(tmp_path: Path, asked: bool | None) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            options = {} if asked is None else {"stream_options": {"include_usage": asked, "other": 1}}
            async with gate.chat(stream=True, **options) as answer:
                content = await answer.read()
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert answer.headers["x-liebig-model"] == "weak"
            assert server.asked[0].body["stream_options"]["include_usage"] is True
            assert ("other" in server.asked[0].body["stream_options"]) == (asked is not None)
            without = b"".join(e for e in up.STREAM if e is not up.USAGE)
            events = Events().feed(content)
            told = [e for e in events if b'"liebig"' in e]
            assert b"".join(e for e in events if e not in told) == without
            assert len(told) == (1 if asked else 0)
            if asked:
                usage = json.loads(data_of(told[0]))["usage"]
                assert usage["total_tokens"] == 1100
                assert usage["liebig"]["model"] == "weak"
                assert events[-2] == told[0]
            (row,) = await gate.rows()
            assert (row.prompt_tokens, row.completion_tokens, row.streamed) == (1000, 100, True)
            assert row.first_token_s is not None
            assert 0 < row.first_token_s <= row.seconds

    asyncio.run(check())


def test_stream_flows_while_the_upstream_still_writes(tmp_path: Path) -> None:
    async def check() -> None:
        gate_open = asyncio.Event()
        script = up.stream(*up.STREAM, gate=gate_open, gate_at=3)
        async with (
            up.BadUpstream([script]) as server,
            running(settings_for({"u": server.url}, tmp_path)) as gate,
            gate.chat(stream=True) as answer,
        ):
            got = b""
            while b"Hello" not in got:
                got += await asyncio.wait_for(answer.content.readany(), PATIENCE_S)
            assert b" there" not in got
            gate_open.set()
            assert (await answer.read()).endswith(up.DONE)

    asyncio.run(check())


def test_ledger_knows_of_a_stream_before_the_client_sees_its_end(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            order: list[str] = []
            real = gate.gateway.ledger.finish
            release = asyncio.Event()

            async def slow(*arguments: Any) -> None:
                order.append("finish")
                await release.wait()
                await real(*arguments)

            gate.gateway.ledger.finish = slow  # type: ignore[method-assign]
            async with gate.chat(stream=True) as answer:
                got = b""
                while b'"finish_reason": "stop"' not in got:
                    got += await answer.content.readany()
                while not order:
                    await asyncio.sleep(0)
                assert b"[DONE]" not in got
                release.set()
                assert (await answer.read()).endswith(up.DONE)

    asyncio.run(check())


def test_unknown_names_and_bodies_are_told_in_the_shape_clients_know(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            cases: list[tuple[Any, int, str]] = [
                ({"model": "weakk", "messages": USER}, 404, "model_not_found"),
                ({"model": "auto:7", "messages": USER}, 400, "invalid_model"),
                ({"messages": USER}, 400, "missing_model"),
                ({"model": "weak"}, 400, "missing_field"),
                ({"model": "weak", "messages": "Hi"}, 400, "invalid_field"),
                ({"model": "weak", "messages": USER, "stream": 1}, 400, "invalid_field"),
                ([1], 400, "invalid_json"),
            ]
            for body, status, code in cases:
                async with gate.post("/v1/chat/completions", body) as answer:
                    error = (await answer.json())["error"]
                    assert (answer.status, error["code"]) == (status, code)
                    assert set(error) == {"message", "type", "param", "code"}
            async with gate.post("/v1/chat/completions", {"model": "weakk", "messages": USER}) as answer:
                assert "'weak'" in (await answer.json())["error"]["message"]
            for raw in (b"{", b'{"model": NaN}', b"[" * 100_000, b"\xff\xfe"):
                headers = gate.headers(**{"content-type": "application/json"})
                async with gate.client.post(gate.url + "/v1/chat/completions", data=raw, headers=headers) as answer:
                    assert answer.status == 400
            async with gate.post("/v1/embeddings", {"model": "auto", "input": "x"}) as answer:
                assert answer.status == 400
            for path, method, status in (
                ("/nothing", "GET", 404),
                ("/v1/models", "POST", 405),
                ("/chat/completions", "POST", 404),
            ):
                async with gate.client.request(method, gate.url + path) as answer:
                    assert answer.status == status
                    assert "error" in await answer.json()
            assert server.asked == []
            assert await gate.rows() == []

    asyncio.run(check())


def test_auto_asks_the_policy_and_stays_with_what_it_chose(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            async with gate.chat("a hard one", model="auto:0.9") as answer:
                assert answer.headers["x-liebig-model"] == "strong"
                assert answer.headers["x-liebig-reason"] == "hard"
                assert answer.headers["x-liebig-score"] == "0.1000"
            request, wanted, previous = gate.policy.seen[-1]
            assert (request.prompt, wanted.quality, previous) == ("a hard one", 0.9, "")
            assert server.asked[-1].body["model"] == "strong"
            turns = [
                {"role": "user", "content": "a hard one"}, {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "thanks"},
            ]  # fmt: skip
            async with gate.post("/v1/chat/completions", {"model": "auto", "messages": turns}) as answer:
                assert answer.headers["x-liebig-reason"] == "sticky"
            other = [{"role": "user", "content": "easy"}, *turns[1:]]
            async with gate.post("/v1/chat/completions", {"model": "auto", "messages": other}) as answer:
                assert answer.headers["x-liebig-model"] == "weak"
            told = {"x-liebig-previous": "strong"}
            async with gate.post("/v1/chat/completions", {"model": "auto", "messages": other}, headers=told) as answer:
                assert answer.headers["x-liebig-model"] == "strong"
            body = {"model": "auto", "messages": other, "metadata": {"liebig_previous": "strong"}}
            async with gate.post("/v1/chat/completions", body) as answer:
                assert answer.headers["x-liebig-model"] == "strong"
            assert server.asked[-1].body["metadata"] == {"liebig_previous": "strong"}

    asyncio.run(check())


def test_a_router_that_fails_does_not_stop_answers(tmp_path: Path) -> None:
    class Broken(FakePolicy):
        def choose(self, *_: Any) -> Any:
            raise RuntimeError("bug")

    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path), Broken()) as gate,
            gate.chat(model="auto") as answer,
        ):
            assert answer.status == 200
            assert answer.headers["x-liebig-model"] == "strong"

    asyncio.run(check())


def test_other_endpoints_pass_through(tmp_path: Path) -> None:
    response = {
        "id": "resp_1", "object": "response", "model": "there-1", "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}],
        "usage": {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2}},
    }  # fmt: skip

    async def check() -> None:
        async with (
            up.BadUpstream([up.plain(200, response)]) as server,
            running(settings_for({"u": server.url}, tmp_path)) as gate,
        ):
            async with gate.post("/v1/responses", {"model": "auto", "input": "hard", "store": False}) as answer:
                body = await answer.json()
                assert body["usage"].pop("liebig")["model"] == "strong"
                assert body == response
            assert server.asked[-1].path == "/v1/responses"
            assert server.asked[-1].body == {"model": "strong", "input": "hard", "store": False}
            async with gate.post("/v1/completions", {"model": "auto", "prompt": "Once"}) as answer:
                assert answer.headers["x-liebig-model"] == "weak"
            server.scripts[:] = [up.usual()]
            async with gate.post("/v1/embeddings", {"model": "weak", "input": ["a", "b"]}) as answer:
                assert (await answer.json())["data"][0]["embedding"] == [0.25, -1.5]
            rows = {row.endpoint: row for row in await gate.rows()}
            assert (rows["responses"].prompt_tokens, rows["responses"].cached_tokens) == (7, 2)
            assert rows["responses"].completion_tokens == 3
            assert rows["embeddings"].prompt_tokens == 4

    asyncio.run(check())


def test_streamed_response_ends_with_its_price(tmp_path: Path) -> None:
    usage = {"input_tokens": 7, "output_tokens": 3}
    events = [
        b'event: response.created\ndata: {"type":"response.created","response":{"usage":null}}\n\n',
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello"}\n\n',
        b"event: response.completed\ndata: "
        + json.dumps({"type": "response.completed", "response": {"id": "r", "usage": usage}}).encode() + b"\n\n",
    ]  # fmt: skip

    async def check() -> None:
        async with (
            up.BadUpstream([up.stream(*events)]) as server,
            running(settings_for({"u": server.url}, tmp_path)) as gate,
        ):
            async with gate.post("/v1/responses", {"model": "weak", "input": "x", "stream": True}) as answer:
                got = Events().feed(await answer.read())
            assert got[:2] == events[:2]
            assert got[2].startswith(b"event: response.completed\ndata: {")
            assert json.loads(data_of(got[2]))["response"]["usage"]["liebig"]["model"] == "weak"
            assert "stream_options" not in server.asked[0].body
            (row,) = await gate.rows()
            assert (row.prompt_tokens, row.completion_tokens, row.status) == (7, 3, 200)

    asyncio.run(check())


def test_models_and_health(tmp_path: Path) -> None:
    async def check() -> None:
        settings = settings_for({"u": "http://127.0.0.1:9/v1"}, tmp_path)
        async with running(settings, models=["strong"]) as gate:

            async def got(path: str, status: int = 200) -> Any:
                async with gate.client.get(gate.url + path, headers=gate.headers()) as answer:
                    assert answer.status == status
                    assert answer.headers["server"] == "liebig"
                    return await answer.json()

            assert [m["id"] for m in (await got("/v1/models"))["data"]] == ["auto", "strong"]
            assert (await got("/v1/models/strong"))["object"] == "model"
            await got("/v1/models/weak", 404)
            assert (await got("/healthz"))["status"] == "ok"
            assert (await got("/readyz"))["ready"] is True
            upstream = gate.gateway.wiring.upstreams["u"]
            for _ in range(upstream.settings.breaker_failures):
                upstream.breaker.failed()
            assert (await got("/readyz", 503))["upstreams"] is False

    asyncio.run(check())


def test_key_limits(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path), models=["strong"], rpm=2) as gate,
        ):
            async with gate.chat(model="weak") as answer:
                assert answer.status == 403
            async with gate.chat("easy", model="auto") as answer:
                assert answer.headers["x-liebig-model"] == "strong"
                assert answer.headers["x-liebig-reason"] == "key"
            async with gate.chat(model="strong") as answer:
                assert answer.status == 200
            async with gate.chat(model="strong") as answer:
                assert answer.status == 429
                assert int(answer.headers["retry-after"]) >= 1
                error = (await answer.json())["error"]
                assert (error["code"], error["type"]) == ("rate_limit_exceeded", "rate_limit_error")
            assert len(server.asked) == 2

    asyncio.run(check())


def test_budget_is_not_exceeded_beyond_what_is_in_flight(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path), budget_usd=0.01, budget_period="total") as gate,
        ):
            states = []
            for _ in range(20):
                async with gate.chat(model="strong") as answer:
                    states.append(answer.status)
                    code = (await answer.json()).get("error", {}).get("code")
            assert states == [200] * states.count(200) + [429] * states.count(429)
            assert 429 in states
            assert code == "insufficient_quota"
            spent = await gate.ledger.spent_usd(gate.key.id, "total")
            one = (1000 * 10 + 100 * 40) / 1e6
            assert 0 < spent <= 0.01 + one

    asyncio.run(check())


async def _cascade(gate: Running, stream: bool, **body: Any) -> tuple[Any, bytes]:
    async with gate.chat("easy", model="auto", stream=stream, **body) as answer:
        return answer, await answer.read()


@pytest.mark.parametrize("stream", [False, True])
def test_weak_answer_that_stands_is_given_out(tmp_path: Path, stream: bool) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path), FakePolicy(looks=True)) as gate,
        ):
            more = {"stream_options": {"include_usage": True}} if stream else {}
            answer, content = await _cascade(gate, stream, **more)
            assert len(server.asked) == 1
            assert not server.asked[0].body["stream"]
            assert gate.policy.inspected[0].text == "Hello there"
            assert gate.policy.inspected[0].tokens == 100
            assert answer.headers["x-liebig-model"] == "weak"
            if stream:
                chunks = [json.loads(data_of(e)) for e in Events().feed(content)[:-1]]
                text = "".join(c["delta"].get("content") or "" for k in chunks for c in k["choices"])
                assert text == "Hello there"
                assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
                assert [c["finish_reason"] for k in chunks for c in k["choices"]][-1] == "stop"
                assert chunks[-1]["usage"]["liebig"]["model"] == "weak"
                assert {c["object"] for c in chunks} == {"chat.completion.chunk"}
                assert content.endswith(up.DONE)
            else:
                body = json.loads(content)
                body["usage"].pop("liebig")
                assert body == up.chat_body()
            (row,) = await gate.rows()
            assert (row.model, row.escalated, row.status, row.streamed) == ("weak", False, 200, stream)

    asyncio.run(check())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("weak", ["wrong", "broken"])
def test_weak_answer_that_does_not_stand_is_replaced(tmp_path: Path, stream: bool, weak: str) -> None:
    async def check() -> None:
        first = up.usual() if weak == "wrong" else up.plain(500, {"error": {"message": "x"}})
        async with (
            up.BadUpstream([first]) as one,
            up.BadUpstream([up.usual()]) as two,
            running(settings_for({"a": one.url, "b": two.url}, tmp_path), FakePolicy(looks=True, stands=False)) as gate,
        ):
            answer, content = await _cascade(gate, stream)
            assert answer.status == 200
            assert answer.headers["x-liebig-model"] == "strong"
            assert answer.headers["x-liebig-reason"] == ("escalated" if weak == "wrong" else "weak failed")
            assert two.asked[0].body["stream"] is stream
            assert content.endswith(up.DONE) is stream
            (row,) = await gate.rows()
            assert (row.model, row.escalated, row.upstream) == ("strong", True, "b")
            strong = (1000 * 10 + 100 * 40) / 1e6
            cheap = (800 * 1 + 200 * 0.5 + 100 * 2) / 1e6 if weak == "wrong" else 0.0
            assert row.usd == pytest.approx(strong + cheap)
            assert row.usd_strong == pytest.approx(strong)

    asyncio.run(check())


@pytest.mark.parametrize("more", [{"n": 2}, {"tools": [{"type": "function", "function": {"name": "f"}}]}])
def test_no_look_where_it_cannot_tell(tmp_path: Path, more: dict[str, Any]) -> None:
    async def check() -> None:
        policy = FakePolicy(looks=True, stands=False)
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path), policy) as gate,
            gate.chat("easy", model="auto", **more) as answer,
        ):
            assert answer.headers["x-liebig-model"] == "weak"
            assert policy.inspected == []
            assert len(server.asked) == 1

    asyncio.run(check())


def test_settings_change_for_new_requests_alone(tmp_path: Path) -> None:
    async def check() -> None:
        hold = asyncio.Event()
        async with (
            up.BadUpstream([up.stream(*up.STREAM, gate=hold, gate_at=3)]) as one,
            up.BadUpstream([up.usual()]) as two,
            running(settings_for({"u": one.url}, tmp_path)) as gate,
        ):
            before = gate.gateway.wiring.upstreams["u"]
            async with gate.chat(stream=True) as answer:
                await answer.content.readany()
                gate.gateway.rewire(settings_for({"u": two.url}, tmp_path), gate.policy)
                async with gate.chat() as other:
                    assert other.status == 200
                hold.set()
                assert (await answer.read()).endswith(up.DONE)
            assert (len(one.asked), len(two.asked)) == (1, 1)
            kept = gate.gateway.wiring.upstreams["u"]
            gate.gateway.rewire(settings_for({"u": two.url}, tmp_path, {"most_in_flight": 7}), gate.policy)
            assert gate.gateway.wiring.upstreams["u"] is kept
            assert before is not kept

    asyncio.run(check())


def test_metrics_tell_what_happened(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            for stream in (False, True):
                async with gate.chat(stream=stream) as answer:
                    await answer.read()
            async with gate.chat(model="none") as answer:
                assert answer.status == 404
            async with gate.client.get(gate.url + "/metrics") as answer:
                lines = (await answer.text()).splitlines()
            assert 'liebig_requests_total{endpoint="chat",model="weak",status="200"} 2' in lines
            assert 'liebig_requests_total{endpoint="chat",model="none",status="404"} 1' in lines
            assert 'liebig_tokens_total{model="weak",kind="prompt"} 2000' in lines
            assert 'liebig_request_seconds_count{endpoint="chat"} 2' in lines
            assert 'liebig_first_token_seconds_count{endpoint="chat"} 1' in lines
            assert 'liebig_circuit_open{upstream="u"} 0' in lines
            assert "liebig_in_flight 0" in lines

    asyncio.run(check())


@given(st.lists(st.sampled_from([b"data: a", b"data:b", b": c", b"event: d", b"data", b"", b"x" * 70])),
       st.sampled_from([b"\n", b"\r\n", b"\r"]), st.lists(st.integers(0, 200), max_size=12))  # fmt: skip
def test_events_do_not_depend_on_how_bytes_arrive(lines: list[bytes], end: bytes, cuts: list[int]) -> None:
    content = end.join([*lines, b"data: last", b"", b""])
    at = sorted({min(c, len(content)) for c in cuts} | {0, len(content)})
    pieces, whole = Events(), Events()
    got = [e for a, b in pairwise(at) for e in pieces.feed(content[a:b])]
    once = whole.feed(content)
    assert b"".join(got) + pieces.rest == content
    assert [d for d in map(data_of, got) if d] == [d for d in map(data_of, once) if d]
    assert data_of(once[-1] if data_of(once[-1]) else once[-2]).endswith(b"last")


@given(st.binary(max_size=300), st.integers(1, 7))
def test_any_bytes_come_out_as_they_went_in(content: bytes, size: int) -> None:
    events = Events()
    got = [e for i in range(0, len(content), size) for e in events.feed(content[i : i + size])]
    assert b"".join(got) + events.rest == content


@pytest.mark.parametrize("fast", [True, False])
def test_json_is_read_and_written_with_and_without_the_fast_library(
    monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    if fast:
        pytest.importorskip("orjson")
    else:
        monkeypatch.setattr(fast_json, "orjson", None)
    value = {"text": "ü\u2028", "number": 0.1, "big": 2**70, "half": "\ud83d", "list": [None, True]}
    assert json.loads(fast_json.dumps(value)) == value
    assert fast_json.loads(fast_json.dumps(value)) == value
    for bad in (b"{", b'{"a": NaN}', b"-Infinity", b"[" * 200_000, b"", b"\xff"):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the library says
            fast_json.loads(bad)


def test_connections_to_upstreams_serve_again(tmp_path: Path) -> None:
    async def check() -> None:
        seen = asyncio.Event()

        async def late(asked: up.Asked, writer: asyncio.StreamWriter) -> None:
            """The end of the stream comes when the client has seen its last event already."""
            seen.clear()
            streamed = up.stream(*up.STREAM, gate=seen, gate_at=len(up.STREAM))
            await (streamed if asked.body.get("stream") else up.usual())(asked, writer)

        async with up.BadUpstream([late]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            for n in range(6):
                async with gate.chat(stream=n % 2 == 0) as answer:
                    if n % 2 == 0:
                        got = b""
                        while not got.endswith(up.DONE):
                            got += await answer.content.readany()
                        seen.set()
                    await answer.read()
                while gate.gateway.in_flight:
                    await asyncio.sleep(0)
            assert (len(server.asked), server.connections) == (6, 1)

    asyncio.run(check())
