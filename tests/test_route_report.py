"""Savings of a ledger: known prices and lengths come back, drift is noticed, a forecast takes the measured lever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from liebig.catalog import load_catalog
from liebig.errors import InputError
from liebig.levers.vectors import parse_lever
from liebig.route.ledger.records import Row
from liebig.route.savings.drift import drift_of
from liebig.route.savings.lever import as_lever
from liebig.route.savings.report import Tally, report
from liebig.uncertainty import Interval

from .conftest import Cli

#: USD per token of prompt, of cached prompt and of completion.
WEAK, STRONG = (1e-7, 5e-8, 4e-7), (2.5e-6, 1.25e-6, 1e-5)
DAY = 86400.0


def cost(prices: tuple[float, float, float], prompt: int, cached: int, completion: int) -> float:
    return prices[0] * (prompt - cached) + prices[1] * cached + prices[2] * completion


def traffic(n: int = 4000, strong: float = 0.25, ratio: float = 1.5, seed: int = 0, **fields: Any) -> list[Row]:
    """Calls of which the strong model takes a part, with answers that are longer by a factor."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        is_strong = rng.random() < strong
        prompt, completion = int(rng.integers(20, 800)), int(rng.gamma(4, 50 * (ratio if is_strong else 1)) + 1)
        cached = int(prompt * rng.choice([0, 0, 0.5]))
        at_strong = cost(STRONG, prompt, cached, completion)
        named = {
            "id": str(i), "key_id": f"k{i % 3}", "at": 1e9 + DAY * (i % 2), "endpoint": "chat", "asked": "auto",
            "worker": "w", "model": "strong" if is_strong else "weak", "status": 200, "score": rng.random(),
            "prompt_tokens": prompt, "cached_tokens": cached, "completion_tokens": completion,
            "usd": at_strong if is_strong else cost(WEAK, prompt, cached, completion), "usd_strong": at_strong,
            "wh": completion * (0.01 if is_strong else 0.002), "wh_strong": completion * 0.01,
            "g_co2": completion * (0.004 if is_strong else 0.001), "g_co2_strong": completion * 0.004,
        }  # fmt: skip
        rows.append(Row(**{**named, **fields}))
    return rows


def test_sums_and_shares() -> None:
    rows = traffic()
    found = report(rows)
    (item,) = found.items
    weak = [r for r in rows if r.model == "weak"]
    assert item.calls == len(rows)
    assert item.usd == pytest.approx(sum(r.usd for r in rows))
    assert item.kwh == pytest.approx(sum(r.wh for r in rows) / 1000)
    assert item.calls_saved == pytest.approx(len(weak) / len(rows))
    tokens = [sum(r.prompt_tokens + r.completion_tokens for r in many) for many in (weak, rows)]
    assert item.tokens_saved == pytest.approx(tokens[0] / tokens[1])
    assert item.usd_saved == pytest.approx(1 - item.usd / item.usd_strong[1])
    assert found.strong == "strong"
    assert found.warnings == ()


def test_strong_only_counts_that_its_answers_are_longer() -> None:
    rows = traffic(ratio=1.5)
    found = report(rows)
    assert found.length_ratio is not None
    low, mid, high = found.length_ratio
    assert low < 1.5 < high
    assert high - low < 0.15
    weak = [r for r in rows if r.model == "weak"]
    longer = sum(cost(STRONG, r.prompt_tokens, r.cached_tokens, round(r.completion_tokens * mid)) for r in weak)
    expected = longer + sum(r.usd_strong for r in rows if r.model == "strong")
    assert found.total.usd_strong[1] == pytest.approx(expected, rel=0.002)
    assert found.total.kwh_strong[1] == pytest.approx(
        sum(r.wh_strong * (mid if r.model == "weak" else 1) for r in rows) / 1000, rel=0.002
    )


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(60):
        found = report(traffic(400, ratio=1.3, seed=seed))
        assert found.length_ratio is not None
        inside += found.length_ratio[0] <= 1.3 * (200 + 0.5 / 1.3) / 200.5 <= found.length_ratio[2]
    assert 38 <= inside <= 57


def test_few_calls_give_no_ratio_but_a_warning() -> None:
    rows = traffic(40, strong=0.1)
    found = report(rows)
    assert found.length_ratio is None
    assert found.total.usd_strong == pytest.approx((sum(r.usd_strong for r in rows),) * 3)
    assert "not known" in found.warnings[0]
    assert report([]).warnings == ()
    assert report([]).total.calls == 0


def test_escalated_calls_are_those_of_the_strong_model() -> None:
    rows = traffic(500) + traffic(100, strong=1.0, seed=1, escalated=True, usd=0.05)
    found = report(rows)
    assert found.strong == "strong"
    assert found.total.usd == pytest.approx(sum(r.usd for r in rows))
    assert found.total.calls_saved == pytest.approx(sum(r.model == "weak" for r in rows) / 600)


