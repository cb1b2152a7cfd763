"""Routers: rules, what is learned from labels, promises of calibration, files of data and routers, the suite."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from liebig.errors import ConflictError, InputError, RangeError, UnknownNameError
from liebig.route import answers
from liebig.route.choose import RoutingPolicy, policy_of
from liebig.route.features import features_of, task_of
from liebig.route.learn.assess import assess
from liebig.route.learn.calibrate import (
    calibrate,
    chosen_by_loss,
    losses_of,
    p_value,
    spending_curve,
    threshold_for_spending,
)
from liebig.route.learn.data import Labelled, labelled_from, read_labelled
from liebig.route.learn.evaluate import apgr_by_bins, curve_of
from liebig.route.learn.label import JudgeError, ask_judge, most_informative, read_verdict
from liebig.route.learn.sample import draw_rows, judge_rows, read_rows
from liebig.route.learn.suite import read_outcomes, run_suite
from liebig.route.learned import KINDS
from liebig.route.policy import RoutingTarget, target_of
from liebig.route.request import Answer, Request, request_of_chat, request_of_completion, request_of_responses
from liebig.route.router import Calibrated, LearnedRouter, RuleRouter, load_router, save_rule, train_router
from liebig.route.rules import RULES, need_by_rule
from liebig.route.settings import settings_from
from steady import refusing_port

OUTCOMES = Path(__file__).parents[2] / "shared" / "data" / "routing"
EASY = ("Name a colour", "Say hello to", "Write a greeting for", "Translate to French:", "Who painted")
HARD = (
    "Prove by induction that for all n",
    "Compute the integral of x^2 sin(x) from 0 to",
    "How many ways are there to seat",
)


def traffic(count: int, seed: int = 0) -> Labelled:
    """Prompts of two kinds: the weak model fails on most of the hard ones, and shows it in its answer."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        hard = rng.random() < 0.5
        stem = (HARD if hard else EASY)[rng.integers(3 if hard else 5)]
        weak = float(rng.random() < (0.25 if hard else 0.95))
        strong = float(rng.random() < 0.95)
        answer = "3 * 4 = 12, so the answer is 12." if weak else "3 * 4 = 13, perhaps"
        rows.append(
            {
                "prompt": f"{stem} {rng.integers(1, 10**6)} {('apple', 'tree', 'river', 'stone')[i % 4]}?",
                "quality": {"small": weak, "large": strong}, "answer": {"small": answer},
                "tokens": {"small": 100, "large": 120}, "cost": {"small": 1e-4, "large": 2e-3},
            }
        )  # fmt: skip
    return labelled_from(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_teach_every_kind_of_router_which_prompts_are_hard(kind: str) -> None:
    router, held = train_router(traffic(300), kind)
    found = assess(router, traffic(400, seed=1), draws=30)
    by = {r["router"]: r for r in found.rows}
    assert by[kind]["apgr"] > by["random"]["apgr"] + 0.1
    assert by["oracle"]["apgr"] >= by[kind]["apgr"]
    assert held.shape == (300, 2)
    low, middle, high = by[kind]["usd_saved"]
    assert 0.2 < low <= middle <= high < 0.95


def test_looking_at_the_answer_tells_more_than_the_prompt() -> None:
    plain, _ = train_router(traffic(300), "linear")
    cascade, _ = train_router(traffic(300), "linear", "small")
    test = traffic(400, seed=1)
    a, b = (assess(r, test, draws=10).rows[0]["apgr"] for r in (plain, cascade))
    assert b > a + 0.05
    with pytest.raises(InputError, match="no answer of small"):
        cascade.score([Request("x")])


@pytest.mark.parametrize("kind", [*KINDS, "cascade"])
def test_a_router_scores_the_same_after_it_was_kept_as_a_file(kind: str, tmp_path: Path) -> None:
    router, _ = train_router(
        traffic(120), "linear" if kind == "cascade" else kind, "small" if kind == "cascade" else ""
    )
    done = calibrate(router, traffic(200, seed=2))
    assert isinstance(done, LearnedRouter)
    done.save(tmp_path / "r.npz")
    again = load_router(tmp_path / "r.npz", ("small", "large"))
    requests = traffic(20, seed=3).requests
    np.testing.assert_allclose(again.score(requests), done.score(requests), atol=1e-5)
    assert again.calibrated == done.calibrated
    assert not list(tmp_path.glob("*.part"))


def _holds(kept: float, promised: float, losses: NDArray[np.float64], quality: NDArray[np.float64]) -> bool:
    chosen = chosen_by_loss(losses, kept)
    return bool(quality[np.arange(len(quality)), chosen].mean() >= promised * quality[:, -1].mean())


@pytest.mark.parametrize("splits", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_the_promise_holds_in_nine_of_ten_random_splits(splits: int) -> None:
    """Splits of a pool whose true means are known; routers of any goodness, one of them misleading."""
    rng = np.random.default_rng(0)
    hard = rng.random(20_000)
    quality = np.column_stack([rng.random(20_000) < 1 - 0.8 * hard, rng.random(20_000) < 0.95]).astype(float)
    from liebig.route.learn.calibrate import _threshold

    for score, least in ((0.8 * hard, 0.3), (rng.random(20_000), 0.05), (0.8 - 0.8 * hard, 0.0)):
        losses = np.column_stack([score, np.zeros(20_000)])
        broken, shares = 0, []
        for _ in range(splits):
            at = rng.choice(20_000, 600, replace=False)
            kept = _threshold(losses[at], quality[at], 0.95, 0.9)
            broken += not _holds(kept.threshold, 0.95, losses, quality)
            shares.append(kept.weak_share)
        assert broken <= splits * 0.1 + 2 * math.sqrt(splits * 0.1 * 0.9)  # two standard deviations of draws at 10 %
        assert np.mean(shares) >= least


@pytest.mark.slow
@pytest.mark.skipif(not OUTCOMES.exists(), reason="the outcomes of RouteLLM's sets are not here")
def test_the_promise_holds_on_published_outcomes() -> None:
    data = read_outcomes(OUTCOMES)["gsm8k"]
    router, _ = train_router(data.at(np.arange(300)), "linear", "weak")
    losses = losses_of(router.score(data.requests))[300:]
    quality = data.quality[300:]
    from liebig.route.learn.calibrate import _threshold

    broken = 0
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(len(quality))
        kept = _threshold(losses[order[:400]], quality[order[:400]], 0.95, 0.9)
        broken += not _holds(kept.threshold, 0.95, losses[order[400:]], quality[order[400:]])
        assert kept.weak_share > 0.03
    assert broken <= 20


@given(st.integers(5, 400), st.floats(0.0, 1.0), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_p_value_is_a_probability_and_falls_as_values_rise(n: int, share: float, seed: int) -> None:
    values = np.where(np.random.default_rng(seed).random(n) < share, 0.05, -0.95)
    p = p_value(values, -0.95, 1.0, 0.1)
    assert 0.0 <= p <= 1.0
    assert p_value(values + 0.01, -0.95, 1.01, 0.1, seed=1) <= 1.0
    if values.mean() < -0.5:
        assert p > 0.1


def test_calibration_says_how_many_labels_are_missing() -> None:
    router, _ = train_router(traffic(200), "linear")
    few = calibrate(router, traffic(15, seed=5), (0.95,)).calibrated[0]
    many = calibrate(router, traffic(1500, seed=5), (0.95,)).calibrated[0]
    assert few.weak_share == 0
    assert few.missing > 15
    assert many.weak_share > 0.3
    assert many.missing == 0


def test_calibration_refuses_what_the_router_was_trained_on() -> None:
    data = traffic(100)
    router, _ = train_router(data, "linear")
    with pytest.raises(InputError, match="were used to train"):
        calibrate(router, data)
    with pytest.raises(InputError, match="were used to train"):
        assess(router, data)
    with pytest.raises(RangeError, match=r"quality 1\.2"):
        calibrate(router, data, (1.2,))
    with pytest.raises(RangeError, match="confidence"):
        calibrate(router, data, (0.9,), 1.0)


def test_a_pool_goes_to_the_cheapest_model_that_loses_little() -> None:
    rng = np.random.default_rng(1)
    rows = []
    for i in range(400):
        level = i % 3
        stem = ("Say hello", "Summarize this text about rivers", "Prove the theorem on primes")[level]
        prompt = f"{stem} {rng.integers(10**6)}"
        rows.append({"prompt": prompt, "quality": {"s": float(level == 0), "m": float(level <= 1), "l": 1.0}})
    data = labelled_from(rows)
    assert data.models == ("s", "m", "l")
    router, _ = train_router(data.at(np.arange(200)), "nearest")
    done = calibrate(router, data.at(np.arange(200, 400)), (0.9,))
    policy = RoutingPolicy(done, done.models, (0.1, 1.0, 10.0), RoutingTarget(quality=0.9))
    asked = ("Say hello 5", "Summarize this text about rivers 7", "Prove the theorem on primes 9")
    chosen = [policy.choose(Request(text), RoutingTarget()).model for text in asked]
    assert chosen == ["s", "m", "l"]
    assert policy.choose(Request("Prove the theorem on primes 9"), RoutingTarget(usd_per_mtok=0.1)).model == "s"
    assert policy.choose(Request("Say hello 5"), RoutingTarget(quality=1.0)).model == "l"
    assert policy.choose(Request("Say hello 5"), RoutingTarget(), previous="m") == policy.choose(
        Request("x"), RoutingTarget(), "m"
    )
    assert policy.choose(Request("Say hello 5"), RoutingTarget(quality=0.97)).reason == "beyond calibration"


@given(st.floats(0.5, 9.9), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_spending_stays_within_its_target(target: float, seed: int) -> None:
    losses = np.column_stack([np.random.default_rng(seed).random(200), np.zeros(200)])
    prices = np.array([0.5, 10.0])
    curve = spending_curve(losses, prices)
    chosen = chosen_by_loss(losses, threshold_for_spending(curve, target))
    share = np.mean(chosen == 1)
    assert prices[chosen].mean() <= target + 1e-9
    assert share <= (target - 0.5) / 9.5 + 1e-9
    assert share >= (target - 0.5) / 9.5 - 0.01
    with pytest.raises(RangeError, match="less than the cheapest"):
        threshold_for_spending(curve, 0.1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=60))
def test_the_exact_curve_is_the_mean_over_all_orders_of_tied_scores(rows: list[tuple[int, int, int]]) -> None:
    score, weak, strong = (np.array(x, dtype=float) for x in zip(*rows, strict=True))
    if strong.mean() == weak.mean():
        return
    exact = curve_of(score, weak, strong)
    assert exact.quality[0] == pytest.approx(weak.mean())
    assert exact.quality[-1] == pytest.approx(strong.mean())
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(200):
        broken_tie = score + 1e-6 * rng.random(score.size)
        areas.append(curve_of(broken_tie, weak, strong).apgr)
    spread = np.std(areas) / math.sqrt(200)
    assert exact.apgr == pytest.approx(np.mean(areas), abs=5 * spread + 1e-9)


def test_bins_agree_with_the_exact_curve_and_refuse_ties() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(4000)
    weak, strong = (rng.random(4000) < 0.6).astype(float), (rng.random(4000) < 0.5 + 0.4 * score).astype(float)
    assert apgr_by_bins(score, weak, strong) == pytest.approx(curve_of(score, weak, strong).apgr, abs=0.02)
    with pytest.raises(InputError, match="tied"):
        apgr_by_bins(np.round(score), weak, strong)
    with pytest.raises(InputError, match="not numbers"):
        curve_of([math.nan, 1.0], [0, 0], [1, 1])


@pytest.mark.parametrize("rule", RULES)
def test_rules_take_any_text(rule: str) -> None:
    requests = [Request(t) for t in ("", " ", "a", "٣ + ٤ = ?", "x" * 50_000, "\ud800", "{" * 3000, "1/0 = 5 %%% ((((")]
    need = need_by_rule(rule, requests)
    assert need.shape == (8,)
    score = RuleRouter(rule, ("a", "b", "c")).score(requests)
    assert score.shape == (8, 3)
    assert np.all((score >= 0) & (score <= 1))
    assert np.all(np.diff(score, axis=1) >= 0)


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_features_and_sums_never_fail(text: str) -> None:
    assert np.all(np.isfinite(features_of([Request(text)])))
    assert all(np.isfinite(said) for said, _ in answers._sums(text))
    assert task_of(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3*60=180, 180/4 = 45.0", (2, 0)), ("2+2=5", (1, 1)), ("(3+4)*2 = 14", (1, 0)), ("20% * 50 = 10", (1, 0)),
        ("1/3 = 0.33", (1, 0)), ("1/3 = 0.4", (1, 1)), ("$1,200 - $200 = $1,000", (1, 0)), ("1/0 = 4", (0, 0)),
        ("<<48/2=24>>24", (1, 0)), ("10 - 2 - 3 = 5", (1, 0)), ("no sums", (0, 0)), ("2 x 3 = 6 = 3 + 3", (1, 0)),
    ],
)  # fmt: skip
def test_sums_are_checked(text: str, expected: tuple[int, int]) -> None:
    found = answers._sums(text)
    assert (len(found), sum(not holds for _, holds in found)) == expected


def test_requests_of_all_endpoints() -> None:
    body = {
        "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Look"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, {"role": "tool", "content": "42"},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url"}]},
        ],
        "response_format": {"type": "json_schema"}, "max_completion_tokens": 7,
    }  # fmt: skip
    r = request_of_chat(body)
    assert (r.prompt, r.system, r.turns, r.tools, r.images, r.structured, r.most_tokens) == (
        "What is it?", "Be brief.", 2, True, True, True, 7,
    )  # fmt: skip
    assert "42" in r.context
    assert (
        request_of_responses({"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}).prompt
        == "Hi"
    )
    assert request_of_completion({"prompt": [1, 2]}).prompt == ""


WORDS = st.sampled_from(["role", "content", "messages", "type", "text", "input", "prompt", "max_tokens", "tools"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
BODIES = st.recursive(LEAVES, lambda c: st.lists(c, max_size=3) | st.dictionaries(WORDS, c, max_size=4))


@given(BODIES)
@settings(max_examples=200, deadline=None)
def test_any_body_can_be_read(body: Any) -> None:
    if isinstance(body, dict):
        for read in (request_of_chat, request_of_responses, request_of_completion):
            assert isinstance(read(body), Request)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("auto", RoutingTarget()), ("auto:0.9", RoutingTarget(quality=0.9)), ("auto:95%", RoutingTarget(quality=0.95)),
        ("auto:$2", RoutingTarget(usd_per_mtok=2.0)), ("gpt-x", RoutingTarget(model="gpt-x")),
        ("automatic", RoutingTarget(model="automatic")),
    ],
)  # fmt: skip
def test_names_of_models_state_what_is_wanted(name: str, wanted: RoutingTarget) -> None:
    assert target_of(name) == wanted


@pytest.mark.parametrize(
    "name", ["auto:", "auto:2", "auto:0", "auto:-1", "auto:nan", "auto:$", "auto:$1%", "auto:x", "auto:1e9%"]
)
def test_names_that_cannot_be_understood_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"auto:0\.95"):
        target_of(name)


BAD_ROWS = [
    ([], "no row with a quality"),
    ([{"quality": {"a": 1}}], "row 1: no prompt"),
    ([{"prompt": "x", "quality": {"a": "good"}}], "quality of a is 'good'"),
    ([{"prompt": "x", "quality": {"a": float("nan")}}], "quality of a is nan"),
    ([3], "expected an object, got int"),
    ([{"prompt": "x"}], "no row with a quality"),
]


@pytest.mark.parametrize(("rows", "told"), BAD_ROWS)
def test_bad_rows_are_named(rows: list[Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        labelled_from(rows)


def test_files_of_labels(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text('prompt,quality:large,quality:small,cost:small\n"2+2?",1,0,0.1\nHi,1,,\n', encoding="utf-8")
    read = read_labelled(table)
    assert read.models == ("small", "large")
    assert len(read.usable()) == 1
    assert read.cost[0, 0] == 0.1
    assert read_labelled(table, ["large"]).models == ("large",)
    for name, content, told in (
        ("a.txt", "", r"ends in \.jsonl"), ("a.jsonl", "{", "line 1: not valid JSON"), ("a.csv", "x\n1\n", "no prompt"),
        ("b.jsonl.gz", "not gzip", "cannot be read"),
    ):  # fmt: skip
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=told):
            read_labelled(tmp_path / name)
    (tmp_path / "latin.csv").write_bytes(b"prompt\n\xff")
    with pytest.raises(InputError, match="UTF-8"):
        read_labelled(tmp_path / "latin.csv")
    with pytest.raises(InputError, match="no such file"):
        read_labelled(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="no quality of huge"):
        read_labelled(table, ["huge"])


def test_too_few_labels_or_one_model_are_refused() -> None:
    with pytest.raises(InputError, match="a router needs 40"):
        train_router(traffic(20))
    with pytest.raises(InputError, match="at least two"):
        train_router(labelled_from([{"prompt": f"p{i}", "quality": {"a": i % 2}} for i in range(60)]))
    with pytest.raises(InputError, match="negative"):
        train_router(labelled_from([{"prompt": f"p{i}", "quality": {"a": -1, "b": 1}} for i in range(60)]))
    with pytest.raises(UnknownNameError, match="linear"):
        train_router(traffic(60), "linaer")


def test_files_that_hold_no_router_are_refused(tmp_path: Path) -> None:
    for name, content in (("a.npz", b""), ("b.npz", b"PK\x03\x04 junk"), ("c.npz", b"\x93NUMPY junk")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="holds no router"):
            load_router(tmp_path / name)
    np.savez(tmp_path / "d.npz", meta=np.array(json.dumps({"version": 99})))
    with pytest.raises(InputError, match="newer version"):
        load_router(tmp_path / "d.npz")
    np.savez(tmp_path / "e.npz", meta=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="holds no router"):
        load_router(tmp_path / "e.npz")  # objects could run code
    with pytest.raises(InputError, match="built in are default"):
        load_router(tmp_path / "absent.npz")
    router = RuleRouter("length", ("a", "b"), (Calibrated(0.9, 0.9, 0.2, 0.5, 100),), np.array([0.1]))
    save_rule(router, tmp_path / "f.npz")
    assert load_router(tmp_path / "f.npz").calibrated == router.calibrated
    with pytest.raises(ConflictError, match="not for c"):
        load_router(tmp_path / "f.npz", ("a", "c"))


def _settings(**routing: Any) -> Any:
    return settings_from(
        {
            "upstream": [{"name": "u", "url": "http://127.0.0.1:1/v1"}],
            "model": [
                {"name": "small", "upstream": "u", "input_usd_per_mtok": 0.1, "output_usd_per_mtok": 0.4},
                {"name": "large", "upstream": "u", "input_usd_per_mtok": 2.5, "output_usd_per_mtok": 10},
            ],
            "routing": routing,
        }
    )


def test_the_policy_of_settings() -> None:
    policy = policy_of(_settings())
    assert policy.models == ("small", "large")
    easy, hard = (
        policy.choose(Request(p), RoutingTarget()) for p in ("Hi", f"{HARD[1]} 5, prove it step by step. " * 5)
    )
    assert (easy.model, hard.model) == ("small", "large")
    assert easy.reason == "uncalibrated"
    looking = policy_of(_settings(cascade=True))
    first = looking.choose(Request("How many are 3 and 4?"), RoutingTarget())
    assert first.look
    good = looking.inspect(
        Request("How many are 3 and 4?"), first, RoutingTarget(), Answer("3 + 4 = 7. The answer is 7.")
    )
    bad = looking.inspect(Request("How many are 3 and 4?"), first, RoutingTarget(), Answer(""))
    assert (good.model, bad.model) == ("small", "large")
    assert not looking.choose(Request("x", tools=True), RoutingTarget()).look
    assert policy_of(_settings(usd_per_mtok=0.18)).choose(Request(HARD[0] * 9), RoutingTarget()).model == "small"


def test_a_router_and_the_models_of_the_settings_must_be_the_same(tmp_path: Path) -> None:
    router, _ = train_router(traffic(60), "linear")
    router.save(tmp_path / "r.npz")
    fits = _settings(router=str(tmp_path / "r.npz"))
    assert policy_of(fits).models == ("small", "large")
    with pytest.raises(ConflictError, match="does not look at answers"):
        policy_of(_settings(router=str(tmp_path / "r.npz"), cascade=True))
    with pytest.raises(ConflictError, match="does not look at answers"):
        policy_of(_settings(router="length", cascade=True))
    with pytest.raises(ConflictError, match="chooses among small, large"):
        policy_of(_settings(router=str(tmp_path / "r.npz"), models=["large"]))


def test_negative_qualities_are_refused_in_calibration() -> None:
    rows = [{"prompt": f"p{i}", "quality": {"weak": -1.0, "strong": 1.0}} for i in range(50)]
    with pytest.raises(InputError, match="negative"):
        calibrate(RuleRouter("length", ("weak", "strong")), labelled_from(rows))


def test_a_trained_router_is_assessed_on_data_of_more_models() -> None:
    router, _ = train_router(traffic(60), "linear")
    rows = [{"prompt": f"q{i}", "quality": {"small": i % 2, "huge": 1, "large": 1}} for i in range(50)]
    found = assess(router, labelled_from(rows), draws=10)
    assert (found.weak, found.strong) == ("small", "large")


def test_informative_prompts_differ_from_each_other() -> None:
    requests = [Request(f"Say hello to my good old friend Anna, number {n}") for n in range(20)]
    requests += [Request("Integrate the cube of x"), Request("SELECT name FROM users WHERE age > 7")]
    assert {20, 21} <= set(most_informative(requests, 4))
    assert len(most_informative(requests, 99)) == 22
    with pytest.raises(InputError, match="at least one"):
        most_informative([], 3)


def test_a_judge_is_asked_both_ways_round() -> None:
    seen: list[str] = []

    def post(url: str, body: bytes, headers: Any, timeout_s: float) -> bytes:
        seen.append(json.loads(body)["messages"][1]["content"])
        verdict = json.dumps({"a": 1.0, "b": 0.0})  # a judge that always prefers what stands first
        return json.dumps({"choices": [{"message": {"content": verdict}}]}).encode()

    assert ask_judge("http://judge/v1", "j", Request("2+2?"), ("4", "5"), post=post) == (0.5, 0.5)
    assert seen[0].index("4") < seen[0].rindex("5")
    assert len(seen) == 2
    for told in (b"", b"{}", b'{"choices": [{"message": {"content": "A is better"}}]}',
                 b'{"choices": [{"message": {"content": "{\\"a\\": 7, \\"b\\": 1}"}}]}'):  # fmt: skip
        with pytest.raises(JudgeError):
            read_verdict(told)
    with refusing_port() as nobody, pytest.raises(JudgeError, match="cannot be reached"):
        ask_judge(f"http://127.0.0.1:{nobody}/v1", "j", Request("x"), ("a", "b"))
    with pytest.raises(InputError, match="URL#MODEL"):
        judge_rows([{}], "http://x")
    with pytest.raises(InputError, match="compares two answers"):
        judge_rows([{"prompt": "x", "answer": {"a": "1"}}], "http://127.0.0.1:9/v1#j")


def test_rows_to_draw_from_are_read_as_labelled_ones_are(tmp_path: Path) -> None:
    for content, told in (
        ('{"messages": "[not json"}\n', "row 1: messages: not valid JSON"),
        ('{"x": 1}\n', "row 1: no prompt"),
    ):
        (tmp_path / "a.jsonl").write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=told):
            read_rows(tmp_path / "a.jsonl")


def test_only_rows_without_labels_are_drawn() -> None:
    rows = [{"prompt": "a", "quality": {"m": 1}}, {"prompt": "b"}, {"prompt": "c", "quality:m": ""}]
    assert [r["prompt"] for r in draw_rows(rows, 5)] == ["b", "c"]
    with pytest.raises(InputError, match="labelled already"):
        draw_rows(rows[:1], 5)


@pytest.mark.slow
@pytest.mark.skipif(not OUTCOMES.exists(), reason="the outcomes of RouteLLM's sets are not here")
def test_the_suite_reaches_what_the_documentation_says() -> None:
    rows = {(r["set"], r["router"], r["labels"]): r["apgr"] for r in run_suite(OUTCOMES, splits=4, draws=20)}
    assert rows["mmlu", "default", 0] > 0.58
    assert rows["gsm8k", "default", 0] > 0.58
    assert rows["mt_bench", "default", 0] > 0.65
    assert rows["gsm8k", "cascade", 0] > 0.69
    assert rows["gsm8k", "learned cascade", 131] > 0.71
    assert rows["gsm8k", "learned cascade", 653] > 0.78
    assert rows["mmlu", "learned", 1531] > 0.625
    assert rows["mmlu", "oracle", 0] == pytest.approx(1.285, abs=0.002)  # as published
    assert rows["gsm8k", "oracle", 0] == pytest.approx(1.121, abs=0.002)
    assert rows["mt_bench", "oracle", 0] == pytest.approx(0.964, abs=0.002)


def test_a_suite_without_outcomes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        run_suite(tmp_path)
    (tmp_path / "routellm_outcomes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="columns"):
        run_suite(tmp_path)
