"""RouteLLM's protocol on its own outcomes: MT-Bench, MMLU, GSM8K, decontaminated.

One configuration for all sets: without labels the rule ``default`` (and ``cascade`` where the weak model's answers are
there), with labels a combined router trained on some of the rows and scored on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liebig.errors import InputError
from liebig.reading import is_file, read_csv
from liebig.route.learn.calibrate import losses_of
from liebig.route.learn.data import Labelled
from liebig.route.learn.evaluate import curve_of, interval_of_known, oracle_order, summary
from liebig.route.request import Answer, Request
from liebig.route.router import train_router
from liebig.route.rules import need_by_rule

__all__ = ["LABELS", "read_outcomes", "run_suite"]

#: Labels that a learned router gets, by set, as published results do.
LABELS = {"mmlu": (300, 1531), "gsm8k": (131, 653)}
#: Random splits that a learned router is averaged over.
SPLITS = 10


def read_outcomes(folder: str | Path) -> dict[str, Labelled]:
    """Outcomes by set, without contaminated rows.

    Raises:
        InputError: no file of outcomes, or one without the columns.
    """
    folder = Path(folder)
    path = folder if is_file(folder) else folder / "routellm_outcomes.csv.gz"
    if not is_file(path) and is_file(path.with_suffix("")):
        path = path.with_suffix("")
    rows = read_csv(path, "outcomes (CSV) with benchmark, prompt, weak_score, strong_score")
    needed = {"benchmark", "prompt", "weak_score", "strong_score", "contaminated"}
    if needed - rows[0].keys():
        raise InputError(f"{path}: columns {', '.join(sorted(needed))} are needed")
    kept = [r for r in rows if r["contaminated"] not in ("1", "True", "true")]
    return {
        name: _labelled([r for r in kept if r["benchmark"] == name])
        for name in dict.fromkeys(r["benchmark"] for r in kept)
    }


def _labelled(rows: Sequence[dict[str, str]]) -> Labelled:
    requests = []
    for r in rows:
        answer = r.get("weak_answer") or ""
        requests.append(Request(r["prompt"], answers={"weak": Answer(answer)} if answer.strip() else {}))
    quality = np.array([[float(r["weak_score"]), float(r["strong_score"])] for r in rows])
    unknown = np.full(quality.shape, np.nan)
    return Labelled(("weak", "strong"), tuple(requests), quality, unknown, unknown)


def run_suite(
    folder: str | Path, splits: int = SPLITS, draws: int = 200, progress: Callable[[str], None] | None = None
) -> list[dict[str, Any]]:
    """A row per set and router: APGR (exact and by bins), CPT50, CPT80, share at 95 % quality, with 80 % intervals.

    Args:
        folder: with ``routellm_outcomes.csv.gz``.
        splits: of rows into labels and test, for learned routers.
        draws: of the bootstrap.
        progress: called with what is being done.

    Raises:
        InputError: no outcomes.
    """
    out = []
    for name, data in read_outcomes(folder).items():
        w, s = data.quality.T
        looked = all(r.answers for r in data.requests)
        answers = [r.answers.get("weak") for r in data.requests]
        for rule in ("random", "length", "task", "default", *(("cascade",) if looked else ())):
            if progress is not None:
                progress(f"{name}: {rule}")
            score = np.zeros(len(data))  # ties are sent as chance would: the mean over all orders
            if rule != "random":
                score = need_by_rule(rule, data.requests, answers if rule == "cascade" else None)
            out.append({"set": name, "router": rule, "labels": 0, **summary(score, w, s, draws)})
        out.append({"set": name, "router": "oracle", "labels": 0, **summary(oracle_order(w, s), w, s, draws)})
        for labels in LABELS.get(name, ()):
            for looks in ("", *(("weak",) if looked else ())):
                if progress is not None:
                    progress(f"{name}: {labels} labels{', cascade' if looks else ''}")
                out.append({"set": name, **_learned(data, labels, looks, splits)})
    return out


def _learned(data: Labelled, labels: int, looks: str, splits: int) -> dict[str, Any]:
    """Mean over splits; p10 to p90 over splits."""
    if labels >= len(data):
        raise InputError(f"{len(data)} rows; {labels} labels leave none to score on")
    found = []
    for seed in range(splits):
        order = np.random.default_rng(seed).permutation(len(data))
        router, _ = train_router(data.at(order[:labels]), "combined", looks)
        rest = data.at(order[labels:])
        c = curve_of(losses_of(router.score(rest.requests))[:, 0], *rest.quality.T)
        found.append((c.apgr, c.share_at(0.5), c.share_at(0.8), c.share_for_quality(0.95)))
    values = np.array(found)
    names = ("apgr", "cpt50", "cpt80", "share_at_95")
    return {
        "router": "learned cascade" if looks else "learned", "labels": labels, "requests": len(data) - labels,
        "splits": splits, **{n: float(values[:, i].mean()) for i, n in enumerate(names)},
        "intervals": {n: interval_of_known(values[:, i]) for i, n in enumerate(names)},
    }  # fmt: skip
