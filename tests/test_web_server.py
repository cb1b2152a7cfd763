"""The HTTP interface of the page: answers, refusals, safety; the same numbers as the command line."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import response_schema_conformance

import liebig
from liebig.catalog import TABLES, load_catalog
from liebig.errors import ConflictError, InputError
from liebig.web.answers import scenario_toml
from liebig.web.guard import CONTENT_POLICY, MOST_BYTES
from liebig.web.requests import ScenarioRequest
from liebig.web.serve import serve
from liebig.web.server import create_app, guarded
from steady import PATIENCE_S

HOSTS = ("localhost", "127.0.0.1", "[::1]")


class Running:
    """A server on a free port."""

    def __init__(self, password: str = "") -> None:
        app = guarded(create_app(), HOSTS, password)
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def ask(
        self, path: str, body: Any = None, raw: bytes | None = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        kind = {} if data is None else {"content-type": "application/json"}
        request = urllib.request.Request(
            self.url + path, data, {**kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                content, status, told = answer.read(), answer.status, dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                content, status, told = error.read(), error.code, dict(error.headers)
        told = {k.lower(): v for k, v in told.items()}
        return status, json.loads(content) if "json" in told["content-type"] else content.decode(), told

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE_S)


@pytest.fixture(scope="module")
def page() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def test_the_forecast_is_that_of_the_python_interface(page: Running) -> None:
    status, found, _ = page.ask(
        "/api/forecast", {"samples": 256, "pin": {"duration": "200 d"}, "levers": ["fp4-training"]}
    )
    assert status == 200
    own = liebig.forecast(samples=256, pin={"duration": "200 d"}, levers=["fp4-training"]).to_dict()
    assert found["years"] == json.loads(json.dumps(own["years"]))
    assert found["summary"] == own["summary"]


def test_the_scenario_comes_back_as_a_file_that_says_the_same(page: Running, tmp_path: Path) -> None:
    body = {
        "title": 'a "b" \\ c', "pin": {"duration": "200 d"}, "set": {"power.campus_w": "10 GW"}, "seed": 3,
        "add": {"power.smr": "10 GW from 2032"}, "levers": ["fp4-training@2027"], "switches": ["text-only"],
    }  # fmt: skip
    status, text, _ = page.ask("/api/scenario.toml", body)
    assert status == 200
    file = tmp_path / "s.toml"
    file.write_text(text, encoding="utf-8")
    own = liebig.forecast(str(file), samples=256).to_dict()
    _, found, _ = page.ask("/api/forecast", {**body, "samples": 256})
    assert found["years"] == json.loads(json.dumps(own["years"]))


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3), st.text(max_size=12))
def test_any_scenario_is_valid_toml(pins: dict[str, str], title: str) -> None:
    clean = {k.encode(errors="replace").decode(): v.encode(errors="replace").decode() for k, v in pins.items()}
    name = title.encode(errors="replace").decode()
    read = tomllib.loads(scenario_toml(ScenarioRequest(pin=clean, title=name)))
    assert read.get("pin", {}) == clean
    assert read.get("title", "") == name


def test_parameters_and_levers_say_where_they_come_from(page: Running) -> None:
    _, found, _ = page.ask("/api/parameters")
    items = [i for g in found["groups"] for i in g["items"]]
    assert len(items) > 40
    assert all(i["source"] and i["grade"] and i["low"] < i["high"] for i in items)
    first = [g["items"][0]["influence"] for g in found["groups"]]
    assert first == sorted(first, reverse=True)
    assert max(i["influence"] for i in items) == 1.0
    _, levers, _ = page.ask("/api/levers")
    assert len(levers["levers"]) == 45


@pytest.mark.parametrize(
    ("path", "body", "holds"),
    [
        ("/api/levers/rank", {"samples": 256}, "levers"), ("/api/levers/package", {"samples": 128, "size": 2}, "ratio"),
        ("/api/levers/rebound", {"samples": 256}, "elasticity"),
        ("/api/plan", {"model": "Llama2-7B", "chips": 64, "batch": 256, "seq_len": 4096, "tokens": 2e12}, "headroom"),
    ],
)  # fmt: skip
def test_questions_are_answered(page: Running, path: str, body: Any, holds: str) -> None:
    status, found, _ = page.ask(path, body)
    assert status == 200, found
    assert holds in found


def test_a_plan_has_its_timeline_and_layouts(page: Running) -> None:
    _, found, _ = page.ask("/api/plan", {"model": "Llama2-70B", "chips": 512, "batch": 512, "pp": 4})
    assert {s["kind"] for s in found["timeline"]} == {"forward", "backward", "update"}
    assert found["layouts"][0]["pp"] == 4
    assert found["layouts"] == sorted(found["layouts"], key=lambda r: r["step_s"])


def test_facts_are_found_with_where_they_are_used(page: Running) -> None:
    _, found, _ = page.ask("/api/facts?q=campus&limit=5")
    assert 0 < len(found["rows"]) <= 5 <= found["total"] + 4
    assert all(r["source"] and r["licence"] and r["used_in"] for r in found["rows"])
    assert page.ask("/api/facts?q=zzzzqq")[1]["total"] == 0


def test_every_fact_is_shown_with_a_figure_or_says_why_not(page: Running) -> None:
    rows: list[dict[str, Any]] = []
    total = page.ask("/api/facts?limit=1")[1]["total"]
    while len(rows) < total:
        rows += page.ask(f"/api/facts?limit=500&offset={len(rows)}")[1]["rows"]
    assert total == sum(len(load_catalog().table(name)) for name in TABLES)
    without = [r for r in rows if r["value"] is None and (r["low"] is None or r["high"] is None)]
    assert all(r["reason"] for r in without)
    assert {r["table"] for r in without} == {"models", "power_sources"}
    assert len(without) < 0.05 * total
    assert all(r["column"] for r in rows if r not in without)


def test_access_is_that_of_the_python_interface(page: Running) -> None:
    from liebig.access import find_access

    status, found, _ = page.ask("/api/access", {"countries": ["Kenya"], "samples": 256, "year": 2026})
    assert status == 200
    own = find_access(countries=("Kenya",), samples=256, year=2026)
    assert found["summary"] == own.summary()
    assert found["places"] == json.loads(json.dumps(own.to_dict()["places"]))
    assert len(found["rows"]) > 190
    assert all(m["coverage"] for m in found["measures"])
    _, club, _ = page.ask("/api/access", {"countries": ["Brazil", "Argentina"], "samples": 256})
    assert club["club"]["gain_over_best_member"]
    _, spread, _ = page.ask("/api/access/inequality")
    assert 0.5 < spread["levels"]["hosted"]["gini"] < 1


BAD = [
    ("/api/access", {"countries": ["Kenia"]}, 404, "Kenya"),
    ("/api/access", {"need": "-1GW"}, 400, "-1"),
    ("/api/access", {"scenario": "../x.toml"}, 422, "expected a name"),
    ("/api/forecast", {"pin": {"duratoin": "1 d"}}, 404, "did you mean"),
    ("/api/forecast", {"pin": {"duration": "ten"}}, 400, "ten"),
    ("/api/forecast", {"samples": 10**9}, 422, "samples"),
    ("/api/forecast", {"levers": ["routing@/etc/passwd.json"]}, 422, "files can be read by the command line only"),
    ("/api/forecast", {"facts_files": ["x.csv"]}, 422, "facts_files"),
    ("/api/forecast", {"levers": ["nope"]}, 404, "nope"),
    ("/api/plan", {"model": "/etc/passwd", "chips": 8}, 422, "expected a name"),
    ("/api/plan", {"model": "..", "chips": 8}, 422, "expected a name"),
    ("/api/plan", {"chip": {"like": "mine.toml"}, "chips": 8}, 422, "expected a name"),
    ("/api/plan", {"calibration": "x"}, 422, "calibration"),
    ("/api/plan", {"model": "Llama2-7B", "chips": 7, "tp": 4}, 400, "7"),
    ("/api/plan", {"model": "Lama9-7B", "chips": 8}, 404, "Lama9-7B"),
    ("/api/levers/package", {"size": 9}, 422, "size"),
]


@pytest.mark.parametrize(("path", "body", "status", "told"), BAD)
def test_bad_values_are_told(page: Running, path: str, body: Any, status: int, told: str) -> None:
    found, content, _ = page.ask(path, body)
    assert found == status, content
    assert told in content["error"]["message"]
    assert "Traceback" not in content["error"]["message"]


def test_bodies_of_any_kind_are_refused_clearly(page: Running) -> None:
    assert page.ask("/api/forecast", raw=b"{")[0] == 422
    assert page.ask("/api/forecast", raw=b'{"samples": NaN}')[0] == 422
    assert page.ask("/api/forecast", raw=b"\xff\xfe")[0] in (400, 422)
    assert page.ask("/api/forecast", raw=b"[" * 100_000)[0] in (400, 422)
    assert page.ask("/api/forecast", raw=b" " * (MOST_BYTES + 1))[0] == 413
    assert page.ask("/api/forecast", raw=b"{}", content_type="text/plain")[0] == 415
    assert page.ask("/api/none")[0] == 404


def test_other_sites_and_names_are_refused(page: Running) -> None:
    assert page.ask("/api/forecast", {"samples": 16}, origin="http://evil.example")[0] == 403
    assert page.ask("/api/forecast", {"samples": 16}, sec_fetch_site="cross-site")[0] == 403
    assert page.ask("/api/version", host="evil.example")[0] == 403
    assert page.ask("/api/version", origin=page.url)[0] == 200


@pytest.mark.parametrize(
    "path", ["/..%2f..%2fetc/passwd", "/%2e%2e/pyproject.toml", "/static/../server.py", "/server.py", "/a%00b"]
)
def test_paths_lead_nowhere(page: Running, path: str) -> None:
    status, content, _ = page.ask(path)
    assert status == 404
    assert "error" in content


def test_every_answer_carries_its_policy(page: Running) -> None:
    for path in ("/", "/api/version", "/none"):
        headers = page.ask(path)[2]
        assert headers["content-security-policy"] == CONTENT_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers or "uvicorn" in headers["server"]


def test_a_password_keeps_others_out() -> None:
    running = Running("secret")
    try:
        assert running.ask("/api/version")[0] == 401
        for given, status in (("x:secret", 200), ("x:wrong", 401), ("secret", 401)):
            told = "Basic " + base64.b64encode(given.encode()).decode()
            assert running.ask("/api/version", authorization=told)[0] == status
        assert running.ask("/api/version", authorization="Basic ???")[0] == 401
    finally:
        running.stop()


def test_a_public_address_needs_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIEBIG_APP_PASSWORD", raising=False)
    with pytest.raises(ConflictError, match="--insecure"):
        serve("0.0.0.0", 0, browser=False)
    with pytest.raises(InputError, match="cannot listen"):
        serve("localhost", 80_000, browser=False)


def test_the_command_serves_and_ends(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "liebig", "app", "--port", "0", "--no-browser"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as running:
        try:
            assert running.stderr is not None
            address = running.stderr.readline().split()[3]
            with urllib.request.urlopen(f"{address}api/version", timeout=PATIENCE_S) as answer:
                assert json.load(answer)["version"] == liebig.__version__
            running.terminate()
            running.wait(PATIENCE_S)
        finally:
            running.kill()


SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", create_app())


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_request_gets_an_answer_or_a_clear_refusal(case: Any) -> None:
    response = case.call(timeout=PATIENCE_S)
    assert response.status_code < 500
    case.validate_response(response, checks=[response_schema_conformance])
    if response.status_code >= 400 and "json" in response.headers.get("content-type", ""):
        assert response.json()["error"]["message"]
