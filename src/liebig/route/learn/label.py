"""Which prompts to label, so that few labels teach most; and labels by a judge model.

Half of the draw goes to prompts that the router is least sure about, half to prompts that are unlike those already
taken, so that no corner of the traffic stays dark.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from liebig.errors import InputError, LiebigError
from liebig.route.embed import embed
from liebig.route.learn.calibrate import losses_of
from liebig.route.request import Request
from liebig.route.router import LearnedRouter, RuleRouter

__all__ = ["JudgeError", "ask_judge", "most_informative", "read_verdict"]

_RULES = (
    "You compare two answers to the same request. Judge whether they are right, complete and follow the instructions; "
    "length and style do not count. Reply with one line of JSON: "
    '{"a": grade, "b": grade}, grades from 0 (useless) to 1 (nothing to add).'
)


class JudgeError(LiebigError):
    """A judge that cannot be reached or does not answer as asked."""


def most_informative(
    requests: Sequence[Request], count: int, router: RuleRouter | LearnedRouter | None = None, seed: int = 0
) -> list[int]:
    """Places of the requests to label first.

    Args:
        requests: unlabelled.
        count: how many.
        router: whose doubt is asked; without one only variety counts.
        seed: of the first pick.

    Raises:
        InputError: fewer than one, or nothing to draw from.

    >>> most_informative([Request("a cat"), Request("a cat!"), Request("integrate x^2 from 0 to 3")], 2)[-1]
    2
    """
    if count < 1 or not requests:
        raise InputError(f"{count} of {len(requests)} prompts; expected at least one of at least one")
    places = embed([r.prompt for r in requests])
    doubt = np.zeros(len(requests))
    if router is not None and not router.looks_at:
        loss = losses_of(router.score(requests))[:, 0]
        rank = np.argsort(np.argsort(loss)) / max(len(loss) - 1, 1)
        doubt = 1.0 - 2.0 * np.abs(rank - 0.5)
    nearest = np.full(len(requests), -1.0)
    taken: list[int] = []
    rng = np.random.default_rng(seed)
    gain = doubt + 1e-6 * rng.random(len(requests))
    for _ in range(min(count, len(requests))):
        worth = gain + (1.0 - nearest)
        worth[taken] = -np.inf
        pick = int(np.argmax(worth))
        taken.append(pick)
        nearest = np.maximum(nearest, places @ places[pick])
    return sorted(taken)


def ask_judge(
    url: str,
    model: str,
    request: Request,
    answers: tuple[str, str],
    key: str = "",
    timeout_s: float = 60.0,
    post: Callable[[str, bytes, Mapping[str, str], float], bytes] | None = None,
) -> tuple[float, float]:
    """Grades of two answers by a judge model behind an OpenAI-compatible server, each way round and averaged.

    A judge prefers what stands first; asking both ways takes that out.

    Raises:
        JudgeError: the server cannot be reached, or its answer has no grades.
    """
    send = post or _post
    grades = []
    for first, second in ((0, 1), (1, 0)):
        asked = f"# Request\n{request.text}\n\n# Answer a\n{answers[first]}\n\n# Answer b\n{answers[second]}"
        body = {
            "model": model, "temperature": 0,
            "messages": [{"role": "system", "content": _RULES}, {"role": "user", "content": asked}],
        }  # fmt: skip
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        reply = send(f"{url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers, timeout_s)
        a, b = read_verdict(reply)
        grades.append((a, b) if first == 0 else (b, a))
    (a1, b1), (a2, b2) = grades
    return (a1 + a2) / 2.0, (b1 + b2) / 2.0


def read_verdict(reply: bytes) -> tuple[float, float]:
    r"""Grades from the answer of a server.

    Raises:
        JudgeError: there are none.

    >>> read_verdict(b'{"choices": [{"message": {"content": "Grades: {\\"a\\": 1, \\"b\\": 0.5}"}}]}')
    (1.0, 0.5)
    """
    try:
        text = str(json.loads(reply)["choices"][0]["message"]["content"])
        found = re.search(r"\{[^{}]*\}", text)
        verdict: dict[str, Any] = json.loads(found.group(0)) if found else {}
        a, b = float(verdict["a"]), float(verdict["b"])
    except (ValueError, KeyError, IndexError, TypeError):
        raise JudgeError(f"the judge's answer has no grades: {reply[:200]!r}") from None
    if not (0.0 <= a <= 1.0 and 0.0 <= b <= 1.0):
        raise JudgeError(f"the judge's grades {a:g} and {b:g} lie outside 0 to 1")
    return a, b


def _post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise JudgeError(f"{url}: expected http:// or https://")
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, dict(headers)), timeout=timeout_s) as answer:
            return bytes(answer.read(2_000_000))
    except urllib.error.HTTPError as error:
        raise JudgeError(f"{url}: answered {error.code}") from None
    except (OSError, ValueError) as error:
        raise JudgeError(f"{url}: cannot be reached ({error})") from None
