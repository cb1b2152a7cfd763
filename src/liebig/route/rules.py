"""Routers that need no labels: chance, length, kind of task, and the default that joins what goes with difficulty.

The default was set by reasoning, not by fitting: long questions with many numbers and steps are harder, code and
mathematics lose more by a weak model than writing does, and a choice among options asks for no skill in answering.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liebig.errors import UnknownNameError
from liebig.route.answers import ANSWER_NAMES, answer_features
from liebig.route.features import NAMES, TASKS, features_of, task_of
from liebig.route.request import Answer, Request

__all__ = ["RULES", "doubt_of_answers", "need_by_rule", "need_of"]

Array = NDArray[np.float64]
#: Names of built-in routers.
RULES = ("default", "cascade", "length", "task", "random", "strong", "weak")
#: How much more a strong model is needed, by kind of task.
_TASK = {"code": 1.0, "maths": 1.0, "reasoning": 0.6, "knowledge": 0.0, "extraction": -0.3, "writing": -0.6}
#: Weight of what is counted.
_COUNTED = {"log sentences": 0.5, "log numbers": 0.5, "steps": 0.5, "hard words": 0.25}
#: Doubt that each trait of an answer casts on it.
_DOUBT = {
    "wrong sums": 2.0, "unused numbers": 1.5, "odd result": 1.0, "no conclusion": 1.0, "hedging": 0.5,
    "repetition": 1.0, "foreign numbers": 1.0, "cut off": 2.0, "log words": 0.5, "log numbers": 0.5,
    "worst surprise": 0.5, "disagreement": 3.0,
}  # fmt: skip


def need_of(requests: Sequence[Request], features: Array | None = None) -> Array:
    """How much the default rule thinks a strong model is needed, shape ``(requests,)``; larger is more.

    >>> hard, easy = need_of([Request("Prove that 3 divides n^3 - n for every n; what is 7^100 modulo 5?"),
    ...                       Request("Write a short birthday greeting.")])
    >>> bool(hard > easy)
    True
    """
    f = features_of(requests) if features is None else features
    tasks = f[:, [NAMES.index(t) for t in TASKS]]
    exam = f[:, NAMES.index("options")] >= np.log1p(2.5)
    bias = np.where(exam, 0.0, tasks @ np.array([_TASK[t] for t in TASKS]))
    # the length of an open request is often that of a text it comes with
    length = np.where(exam | (tasks[:, TASKS.index("maths")] > 0), 1.0, 0.5) * f[:, NAMES.index("log words")]
    return length + bias + sum(w * f[:, NAMES.index(n)] for n, w in _COUNTED.items())


def doubt_of_answers(requests: Sequence[Request], answers: Sequence[Answer], features: Array | None = None) -> Array:
    """How doubtful answers look, shape ``(requests,)``; larger is more.

    >>> r = Request("He eats 3 of 5 apples. How many are left?")
    >>> good, bad = doubt_of_answers([r, r], [Answer("5 - 3 = 2, so the answer is 2."), Answer("5 + 3 = 7 apples")])
    >>> bool(bad > good)
    True
    """
    a = answer_features(requests, answers) if features is None else features
    out = np.zeros(len(a))
    for name, weight in _DOUBT.items():
        column = a[:, ANSWER_NAMES.index(name)]
        out += weight * (column > 0 if name == "wrong sums" else column)
    return out


def _hash(text: str) -> float:
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def need_by_rule(rule: str, requests: Sequence[Request], answers: Sequence[Answer | None] | None = None) -> Array:
    """How much a strong model is needed by a built-in rule, shape ``(requests,)``.

    Raises:
        UnknownNameError: no such rule.

    >>> need_by_rule("length", [Request("a b c"), Request("a")]).tolist()
    [3.0, 1.0]
    """
    if rule not in RULES:
        raise UnknownNameError("router", rule, RULES)
    if rule == "length":
        return np.array([float(len(r.text.split())) for r in requests])
    if rule == "task":
        return np.array([_TASK[task_of(r.prompt)] for r in requests])
    if rule == "random":  # the same request always goes the same way
        return np.array([_hash(r.text) for r in requests])
    if rule in ("strong", "weak"):
        return np.full(len(requests), np.inf if rule == "strong" else -np.inf)
    need = need_of(requests)
    if rule == "default" or answers is None:
        return need
    known = [i for i, a in enumerate(answers) if a is not None]
    out = need.copy()
    if known:
        doubt = doubt_of_answers([requests[i] for i in known], [a for a in answers if a is not None])
        out[known] = doubt + 0.3 * need[known]
    return out
