"""Routing: scores of label-free routers on fixed prompts, thresholds with promises, choices, what routing saved."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from golden.parts import EXAMPLES, flat, levels
from liebig.route import (
    Answer,
    Labelled,
    LearnedRouter,
    Request,
    RuleRouter,
    assess,
    calibrate,
    load_router,
    policy_of,
    read_labelled,
    read_settings,
    target_of,
    train_router,
)
from liebig.route.ledger.records import Row
from liebig.route.request import request_of_chat
from liebig.route.savings.lever import as_lever
from liebig.route.savings.report import report

__all__ = ["learned", "routing"]

RULES = ("default", "cascade", "length", "task", "random")
MODELS = ("small", "medium", "large")
#: USD per million tokens of prompt, cached prompt and completion; Wh and grams of CO2 of a thousand completion tokens.
PRICES = {"small": (0.1, 0.05, 0.4, 2.0, 0.8), "large": (2.5, 1.25, 10.0, 10.0, 4.0)}


def routing() -> dict[str, Any]:
    """Scores and choices on the prompts of ``prompts.jsonl``, thresholds on the example traffic, savings."""
    requests = _requests()
    out: dict[str, Any] = {}
    for rule in RULES:
        scores = load_router(rule, MODELS).score(list(requests.values()))
        out |= {f"score/{name}/{rule}": v for name, v in zip(requests, scores[:, 0], strict=True)}
        if rule == "default":
            out |= {f"score/{name}/default, middle": v for name, v in zip(requests, scores[:, 1], strict=True)}
    policy = policy_of(read_settings(EXAMPLES / "routing" / "gateway.toml"))
    data = read_labelled(EXAMPLES / "routing" / "traffic.jsonl")
    settled = dataclasses.replace(policy, router=calibrate(load_router("default", policy.models), data))
    for target in ("auto", "auto:0.9", "auto:0.99", "auto:$1"):
        for name, request in requests.items():
            for kind, chooser in (("uncalibrated", policy), ("calibrated", settled)):
                out[f"choice/{name}/{target} {kind}"] = chooser.choose(request, target_of(target)).model
    for rule in RULES:
        router = load_router(rule, data.models)
        out |= _of_router(f"calibration/{rule}", router, data)
    return out | _savings()


def learned() -> dict[str, Any]:
    """Routers trained on part of the example traffic: thresholds, assessment and scores of the prompts."""
    data = read_labelled(EXAMPLES / "routing" / "traffic.jsonl")
    requests = {name: r for name, r in _requests().items() if r.text}
    out: dict[str, Any] = {}
    for kind in ("linear", "nearest"):
        router, _ = train_router(data.at(np.arange(240)), kind)
        out |= _of_router(kind, router, data)
        scores = router.score(list(requests.values()))
        out |= {f"{kind}/score/{name}/weak": v for name, v in zip(requests, scores[:, 0], strict=True)}
    return out


def _requests() -> dict[str, Request]:
    """Prompts by name, with the weak model's answer where there is one."""
    out = {}
    for line in (Path(__file__).parent / "prompts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers = {"small": Answer(row["answer"])} if "answer" in row else {}
        out[row["name"]] = dataclasses.replace(request_of_chat(row["body"]), answers=answers)
    return out


def _of_router(name: str, router: RuleRouter | LearnedRouter, data: Labelled) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for found in calibrate(router, data).calibrated:
        values = {"threshold": found.threshold, "weak-share": found.weak_share, "missing": found.missing}
        out |= {f"{name}/promise {found.quality}/{key}": value for key, value in values.items()}
    row = assess(router, data, draws=50, prices=(0.1, 5.0)).rows[0]
    out |= {f"{name}/assessment/{key}": row[key] for key in ("apgr", "cpt50", "cpt80", "share_at_95")}
    return out | levels(f"{name}/calls-saved", row["calls_saved"])


def _savings() -> dict[str, Any]:
    """The report of a thousand calls whose tokens follow a fixed pattern, by model and day, and as a lever."""
    rows = []
    for i in range(1000):
        model = "large" if i % 4 == 0 else "small"
        prompt, completion = 20 + 37 * i % 800, 10 + 53 * i % (600 if model == "large" else 400)
        used = (prompt - prompt // 4 * (i % 3 == 0), prompt // 4 * (i % 3 == 0), completion)
        cost = {m: sum(n * p / 1e6 for n, p in zip(used, prices[:3], strict=True)) for m, prices in PRICES.items()}
        rows.append(
            Row(
                str(i), f"k{i % 2}", 1.7e9 + 1000.0 * i, "chat", "auto", "w", model=model,
                status=200 if i % 50 else 502, score=i * 0.618 % 1.0,
                prompt_tokens=prompt, cached_tokens=used[1], completion_tokens=completion,
                usd=cost[model], wh=PRICES[model][3] * completion / 1e3, g_co2=PRICES[model][4] * completion / 1e3,
                usd_strong=cost["large"], wh_strong=PRICES["large"][3] * completion / 1e3,
                g_co2_strong=PRICES["large"][4] * completion / 1e3,
            )
        )  # fmt: skip
    out: dict[str, Any] = {}
    for item in (*report(rows, "model").items, *report(rows, "day").items, report(rows).total):
        out |= flat(f"savings/{item.group}", {k: v for k, v in item.to_dict().items() if k != "group"})
    found = report(rows, calibration=np.linspace(0.0, 1.0, 400) ** 2)
    assert found.drift is not None
    out |= {"savings/drift/distance": found.drift.distance, "savings/drift/threshold": found.drift.threshold}
    assert found.length_ratio is not None
    lever = as_lever(found)
    out |= levels("savings/length-ratio", found.length_ratio)
    return out | levels("savings/lever", (lever["p10"], lever["p50"], lever["p90"]))
