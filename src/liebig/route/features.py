"""What a prompt shows on its face: length, numbers, steps, code, mathematics, kind of task.

Chosen because they are known to go with difficulty, and cheap: no model is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log1p

import numpy as np
from numpy.typing import NDArray

from liebig.route.request import Request

__all__ = ["NAMES", "TASKS", "features_of", "task_of"]

Array = NDArray[np.float64]

_WORDS = re.compile(r"[a-z]+(?:'[a-z]+)?")
_NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCES = re.compile(r"[.!?](?:\s|$)")
_OPTIONS = re.compile(r"^\s*\(?[A-Ja-j1-9][.):]\s", re.MULTILINE)
_LATEX = re.compile(r"[$^∫∑√≤≥πθ]|\\[a-zA-Z]|_\{")
_LINES_OF_CODE = re.compile(r"[{};][ \t]*$|```|\bdef \w+\(|\bclass \w+[:(]", re.MULTILINE)

#: Words that tell of a trait, looked up one by one: much quicker than patterns.
_TELLING = {
    "code": """
        python javascript typescript java rust golang sql regex html css bash algorithm algorithms function
        functions program programs programming code compile compiler compiles recursion recursive debug api
        unittest pytest array linked bug script json stack queue heap class methods
    """,
    "maths": """
        solve prove proof theorem equation equations integral derivative probability calculate compute
        evaluate remainder triangle polynomial matrix vector percent ratio average area volume inequality
        factor factorial factors divisible prime primes modulo radius perimeter sum product difference
    """,
    "steps": """
        each every per twice thrice half double triple third quarter times total altogether remaining left
        rest fewer then after before if unless until while because therefore both neither respectively more
        less
    """,
    "reasoning": """
        why reason reasoning explain deduce infer conclude logic logical logically puzzle riddle cause
        compare contrast argue argument evidence assume assumption assumptions hypothesis hypotheses
        strategy plan tradeoff
    """,
    "writing": """
        write compose draft poem story essay blog email letter song lyrics haiku headline slogan imagine
        pretend roleplay persona character tone rewrite paraphrase creative speech advertisement advertising
        travel
    """,
    "extraction": """
        extract summarize summarise summary translate classify categorize categorise sentiment json csv
        table bullet rate rating label identify list
    """,
    "hard words": """
        except not false incorrect least cannot never without neither optimal minimize minimise maximize
        maximise design derive complexity efficient rigorous constraint constraints
    """,
    "counts": """
        one two three four five six seven eight nine ten twelve dozen twice thrice half double triple third
        quarter hundred
    """,
}
_PHRASES = {
    "code": ("c++", "data structure", "time complexity", "unit test", "stack trace"),
    "maths": ("how many", "how much", "expected value", "per cent"),
    "steps": ("at least", "at most"),
    "reasoning": ("which of the following", "must be true", "step by step", "who is"),
    "writing": ("act as", "you are now", "e-mail", "role-play"),
    "extraction": ("according to the", "given the following", "key points", "find all"),
}
_TRAITS = tuple(_TELLING)
_OF_WORD: dict[str, tuple[str, ...]] = {}
for _trait, _list in _TELLING.items():
    for _word in _list.split():
        _OF_WORD[_word] = (*_OF_WORD.get(_word, ()), _trait)


def _counts(lower: str, words: list[str]) -> dict[str, int]:
    """How often each trait is told of."""
    out = dict.fromkeys(_TRAITS, 0)
    for word in words:
        for trait in _OF_WORD.get(word, ()):
            out[trait] += 1
    for trait, phrases in _PHRASES.items():
        out[trait] += sum(lower.count(p) for p in phrases)
    return out


#: Kinds of task, with the pattern that tells them, in the order in which the rule looks.
TASKS = ("code", "maths", "extraction", "writing", "reasoning", "knowledge")

#: What ``features_of`` returns, column by column.
NAMES = (
    "log characters", "log words", "log sentences", "mean word", "long words", "numbers", "log numbers", "options",
    "latex", "code words", "maths words", "steps", "reasoning words", "writing words",
    "extraction words", "hard words", "questions", "capitals",
    "log turns", "log system", "tools", "structured", "log answer", "log lines", *TASKS,
)  # fmt: skip


def task_of(prompt: str) -> str:
    """Kind of task by plain rules.

    >>> [task_of(p) for p in ("Write a python function that sorts.", "How many apples are left if he eats 3 of 5?",
    ...                       "Write a poem about rain.", "Who wrote Faust?")]
    ['code', 'maths', 'writing', 'knowledge']
    """
    lower = prompt[:4000].lower()
    return _task(lower, _counts(lower, _WORDS.findall(lower)), len(_NUMBERS.findall(lower)))


def _task(lower: str, counts: dict[str, int], numbers: int) -> str:
    code = counts["code"] + 2 * bool(_LINES_OF_CODE.search(lower))
    maths = counts["maths"] + 2 * bool(_LATEX.search(lower))
    numbers += counts["counts"]
    if code >= 2 and code > maths:
        return "code"
    if maths >= 2 or (maths and numbers >= 2) or (numbers >= 3 and "?" in lower):
        return "maths"
    if counts["writing"] or counts["extraction"]:
        return "extraction" if counts["extraction"] > counts["writing"] else "writing"
    return "reasoning" if counts["reasoning"] or counts["steps"] >= 4 else "knowledge"


def features_of(requests: Sequence[Request]) -> Array:
    """Numbers that prompts show, shape ``(requests, features)``; their names are ``NAMES``.

    >>> row = features_of([Request("How many apples are left if he eats 3 of 5?")])[0]
    >>> round(float(row[NAMES.index("numbers")]), 3), row.size == len(NAMES)
    (0.222, True)
    """
    return np.array([_row(r) for r in requests]).reshape(-1, len(NAMES))


def _row(r: Request) -> list[float]:
    text = r.prompt
    lower = text.lower()
    words = _WORDS.findall(lower)
    count = max(len(words), 1)
    counts = _counts(lower, words)
    digits = len(_NUMBERS.findall(lower))
    numbers = digits + counts["counts"]
    capitals = sum(map(str.isupper, text))
    traits = [
        len(_LATEX.findall(text)), counts["code"] + 2 * len(_LINES_OF_CODE.findall(text)), counts["maths"],
        counts["steps"], counts["reasoning"], counts["writing"], counts["extraction"], counts["hard words"],
    ]  # fmt: skip
    return [
        log1p(len(text)), log1p(count), log1p(len(_SENTENCES.findall(text))),
        sum(map(len, words)) / count, sum(len(w) >= 9 for w in words) / count,
        min(numbers / count, 1.0), log1p(numbers), log1p(len(_OPTIONS.findall(text))),
        *map(log1p, traits), log1p(text.count("?")), min(capitals / count, 3.0),
        log1p(r.turns - 1), log1p(len(r.system)), float(r.tools), float(r.structured),
        log1p(r.most_tokens or 0), log1p(text.count("\n")),
        *(float(task == kind) for task in (_task(lower[:4000], counts, digits),) for kind in TASKS),
    ]  # fmt: skip
