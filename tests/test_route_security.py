"""Secrets stay where they are, clients get no further than they may, and known clients get along with it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp")
import aiohttp

import route_upstream as up
from liebig.errors import InputError
from liebig.route.gateway.exchange import uuid_of
from liebig.route.gateway.openapi import document
from liebig.route.gateway.refusals import safe_header
from liebig.route.policy import Choice
from liebig.route.settings import settings_from
from route_support import FakePolicy, Running, running, settings_for

UPSTREAM_KEY = "sk-SENTINEL-UPSTREAM-4711"
ADMIN_KEY = "SENTINEL-ADMIN-4712"
PROMPT = "SENTINEL-PROMPT-4713"


def telltale(status: int) -> up.Script:
    """A server that repeats all it was told."""

    async def script(asked: up.Asked, writer: asyncio.StreamWriter) -> None:
        body = {"error": {"message": f"{asked.headers} {status}"}, "choices": [], "usage": {"prompt_tokens": 1}}
        await up.plain(status, body, {"x-echo": asked.headers["authorization"]})(asked, writer)

    return script


def test_secrets_are_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UP_KEY", UPSTREAM_KEY)
    monkeypatch.setenv("LIEBIG_ADMIN_KEY", ADMIN_KEY)

    async def check() -> None:
        scripts = [telltale(s) for s in (200, 400, 401, 403, 429, 500)]
        scripts += [up.plain(200, b"{" + UPSTREAM_KEY.encode()), up.hang_up(b"what\r\n\r\n"), up.stream(*up.WORDS)]
        async with (
            up.BadUpstream([*scripts, up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path, key_env="UP_KEY", breaker_failures=99)) as gate,
        ):
            seen = b""
            for n in range(len(scripts) + 2):
                async with gate.chat(PROMPT, model="auto" if n % 2 else "weak", stream=n == 8, user=PROMPT) as answer:
                    seen += await answer.read() + str(answer.headers).encode()
            for body in ({"model": PROMPT, "messages": []}, {"model": "weak", "messages": PROMPT}):
                async with gate.post("/v1/chat/completions", body) as answer:
                    assert answer.status in (400, 404)
            assert server.asked[0].headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
            for path in ("/admin/keys", "/admin/report", "/metrics", "/readyz", "/openapi.json"):
                headers = {"authorization": f"Bearer {ADMIN_KEY}"}
                async with gate.client.get(gate.url + path, headers=headers) as answer:
                    assert answer.status == 200
                    content = await answer.read()
                    assert PROMPT.encode() not in content
                    seen += content
            log = gate.log.getvalue()
            assert len(log.splitlines()) > len(scripts)
            for secret in (UPSTREAM_KEY, ADMIN_KEY, gate.secret):
                assert secret.encode() not in seen
                assert secret not in log
            assert PROMPT not in log
        for path in tmp_path.iterdir():
            content = path.read_bytes()
            for secret in (UPSTREAM_KEY, ADMIN_KEY, gate.secret):
                assert secret.encode() not in content, path

    asyncio.run(check())


@pytest.mark.parametrize(
    ("table", "field", "told"),
    [
        ("upstream", "api_key", "upstream.0: unknown setting 'api_key'; expected one of name, url, key_env"),
        ("upstream", "key_env", "upstream.0.key_env: expected the name of an environment variable, not a key"),
        ("upstream", "url", "upstream.0.url: expected http"),
        ("server", "admin_key", "server: unknown setting 'admin_key'; did you mean 'admin_key_env'"),
        ("server", "admin_key_env", "server.admin_key_env: expected the name of an environment variable, not a key"),
        ("ledger", "password", "ledger: unknown setting 'password'; expected one of url"),
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_not_shown(table: str, field: str, told: str) -> None:
    upstream = {"name": "u", "url": "http://u/v1"}
    content: dict[str, Any] = {
        "upstream": [upstream],
        "model": [{"name": "m", "upstream": "u"}],
        "server": {},
        "ledger": {},
    }
    place = upstream if table == "upstream" else content[table]
    place[field] = f"http://me:{UPSTREAM_KEY}@u/v1" if field == "url" else UPSTREAM_KEY
    with pytest.raises(InputError, match=re.escape(told)) as caught:
        settings_from(content)
    assert UPSTREAM_KEY not in str(caught.value)


def test_prompts_are_logged_where_that_was_asked_for(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path, {"log_prompts": True})) as gate,
        ):
            for model in ("weak", "auto"):
                async with gate.chat(PROMPT, model=model) as answer:
                    assert answer.status == 200
            assert [line["prompt"] for line in gate.logged() if line["event"] == "call"] == [PROMPT, PROMPT]

    asyncio.run(check())


def test_headers_of_clients_stay_here(tmp_path: Path) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            headers = {
                "cookie": "a=b", "x-forwarded-for": "1.2.3.4", "openai-beta": "assistants=v2", "te": "trailers",
                "user-agent": "curl", "x-stainless-lang": "python", "proxy-authorization": "Basic x",
                "x-request-id": "mine-1",
            }  # fmt: skip
            body = {"model": "weak", "messages": [{"role": "user", "content": "Hi"}]}
            async with gate.post("/v1/chat/completions", body, headers=headers) as answer:
                assert answer.headers["x-request-id"] == "mine-1"
                call = answer.headers["x-liebig-call"]
            got = server.asked[0].headers
            assert set(got) == {
                "host", "content-type", "content-length", "user-agent", "accept", "accept-encoding", "openai-beta",
                "x-request-id",
            }  # fmt: skip
            assert got["user-agent"].startswith("liebig/")
            assert got["openai-beta"] == "assistants=v2"
            assert got["x-request-id"] == uuid_of(call)
            async with gate.post("/v1/chat/completions", body, headers={"x-request-id": "a b" * 40}) as answer:
                assert answer.headers["x-request-id"] == answer.headers["x-liebig-call"]
            assert [line.get("client_id") for line in gate.logged() if line["event"] == "call"] == ["mine-1", None]

    asyncio.run(check())


def test_nothing_ends_a_header(tmp_path: Path) -> None:
    class Strange(FakePolicy):
        def choose(self, *_: Any) -> Choice:
            return Choice("weak", "ä\r\nset-cookie: x=y", 0.5)

    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path), Strange()) as gate,
            gate.chat(model="auto") as answer,
        ):
            assert answer.headers["x-liebig-reason"] == "___set-cookie: x=y"
            assert "set-cookie" not in answer.headers

    asyncio.run(check())
    assert len(safe_header("x" * 1000)) == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer lb-wrong"}, {"authorization": "Basic YTpi"}, {"x-api-key": ""},
     {"authorization": "Bearer " + "x" * 5000}],
)  # fmt: skip
def test_no_or_wrong_keys(tmp_path: Path, headers: dict[str, str]) -> None:
    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            for method, path in (("POST", "/v1/chat/completions"), ("POST", "/v1/embeddings"), ("GET", "/v1/models")):
                body = {"data": b"{"} if method == "POST" else {}
                async with gate.client.request(method, gate.url + path, headers=headers, **body) as answer:
                    assert answer.status == 401
                    assert (await answer.json())["error"]["type"] == "authentication_error"
            assert server.asked == []

    asyncio.run(check())


def test_key_in_either_header_until_it_is_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIEBIG_ADMIN_KEY", ADMIN_KEY)

    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            body = {"model": "weak", "messages": [{"role": "user", "content": "Hi"}]}
            admin = {"authorization": f"Bearer {ADMIN_KEY}"}
            new = {"name": "other", "budget_usd": 5, "models": ["weak"], "rpm": None}
            async with gate.client.post(gate.url + "/admin/keys", json=new, headers=admin) as answer:
                assert answer.status == 201
                made = await answer.json()
                assert (made["budget_usd"], made["models"]) == (5, ["weak"])
            own = {"x-api-key": made["secret"]}
            async with gate.client.post(gate.url + "/v1/chat/completions", json=body, headers=own) as answer:
                assert answer.status == 200
            async with gate.client.get(gate.url + "/admin/keys", headers=admin) as answer:
                cards = {k["name"]: k for k in (await answer.json())["data"]}
                assert cards["other"]["spent_usd"] > 0
                assert made["secret"] not in str(cards)
            async with gate.client.get(gate.url + "/admin/report?by=key&since=2000-01-01", headers=admin) as answer:
                assert made["id"] in str(await answer.json())
            async with gate.client.delete(gate.url + f"/admin/keys/{made['id']}", headers=admin) as answer:
                assert answer.status == 200
            async with gate.client.post(gate.url + "/v1/chat/completions", json=body, headers=own) as answer:
                assert answer.status == 401
            cases: list[tuple[Any, int]] = [
                ({"name": "tester"}, 409), ({"name": ""}, 400), ({"name": "x", "rpm": 0}, 400),
                ({"name": "x", "budget_usd": "5"}, 400), ({"name": "x", "admin": True}, 400), ({}, 400),
                ({"name": "x", "models": "weak"}, 400), ({"name": "x", "budget_period": []}, 400),
            ]  # fmt: skip
            for given, status in cases:
                async with gate.client.post(gate.url + "/admin/keys", json=given, headers=admin) as answer:
                    assert answer.status == status, given
            for path, status in (("?by=x", 400), ("?since=yesterday", 400), ("?since=1", 200), ("?until=nan", 400)):
                async with gate.client.get(gate.url + "/admin/report" + path, headers=admin) as answer:
                    assert answer.status == status
            for headers in ({}, gate.headers(), own):
                async with gate.client.get(gate.url + "/admin/keys", headers=headers) as answer:
                    assert answer.status == 401
            monkeypatch.delenv("LIEBIG_ADMIN_KEY")
            async with gate.client.get(gate.url + "/admin/keys", headers=admin) as answer:
                assert answer.status == 404

    asyncio.run(check())


def test_without_keys_only_this_machine_and_only_json(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path, {"keys": False})) as gate,
        ):
            url, body = gate.url + "/v1/chat/completions", {"model": "weak", "messages": []}
            async with gate.client.post(url, json=body) as answer:
                assert answer.status == 200
            async with gate.client.post(url, json=body, headers={"host": "evil.example:80"}) as answer:
                assert answer.status == 403  # a page whose name was pointed at this machine
            form = {"content-type": "text/plain"}
            async with gate.client.post(url, data=json.dumps(body), headers=form) as answer:
                assert answer.status == 415  # what a page may send without asking
            assert [r.key_id for r in await gate.rows()] == [""]

    asyncio.run(check())
    for host, keys, fine in (("0.0.0.0", False, False), ("0.0.0.0", True, True), ("127.0.0.1", False, True)):
        try:
            settings_for({"u": "http://u/v1"}, tmp_path, {"host": host, "keys": keys})
        except InputError:
            assert not fine
        else:
            assert fine


def test_addresses_in_requests_are_not_visited(tmp_path: Path) -> None:
    async def check() -> None:
        async with (
            up.BadUpstream([up.plain(200, {})]) as other,
            up.BadUpstream([up.usual()]) as server,
            running(settings_for({"u": server.url}, tmp_path)) as gate,
        ):
            image = {"type": "image_url", "image_url": {"url": other.url + "/secret"}}
            messages = [{"role": "user", "content": [image]}]
            async with gate.post("/v1/chat/completions", {"model": "weak", "messages": messages}) as answer:
                assert answer.status == 200
            assert server.asked[0].body["messages"] == messages
            assert other.asked == []

    asyncio.run(check())


def test_openai_client(tmp_path: Path) -> None:
    openai = pytest.importorskip("openai")
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    response = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "there-1", "status": "completed",
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "output": [{"id": "m", "type": "message", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}],
        "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10,
                  "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
    }  # fmt: skip

    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            async with openai.AsyncOpenAI(api_key=gate.secret, base_url=gate.url + "/v1", max_retries=0) as client:
                await _talk(client, server, call, response)
            async with openai.AsyncOpenAI(api_key="lb-wrong", base_url=gate.url + "/v1", max_retries=0) as client:
                with pytest.raises(openai.AuthenticationError):
                    await client.models.list()

    async def _talk(client: Any, server: up.BadUpstream, call: Any, response: Any) -> None:
        user = [{"role": "user", "content": "Hi"}]
        chat = await client.chat.completions.create(model="auto", messages=user)
        assert chat.choices[0].message.content == "Hello there"
        assert chat.usage.model_extra["liebig"]["model"] == "weak"
        text, usage = "", None
        stream = await client.chat.completions.create(
            model="auto", messages=user, stream=True, stream_options={"include_usage": True}
        )
        async for chunk in stream:
            text += "".join(c.delta.content or "" for c in chunk.choices or ())
            usage = chunk.usage or usage
        assert (text, usage.completion_tokens) == ("Hello there", 100)
        tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        server.scripts[:] = [up.plain(200, up.chat_body(choices=[choice])), up.usual()]
        asked = await client.chat.completions.create(model="auto", messages=user, tools=tools)
        assert asked.choices[0].message.tool_calls[0].function.arguments == '{"city": "Rome"}'
        answer = {"role": "tool", "tool_call_id": "call_1", "content": "20 C"}
        done = await client.chat.completions.create(model="auto", messages=[*user, message, answer], tools=tools)
        assert done.choices[0].finish_reason == "stop"
        assert server.asked[-1].body["messages"][-1] == answer
        schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}}
        await client.chat.completions.create(model="weak", messages=user, response_format=schema)
        assert server.asked[-1].body["response_format"] == schema
        vectors = await client.embeddings.create(model="weak", input="x", encoding_format="float")
        assert vectors.data[0].embedding == [0.25, -1.5]
        assert [m.id async for m in await client.models.list()] == ["auto", "weak", "strong", "spare"]
        server.scripts[:] = [up.plain(200, response)]
        assert (await client.responses.create(model="auto", input="Hi")).output_text == "Hello"
        openai_errors = pytest.importorskip("openai")
        with pytest.raises(openai_errors.NotFoundError, match="did you mean 'weak'"):
            await client.chat.completions.create(model="weakk", messages=user)

    asyncio.run(check())


def test_the_document_names_every_route(tmp_path: Path) -> None:
    async def check() -> None:
        async with running(settings_for({"u": "http://127.0.0.1:9/v1"}, tmp_path)) as gate:
            told = {(p, m.upper()) for p, ways in document()["paths"].items() for m in ways}
            assert gate.runner.app is not None
            there = {
                (r.resource.canonical, r.method) for r in gate.runner.app.router.routes() if r.resource is not None
            }
            assert told == {(p, m) for p, m in there if m != "HEAD"}

    asyncio.run(check())


@pytest.mark.slow
def test_fuzzed_by_its_own_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent)) or shutil.which("schemathesis")
    if program is None:
        pytest.skip("needs schemathesis")

    async def fuzz(gate: Running) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            program, "run", gate.url + "/openapi.json", "-H", f"Authorization: Bearer {gate.secret}",
            "--max-examples", "8", "--checks", "all", "--seed", "1", "--no-color", "--workers", "1",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    async def check() -> None:
        async with up.BadUpstream([up.usual()]) as server, running(settings_for({"u": server.url}, tmp_path)) as gate:
            monkeypatch.setenv("LIEBIG_ADMIN_KEY", gate.secret)
            status, told = await fuzz(gate)
            assert status == 0, told[-6000:]
            assert not [line for line in gate.logged() if line["level"] == "error"]

    asyncio.run(check())


def test_a_client_that_sends_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from liebig.route.gateway import admission

    monkeypatch.setattr(admission, "BODY_TIMEOUT_S", 0.1)

    async def check() -> None:
        async with running(settings_for({"u": "http://127.0.0.1:9/v1"}, tmp_path)) as gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", aiohttp.client.URL(gate.url).port)
            writer.write(
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gate.secret}\r\n"
                "content-type: application/json\r\ncontent-length: 100\r\n\r\n{".encode()
            )
            assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
            writer.close()

    asyncio.run(check())
