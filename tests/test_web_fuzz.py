"""Whatever JSON is posted to a question of the page: an answer, or a refusal in one sentence."""

from __future__ import annotations

import functools
import json
import warnings
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liebig.web.server import create_app

#: A small body for each question that is posted, whose values are replaced one after the other.
BODIES: dict[str, dict[str, Any]] = {
    "/api/forecast": {
        "title": "t", "facts": "2026", "set": {"duration": "200 d from 2028", "run.share": 0.2},
        "pin": {"utilisation": "p90"}, "add": {"power.smr": "10 GW from 2032"},
        "levers": ["fp4-training@2027"], "switches": ["text-only"],
        "samples": 16, "seed": 1, "year": 2030,
    },
    "/api/levers/rank": {"pin": {"duration": "90 d"}, "levers": ["routing"], "samples": 16, "year": 2031},
    "/api/levers/package": {"set": {"duration": "90 d"}, "samples": 16, "size": 1},
    "/api/levers/rebound": {"add": {"power.smr": "1 GW from 2030"}, "samples": 16},
    "/api/scenario.toml": {"title": "t", "set": {"duration": "200 d"}, "switches": ["text-only"]},
    "/api/plan": {
        "model": {"n_layers": 2, "hidden": 64, "n_heads": 4, "ffn": 256, "vocab": 1000}, "tokens": 1e9, "seq_len": 512,
        "batch": 16, "precision": "bf16", "chip": {"like": "H100-SXM", "peak_bf16": 9e14}, "chips": 8,
        "tp": 1, "pp": 1, "cp": 1, "ep": 1, "vpp": 1, "micro_batch": 1, "zero": 1, "recompute": "full",
        "recompute_share": 0.5,
        "schedule": "1f1b", "offload": False, "network_gbit": 400, "topology": "fat-tree", "taper": 0.5, "domain": 8,
        "failures_per_chip_day": 0.001, "site": {"like": "france", "pue": 1.2}, "date": "2026-06", "terms": "owned",
        "owned": {"years": 4}, "software": "modern",
    },
    "/api/access": {"countries": ["Kenya", "Brazil"], "need": "1GW", "year": 2030, "samples": 64, "seed": 0},
}  # fmt: skip
TEXTS = st.sampled_from(
    ["\ud800", "a\udfff", "\0", "", " ", "..", "nan", "-1", "1e400", "10 GW", "9**9**9 s", "5 from 2028 over -1",
     "true", "2026-13", "7B", "H100-SXM", "x" * 999, "é", "\u2028"]
)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([10**9, -(10**18), 2**63, 10**400, 10**4000])
    | st.floats() | st.sampled_from([1e-300, 1e300, -0.0, 0.5]) | TEXTS | st.text(max_size=9)
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@functools.cache
def _client() -> TestClient:
    return TestClient(create_app())


@st.composite
def bodies(draw: st.DrawFn, path: str) -> Any:
    """A body that may be asked, with some of its values, at any depth, replaced or new; or any value at all."""
    if draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    body = json.loads(json.dumps(BODIES[path]))
    for _ in range(draw(st.integers(1, 2))):
        inside = body
        name = draw(st.sampled_from([*inside, "other"]))
        while isinstance(inside.get(name), dict) and inside[name] and draw(st.integers(0, 3)):
            inside = inside[name]
            name = draw(st.sampled_from([*inside, "other"]))
        inside[name] = draw(VALUES)
    return body


@pytest.mark.parametrize("path", BODIES)
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_json_is_answered_or_refused(path: str, data: st.DataObject) -> None:
    raw = json.dumps(data.draw(bodies(path)), ensure_ascii=data.draw(st.booleans())).encode(errors="surrogatepass")
    _posted(path, raw)


def _posted(path: str, raw: bytes) -> tuple[int, str]:
    """Status and message; an error that is no refusal is raised here, not made an answer of 500."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        answer = _client().post(path, content=raw, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 404, 422)
    message = "" if answer.status_code == 200 else answer.json()["error"]["message"]
    assert (answer.status_code == 200) != bool(message)
    return answer.status_code, message


@pytest.mark.parametrize("path", BODIES)
def test_the_bodies_that_are_changed_are_answered(path: str) -> None:
    assert _posted(path, json.dumps(BODIES[path]).encode()) == (200, "")


REFUSED = [
    (b"", "the body is empty; expected an object in JSON, such as {}"),
    (b" \n", "the body is empty; expected an object in JSON, such as {}"),
    (b"{", "the body is not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    (b"[]", "expected an object in JSON, such as {} (got [])"),
    (b"null", "expected an object in JSON, such as {} (got None)"),
    (b'{"seed": NaN}', "the body is not valid JSON: NaN is no number of JSON"),
    (b'{"seed": -Infinity}', "the body is not valid JSON: -Infinity is no number of JSON"),
    (b'{"seed": 1' + b"0" * 5000 + b"}", "the body is not valid JSON: a number is longer than 4300 digits"),
    (b"[" * 99_999, "the body is nested too deeply"),
    (b'{"x": "\\ud800"}', "the body is no UTF-8 text: it holds '\\ud800', which is half a character"),
    (b'{"\\udfff": 1}', "the body is no UTF-8 text: it holds '\\udfff', which is half a character"),
    (b'{"x": "\xff"}', "the body is no UTF-8 text: it holds '\\udcff', which is half a character"),
]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(("raw", "words"), REFUSED)
def test_what_is_no_json_is_refused_alike_by_every_question(path: str, raw: bytes, words: str) -> None:
    assert _posted(path, raw) == (422, words)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/api/forecast", {"set": {"duration": True}}, "set.duration: expected a number (got True)"),
        ("/api/forecast", {"pin": {"duration": False}}, "pin.duration: expected a number (got False)"),
        ("/api/levers/rank", {"seed": True}, "seed: expected a whole number (got True)"),
        ("/api/access", {"year": True}, "year: expected a whole number (got True)"),
        ("/api/plan", {"model": "7B", "tokens": True}, "tokens: expected a number (got True)"),
        ("/api/plan", {"model": "7B", "chips": True, "tp": True}, "chips: expected a whole number (got True); tp: exp"),
        ("/api/plan", {"model": "7B", "owned": {"years": True}}, "owned.years: expected a number (got True)"),
        ("/api/plan", {"model": "7B", "site": {"pue": True}}, "site: pue: expected a number (got True)"),
        ("/api/plan", {"model": {"n_layers": True}}, "n_layers: expected a whole number (got True)"),
    ],
)
def test_true_and_false_are_no_numbers(path: str, body: dict[str, Any], words: str) -> None:
    status, message = _posted(path, json.dumps(body).encode())
    assert status in (400, 422)
    assert words in message
