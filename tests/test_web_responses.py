"""The types of the page's answers: real answers hold exactly what is declared, and each scenario is read once."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import ValidationError

from liebig.forecast import ForecastInput, levers, simulate
from liebig.forecast import inputs as forecast_inputs
from liebig.forecast import world as worlds
from liebig.limits import LIMITS
from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.records import Call, Outcome
from liebig.route.savings.report import Drift, Saving, Savings
from liebig.uncertainty import Interval
from liebig.web import answers, requests, responses
from liebig.web.requests import ScenarioRequest
from liebig.web.responses.common import Answer, Quantiles
from liebig.web.responses.forecast import ForecastYear
from liebig.web.server import create_app

ROUTER = Path(__file__).parents[1] / "web" / "e2e" / "router.json"
FEW = {"samples": 64}
PLAN = {"model": "Llama2-7B", "chips": 64, "batch": 256, "seq_len": 4096}
#: At least one request for every question, and those whose answers have gaps.
ASKED: list[tuple[str, dict[str, Any] | None]] = [
    ("/api/version", None),
    ("/api/forecast", {**FEW, "year": 2033}),
    ("/api/forecast", {**FEW, "facts": "epoch-2024"}),
    ("/api/forecast", {**FEW, "pin": {"demand.elasticity": "1.1"}, "levers": ["fp4-training@2027"], "title": "x"}),
    ("/api/forecast", {**FEW, "switches": ["no-power", "no-latency", "unlimited-data"]}),
    ("/api/forecast", {**FEW, "pin": {"power.campus_w": "1e30 W"}}),
    ("/api/parameters", None),
    ("/api/levers", None),
    ("/api/levers/rank", FEW),
    ("/api/levers/rank", {**FEW, "switches": ["no-power"]}),
    ("/api/levers/package", {**FEW, "size": 2}),
    ("/api/levers/rebound", FEW),
    ("/api/catalogue", None),
    ("/api/plan", PLAN),
    ("/api/plan", {**PLAN, "failures_per_chip_day": 0}),
    ("/api/plan", {**PLAN, "model": "Mixtral-8x7B", "pp": 2, "recompute": "full"}),
    ("/api/access", FEW),
    ("/api/access", {**FEW, "countries": ["EU", "North Korea", "Nauru"], "scenario": "2023-rule"}),
    ("/api/access/inequality", None),
    ("/api/facts?limit=500&offset=2500", None),
    ("/api/facts?q=zzzzqq", None),
    ("/api/router", None),
]


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(create_app())


def _routes() -> dict[str, APIRoute]:
    return {r.path: r for r in create_app().routes if isinstance(r, APIRoute) and r.path.startswith("/api/")}


def test_every_question_declares_its_answer() -> None:
    for path, route in _routes().items():
        if path != "/api/scenario.toml":  # a text
            assert Answer in route.response_model.__mro__, path
    assert {path.partition("?")[0] for path, _ in ASKED} == set(_routes()) - {"/api/scenario.toml"}


@pytest.mark.parametrize(("path", "body"), ASKED, ids=[f"{i} {path}" for i, (path, _) in enumerate(ASKED)])
def test_answers_hold_exactly_what_their_types_say(client: TestClient, path: str, body: dict[str, Any] | None) -> None:
    answer = client.get(path) if body is None else client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    model = _routes()[path.partition("?")[0]].response_model
    read = model.model_validate_json(answer.content)
    assert json.loads(read.model_dump_json(by_alias=True)) == answer.json()


def test_a_field_without_a_type_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.post("/api/levers/rebound", json=FEW).json()
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        responses.ReboundAnswer.model_validate({**answer, "more": 1})
    answer["levers"][0]["more"] = 1
    with pytest.raises(ValidationError, match=r"levers\.0\.more"):
        responses.ReboundAnswer.model_validate(answer)
    with pytest.raises(ValidationError):
        ForecastYear.model_validate({"year": "2030"})


def test_numbers_without_bound_are_null_and_none_else() -> None:
    assert Quantiles(p10=1, p50=math.nan, p90=math.inf).model_dump_json() == '{"p10":1.0,"p50":null,"p90":null}'


def test_limits_of_the_document_are_those_of_the_model(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["Limit"]["enum"] == list(LIMITS)
    assert set(client.post("/api/forecast", json=FEW).json()["limits"]) == set(LIMITS)


def test_a_refusal_is_a_problem(client: TestClient) -> None:
    for body in ({"levers": ["nope"]}, {"samples": 1}, {"pin": {"duration": "ten"}}):
        answer = client.post("/api/forecast", json=body)
        assert responses.Problem.model_validate_json(answer.content).error.message
        assert (
            str(answer.status_code) in client.get("/openapi.json").json()["paths"]["/api/forecast"]["post"]["responses"]
        )


def test_savings_of_a_gateway_have_their_type() -> None:
    third = Interval(1.0, 2.0, 3.0)
    item = Saving("all", 3, 0, 10, 5, 0.1, 0.2, 30.0, third, third, third, 0.5, None, math.nan)
    found = Savings("day", (item,), item, "large", third, 0.0, 86_400.0, Drift(0.1, 0.05, 100, 200))
    read = responses.RouterAnswer.model_validate({"report": found.to_dict()})
    assert read.report is not None
    assert read.report.total.usd_saved is None
    assert json.loads(read.model_dump_json(by_alias=True))["report"]["from"] == found.to_dict()["from"]
    assert responses.RouterAnswer.model_validate_json(ROUTER.read_text("utf-8")).report is not None


def test_savings_of_a_ledger_reach_the_page(tmp_path: Path) -> None:
    models = "".join(
        f'[[model]]\nname = "{name}"\nupstream = "one"\noutput_usd_per_mtok = {usd}\n'
        for name, usd in (("small", 1), ("large", 10))
    )
    url = f"sqlite:{tmp_path / 'ledger.db'}"
    settings = tmp_path / "gateway.toml"
    settings.write_text(
        f'[[upstream]]\nname = "one"\nurl = "http://127.0.0.1:9/v1"\n{models}'
        f'[routing]\nmodels = ["small", "large"]\n[ledger]\nurl = "{url}"\n',
        "utf-8",
    )

    async def fill() -> None:
        ledger = open_ledger(url)
        await ledger.open()
        for i in range(60):
            model, usd = ("large", 1e-3) if i % 2 else ("small", 1e-4)
            await ledger.begin(Call(str(i), "", time.time() - 60.0, "chat", "auto", "w"), None)
            done = Outcome(model, "one", 200, completion_tokens=100 + i % 7, usd=usd, usd_strong=1e-3)
            await ledger.finish(str(i), done)
        await ledger.close()

    asyncio.run(fill())
    answer = TestClient(create_app(settings)).get("/api/router?days=30")
    assert answer.status_code == 200, answer.text
    found = responses.RouterAnswer.model_validate_json(answer.content).report
    assert found is not None
    assert found.length_ratio is not None
    assert (found.total.calls, found.total.usd) == (60, pytest.approx(0.033))
    assert found.total.usd_strong.p50 == pytest.approx(0.06, rel=0.05)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/forecast", {}),
        ("/api/levers/rank", {}),
        ("/api/levers/package", {"size": 2}),
        ("/api/levers/rebound", {}),
    ],
)
def test_a_scenario_is_read_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    calls = {"request": 0, "input": 0, "world": 0}

    def counted(name: str, function: Any) -> Any:
        def wrapper(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return function(*args, **options)

        return wrapper

    monkeypatch.setattr(requests, "no_file", counted("request", requests.no_file))
    # a model is made by reading, or by calling its class
    monkeypatch.setattr(forecast_inputs, "made", counted("input", forecast_inputs.made))
    monkeypatch.setattr(ForecastInput, "__init__", counted("input", ForecastInput.__init__))
    for module in (simulate, levers):
        monkeypatch.setattr(module, "build_world", counted("world", worlds.build_world))
    scenario = {**FEW, "levers": ["fp4-training"], "seed": 77, **body}
    assert client.post(path, json=scenario).status_code == 200
    assert calls == {"request": 1, "input": 1, "world": 1}
    client.post(path, json=scenario)
    if path != "/api/levers/rebound":  # quick enough to be computed again
        assert calls == {"request": 2, "input": 1, "world": 1}


@pytest.mark.parametrize("path", ["/api/forecast", "/api/levers/rank", "/api/levers/package", "/api/levers/rebound"])
def test_every_answer_to_a_scenario_says_what_changes_nothing(client: TestClient, path: str) -> None:
    found = client.post(path, json={**FEW, "levers": ["diloco@2038"], "year": 2030}).json()
    assert "error" not in found, found
    late = [note.split(":")[0] for note in found["notes"]]
    assert late == ([] if path == "/api/forecast" else ["diloco from 2038"])  # a forecast shows all years


def test_every_fact_has_a_value_or_says_why_it_has_none(client: TestClient) -> None:
    first = client.get("/api/facts?limit=500").json()
    rows = [
        r
        for start in range(0, first["total"], 500)
        for r in client.get(f"/api/facts?limit=500&offset={start}").json()["rows"]
    ]
    assert len(rows) == first["total"] > 3000
    for row in rows:
        assert (row["value"] in (None, "")) == (len(row["reason"].split()) > 3), row
    without = {row["id"].split(" · ")[0]: row["reason"] for row in rows if row["reason"]}
    assert without["trend.level_factor"] == "only an interval is stated, without a middle"
    assert without["Claude 3 Opus"].startswith("no figure is published: neither training flop, parameters, ")


#: Names that are not known, and texts that a command would take for the name of a file.
UNKNOWN = [
    ("/api/access", {"scenario": "foo"}), ("/api/access", {"need": "foo"}), ("/api/access", {"countries": ["foo"]}),
    ("/api/forecast", {"levers": ["foo"]}), ("/api/forecast", {"levers": ["fp4-training@foo"]}),
    ("/api/forecast", {"switches": ["foo"]}), ("/api/forecast", {"facts": "foo"}),
    ("/api/forecast", {"set": {"foo": 1}}),
    ("/api/levers/rank", {"levers": ["fp4-training@"]}),
    *(("/api/plan", {**PLAN, name: "foo"}) for name in ("model", "chip", "site", "software", "precision", "schedule")),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), UNKNOWN)
def test_the_page_offers_no_file_that_it_would_refuse(client: TestClient, path: str, body: dict[str, Any]) -> None:
    refused = client.post(path, json=body)
    assert 400 <= refused.status_code < 500
    assert not re.search(r"\.(toml|json|csv|npz)|\bfile", refused.json()["error"]["message"])


def test_a_forecast_is_computed_once_for_all_years() -> None:
    first = answers.forecast(ScenarioRequest(samples=64, seed=5, year=2030))
    other = answers.forecast(ScenarioRequest(samples=64, seed=5, year=2034))
    assert first.years is other.years
    assert "In 2030" in first.summary
    assert "In 2034" in other.summary
