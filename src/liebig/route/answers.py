"""What an answer shows about itself: sums that do not hold, numbers left unused, hedging, doubt of its tokens.

Looking at the weak model's answer tells more than looking at the prompt, and costs little where the prices of
two models lie far apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liebig.route.request import Answer, Request

__all__ = ["ANSWER_NAMES", "answer_features"]

Array = NDArray[np.float64]

_NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?"
_SUM = re.compile(rf"((?:\(*\$?{_NUMBER}%?\)*\s*[-+*/x×÷]\s*)+\(*\$?{_NUMBER}%?\)*)\s*=\s*\$?\s*({_NUMBER})")
_PLAIN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_HEDGE = re.compile(
    r"\b(?:i (?:am|'m) not (?:sure|certain)|i (?:do not|don't|cannot|can't)|unclear|ambiguous|"
    r"not (?:enough|sufficient)|insufficient|assum(?:e|ing|ption)|probably|possibly|perhaps|maybe|might be|it seems|"
    r"unable to|as an ai|sorry|however|wait|actually|let me (?:re|correct)|mistake|correction)\b",
    re.IGNORECASE,
)
_FINAL = re.compile(r"####|final answer|the answer is|\\boxed|therefore|in total|answer:", re.IGNORECASE)
_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "dozen": 12, "twice": 2, "double": 2, "half": 2, "triple": 3, "third": 3, "quarter": 4,
}  # fmt: skip

#: What ``answer_features`` returns, column by column.
ANSWER_NAMES = (
    "wrong sums", "sums", "unused numbers", "foreign numbers", "hedging", "log words", "log lines", "no conclusion",
    "odd result", "repetition", "cut off", "log numbers", "words per word", "mean surprise", "worst surprise",
    "disagreement", "no logprobs",
)  # fmt: skip


def _sums(text: str) -> list[tuple[float, bool]]:
    """What each sum is said to make, and whether it does.

    >>> _sums("3*60=180 and 180 x 3 = 540, but 12 + 5 = 18")
    [(180.0, True), (540.0, True), (18.0, False)]
    """
    out = []
    for left, right in _SUM.findall(text[:8000]):
        value, second = _value(left), _value(right)
        if value is None or second is None:
            continue
        decimals = len(right.partition(".")[2])
        rounded = max(0.51 * 10.0**-decimals, 5e-3 * abs(value) if decimals else 0.0)
        out.append((second, abs(value - second) <= rounded))
    return out


def _value(text: str) -> float | None:
    """A sum of numbers, without ever running it."""
    found = re.findall(r"\d[\d,]*(?:\.\d+)?|[-+*/x×÷()%]", text.replace("$", ""))
    try:
        value, rest = _terms(found)
    except (ValueError, ZeroDivisionError, OverflowError, IndexError, RecursionError):
        return None
    return value if not rest else None


def _terms(parts: list[str]) -> tuple[float, list[str]]:
    value, parts = _fold_product(parts)
    while parts and parts[0] in "+-":
        sign, (other, rest) = parts[0], _fold_product(parts[1:])
        value, parts = (value + other if sign == "+" else value - other), rest
    return value, parts


def _fold_product(parts: list[str]) -> tuple[float, list[str]]:
    value, parts = _factor(parts)
    while parts and parts[0] in ("*", "/", "x", "×", "÷"):
        sign, (other, rest) = parts[0], _factor(parts[1:])
        value, parts = (value / other if sign in "/÷" else value * other), rest
    return value, parts


def _factor(parts: list[str]) -> tuple[float, list[str]]:
    if parts[0] == "-":
        value, rest = _factor(parts[1:])
        return -value, rest
    if parts[0] == "(":
        value, rest = _terms(parts[1:])
        if rest[0] != ")":
            raise ValueError
        rest = rest[1:]
    else:
        value, rest = float(parts[0].replace(",", "")), parts[1:]
    while rest and rest[0] == "%":
        value, rest = value / 100.0, rest[1:]
    return value, rest


def answer_features(requests: Sequence[Request], answers: Sequence[Answer]) -> Array:
    """Numbers that answers show, shape ``(requests, features)``; their names are ``ANSWER_NAMES``.

    >>> r, a = Request("He eats 3 of 5 apples. How many are left?"), Answer("5 - 3 = 1, so perhaps 1.")
    >>> row = answer_features([r], [a])[0]
    >>> float(row[ANSWER_NAMES.index("wrong sums")]) > 0, float(row[ANSWER_NAMES.index("unused numbers")])
    (True, 0.0)
    """
    return np.array([_row(r, a) for r, a in zip(requests, answers, strict=True)]).reshape(-1, len(ANSWER_NAMES))


def _numbers(text: str) -> set[float]:
    return {float(n.replace(",", "")) for n in _PLAIN.findall(text)}


def _row(request: Request, answer: Answer) -> list[float]:
    text = answer.text
    sums = _sums(text)
    asked, said = _numbers(request.prompt), _numbers(text)
    worded = {float(v) for w, v in _WORDS.items() if re.search(rf"\b{w}\b", request.prompt.lower())}
    unused = len(asked - said) / len(asked) if asked else 0.0
    foreign = said - asked - worded - {second for second, _ in sums} - {0.0, 1.0, 2.0, 100.0}
    words = text.split()
    last = _PLAIN.findall(text.rpartition("####")[2] or text)
    odd = bool(last) and (float(last[-1].replace(",", "")) % 1 != 0)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    repeated = 1.0 - len(set(lines)) / len(lines) if lines else 0.0
    surprise = -np.array(answer.logprobs[:4000]) if answer.logprobs else np.zeros(1)
    return [
        np.log1p(sum(not holds for _, holds in sums)), np.log1p(len(sums)), unused,
        min(len(foreign), 10) / 10.0, np.log1p(len(_HEDGE.findall(text))),
        np.log1p(len(words)), np.log1p(len(lines)), float(not _FINAL.search(text)), float(odd), repeated,
        float(answer.finish == "length" or not text.strip()), np.log1p(len(said)),
        np.log1p(len(words)) - np.log1p(len(request.prompt.split())), float(surprise.mean()),
        float(np.quantile(surprise, 0.95)), _disagreement(answer), float(not answer.logprobs),
    ]  # fmt: skip


def _disagreement(answer: Answer) -> float:
    """Share of further answers that end otherwise."""
    if not answer.samples:
        return 0.0
    ends = [_end(t) for t in (answer.text, *answer.samples)]
    return 1.0 - Counter(ends)[ends[0]] / len(ends)


def _end(text: str) -> str:
    numbers = _PLAIN.findall(text.rpartition("####")[2] or text)
    return numbers[-1].replace(",", "") if numbers else " ".join(text.lower().split()[-12:])