def test_errors_cost_but_tell_nothing() -> None:
    lost = Row("x", "k", 1e9, "chat", "auto", "w", status=0, usd=0.5, usd_strong=0.5, error="interrupted")
    plain, with_lost = report(traffic(500)), report([*traffic(500), lost])
    assert with_lost.total.errors == 1
    assert with_lost.total.usd == pytest.approx(plain.total.usd + 0.5)
    assert with_lost.total.usd_strong == pytest.approx([u + 0.5 for u in plain.total.usd_strong])
    assert with_lost.total.calls_saved == plain.total.calls_saved


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("total", ["total"]),
        ("key", ["k0", "k1", "k2"]),
        ("model", ["strong", "weak"]),
        ("day", ["2001-09-09", "2001-09-10"]),
    ],
)
def test_groups_add_up(by: Any, groups: list[str]) -> None:
    rows = traffic(1000)
    items = report(rows, by).items
    assert [i.group for i in items] == groups
    total = report(rows).total
    assert sum(i.calls for i in items) == 1000
    assert sum(i.usd for i in items) == pytest.approx(total.usd)
    assert sum(i.usd_strong[1] for i in items) == pytest.approx(total.usd_strong[1])
    table = report(rows, by).table()
    assert table["group"] == groups
    assert table["usd_strong_p10"] == pytest.approx([i.usd_strong.p10 for i in items], rel=1e-11)
    assert json.loads(json.dumps(report(rows, by).to_dict()))["total"]["calls"] == 1000


def test_unknown_groups() -> None:
    with pytest.raises(InputError, match="by 'hour'"):
        Tally("hour")  # type: ignore[arg-type]


def test_drift_is_the_two_sample_distance() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(300), rng.random(200) ** 2
    found = drift_of(a, b)
    assert found.distance == pytest.approx(stats.ks_2samp(a, b).statistic)
    assert found.warning is not None
    assert stats.ks_2samp(a, b).pvalue < 0.01
    assert drift_of(np.round(a, 1), np.round(a[::-1], 1)).distance == 0.0
    false_alarms = sum(drift_of(rng.random(150), rng.random(150)).warning is not None for _ in range(400))
    assert false_alarms <= 12
    assert drift_of(rng.random(10**5), rng.random(10**5) ** 1.03).warning is None
    with pytest.raises(InputError, match="not empty"):
        drift_of(np.zeros(0), a)


def test_drift_in_a_report() -> None:
    rows = traffic(500)
    rng = np.random.default_rng(1)
    assert report(rows, calibration=rng.random(500)).warnings == ()
    warned = report(rows, calibration=rng.random(500) ** 3)
    assert "calibrate again" in warned.warnings[0]
    assert warned.to_dict()["drift"]["warning"] == warned.warnings[0]


def test_a_forecast_takes_the_measured_lever(tmp_path: Path) -> None:
    lever = as_lever(report(traffic()))
    assert lever["measured"]["quantity"] == "energy"
    assert lever["measured"]["low"] < lever["measured"]["mid"] < lever["measured"]["high"]
    path = tmp_path / "measured.json"
    path.write_text(json.dumps(lever))
    read = parse_lever(f"routing@{path}", load_catalog())
    assert read.measured == (lever["p10"], lever["p50"], lever["p90"])
    assert "4000 calls, 2001-09-09" in read.measured_source
    command = [sys.executable, "-m", "liebig", "forecast", "--lever", f"routing@{path}", "--samples", "256", "--json"]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    json.loads(out.stdout)


def test_a_lever_frees_what_answering_takes() -> None:
    lever = as_lever(report(traffic()), training_share=Interval.exactly(0.8))
    saved = 1 - 1 / lever["measured"]["mid"]
    assert lever["p50"] == pytest.approx(1 + saved * 0.2 / 0.8, rel=1e-3)
    none = as_lever(report(traffic(wh=0.0)), training_share=Interval.exactly(0.8))
    assert none["measured"]["quantity"] == "cost"
    with pytest.raises(InputError, match="none"):
        as_lever(report(traffic(wh=0.0, usd=0.0)))


@pytest.mark.parametrize("words", [["keys", "list"], ["keys", "list", "--json"], ["report"], ["report", "--json"]])
def test_what_reads_a_ledger_makes_none(cli: Cli, words: list[str]) -> None:
    _gateway(cli.folder)
    before = sorted(p.name for p in cli.folder.iterdir())
    cli("route", *words, "--config", "gateway.toml")
    assert sorted(p.name for p in cli.folder.iterdir()) == before


def test_a_key_that_is_changed_without_a_ledger_makes_none(cli: Cli) -> None:
    _gateway(cli.folder)
    for words in (["set", "ci", "--rpm", "3"], ["revoke", "ci"]):
        assert "ci" in cli.fails("route", "keys", *words, "--config", "gateway.toml")


def test_a_listing_leaves_the_ledger_as_it_was(cli: Cli) -> None:
    _gateway(cli.folder)
    cli("route", "keys", "add", "ci", "--config", "gateway.toml")
    before = {p.name: p.read_bytes() for p in cli.folder.iterdir()}
    assert "ci" in cli("route", "keys", "list", "--config", "gateway.toml").stdout
    assert {p.name: p.read_bytes() for p in cli.folder.iterdir()} == before


def _gateway(folder: Path) -> None:
    text = (Path(__file__).parents[1] / "examples" / "routing" / "gateway.toml").read_text(encoding="utf-8")
    (folder / "gateway.toml").write_text(text, encoding="utf-8")
